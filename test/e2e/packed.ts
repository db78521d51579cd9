/** The package as npm would publish it, and bare machines to run it on. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import type { BedHost } from '../bed/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Packed {
  /** The tarball. */
  readonly file: string;
  /** The same, unpacked. */
  readonly directory: string;
  remove(): Promise<void>;
}

/** Packs what `npm run build` made. */
export async function pack(): Promise<Packed> {
  const base = await mkdtemp(join(tmpdir(), 'ccs-pack-'));
  const { stdout } = await execa('npm', ['pack', '--silent', '--pack-destination', base], { cwd: ROOT });
  const file = join(base, stdout.trim().split('\n').at(-1) ?? '');
  await execa('tar', ['-xzf', file, '-C', base]);
  return {
    file,
    directory: join(base, 'package'),
    remove: () => rm(base, { recursive: true, force: true }),
  };
}

/** Puts a text into a bare host. */
export async function putText(host: BedHost, path: string, text: string): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'ccs-put-'));
  try {
    await writeFile(join(base, 'file'), text);
    await host.put(join(base, 'file'), path);
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}
