/** Rows about the database server itself: its passwords, its authority, its URLs, and the files that it starts from. */
import { appendFile, readFile } from 'node:fs/promises';
import { Secret } from '../../src/core/secret.ts';
import { createAuthority } from '../../steps/shared/certificates.ts';
import { scramVerifier } from '../../steps/shared/scram.ts';
import type { Install } from '../e2e/support.ts';
import { docker, keep, putBack, up } from './by-hand.ts';
import { edit } from './edits.ts';
import { AS_ROLES, BY_LOGIN, BY_SQL } from './sights.ts';
import { fail, type Sabotage, unseen } from './types.ts';

/** What one of the three roles looks at over its own URL. */
const BY_ROLES = [...AS_ROLES, 'pg.app-cannot-alter-policy', 'release.confirmed'];

const SUPERUSER = 'secrets/pg_superuser_password';
const AUTHORITY = 'secrets/pg_ca.crt';
const DATA = '/var/lib/postgresql/data';

/** Runs a shell line inside the database's container, as the server's user. */
const inside = async (i: Install, line: string) =>
  docker(i, 'exec', '--user', '999:999', await i.container('pgvector'), 'sh', '-c', line);

const superuserPassword = async (i: Install) => (await readFile(i.path(SUPERUSER), 'utf8')).trim();

/** Gives the superuser another password, in the server and in the file. */
async function choose(i: Install, password: string): Promise<void> {
  const old = (await keep(i, SUPERUSER)).trim();
  await i.sql(`alter role postgres password '${password}'`);
  await edit(i, SUPERUSER, old, password);
}

/** The file first: the way into the server reads the password from it. */
async function chooseOldAgain(i: Install): Promise<void> {
  const now = await superuserPassword(i);
  await putBack(i, SUPERUSER);
  const old = await superuserPassword(i);
  const line = `PGPASSWORD='${now}' psql -h /run/postgresql -U postgres -c "alter role postgres password '${old}'"`;
  await inside(i, line);
}

/** Keeps the password of a role and computes its verifier with one round. */
async function oneRound(i: Install, role: string, password: string): Promise<void> {
  const verifier = scramVerifier(new Secret(password), new Uint8Array(16).fill(7), 1);
  await i.sql(`alter role ${role} password '${verifier}'`);
}

const row = (
  name: string,
  break_: (i: Install) => Promise<unknown>,
  undo: (i: Install) => Promise<unknown>,
): Sabotage => ({
  name,
  break: break_,
  drift: 'changed-at-run-time',
  turns: fail('pg.server-settings'),
  undo,
});

export const databaseServerRows: readonly Sabotage[] = [
  {
    name: 'the URL of the app opens every compartment by its options, applied',
    async break(i) {
      const options = '&options=-c%20corecube.compartments%3Dpublic,engineering';
      await edit(i, '.env', /^PGVECTOR_APP_URL=[^'"\n]*/m, `$&${options}`);
      await up(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('pg.urls-distinct'),
  },
  {
    name: 'the URL of the app names another host behind its question mark, not applied',
    async break(i) {
      await keep(i, '.env');
      await edit(i, '.env', /^PGVECTOR_APP_URL=[^'"\n]*/m, '$&&host=203.0.113.9');
    },
    drift: 'edited-not-applied',
    turns: fail('pg.urls-distinct', 'running.current'),
    undo: (i) => putBack(i, '.env'),
  },
  {
    name: 'the superuser of the database has a short password, in the server and in its file',
    break: (i) => choose(i, 'Tr0ub4dor-3'),
    drift: 'changed-at-run-time',
    turns: fail('pg.other-passwords-not-default'),
    undo: chooseOldAgain,
  },
  {
    name: 'the superuser of the database has the name of the product and the year as password',
    break: (i) => choose(i, `CoreCube${new Date().getUTCFullYear()}`),
    drift: 'changed-at-run-time',
    turns: fail('pg.other-passwords-not-default'),
    undo: chooseOldAgain,
  },
  {
    name: 'the password of the app role is kept with one round of SCRAM',
    async break(i) {
      const password = /^PGVECTOR_APP_URL=[^:]+:\/\/[^:]+:([^@]+)@/m.exec(
        await readFile(i.path('.env'), 'utf8'),
      )?.[1];
      await oneRound(i, 'corecube_app', decodeURIComponent(password ?? ''));
    },
    drift: 'changed-at-run-time',
    turns: fail('pg.scram-only'),
  },
  {
    name: "the superuser's password is kept with one round of SCRAM",
    break: async (i) => oneRound(i, 'postgres', await superuserPassword(i)),
    drift: 'changed-at-run-time',
    turns: fail('pg.scram-only'),
  },
  {
    name: 'the authority of the database holds a second certificate',
    async break(i) {
      const { certificate } = await createAuthority('somebody else', new Date());
      await appendFile(i.path(AUTHORITY), certificate);
    },
    drift: 'edited-by-hand',
    turns: fail('pg.files'),
  },
  row(
    "the log of the database holds a failed statement's parameters",
    (i) => i.sql('alter system set log_parameter_max_length_on_error = -1').then(() => reload(i)),
    (i) => i.sql('alter system reset log_parameter_max_length_on_error').then(() => reload(i)),
  ),
  {
    ...row(
      'the log of the database holds every statement of the superuser',
      (i) => i.sql("alter role postgres set log_statement = 'all'"),
      (i) => i.sql('alter role postgres reset log_statement'),
    ),
    turns: fail('pg.server-settings', 'pg.role-settings'),
  },
  row(
    'postgresql.conf has a line that the server does not understand',
    (i) => inside(i, `echo 'max_wal_size 2GB GB' >> ${DATA}/postgresql.conf`),
    (i) => inside(i, `sed -i '$d' ${DATA}/postgresql.conf`),
  ),
  row(
    'the database asks for more memory than there is at its next start',
    (i) => i.sql("alter system set shared_buffers = '4TB'"),
    (i) => i.sql('alter system reset shared_buffers'),
  ),
  row(
    'the database listens on its own host only at its next start',
    (i) => i.sql("alter system set listen_addresses = 'localhost'"),
    (i) => i.sql('alter system reset listen_addresses'),
  ),
  row(
    'the database becomes a standby at its next start',
    (i) => inside(i, `touch ${DATA}/standby.signal`),
    (i) => inside(i, `rm ${DATA}/standby.signal`),
  ),
  {
    name: 'the database of CoreCube is limited to no session beside those of the superuser',
    break: (i) => i.sql('alter database corecube connection limit 0'),
    drift: 'changed-at-run-time',
    turns: { ...fail('pg.roles-log-in'), ...unseen(...BY_ROLES) },
    mayBeUnseen: BY_LOGIN,
  },
  {
    name: 'the database of CoreCube takes no more connections',
    break: (i) => elsewhere(i, 'alter database corecube allow_connections false'),
    drift: 'changed-at-run-time',
    turns: {
      ...fail('pg.password-accepted', 'pg.roles-log-in'),
      ...unseen(...BY_SQL.filter((id) => id !== 'pg.roles-log-in')),
    },
    // CoreCube goes on with the connections that it has, as long as its pools keep them.
    mayBeUnseen: BY_LOGIN,
    undo: (i) => elsewhere(i, 'alter database corecube allow_connections true'),
  },
];

/** As the superuser, in the database that is there for it. */
const elsewhere = (i: Install, statement: string) =>
  inside(
    i,
    `PGPASSWORD=$(cat /run/secrets/pg_superuser_password) psql -h /run/postgresql -U postgres -d postgres -c "${statement}"`,
  );

/** Asks the server to read its files again, and waits until it has. */
async function reload(i: Install): Promise<void> {
  const loaded = () => i.sql('select pg_conf_load_time()');
  const before = await loaded();
  await i.sql('select pg_reload_conf()');
  while ((await loaded()) === before);
}
