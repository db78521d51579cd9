/** The line between a test and a program: a pseudo terminal whose state can be read while and after the program ran. */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { constants as os } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { ReadStream } from 'node:tty';
import { requireBinary } from '@lydell/node-pty/requireBinary.js';
import { processStat, processTree, programOf } from './processes.ts';

const native = requireBinary('pty.node');

/** How a program ended; one of the two is null, as for a child process of Node's. */
export interface Exit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Settings of the line that a program in raw mode changes. */
export interface LineState {
  /** What is typed is shown by the line itself. */
  readonly echo: boolean;
  /** Input arrives by the line, editable; off in raw mode. */
  readonly icanon: boolean;
  /** Ctrl+C and Ctrl+Z send signals. */
  readonly isig: boolean;
  /** Enter arrives as a line feed. */
  readonly icrnl: boolean;
  /** A line feed also returns the carriage. */
  readonly opost: boolean;
}

const signalName = (number: number) =>
  (Object.entries(os.signals).find(([, value]) => value === number)?.[0] ?? null) as NodeJS.Signals | null;

/** More than a line can hold back: what is read after the program's end, at most. */
const MOST_HELD_BACK = 1_000_000;

export interface PtyOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd: string;
  /** The program's whole environment. */
  readonly env: Readonly<Record<string, string>>;
  onData(text: string): void;
}

/** A program on a pseudo terminal. */
export class Pty {
  readonly pid: number;
  /** Settles when the program has ended and all it wrote has been delivered. */
  readonly exit: Promise<Exit>;
  /** Set at once when the program has ended. */
  ended: Exit | undefined;
  readonly #fd: number;
  readonly #stream: ReadStream;
  /** Our own handle on the program's side: keeps the line, and with it its settings, alive past the program. */
  readonly #line: number;
  readonly #decoder = new StringDecoder('utf8');
  #lastState: LineState | undefined;
  #lastCpu = 0;

  constructor(argv: readonly string[], options: PtyOptions) {
    const [file, ...args] = argv;
    if (!file) throw new Error('no command');
    let settle: (exit: Exit) => void;
    this.exit = new Promise((resolve) => {
      settle = resolve;
    });
    const forked = native.fork(
      file,
      args,
      Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
      options.cwd,
      options.columns,
      options.rows,
      -1,
      -1,
      true,
      '',
      (exitCode, signal) => {
        this.#lastState = this.lineState();
        this.#drain(options.onData);
        closeSync(this.#line);
        this.#stream.destroy();
        this.ended = signal ? { exitCode: null, signal: signalName(signal) } : { exitCode, signal: null };
        settle(this.ended);
      },
    );
    this.pid = forked.pid;
    this.#fd = forked.fd;
    // Without O_NOCTTY the line could become this process's own controlling terminal.
    this.#line = openSync(forked.pty, constants.O_RDWR | constants.O_NOCTTY);
    this.#stream = new ReadStream(forked.fd);
    this.#stream.on('data', (bytes: Buffer) => {
      const text = this.#decoder.write(bytes);
      if (text) options.onData(text);
    });
  }

  write(text: string): void {
    if (this.#stream.writable) this.#stream.write(text);
  }

  resize(columns: number, rows: number): void {
    if (!this.#stream.destroyed) native.resize(this.#fd, columns, rows);
  }

  /** Signals the program itself, or the process group that has the keyboard. */
  kill(signal: NodeJS.Signals, whom: 'program' | 'foreground'): void {
    if (this.ended) return;
    const group = processStat(this.pid)?.foreground ?? -1;
    process.kill(whom === 'foreground' && group > 0 ? -group : programOf(this.pid), signal);
  }

  /** Ends every process of the session. */
  killAll(): void {
    for (const { pid } of this.ended ? [] : processTree(this.pid)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended between the look and the signal.
      }
    }
  }

  /** Cuts the line, as a lost SSH connection does: the kernel sends SIGHUP. */
  hangUp(): void {
    this.#stream.destroy();
  }

  /** The line's settings now; once the program has ended, as it left them. Undefined when the line was cut. */
  lineState(): LineState | undefined {
    if (this.ended) return this.#lastState;
    const result = spawnSync('stty', ['-a'], {
      stdio: [this.#line, 'pipe', 'pipe'],
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    if (result.error) throw result.error;
    if (result.status !== 0) return undefined;
    const words = new Set(result.stdout.split(/[\s;]+/));
    return {
      echo: words.has('echo'),
      icanon: words.has('icanon'),
      isig: words.has('isig'),
      icrnl: words.has('icrnl'),
      opost: words.has('opost'),
    };
  }

  /** Processor time of the program and all it started, in milliseconds; after the end, the last that was read. */
  cpuMs(): number {
    if (!this.ended) {
      this.#lastCpu = processTree(this.pid).reduce((sum, stat) => sum + stat.cpuMs, 0);
    }
    return this.#lastCpu;
  }

  /**
   * Reads what the line still holds. Left to the stream, the end of the output would be lost: it takes a short read
   * together with a hang-up for the end of the file.
   */
  #drain(onData: (text: string) => void): void {
    if (this.#stream.destroyed) return;
    const chunk = Buffer.alloc(65_536);
    let text = '';
    try {
      // The bound is for a process in the background that writes on and on.
      for (let total = 0, length = -1; length !== 0 && total < MOST_HELD_BACK; total += length) {
        length = readSync(this.#fd, chunk);
        text += this.#decoder.write(chunk.subarray(0, length));
      }
    } catch (error) {
      // The line is non-blocking; this is how it says that it is empty.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    if (text) onData(text);
  }
}
