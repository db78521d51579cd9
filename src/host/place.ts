/** Where an install is to be: whether it can be made and written there. */
import { constants } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Problem, UsageError } from '../core/errors.ts';
import { placeRefused } from '../core/refused.ts';

/** An install directory in which nothing can be written: said as a problem of the input, for nothing was changed. */
export function noPlace(error: unknown, dir: string): UsageError | undefined {
  const problem = placeRefused(error, dir);
  return problem && new UsageError([problem]);
}

/**
 * Why an install directory cannot be made or written, told without leaving a trace; undefined when it can.
 * @param dir absolute; it need not exist
 * @param own directories in it that this tool writes into, where they exist
 */
export async function placeProblem(dir: string, own: readonly string[]): Promise<Problem | undefined> {
  const writable = constants.W_OK | constants.X_OK;
  try {
    const ground = await existing(dir);
    if (!(await stat(ground)).isDirectory()) throw refusal('ENOTDIR', ground);
    await access(ground, writable);
    if (ground !== dir) return undefined;
    for (const name of own) {
      const part = join(dir, name);
      if (await lstat(part).catch(() => undefined)) await access(part, writable);
    }
    return undefined;
  } catch (error) {
    const { path } = error as NodeJS.ErrnoException;
    const problem = placeRefused(error, path ?? dir);
    if (problem === undefined) throw error;
    return problem.where === dir ? problem : { ...problem, where: `${dir} (${problem.where})` };
  }
}

const refusal = (code: string, path: string): NodeJS.ErrnoException =>
  Object.assign(new Error(code), { code, path, syscall: 'stat' });

/** The nearest directory above that exists; a link that leads nowhere is no place. */
async function existing(path: string): Promise<string> {
  for (let place = path; ; place = dirname(place)) {
    const found = await lstat(place).catch((error: NodeJS.ErrnoException) => {
      // Whether something is there decides the nearest one that is.
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== undefined || place === dirname(place)) return place;
  }
}
