/** Records that this tool holds an install against. A broken one is not made anew: what it was held against would be lost. */
import type { HostReader } from '../../src/core/host.ts';
import { PATH } from './layout.ts';

/**
 * The object that a record holds.
 * @throws with the name of the file, when it is cut off or holds something else
 */
export async function recordIn<T extends object>(host: HostReader, path: string, text: string): Promise<T> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as T;
  } catch {
    // Said below, with what to do about it.
  }
  throw await brokenRecord(host, path);
}

/** That a record cannot be used, and where its last version is. */
export async function brokenRecord(host: HostReader, path: string): Promise<Error> {
  const copy = await latestBackup(host, path);
  const back = copy === undefined ? 'from a backup of this directory' : `from ${copy}`;
  return new Error(`${path} is cut off or is no record; put it back ${back}`);
}

/** The newest copy that a run kept before it wrote the file; undefined when there is none, or it cannot be seen. */
async function latestBackup(host: HostReader, path: string): Promise<string | undefined> {
  const runs = await host.list(PATH.backups).catch(() => undefined);
  for (const run of [...(runs ?? [])].sort().reverse()) {
    const copy = `${PATH.backups}/${run}/${path}`;
    if (await host.stat(copy).catch(() => undefined)) return copy;
  }
  return undefined;
}
