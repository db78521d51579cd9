import { found, idOf, managementRoutes } from './admin-shared.ts';
import type { Call, Route } from './app.ts';
import { callerOf } from './app.ts';
import { changeProfile, login, logout, type ProfileChange } from './auth.ts';
import type { Faults } from './faults.ts';
import type { Schema } from './http.ts';
import * as shapes from './shapes.ts';
import type { AuditSettings } from './store.ts';

const profile: Schema = shapes.userSchema;
const audit: Schema = {
  type: 'object',
  required: ['retention_days', 'query_text'],
  additionalProperties: false,
  properties: {
    retention_days: { type: 'integer', minimum: 1, maximum: 3650, default: 90 },
    query_text: { type: 'string', enum: shapes.QUERY_TEXT, default: 'full' },
  },
};

/** The admin surface of the older generation: everything under /api, one resource per screen of the console. */
export function adminRoutesV1(faults: Faults): Route[] {
  const elsewhere = faults.has('login-at-other-path');
  return [
    {
      method: 'POST',
      path: elsewhere ? '/auth/sign-in' : '/api/auth/login',
      id: elsewhere ? 'signIn' : 'login',
      tag: 'Authentication',
      summary: 'Sign in with e-mail and password; sets the session cookie',
      guard: 'open',
      body: shapes.loginSchema,
      answers: {
        200: {
          description: 'Signed in',
          schema: {
            type: 'object',
            properties: { user: profile, expires_at: { type: 'string', format: 'date-time' } },
          },
        },
        401: { description: 'E-mail or password is wrong', schema: shapes.errorSchema },
        429: {
          description: 'Too many attempts or account locked; see Retry-After',
          schema: shapes.errorSchema,
        },
      },
      async handle(call) {
        const { user, session } = await login(call);
        return { status: 200, json: { user: shapes.showUser(user), expires_at: session.expiresAt } };
      },
    },
    {
      method: 'POST',
      path: '/api/auth/logout',
      id: 'logout',
      tag: 'Authentication',
      summary: 'End this session',
      guard: 'session',
      answers: { 204: { description: 'Signed out' } },
      async handle(call) {
        await logout(call);
        return { status: 204 };
      },
    },
    {
      method: 'GET',
      path: '/api/profile',
      id: 'getProfile',
      tag: 'Profile',
      summary: 'The signed-in user',
      guard: 'session',
      answers: { 200: { description: 'The signed-in user', schema: profile } },
      handle: (call) => ({ status: 200, json: shapes.showUser(callerOf(call).user) }),
    },
    {
      method: 'PATCH',
      path: '/api/profile',
      id: 'updateProfile',
      tag: 'Profile',
      summary: 'Change e-mail, name or password; a new password ends all sessions of the user, this one too',
      guard: 'session',
      body: {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: {
          email: { type: 'string', format: 'email' },
          name: { type: 'string', minLength: 1 },
          current_password: { type: 'string', description: 'required with email or new_password' },
          new_password: { type: 'string' },
        },
      },
      answers: {
        200: { description: 'The changed user', schema: profile },
        403: { description: 'The current password is wrong', schema: shapes.errorSchema },
        409: { description: 'The e-mail is taken', schema: shapes.errorSchema },
        422: { description: 'The password does not satisfy the policy', schema: shapes.errorSchema },
      },
      async handle(
        call: Call<{ email?: string; name?: string; current_password?: string; new_password?: string }>,
      ) {
        const { current_password: currentPassword, new_password: newPassword, ...rest } = call.body;
        const change: ProfileChange = {
          ...rest,
          ...(currentPassword === undefined ? {} : { currentPassword }),
          ...(newPassword === undefined ? {} : { newPassword }),
        };
        return { status: 200, json: shapes.showUser(await changeProfile(call, change)) };
      },
    },
    {
      method: 'GET',
      path: '/api/settings/audit',
      id: 'getAuditSettings',
      tag: 'Settings',
      summary: 'Audit retention and query text verbosity',
      guard: 'admin',
      answers: { 200: { description: 'Audit settings', schema: audit } },
      handle: async ({ app }) => ({ status: 200, json: await app.store.auditSettings() }),
    },
    {
      method: 'PUT',
      path: '/api/settings/audit',
      id: 'setAuditSettings',
      tag: 'Settings',
      summary: 'Replace the audit settings',
      guard: 'admin',
      body: audit,
      answers: { 200: { description: 'The new audit settings', schema: audit } },
      async handle(call: Call<AuditSettings>) {
        const { app, exchange } = call;
        await app.store.audit(callerOf(call).user.email, 'settings.audit', exchange.address, {
          ...call.body,
        });
        return { status: 200, json: await app.store.setAuditSettings(call.body) };
      },
    },
    {
      method: 'PUT',
      path: '/api/connections/{id}/webhook',
      id: 'setConnectionWebhook',
      tag: 'Connections',
      summary: 'Enable or disable webhooks of a connection; a null secret removes it',
      guard: 'admin',
      body: {
        type: 'object',
        required: ['webhook_enabled', 'webhook_secret'],
        additionalProperties: false,
        properties: {
          webhook_enabled: { type: 'boolean' },
          webhook_secret: { type: ['string', 'null'], minLength: 16 },
        },
      },
      answers: { 200: { description: 'The changed connection', schema: shapes.connectionSchema(true) } },
      async handle(call: Call<{ webhook_enabled: boolean; webhook_secret: string | null }>) {
        const { webhook_enabled: enabled, webhook_secret: secret } = call.body;
        const row = found(await call.app.store.changeWebhook(idOf(call), enabled, secret));
        await call.app.store.audit(callerOf(call).user.email, 'connection.webhook', call.exchange.address, {
          enabled,
        });
        return { status: 200, json: shapes.showConnection(call.app, row) };
      },
    },
    ...managementRoutes({
      users: '/api/users',
      keys: '/api/api-keys',
      connections: '/api/connections',
      audit: '/api/audit',
      library: '/api/library',
      webhooks: true,
    }),
  ];
}
