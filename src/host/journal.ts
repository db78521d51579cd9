import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Journal } from '../core/host.ts';
import { redact } from '../core/secret.ts';

/** A journal that forgets, for runs that change nothing. */
export const noJournal: Journal = { append: async () => {} };

/** Append-only JSON lines, 0600, on the disk before `append` returns, redacted. Never follows a link. */
export function fileJournal(path: string): Journal {
  return {
    async append(entry) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const handle = await open(
        path,
        constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
        0o600,
      );
      try {
        await handle.write(
          `${redact(JSON.stringify({ time: new Date().toISOString(), pid: process.pid, ...entry }))}\n`,
        );
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}
