import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { inkParts, rawPlugin } from '../../scripts/esbuild-plugins.mjs';

/** A program of the tests, bundled as the package is, so that plain Node runs it. Remove it with `dispose`. */
export async function bundleProgram(
  entry: string,
): Promise<{ readonly file: string; dispose(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'program-'));
  const file = join(folder, 'program.mjs');
  await build({
    absWorkingDir: resolve(import.meta.dirname, '../..'),
    entryPoints: [entry],
    outdir: folder,
    entryNames: 'program',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    mainFields: ['module', 'main'],
    external: ['pg-native'],
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': '"false"' },
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    plugins: [rawPlugin, inkParts],
  });
  return { file, dispose: () => rm(folder, { recursive: true, force: true }) };
}
