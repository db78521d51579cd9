import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { sha256 } from '../evidence/canonical.ts';
import { CannotKeep, type EvidenceStore, type OpenEvidence } from '../evidence/store.ts';
import {
  explain,
  isSystemError,
  lastOfSegments,
  linesFromEnd,
  linesOf,
  piecesFromEnd,
} from './evidence-lines.ts';
import { closeSegment, LARGEST_SEGMENT, segmentsOf } from './evidence-segments.ts';
import { syncDirectory } from './files.ts';
import { acquireLock } from './lock.ts';

/** Milliseconds that an append waits for others. Each takes some ten; with a signature as long as ssh-keygen takes. */
const LONGEST_WAIT = 60_000;
/** Milliseconds between two tries for the lock, at random so that many who wait do not ask in step. */
const pause = () => new Promise((done) => setTimeout(done, 5 + Math.random() * 20));

/** Appends of this process, one after the other: the lock file tells processes apart, not calls. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Evidence in files: one record a line, 0600, appended with O_APPEND and on the disk before an append returns. A full file
 * is closed (renamed to `evidence-0000331.jsonl`, where 331 is its last record) and stays. Never follows a link. The
 * directory must exist: a look makes none.
 * @param path absolute, of the file that is appended to
 * @param largest bytes from which on it is closed
 */
export function fileEvidence(
  path: string,
  now: () => Date = () => new Date(),
  largest: number = LARGEST_SEGMENT,
): EvidenceStore {
  return {
    path,
    host: hostname(),
    now,
    exclusively: (work) => inTurn(path, () => locked(path, largest, work)),
    lines: () => linesOf(path),
    linesFromEnd: () => linesFromEnd(path),
    notices: () => noticesOf(path),
  };
}

async function inTurn<T>(path: string, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(path) ?? Promise.resolve()).then(work);
  const settled = turn.catch(() => {});
  queues.set(path, settled);
  try {
    return await turn;
  } finally {
    if (queues.get(path) === settled) queues.delete(path);
  }
}

async function locked<T>(
  path: string,
  largest: number,
  work: (file: OpenEvidence) => Promise<T>,
): Promise<T> {
  const lock = `${basename(path)}.lock`;
  let release: (() => Promise<void>) | undefined;
  try {
    await lstat(dirname(path));
    release = await takeLock(dirname(path), lock);
    await removeLeftLocks(dirname(path), lock);
    const file = await openEvidence(path, largest);
    try {
      return await work(file);
    } finally {
      await file.dispose();
    }
  } catch (error) {
    throw isSystemError(error) ? new CannotKeep(explain(error, path)) : error;
  } finally {
    await release?.();
  }
}

/** @throws {CannotKeep} when others take longer than anybody should */
async function takeLock(dir: string, name: string): Promise<() => Promise<void>> {
  const until = performance.now() + LONGEST_WAIT;
  for (;;) {
    try {
      return await acquireLock(dir, name);
    } catch (error) {
      // Held by another run, or changing hands too fast to be had: both end.
      if (isSystemError(error)) throw error;
      if (performance.now() > until)
        throw new CannotKeep(
          `another verify has held the evidence for ${LONGEST_WAIT / 1000} s (${error instanceof UsageError ? error.problems[0]?.seen : String(error)}); run again when it has ended.`,
        );
    }
    await pause();
  }
}

/** A process that was killed while it asked for the lock leaves its own small file. */
async function removeLeftLocks(dir: string, lock: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const pid = name.startsWith(`${lock}.`) ? name.slice(lock.length + 1) : '';
    if (!/^\d+$/.test(pid)) continue;
    const isAlive = await lstat(`/proc/${pid}`).then(
      () => true,
      () => false,
    );
    if (!isAlive) await unlink(join(dir, name)).catch(() => {});
  }
}

/** @throws {CannotKeep} for what is no file, or one that others may write */
async function openForAppend(path: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  // O_NONBLOCK: a named pipe must not hold the verify.
  const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new CannotKeep('it is no file. Move it away.');
    if ((stat.mode & 0o022) !== 0)
      throw new CannotKeep(
        `its mode is ${(stat.mode & 0o7777).toString(8)}, so others may have written it. Look who did, then: chmod 600 ${path}`,
      );
    if (stat.size === 0) {
      // An install belongs to its operator, also when root looks at it first.
      const owner = await lstat(dirname(path));
      if (process.geteuid?.() === 0 && (stat.uid !== owner.uid || stat.gid !== owner.gid))
        await handle.chown(owner.uid, owner.gid);
      await syncDirectory(dirname(path));
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Holds the file that is appended to, also across the closing of a full one. */
async function openEvidence(
  path: string,
  largest: number,
): Promise<OpenEvidence & { dispose(): Promise<void> }> {
  let handle = await openForAppend(path);
  const append = async (text: string) => {
    const { size } = await handle.stat();
    try {
      await handle.appendFile(text);
      await handle.sync();
    } catch (error) {
      // Half a line helps nobody. It was ours alone: nobody else appends meanwhile.
      await handle.truncate(size).catch(() => {});
      throw error;
    }
  };
  return {
    async tail() {
      const { size } = await handle.stat();
      let torn: Uint8Array | undefined;
      for await (const piece of piecesFromEnd(handle, size)) {
        if (torn === undefined) torn = piece;
        else return { last: piece, torn: torn.length > 0 ? torn : undefined };
      }
      const found = (await lastOfSegments(path)) ?? { last: undefined };
      return { ...found, torn: torn && torn.length > 0 ? torn : undefined };
    },
    async isFullFor(bytes) {
      const { size } = await handle.stat();
      return size > 0 && size + bytes + 1 > largest;
    },
    async close(upTo) {
      await closeSegment(path, upTo);
      const full = handle;
      handle = await openForAppend(path);
      await full.close();
    },
    dispose: () => handle.close(),
    append: (line) => append(`${line}\n`),
    finish: () => append('\n'),
    async setAside(torn) {
      // Named by its content: set aside again after another power cut, it is the same file.
      const name = `${basename(path)}.torn-${sha256(torn).slice(0, 12)}`;
      const aside = join(dirname(path), name);
      await writeFile(aside, torn, { mode: 0o600, flag: 'wx', flush: true }).catch(
        async (error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error;
          if (!(await readFile(aside)).equals(torn))
            throw new CannotKeep(
              `${name} beside it holds something else than its unfinished line. Move it away.`,
            );
        },
      );
      await syncDirectory(dirname(path));
      const { size } = await handle.stat();
      await handle.truncate(size - torn.length);
      await handle.sync();
      return name;
    },
  };
}

async function noticesOf(path: string): Promise<readonly string[]> {
  const notices: string[] = [];
  try {
    for (const file of [...(await segmentsOf(path)).map((segment) => segment.path), path]) {
      const stat = await lstat(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (stat && (stat.mode & 0o077) !== 0)
        notices.push(
          `${file} has the mode ${(stat.mode & 0o7777).toString(8)}; expected 600, because it says what is weak here.`,
        );
    }
    const prefix = `${basename(path)}.torn-`;
    const torn = (await readdir(dirname(path))).filter(
      (name) => name.startsWith(prefix) && /^[0-9a-f]{12}$/.test(name.slice(prefix.length)),
    );
    for (const name of torn.sort())
      notices.push(`An append was interrupted once; its unfinished line is kept in ${name}.`);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT') notices.push(`Mode and neighbours of ${path} were not seen: ${error.code}.`);
  }
  return notices;
}
