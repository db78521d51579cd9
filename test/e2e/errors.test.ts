/** Bad input: one clear report of every problem, exit 2, and nothing has been changed by then. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answersFor, TOOL } from './support.ts';

describe('bad input', () => {
  let base: string;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'ccs-errors-'));
  });
  afterAll(() => rm(base, { recursive: true, force: true }));

  const tool = (args: readonly string[], env: Record<string, string> = {}) =>
    execa(process.execPath, [TOOL, ...args], { reject: false, cwd: base, env, stdin: 'ignore' });

  it('lists all problems of an answers file with their lines, and changes nothing', async () => {
    const file = join(base, 'bad.yaml');
    await writeFile(
      file,
      [
        'image: corecube/corecube:latest',
        'domain: "corecube.test; rm -rf /"',
        'tls: sometimes',
        'adminRanges: [10.0.0.0/33, 0.0.0.0/0, 10.0.0.5/8]',
        'adminEmail: admin@example.com',
        'adminPassword: hunter2-is-no-reference',
        'sessionHours: 8h',
        'surprise: 1',
      ].join('\n'),
    );
    const before = await readdir(base);
    const result = await tool(['--yes', '--answers', file, '--dir', join(base, 'x')]);
    expect(result.exitCode).toBe(2);
    expect(result.stdout).toBe('');
    for (const line of [1, 2, 3, 4, 5, 6, 7, 8]) expect(result.stderr).toContain(`bad.yaml:${line}:`);
    expect(result.stderr).toContain('nothing has been changed');
    expect(result.stderr).not.toContain('hunter2');
    expect(await readdir(base)).toEqual(before);
  });

  it('names everything that is missing at once', async () => {
    const file = join(base, 'empty.yaml');
    await writeFile(file, 'database: external\ntls: files\n');
    const { exitCode, stderr } = await tool(['--dry-run', '--answers', file]);
    expect(exitCode).toBe(2);
    for (const id of [
      'image',
      'domain',
      'adminRanges',
      'adminEmail',
      'tlsCertificate',
      'tlsKey',
      'databaseAdminUrl',
      'databaseCa',
    ]) {
      expect(stderr).toContain(`(${id})`);
    }
  });

  it('takes a terminal or an empty command line for no consent', async () => {
    const file = join(base, 'good.yaml');
    await writeFile(file, answersFor('v2', 'errors'));
    const { exitCode, stderr } = await tool(['--answers', file, '--dir', join(base, 'x')]);
    expect([exitCode, stderr.includes('--yes')]).toEqual([2, true]);
    expect((await readdir(base)).includes('x')).toBe(false);
  });

  it.each([
    [['verify'], '1 problem with the input'],
    [['verify'], 'no finished install'],
    [['verfy'], 'did you mean verify'],
    [['--skip', 'no.such', '--dry-run'], 'an unknown control'],
    [['--skip', 'key.not-lost', '--dry-run'], 'cannot be waived'],
    [['--admin-password', 'x', '--dry-run'], 'a secret as a flag'],
    [['--dir', 'a:b', '--dry-run'], 'Compose cannot mount'],
    [['--answers', '/no/such/file', '--dry-run'], 'ENOENT'],
  ])('%j says %j', async (args, text) => {
    const { exitCode, stderr } = await tool(args);
    expect([exitCode, stderr.includes(text)], stderr).toEqual([2, true]);
  });

  it('refuses a misspelt variable of its own prefix', async () => {
    const { exitCode, stderr } = await tool(['--dry-run'], { CORECUBE_SECURE_DOMIAN: 'x' });
    expect([exitCode, stderr.includes('did you mean CORECUBE_SECURE_DOMAIN')], stderr).toEqual([2, true]);
  });
});
