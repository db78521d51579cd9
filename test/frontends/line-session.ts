/** Starts the toy run in a real pseudo-terminal and talks to it: text is waited for, never time. */
import { readFile } from 'node:fs/promises';
import { type IPty, spawn } from '@lydell/node-pty';

export interface Answered {
  readonly exit: number;
  readonly replies: readonly (readonly [string, Record<string, unknown>])[];
  readonly cancelled: boolean;
  readonly idle: { readonly paused: boolean; readonly raw: boolean; readonly listeners: number };
}

export class Session {
  /** All bytes so far, as Latin-1 so that escape bytes can be counted. */
  bytes = '';
  readonly #pty: IPty;
  readonly #out: string;
  readonly #ended: Promise<number>;
  #seen = 0;
  #wake: () => void = () => {};
  #isOver = false;

  constructor(driver: string, env: Record<string, string> = {}, columns = 80) {
    this.#out = `${driver}.${Math.random().toString(36).slice(2)}.json`;
    this.#pty = spawn(process.execPath, [driver, this.#out], {
      name: 'xterm-256color',
      cols: columns,
      rows: 24,
      env: { PATH: process.env.PATH ?? '', HOME: '/nowhere', LC_ALL: 'C.UTF-8', FORCE_COLOR: '1', ...env },
      encoding: null,
    });
    this.#pty.onData((data) => {
      this.bytes += Buffer.from(data as unknown as Uint8Array).toString('latin1');
      this.#wake();
    });
    this.#ended = new Promise((done) => {
      this.#pty.onExit(({ exitCode }) => {
        this.#isOver = true;
        this.#wake();
        done(exitCode);
      });
    });
  }

  /** What was printed, with the terminal's line ends made ours. */
  get text(): string {
    return Buffer.from(this.bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
  }

  /** Waits until the text is printed after everything that was waited for before. */
  async until(text: string): Promise<void> {
    for (;;) {
      const at = this.text.indexOf(text, this.#seen);
      if (at >= 0) {
        this.#seen = at + text.length;
        return;
      }
      if (this.#isOver) throw new Error(`ended without ${JSON.stringify(text)}:\n${this.text}`);
      await new Promise<void>((wake, fail) => {
        const timer = setTimeout(() => fail(new Error(`no ${JSON.stringify(text)} in:\n${this.text}`)), 8000);
        this.#wake = () => {
          clearTimeout(timer);
          wake();
        };
      });
    }
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  /** Answers the next prompts, each once it is there: pairs of the prompt's text and what is typed. */
  async answer(...pairs: readonly (readonly [prompt: string, line: string])[]): Promise<void> {
    for (const [prompt, line] of pairs) {
      await this.until(prompt);
      this.type(`${line}\r`);
    }
  }

  hangUp(): void {
    this.#pty.kill('SIGHUP');
  }

  async end(): Promise<Answered & { readonly code: number }> {
    const code = await this.#ended;
    return { ...(JSON.parse(await readFile(this.#out, 'utf8')) as Answered), code };
  }
}
