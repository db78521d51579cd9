/** When a file was changed. */
import { join } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';

type Look = { readonly host: HostReader };

/** When a file's content, mode or owner last changed (ctime: nobody can set it); undefined when that cannot be seen. */
export const changedAt = (look: Look, path: string): Promise<Date | undefined> => timeOf(look, path, '%z');

/** When a file's content was last written (mtime: whoever owns the file can set it). */
export const modifiedAt = (look: Look, path: string): Promise<Date | undefined> => timeOf(look, path, '%y');

async function timeOf({ host }: Look, path: string, format: '%y' | '%z'): Promise<Date | undefined> {
  const full = path.startsWith('/') ? path : join(host.dir, path);
  const result = await host.query(['stat', '-c', format, full]).catch(() => undefined);
  if (result?.code !== 0) return undefined;
  // `2026-11-24 10:48:06.609000000 +0000`, of GNU and BusyBox alike; milliseconds are enough.
  const [, day, time, zone] =
    /^(\S+) (\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d* ([+-]\d{4})/.exec(result.stdout) ?? [];
  if (zone === undefined) return undefined;
  const date = new Date(`${day}T${time}${zone.slice(0, 3)}:${zone.slice(3)}`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
