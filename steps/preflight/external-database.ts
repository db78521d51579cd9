/** An external PostgreSQL: it lets the admin URL in, and that role may do the set-up. Both before anything is written. */

import type { HostReader, SqlConnection } from '../../src/core/host.ts';
import { fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { refusalOf, said } from '../database/ground.ts';
import { DATABASE } from '../shared/layout.ts';
import { authority, connectionTo, externalAdmin } from '../shared/postgres.ts';
import { resolveSecret } from '../shared/secrets.ts';
import type { Needed, PreflightControl } from './common.ts';

const LOGIN = 'database.admin-login';
const BUNDLED = 'the database is bundled';

/** The answered authority counts; the install's own copy of it stands in where the source is gone. */
async function connection(
  host: HostReader,
  answers: Needed,
): Promise<SqlConnection | { readonly broken: string }> {
  // A source that cannot be read is another control's business; one that holds no usable URL is seen to be wrong.
  if (answers.databaseAdminUrl) await resolveSecret(host, answers.databaseAdminUrl);
  const url = await externalAdmin(host, answers).catch((error: Error) => ({ broken: error.message }));
  if ('broken' in url) return url;
  const ca = (answers.databaseCa && (await host.readText(answers.databaseCa))) || (await authority(host));
  return connectionTo({ ...url, serverName: url.host }, url.user, url.password, ca);
}

async function logIn(host: HostReader, answers: Needed): Promise<Verdict> {
  const admin = await connection(host, answers);
  if ('broken' in admin) return fail(admin.broken, 'one postgresql:// URL with user, password and database');
  const where = `${admin.host}:${admin.port}`;
  const expected = `${admin.user} logs in to ${admin.database} at ${where}, over TLS that databaseCa verifies`;
  const answer = await host.tcp({ host: admin.host, port: admin.port, timeoutMs: 5_000 });
  // Silence may be the network's, or the name's, which nobody resolves here: then the server was not seen.
  if (answer === 'silent') return unknown(`${where} gives no answer`);
  if (answer !== 'open') return fail(`${where} does not answer (${answer})`, expected);
  const [result] = await host.sql(admin, [{ text: 'SELECT 1' }]);
  if (!result) throw new Error('no answer');
  if (!result.ok && /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/.test(result.code))
    return unknown(`${where} gives no answer (${said(result)})`);
  if (result.ok) return pass(`${admin.user} is in ${admin.database} at ${where}, verified`);
  const meaning = {
    password: `the server refuses the password of ${admin.user}`,
    rules: `the server's rules do not let ${admin.user} in from here`,
    privilege: `${admin.user} may not use the database ${admin.database}, or it does not exist`,
    certificate: `the server's certificate is not one of databaseCa for the name ${admin.host}`,
    'no-tls': 'the server offers no TLS',
    limit: `a connection limit keeps ${admin.user} out`,
    full: `${where} has no connection left`,
    closed: `the database ${admin.database} takes no connections`,
    unreachable: `${where} breaks the connection off`,
  }[refusalOf(result) ?? 'unreachable'];
  return fail(`${meaning} (${said(result)})`, expected);
}

const adminLogin: PreflightControl = {
  id: LOGIN,
  title: 'The external database lets the admin URL in, over a verified connection',
  severity: 'required',
  section: 'postgresql-security',
  refs: ['RFC 6125', 'CIS PostgreSQL 6.8'],
  manual: true,
  how: 'Logs in to the external database with the admin URL over TLS that the answered authority verifies, and runs SELECT 1.',
  threat: 'The run would stop half-way, with files that point to a database that nobody can set up.',
  remedy:
    'Correct the URL in the file that databaseAdminUrl names (special characters of the password percent-encoded), or databaseCa, or let whoever runs the server put right what is named.',
  impact: 'None.',
  inspect: async ({ host, answers }) =>
    answers.database === 'external' ? logIn(host, answers) : skip(BUNDLED),
};

/** What a role that is no superuser needs for the one transaction that sets roles, owners and rights. */
const RIGHTS = `SELECT r.rolsuper AS superuser, r.rolcreaterole AS createrole, r.rolcreatedb AS createdb,
    pg_get_userbyid(d.datdba)::text AS owner,
    pg_has_role(d.datdba, 'USAGE') OR pg_get_userbyid(d.datdba) = '${DATABASE.owner}' AS owns,
    EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS available,
    EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS installed,
    EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'vector' AND trusted) AS trusted
  FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`;

async function rights(host: HostReader, answers: Needed): Promise<Verdict> {
  const admin = await connection(host, answers);
  if ('broken' in admin) return unknown(admin.broken, LOGIN);
  const [result] = await host.sql(admin, [{ text: RIGHTS }]);
  if (!result?.ok) return unknown(`the admin role is not in: see ${LOGIN}`, LOGIN);
  const [row] = result.rows;
  if (row === undefined) return unknown(`the server does not tell what ${admin.user} may do`);
  const lacks: string[] = [];
  if (row.superuser !== true) {
    if (row.createrole !== true) lacks.push(`${admin.user} may not create roles (CREATEROLE)`);
    // PostgreSQL lets a database change its owner only by who could have made it.
    if (row.owner !== DATABASE.owner && row.createdb !== true)
      lacks.push(`${admin.user} may not give the database an owner (CREATEDB)`);
    if (row.owns !== true) lacks.push(`the database ${admin.database} belongs to ${String(row.owner)}`);
  }
  if (row.available !== true) lacks.push('the server has no pgvector');
  else if (row.installed !== true && row.superuser !== true && row.trusted !== true)
    lacks.push(`the extension vector is not installed, and ${admin.user} may not install it`);
  return lacks.length === 0
    ? pass(row.superuser === true ? `${admin.user} is a superuser` : `${admin.user} is no superuser and can`)
    : fail(lacks.join('; '), 'a superuser; or CREATEROLE, CREATEDB, the database, and vector installed');
}

const adminRights: PreflightControl = {
  id: 'database.admin-rights',
  title: 'The admin role can set up the roles, the owner and the vector extension of the external database',
  severity: 'required',
  section: 'postgresql-security',
  manual: true,
  how: "Logs in with the admin URL and reads in the catalogue its attributes, the database's owner and whether pgvector can be installed.",
  threat: 'The run would stop half-way, with a database that CoreCube cannot use.',
  remedy:
    'Let a superuser of the server grant what is missing: ALTER ROLE … CREATEROLE CREATEDB; ALTER DATABASE … OWNER TO …; CREATE EXTENSION vector WITH SCHEMA public.',
  impact: 'The admin role may create roles and databases on that server.',
  inspect: async ({ host, answers }) =>
    answers.database === 'external' ? rights(host, answers) : skip(BUNDLED),
};

export const externalDatabaseControls: readonly PreflightControl[] = [adminLogin, adminRights];
