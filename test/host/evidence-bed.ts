/** What the tests of the evidence share: an install directory's file, ways to damage it, and processes that append. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { appendEvidence, type Kept } from '../../src/evidence/append.ts';
import { canonicalJson, type Json, sha256 } from '../../src/evidence/canonical.ts';
import { verifyEvidence } from '../../src/evidence/chain.ts';
import type { EvidenceResult } from '../../src/evidence/result.ts';
import type { Signer } from '../../src/evidence/store.ts';
import { fileEvidence } from '../../src/host/evidence-store.ts';
import { sshSignatureCheck } from '../../src/host/signing.ts';
import { finding, report, VERDICT } from '../evidence/reports.ts';

export const NAMESPACE = 'evidence@test';

export class EvidenceBed {
  readonly dir: string;
  readonly path: string;
  /** Bytes from which on a file is closed; as shipped unless told. */
  largest: number | undefined;
  constructor(dir: string) {
    this.dir = dir;
    this.path = join(dir, 'evidence.jsonl');
  }
  static async create(): Promise<EvidenceBed> {
    return new EvidenceBed(await mkdtemp(join(tmpdir(), 'evidence-')));
  }
  remove = () => rm(this.dir, { recursive: true, force: true });
  text = () => readFile(this.path, 'utf8');
  lines = async () => (await this.text()).split('\n').slice(0, -1);
  write = (text: string | Uint8Array) => writeFile(this.path, text);
  writeLines = (lines: readonly string[]) => this.write(lines.map((line) => `${line}\n`).join(''));

  append(signer?: Signer, now?: () => Date): Promise<Kept> {
    const seen = [finding('a.one', VERDICT.pass), finding('a.two', VERDICT.fail)];
    return appendEvidence(fileEvidence(this.path, now, this.largest), report(seen), signer);
  }
  /** @throws when it was not kept */
  async appendKept(signer?: Signer, now?: () => Date): Promise<Extract<Kept, { kept: true }>> {
    const kept = await this.append(signer, now);
    if (!kept.kept) throw new Error(kept.because);
    return kept;
  }
  async fill(records: number, signer?: Signer): Promise<void> {
    for (let n = 0; n < records; n++) await this.appendKept(signer);
  }
  prove(options: { expect?: string; signers?: string } = {}): Promise<EvidenceResult> {
    const { expect, signers } = options;
    return verifyEvidence(fileEvidence(this.path), {
      signatures: sshSignatureCheck(NAMESPACE, signers),
      ...(expect === undefined ? {} : { expect }),
    });
  }
}

/** What a forger without the signing key does: changes a record and gives it a hash that fits. */
export function forge(line: string, change: (record: Record<string, Json>) => void): string {
  const record = JSON.parse(line) as Record<string, Json>;
  change(record);
  const body = { ...record, hash: undefined };
  return canonicalJson({ ...record, hash: sha256(canonicalJson(body)) });
}

/** What the program of `appender` does: appends, then takes and gives back the lock as fast as it can. */
const PROGRAM = `
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { appendEvidence } from '../../src/evidence/append.ts';
import { fileEvidence } from '../../src/host/evidence-store.ts';
import { acquireLock } from '../../src/host/lock.ts';
import { finding, report, VERDICT } from '../evidence/reports.ts';
const [path, count, lockFor, largest] = process.argv.slice(2);
writeSync(1, 'ready\\n');
for (let n = 0; n < Number(count); n++) {
  const store = fileEvidence(path, undefined, largest === '0' ? undefined : Number(largest));
  const kept = await appendEvidence(store, report([finding('a.one', VERDICT.pass)]));
  if (!kept.kept) throw new Error(kept.because);
  writeSync(1, kept.sequence + ' ' + kept.hash + '\\n');
}
const until = Date.now() + Number(lockFor);
let taken = 0;
let twice = 0;
while (Date.now() < until) {
  const release = await acquireLock(dirname(path), 'lock').catch((error) => {
    if (error.name !== 'UsageError' && !/cannot be taken/.test(error.message)) throw error;
  });
  if (!release) continue;
  taken += 1;
  try {
    closeSync(openSync(path + '.held', 'wx'));
    await new Promise((done) => setImmediate(done));
    unlinkSync(path + '.held');
  } catch (error) {
    if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
    twice += 1;
  }
  await release();
}
if (Number(lockFor) > 0) writeSync(1, taken + ' taken, ' + twice + ' held twice\\n');
`;

/**
 * A program that appends `count` times and prints each sequence number and hash once its record is on the disk; then, for
 * `lockFor` milliseconds, takes and gives back a lock and counts how often somebody else held it, too. `largest`: bytes from
 * which on a file is closed.
 */
export async function appender(): Promise<{
  start(
    path: string,
    count: number,
    under?: readonly string[],
    lockFor?: number,
    largest?: number,
  ): ChildProcess;
  dispose(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'appender-'));
  const outfile = join(folder, 'program.mjs');
  await build({
    stdin: { contents: PROGRAM, resolveDir: resolve(import.meta.dirname), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
  return {
    start(path, count, under = [], lockFor = 0, largest = 0) {
      const numbers = [count, lockFor, largest].map(String);
      const argv = [...under, process.execPath, outfile, path, ...numbers];
      return spawn(argv[0] as string, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What a child printed, and how it ended. `onOutput` may end it. */
export async function watchChild(
  child: ChildProcess,
  onOutput: (soFar: string) => void = () => {},
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk;
    onOutput(stdout);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { stdout, stderr, code };
}

/**
 * Kills writers of one chain `late` ms after one of them has told of `records` records.
 * @returns what they told of as kept, one `SEQUENCE HASH` each
 * @throws when one of them complained
 */
export async function killOnceKept(
  children: readonly ChildProcess[],
  records: number,
  late: number,
): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const kill = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  const ended = await Promise.all(
    children.map((child) =>
      watchChild(child, (soFar) => {
        // The first line says that it is ready, the last is not told to its end.
        if (soFar.split('\n').length > records + 1) timer ??= setTimeout(kill, late);
      }),
    ),
  );
  clearTimeout(timer);
  return ended.flatMap(({ stdout, stderr }) => {
    if (stderr !== '') throw new Error(stderr);
    return stdout.split('\n').slice(1, -1);
  });
}
