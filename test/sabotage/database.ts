/** Rows about PostgreSQL. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { fail, type Sabotage } from './types.ts';

export const databaseRows: readonly Sabotage[] = [
  {
    name: 'the connection URLs are readable for everybody',
    break: (i) => chmod(i.path('.env'), 0o644),
    turns: fail('pg.env-file'),
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
    name: 'the database is stopped',
    break: async (i) => i.docker('stop', await i.container('pgvector')),
    turns: {},
  },
];
