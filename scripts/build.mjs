// Builds the published package into dist/: one code-split ESM bundle without runtime dependencies, the gate that
// runs on any Node, and the third-party licences of what was bundled.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { inkParts, onNodeAlone, rawPlugin } from './esbuild-plugins.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const pkg = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));

const dist = join(root, 'dist');
await rm(dist, { recursive: true, force: true });
const result = await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  metafile: true,
  legalComments: 'none',
  external: ['pg-native'],
  define: {
    'process.env.CREATE_CORECUBE_SECURE_VERSION': JSON.stringify(pkg.version),
    // React's production build, and no debugging bridge of Ink's.
    'process.env.NODE_ENV': '"production"',
    'process.env.DEV': '"false"',
  },
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  plugins: [rawPlugin, inkParts, onNodeAlone],
});

// Plain ES5 in the gate: a Node that is too old must be able to read it to say so.
await writeFile(
  join(dist, 'bin.cjs'),
  `#!/usr/bin/env node
'use strict';
var v = process.versions.node.split('.');
if (+v[0] < 20 || (+v[0] === 20 && +v[1] < 19)) {
  console.error('${pkg.name} needs Node 20.19 or newer; this is Node ' + process.versions.node + '.');
  process.exit(2);
}
if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  console.log('${pkg.version}');
} else {
  require('./load.cjs');
}
`,
  { mode: 0o755 },
);
// Name look-ups that nobody answers block a thread each for seconds; file work must not wait behind them.
await writeFile(
  join(dist, 'load.cjs'),
  "'use strict';\nprocess.env.UV_THREADPOOL_SIZE = process.env.UV_THREADPOOL_SIZE || '16';\nimport('./cli.js');\n",
);

const packages = new Set();
for (const input of Object.keys(result.metafile.inputs)) {
  const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
  if (match) packages.add(match[1]);
}
const notices = [];
for (const name of [...packages].sort()) {
  const folder = join(root, 'node_modules', name);
  const meta = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  let text;
  for (const file of ['LICENSE', 'LICENSE.md', 'license', 'LICENSE.txt', 'LICENCE', 'License']) {
    text = await readFile(join(folder, file), 'utf8').catch(() => undefined);
    if (text) break;
  }
  const license = typeof meta.license === 'string' ? meta.license : 'see the package';
  notices.push(
    `${name} ${meta.version}\n${license}\n\n${text ?? `The package carries no licence file; its package.json says ${license}.`}`,
  );
}
await writeFile(join(root, 'THIRD-PARTY-LICENSES.txt'), `${notices.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`);
const bytes = Object.values(result.metafile.outputs).reduce((n, o) => n + o.bytes, 0);
console.log(
  `dist/ ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 1000).toFixed(0)} kB, ${packages.size} bundled packages`,
);
