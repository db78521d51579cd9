/** Bad input: one clear report of every problem, exit 2, and nothing has been changed by then. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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

  it('says before it asks or does anything that the directory cannot be written', async () => {
    const answers = join(base, 'good.yaml');
    await writeFile(answers, answersFor('v2', 'nowhere'), { mode: 0o644 });
    await chmod(base, 0o755);
    const closed = join(base, 'closed');
    await mkdir(closed, { mode: 0o755 });
    const argv = [process.execPath, TOOL, '--yes', '--answers', answers, '--dir', join(closed, 'x')];
    const options = { reject: false, cwd: base, stdin: 'ignore' } as const;
    const stranger = await execa(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', ...argv],
      options,
    );
    const readOnly = await execa(
      'unshare',
      ['--mount', 'sh', '-c', 'mount -t tmpfs -o ro tmpfs "$1" && shift && exec "$@"', 'sh', closed, ...argv],
      options,
    );
    expect(stranger.stderr).toMatch(/seen +this user may not write there \(EACCES\)/);
    expect(readOnly.stderr).toMatch(/seen +a file system that is read-only \(EROFS\)/);
    for (const { exitCode, stdout, stderr } of [stranger, readOnly]) {
      expect(exitCode, stderr).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain(join(closed, 'x'));
      expect(stderr).toContain('nothing has been changed');
    }
    expect(await readdir(closed)).toEqual([]);
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
    [['--skip', 'key.acces', '--dry-run'], 'did you mean key.access'],
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
