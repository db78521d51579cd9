import { type Config, type Generation, StartError } from './config.ts';
import type { Database, Sql } from './database.ts';
import type { Faults } from './faults.ts';
import { type Log, reason } from './log.ts';

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

const GUARDED = ['documents', 'evidence_chunks', 'chunk_embeddings'] as const;
const IN_SCOPE = `compartment = ANY (string_to_array(current_setting('corecube.compartments', true), ','))`;

const base: Migration = {
  version: 1,
  name: 'base',
  statements: [
    'CREATE EXTENSION IF NOT EXISTS vector',
    `CREATE TABLE users (
       id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL, name text NOT NULL, password_hash text NOT NULL,
       role text NOT NULL CHECK (role IN ('admin', 'member', 'no_access')),
       must_change_password boolean NOT NULL DEFAULT false,
       failed_logins integer NOT NULL DEFAULT 0, locked_until timestamptz, created_at timestamptz NOT NULL DEFAULT now())`,
    'CREATE UNIQUE INDEX users_email ON users (lower(email))',
    'CREATE TABLE settings (key text PRIMARY KEY, value jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now())',
    `CREATE TABLE audit_log (
       id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(),
       actor text NOT NULL, action text NOT NULL, address text NOT NULL, detail jsonb NOT NULL DEFAULT '{}')`,
    `CREATE TABLE api_keys (
       id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL, key_hash text NOT NULL UNIQUE, prefix text NOT NULL,
       type text NOT NULL CHECK (type IN ('personal', 'service', 'public')), integration text, scope text[] NOT NULL,
       owner_id uuid REFERENCES users (id) ON DELETE CASCADE, created_at timestamptz NOT NULL DEFAULT now(),
       expires_at timestamptz, last_used_at timestamptz, revoked_at timestamptz, clients text[] NOT NULL DEFAULT '{}')`,
    `CREATE TABLE connections (
       id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, kind text NOT NULL, compartment text NOT NULL,
       sensitivity text NOT NULL DEFAULT 'internal', schedule text NOT NULL DEFAULT 'manual', credential text,
       webhook_enabled boolean NOT NULL DEFAULT false, webhook_secret text, created_at timestamptz NOT NULL DEFAULT now())`,
    `CREATE TABLE documents (
       id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text NOT NULL, source_path text NOT NULL,
       compartment text NOT NULL, sensitivity text NOT NULL)`,
    `CREATE TABLE evidence_chunks (
       id uuid PRIMARY KEY DEFAULT gen_random_uuid(), document_id uuid NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
       compartment text NOT NULL, body text NOT NULL,
       search tsvector GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED)`,
    `CREATE TABLE chunk_embeddings (
       chunk_id uuid PRIMARY KEY REFERENCES evidence_chunks (id) ON DELETE CASCADE,
       compartment text NOT NULL, embedding vector(3) NOT NULL)`,
    'CREATE INDEX chunk_embeddings_hnsw ON chunk_embeddings USING hnsw (embedding vector_cosine_ops)',
  ],
};

const sample: Migration = {
  version: 2,
  name: 'first_documents',
  statements: [
    `WITH doc AS (
       INSERT INTO documents (title, source_path, compartment, sensitivity) VALUES
         ('Welcome', 'library', 'public', 'public'), ('On-call handbook', 'connector', 'engineering', 'confidential')
       RETURNING id, title, compartment),
     chunk AS (
       INSERT INTO evidence_chunks (document_id, compartment, body)
       SELECT id, compartment, title || ' opening paragraph' FROM doc RETURNING id, compartment)
     INSERT INTO chunk_embeddings (chunk_id, compartment, embedding) SELECT id, compartment, '[1,0,0]' FROM chunk`,
  ],
};

const policies: Migration = {
  version: 3,
  name: 'row_level_security',
  statements: GUARDED.flatMap((table) => [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    `CREATE POLICY compartment_scope ON ${table} USING (${IN_SCOPE}) WITH CHECK (${IN_SCOPE})`,
  ]),
};

const sessionsInPostgres: Migration = {
  version: 4,
  name: 'roles_and_sessions',
  statements: [
    `CREATE TABLE sessions (
       token_hash text PRIMARY KEY, id uuid NOT NULL UNIQUE, user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
       csrf text NOT NULL, created_at timestamptz NOT NULL, last_seen_at timestamptz NOT NULL, expires_at timestamptz NOT NULL)`,
    ...GUARDED.flatMap((table) => [
      `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
      `CREATE POLICY maintenance_all ON ${table} TO corecube_maintenance USING (true) WITH CHECK (true)`,
    ]),
  ],
};

/** What a later release of v1 brings: it changes tables of others and guards one of its own. */
const labels: Migration = {
  version: 4,
  name: 'document_labels',
  statements: [
    `ALTER TABLE documents ADD COLUMN language text NOT NULL DEFAULT 'en'`,
    `CREATE TABLE document_labels (
       document_id uuid NOT NULL REFERENCES documents (id) ON DELETE CASCADE, compartment text NOT NULL, label text NOT NULL)`,
    'ALTER TABLE document_labels ENABLE ROW LEVEL SECURITY',
    `CREATE POLICY compartment_scope ON document_labels USING (${IN_SCOPE}) WITH CHECK (${IN_SCOPE})`,
  ],
};

/** The migrations of a release, ascending. v2 continues where v1 ends; it knows nothing of v1's later release. */
function migrationsOf(generation: Generation, next: boolean): readonly Migration[] {
  if (generation === 'v1' && next) return [base, sample, policies, labels];
  return generation === 'v1' ? [base, sample, policies] : [base, sample, policies, sessionsInPostgres];
}

/** v2 repeats its grants at every start; v1 grants nothing and relies on what the tables' owner has set up. */
async function grant(sql: Sql, log: Log): Promise<void> {
  const [schema] = await sql.query<{ name: string; app: boolean; maintenance: boolean }>(
    `SELECT current_schema() AS name, has_schema_privilege('corecube_app', current_schema(), 'USAGE') AS app,
            has_schema_privilege('corecube_maintenance', current_schema(), 'USAGE') AS maintenance`,
  );
  for (const role of ['app', 'maintenance'] as const) {
    if (schema?.[role] === true) continue;
    await sql.query(
      `GRANT USAGE ON SCHEMA "${String(schema?.name).replaceAll('"', '""')}" TO corecube_${role}`,
    );
  }
  const data =
    'users, settings, audit_log, api_keys, connections, sessions, documents, evidence_chunks, chunk_embeddings';
  await sql.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${data} TO corecube_app`);
  await sql.query('GRANT SELECT ON schema_migrations TO corecube_app, corecube_maintenance');
  await sql.query(
    'GRANT SELECT, UPDATE, DELETE ON audit_log, sessions, documents, evidence_chunks, chunk_embeddings TO corecube_maintenance',
  );
  await sql.query('GRANT SELECT ON settings TO corecube_maintenance');
  log.info('grants applied', { roles: ['corecube_app', 'corecube_maintenance'] });
}

/**
 * Brings the schema to the generation's version in one transaction under an advisory lock. Needs CREATE on the schema
 * even when nothing is to be done, never a superuser (the `vector` extension then has to exist). Throws StartError.
 */
export async function migrate(
  db: Database,
  { generation, nextSchema }: Pick<Config, 'generation' | 'nextSchema'>,
  faults: Faults,
  log: Log,
): Promise<void> {
  const all = migrationsOf(generation, nextSchema);
  const latest = all.at(-1)?.version ?? 0;
  let running = 'schema_migrations';
  try {
    await db.transaction(async (sql) => {
      await sql.query('SELECT pg_advisory_xact_lock(74001)');
      await sql.query(
        `CREATE TABLE IF NOT EXISTS schema_migrations
           (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
      const done = await sql.query<{ version: number }>(
        'SELECT version FROM schema_migrations ORDER BY version',
      );
      const newest = done.at(-1)?.version ?? 0;
      if (newest > latest)
        throw new StartError(`the database schema (${newest}) is newer than this release (${latest})`);
      if (generation === 'v2') await demandRoles(sql);
      for (const migration of all) {
        if (done.some((row) => row.version === migration.version)) continue;
        running = `${String(migration.version).padStart(4, '0')}_${migration.name}`;
        for (const statement of migration.statements) await sql.query(statement);
        await sql.query('INSERT INTO schema_migrations (version, name) VALUES ($1, $2)', [
          migration.version,
          migration.name,
        ]);
        log.info('migration applied', { migration: running });
      }
      if (faults.has('migration-fails')) {
        running = `${String(latest + 1).padStart(4, '0')}_reindex`;
        await sql.query('ALTER TABLE evidence_chunks ALTER COLUMN body_language SET NOT NULL');
      }
      if (generation === 'v2') {
        running = 'grants';
        await grant(sql, log);
      }
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`migration ${running} failed: ${reason(error)}`);
  }
  log.info('database schema is up to date', { version: latest });
}

async function demandRoles(sql: Sql): Promise<void> {
  for (const role of ['corecube_app', 'corecube_maintenance']) {
    const found = await sql.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
    if (found.length === 0) throw new StartError(`role "${role}" does not exist`);
  }
}
