import { PassThrough } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Milliseconds without a further byte after which Enter was a key and not a line break inside of a paste. */
const QUIET = 40;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the bytes that keys and pastes send
const SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|O[ -~]|[^[\]O])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the beginning of one, cut off at the end of a chunk
const UNFINISHED = /\u001b(?:\[[0-?]*[ -/]*|O)$/;
/** Backspace twice over, line kill and word kill are the only control characters that edit here. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: see above
const UNWANTED = /[^\P{Cc}\b\u007f\u0015\u0017]|[\p{Cf}\u2028\u2029]/gu;

export interface KeysHandler {
  /** Ctrl+C, Ctrl+D or the end of the input. */
  cancel(): void;
  /** More than one line came at once; the first is on the prompt's line, the rest is dropped. */
  pasted(): void;
}

/**
 * The keys of one conversation, cleaned before Inquirer sees them: no arrow keys (a moved cursor cannot be heard), no
 * control characters, and of a paste the first line only, which Enter has yet to confirm. What is typed while no prompt
 * is open is dropped, so that nothing is agreed to by accident.
 */
export class Keys {
  readonly #input: NodeJS.ReadStream;
  readonly #handler: KeysHandler;
  readonly #decoder = new StringDecoder('utf8');
  #unfinished = '';
  #prompt: PassThrough | undefined;
  /** Runs while an Enter may turn out to be a part of a paste. */
  #enter: NodeJS.Timeout | undefined;
  #isPaste = false;

  constructor(input: NodeJS.ReadStream, handler: KeysHandler) {
    this.#input = input;
    this.#handler = handler;
    // Read by us: nobody else echoes, which a password needs also between its two prompts.
    if (input.isTTY) input.setRawMode(true);
    input.on('data', this.#onData);
    input.on('end', this.#onEnd);
    input.on('close', this.#onEnd);
    input.resume();
  }

  /** The cleaned keys for one prompt. */
  open(): NodeJS.ReadableStream {
    this.shut();
    this.#prompt = new PassThrough();
    return this.#prompt;
  }

  /** The prompt is answered: what comes now is not for it. */
  shut(): void {
    clearTimeout(this.#enter);
    this.#enter = undefined;
    this.#isPaste = false;
    this.#prompt = undefined;
  }

  close(): void {
    this.shut();
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#onEnd);
    this.#input.off('close', this.#onEnd);
    if (this.#input.isTTY && !this.#input.destroyed) this.#input.setRawMode(false);
    this.#input.pause();
  }

  readonly #onEnd = (): void => this.#handler.cancel();

  readonly #onData = (chunk: Buffer | string): void => {
    const text = typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
    // At the end only: in the middle it is a byte of a paste.
    const isOver = text.endsWith('\u0003') || text.endsWith('\u0004');
    if (isOver) this.#handler.cancel();
    const whole = this.#unfinished + text;
    this.#unfinished = UNFINISHED.exec(whole)?.[0] ?? '';
    const keys = whole.slice(0, whole.length - this.#unfinished.length).replace(SEQUENCE, '');
    if (!this.#prompt || isOver || keys === '') return;
    if (this.#enter) {
      this.#after(keys);
      return;
    }
    const [first = '', ...rest] = keys.split(/\r\n|\r|\n/);
    this.#prompt.write(first.replaceAll('\t', ' ').replace(UNWANTED, ''));
    if (rest.length > 0) this.#after(rest.join('\n'));
  };

  /** Something came right after Enter: text makes it a paste, a second Enter does not. */
  #after(keys: string): void {
    if (keys.replace(UNWANTED, '').trim() !== '') this.#isPaste = true;
    clearTimeout(this.#enter);
    this.#enter = setTimeout(() => {
      this.#enter = undefined;
      if (this.#isPaste) this.#handler.pasted();
      else this.#prompt?.write('\r');
      this.#isPaste = false;
    }, QUIET);
  }
}
