import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  chmod,
  lchown,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { ChangeError } from '../core/errors.ts';
import type { AccessOptions, FileStat, WriteOptions } from '../core/host.ts';
import { Secret } from '../core/secret.ts';

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** A file's text, or undefined when it does not exist. @throws as {@link readPlain} */
export async function readText(path: string): Promise<string | undefined> {
  return readPlain(path).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

/**
 * A file's text. A pipe or a device is refused: the one would be waited for without an end (fifo(7)), the other has none.
 * @throws what open(2) and read(2) say, and for whatever is no plain file
 */
export async function readPlain(path: string): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile() && !stat.isDirectory()) throw new Error('it is a pipe or a device, not a plain file');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
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

/**
 * The path with every link in it followed, as far as it exists and this user may look; the rest stays as it was named.
 */
export async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPath(parent), basename(path));
  }
}

/** Names in a directory, or undefined when it does not exist. */
export async function listDirectory(path: string): Promise<readonly string[] | undefined> {
  return readdir(path).catch((error) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

/** Makes what was created, renamed or removed in a directory last. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives a path (never what a link points to) an owner, and a mode where one is named. */
export type ChangeOwner = (path: string, uid: number, gid: number, mode?: number) => Promise<void>;

/**
 * `lchown`, and `fallback` for what this process may not do itself (a user of the docker group). A mode is named
 * only where this process was refused already, so it always goes to `fallback`.
 */
export const ownerChanger =
  (fallback: ChangeOwner): ChangeOwner =>
  async (path, uid, gid, mode) => {
    if (mode !== undefined) return fallback(path, uid, gid, mode);
    const now = await lstat(path);
    if (now.uid === uid && now.gid === gid) return;
    await lchown(path, uid, gid).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPERM') throw error;
      await fallback(path, uid, gid);
    });
  };

/** What a path shall belong to: what is left out stays as it is; a uid alone brings the group of the same number. */
const ownership = (options: AccessOptions, now: { readonly uid: number; readonly gid: number }) => ({
  uid: options.uid ?? now.uid,
  gid: options.gid ?? options.uid ?? now.gid,
});

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
    const { uid, gid } = ownership(options, target ?? (await lstat(temp)));
    if (!options.exclusive) {
      await owner(temp, uid, gid);
      await rename(temp, path);
    } else {
      // The kernel refuses hard links to files of others (fs.protected_hardlinks) to all but root: they own it afterwards.
      const isRoot = process.geteuid?.() === 0;
      if (isRoot) await owner(temp, uid, gid);
      // link() refuses an existing name, so two writers cannot both win.
      await link(temp, path);
      await unlink(temp);
      if (!isRoot) await owner(path, uid, gid);
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

/**
 * Copies a file below `backups` before it is replaced or removed: 0600 from its first byte, path kept (below `outside`
 * when it is not in `root`). Does nothing without a file, or when this run has kept an older version already.
 * @param readForeign reads a file that this user may not read
 */
export async function backUp(
  root: string,
  path: string,
  backups: string,
  readForeign: (path: string) => Promise<Secret>,
): Promise<void> {
  if ((await statFile(path))?.kind !== 'file') return;
  const inside = relative(root, path);
  const isOutside = inside.startsWith('..') || isAbsolute(inside);
  const copy = join(backups, isOutside ? join('outside', path) : inside);
  if (await statFile(copy)) return;
  const content = await readFile(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error;
    return (await readForeign(path)).reveal();
  });
  await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
  const temp = `${copy}.tmp`;
  const handle = await open(
    temp,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temp, copy);
  await syncDirectory(dirname(copy));
}

/** Removes a file or a link itself, and is sure of it when it returns. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path);
  await syncDirectory(dirname(path));
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

/**
 * Sets mode and owner of a file or directory without following a link.
 * @throws {ChangeError} `refused` when it is a symbolic link
 */
export async function setAccess(path: string, options: AccessOptions, owner: ChangeOwner): Promise<void> {
  const linkRefused = () =>
    new ChangeError('refused', `${path} is a symbolic link`, 'Replace it by the file itself.');
  // Somebody else's file: only the helper can touch it.
  const throughHelper = async () => {
    const now = await lstat(path);
    if (now.isSymbolicLink()) throw linkRefused();
    const { uid, gid } = ownership(options, now);
    await owner(path, uid, gid, options.mode);
  };
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') return undefined;
    throw error.code === 'ELOOP' ? linkRefused() : error;
  });
  if (!handle) return throughHelper();
  try {
    const now = await handle.stat();
    const { uid, gid } = ownership(options, now);
    // The mode first: whoever gives a file away may not change it any more.
    if ((now.mode & 0o7777) !== options.mode) await handle.chmod(options.mode);
    if (now.uid !== uid || now.gid !== gid) await handle.chown(uid, gid);
    await handle.sync();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    await throughHelper();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces a file that the operator named as a whole (temp file beside it, rename). Who could read the file before can
 * read it after; a new one gets the mode that this user's umask gives. A path that leads to something else than a file (`/dev/stdout`, a pipe) is written to directly.
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const now = await statFile(path);
  if (now !== undefined && now.kind !== 'file') return writeFile(path, text);
  const temp = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(temp, text, { flag: 'wx', ...(now ? { mode: now.mode } : {}) });
    // The umask takes away, and here it is not asked.
    if (now) await chmod(temp, now.mode);
    await rename(temp, path);
  } catch (error) {
    await unlink(temp).catch(() => {});
    throw error;
  }
}
