/** Who may import whom, and how large a file may be: the shape of the tree, held by a test. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const sources = async (folder: string) =>
  (await readdir(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((e) => e.isFile() && e.name.endsWith('.ts') && !e.name.endsWith('.d.ts'))
    .map((e) => join(e.parentPath, e.name));

const files = await Promise.all(
  [...(await sources('src')), ...(await sources('steps'))].map(async (path) => {
    const text = await readFile(path, 'utf8');
    const imports = [
      ...text.matchAll(/(?:^import[^;]*?from|^export[^;]*?from|\bimport\()\s*'([^']+)'/gms),
    ].map((m) => m[1] as string);
    return {
      name: relative(root, path),
      text,
      imports: imports.map((i) => (i.startsWith('.') ? relative(root, resolve(path, '..', i)) : i)),
    };
  }),
);
const inside = (folder: string) => files.filter((f) => f.name.startsWith(`${folder}/`));
const forbidden = (folder: string, isAllowed: (target: string) => boolean) =>
  inside(folder).flatMap((f) => f.imports.filter((i) => !isAllowed(i)).map((i) => `${f.name} imports ${i}`));

/** Modules that touch the world. */
const WORLD = /^(node:(fs|fs\/promises|child_process|net|http|https|tls|dgram|dns|dns\/promises)|execa|pg)$/;

describe('architecture', () => {
  it('finds the sources', () => expect(files.length).toBeGreaterThan(60));

  it('core imports nothing outside itself but pure helpers', () => {
    expect(
      forbidden('src/core', (i) => i.startsWith('src/core/') || i === 'node:util' || i === 'diff'),
    ).toEqual([]);
  });

  it('only the host touches the world; the command line reads the answers files', () => {
    const offenders = files
      .filter((f) => !f.name.startsWith('src/host/') && f.name !== 'src/cli.ts')
      .flatMap((f) => f.imports.filter((i) => WORLD.test(i)).map((i) => ({ name: f.name, i, text: f.text })))
      // isIP only parses.
      .filter(
        ({ i, text }) =>
          !(i === 'node:net' && /import \{ isIP(v4|v6)?(, isIP(v4|v6)?)* \} from 'node:net'/.test(text)),
      );
    expect(offenders.map(({ name, i }) => `${name} imports ${i}`)).toEqual([]);
  });

  it('steps know the core only', () => {
    const allowed = (i: string) => !i.startsWith('src/') || i.startsWith('src/core/');
    expect(forbidden('steps', allowed)).toEqual([]);
  });

  it('nothing in src but the composition root knows the steps, and nothing there knows CoreCube', () => {
    expect(
      inside('src')
        .filter((f) => f.name !== 'src/cli.ts')
        .flatMap((f) => f.imports.filter((i) => i.startsWith('steps/'))),
    ).toEqual([]);
    expect(
      inside('src')
        .filter((f) => /corecube/i.test(f.text))
        .map((f) => f.name),
    ).toEqual([]);
  });

  it('reports and front ends import the core, not the host', () => {
    for (const folder of ['src/report', 'src/frontends', 'src/answers']) {
      expect(forbidden(folder, (i) => !i.startsWith('src/host/'))).toEqual([]);
    }
  });

  it('files stay readable: at most 320 lines', () => {
    expect(
      files
        // One table of questions is easier to read whole.
        .filter((f) => f.name !== 'steps/questions.ts' && f.text.split('\n').length > 321)
        .map((f) => `${f.name} ${f.text.split('\n').length}`),
    ).toEqual([]);
  });

  it('the product prints through its front ends only', () => {
    expect(
      files.filter((f) => /\bconsole\.(log|error|warn|info|debug)\(/.test(f.text)).map((f) => f.name),
    ).toEqual([]);
  });
});
