/** What must hold of the screen after any resize, on terminals of several kinds. */
import { expect } from 'vitest';
import { Terminal, type TerminalOptions } from '../terminal/terminal.ts';
import { Tmux } from '../terminal/tmux.ts';

/** What a test needs of a terminal that a program runs in. */
export interface Screen {
  screen(): Promise<string>;
  scrollback(): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
  /** Rejects with what `fits` threw last when it still throws after some seconds. */
  until(fits: (screen: string, scrollback: string) => void): Promise<void>;
  /** Resolves when the terminal has been left alone for a while. */
  quiet(): Promise<void>;
  type(text: string): Promise<void>;
  signal(name: NodeJS.Signals): Promise<void>;
  close(): Promise<void>;
}

export type Open = (argv: readonly string[], columns: number, rows: number) => Promise<Screen>;

const WHILE = 150;

const inTmux: Open = async (argv, columns, rows) => {
  const tmux = await Tmux.start(argv, { columns, rows });
  return {
    screen: () => tmux.screen(),
    scrollback: () => tmux.scrollback(),
    resize: (c, r) => tmux.resize(c, r),
    until: (fits) => tmux.until(fits),
    quiet: () => tmux.quiet(WHILE),
    type: (text) => tmux.type(text),
    signal: async (name) => void process.kill(await tmux.pid(), name),
    close: () => tmux.close(),
  };
};

const emulated =
  (kind: TerminalOptions['kind'] & string): Open =>
  async (argv, columns, rows) => {
    const terminal = Terminal.start(argv, { columns, rows, kind });
    return {
      screen: async () => terminal.screen(),
      scrollback: async () => terminal.scrollback(),
      resize: async (c, r) => terminal.resize(c, r),
      async until(fits) {
        let why: unknown;
        const judge = () => {
          try {
            fits(terminal.screen(), terminal.scrollback());
            return true;
          } catch (error) {
            why = error;
            return false;
          }
        };
        await terminal.waitFor(judge).catch(() => {
          throw why;
        });
      },
      quiet: () => terminal.settled({ quietMs: WHILE }),
      type: async (text) => terminal.type(text),
      signal: async (name) => terminal.kill(name, 'foreground'),
      close: () => terminal.close(),
    };
  };

/** Terminals by how they treat what is on the screen when they are resized. */
export const KINDS: Readonly<Record<string, Open>> = {
  tmux: inTmux,
  'xterm.js': emulated('reflowing'),
  'one that cuts its lines': emulated('xterm'),
};
export const MUTE = emulated('mute');

export const closeAll = async (): Promise<void> => {
  await Promise.all([Tmux.closeAll(), Terminal.closeAll()]);
};

/** Seconds that a step has taken differ from run to run. */
const timeless = (text: string): string => text.replace(/ +\d+ s$/gm, '').trimEnd();
const squash = (text: string): string => text.replace(/\s+/g, '');

/**
 * Throws unless the screen ends with exactly the frame, has above it nothing but lines that stay, each once and in
 * order, and none of them is lost.
 * @param frame what a fresh start shows at this size, without lines that stay
 * @param kept the lines that stay, as they were before any resize
 */
export function expectWhole(screen: string, scrollback: string, frame: string, kept: string): void {
  const [shown, wanted] = [timeless(screen), timeless(frame)];
  if (!`\n${shown}`.endsWith(`\n${wanted}`)) expect(shown, 'the frame').toBe(wanted);
  const above = shown.slice(0, Math.max(0, shown.length - wanted.length)).trimEnd();
  expectKept(above, kept);
  for (const line of new Set(kept.match(/record-\d+/g) ?? []))
    expect(scrollback.split(`${line} is not`).length - 1, line).toBe(1);
}

/** Rows of the screen are those that stay, the last ones, in order; a terminal may have broken or cut them. */
function expectKept(above: string, kept: string): void {
  if (squash(kept).endsWith(squash(above))) return;
  const rows = above.split('\n').filter((row) => row.trim() !== '');
  const lines = kept.split('\n').filter((line) => line.trim() !== '');
  for (const [i, row] of rows.reverse().entries()) {
    const line = lines.at(-1 - i) ?? '';
    expect(line.startsWith(row.trimEnd()), `above the frame:\n${above}`).toBe(true);
  }
}
