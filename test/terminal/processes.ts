/** What /proc says about the processes a terminal holds. Linux only, as the whole harness. */
import { readdirSync, readFileSync } from 'node:fs';

/** One line of /proc/PID/stat, as far as it matters here. */
export interface ProcessStat {
  readonly pid: number;
  /** The program's name, cut at 15 letters. */
  readonly name: string;
  /** One letter; Z has ended and waits to be noticed. */
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  /** Process group that has the keyboard of this process's terminal; -1 without a terminal. */
  readonly foreground: number;
  /** Processor time of the process and of the children it has waited for, in milliseconds. */
  readonly cpuMs: number;
}

/** The kernel reports times to user space in hundredths of a second on every platform Node runs on. */
const TICK_MS = 10;

/** The process, or undefined when it is gone. */
export function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses, and a name may hold both blanks and parentheses.
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    state: fields[0] as string,
    parent: number(1),
    session: number(3),
    foreground: number(5),
    cpuMs: (number(11) + number(12) + number(13) + number(14)) * TICK_MS,
  };
}

/** The process, its descendants and everything else in its session. */
export function processTree(root: number): ProcessStat[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processStat(Number(name)))
    .filter((stat) => stat !== undefined);
  const tree = new Map(all.filter((s) => s.pid === root || s.session === root).map((s) => [s.pid, s]));
  for (let size = -1; size !== tree.size; ) {
    size = tree.size;
    for (const stat of all) if (tree.has(stat.parent)) tree.set(stat.pid, stat);
  }
  return [...tree.values()];
}

/** The program a person would name: past `nsenter`, which enters a test host and then only waits. */
export function programOf(root: number): number {
  const tree = processTree(root);
  let found = tree.find((stat) => stat.pid === root);
  while (found?.name === 'nsenter') {
    const { pid } = found;
    const child = tree.find((stat) => stat.parent === pid);
    if (!child) break;
    found = child;
  }
  return found?.pid ?? root;
}
