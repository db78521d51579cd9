/** What the configuration files of the data volume do to the server that its command line does not tell: now, and at the next start. */
import type { HostReader, SqlConnection } from '../../src/core/host.ts';
import { type Control, fail, pass, skip } from '../../src/core/step.ts';
import { PATH, SERVICE } from '../shared/layout.ts';
import { asSuperuser, type Needed, probe, rows, SECTION } from './ground.ts';
import { STATEMENTS_LOGGED } from './server-options.ts';

/**
 * Settings with which the server loads code, runs programs, forgets what it wrote, sees other tables or listens elsewhere. On
 * the command line they are declared, and a person can read them; in the files of the data volume only ALTER SYSTEM or an
 * intruder puts them.
 */
const HIDDEN = [
  ...['shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries', 'jit_provider'],
  ...['dynamic_library_path', 'archive_mode', 'archive_command', 'archive_library', 'restore_command'],
  ...['archive_cleanup_command', 'recovery_end_command', 'ssl_passphrase_command', 'primary_conninfo'],
  ...['fsync', 'full_page_writes', 'zero_damaged_pages', 'ignore_checksum_failure', 'ignore_system_indexes'],
  ...['allow_system_table_mods', 'row_security', 'session_replication_role', 'search_path', 'event_triggers'],
  ...['scram_iterations', 'authentication_timeout', 'ssl_max_protocol_version', 'ident_file', 'hba_file'],
  ...['lo_compat_privileges', 'track_activities', 'default_transaction_read_only', 'krb_server_keyfile'],
  ...['port', 'unix_socket_directories', 'data_directory', 'synchronous_commit'],
];
const list = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');

/** Seconds of a time as PostgreSQL reads it (19.1.1), without a unit in seconds. */
function seconds(text: string): number {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|)\s*$/.exec(text) ?? [];
  return Number(amount) * (unit === 'ms' ? 0.001 : unit === 'min' ? 60 : 1);
}

/** Where one direction of such a setting is as good as what PostgreSQL begins with, or better. */
const NO_WEAKER: Readonly<Record<string, (setting: string) => boolean>> = {
  scram_iterations: (setting) => Number(setting) >= 4096,
  authentication_timeout: (setting) => seconds(setting) <= 60,
  ssl_max_protocol_version: (setting) => setting === '' || setting === 'TLSv1.3',
  synchronous_commit: (setting) => /^(on|remote_write|remote_apply|true|yes|1)$/i.test(setting),
};

/** Lines of the configuration files, applied or waiting for a restart, that say otherwise than PostgreSQL by itself. */
const IN_FILES = `SELECT DISTINCT lower(f.name) AS name, f.setting, regexp_replace(f.sourcefile, '.*/', '') AS file
  FROM pg_file_settings f LEFT JOIN pg_settings s ON s.name = lower(f.name)
  WHERE (f.name LIKE '%.%' AND f.name NOT LIKE 'hnsw.%' AND f.name NOT LIKE 'ivfflat.%')
    OR lower(f.name) IN (${list(HIDDEN)}) AND f.setting IS DISTINCT FROM s.boot_val
      AND NOT (s.vartype = 'bool' AND (lower(f.setting) IN ('on', 'true', 'yes', '1', 't', 'y')) = (s.boot_val = 'on'))
  ORDER BY 1`;

/**
 * Lines that PostgreSQL cannot apply. What only waits for a restart has the same error text; it was understood, so that it is
 * pending (this look comes behind one at pg_file_settings, which marks it).
 */
const BROKEN = `SELECT regexp_replace(f.sourcefile, '.*/', '') AS file, f.sourceline AS line, f.name, f.error
  FROM pg_file_settings f LEFT JOIN pg_settings s ON s.name = lower(f.name)
  WHERE f.error IS NOT NULL AND NOT coalesce(s.pending_restart, false) ORDER BY f.seqno`;

/** The last line counts, unless the command line speaks of it. */
const AT_THE_NEXT_START = `SELECT DISTINCT ON (lower(f.name)) lower(f.name) AS name, f.setting, regexp_replace(f.sourcefile, '.*/', '') AS file
  FROM pg_file_settings f JOIN pg_settings s ON s.name = lower(f.name)
  WHERE lower(f.name) IN ('listen_addresses', 'shared_buffers') AND s.source <> 'command line' ORDER BY lower(f.name), f.seqno DESC`;

/** With one of these in the data directory the next start is that of a standby or a recovery: nothing can be written. */
const SIGNALS = `SELECT name FROM unnest(ARRAY['standby.signal', 'recovery.signal']) name
  WHERE (pg_stat_file(name, true)).size IS NOT NULL ORDER BY 1`;

const LOGGED = `SELECT name, setting, source FROM pg_settings WHERE name IN (${list(Object.keys(STATEMENTS_LOGGED))})`;

/** Where a setting comes from, as the statement that set it. */
const SET_BY: Readonly<Record<string, string>> = {
  user: 'ALTER ROLE postgres',
  database: 'ALTER DATABASE corecube',
  'database user': 'ALTER ROLE postgres IN DATABASE corecube',
  global: 'ALTER ROLE ALL',
  'configuration file': 'a configuration file',
  'command line': 'the command line',
};

/** Megabytes of a size as PostgreSQL reads it, without a unit in blocks of 8 kB; undefined for what is none. */
function megabytes(text: string): number | undefined {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB|)\s*$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const factor = { B: 1 / 1048576, kB: 1 / 1024, MB: 1, GB: 1024, TB: 1048576 }[unit as string];
  return Number(amount) * (factor ?? 8 / 1024);
}

/** CoreCube comes over the network, and more shared memory than the host has is not given. */
function startProblem(name: string, setting: string, memoryMb: number): string | undefined {
  if (name === 'listen_addresses')
    return setting.split(',').some((address) => ['*', '0.0.0.0'].includes(address.trim()))
      ? undefined
      : 'at the next start the server does not listen where CoreCube connects to';
  const wanted = megabytes(setting);
  return wanted !== undefined && wanted > memoryMb
    ? 'more memory than this host has, and the next start ends with that'
    : undefined;
}

async function problems(host: HostReader, connection: SqlConnection): Promise<readonly string[]> {
  const found = await probe(host, 'server settings', connection, {
    files: IN_FILES,
    broken: BROKEN,
    next: AT_THE_NEXT_START,
    signals: SIGNALS,
    logged: LOGGED,
  });
  const logged = rows(found.logged, 'its log settings');
  if (!logged.some((row) => row.name === 'log_statement')) throw new Error('no answer');
  const { memoryMb } = await host.system();
  return [
    ...rows(found.files, 'its configuration files')
      .filter((row) => !NO_WEAKER[String(row.name)]?.(String(row.setting)))
      .map((row) => `${row.file} sets ${row.name}`),
    ...rows(found.broken, 'the errors of its configuration files').map(
      (row) =>
        `${row.file}, line ${row.line}${row.name ? ` (${row.name})` : ''}: ${row.error}; the server does not start with it, nor read its files again`,
    ),
    ...rows(found.next, 'its configuration files').flatMap((row) => {
      const problem = startProblem(String(row.name), String(row.setting), memoryMb);
      return problem ? [`${row.file} sets ${row.name}: ${problem}`] : [];
    }),
    ...rows(found.signals, 'the files of its data directory').map(
      (row) => `${row.name} lies in the data directory: after the next start nothing can be written`,
    ),
    ...logged
      .filter((row) => STATEMENTS_LOGGED[String(row.name)] !== row.setting)
      .map(
        (row) =>
          `${row.name} is ${row.setting} (by ${SET_BY[String(row.source)] ?? row.source}), so that statements or their parameters are logged`,
      ),
  ];
}

export const serverSettings: Control<Needed> = {
  id: 'pg.server-settings',
  title:
    'The database server loads, runs and logs nothing beyond what is declared, and its files let it start again',
  severity: 'required',
  section: SECTION,
  refs: ['CIS PostgreSQL 6.3', 'CIS PostgreSQL 6.4', 'CWE-532', 'CWE-15'],
  threat:
    'ALTER SYSTEM needs one statement of a superuser and survives every restart: a program that runs with each log segment, a library in each session, every question and password in the log, or a server that does not come back.',
  how: 'Reads pg_file_settings and pg_settings as the superuser: libraries, programs, variables, lost durability, logged statements, lines with errors, where it listens, its memory; and looks for signal files.',
  remedy: `As postgres: ALTER SYSTEM RESET name, or for what ALTER ROLE or ALTER DATABASE has set, that statement with RESET name; then SELECT pg_reload_conf(). A library, archive_mode, port or data_directory needs a restart of the database as well. A line of postgresql.conf, or one with an error, is taken out of the file: docker compose exec ${SERVICE.database} sed -i NUMBERd /var/lib/postgresql/data/FILE. A signal file is removed there with rm. What shall be there is declared as -c name=value in the command of the service ${SERVICE.database} in ${PATH.override}.`,
  impact: 'What was set no longer happens. Logs that already hold statements are to be removed.',
  manual: true,
  async inspect({ host, answers }) {
    if (answers.database === 'external')
      return skip('the server is external: its settings are the business of whoever runs it');
    const reach = await asSuperuser(host, answers);
    if (reach.verdict) return reach.verdict;
    const all = await problems(host, reach.connection);
    return all.length === 0
      ? pass(
          'no file of the data volume sets what is hidden there or keeps the server from starting; no statement is logged',
        )
      : fail(
          all.join('; '),
          'nothing beyond the command line, no line with an error, and no statement in the log',
        );
  },
};
