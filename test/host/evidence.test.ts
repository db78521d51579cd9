/** The chain on a real disk: what breaks it is told with its line, what interrupts an append is healed, nothing else. */
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { appendEvidence, renderKept } from '../../src/evidence/append.ts';
import { sha256 } from '../../src/evidence/canonical.ts';
import { GENESIS, readRecord } from '../../src/evidence/record.ts';
import { renderEvidence, renderEvidenceJson } from '../../src/evidence/render.ts';
import { fileEvidence } from '../../src/host/evidence-store.ts';
import { finding, report, VERDICT } from '../evidence/reports.ts';
import { appender, EvidenceBed, forge, killOnceKept, watchChild } from './evidence-bed.ts';

let bed: EvidenceBed;
beforeEach(async () => {
  bed = await EvidenceBed.create();
});
afterEach(() => bed.remove());

describe('a chain', () => {
  it('begins at zeros, links each record to the one before, and is proved', async () => {
    await bed.fill(3);
    const records = (await bed.lines()).map((line) => JSON.parse(line));
    expect(records.map((r) => r.sequence)).toEqual([1, 2, 3]);
    expect(records.map((r) => r.previous)).toEqual([GENESIS, records[0].hash, records[1].hash]);
    expect((await stat(bed.path)).mode & 0o7777).toBe(0o600);
    const result = await bed.prove();
    expect(result).toMatchObject({ exit: 0, records: 3, breaks: [], notSeen: [] });
    expect(result.last?.hash).toBe(records[2].hash);
    expect(await readdir(bed.dir)).toEqual(['evidence.jsonl']);
  });

  it('can be proved without this tool: the hash is of the line without its own member', async () => {
    await bed.fill(2);
    for (const line of await bed.lines()) {
      const hash = /"hash":"([0-9a-f]{64})",/.exec(line);
      expect(sha256(line.replace(hash?.[0] as string, ''))).toBe(hash?.[1]);
    }
  });

  it('keeps what was seen, and never a secret', async () => {
    const secret = new Secret('evidence-canary-71').reveal();
    const seen = [
      finding('a.one', { is: 'fail', observed: `the value is ${secret}`, expected: 'another' }),
      finding(
        'a.two',
        { is: 'skip', because: 'waived' },
        {
          waived: VERDICT.fail,
          exception: {
            control: 'a.two',
            reason: 'until the move',
            owner: 'J. Doe',
            compensating: 'a fence',
            expires: '2027-01-31',
            where: 'waivers.yaml:1:1',
          },
        },
      ),
    ];
    await appendEvidence(
      fileEvidence(bed.path),
      report(seen, { exit: 1, verdict: `cut\ud83d and ${secret}`, stopped: { step: 's', reason: secret } }),
    );
    const text = await bed.text();
    expect(text).not.toContain(secret);
    const record = JSON.parse(text);
    expect(record.verdict).toBe('cut\ufffd and [secret]');
    expect(record.controls).toEqual([
      {
        control: 'a.one',
        severity: 'required',
        verdict: { is: 'fail', observed: 'the value is [secret]', expected: 'another' },
      },
      {
        control: 'a.two',
        severity: 'required',
        verdict: { is: 'skip', because: 'waived' },
        waived: VERDICT.fail,
        exception: { owner: 'J. Doe', reason: 'until the move', expires: '2027-01-31' },
      },
    ]);
    expect(record.counts.required).toMatchObject({ total: 2, failing: 1, waived: 1 });
  });

  it('says when this host’s clock was set back, and nothing else may say so', async () => {
    await bed.appendKept(undefined, () => new Date('2026-11-26T10:00:10Z'));
    await bed.appendKept(undefined, () => new Date('2026-11-26T10:00:00Z'));
    const told = await bed.prove();
    expect(told.exit).toBe(0);
    expect(told.notices.join()).toContain("Line 2: this host's clock was 10 s behind");
    const [one, two] = await bed.lines();
    await bed.writeLines([one!, forge(two!, (record) => delete record.clockBehind)]);
    const forged = await bed.prove();
    expect(forged.exit).toBe(1);
    expect(forged.breaks).toMatchObject([{ line: 2, seen: 'the time 2026-11-26T10:00:00.000Z' }]);
  });
});

describe('what was done to a chain of five is told with its line', () => {
  let lines: string[];
  beforeEach(async () => {
    await bed.fill(5);
    lines = await bed.lines();
  });

  it('one bit flipped, wherever it is', async () => {
    const whole = Buffer.from(await bed.text());
    const starts = lines.map((_, n) => lines.slice(0, n).join('\n').length + (n > 0 ? 1 : 0));
    for (let at = starts[2]!; at < starts[3]! - 1; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      await bed.write(damaged);
      const result = await bed.prove();
      expect(result.exit, `byte ${at}`).toBe(1);
      expect(result.breaks[0]?.line, `byte ${at}: ${JSON.stringify(result.breaks)}`).toBe(3);
    }
  });

  it.each<[string, (lines: string[]) => string[], number, RegExp]>([
    ['the first record taken away', (l) => l.slice(1), 1, /record 2 .*: 1 before it taken away/],
    ['a record taken away', (l) => l.toSpliced(2, 1), 3, /record 4 .*: 1 before it taken away/],
    ['two taken away', (l) => l.toSpliced(1, 2), 2, /record 4 .*: 2 before it taken away/],
    [
      'two swapped',
      (l) => [l[0]!, l[2]!, l[1]!, l[3]!, l[4]!],
      2,
      /record 3 .*: 1 before it taken away or moved/,
    ],
    ['one copied', (l) => l.toSpliced(2, 0, l[1]!), 3, /record 2 .*moved, or copied from elsewhere/],
    ['a line between', (l) => l.toSpliced(3, 0, 'nothing'), 4, /no JSON/],
    ['an empty line', (l) => l.toSpliced(3, 0, ''), 4, /no JSON/],
    ['white space', (l) => l.with(1, l[1]!.replace(':', ': ')), 2, /not in canonical form/],
    ['a member twice', (l) => l.with(1, l[1]!.replace('{', '{"exit":0,')), 2, /not in canonical form/],
    ['edited', (l) => l.with(1, l[1]!.replace('does not hold', 'holds')), 2, /content with the hash/],
    [
      'edited and hashed anew',
      (l) =>
        l.with(
          1,
          forge(l[1]!, (r) => Object.assign(r, { exit: 0, verdict: 'all good' })),
        ),
      3,
      /record 3, which follows .*: line 2 was written anew/,
    ],
    [
      'a record without what makes it one',
      (l) =>
        l.with(
          4,
          forge(l[4]!, (r) => delete r.controls),
        ),
      5,
      /without a usable controls/,
    ],
  ])('%s', async (_name, damage, line, seen) => {
    await bed.writeLines(damage(lines));
    const result = await bed.prove();
    expect(result.exit).toBe(1);
    expect(result.breaks[0]?.line).toBe(line);
    expect(result.breaks[0]?.seen).toMatch(seen);
    const text = renderEvidence(result);
    expect(text).toMatch(new RegExp(`first in line ${line}\\.`));
    expect(text).toMatch(/seen .*\n[\s\S]*expected .*\n[\s\S]*fix .*\n[\s\S]*impact/);
    expect(JSON.parse(renderEvidenceJson([result]))).toEqual(result);
    expect(JSON.parse(renderEvidenceJson([result, result]))).toEqual([result, result]);
  });

  it('what only an outside anchor shows: the end cut off, the whole chain written anew', async () => {
    const kept = (await bed.prove()).last!.hash;
    expect(await bed.prove({ expect: kept })).toMatchObject({ exit: 0, anchor: { sequence: 5 } });
    await bed.writeLines(lines.slice(0, 4));
    const blind = await bed.prove();
    expect(blind.exit).toBe(0);
    expect(renderEvidence(blind)).toMatch(/cut off at the end cannot be seen/);
    const anchored = await bed.prove({ expect: kept });
    expect(anchored).toMatchObject({ exit: 1, breaks: [{ line: 4 }] });
    await bed.write('');
    expect((await bed.prove()).exit).toBe(3);
    expect((await bed.prove({ expect: kept })).exit).toBe(1);
  });

  it('a record of a later version is not judged', async () => {
    await bed.writeLines([lines[0]!, forge(lines[1]!, (r) => Object.assign(r, { version: 2 }))]);
    const result = await bed.prove();
    expect(result).toMatchObject({ exit: 3, breaks: [], notSeen: [{ line: 2 }] });
    expect(await bed.append()).toMatchObject({ kept: false });
  });

  it('is not continued over: the reason and the way out come back', async () => {
    const damaged = [...lines.slice(0, 4), lines[4]!.replace('does not hold', 'holds')];
    await bed.writeLines(damaged);
    const kept = await bed.append();
    expect(kept).toMatchObject({ kept: false });
    expect(renderKept(kept)).toMatch(/cannot be continued .*mv .*evidence\.jsonl .*\.broken/s);
    expect(await bed.lines()).toEqual(damaged);
  });
});

describe('an append that was interrupted', () => {
  it('is healed wherever the line was cut, and the cut piece is kept', async () => {
    await bed.fill(2);
    const whole = await bed.text();
    const start = whole.indexOf('\n') + 1;
    for (let length = start + 1; length < whole.length; length += 13) {
      await bed.write(whole.slice(0, length));
      expect((await bed.prove()).notices.join()).toMatch(/Line 2 was never finished/);
      const kept = await bed.appendKept();
      expect(kept.sequence).toBe(2);
      expect(await readFile(join(bed.dir, kept.healed!.keptAs), 'utf8')).toBe(whole.slice(start, length));
      expect(renderKept(kept)).toContain(kept.healed!.keptAs);
      const result = await bed.prove();
      expect(result).toMatchObject({ exit: 0, records: 2 });
      expect(result.notices.join()).toContain(kept.healed!.keptAs);
    }
  });

  it('just before the line break: the record is whole, and stays', async () => {
    await bed.fill(2);
    await bed.write((await bed.text()).trimEnd());
    expect(await bed.appendKept()).toMatchObject({ sequence: 3 });
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 3, notices: [] });
  });

  it('that left zeros, as some file systems do after a power cut', async () => {
    await bed.fill(1);
    await writeFile(bed.path, new Uint8Array(4096), { flag: 'a' });
    expect(await bed.appendKept()).toMatchObject({ sequence: 2, healed: { bytes: 4096 } });
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 2 });
  });

  it('of the very first record', async () => {
    await bed.write('{"answers":"12');
    expect(await bed.appendKept()).toMatchObject({ sequence: 1, healed: { bytes: 14 } });
  });

  it('is set aside again after another power cut, and never over something else', async () => {
    await bed.fill(1);
    const whole = await bed.text();
    await bed.write(`${whole}{"torn`);
    const aside = join(bed.dir, `evidence.jsonl.torn-${sha256('{"torn').slice(0, 12)}`);
    await writeFile(aside, '{"torn');
    expect(await bed.appendKept()).toMatchObject({ sequence: 2 });
    await bed.write(`${whole}{"torn`);
    await writeFile(aside, 'of somebody else');
    expect(await bed.append()).toMatchObject({ kept: false });
    expect(await readFile(aside, 'utf8')).toBe('of somebody else');
    expect(await bed.text()).toBe(`${whole}{"torn`);
  });
});

describe('what cannot be written is said, not thrown', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['a link', () => symlink('/etc/hostname', bed.path), /symbolic link/],
    ['a directory', () => mkdir(bed.path), /EISDIR/],
    [
      'a file that others may write',
      async () => {
        await writeFile(bed.path, '');
        await chmod(bed.path, 0o666);
      },
      /its mode is 666/,
    ],
    ['a directory that does not exist', () => bed.remove(), /does not exist/],
  ])('%s', async (_name, prepare, because) => {
    await prepare();
    const kept = await bed.append();
    expect(kept).toMatchObject({ kept: false });
    expect(renderKept(kept)).toMatch(because);
  });

  it('reading too: no file, and what is no file', async () => {
    expect(await bed.prove()).toMatchObject({ exit: 3, records: 0 });
    await symlink('/etc/hostname', bed.path);
    const result = await bed.prove({ expect: GENESIS });
    expect(result).toMatchObject({ exit: 3, breaks: [] });
    expect(renderEvidence(result)).toMatch(/not seen/);
  });

  it('a long file is read whole, from both ends', async () => {
    const many = Array.from({ length: 300 }, (_, n) =>
      finding(`a.c${n}`, { is: 'pass', observed: `${'ä'.repeat(n)} \u{1f600}` }),
    );
    for (let n = 0; n < 3; n++) await appendEvidence(fileEvidence(bed.path), report(many));
    expect((await stat(bed.path)).size).toBeGreaterThan(200_000);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 3 });
    const fromEnd: number[] = [];
    for await (const line of (await fileEvidence(bed.path).linesFromEnd())!) {
      const read = readRecord(line);
      if (read.is === 'record') fromEnd.push(read.record.sequence);
    }
    expect(fromEnd).toEqual([3, 2, 1]);
  });
});

describe('many at once', () => {
  let program: Awaited<ReturnType<typeof appender>>;
  beforeAll(async () => {
    program = await appender();
  });
  afterAll(() => program.dispose());

  it('in one process make one chain', async () => {
    await Promise.all(Array.from({ length: 20 }, () => bed.appendKept()));
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 20 });
  });

  it('ten processes make one chain, none is lost', async () => {
    const ended = await Promise.all(
      Array.from({ length: 10 }, () => watchChild(program.start(bed.path, 10))),
    );
    expect(ended.map((e) => [e.code, e.stderr])).toEqual(Array(10).fill([0, '']));
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 100 });
    expect(await readdir(bed.dir)).toEqual(['evidence.jsonl']);
  }, 60_000);

  it('processes that end while others wait for them make one chain, too', async () => {
    // Each ends right after it has given the lock back: who has read it then must not take the next one's away.
    for (let round = 0; round < 4; round++) {
      const ended = await Promise.all(
        Array.from({ length: 12 }, () => watchChild(program.start(bed.path, 1))),
      );
      expect(ended.map((e) => [e.code, e.stderr])).toEqual(Array(12).fill([0, '']));
    }
    expect(await bed.prove()).toMatchObject({ exit: 0, records: 48, breaks: [] });
  }, 60_000);

  it('a disk that takes no more: the reason is told, and half a record is taken back', async () => {
    // The kernel cuts the write that crosses this size short and refuses the next (setrlimit(2), RLIMIT_FSIZE).
    const limited = await watchChild(program.start(bed.path, 100, ['prlimit', '--fsize=20000']));
    expect(limited.code).toBe(1);
    expect(limited.stderr).toMatch(/EFBIG/);
    const told = limited.stdout.split('\n').length - 2;
    expect(told).toBeGreaterThan(5);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: told, notices: [] });
    expect(await bed.appendKept()).toMatchObject({ sequence: told + 1 });
  });

  it('a lock is never held twice, however many take it and give it back', async () => {
    const lockers = Array.from({ length: 6 }, () => watchChild(program.start(bed.path, 0, [], 2000)));
    for (const { code, stdout, stderr } of await Promise.all(lockers)) {
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^ready\n\d+ taken, 0 held twice\n$/);
    }
  }, 60_000);

  it('killed at many instants: what was told to be kept is kept, and the next append goes on', async () => {
    const told: string[] = [];
    for (let round = 0; round < 16; round++) {
      // Two append; both are killed the moment one has told so many records, each round at another point of its work.
      const children = [program.start(bed.path, 10_000), program.start(bed.path, 10_000)];
      told.push(...(await killOnceKept(children, 1 + (round % 5), round % 9)));
      const after = await bed.appendKept();
      told.push(`${after.sequence} ${after.hash}`);
    }
    expect(await bed.prove()).toMatchObject({ exit: 0, breaks: [] });
    const kept = new Map(
      (await bed.lines()).map((line) => JSON.parse(line)).map((r) => [r.sequence, r.hash]),
    );
    for (const line of told) {
      const [sequence, hash] = line.split(' ');
      expect(kept.get(Number(sequence)), line).toBe(hash);
    }
    expect(new Set(told).size).toBe(told.length);
    expect((await readdir(bed.dir)).filter((name) => name.includes('.lock'))).toEqual([]);
  }, 120_000);
});
