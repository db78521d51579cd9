import { managementRoutes } from './admin-shared.ts';
import type { App, Call, Caller, Route } from './app.ts';
import { callerOf } from './app.ts';
import { changeProfile, login, logout, type ProfileChange } from './auth.ts';
import type { Faults } from './faults.ts';
import type { Schema } from './http.ts';
import * as shapes from './shapes.ts';
import type { AuditSettings } from './store.ts';

const date: Schema = { type: 'string', format: 'date-time' };
const sessionState: Schema = {
  type: 'object',
  properties: {
    user: shapes.userSchema,
    csrf_token: {
      type: 'string',
      description: 'send it as X-CSRF-Token with every call that changes something',
    },
    expires_at: { ...date, description: 'absolute end; activity does not move it' },
    idle_timeout_minutes: { type: 'integer' },
  },
};
const showState = (app: App, { user, session }: Caller) => ({
  user: shapes.showUser(user),
  csrf_token: session.csrf,
  expires_at: session.expiresAt,
  idle_timeout_minutes: app.config.sessionIdleTimeoutMinutes,
});

const auditPart: Schema = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  properties: {
    retention_days: { type: 'integer', minimum: 1, maximum: 3650, default: 90 },
    query_text: { type: 'string', enum: shapes.QUERY_TEXT, default: 'full' },
  },
};
const settings: Schema = {
  type: 'object',
  required: ['audit'],
  additionalProperties: false,
  properties: { audit: auditPart },
};

/** The admin surface of the later generation: REST under /admin/api, one settings document, CSRF token. */
export function adminRoutesV2(faults: Faults): Route[] {
  const elsewhere = faults.has('login-at-other-path');
  const session = '/admin/api/session';
  return [
    {
      method: 'POST',
      path: elsewhere ? '/auth/sign-in' : session,
      id: elsewhere ? 'signIn' : 'createSession',
      tag: 'Session',
      summary: 'Sign in with e-mail and password; sets the session cookie',
      guard: 'open',
      body: shapes.loginSchema,
      answers: {
        201: { description: 'Signed in', schema: sessionState },
        401: { description: 'E-mail or password is wrong', schema: shapes.errorSchema },
        429: { description: 'Too many attempts; see Retry-After', schema: shapes.errorSchema },
      },
      handle: async (call) => ({ status: 201, json: showState(call.app, await login(call)) }),
    },
    {
      method: 'GET',
      path: session,
      id: 'getSession',
      tag: 'Session',
      summary: 'This session',
      guard: 'session',
      answers: { 200: { description: 'This session', schema: sessionState } },
      handle: (call) => ({ status: 200, json: showState(call.app, callerOf(call)) }),
    },
    {
      method: 'DELETE',
      path: session,
      id: 'deleteSession',
      tag: 'Session',
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
      path: '/admin/api/me',
      id: 'getMe',
      tag: 'Me',
      summary: 'The signed-in user',
      guard: 'session',
      answers: { 200: { description: 'The signed-in user', schema: shapes.userSchema } },
      handle: (call) => ({ status: 200, json: shapes.showUser(callerOf(call).user) }),
    },
    {
      method: 'PATCH',
      path: '/admin/api/me',
      id: 'updateMe',
      tag: 'Me',
      summary: 'Change e-mail, name or password; a new password ends the other sessions of the user',
      guard: 'session',
      body: {
        type: 'object',
        additionalProperties: false,
        minProperties: 1,
        properties: {
          email: { type: 'string', format: 'email' },
          name: { type: 'string', minLength: 1 },
          password: {
            type: 'object',
            required: ['current', 'new'],
            additionalProperties: false,
            properties: { current: { type: 'string' }, new: { type: 'string' } },
          },
          current_password: { type: 'string', description: 'required with email when password is not given' },
        },
      },
      answers: {
        200: { description: 'The changed user', schema: shapes.userSchema },
        403: { description: 'The current password or the CSRF token is wrong', schema: shapes.errorSchema },
        409: { description: 'The e-mail is taken', schema: shapes.errorSchema },
        422: { description: 'The password does not satisfy the policy', schema: shapes.errorSchema },
      },
      async handle(
        call: Call<{
          email?: string;
          name?: string;
          password?: { current: string; new: string };
          current_password?: string;
        }>,
      ) {
        const { password, current_password: given, ...rest } = call.body;
        const currentPassword = password?.current ?? given;
        const change: ProfileChange = {
          ...rest,
          ...(currentPassword === undefined ? {} : { currentPassword }),
          ...(password === undefined ? {} : { newPassword: password.new }),
        };
        return { status: 200, json: shapes.showUser(await changeProfile(call, change)) };
      },
    },
    {
      method: 'GET',
      path: '/admin/api/settings',
      id: 'getSettings',
      tag: 'Settings',
      summary: 'All settings',
      guard: 'admin',
      answers: { 200: { description: 'All settings', schema: settings } },
      handle: async ({ app }) => ({ status: 200, json: { audit: await app.store.auditSettings() } }),
    },
    {
      method: 'PATCH',
      path: '/admin/api/settings',
      id: 'updateSettings',
      tag: 'Settings',
      summary: 'Change some settings; what is not sent stays',
      guard: 'admin',
      body: settings,
      answers: { 200: { description: 'All settings', schema: settings } },
      async handle(call: Call<{ audit: Partial<AuditSettings> }>) {
        const { store } = call.app;
        const audit = await store.setAuditSettings({ ...(await store.auditSettings()), ...call.body.audit });
        await store.audit(callerOf(call).user.email, 'settings.audit', call.exchange.address, { ...audit });
        return { status: 200, json: { audit } };
      },
    },
    ...managementRoutes({
      users: '/admin/api/users',
      keys: '/admin/api/keys',
      connections: '/admin/api/connections',
      audit: '/admin/api/audit',
      library: '/admin/api/library',
      webhooks: false,
    }),
  ];
}
