/** What a setting can undo without a role, a right or a file being touched: of a role, of the database, of the server. */
import { type Control, fail, pass, skip } from '../../src/core/step.ts';
import { DATABASE } from '../shared/layout.ts';
import { asSuperuser, type Needed, probe, ROLE_NAME, rows, SECTION } from './ground.ts';
import { STATEMENTS_LOGGED } from './server-options.ts';

export const ROLE_SETTINGS = 'pg.role-settings';

/** The superuser of the bundled server is ours too: as it, everything is looked at. */
const ours = (bundled: boolean) =>
  [...Object.values(ROLE_NAME), ...(bundled ? [DATABASE.superuser] : [])]
    .map((name) => `'${name}'`)
    .join(', ');

/**
 * Settings that change how fast or how long something runs, not what is seen, loaded or logged: PostgreSQL 19.4, 19.7 and
 * 19.11, and those of pgvector. A migration of CoreCube may set them for its database.
 */
const HARMLESS = `(s.name LIKE '%\\_timeout' OR s.name LIKE '%work\\_mem' OR s.name LIKE 'enable\\_%' OR s.name LIKE 'jit%'
    OR s.name LIKE '%\\_cost' OR s.name LIKE 'hnsw.%' OR s.name LIKE 'ivfflat.%' OR s.name LIKE 'max\\_parallel\\_%'
    OR s.name IN ('timezone', 'datestyle', 'intervalstyle', 'effective_cache_size', 'effective_io_concurrency', 'temp_buffers',
      'temp_file_limit', 'default_statistics_target', 'default_text_search_config', 'synchronous_commit', 'application_name'))`;

/** `what` for people, `reset` as the statement that takes it back; the value is not shown: it may be anything. */
const settings = (
  bundled: boolean,
) => `SELECT format('%s for %s', s.name, w.name) AS what, format('ALTER %s RESET %s', w.owner, s.quoted) AS reset
  FROM pg_db_role_setting g LEFT JOIN pg_roles r ON r.oid = g.setrole LEFT JOIN pg_database d ON d.oid = g.setdatabase,
    unnest(g.setconfig) c (pair),
    LATERAL (SELECT lower(split_part(c.pair, '=', 1)) AS name,
      (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(split_part(c.pair, '=', 1), '.')) part) AS quoted) s,
    LATERAL (SELECT CASE WHEN d.oid IS NULL THEN coalesce(r.rolname::text, 'every role')
        ELSE concat_ws(' in ', r.rolname::text, 'the database ' || d.datname) END AS name,
      CASE WHEN r.oid IS NULL AND d.oid IS NOT NULL THEN format('DATABASE %I', d.datname)
        ELSE concat_ws(' ', 'ROLE', coalesce(quote_ident(r.rolname), 'ALL'), 'IN DATABASE ' || quote_ident(d.datname)) END AS owner) w
  WHERE (g.setrole = 0 OR r.rolname IN (${ours(bundled)})) AND (g.setdatabase = 0 OR d.datname = current_database()) AND NOT ${HARMLESS}
  ORDER BY 1`;

/** Takes back whatever the look names; part of the transaction of the roles. */
export const resetRoleSettings = (bundled: boolean) => `DO $do$ DECLARE statement text; BEGIN
  FOR statement IN SELECT f.reset FROM (${settings(bundled)}) f LOOP EXECUTE statement; END LOOP;
END $do$`;

/**
 * Settings with which the server loads code, runs programs, forgets what it wrote or sees other tables. On the command line
 * they are declared, and a person can read them; in the files of the data volume only ALTER SYSTEM or an intruder puts them.
 */
const HIDDEN = [
  ...['shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries', 'jit_provider'],
  ...['dynamic_library_path', 'archive_mode', 'archive_command', 'archive_library', 'restore_command'],
  ...['archive_cleanup_command', 'recovery_end_command', 'ssl_passphrase_command', 'primary_conninfo'],
  ...['fsync', 'full_page_writes', 'zero_damaged_pages', 'ignore_checksum_failure', 'ignore_system_indexes'],
  ...['allow_system_table_mods', 'row_security', 'session_replication_role', 'search_path', 'event_triggers'],
  ...['scram_iterations', 'authentication_timeout', 'ssl_max_protocol_version', 'ident_file', 'hba_file'],
  ...['lo_compat_privileges', 'track_activities', 'default_transaction_read_only', 'krb_server_keyfile'],
];
const list = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

/** Lines of the configuration files, applied or waiting for a restart, that say otherwise than PostgreSQL by itself. */
const IN_FILES = `SELECT DISTINCT f.name, regexp_replace(f.sourcefile, '.*/', '') AS file FROM pg_file_settings f
    LEFT JOIN pg_settings s ON s.name = lower(f.name)
  WHERE (f.name LIKE '%.%' AND f.name NOT LIKE 'hnsw.%' AND f.name NOT LIKE 'ivfflat.%')
    OR lower(f.name) IN (${list(HIDDEN)}) AND f.setting IS DISTINCT FROM s.boot_val
      AND NOT (s.vartype = 'bool' AND (lower(f.setting) IN ('on', 'true', 'yes', '1', 't', 'y')) = (s.boot_val = 'on'))
  ORDER BY 1`;
const LOGGED = `SELECT name, setting FROM pg_settings WHERE name IN (${list(Object.keys(STATEMENTS_LOGGED))})`;

export const settingsControls: readonly Control<Needed>[] = [
  {
    id: ROLE_SETTINGS,
    title:
      'No setting of a role or of the database changes what sessions of CoreCube or its superuser see, load or log',
    severity: 'required',
    section: SECTION,
    refs: ['CVE-2018-1058', 'CIS PostgreSQL 6.5', 'CIS PostgreSQL 6.6'],
    threat:
      'A search_path puts another table before the real one, and a value that the policies ask for opens every compartment, in each new session and without a trace in a file.',
    how: 'Reads in pg_db_role_setting, as the superuser, what is set for the roles of CoreCube, the bundled superuser, the database or everybody; times, memory and costs are harmless.',
    remedy: 'Apply resets what is named, in the transaction that sets the roles.',
    impact: 'New sessions go without the setting.',
    async inspect({ host, answers }) {
      const reach = await asSuperuser(host, answers);
      if (reach.verdict) return reach.verdict;
      const look = await probe(host, 'role settings', reach.connection, {
        settings: settings(answers.database === 'bundled'),
      });
      const found = rows(look.settings, 'the settings of its roles').map((row) => String(row.what));
      return found.length === 0
        ? pass('none beyond times, memory and costs')
        : fail(found.join('; '), 'no such setting');
    },
  },
  {
    id: 'pg.server-settings',
    title: 'The database server loads, runs and logs nothing beyond what it was declared with',
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 6.3', 'CIS PostgreSQL 6.4', 'CWE-532', 'CWE-15'],
    threat:
      'ALTER SYSTEM needs one statement of a superuser and survives every restart: a program that runs with each log segment, a library in each session, or every question and password in the log.',
    how: 'Reads pg_file_settings and pg_settings as the superuser and looks for libraries, programs, variables, lost durability and logged statements.',
    remedy:
      'As postgres: ALTER SYSTEM RESET name, then SELECT pg_reload_conf(); a library or archive_mode needs a restart of the database as well. What shall be there is declared as -c name=value in the command of the service pgvector in compose.override.yaml.',
    impact: 'What was set no longer happens. Logs that already hold statements are to be removed.',
    manual: true,
    async inspect({ host, answers }) {
      if (answers.database === 'external')
        return skip('the server is external: its settings are the business of whoever runs it');
      const reach = await asSuperuser(host, answers);
      if (reach.verdict) return reach.verdict;
      const found = await probe(host, 'server settings', reach.connection, {
        files: IN_FILES,
        logged: LOGGED,
      });
      const hidden = rows(found.files, 'its configuration files').map(
        (row) => `${row.file} sets ${row.name}`,
      );
      const logged = rows(found.logged, 'its log settings');
      if (!logged.some((row) => row.name === 'log_statement')) throw new Error('no answer');
      const loud = logged
        .filter((row) => STATEMENTS_LOGGED[String(row.name)] !== row.setting)
        .map((row) => `${row.name} is ${row.setting}, so that statements are logged`);
      const all = [...hidden, ...loud];
      return all.length === 0
        ? pass('no file of the data volume sets what is hidden there; no statement is logged')
        : fail(all.join('; '), 'nothing beyond the command line, and no statement in the log');
    },
  },
];
