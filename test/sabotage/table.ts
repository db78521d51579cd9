/** Single breakages of a healthy install: what is done, which controls must turn, and how it is repaired. */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';

export interface Sabotage {
  readonly name: string;
  break(install: Install): Promise<unknown>;
  /** Controls that must turn, with the verdict they must turn to. Every other control must stay as it was. */
  readonly turns: Readonly<Record<string, 'fail' | 'unknown'>>;
  /** Left out where the generation has no such feature (guide v1's app role may create tables). */
  readonly onlyV2?: readonly string[];
  /** Undoes what only a person can undo; then, and otherwise, apply must bring everything back. */
  repair?(install: Install): Promise<unknown>;
}

const edit = async (install: Install, name: string, from: string | RegExp, to: string) => {
  const path = install.path(name);
  const before = await readFile(path, 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${name} holds no ${from}`);
  await writeFile(path, after);
};
const fail = (...ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, 'fail' as const]));

export const sabotages: readonly Sabotage[] = [
  {
    name: 'the key file is readable for everybody',
    break: (i) => chmod(i.path('secrets/encryption_key'), 0o644),
    turns: fail('key.access', 'key.unreadable-by-others'),
  },
  {
    name: 'the key is another valid key',
    break: async (i) => {
      await writeFile(i.path('../key-kept'), await readFile(i.path('secrets/encryption_key')), {
        mode: 0o600,
      });
      await writeFile(i.path('secrets/encryption_key'), 'ab'.repeat(32));
    },
    turns: fail('key.belongs-to-data'),
    repair: async (i) => {
      await writeFile(i.path('secrets/encryption_key'), await readFile(i.path('../key-kept')));
      await rm(i.path('../key-kept'));
    },
  },
  {
    name: 'the connection URLs are readable for everybody',
    break: (i) => chmod(i.path('.env'), 0o644),
    turns: fail('pg.env-file'),
  },
  {
    name: 'compose.yaml loses read_only for CoreCube, not applied',
    break: (i) => edit(i, 'compose.yaml', 'read_only: true', 'read_only: false'),
    turns: fail('compose.read-only', 'running.current'),
  },
  {
    name: 'compose.yaml gives CoreCube a capability, applied',
    break: async (i) => {
      await edit(i, 'compose.yaml', 'cap_drop: [ ALL ]', 'cap_drop: [ ALL ]\n    cap_add: [ SYS_ADMIN ]');
      await i.compose('up', '--detach', '--no-deps', '--wait', 'corecube');
    },
    turns: fail('compose.capabilities', 'running.capabilities'),
  },
  {
    name: 'the override file publishes the database, not applied',
    break: (i) =>
      writeFile(i.path('compose.override.yaml'), 'services: { pgvector: { ports: ["5432:5432"] } }\n'),
    turns: fail('compose.override-keeps-hardening', 'running.current'),
    repair: (i) => rm(i.path('compose.override.yaml')),
  },
  {
    name: 'a foreign container joins the internal network',
    break: (i) =>
      i.docker(
        'run',
        '--detach',
        '--name',
        `${i.project}-intruder`,
        '--network',
        `${i.project}_internal`,
        'caddy:2',
      ),
    turns: fail('running.internal-members'),
    repair: (i) => i.docker('rm', '--force', `${i.project}-intruder`),
  },
  {
    name: 'the app role becomes a superuser',
    break: (i) => i.sql('alter role corecube_app superuser'),
    turns: fail(
      'pg.app-attributes',
      'pg.app-not-member',
      'pg.app-cannot-create-role',
      'pg.app-cannot-run-programs',
      'pg.app-cannot-read-files',
      'pg.app-cannot-alter-policy',
      'pg.app-cannot-create-tables',
    ),
    onlyV2: ['pg.app-cannot-create-tables'],
  },
  {
    name: 'the app role may bypass row-level security',
    break: (i) => i.sql('alter role corecube_app bypassrls'),
    turns: fail('pg.app-attributes'),
  },
  {
    name: 'the app role becomes a member of the migration owner',
    break: (i) => i.sql('grant corecube_migrator to corecube_app'),
    turns: fail(
      'pg.app-attributes',
      'pg.app-not-member',
      'pg.app-cannot-alter-policy',
      'pg.app-cannot-create-tables',
    ),
    onlyV2: ['pg.app-cannot-create-tables'],
  },
  {
    name: 'row-level security is switched off on a table',
    break: (i) => i.sql('alter table documents disable row level security'),
    turns: fail('pg.rls-enabled'),
  },
  {
    name: 'pg_hba.conf lets plaintext and passwordless connections in',
    break: async (i) => {
      const path = i.path('postgres/pg_hba.conf');
      await writeFile(path, `host all all all trust\n${await readFile(path, 'utf8')}`);
      await i.sql('select pg_reload_conf()');
    },
    turns: fail('pg.scram-only', 'pg.plaintext-refused', 'pg.files'),
  },
  {
    name: 'the Caddyfile loses HSTS, reloaded',
    break: async (i) => {
      await edit(i, 'caddy/Caddyfile', /\n\s*Strict-Transport-Security[^\n]*/, '');
      await reloadCaddy(i);
    },
    turns: fail('proxy.config-file', 'proxy.hsts', 'proxy.headers-once'),
  },
  {
    name: 'the Caddyfile opens the console, not reloaded',
    break: (i) => edit(i, 'caddy/Caddyfile', /@inside remote_ip .*/, '@inside remote_ip 0.0.0.0/0'),
    turns: fail('proxy.config-file', 'proxy.config-current'),
  },
  {
    name: 'the Caddyfile opens the console, reloaded',
    break: async (i) => {
      await edit(i, 'caddy/Caddyfile', /@inside remote_ip .*/, '@inside remote_ip 0.0.0.0/0');
      await reloadCaddy(i);
    },
    turns: fail(
      'proxy.config-file',
      'proxy.admin-refused-from-outside',
      'proxy.forged-addresses-refused',
      'proxy.metrics-refused',
    ),
  },
  {
    name: 'the default administrator is back',
    break: async (i) => {
      // $2 hash of changeme123: made by the database itself, as an attacker with SQL would.
      await i.sql(
        "create extension if not exists pgcrypto; insert into users (id, email, name, password_hash, role) values (gen_random_uuid(), 'admin@example.com', 'Admin', crypt('changeme123', gen_salt('bf', 10)), 'admin')",
      );
    },
    turns: fail('admin.default-login-refused', 'admin.no-default-email'),
    repair: (i) => i.sql("delete from users where email = 'admin@example.com'"),
  },
  {
    name: 'the audit log keeps whole queries for ten years',
    break: (i) =>
      i.sql(
        `update settings set value = '{"retention_days": 3650, "query_text": "full"}' where key = 'audit'`,
      ),
    turns: fail('audit.retention-days', 'audit.query-text'),
  },
  {
    name: 'the database is stopped',
    break: async (i) => i.docker('stop', await i.container('pgvector')),
    turns: {},
  },
];

async function reloadCaddy(install: Install): Promise<void> {
  const result = await install.docker(
    'exec',
    await install.container('caddy'),
    'caddy',
    'reload',
    '--config',
    '/etc/caddy/Caddyfile',
    '--adapter',
    'caddyfile',
    '--force',
  );
  if (result.code !== 0) throw new Error(result.stderr);
}
