/** Rows about PostgreSQL's roles, rights and row-level security. */
import { edit } from './edits.ts';
import { fail, type Sabotage, unseen } from './types.ts';

const RECORD = '.corecube-secure/policies.json';

/** A statement and the one that takes it back; without one apply must do that. */
const row = (name: string, statement: string, turns: readonly string[], back?: string): Sabotage => ({
  name,
  break: (i) => i.sql(statement),
  drift: 'changed-at-run-time',
  turns: fail(...turns),
  ...(back === undefined ? {} : { undo: (i) => i.sql(back) }),
});

const roleRows: readonly Sabotage[] = [
  {
    ...row('the app role becomes a superuser', 'alter role corecube_app superuser', [
      'pg.app-attributes',
      'pg.app-not-member',
      'pg.app-cannot-create-role',
      'pg.app-cannot-run-programs',
      'pg.app-cannot-read-files',
      'pg.app-cannot-alter-policy',
      'pg.app-cannot-create-tables',
    ]),
    onlyV2: ['pg.app-cannot-create-tables'],
  },
  row(
    'the app role may bypass row-level security',
    'alter role corecube_app bypassrls',
    ['pg.app-attributes'],
    'alter role corecube_app nobypassrls',
  ),
  row(
    'the app role may create roles',
    'alter role corecube_app createrole',
    ['pg.app-attributes', 'pg.app-cannot-create-role'],
    'alter role corecube_app nocreaterole',
  ),
  row(
    'the app role may create databases',
    'alter role corecube_app createdb',
    ['pg.app-attributes'],
    'alter role corecube_app nocreatedb',
  ),
  row(
    'the app role may replicate',
    'alter role corecube_app replication',
    ['pg.app-attributes'],
    'alter role corecube_app noreplication',
  ),
  {
    ...row(
      'the app role becomes a member of the migration owner',
      'grant corecube_migrator to corecube_app',
      ['pg.app-attributes', 'pg.app-not-member', 'pg.app-cannot-alter-policy', 'pg.app-cannot-create-tables'],
    ),
    onlyV2: ['pg.app-cannot-create-tables'],
  },
  row(
    'the app role may read everything',
    'grant pg_read_all_data to corecube_app',
    ['pg.app-attributes', 'pg.app-cannot-read-files'],
    'revoke pg_read_all_data from corecube_app',
  ),
  row(
    'the app role may run programs',
    'grant pg_execute_server_program to corecube_app',
    ['pg.app-attributes', 'pg.app-cannot-run-programs'],
    'revoke pg_execute_server_program from corecube_app',
  ),
  row(
    'the maintenance role becomes a superuser',
    'alter role corecube_maintenance superuser',
    ['pg.maintenance-attributes'],
    'alter role corecube_maintenance nosuperuser',
  ),
  row(
    'the migration owner may create roles',
    'alter role corecube_migrator createrole',
    ['pg.owner-attributes'],
    'alter role corecube_migrator nocreaterole',
  ),
  row(
    'a second superuser can log in',
    "create role sabotage superuser login password 'Sabotage-Passw0rd-Sabotage'",
    ['pg.other-roles-powerless', 'pg.other-roles-cannot-log-in'],
    'drop role sabotage',
  ),
  row(
    'a role that cannot log in is a member of the migration owner',
    'create role sabotage in role corecube_migrator',
    ['pg.other-roles-powerless'],
    'drop role sabotage',
  ),
  row(
    'a role is in a group that is in the group of all who may read everything',
    'create role sabotage_group in role pg_read_all_data; create role sabotage in role sabotage_group',
    ['pg.other-roles-powerless'],
    'drop role sabotage; drop role sabotage_group',
  ),
  row(
    'whoever watches the server is a member of the migration owner',
    'grant corecube_migrator to pg_monitor',
    ['pg.other-roles-powerless'],
    'revoke corecube_migrator from pg_monitor',
  ),
  row(
    'a role of somebody else may read every table',
    'create role sabotage; grant select on all tables in schema public to sabotage',
    ['pg.other-roles-powerless'],
    'drop owned by sabotage; drop role sabotage',
  ),
  {
    // Nothing that would be accused: what watches the server, and a group of its own.
    ...row(
      'a role for monitoring watches the server',
      'create role sabotage_group; create role sabotage login in role pg_monitor, sabotage_group; grant connect on database corecube to sabotage',
      ['pg.other-roles-cannot-log-in'],
      'revoke connect on database corecube from sabotage; drop role sabotage; drop role sabotage_group',
    ),
    exit: 0,
  },
  {
    ...row(
      'a further role can log in',
      "create role sabotage login password 'Sabotage-Passw0rd-Sabotage'",
      ['pg.other-roles-cannot-log-in'],
      'drop role sabotage',
    ),
    exit: 0,
  },
];

const settingRows: readonly Sabotage[] = [
  row(
    'every session of the superuser sees another schema first',
    "alter role postgres set search_path = 'sabotage, pg_catalog'",
    ['pg.role-settings'],
  ),
];

const rightRows: readonly Sabotage[] = [
  row('everybody may read a table', 'grant select on documents to public', ['pg.public-revoked']),
  {
    ...row(
      'everybody may create tables',
      'grant create on schema public to public',
      ['pg.public-revoked', 'pg.app-cannot-create-tables'],
      'revoke create on schema public from public',
    ),
    onlyV2: ['pg.app-cannot-create-tables'],
  },
  row(
    'everybody may connect to the database postgres',
    'grant connect on database postgres to public',
    ['pg.public-revoked'],
    'revoke connect on database postgres from public',
  ),
  row(
    'the vector extension is in another schema',
    'create schema sabotage; alter extension vector set schema sabotage',
    ['pg.extension-vector'],
    'alter extension vector set schema public; drop schema sabotage',
  ),
  row(
    'the app role may not write a new table',
    'alter default privileges for role corecube_migrator in schema public revoke insert on tables from corecube_app',
    ['pg.app-can-work'],
  ),
  row(
    'the maintenance role lost its rights on a table',
    'revoke all on evidence_chunks from corecube_maintenance',
    ['pg.app-can-work'],
  ),
];

const policyRows: readonly Sabotage[] = [
  row(
    'a third role owns a table that carries policies',
    'drop role if exists sabotage_dba; create role sabotage_dba; alter table documents owner to sabotage_dba',
    ['pg.tables-not-owned-by-app'],
  ),
  row(
    'a third role owns a table that carries none',
    'drop role if exists sabotage_dba; create role sabotage_dba; alter table api_keys owner to sabotage_dba',
    ['pg.tables-not-owned-by-app'],
  ),
  row('the app role owns a table', 'alter table documents owner to corecube_app', [
    'pg.tables-not-owned-by-app',
    'pg.app-cannot-alter-policy',
  ]),
  row(
    'row-level security is switched off on a table',
    'alter table documents disable row level security',
    ['pg.rls-enabled', 'pg.policies-as-migrated'],
    'alter table documents enable row level security',
  ),
  {
    ...row(
      'row-level security no longer binds the owner of a table',
      'alter table documents no force row level security',
      ['pg.policies-as-migrated'],
      'alter table documents force row level security',
    ),
    release: 'v2',
  },
  row('a policy lets everybody through', 'alter policy compartment_scope on documents using (true)', [
    'pg.policies-not-open',
    'pg.policies-as-migrated',
  ]),
  {
    ...row(
      'a policy is gone, and row-level security with it',
      'drop policy compartment_scope on documents; alter table documents disable row level security',
      ['pg.rls-enabled', 'pg.policies-as-migrated'],
    ),
    // There the table keeps a policy of the maintenance role, which filters nothing now.
    onlyV2: ['pg.rls-enabled'],
  },
  row(
    'a policy was added that lets all but the secret through',
    "create policy sabotage on documents using (sensitivity <> 'secret')",
    ['pg.policies-as-migrated'],
    'drop policy sabotage on documents',
  ),
  row(
    'a view of the migration owner shows the documents of every compartment',
    'create view sabotage as select * from documents; alter view sabotage owner to corecube_migrator; grant select on sabotage to corecube_app',
    ['pg.policies-as-migrated'],
    'drop view sabotage',
  ),
  row(
    'a function acts with the rights of the migration owner',
    "create function sabotage() returns bigint language sql security definer set search_path = pg_catalog as 'select count(*) from public.documents'; alter function sabotage() owner to corecube_migrator",
    ['pg.policies-as-migrated'],
    'drop function sabotage()',
  ),
  row(
    'a trigger of the migration owner silences the audit log',
    "set role corecube_migrator; create function sabotage() returns trigger language plpgsql as 'begin return null; end'; create trigger sabotage before insert on audit_log for each row execute function sabotage()",
    ['pg.policies-as-migrated'],
    'drop trigger sabotage on audit_log; drop function sabotage()',
  ),
  row(
    'the database no longer enforces the foreign keys of a table',
    'alter table evidence_chunks disable trigger all',
    ['pg.policies-as-migrated'],
    'alter table evidence_chunks enable trigger all',
  ),
  row(
    'a copy of a guarded table is left in the database',
    'set role corecube_migrator; create table sabotage as select * from documents',
    ['pg.policies-as-migrated'],
    'drop table sabotage',
  ),
  {
    // The state after an apply that ended between the start of a new image and its record: nothing of it may be undone.
    name: 'another image has migrated, and changed a policy, since the record',
    async break(i) {
      await edit(i, RECORD, /"image": "sha256:[0-9a-f]+"/, `"image": "sha256:${'0'.repeat(64)}"`);
      await i.sql(
        "alter policy compartment_scope on documents using (compartment = any (string_to_array(current_setting('corecube.compartments', true), ',')) and sensitivity <> 'sabotage')",
      );
    },
    drift: {},
    turns: { ...fail('pg.policies-recorded'), ...unseen('pg.policies-as-migrated') },
  },
];

export const roleAndPolicyRows: readonly Sabotage[] = [
  ...roleRows,
  ...settingRows,
  ...rightRows,
  ...policyRows,
];
