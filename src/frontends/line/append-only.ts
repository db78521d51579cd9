import { Writable } from 'node:stream';
import { plain } from './speech.ts';

/**
 * Stands between Inquirer and the terminal. Inquirer repaints its line on every key, also where TERM is dumb; this
 * writes what the repaint added and nothing else. What was written stays: a shortened line is erased with backspaces as
 * a terminal's own line editing does, and any other change is written again on a new line. No escape sequence passes.
 */
export class AppendOnly extends Writable {
  /** Read by Inquirer: it must not break the line, because a break would be taken for a change of it. */
  readonly columns = 1_000_000;
  readonly #message: string;
  readonly #write: (text: string) => void;
  readonly #unicode: boolean;
  readonly #width: number;
  #shown = '';

  /** @param width where the real terminal breaks a line: backspaces do not reach above it */
  constructor(message: string, write: (text: string) => void, unicode: boolean, width: number) {
    super({ decodeStrings: false });
    this.#message = message;
    this.#write = write;
    this.#unicode = unicode;
    this.#width = width;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const text = plain(chunk.toString(), this.#unicode);
    // Inquirer ends a prompt with a bare line break.
    if (text === '\n') this.#write('\n');
    else if (text !== '') this.#paint(text.replaceAll('\n', '').replace(/^ /, ''));
    done();
  }

  /** Says something in the middle of typing, then repeats the line as far as it was typed. */
  interrupt(text: string): void {
    this.#write(`\n${text}\n${this.#shown}`);
  }

  #paint(text: string): void {
    // Inquirer trims the blank after the message.
    const line = text.length <= this.#message.length ? `${this.#message} ` : text;
    const before = this.#shown;
    this.#shown = line;
    if (line.startsWith(before)) {
      this.#write(line.slice(before.length));
      return;
    }
    const gone = before.slice(line.length);
    const isErasable = before.startsWith(line) && /^[ -~]*$/.test(gone) && before.length < this.#width;
    this.#write(isErasable ? '\b \b'.repeat(gone.length) : `\n${line}`);
  }
}
