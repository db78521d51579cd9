/** Rows about what the catalogue holds beside roles and policies: rights, settings, and objects of the superuser. */
import type { Install } from '../e2e/support.ts';
import { fail, type Sabotage } from './types.ts';

/** Statements, each in a transaction of its own, and those that take them back; without any, apply must do that. */
const row = (
  name: string,
  statements: readonly string[],
  turns: readonly string[],
  back: readonly string[] = [],
): Sabotage => ({
  name,
  break: (i) => each(i, statements),
  drift: 'changed-at-run-time',
  turns: fail(...turns),
  ...(back.length === 0 ? {} : { undo: (i: Install) => each(i, back) }),
});
const each = async (install: Install, statements: readonly string[]) => {
  for (const statement of statements) await install.sql(statement);
};

const RIGHTS = 'pg.no-further-rights';
const SETTINGS = 'pg.role-settings';
const OBJECTS = 'pg.nothing-of-the-superuser';
const SERVER = 'pg.server-settings';

export const catalogueRows: readonly Sabotage[] = [
  // TRUNCATE is bound by no policy.
  row(
    'the app role may empty a table past every policy',
    ['grant truncate, trigger on documents to corecube_app'],
    [RIGHTS],
  ),
  row(
    'the app role may pass its rights on',
    ['grant select on documents to corecube_app with grant option'],
    [RIGHTS],
  ),
  row(
    'the app role may make schemas in the database',
    ['grant create on database corecube to corecube_app'],
    [RIGHTS],
  ),
  row(
    'the maintenance role may create tables',
    ['grant create on schema public to corecube_maintenance'],
    [RIGHTS],
  ),
  row(
    'the app role owns a schema',
    ['create schema sabotage authorization corecube_app'],
    [RIGHTS],
    ['drop schema sabotage'],
  ),
  row(
    'the app role may read the files of the database container, one function only',
    ['grant execute on function pg_read_binary_file(text) to corecube_app'],
    [RIGHTS],
  ),
  row(
    'everybody may read the files of the database container',
    ['grant execute on function pg_read_file(text) to public'],
    [RIGHTS],
  ),
  row(
    'the app role may set the command that archives the log',
    ['grant alter system on parameter archive_command to corecube_app'],
    [RIGHTS],
  ),
  row('the app role may write the catalogue', ['grant update on pg_database to corecube_app'], [RIGHTS]),
  row(
    'everybody may read the tables that the next migration makes',
    ['alter default privileges for role corecube_migrator grant select on tables to public'],
    [RIGHTS],
  ),
  row(
    'a copy of the database is left behind, and everybody may connect to it',
    ['create database sabotage'],
    ['pg.public-revoked'],
    ['drop database sabotage'],
  ),
  row(
    'the password of the app role ends some day',
    ["alter role corecube_app valid until '2031-01-01'"],
    ['pg.roles-log-in'],
  ),
  row(
    'the app role may have twenty sessions at a time',
    ['alter role corecube_app connection limit 20'],
    ['pg.roles-log-in'],
  ),
  row(
    'the sessions of the app role look for tables in another schema first',
    ['create schema sabotage', 'alter role corecube_app set search_path = public, sabotage'],
    [SETTINGS],
    ['alter role corecube_app reset search_path', 'drop schema sabotage'],
  ),
  row(
    'the database sets the variable that the policies ask for',
    ["alter database corecube set corecube.compartments = 'secret'"],
    [SETTINGS],
  ),
  row(
    'the sessions of the app role leave no trace in the log',
    ["alter role corecube_app set log_min_messages = 'panic'"],
    [SETTINGS, 'pg.sessions-logged'],
  ),
  row(
    'a function of the superuser runs what it is told',
    [
      "create function sabotage(q text) returns void language plpgsql security definer as 'begin execute q; end'",
    ],
    [OBJECTS],
    ['drop function sabotage(text)'],
  ),
  row(
    'a view of the superuser shows every compartment to the app role',
    ['create view sabotage as select * from documents', 'grant select on sabotage to corecube_app'],
    [OBJECTS],
    ['drop view sabotage'],
  ),
  row(
    'a table of CoreCube belongs to the superuser',
    ['alter table settings owner to postgres'],
    [OBJECTS],
    ['alter table settings owner to corecube_migrator'],
  ),
  row(
    'the database can connect to other databases',
    ['create extension dblink'],
    [OBJECTS],
    ['drop extension dblink'],
  ),
  row(
    'the app role may use a foreign server that reads files',
    [
      'create extension file_fdw',
      'create server sabotage foreign data wrapper file_fdw',
      'grant usage on foreign server sabotage to corecube_app',
    ],
    [OBJECTS, RIGHTS],
    ['drop extension file_fdw cascade'],
  ),
  row(
    'every row is published',
    ['create publication sabotage for all tables'],
    [OBJECTS],
    ['drop publication sabotage'],
  ),
  row(
    'an event trigger runs in every session',
    [
      "create function sabotage() returns event_trigger language plpgsql as 'begin end'",
      'create event trigger sabotage on ddl_command_end execute function sabotage()',
    ],
    [OBJECTS],
    ['drop event trigger sabotage', 'drop function sabotage()'],
  ),
  row(
    'a program runs whenever the database closes a log segment',
    ["alter system set archive_command = 'cp %p /tmp'", 'select pg_reload_conf()'],
    [SERVER],
    ['alter system reset archive_command', 'select pg_reload_conf()'],
  ),
  row(
    'a library is loaded at the next start of the database',
    ["alter system set shared_preload_libraries = 'auto_explain'"],
    [SERVER],
    ['alter system reset shared_preload_libraries'],
  ),
  row(
    'every session begins with a variable of CoreCube, set in the data volume',
    ["alter system set corecube.compartments = 'secret'", 'select pg_reload_conf()'],
    [SERVER],
    ['alter system reset corecube.compartments', 'select pg_reload_conf()'],
  ),
  row(
    'the database logs a sample of what people ask',
    ['alter system set log_transaction_sample_rate = 1', 'select pg_reload_conf()'],
    [SERVER],
    ['alter system reset log_transaction_sample_rate', 'select pg_reload_conf()'],
  ),
];
