/** The grammars that answers must fit: the only way a value enters a file, a command, SQL or a URL. */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { AnswerError } from '../../src/core/errors.ts';
import type { RawAnswer } from '../../src/core/question.ts';
import { Secret } from '../../src/core/secret.ts';

const quote = (text: string) => JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);

/** One line of printable text without surrounding space; a list is refused. */
export function text(raw: RawAnswer): string {
  if (typeof raw !== 'string') throw new AnswerError('a list', 'one value', 'write a single value');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f\u0085\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(raw)) {
    throw new AnswerError(
      quote(raw),
      'printable text on one line',
      'remove line breaks and invisible characters',
    );
  }
  const trimmed = raw.trim();
  if (trimmed === '')
    throw new AnswerError('an empty value', 'a value', 'write a value, or leave the line out');
  if (trimmed.length > 1024)
    throw new AnswerError(`${trimmed.length} characters`, 'at most 1024', 'shorten it');
  return trimmed;
}

/** A list of one-line texts; a single text is a list of one; duplicates are dropped. */
export function list<T>(each: (raw: RawAnswer) => T): (raw: RawAnswer) => readonly T[] {
  return (raw) => {
    const items = typeof raw === 'string' ? (raw.trim() === '' ? [] : [raw]) : raw;
    if (items.length > 200) throw new AnswerError(`${items.length} items`, 'at most 200', 'merge them');
    return [...new Set(items.map(each))];
  };
}

/** One of the given words. */
export function choice<const C extends readonly string[]>(choices: C): (raw: RawAnswer) => C[number] {
  return (raw) => {
    const value = text(raw);
    if (!choices.includes(value))
      throw new AnswerError(quote(value), choices.join(' | '), `choose one of ${choices.join(', ')}`);
    return value;
  };
}

/** A whole number within bounds, written in plain digits. */
export function integer(min: number, max: number, unit: string): (raw: RawAnswer) => number {
  return (raw) => {
    const value = text(raw);
    const expected = `a whole number of ${unit} from ${min} to ${max}`;
    if (!/^\d{1,9}$/.test(value)) throw new AnswerError(quote(value), expected, 'write digits only');
    const number = Number(value);
    if (number < min || number > max)
      throw new AnswerError(quote(value), expected, `choose from ${min} to ${max}`);
    return number;
  };
}

/**
 * A public host name in its ASCII form (RFC 1123, IDNA by the URL standard). Names that are reserved for
 * documentation or that mix look-alike scripts with Latin letters are refused.
 */
export function hostName(raw: RawAnswer): string {
  const value = text(raw).toLowerCase().replace(/\.$/, '');
  const expected = 'a host name such as corecube.example.org';
  if (value.includes('://')) throw new AnswerError(quote(value), expected, 'leave out https:// and any path');
  if (isIP(value))
    throw new AnswerError(
      quote(value),
      expected,
      'use a name, not an address: certificates and cookies are bound to names',
    );
  if (/^(.*\.)?example\.(com|net|org)$/.test(value)) {
    throw new AnswerError(
      quote(value),
      'a name you own',
      'the example domains are reserved for documentation (RFC 2606)',
    );
  }
  for (const label of value.split('.')) {
    if (/[a-z]/.test(label) && /[\u0370-\u052f]/.test(label)) {
      throw new AnswerError(
        quote(value),
        'letters of one script per label',
        'it mixes Latin with Greek or Cyrillic look-alikes; write the xn-- form if this is really meant',
      );
    }
  }
  const ascii = domainToASCII(value);
  const valid =
    ascii !== '' &&
    ascii.length <= 253 &&
    ascii.split('.').every((l) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(l));
  if (!valid || isIP(ascii))
    throw new AnswerError(quote(value), expected, 'use letters, digits, hyphens and dots');
  if (!ascii.includes('.'))
    throw new AnswerError(quote(value), expected, 'write the full name with its domain');
  return ascii;
}

/** An address range in canonical CIDR form; a single address becomes /32 or /128. Host bits must be zero. */
export function cidr(raw: RawAnswer): string {
  const value = text(raw);
  const expected = 'an IPv4 or IPv6 range such as 10.0.0.0/8 or 2001:db8::/32';
  const [address = '', prefix, extra] = value.split('/');
  const family = isIP(address);
  if (family === 0 || extra !== undefined || address.includes('%'))
    throw new AnswerError(quote(value), expected, 'write address/prefix');
  const bits = family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(length <= bits))
    throw new AnswerError(quote(value), expected, `the prefix of an IPv${family} range ends at ${bits}`);
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === 'ipv6' && (parsed as ipaddr.IPv6).isIPv4MappedAddress()) {
    throw new AnswerError(quote(value), expected, 'write the IPv4 range itself, not its IPv6-mapped form');
  }
  const kind = family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = kind.networkAddressFromCIDR(`${parsed.toString()}/${length}`).toString();
  if (network !== parsed.toString()) {
    throw new AnswerError(quote(value), expected, `host bits are set; did you mean ${network}/${length}`);
  }
  return `${network}/${length}`;
}

/** A range for the console's allow-list: a whole address family, or nearly so, is no fence. */
export function adminRange(raw: RawAnswer): string {
  const range = cidr(raw);
  const [address = '', length] = range.split('/');
  const least = isIP(address) === 4 ? 8 : 16;
  if (Number(length) < least) {
    throw new AnswerError(
      quote(range),
      `a range no wider than /${least}`,
      'name the networks that administrators really use',
    );
  }
  return range;
}

/** True when the address lies in the CIDR range; IPv4-mapped IPv6 addresses count as IPv4. */
export function inRange(address: string, range: string): boolean {
  const [network, length] = ipaddr.parseCIDR(range);
  const parsed = ipaddr.process(address);
  return parsed.kind() === network.kind() && parsed.match(network, length);
}

/** True when two CIDR ranges share an address. */
export function overlaps(a: string, b: string): boolean {
  const [an, al] = ipaddr.parseCIDR(a);
  const [bn, bl] = ipaddr.parseCIDR(b);
  if (an.kind() !== bn.kind()) return false;
  const length = Math.min(al, bl);
  return an.match(bn, length);
}

/**
 * An OCI image reference with a tag or a digest (distribution/reference grammar). `latest` and a missing tag
 * are refused: they cannot be pinned to what was reviewed.
 */
export function imageReference(raw: RawAnswer): string {
  const value = text(raw);
  const expected =
    'an image reference with a tag or digest, such as registry.example.org/corecube/corecube:1.4.2';
  const match =
    /^(?:(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(
      value,
    );
  if (!match || value.length > 255)
    throw new AnswerError(quote(value), expected, 'write it as docker pull takes it');
  const [, tag, digest] = match;
  if (digest === undefined && (tag === undefined || tag === 'latest')) {
    throw new AnswerError(
      quote(value),
      expected,
      `${tag === undefined ? 'it has no tag' : 'latest moves'}; name the version`,
    );
  }
  return value;
}

/** An e-mail address in the common ASCII form; the documented default account is refused. */
export function email(raw: RawAnswer): string {
  const value = text(raw);
  if (
    !/^[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$/.test(
      value,
    ) ||
    value.length > 254
  ) {
    throw new AnswerError(quote(value), 'an e-mail address such as ops@corecube.org', 'write name@domain');
  }
  if (value.toLowerCase() === 'admin@example.com') {
    throw new AnswerError(
      quote(value),
      'your own address',
      'admin@example.com is the documented default that the whole world knows',
    );
  }
  return value;
}

/** An absolute path on this host in plain characters; `..` is refused. */
export function absolutePath(raw: RawAnswer): string {
  const value = text(raw);
  if (!/^\/[A-Za-z0-9._@+/-]+$/.test(value) || value.split('/').includes('..')) {
    throw new AnswerError(
      quote(value),
      'an absolute path',
      'write it from / without .. and without special characters',
    );
  }
  return value;
}

/** A URL path prefix that is served without the console's fence. The console and the root are refused. */
export function publicPath(raw: RawAnswer): string {
  const value = text(raw).replace(/\/+$/, '');
  const expected = 'a path such as /webhooks';
  if (
    !/^(\/[A-Za-z0-9._-]+)+$/.test(value) ||
    value.split('/').some((part) => part === '.' || part === '..')
  ) {
    throw new AnswerError(
      quote(text(raw)),
      expected,
      'use plain path segments; wildcards and the root are not taken',
    );
  }
  if (/^\/(admin|metrics|api)(\/|$)/i.test(value)) {
    throw new AnswerError(
      quote(value),
      expected,
      'this part of CoreCube administers it; it stays behind the fence',
    );
  }
  return value;
}

/** Where a secret comes from; the value itself is never part of an answer file. */
export type SecretReference =
  | { readonly from: 'generate' }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'env'; readonly name: string }
  | { readonly from: 'value'; readonly secret: Secret };

/** `generate`, `file:/path` or `env:NAME`. Anything else is refused without being repeated: it may be the secret itself. */
export function secretReference(raw: RawAnswer): SecretReference {
  const value = text(raw);
  if (value === 'generate') return { from: 'generate' };
  if (value.startsWith('file:')) return { from: 'file', path: absolutePath(value.slice(5)) };
  if (/^env:[A-Z_][A-Z0-9_]*$/.test(value)) return { from: 'env', name: value.slice(4) };
  new Secret(value); // so that nothing prints it, whatever it was
  throw new AnswerError(
    'a value that is not a reference',
    'generate, file:/absolute/path or env:NAME',
    'put the secret into a file that only you can read, and name the file',
  );
}

/** An ACME directory: `production`, `staging`, or an https URL without credentials. */
export function acmeDirectory(raw: RawAnswer): string {
  const value = text(raw);
  if (value === 'production') return 'https://acme-v02.api.letsencrypt.org/directory';
  if (value === 'staging') return 'https://acme-staging-v02.api.letsencrypt.org/directory';
  if (!/^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9._~/-]*)?$/.test(value)) {
    throw new AnswerError(
      quote(value),
      'production, staging, or an https URL',
      'write the URL of the ACME directory',
    );
  }
  return value;
}
