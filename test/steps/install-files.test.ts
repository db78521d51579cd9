/** Who may change the files of an install, and copies of its secrets. */
import { describe, expect, it } from 'vitest';
import type { CommandResult, FileStat, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Verdict } from '../../src/core/step.ts';
import { installFileControls } from '../../steps/upkeep/install-files.ts';

const KEY = 'ab'.repeat(32);
const file = (mode = 0o644, uid = 0): FileStat => ({ kind: 'file', mode, uid, gid: uid, size: 1 });
const folder = (mode = 0o755, uid = 0): FileStat => ({ kind: 'directory', mode, uid, gid: uid, size: 1 });
const HEALTHY: Readonly<Record<string, FileStat>> = {
  '/': folder(),
  '/srv': folder(),
  '.': folder(),
  'compose.yaml': file(),
  'compose.override.yaml': file(),
  '.corecube-secure': folder(0o700),
  '.corecube-secure/answers.yaml': file(0o600),
  '.env': file(0o600),
  'secrets/encryption_key': file(0o600, 1000),
};

async function look(
  id: string,
  change: Readonly<Record<string, FileStat | undefined>> = {},
  grep: CommandResult = { code: 1, stdout: '', stderr: '' },
  /** What files begin with. */
  starts: Readonly<Record<string, string>> = {},
): Promise<{ verdict: Verdict; asked: { argv: readonly string[]; input: string }[] }> {
  const stats: Record<string, FileStat | undefined> = { ...HEALTHY, ...change };
  const asked: { argv: readonly string[]; input: string }[] = [];
  const host = {
    dir: '/srv/corecube',
    system: async () => ({ uid: 0 }),
    stat: async (path: string) => stats[path],
    list: async (path: string) =>
      Object.keys(stats)
        .filter((name) => stats[name] && !name.startsWith('/') && name !== '.')
        .map((name) =>
          path === '.' ? name : name.startsWith(`${path}/`) ? name.slice(path.length + 1) : '/',
        )
        .filter((name) => !name.includes('/')),
    readSecret: async (path: string) =>
      path === 'secrets/encryption_key'
        ? new Secret(KEY)
        : path === '.env'
          ? new Secret(
              `PGVECTOR_APP_URL=postgresql://corecube_app:${'p'.repeat(40)}@pgvector:5432/corecube\nPGVECTOR_MAINTENANCE_URL=postgresql://corecube_maintenance:corecube_maintenance@pgvector:5432/corecube\n`,
            )
          : undefined,
    query: async (argv: readonly string[], options?: { input?: Secret }) => {
      asked.push({ argv, input: options?.input?.reveal() ?? '' });
      const paths = argv.slice(argv.indexOf('--') + 1);
      if (argv[0] === 'head') {
        const shown = paths.map(
          (path) => `==> ${path} <==\n${starts[path.replace('/srv/corecube/', '')] ?? 'name: '}\n`,
        );
        return { code: 0, stdout: shown.join('\n'), stderr: '' };
      }
      if (argv.includes('--fixed-strings')) return grep;
      const wanted = argv.find((word) => word.startsWith('--regexp='))?.slice('--regexp='.length) ?? '';
      const pattern = new RegExp(wanted.replaceAll('[[:space:]]', '\\s'), 'm');
      const found = paths.filter((path) => pattern.test(starts[path.replace('/srv/corecube/', '')] ?? ''));
      return { code: found.length > 0 ? 0 : 1, stdout: found.join('\n'), stderr: '' };
    },
    once: (_: string, see: () => Promise<unknown>) => see(),
  } as unknown as HostReader;
  const control = installFileControls.find((c) => c.id === id);
  if (!control) throw new Error(id);
  return {
    verdict: await control.inspect({ host, answers: {}, signal: new AbortController().signal }),
    asked,
  };
}

describe('install.files-access', () => {
  const id = 'install.files-access';
  it('holds where only root can write', async () => {
    expect((await look(id)).verdict).toMatchObject({ is: 'pass' });
  });
  it('holds below a directory for everybody in which nobody replaces what others made', async () => {
    expect((await look(id, { '/srv': folder(0o1777) })).verdict).toMatchObject({ is: 'pass' });
  });
  it("takes a group of the owner's own for nobody else, as a umask of 002 leaves it", async () => {
    const stats = { '.': folder(0o775, 1000), 'compose.override.yaml': file(0o664, 1000) };
    expect((await look(id, stats)).verdict).toMatchObject({ is: 'pass' });
  });
  it('lets an install belong to its operator', async () => {
    expect(
      (await look(id, { '.': folder(0o755, 1000), 'compose.yaml': file(0o644, 1000) })).verdict,
    ).toMatchObject({ is: 'pass' });
  });
  it.each([
    ['compose.yaml', file(0o666), 'compose.yaml has mode 0666'],
    ['compose.override.yaml', { ...file(0o664), gid: 50 }, 'compose.override.yaml has mode 0664'],
    // Of root, whose group is nobody's own: the group bits, or the mask of an ACL.
    ['compose.override.yaml', file(0o664), 'compose.override.yaml has mode 0664'],
    ['compose.yaml', file(0o644, 1234), 'compose.yaml belongs to uid 1234'],
    ['compose.override.yaml', { ...file(), kind: 'symlink' as const }, 'compose.override.yaml is a symlink'],
    ['.corecube-secure', folder(0o777), '.corecube-secure has mode 0777'],
    ['.corecube-secure/answers.yaml', file(0o602), '.corecube-secure/answers.yaml has mode 0602'],
    ['.', { ...folder(0o775), gid: 50 }, 'the directory of the install has mode 0775'],
    ['/srv', folder(0o777), '/srv has mode 0777'],
    ['/srv', folder(0o755, 1234), '/srv belongs to uid 1234'],
  ])('fails for %s', async (path, stat, observed) => {
    expect((await look(id, { [path]: stat })).verdict).toMatchObject({ is: 'fail', observed });
  });
});

describe('install.no-copies', () => {
  const id = 'install.no-copies';
  it('searches what others can read, and every file that a container is given, with the secrets on standard input', async () => {
    const { verdict, asked } = await look(id, {
      'notes.txt': file(),
      'mine.txt': file(0o600),
      'caddy/x': file(0o600),
    });
    expect(verdict).toMatchObject({ is: 'pass' });
    expect(asked[0]?.argv.join(' ')).toMatch(
      /-- \/srv\/corecube\/compose\.yaml \/srv\/corecube\/compose\.override\.yaml \/srv\/corecube\/notes\.txt \/srv\/corecube\/caddy\/x$/,
    );
    expect(asked[0]?.argv.join(' ')).not.toContain(KEY);
    expect(asked[0]?.input.split('\n')).toEqual([KEY, 'p'.repeat(40)]);
  });
  it('names the files, and never what they hold', async () => {
    const grep = { code: 0, stdout: '/srv/corecube/.env.bak\n', stderr: '' };
    expect((await look(id, { '.env.bak': file() }, grep)).verdict).toMatchObject({
      is: 'fail',
      observed: '.env.bak holds a secret',
    });
  });
  const searched = async (stats: Readonly<Record<string, FileStat>>) =>
    (await look(id, stats)).asked[0]?.argv
      .filter((word) => /backup|secrets/.test(word))
      .map((word) => word.slice(14));
  it('goes into directories that others can enter, secrets/ too, and leaves the originals to their own controls', async () => {
    expect(
      await searched({
        secrets: folder(0o711),
        'secrets/encryption_key': file(0o644, 1000),
        'secrets/encryption_key.bak': file(),
        'secrets/own': file(0o600),
        backup: folder(0o711),
        'backup/deep': folder(),
        'backup/deep/env': file(),
      }),
    ).toEqual(['backup/deep/env', 'secrets/encryption_key.bak']);
  });
  it('does not go where nobody else can get to', async () => {
    expect(await searched({ backup: folder(0o700), 'backup/env': file() })).toEqual([]);
    expect((await look(id, { '.': folder(0o700) })).verdict).toMatchObject({
      observed: 'no file that others can read',
    });
  });
  it('names a private key that others can read, also in a tar, and no mere mention of one', async () => {
    const key = `-----BEGIN EC PRIVATE KEY-----\n${'MHcCAQEEI'.repeat(7)}\n`;
    const observed = async (content: string, mode = 0o644) => {
      const { verdict } = await look(id, { x: file(mode) }, undefined, { x: content });
      return verdict.is === 'fail' ? verdict.observed : verdict.is;
    };
    expect(await observed(key)).toBe('x holds a private key');
    expect(await observed(`root.key\0\0${key}\0`)).toBe('x holds a private key');
    expect(await observed(JSON.stringify(key))).toBe('x holds a private key');
    expect(await observed(key, 0o600)).toBe('pass');
    expect(await observed('grep -- "-----BEGIN PRIVATE KEY-----" *\nwhatever follows')).toBe('pass');
  });
  it('names a dump that others can read, and leaves one of the owner alone', async () => {
    const starts = { 'corecube.dump': 'PGDMP' };
    expect((await look(id, { 'corecube.dump': file() }, undefined, starts)).verdict).toMatchObject({
      is: 'fail',
      observed: 'corecube.dump is a dump of a database',
    });
    for (const mode of [0o600, 0o640])
      expect((await look(id, { 'corecube.dump': file(mode) }, undefined, starts)).verdict.is).toBe('pass');
  });
  it.each([
    ['gzip', '\x1f\ufffd\b'],
    ['bzip2', 'BZh91A'],
    ['xz', '\ufffd7zXZ\0'],
    ['zstd', '(\ufffd/\ufffd'],
    ['zip', 'PK\x03\x04'],
    ['7-Zip', "7z\ufffd\ufffd'\x1c"],
  ])(
    'does not see into what %s has packed, and asks nobody about a file of the owner alone',
    async (_, start) => {
      const starts = { 'old.bin': start };
      expect((await look(id, { 'old.bin': file() }, undefined, starts)).verdict).toMatchObject({
        is: 'unknown',
      });
      expect((await look(id, { 'old.bin': file(0o600) }, undefined, starts)).verdict.is).toBe('pass');
    },
  );
  it('says when there is more than it looks at', async () => {
    const many = Object.fromEntries(Array.from({ length: 5001 }, (_, n) => [`site${n}`, file()]));
    expect((await look(id, many)).verdict).toMatchObject({
      is: 'unknown',
      because: expect.stringContaining('only the first'),
    });
  });
  it('does not take a search that broke for a search without a find', async () => {
    const grep = { code: 2, stdout: '', stderr: 'grep: x: Permission denied\n' };
    await expect(look(id, {}, grep)).rejects.toThrow('cannot be searched');
  });
  it.each([
    ['secrets/encryption_key', 'key.exists'],
    ['.env', 'pg.env-file'],
  ])('cannot search for what is not there: %s', async (path, awaits) => {
    expect((await look(id, { [path]: undefined })).verdict).toMatchObject({ is: 'unknown', awaits });
  });
});
