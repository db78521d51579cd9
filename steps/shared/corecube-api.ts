/**
 * The admin API of the running CoreCube, which documents none: discovered, never guessed. This file and its folder
 * are the only place that knows any route. A credential goes to a recognised login of the running server, or nowhere.
 */
import type { HostReader } from '../../src/core/host.ts';
import type { Secret } from '../../src/core/secret.ts';
import { DEFAULT_ADMIN, readAdminPassword } from './admin-credentials.ts';
import {
  type Answer,
  type Cookie,
  call,
  callIn,
  isCsrfCookie,
  type Login,
  login,
  type Server,
  type Session,
} from './corecube-api/client.ts';
import {
  absent,
  auditFields,
  type FieldPath,
  fieldOf,
  isRecord,
  itemShape,
  valueAt,
} from './corecube-api/fields.ts';
import { type Listing, listing } from './corecube-api/listing.ts';
import type { Operation, Shape } from './corecube-api/openapi.ts';
import type { Purpose } from './corecube-api/routes.ts';
import {
  type AdminApi,
  type ApiAnswers,
  discover,
  findServer,
  missingRoute,
  type Place,
} from './corecube-api/server.ts';

export { closeDefaultAccount, takeOverAccount, writeAuditSettings } from './corecube-api/changes.ts';
export { LOGIN_LOOK_TIMEOUT } from './corecube-api/client.ts';
export { absent, fieldOf, propertyOf, type Row, valuesOf } from './corecube-api/fields.ts';
export { API_NEEDS, type ApiAnswers, byHand, findServer, notUp, notUpAtAll } from './corecube-api/server.ts';

/** Something that was read, or why it could not be. */
type Seen<T> =
  | { readonly seen: true; readonly value: T }
  | { readonly seen: false; readonly because: string };
const seen = <T>(value: T): Seen<T> => ({ seen: true, value });
const notSeen = (because: string): Seen<never> => ({ seen: false, because });

/** One attempt with the documented default credential. */
export type DefaultLogin =
  | { readonly is: 'works'; readonly said: string }
  | { readonly is: 'refused'; readonly status: number; readonly said: string; readonly route: string }
  | { readonly is: 'not-seen'; readonly because: string };

/** What the own login and the one session after it showed. */
export interface Observation {
  readonly is: 'looked';
  readonly login:
    | { readonly is: 'in'; readonly said: string; readonly route: string }
    | { readonly is: 'refused'; readonly said: string }
    | { readonly is: 'not-kept' }
    | { readonly is: 'not-seen'; readonly because: string };
  /** What the session was refused or let into, of what is an administrator's. */
  readonly asked: readonly Asked[];
  readonly session: Seen<SessionSeen>;
  /** Statuses of the same request with the session's cookies: while it lived, and after the logout. */
  readonly ended: Seen<{ readonly route: string; readonly before: number; readonly after: number }>;
  readonly audit: Seen<AuditSeen>;
  readonly users: Seen<List>;
  readonly keys: Seen<List>;
  readonly connections: Seen<List>;
}

export interface Asked {
  readonly purpose: Purpose;
  /** Method and path. */
  readonly route: string;
  readonly status: number;
}

export interface SessionSeen {
  /** The cookies that carry the session. */
  readonly cookies: readonly Cookie[];
  /** Seconds until the end that the login's answer names; undefined when it names none, NaN when that cannot be read. */
  readonly endsInSeconds: number | undefined;
  /** The idle time-out that the login's answer names. */
  readonly idleMinutes: number | undefined;
}

/** The audit settings as read back; a missing field is undefined. */
export interface AuditSeen {
  readonly retentionDays: number | undefined;
  readonly queryText: string | undefined;
  /** Whether the running server describes a route that changes them. */
  readonly writable: boolean;
}

/** A list with the shape its items are described with. */
export interface List extends Listing {
  readonly item: Shape | undefined;
}

/** Tries the documented default once per snapshot. A login that succeeds is logged out again. */
export function tryDefaultLogin(
  host: HostReader,
  answers: ApiAnswers,
  signal: AbortSignal,
): Promise<DefaultLogin | Exclude<Place, { is: 'up' }>> {
  return host.once('corecube default login', async () => {
    const place = await findServer(host, answers);
    if (place.is !== 'up') return place;
    const api = await discover(host, place.server, answers.adminApi);
    const route = api.routes.login;
    if (!route.found) return { is: 'not-seen', because: missingRoute(api.routes, 'login') };
    const result = await login(host, place.server, route, DEFAULT_ADMIN, signal);
    if (result.is === 'unclear') return { is: 'not-seen', because: result.because };
    if (result.is === 'refused') return { ...result, route: label(route.operation) };
    const { logout } = api.routes;
    if (logout.found) await callIn(host, place.server, result.session, logout.operation);
    return { is: 'works', said: result.said };
  });
}

/**
 * Logs in once per snapshot with the stored password, reads everything that the controls need in that one session,
 * logs out, and asks again with the same cookies. Few logins on purpose: CoreCube throttles them (guide v1: 5 per
 * minute and address).
 */
export function observeAdmin(
  host: HostReader,
  answers: ApiAnswers,
  signal: AbortSignal,
): Promise<Observation | Exclude<Place, { is: 'up' }>> {
  return host.once('corecube admin observation', async () => {
    const place = await findServer(host, answers);
    if (place.is !== 'up') return place;
    const password = await readAdminPassword(host);
    if (password === undefined) return nothing({ is: 'not-kept' }, 'the password is not kept on this host');
    const api = await discover(host, place.server, answers.adminApi);
    const result = await ownLogin(host, place.server, api, answers, password, signal);
    if (result.is === 'unclear') return nothing({ is: 'not-seen', because: result.because }, result.because);
    if (result.is === 'refused') {
      return nothing(
        { is: 'refused', said: result.said },
        `the stored password does not log in (${result.said})`,
      );
    }
    return look(host, place.server, api, result.session, result.said);
  });
}

async function ownLogin(
  host: HostReader,
  server: Server,
  api: AdminApi,
  answers: ApiAnswers,
  password: Secret,
  signal: AbortSignal,
): Promise<Login> {
  const route = api.routes.login;
  if (!route.found) return { is: 'unclear', because: missingRoute(api.routes, 'login') };
  return login(host, server, route, { email: answers.adminEmail, password }, signal);
}

function nothing(state: Observation['login'], because: string): Observation {
  const none = notSeen(because);
  return {
    is: 'looked',
    login: state,
    asked: [],
    session: none,
    ended: none,
    audit: none,
    users: none,
    keys: none,
    connections: none,
  };
}

async function look(
  host: HostReader,
  server: Server,
  api: AdminApi,
  session: Session,
  said: string,
): Promise<Observation> {
  const { routes } = api;
  const shown = readSession(api, session);
  const asked: Asked[] = [];
  // One after the other: a server may renew the cookie with every answer.
  const get = async <T>(
    purpose: Purpose,
    read: (answer: Answer, op: Operation) => T | undefined,
  ): Promise<Seen<T>> => {
    const route = routes[purpose];
    if (!route.found) return notSeen(missingRoute(routes, purpose));
    const answer = await answered(() => callIn(host, server, session, route.operation));
    // One answer that is cut off or never ends hides nothing of the others.
    if (typeof answer === 'string') return notSeen(`${label(route.operation)}: ${answer}`);
    asked.push({ purpose, route: label(route.operation), status: answer.status });
    if (answer.status !== 200) return notSeen(`${label(route.operation)} answers ${answer.said}`);
    const value = read(answer, route.operation);
    return value === undefined
      ? notSeen(`${label(route.operation)} answers in a form that is not understood`)
      : seen(value);
  };
  const list = (purpose: Purpose) =>
    get<List>(purpose, (answer, op) => {
      const rows = listing(answer.json, {
        headers: answer.headers,
        ...(op.pages ? { pages: op.pages } : {}),
      });
      return rows && { ...rows, item: itemShape(op.answer) };
    });
  const audit = await get('settings-read', (answer, op) =>
    readAudit(answer, op, routes['settings-write'].found),
  );
  const users = await list('users');
  const keys = await list('api-keys');
  const connections = await list('connections');
  const ended = await endSession(host, server, api, session);
  const { login: route } = routes;
  return {
    is: 'looked',
    login: { is: 'in', said, route: route.found ? label(route.operation) : '' },
    asked,
    session: shown,
    ended,
    audit,
    users,
    keys,
    connections,
  };
}

/** Logs out and proves it: the same request with the same cookies, before and after. */
async function endSession(
  host: HostReader,
  server: Server,
  api: AdminApi,
  session: Session,
): Promise<Observation['ended']> {
  const { routes } = api;
  const probe = [
    routes.session,
    routes['profile-read'],
    routes.users,
    routes['api-keys'],
    routes['settings-read'],
  ].find((route) => route.found);
  const { logout } = routes;
  if (!logout.found) return notSeen(missingRoute(routes, 'logout'));
  // The session is ended whatever the look before it came to.
  const before = probe && (await answered(() => callIn(host, server, session, probe.operation)));
  const kept: Session = { ...session, jar: new Map(session.jar) };
  const out = await answered(() => call(host, server, logout.operation, { session: kept }));
  if (typeof out === 'string') return notSeen(`${label(logout.operation)}: ${out}`);
  if (out.status >= 400) return notSeen(`${label(logout.operation)} answers ${out.said}`);
  if (probe === undefined || before === undefined) return notSeen(missingRoute(routes, 'session'));
  if (typeof before === 'string') return notSeen(`${label(probe.operation)}: ${before}`);
  const after = await answered(() => call(host, server, probe.operation, { session: kept }));
  if (typeof after === 'string') return notSeen(`${label(probe.operation)} after the logout: ${after}`);
  return seen({ route: label(probe.operation), before: before.status, after: after.status });
}

/** The answer, or why there is none that can be read. */
const answered = (ask: () => Promise<Answer>): Promise<Answer | string> =>
  ask().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));

function readSession(api: AdminApi, session: Session): Observation['session'] {
  const named = session.cookies.filter((cookie) => api.document?.cookies.includes(cookie.name));
  const cookies = named.length > 0 ? named : session.cookies.filter((cookie) => !isCsrfCookie(cookie.name));
  if (cookies.length === 0) return notSeen('the login sets no cookie');
  const parts = isRecord(session.json) ? [session.json, ...Object.values(session.json).filter(isRecord)] : [];
  const field = (name: RegExp) => parts.map((part) => fieldOf(part, name)).find((value) => value !== absent);
  const end = field(/^(session_)?expires(_at)?$/);
  const idle = field(/^(session_)?idle(_timeout)?_minutes$/);
  return seen({
    cookies,
    endsInSeconds:
      end === absent || end === undefined || end === null
        ? undefined
        : Math.round((timeOf(end) - session.opened.getTime()) / 1000),
    idleMinutes: typeof idle === 'number' ? idle : undefined,
  });
}

/** A date, or a number of seconds or milliseconds since 1970 (which of the two its size tells), in milliseconds; else NaN. */
const timeOf = (value: unknown): number =>
  typeof value === 'number' && value > 0
    ? value < 1e11
      ? value * 1000
      : value
    : typeof value === 'string'
      ? Date.parse(value)
      : Number.NaN;

function readAudit(answer: Answer, operation: Operation, writable: boolean): AuditSeen {
  const fields = auditFields(operation.answer, /(^|[/_-])audit([/_-]|$)/i.test(operation.path));
  const at = (path: FieldPath | undefined) => (path === undefined ? undefined : valueAt(answer.json, path));
  const days = at(fields.retentionDays);
  const text = at(fields.queryText);
  return {
    retentionDays: typeof days === 'number' ? days : undefined,
    queryText: typeof text === 'string' ? text : undefined,
    writable,
  };
}

const label = (operation: Operation) => `${operation.method} ${operation.path}`;
