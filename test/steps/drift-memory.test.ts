/** What the real host writes down of the files it writes: public ones only, never anything of a secret. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createHostSource } from '../../src/host/index.ts';
import { product } from '../../steps/index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ccs-drift-'));
});
afterEach(() => rm(dir, { recursive: true }));

const writer = (version?: string) =>
  createHostSource({
    dir,
    backups: 'backups',
    journal: 'journal.jsonl',
    ...(version === undefined ? {} : { version }),
    secretPaths: product.paths.secrets,
    helperLabel: 'x',
    helperImage: () => undefined,
  }).writer(new AbortController().signal, () => {});
const journal = async () =>
  (await readFile(join(dir, 'journal.jsonl'), 'utf8').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

it('a file that everybody may read: path, hash and version, once it is there', async () => {
  await writer('1.2.3').writeFile(join(dir, 'compose.yaml'), 'services: {}\n', { mode: 0o644 });
  const sha256 = createHash('sha256').update('services: {}\n').digest('hex');
  expect(await journal()).toEqual([
    expect.objectContaining({ event: 'wrote', path: 'compose.yaml', sha256, version: '1.2.3' }),
  ]);
});

it.each([
  ['a secret', 'public.txt', new Secret('a guessable password'), 0o644],
  ['a private file', 'private.txt', 'a guessable password', 0o600],
  ['a file for its group', 'group.txt', 'a guessable password', 0o640],
  ['whatever lies in .env', '.env', 'A=a guessable password', 0o644],
  ['whatever lies below secrets', 'secrets/pg_ca.crt', 'a certificate', 0o644],
])('nothing of %s', async (_, path, content, mode) => {
  const hands = writer('1.2.3');
  await hands.makeDirectory('secrets', { mode: 0o755 });
  await hands.writeFile(path, content, { mode });
  expect(await readFile(join(dir, path), 'utf8')).not.toBe('');
  expect(await journal()).toEqual([]);
});

it('nothing without a version, and nothing of a write that was refused', async () => {
  await writer().writeFile('a.txt', 'x', { mode: 0o644 });
  await expect(writer('1').writeFile('a.txt', 'y', { mode: 0o644, exclusive: true })).rejects.toThrow();
  expect(await journal()).toEqual([]);
});
