import { isIP, Socket } from 'node:net';
import type { Client, ClientConfig } from 'pg';
import { ChangeError } from '../core/errors.ts';
import type { SqlConnection, SqlResult, SqlStatement } from '../core/host.ts';
import { redact } from '../core/secret.ts';
import { lookUpToConnect } from './lookup.ts';

/** Milliseconds for connecting, and for each statement. */
const TIMEOUT = 10_000;

/** A socket that pg connects by port and host. */
function namedSocket(): Socket {
  const socket = new Socket();
  const connect = socket.connect.bind(socket);
  return Object.assign(socket, {
    connect: (port: number, host: string) => connect({ port, host, lookup: lookUpToConnect }),
  });
}

async function connect(connection: SqlConnection): Promise<Client> {
  const { default: pg } = await import('pg');
  const config: ClientConfig = {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    user: connection.user,
    password: connection.password.reveal(),
    connectionTimeoutMillis: TIMEOUT,
    query_timeout: TIMEOUT,
    application_name: 'secure-setup',
    stream: namedSocket,
    ssl:
      connection.tls === 'plaintext'
        ? false
        : {
            rejectUnauthorized: connection.tls === 'verify',
            ...(connection.ca === undefined ? {} : { ca: connection.ca }),
            // The name that the certificate is held against; an address is not sent as SNI (RFC 6066, section 3).
            ...(connection.serverName === undefined
              ? {}
              : isIP(connection.serverName)
                ? { host: connection.serverName }
                : { servername: connection.serverName }),
          },
  };
  const client = new pg.Client(config);
  // A server that goes away later must not end this process.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  return client;
}

const failure = (at: 'connect' | 'statement', error: unknown): SqlResult => {
  const { code, message } = error as { code?: string; message?: string };
  return { ok: false, at, code: code ?? 'UNKNOWN', message: redact(message ?? String(error)) };
};

/** Runs statements in one transaction that is always rolled back; each has its own savepoint and its own result. */
export async function readSql(
  connection: SqlConnection,
  statements: readonly SqlStatement[],
): Promise<readonly SqlResult[]> {
  let client: Client;
  try {
    client = await connect(connection);
  } catch (error) {
    return statements.map(() => failure('connect', error));
  }
  const results: SqlResult[] = [];
  try {
    await client.query('BEGIN');
    for (const { text, values } of statements) {
      await client.query('SAVEPOINT look');
      try {
        const { rows } = await client.query(text, values ? [...values] : undefined);
        results.push({ ok: true, rows: rows ?? [] });
      } catch (error) {
        results.push(failure('statement', error));
        await client.query('ROLLBACK TO SAVEPOINT look');
      }
    }
    await client.query('ROLLBACK');
  } catch (error) {
    while (results.length < statements.length) results.push(failure('connect', error));
  } finally {
    await client.end().catch(() => {});
  }
  return results;
}

/**
 * Runs statements in one transaction and commits it.
 * @throws {ChangeError} `database`; then nothing was changed
 */
export async function writeSql(
  connection: SqlConnection,
  statements: readonly SqlStatement[],
): Promise<void> {
  let client: Client | undefined;
  try {
    client = await connect(connection);
    await client.query('BEGIN');
    for (const { text, values } of statements) await client.query(text, values ? [...values] : undefined);
    await client.query('COMMIT');
  } catch (error) {
    await client?.query('ROLLBACK').catch(() => {});
    const { code, message } = error as { code?: string; message?: string };
    throw new ChangeError(
      'database',
      `PostgreSQL refused: ${redact(message ?? String(error))} (${code ?? 'no code'})`,
      'Nothing was changed: the transaction was rolled back. See the log of the database.',
    );
  } finally {
    await client?.end().catch(() => {});
  }
}
