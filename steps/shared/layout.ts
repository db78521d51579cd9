/**
 * Names and places of an install: the one file that says where things are. Paths are relative to the install
 * directory. Directories are mounted, not single files, because an atomic replace gives a file a new inode
 * that a running container would never see.
 */

/** Compose services (the guide names `corecube` and `pgvector`). */
export const SERVICE = {
  app: 'corecube',
  database: 'pgvector',
  proxy: 'caddy',
  inference: 'inference',
} as const;

/** True for a service of this tool; any other is one that the operator added. */
export const isOwnService = (service: string): boolean =>
  (Object.values(SERVICE) as readonly string[]).includes(service);

/** Compose networks: `internal` has no way out; `edge` joins the proxy and CoreCube and lets CoreCube out. */
export const NETWORK = { internal: 'internal', edge: 'edge' } as const;

/** Compose volumes. */
export const VOLUME = {
  data: 'corecube-data',
  database: 'pgvector-data',
  proxyData: 'caddy-data',
  proxyConfig: 'caddy-config',
} as const;

/** The port CoreCube serves everything on (both documentation generations). */
export const APP_PORT = 7400;

/** The uid and gid each container runs as. 1000: guide, Docker security. 999: the official PostgreSQL image. */
export const UID = { app: 1000, database: 999, proxy: 1000, inference: 1000 } as const;

export const PATH = {
  compose: 'compose.yaml',
  override: 'compose.override.yaml',
  waivers: 'waivers.yaml',
  env: '.env',
  caddyDir: 'caddy',
  caddyfile: 'caddy/Caddyfile',
  postgresDir: 'postgres',
  hba: 'postgres/pg_hba.conf',
  secrets: 'secrets',
  key: 'secrets/encryption_key',
  adminPassword: 'secrets/admin_password',
  databaseSuperuserPassword: 'secrets/pg_superuser_password',
  /** Kept by the operator's user only: signs the next server certificate. */
  databaseCaKey: 'secrets/pg_ca.key',
  databaseCa: 'secrets/pg_ca.crt',
  databaseCertificate: 'secrets/pg_server.crt',
  databaseKey: 'secrets/pg_server.key',
  tlsCertificate: 'secrets/tls.crt',
  tlsKey: 'secrets/tls.key',
  acmeRoot: 'caddy/acme-root.pem',
  state: '.corecube-secure',
  answers: '.corecube-secure/answers.yaml',
  journal: '.corecube-secure/journal.jsonl',
  backups: '.corecube-secure/backups',
  lock: '.corecube-secure/lock',
  reportMarkdown: '.corecube-secure/report.md',
  reportJson: '.corecube-secure/report.json',
  /** The report before one of an apply that stopped early. */
  reportComplete: '.corecube-secure/report-complete.json',
  evidence: '.corecube-secure/evidence.jsonl',
  /** HMAC-SHA256 of a constant under the encryption key: says whether this key belongs to this data, never the key. */
  keyCheck: '.corecube-secure/key-check.json',
  /** The policies that the migrations of the running image made, and on which tables. */
  policies: '.corecube-secure/policies.json',
  /** First boot only: CUBE_ADMIN_* and, on guide v1, the migration URL. Removed when the account is proved. */
  bootstrapCompose: '.corecube-secure/bootstrap.compose.yaml',
  bootstrapEnv: '.corecube-secure/bootstrap.env',
} as const;

/** Where the two generations look for the key inside the container; both are the same file on the host. */
export const KEY_IN_CONTAINER = { v1: '/run/secrets/encryption_key', v2: '/data/encryption.key' } as const;

/** Database and roles. The names of app and maintenance are CoreCube's own (guide v2, environment reference). */
export const DATABASE = {
  name: 'corecube',
  superuser: 'postgres',
  owner: 'corecube_migrator',
  app: 'corecube_app',
  maintenance: 'corecube_maintenance',
  port: 5432,
} as const;

/** Variables of `.env` (mode 0600). CoreCube takes its connection URLs from the environment only. */
export const ENV = {
  app: 'PGVECTOR_APP_URL',
  maintenance: 'PGVECTOR_MAINTENANCE_URL',
  /** The URL of the migration owner; PGVECTOR_URL is this on guide v2 and the app URL on guide v1. */
  owner: 'CORECUBE_SECURE_OWNER_URL',
  main: 'PGVECTOR_URL',
} as const;

/** Label on the corecube service that records which generation compose.yaml was written for. */
export const RELEASE_LABEL = 'secure.corecube.release';
/** Label on every rehearsal container and every one-shot helper, so that leftovers can be found. */
export const HELPER_LABEL = 'secure.corecube.helper';
