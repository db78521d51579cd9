/**
 * A second kind of terminal, which breaks lines anew when it is resized: a real tmux without a window of its own. It is
 * driven through its control mode, which tells of all output, so waiting is event driven.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { personEnv } from './environment.ts';

export interface TmuxOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: Readonly<Record<string, string>>;
}

const open = new Set<Tmux>();

/** A program in a tmux. Close it, or all with `Tmux.closeAll` after each test. */
export class Tmux {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #waiting: { resolve(lines: string[]): void; reject(error: Error): void }[] = [];
  readonly #watchers = new Set<() => void>();
  #reply: string[] | undefined;
  #rest = '';
  #isGone = false;
  readonly #ended: Promise<void>;

  static async start(argv: readonly string[], options: TmuxOptions): Promise<Tmux> {
    const tmux = new Tmux(argv, options);
    await tmux.#greeted;
    return tmux;
  }

  static async closeAll(): Promise<void> {
    await Promise.all([...open].map((tmux) => tmux.close()));
  }

  readonly #greeted: Promise<unknown>;

  private constructor(argv: readonly string[], { columns, rows, env = {} }: TmuxOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), 'tmux-'));
    const config = join(this.#folder, 'conf');
    writeFileSync(
      config,
      'set -g history-limit 50000\nset -g status off\nset -s escape-time 0\nset -g remain-on-exit on\n',
    );
    const size = ['-x', String(columns), '-y', String(rows)];
    this.#child = spawn(
      'tmux',
      ['-S', join(this.#folder, 's'), '-f', config, '-C', 'new-session', ...size, '--', ...argv],
      { env: personEnv(env) },
    );
    open.add(this);
    // The first reply is that of the command line.
    this.#greeted = this.#awaitReply();
    this.#child.stdout.setEncoding('utf8');
    this.#child.stdout.on('data', (text: string) => this.#read(text));
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', () => {
        this.#isGone = true;
        open.delete(this);
        for (const { reject } of this.#waiting.splice(0)) reject(new Error('tmux has ended'));
        rmSync(this.#folder, { recursive: true, force: true });
        resolve();
      });
    });
  }

  #awaitReply(): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('%begin ')) this.#reply = [];
      else if (/^%(end|error) /.test(line)) {
        const reply = this.#reply ?? [];
        this.#reply = undefined;
        const next = this.#waiting.shift();
        if (line.startsWith('%end')) next?.resolve(reply);
        else next?.reject(new Error(reply.join('\n')));
      } else if (this.#reply) this.#reply.push(line);
      else for (const watcher of [...this.#watchers]) watcher();
    }
  }

  /** One command of tmux's; its output, line by line. */
  command(line: string): Promise<string[]> {
    const reply = this.#awaitReply();
    this.#child.stdin.write(`${line}\n`);
    return reply;
  }

  /** What is visible, without blanks at line ends and blank lines at the end. */
  async screen(): Promise<string> {
    return trimmed(await this.command('capture-pane -p'));
  }

  /** Everything that was ever shown and not erased, lines the terminal broke joined again. */
  async scrollback(): Promise<string> {
    return trimmed(await this.command('capture-pane -p -J -S -'));
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.command(`refresh-client -C ${columns}x${rows}`);
  }

  /** Types text, control characters included. */
  async type(text: string): Promise<void> {
    const bytes = [...Buffer.from(text)].map((byte) => byte.toString(16)).join(' ');
    await this.command(`send-keys -H ${bytes}`);
  }

  /** The process of the program. */
  async pid(): Promise<number> {
    const [line = ''] = await this.command('display-message -p "#{pane_pid}"');
    return Number(line);
  }

  /** Resolves as soon as `fits` does not throw; rejects with what it threw last when time is up. */
  async until(fits: (screen: string, scrollback: string) => void, timeoutMs = 10_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const changed = this.#nextChange(end);
      const [screen, scrollback] = await Promise.all([this.screen(), this.scrollback()]);
      try {
        fits(screen, scrollback);
        return;
      } catch (error) {
        if (!(await changed) || this.#isGone) throw error;
      }
    }
  }

  /** Resolves when nothing has come for so many milliseconds. */
  async quiet(quietMs: number): Promise<void> {
    while (await this.#nextChange(performance.now() + quietMs));
  }

  #nextChange(end: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (changed: boolean) => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve(changed);
      };
      const watcher = () => settle(true);
      const timer = setTimeout(() => settle(false), Math.max(0, end - performance.now()));
      this.#watchers.add(watcher);
    });
  }

  /** Ends tmux and what runs in it. Safe to repeat. */
  async close(): Promise<void> {
    if (!this.#isGone) this.#child.stdin.write('kill-server\n');
    await this.#ended;
  }
}

const trimmed = (lines: readonly string[]): string =>
  lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
