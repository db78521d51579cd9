/** Before any end-to-end test: what is tested is what is written. They run the bundle, which an edit does not change. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** @throws when the bundle is missing, or older than one of its sources */
export default async function builtSinceTheLastEdit(): Promise<void> {
  const built = await stat(join(root, 'dist/cli.js')).catch(() => undefined);
  if (!built) throw new Error('There is no bundle to test. Run: npm run build');
  for (const folder of ['src', 'steps', 'templates']) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      if ((await stat(path)).mtimeMs > built.mtimeMs)
        throw new Error(`${path} is newer than the bundle that would be tested. Run: npm run build`);
    }
  }
}
