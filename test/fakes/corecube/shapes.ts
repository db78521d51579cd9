import type { App } from './app.ts';
import type { Schema } from './http.ts';
import type { Session } from './sessions.ts';
import type { ApiKey, Connection, User } from './store.ts';

/** JSON shapes that both generations show; where they differ, the admin file of the generation says so. */
const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const time: Schema = { type: 'string', format: 'date-time' };
const timeOrNull: Schema = { type: ['string', 'null'], format: 'date-time' };
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });

const KEY_TYPES = ['personal', 'service', 'public'] as const;
export const ROLES = ['admin', 'member', 'no_access'] as const;
export const QUERY_TEXT = ['full', 'truncated', 'disabled'] as const;

export const userSchema = object({
  id: text,
  email: text,
  name: text,
  role: { type: 'string', enum: ROLES },
  must_change_password: flag,
});
export const showUser = (user: User) => ({
  id: user.id,
  email: user.email,
  name: user.name,
  role: user.role,
  must_change_password: user.must_change_password,
});

export const keySchema = object({
  id: text,
  name: text,
  prefix: text,
  type: { type: 'string', enum: KEY_TYPES },
  integration: { type: ['string', 'null'] },
  scope: { type: 'array', items: text },
  owner_id: { type: ['string', 'null'] },
  created_at: time,
  expires_at: timeOrNull,
  last_used_at: timeOrNull,
  revoked_at: timeOrNull,
  client_count: { type: 'integer', description: 'distinct client addresses seen, at most 20 are counted' },
});
export const showKey = (key: ApiKey) => ({
  id: key.id,
  name: key.name,
  prefix: key.prefix,
  type: key.type,
  integration: key.integration,
  scope: key.scope,
  owner_id: key.owner_id,
  created_at: key.created_at,
  expires_at: key.expires_at,
  last_used_at: key.last_used_at,
  revoked_at: key.revoked_at,
  client_count: (key.clients as string[]).length,
});
export const newKeySchema: Schema = {
  type: 'object',
  required: ['name', 'type'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1 },
    type: { type: 'string', enum: KEY_TYPES },
    integration: { type: 'string', enum: ['OpenWebUI', 'Generic', 'Onyx'] },
    scope: { type: 'array', items: text, description: 'compartments; default ["public"]' },
    expires_at: timeOrNull,
  },
};

export const sessionSchema = object({ id: text, created_at: time, last_seen_at: time, expires_at: time });
export const showSession = (session: Session) => ({
  id: session.id,
  created_at: session.createdAt,
  last_seen_at: session.lastSeenAt,
  expires_at: session.expiresAt,
});

const common = { id: text, name: text, kind: text, compartment: text, sensitivity: text, schedule: text };
const credential: Schema = {
  type: 'string',
  enum: ['ok', 'unreadable', 'none'],
  description: 'unreadable: the stored credential cannot be decrypted with the current key',
};
export const connectionSchema = (webhooks: boolean): Schema =>
  object({ ...common, credential, ...(webhooks ? { webhook_enabled: flag, has_webhook_secret: flag } : {}) });
/** v2 has no webhooks and shows none of their columns. */
export const showConnection = (app: App, row: Connection) => ({
  id: row.id,
  name: row.name,
  kind: row.kind,
  compartment: row.compartment,
  sensitivity: row.sensitivity,
  schedule: row.schedule,
  credential: app.store.credentialState(row.credential),
  ...(app.config.generation === 'v1'
    ? { webhook_enabled: row.webhook_enabled, has_webhook_secret: row.webhook_secret !== null }
    : {}),
});
export const newConnectionSchema = (webhooks: boolean): Schema => ({
  type: 'object',
  required: ['name', 'kind', 'compartment'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1 },
    kind: {
      type: 'string',
      enum: webhooks ? ['confluence', 'jira', 'github', 'gitlab'] : ['confluence', 'jira', 'files'],
    },
    compartment: { type: 'string', minLength: 1 },
    credential: { type: 'string', minLength: 1 },
    ...(webhooks ? { webhook_enabled: flag, webhook_secret: { type: 'string', minLength: 16 } } : {}),
  },
});

export const loginSchema: Schema = {
  type: 'object',
  required: ['email', 'password'],
  additionalProperties: false,
  properties: { email: { type: 'string', minLength: 3 }, password: { type: 'string', minLength: 1 } },
};
export const errorSchema: Schema = object({ error: object({ code: text, message: text }) });
export const listOf = (name: string, items: Schema): Schema => object({ [name]: { type: 'array', items } });
