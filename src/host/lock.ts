import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../core/errors.ts';

/** Start time of a process in clock ticks since boot (proc(5), field 22): tells a reused pid from the same process. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

/**
 * One writing run per install directory. A lock whose process is gone (killed) is taken over.
 * @returns a function that gives the lock back
 * @throws {UsageError} when another run is at work
 */
export async function acquireLock(dir: string, name: string): Promise<() => Promise<void>> {
  const path = join(dir, name);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const own = `${process.pid} ${await startOf(process.pid)}`;
  const temp = `${path}.${process.pid}`;
  await writeFile(temp, own, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 5; tries++) {
      const taken = await link(temp, path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) return () => unlink(path).catch(() => {});
      const [pid, start] = (await readFile(path, 'utf8').catch(() => '')).split(' ');
      if (pid && start !== undefined && (await startOf(Number(pid))) === start) {
        throw new UsageError([
          {
            where: dir,
            seen: `another run at work (pid ${pid})`,
            expected: 'one run at a time',
            fix: 'wait until it has ended',
          },
        ]);
      }
      await unlink(path).catch(() => {});
    }
    throw new Error(`the lock ${path} cannot be taken`);
  } finally {
    await unlink(temp).catch(() => {});
  }
}
