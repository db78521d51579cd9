/**
 * CIS PostgreSQL Benchmark (numbers of the edition for PostgreSQL 16 and 17, as pgdsat lists them), judged by SQL as the
 * superuser and by looks into the container. Knows nothing of the product's own controls. Titles are abridged.
 */
import { type Answer, type Judged, notApplicable as na, pass, unless, warn } from './types.ts';

export interface Role {
  readonly name: string;
  readonly superuser: boolean;
  readonly createrole: boolean;
  readonly createdb: boolean;
  readonly replication: boolean;
  readonly bypassrls: boolean;
  readonly login: boolean;
  readonly connections: number;
  readonly scram: boolean;
  readonly memberOf: readonly string[] | null;
}
export interface Rule {
  readonly type: string;
  readonly databases: readonly string[];
  readonly users: readonly string[];
  readonly address: string | null;
  readonly netmask: string | null;
  readonly method: string;
  readonly error: string | null;
}

/** What one connection of the superuser tells, as JSON. */
export interface PostgresFacts {
  readonly settings: Readonly<Record<string, string>>;
  readonly roles: readonly Role[];
  readonly rules: readonly Rule[];
  readonly extensions: readonly string[];
  readonly tablespaces: readonly string[];
  readonly definers: readonly string[];
  readonly openToPublic: readonly string[];
  readonly publicMayCreate: boolean;
  readonly policies: readonly {
    readonly table: string;
    readonly enabled: boolean;
    readonly forced: boolean;
  }[];
  readonly plainSessions: number;
  readonly tlsSessions: number;
  readonly replicas: number;
  /** Of the container. */
  readonly files: {
    readonly umask: string;
    readonly dataMode: string;
    readonly rulesWritable: boolean;
    readonly extensionsWritable: boolean;
    readonly socketDirectoryMode: string;
    readonly traces: readonly string[];
    readonly passwordVariables: readonly string[];
    readonly sudo: boolean;
    readonly commandLines: readonly string[];
    readonly fips: boolean;
    readonly backupTool: boolean;
  };
}

/** One row, one column, JSON: every fact that SQL can give. */
export const FACTS_SQL = `SELECT json_build_object(
  'settings', (SELECT json_object_agg(name, setting) FROM pg_settings),
  'roles', (SELECT json_agg(json_build_object('name', a.rolname, 'superuser', a.rolsuper, 'createrole', a.rolcreaterole,
     'createdb', a.rolcreatedb, 'replication', a.rolreplication, 'bypassrls', a.rolbypassrls, 'login', a.rolcanlogin,
     'connections', a.rolconnlimit, 'scram', coalesce(a.rolpassword LIKE 'SCRAM-SHA-256$%', false),
     'memberOf', (SELECT json_agg(pg_get_userbyid(m.roleid)) FROM pg_auth_members m WHERE m.member = a.oid)))
     FROM pg_authid a WHERE a.rolname NOT LIKE 'pg\\_%'),
  'rules', (SELECT json_agg(json_build_object('type', type, 'databases', database, 'users', user_name, 'address', address,
     'netmask', netmask, 'method', auth_method, 'error', error)) FROM pg_hba_file_rules),
  'extensions', (SELECT json_agg(extname) FROM pg_extension),
  'tablespaces', (SELECT coalesce(json_agg(spcname), '[]') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')),
  'definers', (SELECT coalesce(json_agg(p.oid::regprocedure::text), '[]') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')),
  'openToPublic', (SELECT coalesce(json_agg(DISTINCT c.relname), '[]') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
     aclexplode(c.relacl) acl WHERE acl.grantee = 0 AND n.nspname NOT IN ('pg_catalog', 'information_schema')),
  'publicMayCreate', (SELECT coalesce(bool_or(acl.privilege_type = 'CREATE'), false) FROM pg_namespace n,
     aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl WHERE n.nspname = 'public' AND acl.grantee = 0),
  'policies', (SELECT coalesce(json_agg(DISTINCT jsonb_build_object('table', c.relname, 'enabled', c.relrowsecurity, 'forced', c.relforcerowsecurity)), '[]')
     FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid),
  'plainSessions', (SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.client_addr IS NOT NULL AND NOT s.ssl),
  'tlsSessions', (SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.client_addr IS NOT NULL AND s.ssl),
  'replicas', (SELECT count(*) FROM pg_stat_replication))`;

interface Item {
  readonly id: string;
  readonly title: string;
  readonly byHand?: string;
  readonly judge?: (facts: PostgresFacts) => Answer;
}

const OURS = ['postgres', 'corecube_migrator', 'corecube_app', 'corecube_maintenance'];
/** A setting must be one of the values. */
const setting =
  (name: string, ...good: readonly string[]) =>
  ({ settings }: PostgresFacts): Answer => {
    const seen = settings[name] ?? 'unknown to this server';
    return good.includes(seen) ? pass(`${name} = ${seen}`) : warn(`${name} = ${seen}`);
  };
const settings =
  (wanted: Readonly<Record<string, string>>) =>
  (facts: PostgresFacts): Answer =>
    unless(
      Object.entries(wanted).flatMap(([n, v]) =>
        facts.settings[n] === v ? [] : [`${n} = ${facts.settings[n]}`],
      ),
      Object.keys(wanted).join(', '),
    );
/** For items about log files, which exist only with the collector. */
const collector =
  (judge: (facts: PostgresFacts) => Answer) =>
  (facts: PostgresFacts): Answer =>
    facts.settings.logging_collector === 'off' ? na('no log files: the collector is off') : judge(facts);
const syslog =
  (judge: (facts: PostgresFacts) => Answer) =>
  (facts: PostgresFacts): Answer =>
    facts.settings.log_destination?.includes('syslog') ? judge(facts) : na('syslog is not used');
const library =
  (name: string) =>
  ({ settings: s }: PostgresFacts): Answer =>
    (s.shared_preload_libraries ?? '').includes(name) ? pass('loaded') : warn(`${name} is not loaded`);
const extension =
  (...names: readonly string[]) =>
  ({ extensions }: PostgresFacts): Answer =>
    names.some((n) => extensions.includes(n))
      ? pass(names.join())
      : warn(`${names.join(' or ')} is not installed`);
const entering = (facts: PostgresFacts) => facts.rules.filter((r) => r.method !== 'reject');
const IMAGE = "the image is its vendor's; `images.pinned` and `images.update-known` are about it";

/** In the order of the benchmark. */
export const postgresItems: readonly Item[] = [
  { id: '1.1', title: 'Packages from authorized repositories', byHand: IMAGE },
  { id: '1.2', title: 'Only required packages', byHand: IMAGE },
  {
    id: '1.3',
    title: 'Service files are enabled',
    byHand: 'Compose starts the database; `running.restart` is about it',
  },
  { id: '1.4', title: 'Cluster initialised, with checksums', judge: setting('data_checksums', 'on') },
  { id: '1.5', title: 'Version is up to date', byHand: IMAGE },
  {
    id: '1.6',
    title: 'No PGPASSWORD in profiles',
    judge: ({ files }) =>
      unless(
        files.traces.filter((t) => t.includes('PGPASSWORD')),
        'none',
      ),
  },
  {
    id: '1.7',
    title: 'No PGPASSWORD in environments',
    judge: ({ files }) => unless(files.passwordVariables, 'in no process of the container'),
  },
  {
    id: '1.8',
    title: 'No unused extensions',
    judge: ({ extensions }) =>
      unless(
        extensions.filter((e) => !['plpgsql', 'vector'].includes(e)),
        extensions.join(', '),
      ),
  },
  {
    id: '1.9',
    title: 'No tablespace inside PGDATA',
    judge: ({ tablespaces }) => unless(tablespaces, 'none'),
  },
  {
    id: '2.1',
    title: 'File permissions mask',
    judge: ({ files }) => (files.umask === '0077' ? pass(files.umask) : warn(files.umask)),
  },
  {
    id: '2.2',
    title: 'Extension directory',
    judge: ({ files }) =>
      files.extensionsWritable ? warn('the server may write it') : pass('not writable for the server'),
  },
  {
    id: '2.3',
    title: 'No psql history',
    judge: ({ files }) =>
      unless(
        files.traces.filter((t) => t.includes('psql_history')),
        'none',
      ),
  },
  {
    id: '2.4',
    title: 'No passwords in service files',
    judge: ({ files }) =>
      unless(
        files.traces.filter((t) => /pg_service|pgpass/.test(t)),
        'none',
      ),
  },
  {
    id: '2.5',
    title: 'Permissions of pg_hba.conf',
    judge: ({ files }) =>
      files.rulesWritable ? warn('the server may write it') : pass('not writable for the server'),
  },
  {
    id: '2.6',
    title: 'Permissions of the socket directory',
    judge: ({ files }) =>
      /^[23]77[05]$/.test(files.socketDirectoryMode)
        ? pass(files.socketDirectoryMode)
        : warn(files.socketDirectoryMode),
  },
  {
    id: '2.7',
    title: 'Permissions of PGDATA',
    judge: ({ files }) => (files.dataMode === '700' ? pass(files.dataMode) : warn(files.dataMode)),
  },
  { id: '2.8', title: 'Content of PGDATA', byHand: 'a list to read; the volume is used by nothing else' },
  {
    id: '3.1.2',
    title: 'Log destinations',
    judge: setting('log_destination', 'stderr', 'csvlog', 'jsonlog', 'syslog'),
  },
  { id: '3.1.3', title: 'Logging collector', judge: setting('logging_collector', 'on') },
  { id: '3.1.4', title: 'Log directory', judge: collector(setting('log_directory', '/var/log/postgresql')) },
  { id: '3.1.5', title: 'Log file names', judge: collector(({ settings: s }) => pass(s.log_filename ?? '')) },
  { id: '3.1.6', title: 'Log file permissions', judge: collector(setting('log_file_mode', '0600')) },
  {
    id: '3.1.7',
    title: 'Log files are truncated on rotation',
    judge: collector(setting('log_truncate_on_rotation', 'on')),
  },
  { id: '3.1.8', title: 'Log file lifetime', judge: collector(setting('log_rotation_age', '1440')) },
  { id: '3.1.9', title: 'Log file size', judge: collector(setting('log_rotation_size', '0')) },
  { id: '3.1.10', title: 'Syslog facility', judge: syslog(setting('syslog_facility', 'local0')) },
  {
    id: '3.1.11',
    title: 'Syslog messages not suppressed',
    judge: syslog(setting('syslog_sequence_numbers', 'on')),
  },
  { id: '3.1.12', title: 'Syslog messages not cut', judge: syslog(setting('syslog_split_messages', 'on')) },
  { id: '3.1.13', title: 'Program name in syslog', judge: syslog(setting('syslog_ident', 'postgres')) },
  {
    id: '3.1.14',
    title: 'Messages in the log',
    judge: setting('log_min_messages', 'warning', 'notice', 'info'),
  },
  {
    id: '3.1.15',
    title: 'Statements that fail',
    judge: setting('log_min_error_statement', 'error', 'warning'),
  },
  { id: '3.1.16', title: 'debug_print_parse off', judge: setting('debug_print_parse', 'off') },
  { id: '3.1.17', title: 'debug_print_rewritten off', judge: setting('debug_print_rewritten', 'off') },
  { id: '3.1.18', title: 'debug_print_plan off', judge: setting('debug_print_plan', 'off') },
  { id: '3.1.19', title: 'debug_pretty_print on', judge: setting('debug_pretty_print', 'on') },
  { id: '3.1.20', title: 'log_connections on', judge: setting('log_connections', 'on') },
  { id: '3.1.21', title: 'log_disconnections on', judge: setting('log_disconnections', 'on') },
  { id: '3.1.22', title: 'log_error_verbosity verbose', judge: setting('log_error_verbosity', 'verbose') },
  { id: '3.1.23', title: 'log_hostname off', judge: setting('log_hostname', 'off') },
  {
    id: '3.1.24',
    title: 'Time, process, database, user, program and client in log_line_prefix',
    judge: ({ settings: s }) =>
      unless(
        ['%m', '%p', '%d', '%u', '%a', '%h'].filter((part) => !s.log_line_prefix?.includes(part)),
        s.log_line_prefix ?? '',
      ),
  },
  { id: '3.1.25', title: 'log_statement ddl', judge: setting('log_statement', 'ddl', 'mod', 'all') },
  { id: '3.1.26', title: 'log_timezone UTC', judge: setting('log_timezone', 'UTC', 'GMT', 'Etc/UTC') },
  {
    id: '3.1.27',
    title: 'Log directory outside PGDATA',
    judge: collector(setting('log_directory', '/var/log/postgresql')),
  },
  { id: '3.2', title: 'pgAudit', judge: library('pgaudit') },
  {
    id: '4.1',
    title: 'No interactive login of the postgres account',
    byHand: 'the container runs no login service',
  },
  {
    id: '4.2',
    title: 'sudo',
    judge: ({ files }) =>
      files.sudo ? warn('sudo is in the image') : na('there is no sudo in the container'),
  },
  {
    id: '4.3',
    title: 'No excessive administrative privileges',
    judge: ({ roles }) =>
      unless(
        roles
          .filter(
            (r) =>
              r.name !== 'postgres' &&
              (r.superuser || r.createrole || r.createdb || r.replication || r.bypassrls),
          )
          .map((r) => r.name),
        'the superuser only',
      ),
  },
  {
    id: '4.4',
    title: 'No accounts that are not in use',
    judge: ({ roles }) =>
      unless(
        roles.map((r) => r.name).filter((n) => !OURS.includes(n)),
        roles.map((r) => r.name).join(', '),
      ),
  },
  {
    id: '4.5',
    title: 'No excessive function privileges',
    judge: ({ definers }) => unless(definers, 'no SECURITY DEFINER function'),
  },
  {
    id: '4.6',
    title: 'No excessive DML privileges',
    judge: ({ openToPublic }) => unless(openToPublic, 'PUBLIC has none'),
  },
  {
    id: '4.7',
    title: 'Row-level security',
    judge: ({ policies }) =>
      policies.length === 0
        ? warn('no table has a policy')
        : unless(
            policies.filter((p) => !p.enabled || !p.forced).map((p) => p.table),
            `enabled and forced on ${policies.length} tables`,
          ),
  },
  { id: '4.8', title: 'set_user', judge: extension('set_user') },
  {
    id: '4.9',
    title: 'Predefined roles with care',
    judge: ({ roles }) =>
      unless(
        roles.flatMap((r) =>
          (r.memberOf ?? []).filter((m) => /^pg_/.test(m)).map((m) => `${r.name} in ${m}`),
        ),
        'nobody is a member of one',
      ),
  },
  {
    id: '4.10',
    title: 'Schema public is protected',
    judge: ({ publicMayCreate }) =>
      publicMayCreate ? warn('PUBLIC may create') : pass('PUBLIC may not create'),
  },
  {
    id: '5.1',
    title: 'No password in a command line',
    judge: ({ files }) =>
      unless(
        files.commandLines.filter((l) => /password=|:\/\/[^ ]*:[^ ]*@/i.test(l)),
        `${files.commandLines.length} processes`,
      ),
  },
  {
    id: '5.2',
    title: 'Bound to an address',
    judge: ({ settings: s }) =>
      s.listen_addresses === '*' ? warn('listen_addresses = *') : pass(s.listen_addresses ?? ''),
  },
  {
    id: '5.3',
    title: 'Local logins',
    judge: (f) =>
      unless(
        entering(f)
          .filter((r) => r.type === 'local' && !['scram-sha-256', 'peer'].includes(r.method))
          .map((r) => r.method),
        'SCRAM',
      ),
  },
  {
    id: '5.4',
    title: 'TCP logins',
    judge: (f) =>
      unless(
        entering(f)
          .filter((r) => r.type !== 'local' && !['scram-sha-256', 'cert'].includes(r.method))
          .map((r) => r.method),
        'SCRAM',
      ),
  },
  {
    id: '5.5',
    title: 'Connection limits of accounts',
    judge: ({ roles }) =>
      unless(
        roles.filter((r) => r.login && !r.superuser && r.connections < 0).map((r) => r.name),
        'limited',
      ),
  },
  { id: '5.6', title: 'Password complexity', judge: library('passwordcheck') },
  {
    id: '5.7',
    title: 'Authentication timeout and delay',
    judge: (f) =>
      Number(f.settings.authentication_timeout) <= 60 ? library('auth_delay')(f) : warn('longer than 60 s'),
  },
  {
    id: '5.8',
    title: 'SSL for client connections',
    judge: (f) =>
      f.tlsSessions === 0
        ? warn('no session over the network was seen')
        : unless(
            [
              ...entering(f)
                .filter((r) => r.type === 'host' || r.type === 'hostnossl')
                .map((r) => `a ${r.type} rule`),
              ...(f.plainSessions > 0 ? [`${f.plainSessions} sessions without`] : []),
            ],
            `${f.tlsSessions} sessions, all encrypted`,
          ),
  },
  {
    id: '5.9',
    title: 'Narrow address ranges',
    judge: (f) =>
      unless(
        entering(f)
          .filter(
            (r) =>
              r.type !== 'local' &&
              !['samenet', 'samehost'].includes(r.address ?? '') &&
              r.netmask !== '255.255.255.255',
          )
          .map((r) => r.address ?? 'all'),
        'the own subnet and 127.0.0.1',
      ),
  },
  {
    id: '5.10',
    title: 'Specific databases and users',
    judge: (f) =>
      unless(
        entering(f)
          .filter((r) => r.databases.includes('all') || r.users.includes('all'))
          .map((r) => `${r.type} ${r.address ?? ''}`.trim()),
        'all named',
      ),
  },
  {
    id: '5.11',
    title: 'No superuser over the network',
    judge: (f) =>
      unless(
        entering(f)
          .filter(
            (r) =>
              r.type !== 'local' &&
              r.address !== '127.0.0.1' &&
              r.users.some((u) => ['postgres', 'all'].includes(u)),
          )
          .map((r) => `${r.type} ${r.address}`),
        'none',
      ),
  },
  {
    id: '5.12',
    title: 'password_encryption',
    judge: (f) => {
      const old = f.roles.filter((r) => r.login && !r.scram).map((r) => r.name);
      return old.length > 0
        ? warn(`not SCRAM: ${old.join(', ')}`)
        : setting('password_encryption', 'scram-sha-256')(f);
    },
  },
  { id: '6.1', title: 'Attack vectors are understood', byHand: 'a text to read' },
  {
    id: '6.2',
    title: 'Backend parameters',
    judge: settings({
      ignore_system_indexes: 'off',
      jit_debugging_support: 'off',
      jit_profiling_support: 'off',
      log_connections: 'on',
      log_disconnections: 'on',
      post_auth_delay: '0',
    }),
  },
  {
    id: '6.3',
    title: 'Postmaster parameters',
    judge: settings({ shared_preload_libraries: '', allow_system_table_mods: 'off', ssl: 'on' }),
  },
  {
    id: '6.4',
    title: 'SIGHUP parameters',
    judge: settings({ fsync: 'on', full_page_writes: 'on', restart_after_crash: 'on', pre_auth_delay: '0' }),
  },
  {
    id: '6.5',
    title: 'Superuser parameters',
    judge: settings({
      session_replication_role: 'origin',
      ignore_checksum_failure: 'off',
      zero_damaged_pages: 'off',
      lo_compat_privileges: 'off',
      session_preload_libraries: '',
    }),
  },
  {
    id: '6.6',
    title: 'User parameters',
    judge: settings({ row_security: 'on', check_function_bodies: 'on', local_preload_libraries: '' }),
  },
  {
    id: '6.7',
    title: 'FIPS 140 cryptography',
    judge: ({ files }) => (files.fips ? pass('on') : warn('the host is not in FIPS mode')),
  },
  {
    id: '6.8',
    title: 'TLS',
    judge: settings({
      ssl: 'on',
      ssl_cert_file: '/run/secrets/pg_server.crt',
      ssl_key_file: '/run/secrets/pg_server.key',
      ssl_prefer_server_ciphers: 'on',
    }),
  },
  { id: '6.9', title: 'A cryptographic extension', judge: extension('pgcrypto') },
  {
    id: '6.10',
    title: 'No weak ciphers or versions',
    judge: ({ settings: s }) =>
      unless(
        [
          ...(/MEDIUM|3DES|LOW|ALL|DEFAULT|RC4|CBC/.test(s.ssl_ciphers ?? 'DEFAULT')
            ? [`ssl_ciphers = ${s.ssl_ciphers}`]
            : []),
          ...(['TLSv1.2', 'TLSv1.3'].includes(s.ssl_min_protocol_version ?? '')
            ? []
            : [`from ${s.ssl_min_protocol_version}`]),
        ],
        `${s.ssl_ciphers}, from ${s.ssl_min_protocol_version}`,
      ),
  },
  { id: '6.11', title: 'A data anonymisation extension', judge: extension('anon') },
  {
    id: '7.1',
    title: 'A replication-only user',
    judge: ({ replicas }) => (replicas === 0 ? na('nothing is replicated') : warn(`${replicas} replicas`)),
  },
  { id: '7.2', title: 'Replication commands are logged', judge: setting('log_replication_commands', 'on') },
  {
    id: '7.3',
    title: 'Base backups',
    byHand: "backups are the operator's; `dumps.encrypted-medium` asks where they are",
  },
  { id: '7.4', title: 'WAL archiving', judge: setting('archive_mode', 'on', 'always') },
  {
    id: '7.5',
    title: 'Streaming replication',
    judge: ({ replicas }) => (replicas === 0 ? na('nothing is replicated') : warn(`${replicas} replicas`)),
  },
  {
    id: '8.1',
    title: 'Subdirectories outside the cluster',
    byHand: "one volume holds the cluster; the log is the container's",
  },
  {
    id: '8.2',
    title: 'pgBackRest',
    judge: ({ files }) => (files.backupTool ? pass('installed') : warn('not installed')),
  },
  { id: '8.3', title: 'Miscellaneous settings', byHand: 'a text to read' },
];

/** Every judgement; items for a person are left out. */
export const judgePostgres = (facts: PostgresFacts): readonly Judged[] =>
  postgresItems.flatMap((item) => (item.judge ? [{ item: item.id, ...item.judge(facts) }] : []));
