// Writes the README's generated parts (between `<!-- name -->` and `<!-- /name -->`) from the registry, the answers
// schema and the example. `--check` only compares and exits 1 when something is stale.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from './import-typescript.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');
const { parts, files } = await importTypeScript('scripts/docs-parts.ts');
const stale = [];
const put = async (path, text) => {
  const before = await readFile(join(root, path), 'utf8').catch(() => undefined);
  if (before === text) return;
  stale.push(path);
  if (!check) await writeFile(join(root, path), text);
};
let readme = await readFile(join(root, 'README.md'), 'utf8');
for (const [name, text] of Object.entries(parts)) {
  const from = `<!-- ${name} -->`;
  const to = `<!-- /${name} -->`;
  const start = readme.indexOf(from);
  const end = readme.indexOf(to);
  if (start < 0 || end < start) throw new Error(`README.md has no place for ${name}`);
  readme = `${readme.slice(0, start + from.length)}\n${text}\n${readme.slice(end)}`;
}
await put('README.md', readme);
for (const [path, text] of Object.entries(files)) await put(path, text);
if (check && stale.length > 0) {
  console.error(`stale: ${stale.join(', ')}; run npm run docs`);
  process.exitCode = 1;
} else console.log(stale.length > 0 ? `written: ${stale.join(', ')}` : 'up to date');
