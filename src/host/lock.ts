import { createHash } from 'node:crypto';
import { link, lstat, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { livePid, ownIdentity } from './process-identity.ts';

/** How often, and how long after each other (milliseconds), the lock is asked for while others take over a stale one. */
const TRIES = 50;
const PAUSE = 20;

/**
 * One writing run per install directory. A lock whose process is gone (killed) is taken over, by one run only.
 * @returns a function that gives the lock back
 * @throws {UsageError} when another run is at work
 */
export async function acquireLock(dir: string, name: string): Promise<() => Promise<void>> {
  const path = join(dir, name);
  const own = await ownIdentity();
  const temp = `${path}.${process.pid}`;
  try {
    await mkdir(dir, { recursive: true, mode: 0o755 });
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Readable for everybody: a run of another user has to tell whether this one is still alive.
    await writeFile(temp, own, { mode: 0o644 });
    for (let tries = 0; tries < TRIES; tries++) {
      const taken = await link(temp, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) return () => unlink(path).catch(() => {});
      const holder = await livePid(await readLock(path));
      if (holder !== undefined) {
        throw new UsageError([
          {
            where: dir,
            seen: `another run at work (pid ${holder})`,
            expected: 'one run at a time',
            fix: 'wait until it has ended',
          },
        ]);
      }
      if (!(await removeStale(path))) await new Promise((done) => setTimeout(done, PAUSE));
    }
    throw new Error(`the lock ${path} cannot be taken`);
  } finally {
    await unlink(temp).catch(() => {});
  }
}

/** What a lock says, or undefined when there is none. */
async function readLock(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/**
 * Removes a lock whose process is gone. Without mutual exclusion a second run that read the same stale lock would
 * remove the first one's new lock. An abstract socket excludes, and the kernel drops it with its process: it
 * cannot become stale itself.
 * @returns false when another run is doing just that
 */
async function removeStale(path: string): Promise<boolean> {
  const { dev, ino } = await lstat(dirname(path));
  const id = createHash('sha256')
    .update(`${dev}:${ino}:${basename(path)}`)
    .digest('hex');
  const guard = createServer();
  const held = await new Promise<boolean>((resolve, reject) => {
    guard.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    guard.listen(`\0secure-setup-${id.slice(0, 32)}`, () => resolve(true));
  });
  if (!held) return false;
  try {
    const lock = await readLock(path);
    // Read again after its process was seen to be gone: one that was given back meanwhile is not stale, and whoever took it
    // before our unlink would lose it. What a dead process has left stays as it is, for nobody else removes it now.
    if (lock !== undefined && (await livePid(lock)) === undefined && (await readLock(path)) === lock)
      await unlink(path).catch(() => {});
    return true;
  } finally {
    await new Promise((done) => guard.close(done));
  }
}
