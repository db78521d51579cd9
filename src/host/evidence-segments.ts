/** The files of one chain: the one that is appended to, and before it those that are full and closed. */
import { type FileHandle, lstat, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CannotKeep, CannotRead } from '../evidence/store.ts';
import { syncDirectory } from './files.ts';

/**
 * Bytes from which on a file is closed: 8 MiB, some 300 records of 25 kB. Larger ones are slow to mail, to show and to
 * copy. A single record that is larger still gets a file of its own.
 */
export const LARGEST_SEGMENT = 8 * 1024 * 1024;

/** A closed file; its name says which record is its last. */
export interface Segment {
  readonly name: string;
  readonly path: string;
  readonly upTo: number;
}

/** `evidence.jsonl`, closed behind record 331: `evidence-0000331.jsonl`, so that names sort as records do. */
const segmentName = (path: string, upTo: number): string =>
  basename(path).replace(/(\.[^.]*)?$/, (suffix) => `-${String(upTo).padStart(7, '0')}${suffix}`);

/** Closed files in the order of the chain. @throws system errors other than a missing directory */
export async function segmentsOf(path: string): Promise<readonly Segment[]> {
  const names = await readdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const upTo = Number(/-(\d{7,15})(\.[^.]*)?$/.exec(name)?.[1]);
      const isOurs = Number.isSafeInteger(upTo) && segmentName(path, upTo) === name;
      return isOurs ? [{ name, path: join(dirname(path), name), upTo }] : [];
    })
    .sort((a, b) => a.upTo - b.upTo);
}

/**
 * Closes the file behind its last record: it gets the name that says so. One rename, so a run that is killed has done it
 * or has not; without a file to append to, the chain goes on behind the last closed one.
 * @throws {CannotKeep} when something has that name already
 */
export async function closeSegment(path: string, upTo: number): Promise<void> {
  const closed = join(dirname(path), segmentName(path, upTo));
  const taken = await lstat(closed).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (taken)
    throw new CannotKeep(
      `${closed} is there already, and this file would get its name. Move it away; nothing is overwritten.`,
    );
  await rename(path, closed);
  await syncDirectory(dirname(path));
}

/** One file of the chain, open for reading. */
export interface Part {
  readonly handle: FileHandle;
  /** Absent: the file that is appended to. */
  readonly segment?: Segment;
}

/**
 * Every file of the chain, in its order; undefined when there is none. The one that is appended to is opened first: when it
 * is closed meanwhile, it is found among the closed ones and counted once, and none is missed.
 * @throws {CannotRead}
 */
export async function openParts(
  path: string,
  openFile: (path: string) => Promise<FileHandle | undefined>,
): Promise<readonly Part[] | undefined> {
  const parts: Part[] = [];
  const active = await openFile(path);
  try {
    for (const segment of await segmentsOf(path)) {
      const handle = await openFile(segment.path);
      if (!handle) throw new CannotRead(`${segment.path} went away while the evidence was read`);
      parts.push({ handle, segment });
    }
    // More than one may have been closed since; what has been appended behind those belongs to the next look.
    const closed = active && (await Promise.all(parts.map(({ handle }) => isSame(active, handle))));
    if (active && closed?.includes(true)) await active.close();
    else if (active) parts.push({ handle: active });
  } catch (error) {
    await closeParts(parts);
    await active?.close();
    throw error;
  }
  return parts.length > 0 ? parts : undefined;
}

export async function closeParts(parts: readonly Part[]): Promise<void> {
  await Promise.all(parts.map(({ handle }) => handle.close()));
}

async function isSame(a: FileHandle, b: FileHandle): Promise<boolean> {
  const [x, y] = await Promise.all([a.stat(), b.stat()]);
  return x.ino === y.ino && x.dev === y.dev;
}
