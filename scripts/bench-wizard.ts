/** The wizard's figures, measured in a real terminal: how soon it is there, and how soon it answers a key. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { personEnv } from '../test/terminal/environment.ts';
import { Terminal } from '../test/terminal/terminal.ts';

export interface WizardFigures {
  /** Milliseconds from start to the first visible frame, and the same for a bare `node -e 0`, in pairs. */
  readonly starts: readonly (readonly [wizard: number, bare: number])[];
  /** Milliseconds from a key press to the end of its repaint, sorted. */
  readonly repaints: readonly number[];
  /** Bytes written for each of those keys, on average. */
  readonly bytesPerKey: number;
  /** Per cent of one processor while a question waits. */
  readonly idleCpu: number;
}

const open = (tool: string, dir: string) =>
  Terminal.start([process.execPath, tool, '--dir', dir], {
    columns: 80,
    rows: 24,
    env: personEnv({ LANG: 'C.UTF-8' }),
  });

/** Milliseconds until the program has written something that can be seen. */
async function firstFrame(tool: string, dir: string): Promise<number> {
  const began = performance.now();
  const terminal = open(tool, dir);
  await terminal.waitFor('create-corecube-secure');
  const taken = performance.now() - began;
  await terminal.close();
  return taken;
}

async function bare(): Promise<number> {
  const began = performance.now();
  const terminal = Terminal.start([process.execPath, '-e', 'process.stdout.write("x")'], {
    columns: 80,
    rows: 24,
  });
  await terminal.waitFor('x');
  const taken = performance.now() - began;
  await terminal.close();
  return taken;
}

/** Measures the built tool at `tool`. Needs no engine. */
export async function measureWizard(tool: string, runs: number, keys: number): Promise<WizardFigures> {
  const dir = join(mkdtempSync(join(tmpdir(), 'ccs-bench-wizard-')), 'install');
  const starts: [number, number][] = [];
  for (let i = 0; i < runs; i++) starts.push([await firstFrame(tool, dir), await bare()]);

  const terminal = open(tool, dir);
  await terminal.waitFor('enter accept');
  await terminal.settled();
  const repaints: number[] = [];
  const before = terminal.bytesWritten;
  for (let i = 0; i < keys; i++) {
    // Letters are typed one after the other, then the line is wiped: each key changes the screen.
    const text = 'k'.repeat((i % 10) + 1);
    const began = performance.now();
    if (i % 10 === 9) terminal.press('ctrl+u');
    else terminal.type('k');
    const wanted = i % 10 === 9 ? (screen: string) => !screen.includes('› k') : `› ${text}`;
    await terminal.waitFor(wanted);
    repaints.push(performance.now() - began);
  }
  const bytesPerKey = (terminal.bytesWritten - before) / keys;
  await terminal.settled();
  const [cpu, at] = [terminal.cpuMs(), performance.now()];
  await new Promise((done) => setTimeout(done, 3000));
  const idleCpu = ((terminal.cpuMs() - cpu) / (performance.now() - at)) * 100;
  await terminal.close();
  rmSync(join(dir, '..'), { recursive: true, force: true });
  return { starts, repaints: repaints.sort((a, b) => a - b), bytesPerKey, idleCpu };
}
