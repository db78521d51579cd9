import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

/** esbuild plugin: a `?raw` import becomes the file's text, as in Vite. */
export const rawPlugin = {
  name: 'raw',
  setup(builder) {
    builder.onResolve({ filter: /\?raw$/ }, (args) => ({
      path: resolve(args.resolveDir, args.path.replace(/\?raw$/, '')),
      namespace: 'raw',
    }));
    builder.onLoad({ filter: /.*/, namespace: 'raw' }, async (args) => ({
      contents: await readFile(args.path, 'utf8'),
      loader: 'text',
    }));
  },
};

/**
 * Two modules of Ink's that are replaced: the bridge to the React developer tools, and its guess of a pipeline (any
 * variable that starts with `CI_`), which would leave the wizard without a screen. What a pipeline is has been decided
 * before Ink is loaded (src/frontends/choose.ts).
 */
export const inkParts = {
  name: 'ink-parts',
  setup(esbuild) {
    const empty = { 'is-in-ci': 'export default false;', './devtools.js': 'export default {};' };
    esbuild.onResolve({ filter: /^(is-in-ci|\.\/devtools\.js)$/ }, (at) => ({
      path: at.path,
      namespace: 'replaced',
    }));
    esbuild.onLoad({ filter: /.*/, namespace: 'replaced' }, (at) => ({ contents: empty[at.path] }));
  },
};

/**
 * Questions of libraries whose answer is known here, because the bundle runs on Node alone. Both load Node's whole web client
 * on Node 20, some 40 ms of processor a run: pg asks a web `Response` whether it is in a Cloudflare Worker, and Yoga fetches
 * its own bytes from a data: address.
 */
const ANSWERS = [
  { file: /[\\/]pg[\\/]lib[\\/]stream\.js$/, asks: 'if (isCloudflareRuntime())', answer: 'if (false)' },
  { file: /[\\/]yoga-wasm-base64-esm\.js$/, asks: '"function"!=typeof fetch', answer: 'true' },
];

/** esbuild plugin: puts the known answers in; fails where a new version of a library no longer asks. */
export const onNodeAlone = {
  name: 'on-node-alone',
  setup(esbuild) {
    for (const { file, asks, answer } of ANSWERS) {
      esbuild.onLoad({ filter: file }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        const contents = text.replaceAll(asks, answer);
        if (contents === text)
          throw new Error(`${path} no longer has ${asks}: see scripts/esbuild-plugins.mjs`);
        return { contents };
      });
    }
  },
};
