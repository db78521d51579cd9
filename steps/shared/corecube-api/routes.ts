/** Which operation of the running server serves which purpose: declared candidates first, then recognisers. */
import {
  auditFields,
  CONFIRMATION,
  CURRENT_PASSWORD,
  EMAIL,
  type FieldPath,
  IDENTITY,
  itemShape,
  NEW_PASSWORD,
  PASSWORD,
  plain,
  propertyOf,
} from './fields.ts';
import {
  type ApiDocument,
  isPlainPath,
  METHODS,
  type Method,
  type Operation,
  type Shape,
} from './openapi.ts';

export const PURPOSES = [
  'login',
  'logout',
  'session',
  'profile-read',
  'profile-write',
  'password-write',
  'settings-read',
  'settings-write',
  'api-keys',
  'connections',
  'users',
] as const;
export type Purpose = (typeof PURPOSES)[number];

/** One operation chosen for a purpose, or the reason why there is none. */
export type Route =
  | {
      readonly found: true;
      readonly operation: Operation;
      readonly by: 'answer' | 'candidate' | 'recogniser';
    }
  | { readonly found: false; readonly because: string };
export type Routes = Readonly<Record<Purpose, Route>>;

/**
 * CoreCube documents no admin route, so these are guesses that decide only between several operations that are all
 * recognised by their shape. None is ever called unless the running server describes it.
 */
const CANDIDATES: Readonly<Partial<Record<Purpose, readonly string[]>>> = {
  login: ['POST /api/auth/login', 'POST /admin/api/session', 'POST /api/login', 'POST /admin/api/login'],
  logout: [
    'POST /api/auth/logout',
    'DELETE /admin/api/session',
    'POST /api/logout',
    'POST /admin/api/logout',
  ],
  session: ['GET /admin/api/session', 'GET /api/auth/session', 'GET /api/session'],
  'profile-read': ['GET /api/profile', 'GET /admin/api/me', 'GET /api/me'],
  'profile-write': ['PATCH /api/profile', 'PATCH /admin/api/me', 'PUT /api/profile'],
  'settings-read': ['GET /api/settings/audit', 'GET /admin/api/settings', 'GET /api/settings'],
  'settings-write': ['PUT /api/settings/audit', 'PATCH /admin/api/settings', 'PATCH /api/settings'],
  'api-keys': ['GET /api/api-keys', 'GET /admin/api/keys'],
  connections: ['GET /api/connections', 'GET /admin/api/connections'],
  users: ['GET /api/users', 'GET /admin/api/users'],
};

const segments = (path: string) => path.split('/').filter(Boolean);
const wordsOf = (parts: readonly string[]) =>
  new Set(parts.map(plain).flatMap((part) => [part, ...part.split('_')]));
const words = (op: Operation) => wordsOf([...segments(op.path), op.id]);
const has = (set: ReadonlySet<string>, ...any: string[]) => any.some((word) => set.has(word));
const last = (op: Operation) => plain(segments(op.path).at(-1) ?? '');
const bare = (op: Operation) => !op.path.includes('{');
const isText = (shape: Shape | undefined, name: string | undefined) => {
  const types = name === undefined ? undefined : shape?.properties.get(name)?.types;
  return types !== undefined && (types.length === 0 || types.includes('string'));
};
/** Where the console's own account lives; `/users/{id}` is somebody else's. */
const OWN_ACCOUNT = ['me', 'profile', 'account', 'self'];
const NOT_A_LOGIN = [
  ...[
    'register',
    'registration',
    'signup',
    'forgot',
    'reset',
    'invite',
    'setup',
    'test',
    'import',
    'impersonate',
  ],
  ...[
    'connections',
    'connection',
    'connectors',
    'connector',
    'providers',
    'provider',
    'smtp',
    'ldap',
    'webhooks',
  ],
  ...['settings', 'keys', 'profile', 'password'],
];

/** The fields a login body needs; undefined when the shape is not that of a login. */
export function loginFields(body: Shape | undefined): { identity: string; password: string } | undefined {
  const identity =
    propertyOf(body, /^(e_?mail|email_address)$/) ??
    propertyOf(body, /^user_?name$/) ??
    propertyOf(body, IDENTITY);
  const password = propertyOf(body, PASSWORD);
  if (identity === undefined || password === undefined) return undefined;
  if (!isText(body, identity) || !isText(body, password)) return undefined;
  const others = (body?.required ?? []).filter((name) => name !== identity && name !== password);
  if (others.length > 0 || propertyOf(body, NEW_PASSWORD) || propertyOf(body, CURRENT_PASSWORD))
    return undefined;
  return { identity, password };
}

/** How to fill a body that changes e-mail or password: where each value goes. */
export interface ProfileFields {
  readonly email?: FieldPath;
  /** The current password beside the e-mail. */
  readonly current?: FieldPath;
  readonly password?: {
    readonly fresh: FieldPath;
    readonly current?: FieldPath;
    readonly repeated?: FieldPath;
  };
}
export function profileFields(body: Shape | undefined): ProfileFields {
  const at = (name: string | undefined, inside: FieldPath = []) =>
    name === undefined ? undefined : [...inside, name];
  const email = at(propertyOf(body, EMAIL));
  const current = at(propertyOf(body, CURRENT_PASSWORD));
  const plainPassword = propertyOf(body, PASSWORD);
  const inner = plainPassword === undefined ? undefined : body?.properties.get(plainPassword);
  const inside = plainPassword === undefined ? [] : [plainPassword];
  const innerFresh = at(propertyOf(inner, NEW_PASSWORD), inside);
  // `password` beside a current password is the new one.
  const fresh = at(propertyOf(body, NEW_PASSWORD)) ?? (current ? at(plainPassword) : undefined);
  const password = innerFresh
    ? some({
        fresh: innerFresh,
        current: at(propertyOf(inner, CURRENT_PASSWORD), inside),
        repeated: at(propertyOf(inner, CONFIRMATION), inside),
      })
    : fresh && some({ fresh, current, repeated: at(propertyOf(body, CONFIRMATION)) });
  return some({ email, current, password });
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };
/** Leaves out what is undefined. */
const some = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Defined<T>;

/** How sure a recogniser is that the operation serves the purpose; 0: it does not. */
const RECOGNISERS: Readonly<Record<Purpose, (op: Operation, w: ReadonlySet<string>) => number>> = {
  login: (op) => {
    const w = wordsOf(segments(op.path));
    if (op.method !== 'POST' || !bare(op) || op.guarded === 'yes' || has(w, ...NOT_A_LOGIN)) return 0;
    if (loginFields(op.body) === undefined) return 0;
    if (has(w, 'login', 'logon', 'signin', 'sign_in') || /^(login|logon|sign_?in)$/.test(plain(op.id)))
      return 3;
    // `POST /auth/users` creates a user: these words count only at the end.
    return ['session', 'sessions'].includes(last(op))
      ? 2
      : ['auth', 'authenticate'].includes(last(op))
        ? 1
        : 0;
  },
  logout: (op, w) => {
    // Ending the sessions of everybody, or of all devices, is not ours to do.
    if (!bare(op) || has(w, 'all', 'others', 'everywhere', 'users') || (op.body?.required.length ?? 0) > 0)
      return 0;
    if (op.method === 'POST' && has(w, 'logout', 'logoff', 'signout', 'sign_out')) return 3;
    return op.method === 'DELETE' && (last(op) === 'session' || has(w, 'logout', 'signout')) ? 2 : 0;
  },
  session: (op) =>
    op.method !== 'GET' || !bare(op) || op.guarded === 'no'
      ? 0
      : last(op) === 'session'
        ? 3
        : last(op) === 'me'
          ? 2
          : 0,
  'profile-read': (op) =>
    op.method !== 'GET' || op.guarded === 'no' || !bare(op) || !OWN_ACCOUNT.includes(last(op))
      ? 0
      : propertyOf(op.answer, EMAIL) === undefined
        ? 1
        : 2,
  'profile-write': (op) => {
    if (!changes(op) || !bare(op) || !OWN_ACCOUNT.includes(last(op))) return 0;
    const fields = profileFields(op.body);
    return (fields.email ? 1 : 0) + (fields.password ? 2 : 0);
  },
  'password-write': (op, w) => {
    if (!changes(op) || !bare(op) || !has(w, 'password') || has(w, 'reset', 'forgot', 'users')) return 0;
    const fields = profileFields(op.body);
    return fields.password?.current ? 2 : 0;
  },
  'settings-read': (op, w) => (op.method === 'GET' && bare(op) ? settingsScore(op.answer, w) : 0),
  'settings-write': (op, w) => (changes(op) && bare(op) ? settingsScore(op.body, w) : 0),
  'api-keys': (op) => {
    if (op.method !== 'GET' || !bare(op) || !['api_keys', 'apikeys', 'keys'].includes(last(op))) return 0;
    const item = itemShape(op.answer);
    return [/^name$/, /^(key_)?prefix$/, /^type$/, /^expires/, /^last_used/].filter((n) =>
      propertyOf(item, n),
    ).length >= 2
      ? 2
      : 0;
  },
  connections: (op) =>
    op.method === 'GET' &&
    bare(op) &&
    ['connections', 'connectors'].includes(last(op)) &&
    itemShape(op.answer)
      ? 2
      : 0,
  users: (op) =>
    op.method === 'GET' && bare(op) && last(op) === 'users' && propertyOf(itemShape(op.answer), EMAIL)
      ? 2
      : 0,
};

const changes = (op: Operation) => op.method === 'PATCH' || op.method === 'PUT' || op.method === 'POST';

function settingsScore(shape: Shape | undefined, w: ReadonlySet<string>): number {
  if (!has(w, 'settings', 'setting', 'config', 'configuration', 'audit', 'preferences')) return 0;
  const fields = auditFields(shape, w.has('audit'));
  return (fields.retentionDays ? 2 : 0) + (fields.queryText ? 2 : 0);
}

/** True when the operation is, by its shape, a login of the running server. Checked again before a credential leaves. */
export const isLogin = (op: Operation): boolean => RECOGNISERS.login(op, words(op)) > 0;

/**
 * Chooses one operation per purpose from the document, or from the sentence that says why there is none. An `adminApi` answer (`login=POST /path`) decides; else the best recognised
 * one; among equals a declared candidate; among equals without one, none: a guess could send a password astray.
 */
export function chooseRoutes(document: ApiDocument | string, overrides: readonly string[]): Routes {
  const named = new Map(overrides.map(parseOverride));
  const entries = PURPOSES.map((purpose) => {
    const name = named.get(purpose);
    return [purpose, name ? byAnswer(document, purpose, name) : recognise(document, purpose)] as const;
  });
  return Object.fromEntries(entries) as unknown as Routes;
}

function parseOverride(text: string): [string, string] {
  const [purpose = '', operation = ''] = text.split(/=(.*)/s, 2);
  return [purpose, operation];
}

function byAnswer(document: ApiDocument | string, purpose: Purpose, name: string): Route {
  const [method = '', path = ''] = name.split(' ');
  if (!isPlainPath(path) || path.includes('{') || !(METHODS as readonly string[]).includes(method)) {
    return {
      found: false,
      because: `the adminApi answer ${purpose}=${name} is not a plain path without placeholders`,
    };
  }
  const operations = typeof document === 'string' ? [] : document.operations;
  const described = operations.find((op) => op.method === method && op.path === path);
  const operation: Operation = described ?? { method: method as Method, path, id: '', guarded: 'unsaid' };
  return { found: true, operation, by: 'answer' };
}

function recognise(document: ApiDocument | string, purpose: Purpose): Route {
  if (typeof document === 'string') return { found: false, because: document };
  const declared = CANDIDATES[purpose] ?? [];
  const scored = document.operations
    .map((op) => ({ op, score: RECOGNISERS[purpose](op, words(op)) }))
    .filter((s) => s.score > 0);
  const best = Math.max(0, ...scored.map((s) => s.score));
  const equals = scored.filter((s) => s.score === best).map((s) => s.op);
  const label = (op: Operation) => `${op.method} ${op.path}`;
  const candidate = declared
    .map((name) => equals.find((op) => label(op) === name))
    .find((op) => op !== undefined);
  if (candidate) return { found: true, operation: candidate, by: 'candidate' };
  const [only] = equals;
  if (only === undefined) {
    return {
      found: false,
      because: `/v1/openapi.json of the running server describes no route for ${purpose}`,
    };
  }
  if (equals.length > 1) {
    const names = equals.slice(0, 4).map(label).join(', ');
    return {
      found: false,
      because: `several routes could serve ${purpose} (${names}), and guessing is not safe`,
    };
  }
  return { found: true, operation: only, by: 'recogniser' };
}
