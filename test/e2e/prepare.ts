/** What the tests of interrupted and unusual runs do to an install before and after. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import type { Install } from './support.ts';

/** The operator's own file of the next function, for hosts with a file tree of their own. */
export const NO_THROTTLE = 'services:\n  corecube:\n    environment:\n      CORECUBE_FAULTS: no-throttle\n';

/**
 * Switches the documented login throttle of the stand-in off before its first start, by the operator's own file:
 * every run logs in, and many runs a minute would otherwise wait for each other.
 */
export async function withoutThrottle(install: Install): Promise<void> {
  await writeFile(install.path('compose.override.yaml'), NO_THROTTLE);
}

/** Removes containers, volumes, networks and every file: as it was before the first run. */
export async function startOver(install: Install): Promise<void> {
  const down = await install.compose('down', '--volumes', '--timeout', '1');
  if (down.code !== 0) throw new Error(`docker compose down: ${down.stderr}`);
  for (const name of await readdir(install.dir)) {
    await rm(install.path(name), { recursive: true, force: true });
  }
}
