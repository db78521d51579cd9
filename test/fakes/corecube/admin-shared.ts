import type { Call, Route } from './app.ts';
import { callerOf } from './app.ts';
import { afterRoleChange } from './auth.ts';
import { HttpError } from './http.ts';
import * as shapes from './shapes.ts';
import type { NewConnection, NewKey, User } from './store.ts';
import { receiveUpload } from './upload.ts';

/** A row id as PostgreSQL accepts it; anything else is simply not found. */
export function idOf(call: Call, name = 'id'): string {
  const value = call.exchange.params[name] ?? '';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value)) throw notFound();
  return value;
}
const notFound = () => new HttpError(404, 'NOT_FOUND', 'there is no such thing here');
export function found<T>(value: T | undefined): T {
  if (value === undefined) throw notFound();
  return value;
}

const gone = { 204: { description: 'Done' } } as const;

/** Users, sessions, API keys, connections, audit and uploads: the same operations, under each generation's paths. */
export function managementRoutes(paths: {
  readonly users: string;
  readonly keys: string;
  readonly connections: string;
  readonly audit: string;
  readonly library: string;
  readonly webhooks: boolean;
}): Route[] {
  const { webhooks } = paths;
  const note = (call: Call, action: string, detail: Record<string, unknown> = {}) =>
    call.app.store.audit(callerOf(call).user.email, action, call.exchange.address, detail);
  const list = (
    path: string,
    id: string,
    tag: string,
    summary: string,
    name: string,
    schema: object,
  ): Omit<Route, 'handle'> => ({
    method: 'GET',
    path,
    id,
    tag,
    summary,
    guard: 'admin',
    answers: { 200: { description: summary, schema: shapes.listOf(name, schema) } },
  });
  return [
    {
      ...list(paths.users, 'listUsers', 'Users', 'List users', 'users', shapes.userSchema),
      handle: async ({ app }) => ({
        status: 200,
        json: { users: (await app.store.users()).map(shapes.showUser) },
      }),
    },
    {
      method: 'PATCH',
      path: `${paths.users}/{id}`,
      id: 'updateUser',
      tag: 'Users',
      summary: 'Change the role of a user',
      guard: 'admin',
      body: {
        type: 'object',
        required: ['role'],
        additionalProperties: false,
        properties: { role: { type: 'string', enum: shapes.ROLES } },
      },
      answers: { 200: { description: 'The changed user', schema: shapes.userSchema } },
      async handle(call: Call<{ role: User['role'] }>) {
        const before = found(await call.app.store.user(idOf(call)));
        const after = found(await call.app.store.changeUser(before.id, { role: call.body.role }));
        await afterRoleChange(call.app, before, after);
        await note(call, 'user.role', { user: after.id, role: after.role });
        return { status: 200, json: shapes.showUser(after) };
      },
    },
    {
      method: 'DELETE',
      path: `${paths.users}/{id}`,
      id: 'deleteUser',
      tag: 'Users',
      summary: 'Delete a user and end its sessions',
      guard: 'admin',
      answers: gone,
      async handle(call) {
        const id = idOf(call);
        if (id === callerOf(call).user.id)
          throw new HttpError(409, 'OWN_ACCOUNT', 'you cannot delete yourself');
        await call.app.sessions.endAllOf(id);
        found(await call.app.store.removeUser(id));
        await note(call, 'user.deleted', { user: id });
        return { status: 204 };
      },
    },
    {
      ...list(
        `${paths.users}/{id}/sessions`,
        'listUserSessions',
        'Users',
        'List sessions of a user',
        'sessions',
        shapes.sessionSchema,
      ),
      handle: async (call) => ({
        status: 200,
        json: { sessions: (await call.app.sessions.list(idOf(call))).map(shapes.showSession) },
      }),
    },
    {
      method: 'DELETE',
      path: `${paths.users}/{id}/sessions/{session}`,
      id: 'revokeUserSession',
      tag: 'Users',
      summary: 'End one session of a user',
      guard: 'admin',
      answers: gone,
      async handle(call) {
        const id = idOf(call, 'session');
        found((await call.app.sessions.list(idOf(call))).find((session) => session.id === id));
        await call.app.sessions.end(id);
        await note(call, 'session.revoked', { session: id });
        return { status: 204 };
      },
    },
    {
      ...list(paths.keys, 'listApiKeys', 'API keys', 'List API keys and their use', 'keys', shapes.keySchema),
      handle: async ({ app }) => ({
        status: 200,
        json: { keys: (await app.store.keys()).map(shapes.showKey) },
      }),
    },
    {
      method: 'POST',
      path: paths.keys,
      id: 'createApiKey',
      tag: 'API keys',
      summary: 'Create an API key; the key itself is shown this once',
      guard: 'admin',
      body: shapes.newKeySchema,
      answers: {
        201: {
          description: 'The new key',
          schema: { type: 'object', properties: { ...shapes.keySchema.properties, key: { type: 'string' } } },
        },
      },
      async handle(call: Call<NewKey>) {
        const { secret, key } = await call.app.store.addKey(callerOf(call).user.id, call.body);
        await note(call, 'api_key.created', { key: key?.id });
        return { status: 201, json: { ...shapes.showKey(found(key)), key: secret } };
      },
    },
    {
      method: 'DELETE',
      path: `${paths.keys}/{id}`,
      id: 'revokeApiKey',
      tag: 'API keys',
      summary: 'Revoke an API key',
      guard: 'admin',
      answers: gone,
      async handle(call) {
        found(await call.app.store.revokeKey(idOf(call)));
        await note(call, 'api_key.revoked', { key: idOf(call) });
        return { status: 204 };
      },
    },
    {
      ...list(
        paths.connections,
        'listConnections',
        'Connections',
        'List connections',
        'connections',
        shapes.connectionSchema(webhooks),
      ),
      handle: async ({ app }) => {
        const rows = await app.store.connections();
        return { status: 200, json: { connections: rows.map((row) => shapes.showConnection(app, row)) } };
      },
    },
    {
      method: 'POST',
      path: paths.connections,
      id: 'createConnection',
      tag: 'Connections',
      summary: 'Create a connection',
      guard: 'admin',
      body: shapes.newConnectionSchema(webhooks),
      answers: { 201: { description: 'The new connection', schema: shapes.connectionSchema(webhooks) } },
      async handle(call: Call<NewConnection>) {
        const row = await call.app.store.addConnection(call.body);
        if (row === undefined) throw new HttpError(409, 'NAME_IN_USE', 'a connection of this name exists');
        await note(call, 'connection.created', { connection: row.id });
        return { status: 201, json: shapes.showConnection(call.app, row) };
      },
    },
    {
      method: 'DELETE',
      path: `${paths.connections}/{id}`,
      id: 'deleteConnection',
      tag: 'Connections',
      summary: 'Delete a connection',
      guard: 'admin',
      answers: gone,
      async handle(call) {
        found(await call.app.store.removeConnection(idOf(call)));
        await note(call, 'connection.deleted', { connection: idOf(call) });
        return { status: 204 };
      },
    },
    {
      ...list(paths.audit, 'listAuditEvents', 'Audit', 'The newest 100 audit events', 'events', {
        type: 'object',
      }),
      handle: async ({ app }) => ({ status: 200, json: { events: await app.store.auditEvents(100) } }),
    },
    {
      method: 'POST',
      path: paths.library,
      id: 'uploadLibraryFile',
      tag: 'Library',
      summary: 'Upload one file as the raw request body; ?name= gives its name',
      guard: 'admin',
      answers: { 201: { description: 'Stored' }, 413: { description: 'Over MAX_UPLOAD_SIZE_MB' } },
      handle: receiveUpload,
    },
  ];
}
