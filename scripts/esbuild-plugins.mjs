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
 * pg asks a web `Response` whether it runs in a Cloudflare Worker, which loads Node's whole web client on Node 20 (40 ms of
 * processor a run). This bundle runs on Node alone.
 */
export const pgOnNode = {
  name: 'pg-on-node',
  setup(esbuild) {
    esbuild.onLoad({ filter: /[\\/]pg[\\/]lib[\\/]stream\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const contents = text.replace('if (isCloudflareRuntime())', 'if (false)');
      if (contents === text)
        throw new Error(`${path} no longer asks for a Cloudflare Worker: see scripts/esbuild-plugins.mjs`);
      return { contents };
    });
  },
};
