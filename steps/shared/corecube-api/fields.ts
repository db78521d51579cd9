/** Recognises fields by their names, whatever their spelling (`expires_at`, `expiresAt`), in schemas and answers. */
import type { Shape } from './openapi.ts';

/** `newPassword`, `new-password` and `NEW_PASSWORD` are all `new_password`. */
export const plain = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_');

export const IDENTITY = /^(e_?mail|email_address|user_?name|login|identifier|user)$/;
export const EMAIL = /^(new_)?(e_?mail|email_address)$/;
export const PASSWORD = /^(password|passwd|passphrase)$/;
export const CURRENT_PASSWORD = /^((current|old|existing|present)(_password)?|password_current)$/;
export const NEW_PASSWORD = /^(new(_password)?|password_new)$/;
export const CONFIRMATION =
  /^((confirm|repeat|verify)_?(new_)?password|(new_)?password_(confirm|confirmation|repeat)|confirm(ation)?)$/;
const RETENTION_DAYS = /^(audit_|log_)*retention(_in|_period)?_days$|^(audit_|log_)+(keep|max_age)_days$/;
const QUERY_TEXT =
  /^(audit_|log_)*query_?text(_storage|_verbosity|_mode|_level|_logging)*$|^(audit_|log_)*query_(verbosity|logging|storage)$/;

/** Names from the top of a body down to one field. */
export type FieldPath = readonly string[];

/** The first property whose plain name matches; undefined when there is none. */
export function propertyOf(shape: Shape | undefined, name: RegExp): string | undefined {
  return [...(shape?.properties.keys() ?? [])].find((key) => name.test(plain(key)));
}

/** Where the two audit settings stand in a body or an answer. */
export interface AuditFields {
  readonly retentionDays?: FieldPath;
  readonly queryText?: FieldPath;
}

/**
 * Finds audit retention and query-text verbosity in a shape. They count only in an audit context: the route, or a
 * name on the way, says `audit`.
 */
export function auditFields(shape: Shape | undefined, inAudit: boolean): AuditFields {
  const found: { retentionDays?: FieldPath; queryText?: FieldPath } = {};
  const walk = (at: Shape, path: FieldPath, audit: boolean) => {
    for (const [name, child] of at.properties) {
      const key = plain(name);
      const here = [...path, name];
      const context = audit || /(^|_)audit(_|$)/.test(key);
      if (context && RETENTION_DAYS.test(key)) found.retentionDays ??= here;
      if (context && QUERY_TEXT.test(key)) found.queryText ??= here;
      if (path.length < 5) walk(child, here, context);
    }
  };
  if (shape !== undefined) walk(shape, [], inAudit);
  return found;
}

/** The value at a path of an answer; undefined when something on the way is missing. */
export function valueAt(json: unknown, path: FieldPath): unknown {
  let at = json;
  for (const name of path) at = isRecord(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return at;
}

/** The shape at a path. */
export function shapeAt(shape: Shape, path: FieldPath): Shape | undefined {
  let at: Shape | undefined = shape;
  for (const name of path) at = at?.properties.get(name);
  return at;
}

/** A copy of the body with the value set at the path. */
export function withValue(body: Row, path: FieldPath, value: unknown): Row {
  const [name, ...rest] = path;
  if (name === undefined) return body;
  const child = Object.hasOwn(body, name) ? body[name] : undefined;
  return {
    ...body,
    [name]: rest.length === 0 ? value : withValue(isRecord(child) ? child : {}, rest, value),
  };
}

/** The part of an answer that a body of this shape may carry: what a PUT must send back to lose nothing. */
export function fitting(json: unknown, shape: Shape): Row {
  if (!isRecord(json)) return {};
  const kept = [...shape.properties].filter(([name]) => Object.hasOwn(json, name));
  return Object.fromEntries(
    kept.map(([name, child]) => [name, child.properties.size > 0 ? fitting(json[name], child) : json[name]]),
  );
}

export type Row = Readonly<Record<string, unknown>>;
export const isRecord = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value of the first field whose plain name matches. `absent` tells a missing field from a null one. */
export const absent = Symbol('absent');
export function fieldOf(row: Row, name: RegExp): unknown {
  const key = Object.keys(row).find((k) => name.test(plain(k)));
  return key === undefined ? absent : row[key];
}

/** The values of all fields whose plain name matches. */
export const valuesOf = (row: Row, name: RegExp): readonly unknown[] =>
  Object.entries(row)
    .filter(([key]) => name.test(plain(key)))
    .map(([, value]) => value);

/** The shape of one item of a list answer: an array, or an object that wraps one. */
export function itemShape(answer: Shape | undefined): Shape | undefined {
  if (answer?.items !== undefined) return answer.items;
  const wrapped = [...(answer?.properties.values() ?? [])].filter((child) => child.items !== undefined);
  return wrapped.length === 1 ? wrapped[0]?.items : undefined;
}
