/** What the database's controls share: where the server is, how a refusal reads, and one connection for each role. */
import type { HostReader, SqlConnection, SqlResult, TlsResult } from '../../src/core/host.ts';
import { unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { type Container, containerOf } from '../shared/docker.ts';
import { DATABASE, ENV, PATH, SERVICE } from '../shared/layout.ts';
import { authority, connectionTo, roleUrls, type Server, serverOf, superuserOf } from '../shared/postgres.ts';
import { ITERATIONS } from '../shared/scram.ts';

export const NEEDS = [
  'projectName',
  'database',
  'databaseAdminUrl',
  'databaseCa',
  'postgresImage',
  'release',
  'image',
] as const;
export type Needed = Pick<Answers, (typeof NEEDS)[number]>;
/** `databaseCa` matters only until the authority has been copied into the install. */
export type GroundAnswers = Pick<Answers, 'projectName' | 'database' | 'databaseAdminUrl'> &
  Partial<Pick<Answers, 'databaseCa'>>;
export type RoleKey = 'owner' | 'app' | 'maintenance';

export const ROLE_NAME: Readonly<Record<RoleKey, string>> = {
  owner: DATABASE.owner,
  app: DATABASE.app,
  maintenance: DATABASE.maintenance,
};
export const ROLE_KEYS: readonly RoleKey[] = ['owner', 'app', 'maintenance'];

export const SECTION = 'postgresql-security';
/** In pg_authid: the rounds of a SCRAM verifier, as text; null for what is none. */
export const ROUNDS = "substring(rolpassword FROM '^SCRAM-SHA-256\\$([0-9]+):')";
/** In pg_authid: a password that is kept otherwise than as a SCRAM verifier, or as one of too few rounds (RFC 7677). */
export const KEPT_WEAKLY = `rolpassword IS NOT NULL AND coalesce(${ROUNDS}::numeric, 0) < ${ITERATIONS}`;

/** Controls that others await. */
export const UP = 'pg.up';
export const PASSWORD = 'pg.password-accepted';
export const CERTIFICATE = 'pg.server-certificate';
export const LOG_IN = 'pg.roles-log-in';
export const ENV_FILE = 'pg.env-file';
export const URLS = 'pg.urls-distinct';

/** How a connection was refused: decides which control speaks of it. */
export type Refusal =
  | 'password'
  | 'rules'
  | 'privilege'
  | 'certificate'
  | 'no-tls'
  | 'limit'
  | 'full'
  | 'closed'
  | 'unreachable';

export function refusalOf(result: SqlResult): Refusal | undefined {
  if (result.ok || result.at !== 'connect') return undefined;
  const { code, message } = result;
  if (code === '28P01') return 'password';
  // 28000: pg_hba.conf, or a role without LOGIN. 42501: no CONNECT on the database. 3D000: no such database.
  if (code === '28000') return 'rules';
  if (code === '42501' || code === '3D000') return 'privilege';
  // A limit of the role or the database is somebody's doing; that of the server may be a busy minute.
  if (code === '53300') return /for (role|database)/.test(message) ? 'limit' : 'full';
  // ALTER DATABASE … ALLOW_CONNECTIONS false.
  if (code === '55000') return 'closed';
  if (/CERT|SIGNATURE|ALTNAME|ISSUER/.test(code)) return 'certificate';
  if (/does not support SSL/i.test(message)) return 'no-tls';
  return 'unreachable';
}

/** What the server said, for `observed`. */
export const said = (result: SqlResult): string =>
  result.ok
    ? 'accepted'
    : `${/^[0-9A-Z]{5}$/.test(result.code) ? 'SQLSTATE ' : ''}${result.code}: ${result.message}`;

/**
 * SQLSTATE classes that say nothing about rights: the connection, a transaction that may not write, a rollback, the server's
 * means, an operator, an internal error (PostgreSQL, appendix A).
 */
const NO_ANSWER = /^(08|25|40|53|57|XX)/;

/** True for a statement that the server has judged: it was done, or refused for a reason of its own. */
export const isJudged = (result: SqlResult): boolean =>
  result.ok ||
  (result.at === 'statement' && /^[0-9A-Z]{5}$/.test(result.code) && !NO_ANSWER.test(result.code));

/** @throws (the engine makes it `unknown`) when the statement was not judged: whether it would have been done was not seen */
export function judged(result: SqlResult | undefined, what: string): SqlResult {
  if (result === undefined || !isJudged(result))
    throw new Error(`${what} was not seen: ${result === undefined ? 'no answer' : said(result)}`);
  return result;
}

/** The server, and whether the superuser may look into it. */
export type Ground =
  | { readonly is: 'down'; readonly observed: string }
  | {
      readonly is: 'up';
      readonly server: Server;
      /** Absent with an external database. */
      readonly container?: Container;
      /** Absent when its password is not kept here. */
      readonly superuser?: SqlConnection;
      /** How the superuser was received. */
      readonly hello?: SqlResult;
      /** The authority that connections are verified against, PEM. */
      readonly ca?: string;
    };

/** Shared within a snapshot. Throws when Docker does not answer. */
export function ground(host: HostReader, answers: GroundAnswers): Promise<Ground> {
  return host.once(`database ground ${answers.projectName}`, async () => {
    const external = answers.database === 'external';
    const container = external ? undefined : await containerOf(host, answers.projectName, SERVICE.database);
    const observed = external ? undefined : whyDown(container);
    if (observed !== undefined) return { is: 'down', observed } as const;
    const server = await serverOf(host, answers);
    if (!server)
      return { is: 'down', observed: 'its container is not joined to the internal network' } as const;
    const ca = await trusted(host, answers);
    const superuser = await superuserOf(host, answers, server, ca);
    const [hello] = superuser ? await host.sql(superuser, [{ text: 'SELECT 1' }]) : [];
    return {
      is: 'up',
      server,
      ...(container ? { container } : {}),
      ...(superuser ? { superuser } : {}),
      ...(hello ? { hello } : {}),
      ...(ca === undefined ? {} : { ca }),
    } as const;
  });
}

function whyDown(container: Container | undefined): string | undefined {
  if (!container) return `there is no container of the service ${SERVICE.database}`;
  const { State } = container;
  if (State.Restarting)
    return `its container restarts again and again (${container.RestartCount} times, exit code ${State.ExitCode})`;
  if (!State.Running) return `its container is ${State.Status} (exit code ${State.ExitCode})`;
  // The kernel still accepts connections for frozen processes: an open port says nothing then.
  if (State.Paused) return 'its container is paused: its processes are frozen';
  return undefined;
}

/** The server's answer to a request for TLS, judged against the authority; shared within a snapshot. */
export const greeting = (
  host: HostReader,
  { server, ca }: Extract<Ground, { is: 'up' }>,
): Promise<TlsResult> =>
  host.once(`database greeting ${server.host}:${server.port}`, () =>
    host.tls({ ...server, startTls: 'postgres', ...(ca === undefined ? {} : { ca }) }),
  );

/** The authority as installed; before it is, an external one as answered. */
async function trusted(host: HostReader, answers: GroundAnswers): Promise<string | undefined> {
  const installed = await authority(host);
  if (installed !== undefined || answers.database === 'bundled' || !answers.databaseCa) return installed;
  return host.readText(answers.databaseCa);
}

/** A connection, or the verdict that says why there is none yet. */
export type Reach =
  | { readonly connection: SqlConnection; readonly verdict?: never }
  | { readonly verdict: Verdict; readonly connection?: never };

export async function asSuperuser(host: HostReader, answers: GroundAnswers): Promise<Reach> {
  const base = await ground(host, answers);
  if (base.is === 'down') return { verdict: unknown(base.observed, UP) };
  if (!base.superuser || !base.hello)
    return { verdict: unknown(`${PATH.databaseSuperuserPassword} is not there`, PASSWORD) };
  const verdict = notIn(base.hello, PASSWORD, UP);
  return verdict ? { verdict } : { connection: base.superuser };
}

/** Which control a refused connection waits for; undefined when it was not refused. */
export function notIn(result: SqlResult, password: string, rest: string): Verdict | undefined {
  switch (refusalOf(result)) {
    case undefined:
      return undefined;
    case 'password':
      return unknown(`the server refuses the password (${said(result)})`, password);
    case 'certificate':
      return unknown(`the server's certificate is not trusted (${said(result)})`, CERTIFICATE);
    case 'no-tls':
      return unknown('the server does not offer TLS', CERTIFICATE);
    case 'limit':
      return unknown(`the server answers, and a connection limit is reached (${said(result)})`, rest);
    case 'full':
      return unknown(`the server answers, and has no connection left (${said(result)})`);
    case 'closed':
      return unknown(`the server answers, and the database takes no connection (${said(result)})`, password);
    case 'unreachable':
      return unknown(`the server does not answer (${said(result)})`, UP);
    default:
      return unknown(`the server refuses the connection (${said(result)})`, rest);
  }
}

/** The connection that a URL of `.env` gives, from this host. */
export async function asRole(host: HostReader, answers: GroundAnswers, role: RoleKey): Promise<Reach> {
  const base = await ground(host, answers);
  if (base.is === 'down') return { verdict: unknown(base.observed, UP) };
  const urls = await roleUrls(host);
  if (!urls) return { verdict: unknown(`${PATH.env} is not there`, ENV_FILE) };
  const url = urls[role];
  if (!url) return { verdict: unknown(`${PATH.env} holds no usable ${ENV[role]}`, URLS) };
  return { connection: connectionTo(base.server, url.user, url.password, base.ca) };
}

/** Statements by name, run over one connection, in order; shared within a snapshot by `key`. */
export function probe<K extends string>(
  host: HostReader,
  key: string,
  connection: SqlConnection,
  statements: Readonly<Record<K, string>>,
): Promise<Readonly<Record<K, SqlResult>>> {
  return host.once(`database probe ${key}`, async () => {
    const names = Object.keys(statements) as K[];
    const results = await host.sql(connection, [
      // Nothing that a role put into its own schema may answer in the catalogue's place.
      { text: 'SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = 3000' },
      ...names.map((name) => ({ text: statements[name] })),
    ]);
    return Object.fromEntries(names.map((name, i) => [name, results[i + 1]])) as Record<K, SqlResult>;
  });
}

/** The one row of a look; throws (the engine makes it `unknown`) when the server did not tell, or told nothing. */
export function theRow(result: SqlResult | undefined, what: string): Readonly<Record<string, unknown>> {
  const [row] = result ? rows(result, what) : [];
  if (row === undefined) throw new Error(`the server does not tell ${what} (no row)`);
  return row;
}

/** Rows of a look; throws (the engine makes it `unknown`) when the server did not tell. */
export function rows(result: SqlResult, what: string): readonly Record<string, unknown>[] {
  if (!result.ok) throw new Error(`the server does not tell ${what} (${said(result)})`);
  return result.rows;
}
