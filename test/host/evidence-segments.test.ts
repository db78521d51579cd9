/** A chain that goes across closed files: nothing is lost when one is closed, and what was done to one is told with its name. */
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderKept } from '../../src/evidence/append.ts';
import { readRecord } from '../../src/evidence/record.ts';
import { renderEvidence } from '../../src/evidence/render.ts';
import { closeParts, openParts } from '../../src/host/evidence-segments.ts';
import { fileEvidence } from '../../src/host/evidence-store.ts';
import { appender, EvidenceBed, killOnceKept, watchChild } from './evidence-bed.ts';

/** Three records of the bed fit, a fourth does not. */
const LARGEST = 3_500;
const FILES = [
  'evidence-0000003.jsonl',
  'evidence-0000006.jsonl',
  'evidence-0000009.jsonl',
  'evidence.jsonl',
];

let bed: EvidenceBed;
beforeEach(async () => {
  bed = await EvidenceBed.create();
  bed.largest = LARGEST;
});
afterEach(() => bed.remove());

const files = async () => (await readdir(bed.dir)).sort();
const at = (name: string) => join(bed.dir, name);
const linesIn = async (name: string) => (await readFile(at(name), 'utf8')).split('\n').slice(0, -1);
const writeIn = (name: string, lines: readonly string[]) =>
  writeFile(at(name), lines.map((line) => `${line}\n`).join(''));

describe('a full file', () => {
  it('is closed behind its last record, under its number, and the chain goes on in a new one', async () => {
    await bed.fill(11);
    expect(await files()).toEqual(FILES);
    for (const name of FILES) {
      const { mode, size } = await stat(at(name));
      expect([mode & 0o7777, size <= LARGEST], name).toEqual([0o600, true]);
    }
    const result = await bed.prove();
    expect(result).toMatchObject({ exit: 0, records: 11, files: 4, breaks: [], notices: [] });
    expect(result.first).toMatchObject({ line: 1, segment: FILES[0], sequence: 1 });
    expect(result.last).toMatchObject({ line: 2, sequence: 11 });
    expect(renderEvidence(result)).toContain('and 3 closed before it');
    const fromEnd: number[] = [];
    for await (const line of (await fileEvidence(bed.path).linesFromEnd())!) {
      const read = readRecord(line);
      if (read.is === 'record') fromEnd.push(read.record.sequence);
    }
    expect(fromEnd).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('of an earlier version, larger than any is now, is closed as it is', async () => {
    bed.largest = undefined;
    await bed.fill(8);
    bed.largest = LARGEST;
    expect((await bed.appendKept()).sequence).toBe(9);
    expect(await files()).toEqual(['evidence-0000008.jsonl', 'evidence.jsonl']);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 9 });
  });

  it('takes a record that is larger than a file may be: never none', async () => {
    bed.largest = 10;
    await bed.fill(3);
    expect(await files()).toHaveLength(3);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 3 });
  });

  it('is not closed over something else: nothing is kept then, and nothing overwritten', async () => {
    await bed.fill(3);
    await mkdir(at('evidence-0000003.jsonl'));
    const kept = await bed.append();
    expect(renderKept(kept)).toMatch(/not kept .*evidence-0000003\.jsonl is there already/);
    expect(await linesIn('evidence.jsonl')).toHaveLength(3);
  });
});

describe('a run that is killed while a file is closed', () => {
  it('after the rename: the next append goes on behind the closed file', async () => {
    await bed.fill(3);
    await rename(bed.path, at('evidence-0000003.jsonl'));
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 3 });
    expect((await bed.appendKept()).sequence).toBe(4);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 4, files: 2 });
  });

  it('after the new file was made, and in the middle of its first record', async () => {
    await bed.fill(3);
    await rename(bed.path, at('evidence-0000003.jsonl'));
    for (const torn of ['', '{"answers":"12']) {
      await bed.write(torn);
      const { exit, breaks } = await bed.prove();
      expect([exit, breaks]).toEqual([0, []]);
      expect((await bed.appendKept()).sequence).toBe(4);
      expect(await bed.prove()).toMatchObject({ exit: 0, records: 4 });
    }
  });

  it('at many instants: what was told to be kept is kept, in one chain', async () => {
    const program = await appender();
    const told: string[] = [];
    for (let round = 0; round < 12; round++) {
      // Each file takes one or two records, so every kill is near a rename.
      const children = [1, 2].map(() => program.start(bed.path, 10_000, [], 0, 1_500));
      told.push(...(await killOnceKept(children, 1 + (round % 4), round % 9)));
      const after = await bed.appendKept();
      told.push(`${after.sequence} ${after.hash}`);
    }
    await program.dispose();
    const result = await bed.prove();
    expect(result).toMatchObject({ exit: 0, breaks: [] });
    expect(result.files).toBeGreaterThan(12);
    const kept = new Map<number, string>();
    for (const name of (await files()).filter((name) => name.endsWith('.jsonl')))
      for (const line of await linesIn(name)) kept.set(JSON.parse(line).sequence, JSON.parse(line).hash);
    for (const line of told) {
      const [sequence, hash] = line.split(' ');
      expect(kept.get(Number(sequence)), line).toBe(hash);
    }
  }, 120_000);

  it('is read as one chain however many files are closed between two looks of a reader', async () => {
    for (const rounds of [0, 1, 2]) {
      await bed.fill(3);
      const parts = await openParts(bed.path, async (path) => {
        const handle = await open(path, 'r').catch(() => undefined);
        if (path === bed.path) await bed.fill(rounds * 3);
        return handle;
      });
      const names = (parts ?? []).map(({ segment }) => segment?.upTo ?? Number.POSITIVE_INFINITY);
      await closeParts(parts ?? []);
      expect(names).toEqual([...new Set(names)].sort((a, b) => a - b));
      // Each file once: of what was open as the last one and closed since, no second look is taken.
      const inodes = await Promise.all((parts ?? []).map(({ segment }) => stat(segment?.path ?? bed.path)));
      expect(new Set(inodes.map(({ ino }) => ino)).size).toBe(inodes.length);
      if (rounds > 0) expect(names.at(-1)).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });

  it('is read as one chain while others append and close', async () => {
    const program = await appender();
    const child = program.start(bed.path, 60, [], 0, 1_500);
    let isRunning = true;
    const ended = watchChild(child).finally(() => {
      isRunning = false;
    });
    const exits = new Set<number>();
    while (isRunning) {
      const { records, exit, breaks } = await bed.prove();
      expect(breaks).toEqual([]);
      if (records > 0) exits.add(exit);
    }
    expect((await ended).stderr).toBe('');
    await program.dispose();
    expect([...exits]).toEqual([0]);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 60 });
  }, 60_000);
});

describe('what was done to a closed file is told with its name', () => {
  beforeEach(() => bed.fill(11));
  const [first, second, third] = FILES as [string, string, string, string];
  const cut = async (name: string, bytes: number) => truncate(at(name), (await stat(at(name))).size - bytes);

  it.each<[string, () => Promise<unknown>, string | undefined, number, RegExp]>([
    ['the first taken away', () => rm(at(first)), second, 1, /record 4 .*3 before it taken away/],
    ['one in the middle taken away', () => rm(at(second)), third, 1, /record 7 .*3 before it taken away/],
    ['the last taken away', () => rm(at(third)), undefined, 1, /record 10 .*3 before it taken away/],
    [
      'two swapped',
      async () => {
        await rename(at(first), at('x'));
        await rename(at(second), at(first));
        await rename(at('x'), at(second));
      },
      first,
      1,
      /record 4 .*3 before it taken away or moved/,
    ],
    [
      'its last record cut off',
      async () => writeIn(second, (await linesIn(second)).slice(0, -1)),
      second,
      2,
      /the file ends with record 5/,
    ],
    ['cut in the middle of its last record', () => cut(second, 40), second, 3, /a line that is cut off/],
    ['its last line break cut off', () => cut(second, 1), second, 3, /a line that is cut off/],
    ['emptied', () => truncate(at(second), 0), second, 1, /a line that is cut off \(0 bytes\)/],
    [
      'a record edited',
      async () =>
        writeIn(
          second,
          (await linesIn(second)).map((l, n) => (n === 1 ? l.replace('does not', 'does') : l)),
        ),
      second,
      2,
      /content with the hash/,
    ],
    [
      'a record appended to it',
      async () => writeIn(first, [...(await linesIn(first)), (await linesIn(second))[0]!]),
      first,
      4,
      /the file ends with record 4/,
    ],
    [
      'renamed',
      () => rename(at(third), at('evidence-0000012.jsonl')),
      'evidence-0000012.jsonl',
      3,
      /record 9/,
    ],
  ])('%s', async (_, damage, segment, line, seen) => {
    await damage();
    const result = await bed.prove();
    expect(result.exit).toBe(1);
    expect(result.breaks[0]).toMatchObject({ line, seen: expect.stringMatching(seen) });
    expect(result.breaks[0]?.segment).toBe(segment);
    const text = renderEvidence(result);
    const where = segment === undefined ? `line ${line}` : `line ${line} of ${segment}`;
    expect(text).toContain(`Broken in ${where}`);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(`first in ${where}.`);
  });

  it('the end of the last one, where nothing follows any more', async () => {
    await rm(bed.path);
    await writeIn(third, (await linesIn(third)).slice(0, -1));
    expect((await bed.prove()).breaks).toMatchObject([
      { segment: third, seen: 'the file ends with record 8' },
    ]);
    expect((await bed.appendKept()).sequence).toBe(9);
    expect((await bed.prove()).exit).toBe(1);
  });

  it('a link in its place is not followed, and not proved', async () => {
    await rename(at(second), at('elsewhere'));
    await symlink(at('elsewhere'), at(second));
    expect(await bed.prove()).toMatchObject({ exit: 3, breaks: [] });
  });

  it('nothing is continued behind one whose last record was altered', async () => {
    await rm(bed.path);
    const lines = await linesIn(third);
    await writeIn(third, [...lines.slice(0, -1), lines.at(-1)!.replace('does not hold', 'holds')]);
    expect(renderKept(await bed.append())).toMatch(
      /last record of .*evidence-0000009\.jsonl cannot be continued/,
    );
  });

  it('nothing is continued behind one that does not end with a whole record', async () => {
    await rm(bed.path);
    await cut(third, 40);
    expect(renderKept(await bed.append())).toMatch(/not kept .*evidence-0000009\.jsonl does not end/);
  });
});

describe('files that were moved away', () => {
  it('are vouched for by the last hash of theirs, and by that one only', async () => {
    await bed.fill(11);
    const [first, second] = FILES as [string, string];
    const kept = JSON.parse((await linesIn(second)).at(-1)!).hash;
    const other = JSON.parse((await linesIn(first)).at(-1)!).hash;
    await mkdir(at('archive'));
    for (const name of [first, second]) await rename(at(name), at(`archive/${name}`));
    expect((await bed.prove()).exit).toBe(1);
    expect((await bed.prove({ expect: other })).exit).toBe(1);
    const result = await bed.prove({ expect: kept });
    expect(result).toMatchObject({ exit: 0, records: 5, anchor: { sequence: 6 }, first: { sequence: 7 } });
    expect(renderEvidence(result).replaceAll(/\s+/g, ' ')).toContain(
      'record 6, the last one before these: they follow what was moved away',
    );
  });
});
