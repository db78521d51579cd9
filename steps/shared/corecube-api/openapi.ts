/** Reads an OpenAPI 3 document as untrusted input: what cannot be understood, or points elsewhere, is left out. */

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

/** A JSON schema reduced to what recognition needs. */
export interface Shape {
  readonly types: readonly string[];
  readonly enum: readonly unknown[];
  readonly properties: ReadonlyMap<string, Shape>;
  readonly required: readonly string[];
  readonly items?: Shape;
}

export interface Operation {
  readonly method: Method;
  /** Begins with one slash; the server it is sent to is never taken from the document. */
  readonly path: string;
  readonly id: string;
  /** Whether the operation itself says that it wants a credential (OpenAPI `security`). */
  readonly guarded: 'yes' | 'no' | 'unsaid';
  /** The JSON request body; undefined when it takes none. */
  readonly body?: Shape;
  /** The JSON body of the first 2xx answer that has one. */
  readonly answer?: Shape;
  /** Name of a header parameter that carries a CSRF token. */
  readonly csrfHeader?: string;
  /** Set when its answer comes in pages, by its parameters; with the size of one when it names a default. */
  readonly pages?: { readonly size?: number };
}

export interface ApiDocument {
  readonly operations: readonly Operation[];
  /** Names of the cookies that authenticate (`securitySchemes`, `in: cookie`). */
  readonly cookies: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: unknown): Json => (isObject(value) ? value : {});
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((v) => typeof v === 'string') : [];

/** Nesting beyond this is not followed: no admin body is that deep, and a document may be a trap. */
const MAX_DEPTH = 10;
const MAX_OPERATIONS = 2000;
const EMPTY: Shape = { types: [], enum: [], properties: new Map(), required: [] };

/** A path that stays on the server: one leading slash, plain segments or `{name}`, no dot segments. */
export function isPlainPath(path: string): boolean {
  return (
    path.length <= 200 &&
    /^(\/([A-Za-z0-9._~-]+|\{[A-Za-z0-9_]+\}))+$/.test(path) &&
    !path.split('/').some((part) => part === '.' || part === '..')
  );
}

/**
 * Reads the JSON of `/v1/openapi.json`. `servers`, foreign `$ref`s and paths that are not plain are ignored.
 * @throws {Error} when it is not an OpenAPI 3 document at all
 */
export function parseOpenApi(root: unknown): ApiDocument {
  if (!isObject(root) || typeof root.openapi !== 'string' || !root.openapi.startsWith('3.')) {
    throw new Error('it is not an OpenAPI 3 document in JSON');
  }
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries(object(root.paths))) {
    if (!isPlainPath(path)) continue;
    for (const method of METHODS) {
      const raw = object(item)[method.toLowerCase()];
      if (isObject(raw) && operations.length < MAX_OPERATIONS) {
        operations.push(readOperation(root, method, path, raw, object(item)));
      }
    }
  }
  const schemes = Object.values(object(object(root.components).securitySchemes)).map((s) => deref(root, s));
  const cookies = schemes.filter((s) => s.in === 'cookie').map((s) => s.name);
  return { operations, cookies: texts(cookies) };
}

function readOperation(root: Json, method: Method, path: string, raw: Json, item: Json): Operation {
  const parameters = [item.parameters, raw.parameters].flatMap((list) => (Array.isArray(list) ? list : []));
  const csrfHeader = parameters
    .map((parameter) => deref(root, parameter))
    .find(
      (p) => p.in === 'header' && typeof p.name === 'string' && /^[\w-]*(csrf|xsrf)[\w-]*$/i.test(p.name),
    );
  const body = jsonSchema(root, raw.requestBody);
  const answer = Object.entries(object(raw.responses))
    .filter(([status]) => /^2(\d\d|XX)$/i.test(status))
    .map(([, response]) => jsonSchema(root, response))
    .find((schema) => schema !== undefined);
  return {
    method,
    path,
    id: typeof raw.operationId === 'string' ? raw.operationId.slice(0, 100) : '',
    guarded: guard(raw.security),
    ...(body === undefined ? {} : { body: shape(root, body, 0) }),
    ...(answer === undefined ? {} : { answer: shape(root, answer, 0) }),
    ...(csrfHeader === undefined ? {} : { csrfHeader: String(csrfHeader.name) }),
    ...pagesOf(parameters.map((parameter) => deref(root, parameter)).filter((p) => p.in === 'query')),
  };
}

/** The names that parameters of a list in pages usually have. */
const PAGE_SIZE = /^(limit|per_?page|page_?size|size|take|max_?results)$/i;
const PAGE = /^(page|offset|skip|cursor|after|start|page_?token)$/i;

function pagesOf(query: readonly Json[]): Pick<Operation, 'pages'> {
  const named = (name: RegExp) => query.find((p) => typeof p.name === 'string' && name.test(p.name));
  const size = named(PAGE_SIZE);
  if (size === undefined && named(PAGE) === undefined) return {};
  const usual = object(size?.schema).default;
  return { pages: typeof usual === 'number' ? { size: usual } : {} };
}

/** `[]` and an empty alternative mean that nobody is asked (OpenAPI 3.1, Security Requirement Object). */
function guard(security: unknown): Operation['guarded'] {
  if (!Array.isArray(security)) return 'unsaid';
  return security.length === 0 || security.some((s) => isObject(s) && Object.keys(s).length === 0)
    ? 'no'
    : 'yes';
}

function jsonSchema(root: Json, holder: unknown): unknown {
  const content = object(deref(root, holder).content);
  const type = Object.keys(content).find((name) => /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(name));
  return type === undefined ? undefined : object(content[type]).schema;
}

/** Follows references inside the document (`#/…`); a foreign or broken one gives an empty object. */
function deref(root: Json, value: unknown): Json {
  let at = object(value);
  for (let hops = 0; typeof at.$ref === 'string' && hops < MAX_DEPTH; hops++) {
    if (!at.$ref.startsWith('#/')) return {};
    let target: unknown = root;
    for (const part of at.$ref.slice(2).split('/')) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
    }
    at = object(target);
  }
  return typeof at.$ref === 'string' ? {} : at;
}

function shape(root: Json, schema: unknown, depth: number): Shape {
  if (depth > MAX_DEPTH) return EMPTY;
  const raw = deref(root, schema);
  const type = raw.type;
  const own: Shape = {
    types: typeof type === 'string' ? [type] : texts(type),
    enum: Array.isArray(raw.enum) ? raw.enum : 'const' in raw ? [raw.const] : [],
    properties: new Map(
      Object.entries(object(raw.properties))
        .slice(0, 200)
        .map(([name, value]) => [name, shape(root, value, depth + 1)]),
    ),
    required: texts(raw.required),
    ...(raw.items === undefined ? {} : { items: shape(root, raw.items, depth + 1) }),
  };
  const parts = (list: unknown) =>
    Array.isArray(list) ? list.slice(0, 20).map((part) => shape(root, part, depth + 1)) : [];
  const alternatives = [parts(raw.oneOf), parts(raw.anyOf)].filter((list) => list.length > 0);
  return [...parts(raw.allOf), ...alternatives.map(oneShape)].reduce(merge, own);
}

/** All shapes at once: what any of them has, and required only where each of them (besides null) requires it. */
function oneShape(list: readonly Shape[]): Shape {
  const solid = list.filter((s) => !(s.types.length === 1 && s.types[0] === 'null'));
  const required = (solid[0]?.required ?? []).filter((name) => solid.every((s) => s.required.includes(name)));
  return { ...list.reduce(merge, EMPTY), required };
}

function merge(a: Shape, b: Shape): Shape {
  const items = a.items ?? b.items;
  return {
    types: [...new Set([...a.types, ...b.types])],
    enum: [...a.enum, ...b.enum],
    properties: new Map([...a.properties, ...b.properties]),
    required: [...new Set([...a.required, ...b.required])],
    ...(items === undefined ? {} : { items }),
  };
}
