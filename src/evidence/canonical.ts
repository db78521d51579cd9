import { createHash } from 'node:crypto';

/** A value that JSON can carry without loss. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/**
 * The one text of a JSON value (JSON Canonicalization Scheme, RFC 8785): no white space, members sorted by the UTF-16
 * code units of their names, numbers and strings as ECMAScript writes them. Members that are undefined are left out.
 * @throws {TypeError} for what JSON cannot carry: NaN, infinities, lone surrogates (RFC 8785, 3.2.2), other kinds of value
 */
export function canonicalJson(value: Json): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`);
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`;
      return object(value as { readonly [name: string]: Json | undefined });
    default:
      throw new TypeError(`a ${typeof value} is not a JSON value`);
  }
}

function object(value: { readonly [name: string]: Json | undefined }): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError('an instance of a class is not a JSON value');
  const members = Object.keys(value)
    // JavaScript compares strings by UTF-16 code units, which is the order that RFC 8785, 3.2.3 asks for.
    .sort()
    .flatMap((name) => {
      const member = value[name];
      return member === undefined ? [] : [`${quote(name)}:${canonicalJson(member)}`];
    });
  return `{${members.join(',')}}`;
}

function quote(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('a lone surrogate is not Unicode text');
  return JSON.stringify(text);
}

/** SHA-256 of a text's UTF-8 bytes, 64 hexadecimal digits. */
export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}
