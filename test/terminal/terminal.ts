/**
 * A terminal as a person has one: a real pseudo terminal, a screen that is modelled from the bytes the program writes,
 * and a keyboard. Waiting is event driven; nothing here polls.
 */
import type { CommandLine, Place } from '../bed/index.ts';
import { type Cell, cellsOf, type Extent, textOf } from './cells.ts';
import { personEnv } from './environment.ts';
import { type Key, keyBytes, pasteBytes } from './keys.ts';
import { type Exit, Pty } from './pty.ts';
import { contains, escapesIn } from './text.ts';
import { FRESH, type TtyState } from './tty-state.ts';
import { type Emulator, emulator } from './xterm.ts';

export interface TerminalOptions {
  /** Default 80. */
  readonly columns?: number;
  /** Default 24. */
  readonly rows?: number;
  /** The program's whole environment; default `personEnv()`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /**
   * Default `reflowing`: breaks its lines anew when resized. `xterm`: cuts them, as xterm does, and says that it is one.
   * `mute`: cuts them and answers nothing.
   */
  readonly kind?: 'reflowing' | 'xterm' | 'mute';
}

/** An emulator that leaves lines as they are when it is resized: that of an old Windows console does. */
const CUTTING = { windowsPty: { backend: 'conpty', buildNumber: 19_000 } } as const;

/** What to wait for: a part of the text, a match, or a judgement of one's own. */
export type Wanted = string | RegExp | ((text: string) => boolean);

export interface WaitOptions {
  /** Default 10 s. */
  readonly timeoutMs?: number;
  /** Where to look; default the visible screen. In the scrollback, lines the terminal broke are whole. */
  readonly in?: Extent;
}

/** One arrival of output. */
export interface Frame {
  /** Milliseconds since the program's start. */
  readonly at: number;
  readonly data: string;
}

const open = new Set<Terminal>();

/** A program before a person: see `start`. Close it, or all with `Terminal.closeAll` after each test. */
export class Terminal {
  /** Settles when the program has ended and the screen shows all it wrote. */
  readonly exit: Promise<Exit>;
  /** Every arrival of output, in order: how often and how much a program draws. */
  readonly frames: Frame[] = [];
  readonly #began = performance.now();
  readonly #xterm: Emulator;
  readonly #pty: Pty;
  /** Called whenever the screen may have changed. */
  readonly #watchers = new Set<() => void>();
  #cursorVisible = true;
  #exited = false;

  /** Starts a command; the terminal is the program's only input and output. */
  static start(argv: readonly string[], options: TerminalOptions = {}): Terminal {
    return new Terminal(argv, options);
  }

  /** Starts a command in a host of the test bed; `env` is added to the place's own, without traces of a test run. */
  static startIn(place: Place, argv: readonly string[], options: TerminalOptions = {}): Terminal {
    const { cwd, env = {} } = options;
    const line: CommandLine = place.command(argv, { env: { ...env }, ...(cwd === undefined ? {} : { cwd }) });
    return new Terminal([line.file, ...line.args], {
      ...options,
      cwd: line.cwd,
      env: personEnv(env, line.env),
    });
  }

  /** Ends what is still running in any terminal. */
  static async closeAll(): Promise<void> {
    await Promise.all([...open].map((terminal) => terminal.close()));
  }

  private constructor(argv: readonly string[], options: TerminalOptions) {
    const { columns = 80, rows = 24, cwd = process.cwd(), env = personEnv(), kind = 'reflowing' } = options;
    this.#xterm = emulator(columns, rows, kind === 'reflowing' ? {} : CUTTING);
    if (kind === 'xterm')
      this.#xterm.parser.registerCsiHandler({ prefix: '>', final: 'c' }, () => {
        this.#pty.write('\u001b[>41;390;0c');
        return true;
      });
    const setCursor = (visible: boolean) => (params: readonly (number | number[])[]) => {
      if (params.includes(25)) this.#cursorVisible = visible;
      return false;
    };
    this.#xterm.parser.registerCsiHandler({ prefix: '?', final: 'h' }, setCursor(true));
    this.#xterm.parser.registerCsiHandler({ prefix: '?', final: 'l' }, setCursor(false));
    // Both resets of a terminal show the cursor again.
    this.#xterm.parser.registerCsiHandler({ intermediates: '!', final: 'p' }, () => setCursor(true)([25]));
    this.#xterm.parser.registerEscHandler({ final: 'c' }, () => setCursor(true)([25]));
    this.#pty = new Pty(argv, {
      columns,
      rows,
      cwd,
      env,
      onData: (data) => {
        this.frames.push({ at: performance.now() - this.#began, data });
        this.#xterm.write(data, () => this.#changed());
      },
    });
    // A terminal answers when a program asks for the cursor's place or the terminal's kind.
    if (kind !== 'mute') this.#xterm.onData((reply) => this.#pty.write(reply));
    open.add(this);
    this.exit = this.#pty.exit.then(async (exit) => {
      await new Promise<void>((done) => this.#xterm.write('', done));
      this.#exited = true;
      open.delete(this);
      this.#changed();
      return exit;
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }
  get columns(): number {
    return this.#xterm.cols;
  }
  get rows(): number {
    return this.#xterm.rows;
  }

  /** What is visible, without blanks at line ends and blank lines at the end. */
  screen(): string {
    return textOf(this.#xterm, 'screen');
  }

  /** Everything that was ever shown and not erased, lines the terminal broke joined again. */
  scrollback(): string {
    return textOf(this.#xterm, 'scrollback');
  }

  /** All the program wrote, escape sequences included. */
  raw(): string {
    return this.frames.map((frame) => frame.data).join('');
  }

  cells(extent: Extent = 'screen'): Cell[][] {
    return cellsOf(this.#xterm, extent);
  }

  /** Where the cursor is on the screen, from 0, and whether it is shown. */
  cursor(): { x: number; y: number; visible: boolean } {
    const { cursorX: x, cursorY: y } = this.#xterm.buffer.active;
    return { x, y, visible: this.#cursorVisible };
  }

  /**
   * Presses keys one after another. Keys sent at once may reach the program in one read, and `escape` right before
   * another key is Alt with that key: wait for what the first one does.
   */
  press(...keys: Key[]): void {
    for (const key of keys) this.#pty.write(keyBytes(key, this.#xterm.modes.applicationCursorKeysMode));
  }

  /** Types text at once, as a fast typist over a slow line: the program may read it in one piece. */
  type(text: string): void {
    this.#pty.write(text);
  }

  /** Types character by character, going on when the program has reacted (or plainly does not). */
  async typeByKey(text: string): Promise<void> {
    for (const character of text) {
      const reaction = this.#nextChange(100);
      this.#pty.write(character);
      await reaction;
    }
  }

  /** Pastes as terminals do: in brackets when the program asked for them, line ends as returns. */
  paste(text: string): void {
    this.#pty.write(pasteBytes(text, this.#xterm.modes.bracketedPasteMode));
  }

  /** Changes the window's size; the program gets SIGWINCH. */
  resize(columns: number, rows: number): void {
    this.#xterm.resize(columns, rows);
    this.#pty.resize(columns, rows);
    this.#changed();
  }

  /** Resolves with the text as soon as it fits; rejects with the screen when time is up or the program has ended. */
  waitFor(wanted: Wanted, { timeoutMs = 10_000, in: extent = 'screen' }: WaitOptions = {}): Promise<string> {
    const fits = typeof wanted === 'function' ? wanted : (text: string) => contains(text, wanted);
    // Made here, so that the stack leads to the test and not to an event.
    const failure = new Error();
    Error.captureStackTrace(failure, this.waitFor);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const fail = (why: string) => {
        const frame = '-'.repeat(this.columns);
        failure.message = `${why} while waiting for ${wanted} in the ${extent}:\n${frame}\n${this.screen()}\n${frame}`;
        end(() => reject(failure));
      };
      const look = () => {
        const text = textOf(this.#xterm, extent);
        if (fits(text)) end(() => resolve(text));
        else if (this.#exited) fail(`the program ended (${JSON.stringify(this.#pty.ended)})`);
      };
      const timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves when nothing has arrived for `quietMs`, or after `atMostMs`. For pictures; tests wait for something. */
  async settled({ quietMs = 150, atMostMs = 5000 } = {}): Promise<void> {
    const until = performance.now() + atMostMs;
    while (performance.now() < until && (await this.#nextChange(quietMs)));
  }

  /** Signals the program, in a test host the one inside; `foreground`: the process group that has the keyboard. */
  kill(signal: NodeJS.Signals = 'SIGTERM', whom: 'program' | 'foreground' = 'program'): void {
    this.#pty.kill(signal, whom);
  }

  /**
   * Cuts the line as a lost connection does; the program gets SIGHUP and can write no more. In a test host `exit` is
   * only that of the way into it: look there for what the program did.
   */
  hangUp(): void {
    this.#pty.hangUp();
  }

  /** Ends every process in the terminal. Safe to repeat. */
  async close(): Promise<void> {
    this.#pty.killAll();
    await this.exit;
  }

  /** How the terminal is set now, or how the program left it. Throws when the line was cut. */
  ttyState(): TtyState {
    const line = this.#pty.lineState();
    if (!line) throw new Error('the line was cut: nobody knows how the program left it');
    const { bracketedPasteMode, mouseTrackingMode, sendFocusMode, synchronizedOutputMode } =
      this.#xterm.modes;
    return {
      ...line,
      cursorVisible: this.#cursorVisible,
      bracketedPaste: bracketedPasteMode,
      alternateScreen: this.#xterm.buffer.active.type === 'alternate',
      mouseTracking: mouseTrackingMode !== 'none',
      focusReports: sendFocusMode,
      synchronizedOutput: synchronizedOutputMode,
    };
  }

  /** Names of settings that differ from those of a fresh terminal; empty when a program restored all. */
  leftBehind(): string[] {
    const now = this.ttyState();
    return (Object.keys(FRESH) as (keyof TtyState)[]).filter((name) => now[name] !== FRESH[name]);
  }

  isRawMode(): boolean {
    return !this.ttyState().icanon;
  }

  /** Escape sequences written so far; with `only`, those that match. */
  escapeCount(only?: RegExp): number {
    return escapesIn(this.raw()).filter((found) => !only || contains(found, only)).length;
  }

  get bytesWritten(): number {
    return Buffer.byteLength(this.raw());
  }

  /** Processor time of the program and all it started, in steps of 10 ms. */
  cpuMs(): number {
    return this.#pty.cpuMs();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Whether the screen was touched within the time. */
  #nextChange(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (changed: boolean) => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve(changed);
      };
      const watcher = () => end(true);
      const timer = setTimeout(() => end(false), withinMs);
      this.#watchers.add(watcher);
    });
  }
}
