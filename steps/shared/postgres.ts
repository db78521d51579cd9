/** Connections to CoreCube's database, as the superuser and as each of its three roles. */
import type { HostReader, SqlConnection } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Answers } from '../questions.ts';
import { type ConnectionUrl, parseConnectionUrl, parseEnv } from './connection-urls.ts';
import { addressOn, containerOf } from './docker.ts';
import { DATABASE, ENV, NETWORK, PATH, SERVICE } from './layout.ts';
import { resolveSecret } from './secrets.ts';

export type DatabaseAnswers = Pick<Answers, 'projectName' | 'database' | 'databaseAdminUrl'>;

/** Where the server is, seen from this host, and what its certificate must say. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly serverName: string;
}

export interface DatabaseConnections {
  /** Absent when the superuser's password is not kept on this host. */
  readonly superuser?: SqlConnection;
  readonly owner: SqlConnection;
  readonly app: SqlConnection;
  readonly maintenance: SqlConnection;
}

/** Undefined while the bundled database has no address, which is while its container does not run. */
export async function serverOf(host: HostReader, answers: DatabaseAnswers): Promise<Server | undefined> {
  if (answers.database === 'external') {
    const url = await externalAdmin(host, answers);
    return { host: url.host, port: url.port, database: url.database, serverName: url.host };
  }
  const container = await containerOf(host, answers.projectName, SERVICE.database);
  const address = container && addressOn(container, answers.projectName, NETWORK.internal);
  if (address === undefined) return undefined;
  return { host: address, port: DATABASE.port, database: DATABASE.name, serverName: SERVICE.database };
}

/** The external server's admin URL, taken apart. Throws when it cannot be read; the message holds no secret. */
export function externalAdmin(host: HostReader, answers: DatabaseAnswers): Promise<ConnectionUrl> {
  return host.once('external database admin url', async () => {
    if (!answers.databaseAdminUrl) throw new Error('the admin URL of the external database is not known');
    const secret = await resolveSecret(host, answers.databaseAdminUrl);
    let url: ConnectionUrl;
    try {
      url = parseConnectionUrl(secret);
    } catch (error) {
      throw new Error(`the admin URL of the database cannot be used: ${(error as Error).message}`);
    }
    // Rights and owner of the named database are set; these belong to the server.
    if (['postgres', 'template0', 'template1'].includes(url.database))
      throw new Error(
        `the admin URL names the database ${url.database}; name one that was made for CoreCube, such as /corecube`,
      );
    return url;
  });
}

/** The superuser's connection (external: the admin URL's); undefined when the password is not kept on this host. */
export async function superuserOf(
  host: HostReader,
  answers: DatabaseAnswers,
  server: Server,
  ca: string | undefined,
): Promise<SqlConnection | undefined> {
  if (answers.database === 'external') {
    const { user, password } = await externalAdmin(host, answers);
    return connectionTo(server, user, password, ca);
  }
  const password = await superuserPassword(host);
  return password && connectionTo(server, DATABASE.superuser, password, ca);
}

/** The bundled superuser's password as PostgreSQL's image reads it: without trailing line breaks. */
export async function superuserPassword(host: HostReader): Promise<Secret | undefined> {
  const secret = await host.once('superuser password', () => host.readSecret(PATH.databaseSuperuserPassword));
  if (!secret) return undefined;
  const text = secret.reveal().replace(/[\r\n]+$/, '');
  return text === '' ? undefined : new Secret(text);
}

/**
 * Connections from this host, each with TLS verified against the install's authority. The names and passwords are
 * those of `.env`. Undefined when `.env` or one of its URLs is not there, or the container has no address.
 */
export async function databaseConnections(
  host: HostReader,
  answers: DatabaseAnswers,
): Promise<DatabaseConnections | undefined> {
  const server = await serverOf(host, answers);
  const urls = await roleUrls(host);
  if (!server || !urls) return undefined;
  const { owner, app, maintenance } = urls;
  if (!owner || !app || !maintenance) return undefined;
  const ca = await authority(host);
  const superuser = await superuserOf(host, answers, server, ca);
  const of = (url: ConnectionUrl) => connectionTo(server, url.user, url.password, ca);
  return {
    ...(superuser ? { superuser } : {}),
    owner: of(owner),
    app: of(app),
    maintenance: of(maintenance),
  };
}

/** The URLs of `.env`; a role whose URL is missing or broken is undefined. Undefined without `.env`. */
export async function roleUrls(
  host: HostReader,
): Promise<{ readonly [K in 'owner' | 'app' | 'maintenance' | 'main']?: ConnectionUrl } | undefined> {
  const env = await readEnv(host);
  if (!env) return undefined;
  const url = (name: string) => {
    const value = env.get(name);
    if (!value) return undefined;
    try {
      return parseConnectionUrl(new Secret(value));
    } catch {
      return undefined;
    }
  };
  const found = Object.entries(ENV).map(([role, name]) => [role, url(name)] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

/** The variables of `.env`, kept from being printed; undefined when there is none. */
export async function readEnv(host: HostReader): Promise<ReadonlyMap<string, string> | undefined> {
  const text = await host.once('.env', () => host.readSecret(PATH.env));
  return text && parseEnv(text.reveal());
}

/** The authority that signed the server's certificate, PEM; undefined when it is not there yet. */
export const authority = (host: HostReader): Promise<string | undefined> =>
  host.once('database ca', () => host.readText(PATH.databaseCa));

/** A verified connection. Without its authority nothing is trusted, also not what the system trusts. */
export function connectionTo(
  server: Server,
  user: string,
  password: Secret,
  ca: string | undefined,
): SqlConnection {
  return { ...server, user, password, tls: 'verify', ca: ca ?? NO_AUTHORITY };
}

/** A PEM bundle without certificates: an empty text would mean the system's trust store. */
const NO_AUTHORITY = '# no authority\n';

/**
 * True when any ordinary or partitioned table is in schema public, that is, CoreCube has migrated.
 * @throws when it cannot be seen
 */
export function hasMigratedTables(host: HostReader, answers: DatabaseAnswers): Promise<boolean> {
  return host.once(`migrated tables ${answers.projectName}`, async () => {
    const connections = await databaseConnections(host, answers);
    if (!connections) throw new Error('the database cannot be reached: it does not run, or .env is missing');
    const [result] = await host.sql(connections.superuser ?? connections.owner, [
      {
        text: `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')) AS found`,
      },
    ]);
    if (!result?.ok)
      throw new Error(`the database does not tell its tables: ${result?.message ?? 'no answer'}`);
    return result.rows[0]?.found === true;
  });
}
