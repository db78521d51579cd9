import type { PersonOptions } from '../person.ts';
import { AppendOnly } from './append-only.ts';
import { Keys } from './keys.ts';
import { columnsOf, paragraph, plain } from './speech.ts';

/** The conversation is over: cancelled by a key, a signal or the end of the input. */
class Over extends Error {}

/** Sentences out, lines in: all that the other parts know of a terminal. */
export interface Terminal {
  /** Prints one wrapped paragraph. */
  say(text: string, indent?: number): void;
  /** Prints lines exactly, but for escape sequences. */
  show(lines: readonly string[], indent?: number): void;
  gap(): void;
  /** True while the operator holds the conversation. */
  isConversing(): boolean;
  /** One line that was typed, without blanks around it. Only inside of `talk`. */
  read(message: string): Promise<string>;
  /** One line that is never echoed, exactly as typed. Only inside of `talk`. */
  readHidden(message: string): Promise<string>;
  /** Holds the keyboard while `talk` runs; `over` is the answer when the conversation is cancelled. */
  converse<T>(talk: () => Promise<T>, over: T): Promise<T>;
}

/** No mark before a message, nothing in place of a hidden line. */
const THEME = { prefix: '' };
const HIDDEN = { ...THEME, style: { maskedText: '' } };

export function createTerminal(options: PersonOptions): Terminal {
  const { style, input, output } = options;
  const write = (text: string) => void output.write(text);
  let keys: Keys | undefined;
  let current: { shown: AppendOnly; stop: AbortController } | undefined;

  const print = (text: string) => write(`${plain(text, style.unicode)}\n`);
  const say = (text: string, indent = 0) => print(paragraph(plain(text, true), columnsOf(style), indent));

  async function prompt(kind: 'input' | 'password', message: string): Promise<string> {
    if (!keys || options.signal.aborted) throw new Over();
    // Not loaded before somebody is asked something.
    const inquirer = await import('./inquirer.ts');
    if (options.signal.aborted) throw new Over();
    const stop = new AbortController();
    const width = output.columns || 80;
    const shown = new AppendOnly(plain(message, style.unicode), write, style.unicode, width);
    const onAbort = () => stop.abort();
    options.signal.addEventListener('abort', onAbort);
    current = { shown, stop };
    const context = { input: keys.open(), output: shown, signal: stop.signal };
    try {
      return kind === 'input'
        ? (await inquirer.input({ message, theme: THEME }, context)).trim()
        : await inquirer.password({ message, theme: HIDDEN, toggleMask: false }, context);
    } catch (error) {
      if (stop.signal.aborted || (error instanceof Error && error.name === 'ExitPromptError'))
        throw new Over();
      throw error;
    } finally {
      options.signal.removeEventListener('abort', onAbort);
      current = undefined;
      keys?.shut();
    }
  }

  return {
    say,
    show: (lines, indent = 0) => {
      for (const line of lines.flatMap((l) => l.split('\n'))) print(' '.repeat(indent) + line);
    },
    gap: () => write('\n'),
    isConversing: () => keys !== undefined,
    read: (message) => prompt('input', message),
    readHidden: (message) => prompt('password', message),
    async converse(talk, over) {
      if (options.signal.aborted) return over;
      const cancel = () => {
        options.cancel();
        current?.stop.abort();
      };
      keys = new Keys(input, {
        cancel,
        pasted: () =>
          current?.shown.interrupt('More than one line was pasted; only the first is kept. Enter takes it.'),
      });
      try {
        if (input.readableEnded || input.destroyed) {
          cancel();
          return over;
        }
        return await talk();
      } catch (error) {
        if (!(error instanceof Over)) throw error;
        options.cancel();
        return over;
      } finally {
        keys.close();
        keys = undefined;
      }
    },
  };
}
