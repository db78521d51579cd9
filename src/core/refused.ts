/** What the system refuses is no bug of ours: it is said with what to do about it. */
import type { Problem } from './errors.ts';

type Refusals = Readonly<Record<string, readonly [seen: string, fix: (path?: string) => string]>>;

/** Why nothing can be written, and how to put it right, by the code of the system call (errno(3)). */
const BY_DISK: Refusals = {
  ENOSPC: [
    'no space left for a file of some bytes',
    (path) => `make room (df -h${path === undefined ? '' : ` ${path}`})`,
  ],
  EDQUOT: ['the quota of this user is used up', () => 'make room, or have the quota raised'],
  EROFS: ['a file system that is read-only', () => 'mount it for writing'],
  EACCES: ['this user may not write there', (path) => `run as the owner of ${path ?? 'it'}, or as root`],
  EPERM: ['this user may not write there', (path) => `run as the owner of ${path ?? 'it'}, or as root`],
  EIO: ['the disk does not answer as it should', () => 'look at dmesg, and have the disk checked'],
};

/** Why a directory that was named cannot be one. Of any other path they may as well tell of a fault of ours. */
const BY_NAME: Refusals = {
  ENOTDIR: ['a part of the path is a file', () => 'name a directory'],
  EEXIST: ['a part of the path is a file', () => 'name a directory'],
  ELOOP: ['a part of the path is a link that leads to itself', () => 'put the link right'],
  ENOENT: ['a part of the path is a link that leads nowhere', () => 'put the link right'],
  ENAMETOOLONG: ['a name that the file system does not take', () => 'name a shorter path'],
};

/**
 * What a refused system call comes to, for the operator; undefined for whatever else went wrong.
 * @param path where it was to be written, absolute; without it the path that the error names, which one of write(2) does not
 */
export const refusedBySystem = (error: unknown, path?: string): Problem | undefined =>
  problemOf(error, BY_DISK, path);

/** The same of a directory that somebody has named. @param path absolute */
export const placeRefused = (error: unknown, path: string): Problem | undefined =>
  problemOf(error, { ...BY_DISK, ...BY_NAME }, path);

function problemOf(error: unknown, refusals: Refusals, path: string | undefined): Problem | undefined {
  const { code, path: named, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  const refusal = syscall === undefined || code === undefined ? undefined : refusals[code];
  if (refusal === undefined) return undefined;
  const [seen, fix] = refusal;
  const place = path ?? named;
  return {
    where: place ?? 'a file that this run writes',
    seen: `${seen} (${code})`,
    expected: 'a place that can be written to',
    fix: fix(place),
  };
}
