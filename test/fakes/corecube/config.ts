/** The environment variables CoreCube's documentation names, read the way each documentation generation reads them. */
export type Generation = 'v1' | 'v2';

export interface Config {
  readonly generation: Generation;
  /** v1: a later release with one more migration (`CORECUBE_SCHEMA=next`, baked into its image). */
  readonly nextSchema: boolean;
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly publicUrl: string | undefined;
  readonly production: boolean;
  readonly maxUploadMb: number;
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  readonly encryptionKey: string | undefined;
  readonly encryptionKeyFile: string | undefined;
  readonly bootstrapUrl: string | undefined;
  readonly appUrl: string | undefined;
  readonly maintenanceUrl: string | undefined;
  readonly bootstrapPool: number;
  readonly appPool: number;
  readonly maintenancePool: number;
  /** v1: sliding lifetime in hours. */
  readonly sessionMaxAgeHours: number;
  /** v2: absolute lifetime in hours. */
  readonly sessionMaxLifetimeHours: number;
  /** v2: idle time-out in minutes. */
  readonly sessionIdleTimeoutMinutes: number;
}

/** A start that cannot go on because of what the operator configured; the message is fit for the log. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Empty means unset: compose passes `NAME=` for a variable that has no value. */
const text = (env: Environment, name: string) =>
  env[name] === undefined || env[name] === '' ? undefined : env[name];

function positive(env: Environment, name: string, fallback: number): number {
  const given = text(env, name);
  if (given === undefined) return fallback;
  const value = Number(given);
  if (!Number.isFinite(value) || value <= 0) throw new StartError(`${name} must be a positive number`);
  return value;
}

/** Which documentation generation this image was built as. */
export function readGeneration(env: Environment): Generation {
  const given = env.CORECUBE_GENERATION;
  if (given !== 'v1' && given !== 'v2') throw new StartError('this image has no CORECUBE_GENERATION');
  return given;
}

/** Reads everything but judges no connection URL: the key comes first (see start.ts). Throws StartError. */
export function readConfig(env: Environment): Config {
  return {
    generation: readGeneration(env),
    nextSchema: text(env, 'CORECUBE_SCHEMA') === 'next',
    port: positive(env, 'PORT', 7400),
    host: text(env, 'HOST') ?? '0.0.0.0',
    dataDir: text(env, 'DATA_DIR') ?? '/data',
    publicUrl: text(env, 'CORECUBE_PUBLIC_URL'),
    production: env.NODE_ENV === 'production',
    maxUploadMb: positive(env, 'MAX_UPLOAD_SIZE_MB', 50),
    adminEmail: text(env, 'CUBE_ADMIN_EMAIL'),
    adminPassword: text(env, 'CUBE_ADMIN_PASSWORD'),
    encryptionKey: text(env, 'ENCRYPTION_KEY'),
    encryptionKeyFile: text(env, 'ENCRYPTION_KEY_FILE'),
    bootstrapUrl: text(env, 'PGVECTOR_URL'),
    appUrl: text(env, 'PGVECTOR_APP_URL'),
    maintenanceUrl: text(env, 'PGVECTOR_MAINTENANCE_URL'),
    bootstrapPool: positive(env, 'PGVECTOR_POOL_MAX', 5),
    appPool: positive(env, 'PGVECTOR_APP_POOL_MAX', 20),
    maintenancePool: positive(env, 'PGVECTOR_MAINTENANCE_POOL_MAX', 5),
    sessionMaxAgeHours: positive(env, 'SESSION_MAX_AGE_HOURS', 168),
    sessionMaxLifetimeHours: positive(env, 'SESSION_MAX_LIFETIME_HOURS', 720),
    sessionIdleTimeoutMinutes: positive(env, 'SESSION_IDLE_TIMEOUT_MINUTES', 60),
  };
}

/** Names of the connection variables this generation demands and did not get, in the order it reports them. */
export function missingUrls(config: Config): string[] {
  const wanted: [string, string | undefined][] =
    config.generation === 'v1'
      ? [['PGVECTOR_URL', config.bootstrapUrl]]
      : [
          ['PGVECTOR_URL', config.bootstrapUrl],
          ['PGVECTOR_APP_URL', config.appUrl],
          ['PGVECTOR_MAINTENANCE_URL', config.maintenanceUrl],
        ];
  return wanted.filter(([, url]) => url === undefined).map(([name]) => name);
}

/** The password inside a connection URL, so that the log can hide it; undefined when there is none to find. */
export function passwordOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  try {
    return decodeURIComponent(new URL(url).password) || undefined;
  } catch {
    return undefined;
  }
}
