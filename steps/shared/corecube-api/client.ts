/** HTTP with the running CoreCube: straight to its container, asking as the proxy would, never following a redirect. */
import type { HostReader, HttpResponse } from '../../../src/core/host.ts';
import { Secret } from '../../../src/core/secret.ts';
import { isRecord, plain, type Row } from './fields.ts';
import type { Operation } from './openapi.ts';
import { isLogin, loginFields, type Route } from './routes.ts';

/** Where the server is reached, and under which public authority (`name` or `name:port`) it is asked. */
export interface Server {
  readonly address: string;
  readonly port: number;
  readonly authority: string;
  /**
   * Set while the server was just started, or a first boot is not finished: seconds since its start. It is waited for
   * longer then, because an answer that comes late is no sign of trouble yet.
   */
  readonly settling?: number;
}

/** A cookie as the server set it, without its value. */
export interface Cookie {
  readonly name: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite?: string;
  /** Seconds it lives from now, by Max-Age, else by Expires (RFC 6265, section 5.3); undefined: until the browser ends. */
  readonly seconds?: number;
}

/** A signed-in session. The cookie values and the CSRF token are in no report. */
export interface Session {
  readonly jar: Map<string, Secret>;
  csrf: Secret | undefined;
  /** Every cookie that the login set. */
  readonly cookies: readonly Cookie[];
  /** When it was opened, by the server's own clock: its ends are said by that one. */
  readonly opened: Date;
  /** The login's JSON answer. */
  readonly json: unknown;
}

export interface Answer {
  readonly status: number;
  readonly json: unknown;
  /** `401 INVALID_CREDENTIALS`: the status and, when it is a plain word, the server's error code. */
  readonly said: string;
  readonly headers: HttpResponse['headers'];
}

/** Milliseconds that a server which has been up for a while may take to answer: a verify stays quick. */
const USUAL_WAIT = 10_000;
/**
 * Milliseconds that a server which has just been started may take. A login hashes a password on purpose slowly (bcrypt),
 * while a busy host still pulls, starts and migrates. One long wait and no second try: every login counts at the
 * throttle. Two such waits, for the routes and for the login, fit into one look.
 */
const SETTLING_WAIT = 45_000;

/** Longest wait for a throttle in all, in seconds: a minute's window passes, a lockout of 15 minutes is not waited for. */
const LONGEST_WAIT = 75;
/** Time-out of controls that log in: the wait for a throttle, and the work. Milliseconds. */
export const LOGIN_LOOK_TIMEOUT = 95_000;

/**
 * One request. A server that has just been started is given 45 s to answer, any other 10 s.
 * @throws {Error} when the server does not answer in time
 */
export async function call(
  host: HostReader,
  server: Server,
  operation: Pick<Operation, 'method' | 'path' | 'csrfHeader'>,
  options: { session?: Session; body?: Row; secretBody?: boolean } = {},
): Promise<Answer> {
  const { session, body } = options;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const writes = operation.method !== 'GET';
  const result = await host.http({
    method: operation.method,
    origin: `http://${server.authority}`,
    connectTo: { host: server.address, port: server.port },
    path: operation.path,
    headers: {
      Accept: 'application/json',
      'X-Forwarded-Proto': 'https',
      ...(text === undefined ? {} : { 'Content-Type': 'application/json' }),
      // What a browser on the console's own page would send.
      ...(writes ? { Origin: `https://${server.authority}` } : {}),
      ...(session && session.jar.size > 0 ? { Cookie: cookieHeader(session) } : {}),
      ...(session?.csrf && writes ? { [operation.csrfHeader ?? 'X-CSRF-Token']: session.csrf.reveal() } : {}),
    },
    ...(text === undefined ? {} : { body: options.secretBody ? new Secret(text) : text }),
    timeoutMs: server.settling === undefined ? USUAL_WAIT : SETTLING_WAIT,
  });
  if (!result.ok) {
    const waited =
      server.settling !== undefined && result.code === 'ETIMEDOUT'
        ? `; it was started ${server.settling} s ago and is given ${SETTLING_WAIT / 1000} s instead of ${USUAL_WAIT / 1000} s. Look at the load of this host and at docker compose logs, and run this again`
        : '';
    throw new Error(`CoreCube does not answer on ${server.address}: ${result.message}${waited}`);
  }
  const json = parse(result.body);
  const error = isRecord(json) ? (isRecord(json.error) ? json.error : json) : {};
  const code = typeof error.code === 'string' && /^[A-Za-z_]{3,40}$/.test(error.code) ? ` ${error.code}` : '';
  return { status: result.status, json, said: `${result.status}${code}`, headers: result.headers };
}

const cookieHeader = (session: Session) =>
  [...session.jar].map(([name, value]) => `${name}=${value.reveal()}`).join('; ');

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Like `call` inside a session; new cookies and a new CSRF token are taken over, as a browser would. */
export async function callIn(
  host: HostReader,
  server: Server,
  session: Session,
  operation: Operation,
  body?: Row,
  secretBody = false,
): Promise<Answer> {
  const options = { session, ...(body === undefined ? {} : { body, secretBody }) };
  const answer = await call(host, server, operation, options);
  absorb(session, answer);
  return answer;
}

export type Login =
  | { readonly is: 'in'; readonly session: Session; readonly said: string }
  | { readonly is: 'refused'; readonly status: number; readonly said: string }
  | { readonly is: 'unclear'; readonly because: string };

/**
 * Logs in; a throttled attempt is repeated after `Retry-After`, as long as that makes at most 75 s in all.
 * @throws {Error} before anything is sent when the route is neither recognised as a login nor named by the operator
 */
export async function login(
  host: HostReader,
  server: Server,
  route: Extract<Route, { found: true }>,
  credential: { readonly email: string; readonly password: string | Secret },
  signal: AbortSignal,
): Promise<Login> {
  const { operation } = route;
  if (route.by !== 'answer' && !isLogin(operation)) throw new Error(`${operation.path} is not a login route`);
  const described = loginFields(operation.body);
  if (operation.method !== 'POST' || (described === undefined && operation.body !== undefined)) {
    return { is: 'unclear', because: `${operation.path} does not take an e-mail address and a password` };
  }
  const fields = described ?? { identity: 'email', password: 'password' };
  const secret = credential.password instanceof Secret;
  const body = {
    [fields.identity]: credential.email,
    [fields.password]: secret ? (credential.password as Secret).reveal() : credential.password,
  };
  const attempt = () => call(host, server, operation, { body, secretBody: secret });
  let answer = await attempt();
  // Another login may take the place that was waited for; the next one is free soon after.
  for (let waited = 0; answer.status === 429; answer = await attempt()) {
    const seconds = retryAfter(answer, host.now());
    if (seconds === undefined) return { is: 'unclear', because: 'the server throttles logins' };
    waited += Math.max(1, seconds);
    if (waited > LONGEST_WAIT)
      return { is: 'unclear', because: `the server throttles logins for ${seconds} s more` };
    await sleep(Math.max(1, seconds) * 1000, signal);
  }
  if (answer.status >= 200 && answer.status < 300) {
    const session = begin(answer, clockOf(answer) ?? host.now());
    // A good status alone opens nothing: some servers say in the body that the login failed, or that a step is missing.
    const denied = isRecord(answer.json) && DENIALS.some((name) => (answer.json as Row)[name] === false);
    return !denied && (session.cookies.some(({ name }) => !isCsrfCookie(name)) || hasToken(answer.json, 1))
      ? { is: 'in', session, said: answer.said }
      : { is: 'unclear', because: `POST ${operation.path} answered ${answer.said} and opened no session` };
  }
  if ([400, 401, 403, 422].includes(answer.status))
    return { is: 'refused', status: answer.status, said: answer.said };
  return { is: 'unclear', because: `POST ${operation.path} answered ${answer.said}` };
}

/** Fields by which the body of a good answer takes the good back. */
const DENIALS = ['success', 'ok', 'authenticated'];

/** Seconds of `Retry-After`, a number or a date (RFC 9110, section 10.2.3). */
function retryAfter(answer: Answer, now: Date): number | undefined {
  const text = answer.headers.find(([name]) => name === 'retry-after')?.[1].trim();
  if (text === undefined) return undefined;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now.getTime()) / 1000));
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new Error('the wait for the login throttle was cut short'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** The time that the answer says it was made at (RFC 9110, section 6.6.1). */
function clockOf({ headers }: Answer): Date | undefined {
  const said = headers.find(([name]) => name.toLowerCase() === 'date')?.[1];
  const date = new Date(said ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function begin(answer: Answer, now: Date): Session {
  const session: Session = {
    jar: new Map(),
    csrf: undefined,
    opened: now,
    cookies: setCookies(answer).map((cookie) => describe(cookie, now)),
    json: answer.json,
  };
  absorb(session, answer);
  return session;
}

const CSRF = /csrf|xsrf/i;
export const isCsrfCookie = (name: string) => CSRF.test(name);

function absorb(session: Session, answer: Answer): void {
  for (const { name, value } of setCookies(answer)) {
    if (value !== '') session.jar.set(name, new Secret(value));
    if (value !== '' && isCsrfCookie(name)) session.csrf = new Secret(decoded(value));
  }
  const token = csrfIn(answer.json, 0);
  if (token !== undefined) session.csrf = new Secret(token);
}

function csrfIn(json: unknown, depth: number): string | undefined {
  if (!isRecord(json) || depth > 2) return undefined;
  for (const [name, value] of Object.entries(json)) {
    if (
      typeof value === 'string' &&
      value !== '' &&
      value.length < 4096 &&
      /^(csrf|xsrf)(_token)?$/.test(plain(name))
    ) {
      // A header value: anything else than visible ASCII cannot be one.
      return /^[\x21-\x7e]+$/.test(value) ? value : undefined;
    }
  }
  return Object.values(json)
    .map((child) => csrfIn(child, depth + 1))
    .find((token) => token !== undefined);
}

/** True when the answer hands out a token of a session. */
function hasToken(json: unknown, depth: number): boolean {
  if (!isRecord(json)) return false;
  return Object.entries(json).some(
    ([name, value]) =>
      (typeof value === 'string' &&
        value !== '' &&
        /^((access|auth|session|id)_)?(token|jwt)$/.test(plain(name))) ||
      (depth > 0 && hasToken(value, depth - 1)),
  );
}

interface SetCookie {
  readonly name: string;
  readonly value: string;
  readonly attributes: ReadonlyMap<string, string>;
}

function setCookies(answer: Answer): SetCookie[] {
  return answer.headers
    .filter(([name]) => name === 'set-cookie')
    .flatMap(([, text]) => {
      const [pair = '', ...rest] = text.split(';');
      const [name = '', value = ''] = pair.split(/=(.*)/s, 2).map((part) => part.trim());
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) || !/^[\x21-\x7e]*$/.test(value)) return [];
      const attributes = rest.map((part): [string, string] => {
        const [key = '', content = ''] = part.split(/=(.*)/s, 2).map((p) => p.trim());
        return [key.toLowerCase(), content];
      });
      return [{ name, value, attributes: new Map(attributes) }];
    });
}

function describe({ name, attributes }: SetCookie, now: Date): Cookie {
  const sameSite = attributes.get('samesite');
  const maxAge = attributes.get('max-age') ?? '';
  const expires = Date.parse(attributes.get('expires') ?? '');
  const seconds = /^-?\d{1,12}$/.test(maxAge)
    ? Number(maxAge)
    : Number.isNaN(expires)
      ? undefined
      : Math.round((expires - now.getTime()) / 1000);
  return {
    name,
    secure: attributes.has('secure'),
    httpOnly: attributes.has('httponly'),
    ...(sameSite ? { sameSite } : {}),
    ...(seconds === undefined ? {} : { seconds }),
  };
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
