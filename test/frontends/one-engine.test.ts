/** One engine: the same scenario through tui, line and script leaves the same event trace and the same disk. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Terminal } from '../terminal/terminal.ts';
import { bundleProgram } from './bundle.ts';

type Kind = 'tui' | 'line' | 'script' | 'refusing';
let driver: Awaited<ReturnType<typeof bundleProgram>>;
let base: string;
beforeAll(async () => {
  driver = await bundleProgram('test/frontends/one-engine-driver.ts');
  base = await mkdtemp(join(tmpdir(), 'one-engine-'));
});
afterAll(async () => {
  await Terminal.closeAll();
  await driver?.dispose();
  await rm(base, { recursive: true, force: true });
});

/** Every file with its text; the journal without its times. */
async function disk(dir: string): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const text = await readFile(path, 'utf8');
        // Folders of backups are named by time.
        const name = relative(dir, path).replace(/backups\/[^/]+/, 'backups/TIME');
        return [
          name,
          text.replace(/"(time|at)":"[^"]*"/g, '"time":"T"').replace(/"pid":\d+/g, '"pid":0'),
        ] as const;
      }),
  );
  return Object.fromEntries(texts.sort(([a], [b]) => a.localeCompare(b)));
}

interface Outcome {
  readonly exitCode: number | null;
  readonly trace: unknown;
  readonly files: Record<string, string>;
}

interface Scenario {
  /** What is on the disk before. */
  readonly before: Readonly<Record<string, string>>;
  readonly env?: Record<string, string>;
  drive(terminal: Terminal, kind: Kind, home: string): Promise<void>;
}

async function play(kind: Kind, scenario: Scenario): Promise<Outcome> {
  const home = await mkdtemp(join(base, `${kind}-`));
  const dir = join(home, 'install');
  await mkdir(dir);
  for (const [name, text] of Object.entries(scenario.before))
    await writeFile(join(dir, name), text, { mode: 0o600 });
  const trace = join(home, 'trace.json');
  const terminal = Terminal.start([process.execPath, driver.file, kind, dir, trace], {
    columns: 80,
    rows: 24,
    cwd: home,
    ...(scenario.env ? { env: scenario.env } : {}),
  });
  await scenario.drive(terminal, kind, home);
  const { exitCode } = await terminal.exit;
  const text = (await readFile(trace, 'utf8')).replaceAll(dir, 'DIR');
  return { exitCode, trace: JSON.parse(text) as unknown, files: await disk(dir) };
}

const isPerson = (kind: Kind) => kind === 'tui' || kind === 'line';

/** Answers the only question, as a person would. */
async function answer(terminal: Terminal, kind: Kind): Promise<void> {
  if (!isPerson(kind)) return;
  await terminal.waitFor(kind === 'tui' ? 'enter accept' : 'Your answer:', { in: 'scrollback' });
  await terminal.typeByKey('bear');
  await terminal.settled();
  terminal.press('enter');
}

/** Agrees to the changes of a step. */
async function agree(terminal: Terminal, kind: Kind, file: string): Promise<void> {
  if (!isPerson(kind)) return;
  await reviewed(terminal, kind, file);
  if (kind === 'tui') terminal.type('a');
  else {
    await terminal.typeByKey('1');
    await terminal.settled();
    terminal.press('enter');
  }
}

async function reviewed(terminal: Terminal, kind: Kind, file: string): Promise<void> {
  const text = new RegExp(`Write ${file}.txt[\\s\\S]*${kind === 'tui' ? 'a apply' : 'Your choice:'}`);
  await terminal.waitFor(text, { in: 'scrollback' });
}

async function leave(terminal: Terminal, kind: Kind): Promise<void> {
  if (kind !== 'tui') return;
  await terminal.waitFor('q quit');
  terminal.type('q');
}

const SCENARIOS: Readonly<
  Record<string, Scenario & { readonly exit: number; readonly kinds: readonly Kind[] }>
> = {
  fresh: {
    exit: 0,
    kinds: ['script', 'line', 'tui'],
    before: {},
    async drive(terminal, kind) {
      await answer(terminal, kind);
      await agree(terminal, kind, 'first');
      await agree(terminal, kind, 'second');
      await leave(terminal, kind);
    },
  },
  're-run': {
    exit: 0,
    kinds: ['script', 'line', 'tui'],
    env: { KNOWN: '1' },
    before: { 'first.txt': 'bear', 'second.txt': 'bear' },
    drive: leave,
  },
  drifted: {
    exit: 0,
    kinds: ['script', 'line', 'tui'],
    env: { KNOWN: '1' },
    before: { 'first.txt': 'bear', 'second.txt': 'wolf' },
    async drive(terminal, kind) {
      await agree(terminal, kind, 'second');
      await leave(terminal, kind);
    },
  },
  declined: {
    exit: 1,
    kinds: ['refusing', 'line', 'tui'],
    env: { KNOWN: '1' },
    before: { 'first.txt': 'bear', 'second.txt': 'wolf' },
    async drive(terminal, kind) {
      if (!isPerson(kind)) return;
      await reviewed(terminal, kind, 'second');
      if (kind === 'tui') terminal.press('escape');
      else {
        await terminal.typeByKey('5');
        await terminal.settled();
        terminal.press('enter');
      }
      await leave(terminal, kind);
    },
  },
  cancelled: {
    exit: 130,
    kinds: ['script', 'line', 'tui'],
    env: { KNOWN: '1', WAITS: '1' },
    before: { 'first.txt': 'bear', 'second.txt': 'wolf' },
    async drive(terminal, kind, home) {
      await agree(terminal, kind, 'second');
      await terminal.waitFor('waiting for the go', { in: 'scrollback' });
      terminal.press('ctrl+c');
      if (kind === 'tui') await terminal.waitFor('Stopping');
      await writeFile(join(home, 'go'), '');
    },
  },
};

describe('one engine behind every front end', () => {
  it.each(Object.entries(SCENARIOS))('%s: the same trace and the same disk', async (_name, scenario) => {
    const outcomes = await Promise.all(scenario.kinds.map((kind) => play(kind, scenario)));
    const [first, ...others] = outcomes;
    expect(first?.exitCode).toBe(scenario.exit);
    for (const [i, other] of others.entries()) {
      expect(other.exitCode, scenario.kinds[i + 1]).toBe(scenario.exit);
      expect(other.trace, scenario.kinds[i + 1]).toEqual(first?.trace);
      expect(other.files, scenario.kinds[i + 1]).toEqual(first?.files);
    }
  });
});
