import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientAddress } from './throttle.ts';

/** The subset of JSON Schema that the routes use, for their documentation and for checking what arrives. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: Schema;
  readonly enum?: readonly (string | null)[];
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minProperties?: number;
  readonly format?: string;
  readonly default?: unknown;
  readonly description?: string;
}

/** An answer that is an error: `{"error": {"code", "message"}}`. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export interface Reply {
  readonly status: number;
  readonly json?: unknown;
  readonly html?: string;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The client as the login throttle and the audit log see it. */
  readonly address: string;
  /** Whether the browser's side of this exchange is HTTPS, by X-Forwarded-Proto. */
  readonly forwardedHttps: boolean;
  /** Set-Cookie values that go out with whatever the answer is. */
  readonly cookies: string[];
}

/** Decodes, folds case, slashes, dot segments and `;parameters`: no odd spelling of a path is lost on this server. */
export function foldPath(raw: string): string {
  let text = raw;
  try {
    text = decodeURIComponent(raw);
  } catch {
    // A broken escape stays as it is and matches nothing.
  }
  const out: string[] = [];
  for (const part of text.toLowerCase().split(/[/\\]+/)) {
    const bare = part.split(';', 1)[0] ?? '';
    if (bare === '' || bare === '.') continue;
    if (bare === '..') out.pop();
    else out.push(bare);
  }
  return `/${out.join('/')}`;
}

/** Values of `{name}` segments when the pattern matches the path, else undefined. */
export function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/');
  const have = path.split('/');
  if (want.length !== have.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of want.entries()) {
    const value = have[index] ?? '';
    if (part.startsWith('{')) params[part.slice(1, -1)] = value;
    else if (part.toLowerCase() !== value) return undefined;
  }
  return params;
}

export function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  const [rawPath = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s, 2);
  const proto = String(request.headers['x-forwarded-proto'] ?? '');
  return {
    request,
    response,
    path: foldPath(rawPath),
    params: {},
    query: new URLSearchParams(query),
    address: clientAddress(request),
    forwardedHttps: proto.split(',')[0]?.trim().toLowerCase() === 'https',
    cookies: [],
  };
}

export function cookieOf(exchange: Exchange, name: string): string | undefined {
  for (const pair of (exchange.request.headers.cookie ?? '').split(';')) {
    const [key = '', value = ''] = pair.trim().split(/=(.*)/s, 2);
    if (key === name && value !== '') return value;
  }
  return undefined;
}

/** The whole body, or 413. `limit` in bytes. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limit) throw new HttpError(413, 'BODY_TOO_LARGE', `the request body is over ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** A JSON body that satisfies the schema; 415, 400 otherwise. */
export async function readJson<T>(exchange: Exchange, schema: Schema, limit = 1_048_576): Promise<T> {
  if (!/^application\/json\b/i.test(exchange.request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', 'send application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse((await readBody(exchange.request, limit)).toString('utf8'));
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(400, 'INVALID_JSON', 'the body is not JSON');
  }
  const problems = schemaProblems(schema, value, 'body');
  if (problems.length > 0) throw new HttpError(400, 'VALIDATION_FAILED', problems.join('; '));
  return value as T;
}

const typeOf = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
const isType = (type: string, value: unknown) =>
  type === 'integer' ? Number.isInteger(value) : type === typeOf(value);

/** What is wrong with a value; names the place, never repeats the value. */
export function schemaProblems(schema: Schema, value: unknown, at: string): string[] {
  const types =
    schema.type === undefined ? [] : typeof schema.type === 'string' ? [schema.type] : schema.type;
  if (types.length > 0 && !types.some((type) => isType(type, value)))
    return [`${at} must be ${types.join(' or ')}`];
  const out: string[] = [];
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) {
    out.push(`${at} must be one of ${schema.enum.join(', ')}`);
  }
  if (typeof value === 'string' && value.length < (schema.minLength ?? 0)) out.push(`${at} is too short`);
  if (typeof value === 'string' && schema.format === 'email' && !/^[^@\s]+@[^@\s]+$/.test(value)) {
    out.push(`${at} must be an e-mail address`);
  }
  if (typeof value === 'string' && schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    out.push(`${at} must be a date and time`);
  }
  if (typeof value === 'number' && (value < (schema.minimum ?? value) || value > (schema.maximum ?? value))) {
    out.push(`${at} is out of range`);
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [index, item] of value.entries())
      out.push(...schemaProblems(schema.items, item, `${at}[${index}]`));
  }
  if (typeOf(value) === 'object') {
    const given = value as Record<string, unknown>;
    for (const name of schema.required ?? []) if (!(name in given)) out.push(`${at}.${name} is required`);
    if (Object.keys(given).length < (schema.minProperties ?? 0)) out.push(`${at} is empty`);
    for (const [name, inner] of Object.entries(given)) {
      const known = schema.properties?.[name];
      if (known !== undefined) out.push(...schemaProblems(known, inner, `${at}.${name}`));
      else if (schema.additionalProperties === false) out.push(`${at}.${name} is not known`);
    }
  }
  return out;
}

/** Writes a reply unless the handler has answered by itself (streams). */
export function send(exchange: Exchange, reply: Reply): void {
  const { response } = exchange;
  if (response.headersSent) return;
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (exchange.cookies.length > 0) response.setHeader('Set-Cookie', exchange.cookies);
  response.statusCode = reply.status;
  if (reply.json !== undefined) {
    response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(reply.json));
  } else if (reply.html !== undefined) {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(reply.html);
  } else {
    if (reply.text !== undefined) response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.end(reply.text);
  }
}
