import { createHash, randomBytes } from 'node:crypto';
import { open, seal } from './cipher.ts';
import type { Database, Row } from './database.ts';

export interface User extends Row {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: 'admin' | 'member' | 'no_access';
  readonly password_hash: string;
  readonly must_change_password: boolean;
  readonly locked_until: Date | null;
}
export interface ApiKey extends Row {
  readonly id: string;
  readonly name: string;
  readonly type: 'personal' | 'service' | 'public';
  readonly scope: string[];
  readonly expires_at: Date | null;
}
export interface AuditSettings {
  readonly retention_days: number;
  readonly query_text: 'full' | 'truncated' | 'disabled';
}
/** `unreadable`: stored, but this key did not seal it. */
export type CredentialState = 'ok' | 'unreadable' | 'none';
export interface Connection extends Row {
  readonly id: string;
  readonly name: string;
  readonly credential: string | null;
  readonly webhook_enabled: boolean;
  readonly webhook_secret: string | null;
}
export interface NewKey {
  readonly name: string;
  readonly type: ApiKey['type'];
  readonly integration?: string;
  readonly scope?: string[];
  readonly expires_at?: string | null;
}
export interface NewConnection {
  readonly name: string;
  readonly kind: string;
  readonly compartment: string;
  readonly credential?: string;
  readonly webhook_enabled?: boolean;
  readonly webhook_secret?: string;
}

const DEFAULT_AUDIT: AuditSettings = { retention_days: 90, query_text: 'full' };
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `cc_` and 32 random bytes in base 62. */
export function newApiKey(): string {
  let rest = BigInt(`0x${randomBytes(32).toString('hex')}`);
  let digits = '';
  for (; rest > 0n; rest /= 62n) digits = `${BASE62[Number(rest % 62n)]}${digits}`;
  return `cc_${digits.padStart(43, '0')}`;
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Everything the server keeps in PostgreSQL except sessions; one method per question asked of it. */
export type Store = ReturnType<typeof createStore>;

export function createStore(db: Database, key: Buffer) {
  const one = async <T extends Row>(text: string, values: readonly unknown[]): Promise<T | undefined> =>
    (await db.query<T>(text, values))[0];
  return {
    db,
    userCount: async () => Number((await one<{ n: string }>('SELECT count(*) AS n FROM users', []))?.n ?? 0),
    users: () => db.query<User>('SELECT * FROM users ORDER BY created_at, email'),
    user: (id: string) => one<User>('SELECT * FROM users WHERE id = $1', [id]),
    userByEmail: (email: string) => one<User>('SELECT * FROM users WHERE lower(email) = lower($1)', [email]),
    addUser: (email: string, name: string, role: User['role'], hash: string, mustChange: boolean) =>
      one<User>(
        `INSERT INTO users (email, name, role, password_hash, must_change_password) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (lower(email)) DO NOTHING RETURNING *`,
        [email, name, role, hash, mustChange],
      ),
    changeUser: (id: string, change: { email?: string; name?: string; role?: string; hash?: string }) =>
      one<User>(
        `UPDATE users SET email = coalesce($2, email), name = coalesce($3, name), role = coalesce($4, role),
                password_hash = coalesce($5, password_hash), must_change_password = must_change_password AND $5::text IS NULL
          WHERE id = $1 RETURNING *`,
        [id, change.email ?? null, change.name ?? null, change.role ?? null, change.hash ?? null],
      ),
    removeUser: (id: string) => one<User>('DELETE FROM users WHERE id = $1 RETURNING *', [id]),
    /** Counts a failure; the tenth in a row locks the account for 15 minutes when `lock` is set. */
    countFailure: (id: string, lock: boolean) =>
      db.query(
        `UPDATE users SET failed_logins = CASE WHEN $2 AND failed_logins >= 9 THEN 0 ELSE failed_logins + 1 END,
                locked_until = CASE WHEN $2 AND failed_logins >= 9 THEN now() + interval '15 minutes' ELSE locked_until END
          WHERE id = $1`,
        [id, lock],
      ),
    clearFailures: (id: string) =>
      db.query('UPDATE users SET failed_logins = 0, locked_until = NULL WHERE id = $1', [id]),

    async auditSettings(): Promise<AuditSettings> {
      const row = await one<{ value: AuditSettings }>("SELECT value FROM settings WHERE key = 'audit'", []);
      return { ...DEFAULT_AUDIT, ...row?.value };
    },
    async setAuditSettings(value: AuditSettings): Promise<AuditSettings> {
      await db.query(
        `INSERT INTO settings (key, value) VALUES ('audit', $1)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()`,
        [JSON.stringify(value)],
      );
      return value;
    },
    audit: (actor: string, action: string, address: string, detail: Row = {}) =>
      db.query('INSERT INTO audit_log (actor, action, address, detail) VALUES ($1, $2, $3, $4)', [
        actor,
        action,
        address,
        JSON.stringify(detail),
      ]),
    auditEvents: (limit: number) =>
      db.query('SELECT at, actor, action, address, detail FROM audit_log ORDER BY id DESC LIMIT $1', [limit]),

    keys: () => db.query<ApiKey>('SELECT * FROM api_keys ORDER BY created_at'),
    async addKey(ownerId: string, wanted: NewKey): Promise<{ secret: string; key: ApiKey | undefined }> {
      const secret = newApiKey();
      const key = await one<ApiKey>(
        `INSERT INTO api_keys (name, key_hash, prefix, type, integration, scope, owner_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *`,
        [
          wanted.name,
          sha256(secret),
          secret.slice(0, 7),
          wanted.type,
          wanted.integration ?? null,
          wanted.scope ?? ['public'],
          ownerId,
          wanted.expires_at ?? null,
        ],
      );
      return { secret, key };
    },
    revokeKey: (id: string) =>
      one<ApiKey>('UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING *', [
        id,
      ]),
    /** The live key behind a bearer token, marked as used from this address. */
    useKey: (secret: string, address: string) =>
      one<ApiKey>(
        `UPDATE api_keys SET last_used_at = now(),
                clients = CASE WHEN $2 = ANY (clients) OR cardinality(clients) >= 20 THEN clients ELSE clients || $2 END
          WHERE key_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) RETURNING *`,
        [sha256(secret), address],
      ),

    connections: () => db.query<Connection>('SELECT * FROM connections ORDER BY created_at, name'),
    connection: (id: string) => one<Connection>('SELECT * FROM connections WHERE id = $1', [id]),
    addConnection: (wanted: NewConnection) =>
      one<Connection>(
        `INSERT INTO connections (name, kind, compartment, credential, webhook_enabled, webhook_secret)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING *`,
        [
          wanted.name,
          wanted.kind,
          wanted.compartment,
          wanted.credential === undefined ? null : seal(key, wanted.credential),
          wanted.webhook_enabled ?? false,
          wanted.webhook_secret === undefined ? null : seal(key, wanted.webhook_secret),
        ],
      ),
    changeWebhook: (id: string, enabled: boolean, secret: string | null) =>
      one<Connection>(
        'UPDATE connections SET webhook_enabled = $2, webhook_secret = $3 WHERE id = $1 RETURNING *',
        [id, enabled, secret === null ? null : seal(key, secret)],
      ),
    removeConnection: (id: string) =>
      one<Connection>('DELETE FROM connections WHERE id = $1 RETURNING *', [id]),
    credentialState: (sealed: string | null): CredentialState =>
      sealed === null ? 'none' : open(key, sealed) === undefined ? 'unreadable' : 'ok',
    unseal: (sealed: string) => open(key, sealed),
    /** Chunks that row-level security shows to a scope. */
    visibleChunks: (scope: readonly string[]) =>
      db.scoped(scope, (sql) =>
        sql.query<{ body: string }>('SELECT body FROM evidence_chunks ORDER BY body'),
      ),
  };
}
