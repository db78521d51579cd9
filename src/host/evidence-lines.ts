/** Reading a file line by line from either end, and what the system says when it refuses. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CannotKeep, CannotRead, type EvidenceLine } from '../evidence/store.ts';
import { closeParts, openParts, type Part, segmentsOf } from './evidence-segments.ts';

/** Bytes read at once. */
const CHUNK = 64 * 1024;
const LINE_FEED = 0x0a;

/** Undefined when there is no file. @throws {CannotRead} */
async function openForReading(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CannotRead(`${path} cannot be read: ${explain(error as NodeJS.ErrnoException, path)}`);
  }
  throw new CannotRead(`${path} is no file`);
}

/** Every line of the chain from the first; undefined when there is no file. @throws {CannotRead} */
export async function linesOf(path: string): Promise<AsyncIterable<EvidenceLine> | undefined> {
  const parts = await readable(path);
  return parts && linesOfParts(parts);
}

async function* linesOfParts(parts: readonly Part[]): AsyncGenerator<EvidenceLine> {
  try {
    for (const { handle, segment } of parts) {
      const of = segment ? { segment: { name: segment.name, upTo: segment.upTo } } : {};
      let isEmpty = true;
      for await (const line of forwards(handle)) {
        isEmpty = false;
        yield { ...line, ...of };
      }
      // A closed file without any line is one whose content was taken away.
      if (segment && isEmpty) yield { number: 1, bytes: new Uint8Array(0), finished: false, ...of };
    }
  } finally {
    await closeParts(parts);
  }
}

/** @throws {CannotRead} for what the system refuses */
async function readable(path: string): Promise<readonly Part[] | undefined> {
  try {
    return await openParts(path, openForReading);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new CannotRead(`${path} cannot be read: ${explain(error, path)}`);
  }
}

/** The file as it is long now: what others append meanwhile belongs to the next look. */
async function* forwards(handle: FileHandle): AsyncGenerator<EvidenceLine> {
  const { size } = await handle.stat();
  let parts: Buffer[] = [];
  let number = 1;
  for (let at = 0; at < size; at += CHUNK) {
    const buffer = Buffer.alloc(Math.min(CHUNK, size - at));
    await readFully(handle, buffer, at);
    let from = 0;
    for (let feed = buffer.indexOf(LINE_FEED); feed >= 0; feed = buffer.indexOf(LINE_FEED, from)) {
      yield { number, bytes: Buffer.concat([...parts, buffer.subarray(from, feed)]), finished: true };
      parts = [];
      number += 1;
      from = feed + 1;
    }
    if (from < buffer.length) parts.push(buffer.subarray(from));
  }
  if (parts.length > 0) yield { number, bytes: Buffer.concat(parts), finished: false };
}

/** Every finished line of the chain from the last; undefined when there is no file. @throws {CannotRead} */
export async function linesFromEnd(path: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const parts = await readable(path);
  return parts && backwards(parts);
}

async function* backwards(parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  try {
    for (const { handle } of parts.toReversed()) {
      const pieces = piecesFromEnd(handle, (await handle.stat()).size);
      // What follows the last line feed is no finished line.
      await pieces.next();
      yield* pieces;
    }
  } finally {
    await closeParts(parts);
  }
}

/**
 * The last line of the closed files, for a chain whose file to append to holds none yet; undefined without closed files.
 * @throws {CannotKeep} when the last of them ends in the middle of a line
 */
export async function lastOfSegments(
  path: string,
): Promise<{ readonly last: Uint8Array; readonly closed: string } | undefined> {
  const segment = (await segmentsOf(path)).at(-1);
  const handle = segment && (await openForReading(segment.path));
  if (!segment || !handle) return undefined;
  try {
    const pieces = piecesFromEnd(handle, (await handle.stat()).size);
    const torn = await pieces.next();
    const last = await pieces.next();
    if (torn.done || torn.value.length > 0 || last.done)
      throw new CannotKeep(
        `${segment.path} does not end with a whole record, and nothing is continued behind that. Prove the chain with --evidence.`,
      );
    return { last: last.value, closed: segment.path };
  } finally {
    await handle.close();
  }
}

/** What stands between line feeds, from the end; first what follows the last one (empty in a finished file). */
export async function* piecesFromEnd(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  let at = size;
  let parts: Buffer[] = [];
  while (at > 0) {
    const length = Math.min(CHUNK, at);
    const buffer = Buffer.alloc(length);
    await readFully(handle, buffer, at - length);
    at -= length;
    let end = length;
    for (let feed = buffer.lastIndexOf(LINE_FEED); feed >= 0; ) {
      yield Buffer.concat([buffer.subarray(feed + 1, end), ...parts]);
      parts = [];
      end = feed;
      feed = feed === 0 ? -1 : buffer.lastIndexOf(LINE_FEED, feed - 1);
    }
    parts = [buffer.subarray(0, end), ...parts];
  }
  if (size > 0) yield Buffer.concat(parts);
}

async function readFully(handle: FileHandle, buffer: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) throw new CannotRead('the evidence became shorter while it was read');
    done += bytesRead;
  }
}

export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';

/** What the system refused, and what to do about it. */
export function explain(error: NodeJS.ErrnoException, path: string): string {
  switch (error.code) {
    case 'EACCES':
    case 'EPERM':
      return `this user may not (${error.code}). Run as the owner of ${dirname(path)}, or as root.`;
    case 'EROFS':
      return 'the file system is read-only.';
    case 'ENOSPC':
    case 'EDQUOT':
      return `no space is left (${error.code}).`;
    case 'ENOENT':
    case 'ENOTDIR':
      return `${dirname(path)} does not exist: nothing was installed here by this tool.`;
    case 'ELOOP':
      return 'it is a symbolic link, not a file. Move it away.';
    default:
      return error.message;
  }
}
