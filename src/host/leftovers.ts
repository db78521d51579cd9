import { lstat, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What `replaceFile` calls its temporary files: nobody else's file looks like that. */
const TEMPORARY = /^\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes the temporary files that killed runs left in an install directory, some of which hold a secret. Only for
 * the holder of the lock. Other files, and the folders below those of the install itself, are left alone.
 */
export async function removeLeftovers(
  dir: string,
  names: { readonly lock: string; readonly backups: string },
): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
  for (const folder of [dir, ...folders]) {
    for (const name of await namesIn(folder)) if (TEMPORARY.test(name)) await remove(join(folder, name));
  }
  const backups = join(dir, names.backups);
  for (const name of await namesIn(backups, true)) {
    if (name.endsWith('.tmp')) await remove(join(backups, name));
  }
  const lock = join(dir, names.lock);
  for (const name of await namesIn(dirname(lock))) {
    const pid = name.startsWith(`${basename(lock)}.`) ? name.slice(basename(lock).length + 1) : '';
    // Another run that is about to ask for the lock still needs its own.
    if (/^\d+$/.test(pid) && !(await exists(`/proc/${pid}`))) await remove(join(dirname(lock), name));
  }
}

/** A folder that is not there or is not ours to read holds nothing that we left. */
async function namesIn(folder: string, recursive = false): Promise<readonly string[]> {
  return readdir(folder, { recursive }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return [];
    throw error;
  });
}

const exists = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
