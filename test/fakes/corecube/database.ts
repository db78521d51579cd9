import pg from 'pg';
import { StartError } from './config.ts';
import { type Log, reason } from './log.ts';

export type Row = Record<string, unknown>;
export interface Sql {
  query<T extends Row = Row>(text: string, values?: readonly unknown[]): Promise<T[]>;
}
export interface Database extends Sql {
  /** One transaction; a throw rolls it back. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  /** One transaction in which row-level security lets exactly these compartments through. */
  scoped<T>(compartments: readonly string[], work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Settings for one URL with libpq's meaning of sslmode: `require` encrypts without verifying the server,
 * `verify-full` with `sslrootcert` verifies chain and name. node-postgres by itself treats the two alike.
 */
export function connectionSettings(url: string, variable: string): pg.PoolConfig {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new StartError(`${variable} is not a valid connection URL`);
  }
  if (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:') {
    throw new StartError(`${variable} must begin with postgresql://`);
  }
  if (parsed.searchParams.get('sslmode') === 'require' && parsed.searchParams.has('sslrootcert')) {
    parsed.searchParams.delete('sslrootcert');
  }
  if (parsed.searchParams.has('sslmode')) parsed.searchParams.set('uselibpqcompat', 'true');
  return { connectionString: parsed.href, application_name: 'corecube', connectionTimeoutMillis: 10_000 };
}

/** Errors that a database shows while it is still coming up; anything else does not get better by waiting. */
const passing = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', '57P03']);
const codesOf = (error: unknown): string[] =>
  error instanceof AggregateError
    ? error.errors.flatMap(codesOf)
    : [String((error as { code?: unknown } | null)?.code ?? '')];

/** Connects, waiting up to five seconds for a server that is not there yet. Throws StartError with the cause. */
export async function connect(url: string, variable: string, max: number, log: Log): Promise<Database> {
  const settings = connectionSettings(url, variable);
  const pool = new pg.Pool({ ...settings, max });
  pool.on('error', (error) => log.warn('idle database connection lost', { variable, reason: reason(error) }));
  const where = new URL(url);
  const target = `${decodeURIComponent(where.username)}@${where.hostname}:${where.port || '5432'}${where.pathname}`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const client = await pool.connect();
      client.release();
      break;
    } catch (error) {
      const wait = attempt < 6 && codesOf(error).some((code) => passing.has(code));
      if (!wait) {
        await pool.end();
        throw new StartError(`cannot connect to the database as ${target} (${variable}): ${reason(error)}`);
      }
      log.warn('database not reachable yet, retrying', { variable, attempt, reason: reason(error) });
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  const database = wrap(pool);
  const [role] = await database.query<{ name: string; above: boolean; tls: boolean }>(
    `SELECT current_user AS name, (rolsuper OR rolbypassrls) AS above,
            coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls
       FROM pg_roles WHERE rolname = current_user`,
  );
  log.info('database connected', { variable, role: role?.name, tls: role?.tls });
  if (role?.above === true) log.warn('this database role is not subject to row-level security', { variable });
  return database;
}

function wrap(pool: pg.Pool): Database {
  const transaction = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const result = await work({
        query: async (text, values = []) => (await client.query(text, [...values])).rows,
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((failure: Error) => {
        broken = failure;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  };
  return {
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    transaction,
    scoped: (compartments, work) =>
      transaction(async (sql) => {
        await sql.query(`SELECT set_config('corecube.compartments', $1, true)`, [compartments.join(',')]);
        return work(sql);
      }),
    close: () => pool.end(),
  };
}
