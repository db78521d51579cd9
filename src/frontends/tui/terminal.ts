import { emitKeypressEvents, type Interface } from 'node:readline';
import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { type Key, type Keypress, keyOf } from './keys.ts';
import type { Place } from './painter.ts';
import { createReplies } from './replies.ts';

/** DEC private modes: 2004 is bracketed paste (xterm control sequences), 25 the cursor (DECTCEM). */
const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';
/** How long an Escape may still turn out to be the start of a sequence, in milliseconds; Node's own 500 feel dead. */
const ESCAPE_TIMEOUT = 50;
const CURSOR_ON = '\u001b[?25h';
const CTRL_C = '\u0003';

export interface Terminal {
  /** Asks the terminal where the cursor is, which must be in the first column; undefined where it does not answer. */
  locate(): Promise<Place | undefined>;
  /** Gives the terminal back as it was. Safe to call twice. */
  release(): void;
  /** Ctrl+Z: gives the terminal back, stops this process, and takes the terminal again when it continues. */
  suspend(): void;
}

export interface TerminalOptions {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  onKey(key: Key): void;
  /** The input has ended: nobody can answer any more. */
  onEnd(): void;
  /** Everything must be painted anew. */
  onResume(): void;
}

/**
 * Takes the terminal: raw keys, pastes as one key each. A paste is told from typing by the terminal's own brackets or,
 * where it has none, by a line break that arrives together with other text: that is never a person pressing Enter.
 */
export function takeTerminal({ input, output, onKey, onEnd, onResume }: TerminalOptions): Terminal {
  let pasted: string | undefined;
  let isBulk = false;
  let bulk = '';
  let bulkEnd: NodeJS.Immediate | undefined;
  let isHeld = false;

  const decoder = new StringDecoder('utf8');
  const replies = createReplies((text) => void output.write(text));
  /** What is left when the terminal's own answers are taken out. */
  const keys = new Readable({ read() {} });
  const flush = () => {
    clearImmediate(bulkEnd);
    const text = bulk;
    bulk = '';
    if (text === '') return;
    onKey({ name: 'paste', text });
    // Stopping must always work, also behind lines that were typed ahead.
    if (text.includes(CTRL_C)) onKey({ name: 'ctrl+c', text: '' });
  };
  const onData = (chunk: Buffer | string) => {
    const text = replies.without(decoder.write(chunk as Buffer));
    if (text === '') return;
    // Escape sequences of keys come in one chunk with a line break, too, when both keys were pressed at once.
    const written = stripVTControlCharacters(text);
    const goesOn = bulk !== '' && text === written && text !== CTRL_C;
    // A key or two and Enter, which a slow line has brought together, are still a person's.
    const isTyped =
      /^[^\r\n]*\r[^\r\n]*$/.test(written) &&
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control keys are no text
      written.replace(/[\u0000-\u001f\u007f]/g, '').length <= 2;
    const begins = written.length > 1 && /[\r\n]/.test(written) && !isTyped;
    const hasBrackets = text.includes('\u001b[200~') || text.includes('\u001b[201~');
    isBulk = pasted === undefined && !hasBrackets && (goesOn || begins);
    if (isBulk) {
      bulk += text;
      // Several reads of the terminal can come before anything else runs: they are one paste.
      clearImmediate(bulkEnd);
      bulkEnd = setImmediate(flush);
    } else flush();
    keys.emit('data', text);
  };
  const onKeypress = (text: string | undefined, press: Keypress) => {
    if (isBulk) return;
    if (press.name === 'paste-start') {
      pasted = '';
      return;
    }
    if (press.name === 'paste-end') {
      const whole = pasted ?? '';
      pasted = undefined;
      onKey({ name: 'paste', text: whole });
      return;
    }
    if (pasted !== undefined) pasted += text ?? press.sequence ?? '';
    else onKey(keyOf(text, press));
  };
  // The last chance to give the terminal back, whatever ends the process.
  const onExit = () => release();
  const take = () => {
    if (isHeld) return;
    isHeld = true;
    input.setRawMode(true);
    input.resume();
    output.write(PASTE_ON);
  };
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    // The other end may be gone (an SSH connection that was cut): then there is nothing to give back.
    try {
      input.setRawMode(false);
      output.write(PASTE_OFF + CURSOR_ON);
    } catch {}
    input.pause();
  };
  let awake: NodeJS.Timeout | undefined;
  const onContinue = () => {
    clearInterval(awake);
    take();
    onResume();
  };

  input.on('data', onData);
  emitKeypressEvents(keys, { escapeCodeTimeout: ESCAPE_TIMEOUT } as unknown as Interface);
  keys.on('keypress', onKeypress);
  input.on('end', onEnd);
  // A terminal that hangs up: reads fail from then on.
  input.on('error', onEnd);
  process.on('exit', onExit);
  take();
  return {
    locate: replies.locate,
    release() {
      clearImmediate(bulkEnd);
      clearInterval(awake);
      process.off('SIGCONT', onContinue);
      input.off('data', onData);
      keys.off('keypress', onKeypress);
      input.off('end', onEnd);
      process.off('exit', onExit);
      release();
    },
    suspend() {
      release();
      // With the input paused nothing else may be pending: without this the process would end instead of going on.
      awake = setInterval(() => {}, 1 << 30);
      process.once('SIGCONT', onContinue);
      process.kill(process.pid, 'SIGTSTP');
    },
  };
}
