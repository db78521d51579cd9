/** Whether an install can be made at a place, without a trace of the question. */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusedBySystem } from '../../src/core/refused.ts';
import { noPlace, placeProblem } from '../../src/host/place.ts';

describe('the place of an install', () => {
  let base: string;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'ccs-place-'));
    await writeFile(join(base, 'file'), '');
    await symlink(join(base, 'gone'), join(base, 'nowhere'));
    await symlink('loop', join(base, 'loop'));
    await mkdir(join(base, 'install', '.corecube-secure'), { recursive: true });
  });
  afterAll(() => rm(base, { recursive: true, force: true }));
  const problem = (...path: string[]) => placeProblem(join(base, ...path), ['.corecube-secure']);

  it('is good where it is there, and where it can be made; nothing is made to find out', async () => {
    const before = await readdir(base);
    expect(await problem()).toBeUndefined();
    expect(await problem('install')).toBeUndefined();
    expect(await problem('a', 'b', 'c')).toBeUndefined();
    expect(await readdir(base)).toEqual(before);
  });

  it.each([
    ['file', 'a part of the path is a file (ENOTDIR)', 'name a directory'],
    ['file/below', 'a part of the path is a file (ENOTDIR)', 'name a directory'],
    ['nowhere', 'a part of the path is a link that leads nowhere (ENOENT)', 'put the link right'],
    ['nowhere/below', 'a part of the path is a link that leads nowhere (ENOENT)', 'put the link right'],
    ['loop', 'a part of the path is a link that leads to itself (ELOOP)', 'put the link right'],
    ['n'.repeat(300), 'a name that the file system does not take (ENAMETOOLONG)', 'name a shorter path'],
  ])('is no good: %.20s', async (path, seen, fix) => {
    expect(await problem(path)).toMatchObject({ seen, fix });
    expect((await problem(path))?.where).toContain(join(base, path));
  });

  it('is told of no more than the system refused: anything else is a bug of ours', () => {
    expect(noPlace(new TypeError('x is not a function'), '/x')).toBeUndefined();
    expect(refusedBySystem(Object.assign(new Error('x'), { code: 'ENOSPC' }))).toBeUndefined();
    expect(refusedBySystem(undefined)).toBeUndefined();
    // Of a file that this tool named itself, that it is missing is told as what it is.
    const missing = Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open', path: '/x' });
    expect(refusedBySystem(missing)).toBeUndefined();
    expect(noPlace(missing, '/x')).toBeDefined();
  });
});
