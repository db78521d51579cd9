/** The looks that the controls of the database share: one per connection and snapshot. */
import type { HostReader, SqlConnection, SqlResult } from '../../src/core/host.ts';
import { unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { type Container, containerOf } from '../shared/docker.ts';
import { DATABASE, ENV, PATH, SERVICE } from '../shared/layout.ts';
import {
  databaseConnections,
  externalAdmin,
  roleUrls,
  type Server,
  serverOf,
  superuserConnection,
} from '../shared/postgres.ts';

export const NEEDS = [
  'projectName',
  'database',
  'databaseAdminUrl',
  'databaseCa',
  'postgresImage',
  'image',
  'release',
] as const;
export type Needed = Pick<Answers, (typeof NEEDS)[number]>;

export const SECTION = 'postgresql-security';
export const ROLES = [DATABASE.owner, DATABASE.app, DATABASE.maintenance] as const;

/** Ids that other controls await. */
export const UP = 'pg.up';
export const CERTIFICATE = 'pg.server-certificate';
export const PASSWORD = 'pg.password-accepted';
export const ENV_COMPLETE = 'pg.urls-distinct';
export const LOGIN = 'pg.roles-log-in';

/** Undefined for an external database, and while no container was ever made. */
export async function databaseContainer(host: HostReader, answers: Needed): Promise<Container | undefined> {
  return answers.database === 'external'
    ? undefined
    : containerOf(host, answers.projectName, SERVICE.database);
}

/** Where the server is, or a verdict that says why nothing can be seen there. */
export async function reachServer(host: HostReader, answers: Needed): Promise<Server | { verdict: Verdict }> {
  const server = await serverOf(host, answers);
  return server ?? { verdict: unknown('the database does not run', UP) };
}

export interface Look {
  readonly at: SqlConnection;
  /** Results by the name of their statement. */
  readonly results: ReadonlyMap<string, SqlResult>;
}
export type Seen = Look | { readonly verdict: Verdict };

/** Runs named statements over one connection; a connection that is refused becomes a verdict that awaits its cause. */
async function lookOver(
  host: HostReader,
  at: SqlConnection,
  statements: Readonly<Record<string, string>>,
  awaits: string,
): Promise<Seen> {
  const names = Object.keys(statements);
  const results = await host.sql(
    at,
    names.map((name) => ({ text: statements[name] as string })),
  );
  const refused = results.find((result) => !result.ok && result.at === 'connect');
  if (refused && !refused.ok) return { verdict: whyNotConnected(refused, at.user, awaits) };
  return { at, results: new Map(names.map((name, i) => [name, results[i] as SqlResult])) };
}

/** SQLSTATE classes 28 (authorization), 3D (no such database) and 42501 (no CONNECT) are the login's trouble. */
const LOGIN_REFUSED = /^(28|3D|42501)/;
const CERTIFICATE_TROUBLE = /CERT|SIGNED|VERIFY|SSL|TLS|ALTNAME/i;

function whyNotConnected(
  result: Extract<SqlResult, { ok: false }>,
  user: string,
  loginControl: string,
): Verdict {
  const because = `${user} cannot connect: ${result.message} (${result.code})`;
  if (LOGIN_REFUSED.test(result.code)) return unknown(because, loginControl);
  if (CERTIFICATE_TROUBLE.test(`${result.code} ${result.message}`)) return unknown(because, CERTIFICATE);
  return unknown(because, UP);
}

/** The catalogs, as the superuser (external: as the admin URL's role). Shared within a snapshot. */
export function catalogs(host: HostReader, answers: Needed): Promise<Seen> {
  return host.once('database catalogs', async () => {
    const server = await reachServer(host, answers);
    if ('verdict' in server) return server;
    const connection = await superuserConnection(host, answers);
    if (!connection) return { verdict: unknown(`${PATH.databaseSuperuserPassword} is not there`, PASSWORD) };
    return lookOver(host, connection, CATALOGS, PASSWORD);
  });
}

const NAMES = ROLES.map((name) => `'${name}'`).join(', ');
const CATALOGS = {
  server: `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
             current_user AS me, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
             (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()) AS owner`,
  roles: `SELECT rolname AS name, rolcanlogin AS login, rolsuper AS superuser, rolcreaterole AS createrole,
            rolcreatedb AS createdb, rolreplication AS replication, rolbypassrls AS bypassrls
          FROM pg_roles WHERE rolname IN (${NAMES})`,
  memberships: `SELECT member.rolname AS member, grp.rolname AS role, grantor.rolname AS grantor
          FROM pg_auth_members m JOIN pg_roles member ON member.oid = m.member JOIN pg_roles grp ON grp.oid = m.roleid
          JOIN pg_roles grantor ON grantor.oid = m.grantor WHERE member.rolname IN (${NAMES})`,
  passwords: `SELECT rolname AS name, coalesce(rolpassword LIKE 'SCRAM-SHA-256$%', false) AS scram
          FROM pg_authid WHERE rolname = current_user OR rolname IN (${NAMES})`,
  hba: `SELECT line_number AS line, type, database::text, user_name::text AS users, address, auth_method AS method, error
          FROM pg_hba_file_rules ORDER BY line_number`,
  public: `SELECT has_database_privilege('public', current_database(), 'CONNECT') AS connect,
             has_database_privilege('public', current_database(), 'TEMPORARY') AS temporary,
             has_database_privilege('public', current_database(), 'CREATE') AS db_create,
             has_schema_privilege('public', 'public', 'CREATE') AS schema_create`,
  rights: `SELECT r.rolname AS name, has_schema_privilege(r.oid, 'public', 'USAGE') AS usage,
             has_schema_privilege(r.oid, 'public', 'CREATE') AS schema_create,
             has_database_privilege(r.oid, current_database(), 'CREATE') AS db_create,
             has_database_privilege(r.oid, current_database(), 'CONNECT') AS connect
          FROM pg_roles r WHERE r.rolname IN (${NAMES})`,
  defaults: `SELECT d.defaclobjtype AS kind, grantee.rolname AS name, a.privilege_type AS privilege
          FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a JOIN pg_roles grantee ON grantee.oid = a.grantee
          WHERE d.defaclrole = (SELECT oid FROM pg_roles WHERE rolname = '${DATABASE.owner}')
            AND d.defaclnamespace = 'public'::regnamespace`,
  extension: `SELECT a.default_version AS available, a.installed_version AS installed,
             (SELECT extowner::regrole::text FROM pg_extension WHERE extname = 'vector') AS owner
          FROM pg_available_extensions a WHERE a.name = 'vector'`,
  tables: `SELECT c.oid::regclass::text AS name, pg_get_userbyid(c.relowner) AS owner, c.relrowsecurity AS rls,
             (SELECT count(*)::int FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1`,
  policies: `SELECT p.polrelid::regclass::text AS "table", quote_ident(p.polname) AS name,
             pg_get_expr(p.polqual, p.polrelid) AS "using", pg_get_expr(p.polwithcheck, p.polrelid) AS "check", p.polpermissive AS permissive,
             (0::oid = ANY (p.polroles) OR (SELECT oid FROM pg_roles WHERE rolname = '${DATABASE.app}') = ANY (p.polroles)) AS app
          FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' ORDER BY 1, 2`,
  sessions: `SELECT a.usename AS name, a.application_name AS application, host(a.client_addr) AS address, s.ssl, s.version
          FROM pg_stat_activity a JOIN pg_stat_ssl s ON s.pid = a.pid
          WHERE a.datname = current_database() AND a.usename IN (${NAMES}) AND a.backend_type = 'client backend'`,
} as const;
export type Catalog = keyof typeof CATALOGS;

/** Rows of one catalog; throws (the engine makes it `unknown`) when the server does not tell. */
export function rowsOf(look: Look, name: string): readonly Record<string, unknown>[] {
  const result = look.results.get(name);
  if (!result) throw new Error(`${name} was not looked at`);
  if (!result.ok) throw new Error(`the server does not tell ${name}: ${result.message} (${result.code})`);
  return result.rows;
}

/** What the app role tries, in one transaction that is rolled back. All but the first must be refused (`table`: on guide v2). */
export function attacksOf(admin: string): Record<string, string> {
  return {
    tls: 'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    create_role: 'CREATE ROLE corecube_probe SUPERUSER',
    create_plain_role: 'CREATE ROLE corecube_probe',
    alter_self: `ALTER ROLE ${DATABASE.app} BYPASSRLS`,
    copy_program: `COPY (SELECT 1) TO PROGRAM 'true'`,
    // Rights are looked at before the relation, so that a table which does not exist answers the question.
    copy_from_file: `COPY public.corecube_probe FROM '/etc/passwd'`,
    read_file: `SELECT pg_read_file('/etc/passwd', 0, 1)`,
    list_directory: `SELECT count(*) FROM pg_ls_dir('/etc')`,
    import_file: `SELECT lo_import('/etc/passwd')`,
    read_passwords: 'SELECT count(*) FROM pg_authid',
    temporary: 'CREATE TEMPORARY TABLE corecube_probe (n int)',
    schema: 'CREATE SCHEMA corecube_probe',
    table: 'CREATE TABLE public.corecube_probe (n int)',
    // A success would lend its role to what follows: these come last, each taken back.
    set_owner: `SET ROLE ${DATABASE.owner}`,
    reset_1: 'RESET ROLE',
    set_maintenance: `SET ROLE ${DATABASE.maintenance}`,
    reset_2: 'RESET ROLE',
    set_admin: `SET ROLE ${quoteIdentifier(admin)}`,
    reset_3: 'RESET ROLE',
  };
}

/** SQL identifier, quoted (PostgreSQL, 4.1.1). */
export const quoteIdentifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** The attacks of the app role, over its own URL. Shared within a snapshot. */
export function attacks(host: HostReader, answers: Needed): Promise<Seen> {
  return host.once('database attacks', async () => {
    const server = await reachServer(host, answers);
    if ('verdict' in server) return server;
    const connections = await databaseConnections(host, answers);
    if (!connections) return { verdict: unknown(`${PATH.env} holds no complete set of URLs`, ENV_COMPLETE) };
    const admin =
      answers.database === 'external' ? (await externalAdmin(host, answers)).user : DATABASE.superuser;
    return lookOver(host, connections.app, attacksOf(admin), LOGIN);
  });
}

/** A login of owner or maintenance. Shared within a snapshot. */
export function login(host: HostReader, answers: Needed, role: 'owner' | 'maintenance'): Promise<Seen> {
  return host.once(`database login ${role}`, async () => {
    const server = await reachServer(host, answers);
    if ('verdict' in server) return server;
    const connections = await databaseConnections(host, answers);
    if (!connections) return { verdict: unknown(`${PATH.env} holds no complete set of URLs`, ENV_COMPLETE) };
    return lookOver(
      host,
      connections[role],
      { tls: 'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()' },
      LOGIN,
    );
  });
}

/** Names of the URLs that `.env` lacks or that cannot be read. */
export async function missingUrls(host: HostReader): Promise<readonly string[]> {
  const urls = await roleUrls(host);
  return Object.entries(ENV)
    .filter(([role]) => !urls?.[role as keyof typeof ENV])
    .map(([, name]) => name);
}
