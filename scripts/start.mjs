// `npm start -- ARGS`: the tool from a clone. Installs what is missing, builds when a source is newer, then runs it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const call = (command, args, stdio) => {
  const result = spawnSync(command, args, { cwd: root, stdio });
  if (result.status !== 0) process.exit(result.status ?? 70);
};
/** Newest modification time below the given places, in milliseconds. */
const newest = (places) =>
  Math.max(
    ...places.flatMap((place) =>
      statSync(place).isDirectory()
        ? readdirSync(place, { recursive: true, withFileTypes: true })
            .filter((e) => e.isFile())
            .map((e) => statSync(join(e.parentPath ?? e.path, e.name)).mtimeMs)
        : [statSync(place).mtimeMs],
    ),
  );

// The tool's own output belongs to stdout; what is done to get there does not.
if (!existsSync(join(root, 'node_modules/esbuild')))
  call('npm', ['ci', '--no-audit', '--no-fund'], ['ignore', 2, 2]);
const bin = join(root, 'dist/bin.cjs');
const sources = ['src', 'steps', 'templates', 'package.json', 'scripts/build.mjs'].map((p) => join(root, p));
if (!existsSync(bin) || statSync(bin).mtimeMs < newest(sources))
  call(process.execPath, [join(root, 'scripts/build.mjs')], ['ignore', 2, 2]);
// The directory that the operator stands in decides what ./corecube means.
const result = spawnSync(process.execPath, [bin, ...process.argv.slice(2)], {
  stdio: 'inherit',
  cwd: process.env.INIT_CWD ?? process.cwd(),
});
process.exit(result.status ?? 70);
