/** Rows about the encryption key. */
import { createHash } from 'node:crypto';
import { chmod, chown, copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Install } from '../e2e/support.ts';
import { edited, editService, keep, putBack, recreate, recreateOtherwise } from './containers.ts';
import { fail, type Sabotage } from './types.ts';

const KEY = 'secrets/encryption_key';
const OTHER = createHash('sha256').update('another key').digest('hex');

/** Rewrites the key file in place: the container has the same file mounted, and sees the new content. */
async function rewrite(install: Install, change: (key: string) => string): Promise<void> {
  await writeFile(install.path(KEY), change(await keep(install, KEY)));
}
const back = (install: Install) => putBack(install, KEY);

/** A second name for the very same file, so that what is mounted stays what it was. */
const ASIDE = '../key-aside';

/** A volume, the data volume unless told, as a directory of this machine. */
async function dataVolume(install: Install, volume = 'corecube-data'): Promise<string> {
  const name = `${install.project}_${volume}`;
  const place = await install.docker('volume', 'inspect', '--format', '{{.Mountpoint}}', name);
  return install.host.pathInside(place.stdout.trim());
}

const mode = (bits: number, ...turns: string[]): Sabotage => ({
  name: `the key file has mode 0${bits.toString(8)}`,
  break: (i) => chmod(i.path(KEY), bits),
  drift: 'edited-by-hand',
  turns: fail('key.access', ...turns),
});

/** The answers of the last run, which verify goes by. */
const ANSWERS = '.corecube-secure/answers.yaml';
const answered = (
  name: string,
  question: 'keyBackup' | 'dumpEncryption',
  turns: string,
  words: (install: Install) => string,
): Sabotage => ({
  name,
  break: async (i) => {
    const answers = await keep(i, ANSWERS);
    const line = new RegExp(`^${question}:.*$`, 'm');
    await writeFile(i.path(ANSWERS), answers.replace(line, `${question}: ${words(i)}`));
  },
  // An answer that nothing is made of: it is wrong by itself, no link to a file or to what runs is broken.
  drift: {},
  turns: fail(turns),
  undo: (i) => putBack(i, ANSWERS),
});
const backupAt = (name: string, where: (install: Install) => string): Sabotage =>
  answered(name, 'keyBackup', 'key.backup-apart', where);

/** A copy of the key among what another service keeps in its volume. */
const inVolume = (volume: string, whose: string): Sabotage => ({
  name: `a copy of the key lies in the volume of the ${whose}`,
  break: async (i) =>
    writeFile(join(await dataVolume(i, volume), 'corecube.bak'), await readFile(i.path(KEY)), {
      mode: 0o600,
    }),
  drift: 'changed-at-run-time',
  turns: fail('key.not-in-volume'),
  undo: async (i) => rm(join(await dataVolume(i, volume), 'corecube.bak')),
});

/** Copies of secrets and of the database below the directory of the install, and how they are read by others. */
const copy = (name: string, path: string, make: (install: Install) => Promise<unknown>): Sabotage => ({
  name,
  break: async (i) => {
    await mkdir(dirname(i.path(path)), { recursive: true });
    await make(i);
    await chmod(i.path(path), 0o644);
  },
  // A file that this tool has nothing to do with.
  drift: {},
  turns: fail('install.no-copies'),
  undo: (i) => rm(i.path(path)),
});

const copyRows: readonly Sabotage[] = [
  {
    ...copy(
      'a copy of the key lies where whoever knows its name can get to',
      'old/encryption_key',
      async (i) => {
        await chmod(i.path('old'), 0o711);
        await copyFile(i.path(KEY), i.path('old/encryption_key'));
      },
    ),
    undo: (i) => rm(i.path('old'), { recursive: true }),
  },
  {
    ...copy('a copy of .env lies in a directory beside compose.yaml', 'backup/old/env-2026', (i) =>
      copyFile(i.path('.env'), i.path('backup/old/env-2026')),
    ),
    undo: (i) => rm(i.path('backup'), { recursive: true }),
  },
  copy('a dump of the database lies beside compose.yaml', 'corecube.sql', async (i) => {
    const script =
      'PGPASSWORD=$(cat /run/secrets/pg_superuser_password) exec pg_dump -h /run/postgresql -U postgres corecube';
    const dump = await i.docker('exec', await i.container('pgvector'), 'bash', '-c', script);
    if (dump.code !== 0) throw new Error(dump.stderr);
    await writeFile(i.path('corecube.sql'), dump.stdout);
  }),
  {
    ...copy('a packed copy of the secrets lies beside compose.yaml', 'corecube-backup.tgz', async (i) =>
      writeFile(i.path('corecube-backup.tgz'), gzipSync(await readFile(i.path(KEY)))),
    ),
    turns: { 'install.no-copies': 'unknown' },
    exit: 3,
  },
];

export const keyRows: readonly Sabotage[] = [
  mode(0o640),
  { ...mode(0o644, 'key.unreadable-by-others'), undo: (i) => chmod(i.path(KEY), 0o600) },
  { ...mode(0o666, 'key.unreadable-by-others'), undo: (i) => chmod(i.path(KEY), 0o600) },
  {
    name: 'the key file belongs to root',
    break: (i) => chown(i.path(KEY), 0, 0),
    drift: 'edited-by-hand',
    turns: { ...fail('key.access', 'key.readable-inside'), 'key.same-inside': 'unknown' },
  },
  {
    name: 'the directory of the secrets can be listed by everybody',
    break: (i) => chmod(i.path('secrets'), 0o755),
    drift: 'edited-by-hand',
    turns: fail('key.directory'),
  },
  {
    name: 'the directory of the secrets can be written by everybody',
    break: (i) => chmod(i.path('secrets'), 0o777),
    drift: 'edited-by-hand',
    turns: fail('key.directory'),
    undo: (i) => chmod(i.path('secrets'), 0o700),
  },
  {
    name: 'the directory of the secrets can be entered by everybody, the account with the uid of CoreCube too',
    break: (i) => chmod(i.path('secrets'), 0o711),
    drift: 'edited-by-hand',
    turns: fail('key.directory'),
  },
  {
    name: 'the key is another valid key, written into the same file',
    break: (i) => rewrite(i, () => OTHER),
    drift: 'edited-by-hand',
    turns: fail('key.belongs-to-data'),
    undo: back,
  },
  {
    name: 'the key is another valid key, in a new file',
    break: async (i) => {
      await rename(i.path(KEY), i.path(ASIDE));
      await writeFile(i.path(KEY), OTHER, { mode: 0o600 });
      await chown(i.path(KEY), 1000, 1000);
    },
    // CoreCube still has the old file mounted.
    drift: { 'key.belongs-to-data': 'edited-by-hand', 'key.same-inside': 'edited-not-applied' },
    turns: fail('key.belongs-to-data', 'key.same-inside'),
    undo: (i) => rename(i.path(ASIDE), i.path(KEY)),
  },
  {
    name: 'the key is gone',
    break: (i) => rename(i.path(KEY), i.path(ASIDE)),
    drift: 'edited-by-hand',
    turns: {
      ...fail('key.not-lost', 'key.exists'),
      'key.belongs-to-data': 'unknown',
      'key.access': 'unknown',
      'key.format': 'skip',
      'key.not-a-link': 'skip',
      'key.same-inside': 'unknown',
      'key.not-in-volume': 'unknown',
      'install.no-copies': 'unknown',
      'secrets.not-in-inspect': 'unknown',
    },
    undo: (i) => rename(i.path(ASIDE), i.path(KEY)),
  },
  {
    name: 'the key is cut off after half of it',
    break: (i) => rewrite(i, (key) => key.slice(0, 32)),
    drift: 'edited-by-hand',
    turns: fail('key.format', 'key.belongs-to-data'),
    undo: back,
  },
  {
    name: 'the key is a pattern that somebody typed',
    break: (i) => rewrite(i, () => '0'.repeat(64)),
    drift: 'edited-by-hand',
    turns: fail('key.format', 'key.belongs-to-data'),
    undo: back,
  },
  {
    name: 'a line break follows the key',
    break: (i) => rewrite(i, (key) => `${key}\n`),
    drift: 'edited-by-hand',
    turns: fail('key.format'),
    undo: back,
  },
  {
    name: 'the key is written in upper case',
    break: (i) => rewrite(i, (key) => key.toUpperCase()),
    drift: 'edited-by-hand',
    turns: fail('key.format'),
    undo: back,
  },
  {
    name: 'the key is a symbolic link to a file elsewhere',
    break: async (i) => {
      await rename(i.path(KEY), i.path(ASIDE));
      await symlink(i.path(ASIDE), i.path(KEY));
    },
    drift: 'edited-by-hand',
    turns: { ...fail('key.not-a-link'), 'key.access': 'unknown' },
    undo: async (i) => {
      await rm(i.path(KEY));
      await rename(i.path(ASIDE), i.path(KEY));
    },
  },
  {
    name: 'ENCRYPTION_KEY stands in compose.yaml, not applied',
    ...edited('corecube', { 'environment/ENCRYPTION_KEY': OTHER }),
    drift: 'edited-not-applied',
    turns: fail('compose.key-delivery', 'running.current'),
  },
  {
    name: 'ENCRYPTION_KEY stands in compose.yaml, applied',
    break: async (i) => {
      await editService(i, 'corecube', { 'environment/ENCRYPTION_KEY': await i.read(KEY) });
      await recreate(i, 'corecube');
    },
    drift: { 'compose.key-delivery': 'edited-by-hand', 'secrets.not-in-inspect': 'edited-by-hand' },
    // Everybody may read compose.yaml.
    turns: fail('compose.key-delivery', 'secrets.not-in-inspect', 'install.no-copies'),
  },
  {
    name: 'another key is in the environment of the running CoreCube',
    break: (i) =>
      recreateOtherwise(i, 'corecube', (service) => {
        (service.environment as Record<string, string>).ENCRYPTION_KEY = OTHER;
      }),
    drift: 'changed-at-run-time',
    turns: fail('secrets.not-in-inspect', 'key.same-inside', 'running.current'),
    undo: (i) => recreate(i, 'corecube'),
  },
  {
    name: 'guide v2 is given the key by ENCRYPTION_KEY_FILE alone, and makes its own',
    release: 'v2',
    break: async (i) => {
      // The empty file is the mount point of the key; on a volume that never had the mount it is not there.
      await rm(join(await dataVolume(i), 'encryption.key'));
      await recreateOtherwise(i, 'corecube', (service) => {
        service.secrets = (service.secrets as { target: string }[]).filter(
          ({ target }) => target !== '/data/encryption.key',
        );
      });
    },
    drift: 'changed-at-run-time',
    turns: fail('key.same-inside', 'key.none-of-its-own', 'running.current'),
    // Apply refuses to touch it: the found key may have encrypted something. A person keeps it, and goes back.
    undo: async (i) => {
      const own = join(await dataVolume(i), 'encryption.key');
      const before = await readFile(own, 'utf8');
      const refused = await i.applyJson();
      if (refused.code !== 1 || !refused.report.stopped?.reason.includes('key.none-of-its-own'))
        throw new Error(`apply went on: exit ${refused.code}, ${JSON.stringify(refused.report.stopped)}`);
      if ((await readFile(own, 'utf8')) !== before) throw new Error('apply touched the key of the server');
      await rename(own, join(await dataVolume(i), '../own-key-aside'));
      // What the refused run did not see is still remembered: the next rows' causes rest on it.
      await recreate(i, 'corecube');
    },
  },
  {
    name: 'a copy of the key lies in the data volume under an innocent name',
    break: async (i) => {
      const key = await readFile(i.path(KEY), 'utf8');
      await writeFile(join(await dataVolume(i), 'notes.txt'), `old settings\nkey = ${key.toUpperCase()}\n`);
    },
    drift: 'changed-at-run-time',
    turns: fail('key.not-in-volume'),
    undo: async (i) => rm(join(await dataVolume(i), 'notes.txt')),
  },
  {
    name: 'the proxy is handed the key, not applied',
    ...edited('caddy', { secrets: ['encryption_key'] }),
    drift: 'edited-not-applied',
    turns: fail('compose.key-delivery', 'proxy.container-current'),
  },
  {
    name: 'the running proxy is handed the key',
    break: (i) =>
      recreateOtherwise(i, 'caddy', (service) => {
        service.secrets = ['encryption_key'];
      }),
    drift: 'changed-at-run-time',
    turns: fail('key.only-corecube', 'proxy.container-current'),
    undo: (i) => recreate(i, 'caddy'),
  },
  inVolume('pgvector-data', 'database'),
  inVolume('caddy-data', 'proxy'),
  ...copyRows,
  backupAt('the copy of the key is said to be inside the install', (i) => `J. Doe, in ${i.path('backup')}`),
  backupAt(
    'the copy of the key is said to be in a Docker volume',
    (i) => `volume ${i.project}_corecube-data`,
  ),
  backupAt('the copy of the key is said to be at a path of this host', () => '/root/corecube-key.txt'),
  answered(
    'the dumps are said to be not encrypted',
    'dumpEncryption',
    'dumps.encrypted-medium',
    () => 'disk backup01, not encrypted, J. Doe',
  ),
];
