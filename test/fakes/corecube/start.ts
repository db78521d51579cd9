import type { Server } from 'node:http';
import type { App } from './app.ts';
import { type Config, missingUrls, passwordOf, StartError } from './config.ts';
import { connect, type Database } from './database.ts';
import type { Faults } from './faults.ts';
import type { EncryptionKey } from './key.ts';
import { resolveKey } from './key.ts';
import type { Log } from './log.ts';
import { reason } from './log.ts';
import { migrate } from './migrations.ts';
import { seed } from './seed.ts';
import { createHttpServer } from './server.ts';
import { createSessions, postgresSessions, type SessionRows, sessionRules } from './sessions.ts';
import { sqliteSessions } from './sessions-sqlite.ts';
import { createStore } from './store.ts';
import { createThrottle } from './throttle.ts';

export interface Running {
  readonly app: App;
  readonly server: Server;
  stop(): Promise<void>;
}

/** Tells the log what it must never print. */
export function hideSecrets(config: Config, log: Log): void {
  log.hide(config.encryptionKey);
  log.hide(config.adminPassword);
  for (const url of [config.bootstrapUrl, config.appUrl, config.maintenanceUrl]) log.hide(passwordOf(url));
}

/** What can be decided without a network: first the key (which may be generated), then the connection variables. */
export function prepare(config: Config, faults: Faults, log: Log): EncryptionKey {
  const key = resolveKey(config, faults, log);
  log.hide(key.bytes.toString('hex'));
  log.info('encryption key loaded', { source: key.source });
  const missing = missingUrls(config);
  if (missing.length > 0) throw new StartError(missing.map((name) => `${name} is required`).join('\n'));
  return key;
}

interface Databases {
  readonly app: Database;
  readonly maintenance: Database;
  readonly all: readonly Database[];
}

/** v1 does everything over PGVECTOR_URL. v2 migrates over it and then works over the other two. */
async function openDatabases(config: Config, faults: Faults, log: Log): Promise<Databases> {
  const { bootstrapUrl = '', appUrl = '', maintenanceUrl = '', generation } = config;
  const bootstrap = await connect(bootstrapUrl, 'PGVECTOR_URL', config.bootstrapPool, log);
  const opened = [bootstrap];
  try {
    await migrate(bootstrap, config, faults, log);
    if (generation === 'v1') return { app: bootstrap, maintenance: bootstrap, all: opened };
    const app = await connect(appUrl, 'PGVECTOR_APP_URL', config.appPool, log);
    opened.push(app);
    const maintenance = await connect(
      maintenanceUrl,
      'PGVECTOR_MAINTENANCE_URL',
      config.maintenancePool,
      log,
    );
    opened.push(maintenance);
    return { app, maintenance, all: opened };
  } catch (error) {
    await Promise.all(opened.map((database) => database.close()));
    throw error;
  }
}

/** Removes expired sessions and audit rows past their retention, once a minute. */
async function sweep(app: App, maintenance: Database): Promise<void> {
  await app.sessions.sweep();
  const { retention_days } = await app.store.auditSettings();
  await maintenance.query('DELETE FROM audit_log WHERE at < now() - make_interval(days => $1)', [
    retention_days,
  ]);
}

/** Starts everything and resolves when the port answers. Throws StartError with what the operator must fix. */
export async function start(config: Config, faults: Faults, log: Log): Promise<Running> {
  const key = prepare(config, faults, log);
  if (faults.has('crash-loop'))
    throw new StartError('worker pool failed to initialise: out of file descriptors');
  const databases = await openDatabases(config, faults, log);
  let rows: SessionRows;
  let app: App;
  try {
    rows =
      config.generation === 'v1'
        ? sqliteSessions(config.dataDir)
        : postgresSessions(databases.app, databases.maintenance);
    const throttle = createThrottle(config.generation === 'v1' ? 5 : 10);
    const sessions = createSessions(rows, sessionRules(config));
    app = { config, faults, log, key, store: createStore(databases.app, key.bytes), sessions, throttle };
    await seed(app);
  } catch (error) {
    await Promise.all(databases.all.map((database) => database.close()));
    throw error instanceof StartError ? error : new StartError(`start-up failed: ${reason(error)}`);
  }
  if (faults.slowStartSeconds > 0) {
    log.info('warming up the retrieval cache');
    await new Promise((resolve) => setTimeout(resolve, faults.slowStartSeconds * 1000));
  }
  const server = createHttpServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const timer = setInterval(() => {
    sweep(app, databases.maintenance).catch((error) =>
      log.error('cleanup failed', { reason: reason(error) }),
    );
  }, 60_000);
  const address = server.address();
  log.info('listening', {
    host: config.host,
    port: typeof address === 'object' ? address?.port : config.port,
  });
  return {
    app,
    server,
    async stop() {
      clearInterval(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rows.close();
      await Promise.all(databases.all.map((database) => database.close()));
    },
  };
}
