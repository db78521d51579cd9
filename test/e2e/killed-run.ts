/** A run of the built tool as a child whose process can be reached, and what its journal says so far. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Install, ToolResult } from './support.ts';
import { TOOL } from './support.ts';

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

export interface JournalEntry {
  readonly time: string;
  /** The writer's pid, as its own host counts. */
  readonly pid: number;
  readonly event: string;
  readonly change?: string;
  readonly exit?: number;
}

/** The whole lines of the journal; a line that is being written is left out. */
export async function journalOf(install: Install): Promise<readonly JournalEntry[]> {
  const text = await install.read('.corecube-secure/journal.jsonl').catch(() => '');
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as JournalEntry);
}

/** Changes that have begun and neither ended nor failed, by their last entry. */
export function underWay(journal: readonly JournalEntry[]): readonly string[] {
  const last = new Map<string, string>();
  for (const { event, change } of journal) if (change !== undefined) last.set(change, event);
  return [...last].filter(([, event]) => event === 'change-start').map(([change]) => change);
}

/** One apply of an install, started and not awaited. */
export class Run {
  readonly ended: Promise<ToolResult>;
  #child: ChildProcess;
  #over = false;

  constructor(install: Install, args: readonly string[] = []) {
    const argv = [process.execPath, TOOL, '--yes', '--answers', install.answersFile, '--dir', install.dir];
    const line = install.host.command([...argv, ...args], {
      env: { LANG: 'C.UTF-8' },
    });
    this.#child = spawn(line.file, line.args, {
      cwd: line.cwd,
      env: line.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    this.#child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    this.#child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    this.ended = new Promise((done, failed) => {
      this.#child.on('error', failed);
      this.#child.on('exit', () => {
        this.#over = true;
      });
      // What a killed tool leaves running may hold the pipes open, so the end of the output is not waited for.
      this.#child.on('exit', (code) => setTimeout(() => done({ code: code ?? -1, stdout, stderr }), 50));
    });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Sends a signal to the tool alone: not to the wrapper around it and not to the programs it has started. */
  async signal(name: 'SIGKILL' | 'SIGINT'): Promise<void> {
    const pid = this.#child.pid;
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
    const tool = Number(children[0]);
    if (children.length !== 1 || !(tool > 1)) throw new Error(`not one process but ${children.join()}`);
    process.kill(tool, name);
  }

  /** Resolves with the first change that begins from now on and is wanted, or undefined when the run ends before. */
  async begins(
    install: Install,
    since: number,
    wanted: (change: string) => boolean,
  ): Promise<string | undefined> {
    while (!this.#over) {
      const entries = (await journalOf(install)).slice(since);
      const hit = entries.find(
        (entry) => entry.event === 'change-start' && entry.change !== undefined && wanted(entry.change),
      );
      if (hit) return hit.change;
      await pause(2);
    }
    return undefined;
  }

  /** Waits `ms`, or until nothing is under way any more. */
  async linger(install: Install, change: string, ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (!this.#over && performance.now() < until) {
      if (!underWay(await journalOf(install)).includes(change)) return;
      await pause(2);
    }
  }
}
