import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  copyFile,
  lchown,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  unlink,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ChangeError } from '../core/errors.ts';
import type { AccessOptions, FileStat, WriteOptions } from '../core/host.ts';
import { Secret } from '../core/secret.ts';

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** A file's text, or undefined when it does not exist. */
export async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

/** lstat in our words, or undefined when there is nothing. */
export async function statFile(path: string): Promise<FileStat | undefined> {
  const s = await lstat(path).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!s) return undefined;
  const kind = s.isFile() ? 'file' : s.isDirectory() ? 'directory' : s.isSymbolicLink() ? 'symlink' : 'other';
  return { kind, mode: s.mode & 0o7777, uid: s.uid, gid: s.gid, size: s.size };
}

/** Names in a directory, or undefined when it does not exist. */
export async function listDirectory(path: string): Promise<readonly string[] | undefined> {
  return readdir(path).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Owner changes that this process may not make itself (a user of the docker group) go through this. */
export type ChangeOwner = (path: string, uid: number, gid: number, mode?: number) => Promise<void>;

/** `lchown`, and `fallback` when the kernel refuses it. */
export const ownerChanger =
  (fallback: ChangeOwner): ChangeOwner =>
  async (path, uid, gid) => {
    const now = await lstat(path);
    if (now.uid === uid && now.gid === gid) return;
    await lchown(path, uid, gid).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPERM') throw error;
      await fallback(path, uid, gid);
    });
  };

/**
 * Writes a file so that at every instant either the old or the new version is there, whole: temp file in the same
 * directory, 0600 from its first byte, final mode and owner, fsync, rename (or link, when exclusive), fsync of the directory.
 * @throws {ChangeError} `refused` when the path is a symbolic link or no file, or exists and the write is exclusive
 */
export async function replaceFile(
  path: string,
  content: string | Secret | Uint8Array,
  options: WriteOptions,
  owner: ChangeOwner,
): Promise<void> {
  const target = await statFile(path);
  if (target && options.exclusive)
    throw new ChangeError(
      'refused',
      `${path} exists already`,
      'Nothing is overwritten; look at the file first.',
    );
  if (target && target.kind !== 'file')
    throw new ChangeError(
      'refused',
      `${path} is a ${target.kind}, not a file`,
      'Move it away, then run again.',
    );
  const directory = dirname(path);
  const temp = join(directory, `.${randomBytes(6).toString('hex')}.tmp`);
  const handle = await open(
    temp,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await handle.writeFile(content instanceof Secret ? content.reveal() : content);
    await handle.chmod(options.mode);
    await handle.sync();
  } catch (error) {
    await unlink(temp).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
  try {
    const own = async (file: string) => {
      if (options.uid !== undefined) await owner(file, options.uid, options.gid ?? options.uid);
    };
    if (options.exclusive) {
      // link() refuses an existing name, so two writers cannot both win. The owner follows: the kernel refuses hard
      // links to files of others (fs.protected_hardlinks) to all but root.
      await link(temp, path);
      await unlink(temp);
      await own(path);
    } else {
      await own(temp);
      await rename(temp, path);
    }
  } catch (error) {
    await unlink(temp).catch(() => {});
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new ChangeError(
        'refused',
        `${path} exists already`,
        'Nothing is overwritten; look at the file first.',
      );
    }
    throw error;
  }
  await syncDirectory(directory);
}

/** Copies a file below `backups` before it is replaced or removed; mode 0600, path kept. Does nothing without a file. */
export async function backUp(root: string, path: string, backups: string): Promise<void> {
  if ((await statFile(path))?.kind !== 'file') return;
  const copy = join(backups, relative(root, path));
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
  if (await statFile(copy)) return;
  const temp = `${copy}.tmp`;
  await copyFile(path, temp, constants.COPYFILE_FICLONE);
  const handle = await open(temp, 'r+');
  try {
    await handle.chmod(0o600);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temp, copy);
}

/** Makes a directory (parents too, 0755) with mode and owner; an existing one gets them, a link is refused. */
export async function ensureDirectory(
  path: string,
  options: AccessOptions,
  owner: ChangeOwner,
): Promise<void> {
  const now = await statFile(path);
  if (now && now.kind !== 'directory')
    throw new ChangeError(
      'refused',
      `${path} is a ${now.kind}, not a directory`,
      'Move it away, then run again.',
    );
  if (!now) {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await mkdir(path, { mode: options.mode });
  }
  await setAccess(path, options, owner);
}

/** Sets mode and owner of a file or directory without following a link. */
export async function setAccess(path: string, options: AccessOptions, owner: ChangeOwner): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') return undefined;
      if (error.code === 'ELOOP')
        throw new ChangeError('refused', `${path} is a symbolic link`, 'Replace it by the file itself.');
      throw error;
    },
  );
  if (!handle) {
    // Somebody else's file with 0600: only the helper can touch it.
    const s = await lstat(path);
    const uid = options.uid ?? s.uid;
    return owner(path, uid, options.gid ?? (options.uid === undefined ? s.gid : uid), options.mode);
  }
  try {
    const s = await handle.stat();
    const uid = options.uid ?? s.uid;
    const gid = options.gid ?? (options.uid === undefined ? s.gid : options.uid);
    if (s.uid !== uid || s.gid !== gid)
      await handle
        .chown(uid, gid)
        .catch((error: NodeJS.ErrnoException) =>
          error.code === 'EPERM' ? owner(path, uid, gid) : Promise.reject(error),
        );
    await handle.chmod(options.mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
