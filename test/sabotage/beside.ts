/** Rows about what lies or runs beside the install: files that others can change, copies of secrets, foreign containers. */
import { chmod, chown, copyFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Install } from '../e2e/support.ts';
import { docker } from './by-hand.ts';
import { untilHealthy } from './containers.ts';
import { fail, type Sabotage } from './types.ts';

const ACCESS = 'install.files-access';

/** A file or directory that everybody may write; modes are the operator's own, so that no cause is named. */
const writable = (
  name: string,
  path: (install: Install) => string,
  mode: number,
  good: number,
): Sabotage => ({
  name,
  break: (i) => chmod(path(i), mode),
  drift: {},
  turns: fail(ACCESS),
  undo: (i) => chmod(path(i), good),
});

/** A container of somebody else that is given a part of the host; only advised, for monitoring may need it. */
const neighbour = (name: string, ...options: readonly string[]): Sabotage => ({
  ...started(`a container of somebody else ${name}`, async () => options),
  drift: {},
  turns: fail('host.neighbours-isolated'),
  exit: 0,
});

/** A copy of a secret, as somebody leaves it behind. */
const copied = (name: string, from: string, to: string, mode: number): Sabotage => ({
  name,
  break: async (i) => {
    await copyFile(i.path(from), i.path(to));
    await chmod(i.path(to), mode);
  },
  drift: {},
  turns: fail('install.no-copies'),
  undo: (i) => rm(i.path(to)),
});

const stranger = (install: Install) => `${install.project}-stranger`;

/** A container that no file of this install declares, started with the given options. */
const started = (name: string, options: (install: Install) => Promise<readonly string[]>): Sabotage => ({
  name,
  break: async (i) => docker(i, 'run', '--detach', '--name', stranger(i), ...(await options(i)), 'caddy:2'),
  drift: 'changed-at-run-time',
  turns: fail('running.nothing-shared'),
  undo: (i) => docker(i, 'rm', '--force', '--volumes', stranger(i)),
});

export const besideRows: readonly Sabotage[] = [
  writable('everybody may write compose.yaml', (i) => i.path('compose.yaml'), 0o666, 0o644),
  writable(
    'the group of root may write the override file',
    (i) => i.path('compose.override.yaml'),
    0o664,
    0o644,
  ),
  writable('everybody may write the override file', (i) => i.path('compose.override.yaml'), 0o666, 0o644),
  writable(
    'everybody may write the record of the policies',
    (i) => i.path('.corecube-secure/policies.json'),
    0o666,
    0o600,
  ),
  writable('everybody may move the directory of the install', (i) => dirname(i.dir), 0o777, 0o755),
  {
    name: 'compose.yaml belongs to somebody else',
    break: (i) => chown(i.path('compose.yaml'), 1234, 1234),
    drift: {},
    turns: fail(ACCESS),
    undo: (i) => chown(i.path('compose.yaml'), 0, 0),
  },
  copied('a copy of .env is left behind, readable for everybody', '.env', '.env.bak', 0o644),
  copied('a copy of the key lies beside the Caddyfile', 'secrets/encryption_key', 'caddy/key', 0o600),
  copied(
    'a copy of the private key of the database authority is left behind, readable for everybody',
    'secrets/pg_ca.key',
    'pg_ca.key.bak',
    0o644,
  ),
  {
    name: 'a tar of the volume of the proxy lies in the directory of the install, readable for everybody',
    async break(i) {
      const name = `${i.project}_caddy-data`;
      const volume = await docker(i, 'volume', 'inspect', '--format', '{{.Mountpoint}}', name);
      await i.host.out([
        'tar',
        '--create',
        '--file',
        i.path('caddy-data.tar'),
        '--directory',
        volume.trim(),
        '.',
      ]);
      await chmod(i.path('caddy-data.tar'), 0o644);
    },
    drift: {},
    turns: fail('install.no-copies'),
    undo: (i) => rm(i.path('caddy-data.tar')),
  },
  started('a foreign container mounts the data volume', async (i) => [
    ...['--volume', `${i.project}_corecube-data:/data`],
  ]),
  started('a foreign container mounts the volume of the database, to read only', async (i) => [
    ...['--volume', `${i.project}_pgvector-data:/backup:ro`],
  ]),
  started('a foreign container has the secrets of the install', async (i) => [
    ...['--volume', `${i.path('secrets')}:/x:ro`],
  ]),
  started('a foreign container may write the directory of the Caddyfile', async (i) => [
    ...['--user', '0', '--volume', `${i.path('caddy')}:/x`],
  ]),
  started('a foreign container may write the access rules of the database', async (i) => [
    ...['--volume', `${i.path('postgres/pg_hba.conf')}:/x`],
  ]),
  started('a foreign container shares the network of CoreCube', async (i) => [
    ...['--network', `container:${await i.container('corecube')}`],
  ]),
  started('a foreign container sees the processes of CoreCube', async (i) => [
    ...['--pid', `container:${await i.container('corecube')}`],
  ]),
  neighbour('may administer the system', '--cap-add', 'SYS_ADMIN'),
  neighbour('has a directory with the socket of an engine', '--volume', '/run/docker:/engine:ro'),
  neighbour('is on the network of the host', '--network', 'host'),
  neighbour('shares the memory segments of the host', '--ipc', 'host'),
  {
    name: 'a second container of CoreCube runs beside the first',
    async break(i) {
      const argv = [
        'up',
        '--detach',
        '--no-deps',
        '--no-recreate',
        '--wait',
        '--scale',
        'corecube=2',
        'corecube',
      ];
      const done = await i.compose('--file', i.path('compose.override.yaml'), ...argv);
      if (done.code !== 0) throw new Error(done.stderr);
      await untilHealthy(i, 'corecube');
    },
    drift: {},
    turns: fail('running.no-extra-containers'),
    undo: (i) => docker(i, 'rm', '--force', `${i.project}-corecube-2`),
  },
];
