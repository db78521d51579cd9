/** Rows about PostgreSQL: its files, its server, its network. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import { docker, keep, putBack, up } from './by-hand.ts';
import { expiredCertificate, foreignCertificate } from './certificates.ts';
import { untilHealthy } from './containers.ts';
import { edit } from './edits.ts';
import { roleAndPolicyRows } from './roles.ts';
import { BY_KEY, BY_LOGIN, BY_SERVER, BY_SERVICES, BY_SQL } from './sights.ts';
import { fail, type Sabotage, unseen } from './types.ts';

/** Only asks the server to read its files again; whoever writes one before it has would be read too. */
const reload = async (i: Install) => {
  const loaded = () => i.sql('select pg_conf_load_time()');
  const before = await loaded();
  await i.sql('select pg_reload_conf()');
  while ((await loaded()) === before);
};
const rules = async (i: Install, change: (text: string) => string) => {
  const path = i.path('postgres/pg_hba.conf');
  await writeFile(path, change(await keep(i, 'postgres/pg_hba.conf')));
  await reload(i);
};
const rulesBack = async (i: Install) => {
  await putBack(i, 'postgres/pg_hba.conf');
  await reload(i);
};
const urls = async (i: Install, from: string | RegExp, to: string) => {
  await keep(i, '.env');
  await edit(i, '.env', from, to);
};
const urlsBack = (i: Install) => putBack(i, '.env');

/** The password in a URL of `.env`. */
async function passwordOf(i: Install, variable: string): Promise<string> {
  const text = await readFile(i.path('.env'), 'utf8');
  const found = new RegExp(`^${variable}=['"]?[a-z]+://[^:]+:([^@]+)@`, 'm').exec(text)?.[1];
  if (!found) throw new Error(`.env holds no ${variable}`);
  return decodeURIComponent(found);
}

/** Serves another certificate, and lets nobody stay on a connection from before. */
async function serve(i: Install, pair: { certificate: string; key: string }): Promise<void> {
  await keep(i, 'secrets/pg_server.crt');
  await keep(i, 'secrets/pg_server.key');
  await writeFile(i.path('secrets/pg_server.crt'), pair.certificate);
  await writeFile(i.path('secrets/pg_server.key'), pair.key);
  await reload(i);
  await disconnect(i);
}
const disconnect = (i: Install) =>
  i.sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
  );
async function serveOwn(i: Install): Promise<void> {
  await putBack(i, 'secrets/pg_server.crt');
  await putBack(i, 'secrets/pg_server.key');
  await reload(i);
}

const fileRows: readonly Sabotage[] = [
  {
    name: 'the connection URLs are readable for everybody',
    break: (i) => chmod(i.path('.env'), 0o644),
    drift: 'edited-by-hand',
    turns: fail('pg.env-file'),
  },
  {
    name: 'the key of the database server is readable for everybody',
    break: (i) => chmod(i.path('secrets/pg_server.key'), 0o644),
    drift: 'edited-by-hand',
    turns: fail('pg.files'),
    undo: (i) => chmod(i.path('secrets/pg_server.key'), 0o600),
  },
  {
    name: 'the maintenance URL is the app URL, not applied',
    async break(i) {
      const text = await keep(i, '.env');
      const app = /^PGVECTOR_APP_URL=(.*)$/m.exec(text)?.[1] ?? '';
      await edit(i, '.env', /^PGVECTOR_MAINTENANCE_URL=.*$/m, `PGVECTOR_MAINTENANCE_URL=${app}`);
    },
    drift: 'edited-not-applied',
    turns: fail('pg.urls-distinct', 'pg.roles-log-in', 'pg.maintenance-attributes', 'running.current'),
    undo: urlsBack,
  },
  {
    name: 'the maintenance URL is the app URL, applied',
    async break(i) {
      const text = await readFile(i.path('.env'), 'utf8');
      const app = /^PGVECTOR_APP_URL=(.*)$/m.exec(text)?.[1] ?? '';
      await edit(i, '.env', /^PGVECTOR_MAINTENANCE_URL=.*$/m, `PGVECTOR_MAINTENANCE_URL=${app}`);
      await up(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('pg.urls-distinct', 'pg.roles-log-in', 'pg.maintenance-attributes'),
  },
  {
    // Directly behind a row that an apply repairs: of a .env that was written since, nobody could tell whether it changed.
    name: 'the database keeps the password of the owner as its name, and .env is right',
    break: (i) => i.sql("alter role corecube_migrator password 'corecube_migrator'"),
    drift: 'changed-at-run-time',
    turns: {
      ...fail('pg.passwords-not-default', 'pg.roles-log-in'),
      ...unseen('pg.app-can-work', 'pg.owner-attributes', 'release.confirmed'),
    },
  },
  {
    name: 'the URL of the app encrypts without verifying the server, not applied',
    break: (i) => urls(i, /^(PGVECTOR_APP_URL=.*)sslmode=verify-full/m, '$1sslmode=require'),
    drift: 'edited-not-applied',
    turns: fail('pg.urls-verify-server', 'running.current'),
    undo: urlsBack,
  },
  {
    name: 'PGVECTOR_URL is the superuser, not applied',
    async break(i) {
      const password = (await readFile(i.path('secrets/pg_superuser_password'), 'utf8')).trim();
      await urls(
        i,
        /^(PGVECTOR_URL=['"]?postgresql:\/\/)[^@]+@/m,
        `$1postgres:${encodeURIComponent(password)}@`,
      );
    },
    drift: 'edited-not-applied',
    turns: fail('pg.urls-distinct', 'running.current'),
    undo: urlsBack,
  },
  {
    name: 'the password of the maintenance role is its name, in the database and in .env',
    async break(i) {
      await i.sql("alter role corecube_maintenance password 'corecube_maintenance'");
      await urls(
        i,
        /^(PGVECTOR_MAINTENANCE_URL=['"]?postgresql:\/\/corecube_maintenance:)[^@]+@/m,
        '$1corecube_maintenance@',
      );
    },
    drift: {
      'pg.urls-distinct': 'edited-not-applied',
      'running.current': 'edited-not-applied',
      // What is asked of is the password that the server keeps.
      'pg.passwords-not-default': 'changed-at-run-time',
    },
    turns: fail('pg.urls-distinct', 'pg.passwords-not-default', 'running.current'),
    async undo(i) {
      await urlsBack(i);
      await i.sql(
        `alter role corecube_maintenance password '${await passwordOf(i, 'PGVECTOR_MAINTENANCE_URL')}'`,
      );
    },
  },
  {
    name: 'a role that is named like those of CoreCube has a well-known password',
    break: (i) => i.sql("create role corecube_report login password 'password'"),
    drift: 'changed-at-run-time',
    turns: fail('pg.other-passwords-not-default', 'pg.other-roles-cannot-log-in'),
    undo: (i) => i.sql('drop role corecube_report'),
  },
  {
    name: 'a role that is named like those of CoreCube has a well-known password, kept as MD5',
    break: (i) =>
      i.sql("set password_encryption = 'md5'; create role corecube_report login password 'password'"),
    drift: 'changed-at-run-time',
    turns: fail('pg.other-passwords-not-default', 'pg.other-roles-cannot-log-in'),
    undo: (i) => i.sql('drop role corecube_report'),
  },
];

const ruleRows: readonly Sabotage[] = [
  {
    name: 'pg_hba.conf lets plaintext and passwordless connections in',
    async break(i) {
      const path = i.path('postgres/pg_hba.conf');
      await writeFile(path, `host all all all trust\n${await readFile(path, 'utf8')}`);
      await reload(i);
    },
    drift: 'edited-by-hand',
    turns: fail('pg.scram-only', 'pg.plaintext-refused', 'pg.files'),
  },
  {
    name: 'pg_hba.conf lets connections in that are not encrypted',
    break: (i) => rules(i, (text) => `host corecube all samenet scram-sha-256\n${text}`),
    drift: 'edited-by-hand',
    turns: fail('pg.scram-only', 'pg.plaintext-refused', 'pg.files'),
    undo: rulesBack,
  },
  {
    name: 'pg_hba.conf trusts whoever is inside the container',
    break: (i) => rules(i, (text) => text.replace(/^(local.*)scram-sha-256/m, '$1trust')),
    drift: 'edited-by-hand',
    turns: fail('pg.scram-only', 'pg.files'),
    undo: rulesBack,
  },
  {
    name: 'pg_hba.conf was edited and not loaded',
    async break(i) {
      const path = i.path('postgres/pg_hba.conf');
      await writeFile(path, `${await keep(i, 'postgres/pg_hba.conf')}# a note\n`);
    },
    drift: 'edited-not-applied',
    turns: { ...fail('pg.files', 'pg.rules-loaded'), ...unseen('pg.scram-only') },
    undo: rulesBack,
  },
  {
    name: 'pg_hba.conf let everybody in when it was loaded, and was put back without loading it',
    async break(i) {
      await rules(i, (text) => `hostssl all all all trust\n${text}`);
      await putBack(i, 'postgres/pg_hba.conf');
    },
    // The file is as it was written; what else the server has read, nobody can tell.
    drift: {},
    turns: { ...fail('pg.rules-loaded'), ...unseen('pg.scram-only') },
  },
  {
    name: 'a password is kept as MD5, and the rules take it',
    async break(i) {
      await rules(i, (text) => text.replace(/^(hostssl.*samenet.*)scram-sha-256/m, '$1md5'));
      const password = await passwordOf(i, 'PGVECTOR_MAINTENANCE_URL');
      await i.sql(`set password_encryption = 'md5'; alter role corecube_maintenance password '${password}'`);
    },
    drift: 'edited-by-hand',
    turns: fail('pg.scram-only', 'pg.files'),
  },
];

const serverRows: readonly Sabotage[] = [
  {
    name: 'compose.yaml starts the database without TLS, not applied',
    async break(i) {
      await keep(i, 'compose.yaml');
      await edit(i, 'compose.yaml', 'ssl=on', 'ssl=off');
    },
    drift: 'edited-not-applied',
    turns: fail('compose.database-server', 'running.current'),
    undo: (i) => putBack(i, 'compose.yaml'),
  },
  {
    name: 'compose.yaml starts the database without TLS, applied',
    async break(i) {
      await edit(i, 'compose.yaml', 'ssl=on', 'ssl=off');
      await up(i, 'pgvector');
    },
    drift: 'edited-by-hand',
    turns: {
      ...fail('compose.database-server', 'pg.server-certificate'),
      ...unseen('pg.password-accepted', 'pg.old-tls-refused', ...BY_SQL, ...BY_KEY, ...BY_LOGIN),
    },
  },
  {
    name: 'the certificate of the database server has run out',
    break: async (i) => serve(i, await expiredCertificate(i)),
    // It did not run out by itself: somebody wrote another one into the file.
    drift: 'edited-by-hand',
    turns: {
      ...fail('pg.files', 'pg.server-certificate'),
      ...unseen(...BY_SQL, ...BY_KEY, ...BY_LOGIN),
    },
    undo: serveOwn,
  },
  {
    name: 'the certificate of the database server is of another authority',
    break: async (i) => serve(i, await foreignCertificate()),
    drift: 'edited-by-hand',
    turns: {
      ...fail('pg.files', 'pg.server-certificate'),
      ...unseen(...BY_SQL, ...BY_KEY, ...BY_LOGIN),
    },
  },
  {
    name: 'the database is paused',
    break: async (i) => docker(i, 'pause', await i.container('pgvector')),
    drift: 'changed-at-run-time',
    turns: {
      ...fail('pg.up', 'running.pgvector-up'),
      ...unseen(...BY_SERVER, ...BY_SQL, ...BY_KEY, ...BY_LOGIN),
    },
    async undo(i) {
      await docker(i, 'unpause', await i.container('pgvector'));
      // A health check that met the frozen database counts until the next one.
      await untilHealthy(i, 'pgvector');
    },
  },
  {
    name: 'the database is stopped',
    break: async (i) => i.docker('stop', await i.container('pgvector')),
    drift: 'changed-at-run-time',
    turns: {
      ...fail('pg.up', 'running.pgvector-up'),
      ...unseen(...BY_SERVER, ...BY_SERVICES, ...BY_SQL, ...BY_KEY, ...BY_LOGIN),
    },
  },
];

export const databaseRows: readonly Sabotage[] = [
  ...fileRows,
  ...ruleRows,
  ...serverRows,
  ...roleAndPolicyRows,
];
