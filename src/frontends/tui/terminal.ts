import { emitKeypressEvents, type Interface } from 'node:readline';
import { type Key, type Keypress, keyOf } from './keys.ts';

/** DEC private modes: 2004 is bracketed paste (xterm control sequences), 25 the cursor (DECTCEM). */
const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';
/** How long an Escape may still turn out to be the start of a sequence, in milliseconds; Node's own 500 feel dead. */
const ESCAPE_TIMEOUT = 50;
const CURSOR_ON = '\u001b[?25h';

export interface Terminal {
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
  let isHeld = false;

  const onData = (chunk: Buffer | string) => {
    const text = chunk.toString();
    // Escape sequences come in one chunk too, but hold no line break.
    isBulk = pasted === undefined && text.length > 1 && /[\r\n]/.test(text) && !text.includes('\u001b');
    if (!isBulk) return;
    bulk = text;
    setImmediate(() => {
      isBulk = false;
      onKey({ name: 'paste', text: bulk });
    });
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
  const onContinue = () => {
    take();
    onResume();
  };

  input.prependListener('data', onData);
  emitKeypressEvents(input, { escapeCodeTimeout: ESCAPE_TIMEOUT } as unknown as Interface);
  input.on('keypress', onKeypress);
  input.on('end', onEnd);
  // A terminal that hangs up: reads fail from then on.
  input.on('error', onEnd);
  process.on('exit', onExit);
  take();
  return {
    release() {
      input.off('data', onData);
      input.off('keypress', onKeypress);
      input.off('end', onEnd);
      process.off('exit', onExit);
      release();
    },
    suspend() {
      release();
      process.once('SIGCONT', onContinue);
      process.kill(process.pid, 'SIGTSTP');
    },
  };
}
