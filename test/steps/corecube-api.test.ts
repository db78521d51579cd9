import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { auditFields } from '../../steps/shared/corecube-api/fields.ts';
import { listing } from '../../steps/shared/corecube-api/listing.ts';
import { parseOpenApi } from '../../steps/shared/corecube-api/openapi.ts';
import { chooseRoutes, PURPOSES, type Purpose, type Routes } from '../../steps/shared/corecube-api/routes.ts';
import { observeAdmin, takeOverAccount, tryDefaultLogin } from '../../steps/shared/corecube-api.ts';
import { parseFaults } from '../fakes/corecube/faults.ts';
import { openApiDocument } from '../fakes/corecube/openapi.ts';
import { routesOf } from '../fakes/corecube/server.ts';
import { answers, type Bed, type BedOptions, documentServer, GOOD_PASSWORD, startBed } from './admin-bed.ts';

const document = (generation: 'v1' | 'v2', faults = '') =>
  parseOpenApi(openApiDocument(routesOf(generation, parseFaults(faults), 'c'), generation, 'c'));
const chosen = (routes: Routes) =>
  Object.fromEntries(
    PURPOSES.map((p) => {
      const route = routes[p];
      return [p, route.found ? `${route.operation.method} ${route.operation.path}` : undefined];
    }),
  );
const signal = new AbortController().signal;

let bed: Bed | undefined;
const start = async (options?: BedOptions) => {
  bed = await startBed(options);
  return bed;
};
afterEach(async () => {
  await bed?.stop();
  bed = undefined;
});

const json = (schema: unknown) => ({ content: { 'application/json': { schema } } });
const loginBody = {
  type: 'object',
  required: ['email', 'password'],
  properties: { email: { type: 'string' }, password: { type: 'string' } },
};
const doc = (paths: unknown, rest: object = {}) => ({ openapi: '3.1.0', paths, ...rest });
const route = (paths: unknown, purpose: Purpose, rest: object = {}, overrides: readonly string[] = []) =>
  chosen(chooseRoutes(parseOpenApi(doc(paths, rest)), overrides))[purpose];

describe('discovery', () => {
  it('finds every route of guide v1', () => {
    expect(chosen(chooseRoutes(document('v1'), []))).toEqual({
      login: 'POST /api/auth/login',
      logout: 'POST /api/auth/logout',
      session: undefined,
      'profile-read': 'GET /api/profile',
      'profile-write': 'PATCH /api/profile',
      'password-write': undefined,
      'settings-read': 'GET /api/settings/audit',
      'settings-write': 'PUT /api/settings/audit',
      'api-keys': 'GET /api/api-keys',
      connections: 'GET /api/connections',
      users: 'GET /api/users',
    });
  });

  it('finds every route of guide v2', () => {
    expect(chosen(chooseRoutes(document('v2'), []))).toEqual({
      login: 'POST /admin/api/session',
      logout: 'DELETE /admin/api/session',
      session: 'GET /admin/api/session',
      'profile-read': 'GET /admin/api/me',
      'profile-write': 'PATCH /admin/api/me',
      'password-write': undefined,
      'settings-read': 'GET /admin/api/settings',
      'settings-write': 'PATCH /admin/api/settings',
      'api-keys': 'GET /admin/api/keys',
      connections: 'GET /admin/api/connections',
      users: 'GET /admin/api/users',
    });
  });

  it.each(['v1', 'v2'] as const)('recognises a login at another path (%s)', (generation) => {
    expect(chosen(chooseRoutes(document(generation, 'login-at-other-path'), [])).login).toBe(
      'POST /auth/sign-in',
    );
  });

  it('finds nothing where the admin routes are missing, and says so', () => {
    const routes = chooseRoutes(document('v1', 'admin-routes-missing'), []);
    expect(Object.values(chosen(routes)).every((name) => name === undefined)).toBe(true);
    expect(routes.login).toMatchObject({ because: expect.stringContaining('describes no route for login') });
  });

  it('lets the answer decide, and refuses placeholders in it', () => {
    const paths = { '/api/auth/login': { post: { requestBody: json(loginBody) } } };
    expect(route(paths, 'login', {}, ['login=POST /enter'])).toBe('POST /enter');
    expect(route(paths, 'login', {}, ['login=POST /{any}'])).toBeUndefined();
  });

  it('does not guess between two equal logins', () => {
    const login = { post: { requestBody: json(loginBody) } };
    const routes = chooseRoutes(parseOpenApi(doc({ '/a/login': login, '/b/login': login })), []);
    expect(routes.login).toMatchObject({
      found: false,
      because: expect.stringContaining('POST /a/login, POST /b/login'),
    });
  });

  it.each([
    ['registration', '/auth/register', loginBody],
    ['a new user', '/auth/users', loginBody],
    ['a test of a connection', '/api/connections/login', loginBody],
    ['a body that wants more', '/login', { ...loginBody, required: ['email', 'password', 'tenant'] }],
    ['a password change', '/login', { properties: { ...loginBody.properties, new_password: {} } }],
    ['no password', '/login', { properties: { email: {} } }],
    ['a placeholder', '/login/{tenant}', loginBody],
  ])('takes %s for no login', (_, path, body) => {
    expect(route({ [path]: { post: { requestBody: json(body) } } }, 'login')).toBeUndefined();
  });

  it('takes a form, a GET and a guarded operation for no login', () => {
    const form = { content: { 'application/x-www-form-urlencoded': { schema: loginBody } } };
    expect(route({ '/login': { post: { requestBody: form } } }, 'login')).toBeUndefined();
    expect(route({ '/login': { get: { requestBody: json(loginBody) } } }, 'login')).toBeUndefined();
    const guarded = { requestBody: json(loginBody), security: [{ key: [] }] };
    expect(route({ '/login': { post: guarded } }, 'login')).toBeUndefined();
  });

  it('follows references, allOf and alternatives, and survives a loop', () => {
    const schemas = {
      Login: {
        anyOf: [
          { allOf: [{ $ref: '#/components/schemas/Who' }, { properties: { password: { type: 'string' } } }] },
        ],
      },
      Who: {
        properties: { username: { type: ['string', 'null'] }, next: { $ref: '#/components/schemas/Who' } },
      },
      Loop: { $ref: '#/components/schemas/Loop' },
    };
    const paths = {
      '/login': { post: { requestBody: json({ $ref: '#/components/schemas/Login' }) } },
      '/loop/login': { post: { requestBody: json({ $ref: '#/components/schemas/Loop' }) } },
    };
    expect(route(paths, 'login', { components: { schemas } })).toBe('POST /login');
  });

  it('never ends everybody', () => {
    expect(
      route({ '/api/logout/all': { post: {} }, '/api/users/{id}/session': { delete: {} } }, 'logout'),
    ).toBeUndefined();
  });
});

describe('a hostile document', () => {
  it.each([
    '//evil.test/login',
    'https://evil.test/login',
    '@evil.test/login',
    '/..//login',
    '/a/../login',
    '/login?to=//evil.test',
    '/login#x',
    '/lo gin',
    '/login\r\nHost: evil.test',
    '/%2e%2e/login',
    '\\\\evil.test\\login',
  ])('cannot name the path %j', (path) => {
    expect(route({ [path]: { post: { requestBody: json(loginBody) } } }, 'login')).toBeUndefined();
  });

  it.each(['null', '[]', '"x"', '{}', '{"openapi":"2.0"}', '{"openapi":3}'])(
    'that is none is refused: %s',
    (text) => {
      expect(() => parseOpenApi(JSON.parse(text))).toThrow(/OpenAPI 3/);
    },
  );

  it('cannot lead a credential to another host or to another path', async () => {
    const servers = [{ url: 'https://evil.test' }];
    const operation = { servers, requestBody: json(loginBody) };
    const paths = {
      '/api/auth/login': { servers, post: operation },
      '//evil.test/login': { post: operation },
      '/v1/collect': { post: operation },
    };
    const seen: string[] = [];
    const { host } = await start({ server: documentServer(doc(paths, { servers }), seen) });
    const look = await observeAdmin(host(), answers, signal);
    expect(look).toMatchObject({ is: 'looked', login: { is: 'refused' } });
    await tryDefaultLogin(host(), answers, signal);
    expect(seen).toHaveLength(2);
    expect(seen.every((line) => line.startsWith('POST /api/auth/login '))).toBe(true);
  });

  it('without any login gets no credential at all', async () => {
    const seen: string[] = [];
    const paths = { '/v1/collect': { post: { requestBody: json(loginBody) } } };
    const { host } = await start({ server: documentServer(doc(paths), seen) });
    expect(await observeAdmin(host(), answers, signal)).toMatchObject({ login: { is: 'not-seen' } });
    expect(await tryDefaultLogin(host(), answers, signal)).toMatchObject({
      is: 'not-seen',
      because: expect.stringMatching(/By hand: Open the Admin Console.*login=POST \/path/),
    });
    expect(seen).toEqual([]);
  });
});

describe('fields', () => {
  it('finds audit settings only in an audit context', () => {
    const shape = (body: unknown) =>
      parseOpenApi(doc({ '/s': { put: { requestBody: json(body) } } })).operations[0]?.body;
    const flat = { properties: { retentionDays: {}, queryText: {} } };
    expect(auditFields(shape(flat), false)).toEqual({});
    expect(auditFields(shape(flat), true)).toEqual({
      retentionDays: ['retentionDays'],
      queryText: ['queryText'],
    });
    expect(auditFields(shape({ properties: { audit: flat } }), false)).toEqual({
      retentionDays: ['audit', 'retentionDays'],
      queryText: ['audit', 'queryText'],
    });
    expect(auditFields(shape({ properties: { chat_retention_days: {} } }), true)).toEqual({});
  });

  it('knows when a list goes on', () => {
    expect(listing([{ a: 1 }])).toEqual({ rows: [{ a: 1 }], complete: true });
    expect(listing({ keys: [{}], total: 1, next_cursor: null })).toMatchObject({ complete: true });
    expect(listing({ keys: [{}], total: 2 })).toMatchObject({ complete: false });
    expect(listing({ keys: [{}], meta: { has_more: true } })).toMatchObject({ complete: false });
    expect(listing({ keys: 1 })).toBeUndefined();
    for (const more of [
      { total_pages: 2 },
      { pagination: { next: { href: '/next' } } },
      { links: { next: '/keys?page=2' } },
      { meta: { paging: { hasNextPage: true } } },
      { totalCount: 2 },
      { limit: 1 },
      { per_page: 1, count: 1 },
      { total: '200' },
      { total_keys: 200 },
      { cursor: 'bmV4dA' },
      { remaining: 100 },
    ])
      expect(listing({ keys: [{}], ...more }), JSON.stringify(more)).toMatchObject({ complete: false });
    for (const all of [
      { limit: 50 },
      { total: 1, limit: 1 },
      { next: null, per_page: 1 },
      { pages: 1, limit: 1 },
      { total: '1', limit: 1 },
      { cursor: null, remaining: 0 },
      { total_tokens: 900, rate_limit: { remaining: 59 } },
    ])
      expect(listing({ keys: [{}], ...all }), JSON.stringify(all)).toMatchObject({ complete: true });
    const link = [['link', '</keys?page=2>; rel="next"']] as const;
    expect(listing([{}], { headers: link })).toMatchObject({ complete: false });
    for (const [header, complete] of [
      [['x-total-count', '200'], false],
      [['X-Total-Count', '1'], true],
      [['content-range', 'items 0-0/200'], false],
      [['content-range', 'items 0-0/*'], true],
    ] as const)
      expect(listing([{}], { headers: [header] }), header.join()).toMatchObject({ complete });
  });

  it('does not take a page for a list where the parameters speak of pages', () => {
    const pages = (parameters: unknown) =>
      parseOpenApi(doc({ '/keys': { get: { parameters, responses: {} } } })).operations[0]?.pages;
    const query = (name: string, schema = {}) => ({ in: 'query', name, schema });
    expect(pages([query('search')])).toBeUndefined();
    expect(pages([query('page')])).toEqual({});
    expect(pages([query('page'), query('pageSize', { default: 20 })])).toEqual({ size: 20 });
    expect(listing([{}], { pages: {} })).toMatchObject({ complete: false });
    expect(listing([], { pages: {} })).toMatchObject({ complete: true });
    expect(listing([{}], { pages: { size: 20 } })).toMatchObject({ complete: true });
    expect(listing([{}], { pages: { size: 1 } })).toMatchObject({ complete: false });
    expect(listing({ keys: [{}], total: 1 }, { pages: {} })).toMatchObject({ complete: true });
  });

  it('takes nothing for a list that holds something else than records', () => {
    expect(listing(['a'])).toBeUndefined();
    expect(listing({ keys: [{}, null] })).toBeUndefined();
    expect(listing(undefined)).toBeUndefined();
  });
});

describe.each(['v1', 'v2'] as const)('a session on guide %s', (generation) => {
  it('is one login, reads everything, and is dead afterwards', async () => {
    const { host, requests, openSessions } = await start({ generation });
    const look = await observeAdmin(host(), answers, signal);
    expect(look).toMatchObject({
      login: { is: 'in' },
      session: {
        seen: true,
        value: { cookies: [{ secure: true, httpOnly: true, sameSite: 'Lax', seconds: 8 * 3600 }] },
      },
      ended: { seen: true, value: { before: 200, after: 401 } },
      audit: { seen: true, value: { retentionDays: 90, queryText: 'full', writable: true } },
      users: { seen: true, value: { complete: true } },
      keys: { seen: true },
      connections: { seen: true },
    });
    expect(requests.filter((line) => line.startsWith('POST') && !line.includes('logout'))).toHaveLength(1);
    expect(JSON.stringify(look)).not.toContain(GOOD_PASSWORD);
    expect(await openSessions()).toBe(0);
  });

  it('is shared by all who look at the same time', async () => {
    const { host, requests } = await start({ generation });
    const one = host();
    await Promise.all([observeAdmin(one, answers, signal), observeAdmin(one, answers, signal)]);
    expect(requests.filter((line) => line.startsWith('POST') && !line.includes('logout'))).toHaveLength(1);
  });

  it('takes the default account over and leaves no session open', async () => {
    const { host, users, openSessions } = await start({ generation, seeded: false });
    expect(await tryDefaultLogin(host(), answers, signal)).toMatchObject({ is: 'works' });
    await takeOverAccount(host(), answers, new Secret(GOOD_PASSWORD), { defaultFirst: true });
    expect(users.map((user) => user.email)).toEqual([answers.adminEmail]);
    expect(await tryDefaultLogin(host(), answers, signal)).toMatchObject({ is: 'refused', status: 401 });
    await takeOverAccount(host(), answers, new Secret(GOOD_PASSWORD), { defaultFirst: false });
    expect(await openSessions()).toBe(0);
  });

  it('says when no known credential logs in', async () => {
    const { host } = await start({ generation });
    const other = { ...answers, adminEmail: 'somebody@else.test' };
    await expect(
      takeOverAccount(host(), other, new Secret('Another-Password-1'), { defaultFirst: false }),
    ).rejects.toThrow(/refuses the stored password for somebody@else.test, and the documented default too/);
  });
});

describe('throttling', () => {
  it('waits for Retry-After', async () => {
    const { host } = await start({ throttle: { limit: 1, windowMs: 1000 } });
    // Counted from before the login that fills the window: however slow the machine is, nobody is in before its end.
    const began = performance.now();
    await tryDefaultLogin(host(), answers, signal);
    expect(await observeAdmin(host(), answers, signal)).toMatchObject({ login: { is: 'in' } });
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  it('waits again when another login took the place', async () => {
    const { host } = await start({ throttle: { limit: 1, windowMs: 1000 } });
    await tryDefaultLogin(host(), answers, signal);
    const both = await Promise.all([
      tryDefaultLogin(host(), answers, signal),
      observeAdmin(host(), answers, signal),
    ]);
    expect(both).toMatchObject([{ is: 'refused' }, { login: { is: 'in' } }]);
  });

  it('does not wait for a lockout of 15 minutes', async () => {
    const { host } = await start({ throttle: { limit: 1, windowMs: 900_000 } });
    await tryDefaultLogin(host(), answers, signal);
    expect(await observeAdmin(host(), answers, signal)).toMatchObject({
      login: { is: 'not-seen', because: expect.stringContaining('throttles logins for') },
    });
  });

  it('ends the wait when the run is cancelled', async () => {
    const { host } = await start({ throttle: { limit: 1, windowMs: 60_000 } });
    await tryDefaultLogin(host(), answers, signal);
    await expect(observeAdmin(host(), answers, AbortSignal.timeout(50))).rejects.toThrow(/cut short/);
  });
});
