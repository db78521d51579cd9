/** PostgreSQL connection URLs and the `.env` file that hands them to Compose. */
import { Secret } from '../../src/core/secret.ts';

/** A connection URL, taken apart. Values are decoded. */
export interface ConnectionUrl {
  readonly user: string;
  readonly password: Secret;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Of one that stands twice, the last. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Names that stand more than once: which of them counts is a matter of the driver. */
  readonly repeated?: readonly string[];
}

/** RFC 3986 unreserved characters stay; everything else is percent-encoded, also what encodeURIComponent leaves. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );

/**
 * `postgresql://user:password@host:port/database?…` (libpq, section 32.1.1.2). The result holds no `$`, quote, space,
 * `#` or backslash, so that Compose, a shell and every URL parser read the same.
 */
export function buildConnectionUrl(parts: ConnectionUrl): Secret {
  // A path parameter value may keep its slashes: drivers that do not decode it must still find the file.
  const query = Object.entries(parts.parameters)
    .map(([name, value]) => `${encode(name)}=${encode(value).replaceAll('%2F', '/')}`)
    .join('&');
  const host = parts.host.includes(':') ? `[${parts.host}]` : encode(parts.host);
  const login = `${encode(parts.user)}:${encode(parts.password.reveal())}`;
  return new Secret(
    `postgresql://${login}@${host}:${parts.port}/${encode(parts.database)}${query ? `?${query}` : ''}`,
  );
}

/**
 * Takes a URL apart. The port is 5432 and the database is the user's name when the URL names none (libpq).
 * @throws when it is no `postgresql://` URL with a user, a password and one host; the message holds no part of it
 */
export function parseConnectionUrl(url: Secret): ConnectionUrl {
  let parsed: URL;
  try {
    parsed = new URL(url.reveal().trim());
  } catch {
    throw new Error('it is not a URL; a password with special characters must be percent-encoded');
  }
  if (parsed.protocol !== 'postgresql:' && parsed.protocol !== 'postgres:')
    throw new Error('it does not begin with postgresql://');
  if (parsed.username === '' || parsed.password === '')
    throw new Error('it does not name a user and a password');
  if (parsed.hostname === '') throw new Error('it does not name a host');
  try {
    const user = decodeURIComponent(parsed.username);
    const names = [...parsed.searchParams.keys()];
    const repeated = [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
    return {
      user,
      password: new Secret(decodeURIComponent(parsed.password)),
      host: decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1'),
      port: parsed.port === '' ? 5432 : Number(parsed.port),
      database: decodeURIComponent(parsed.pathname.slice(1)) || user,
      parameters: Object.fromEntries(parsed.searchParams),
      ...(repeated.length > 0 ? { repeated } : {}),
    };
  } catch {
    throw new Error('it holds a percent sign that encodes nothing; write it as %25');
  }
}

/** What a value of `.env` may consist of: nothing that Compose interpolates, unquotes, unescapes or cuts off. */
const SAFE = /^[A-Za-z0-9%:/@?&=._~\-+,[\]]*$/;
const NAME = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/;

/**
 * The variables of a `.env` as Compose reads them: the last one of a name counts. Quotes are taken off; a value that
 * Compose would interpolate or unescape is given as it is written.
 */
export function parseEnv(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = NAME.exec(line.trim());
    if (!match) continue;
    const raw = (match[2] as string).trim();
    const quoted = /^(["'])(.*)\1$/.exec(raw);
    values.set(match[1] as string, quoted ? (quoted[2] as string) : raw.replace(/\s+#.*$/, ''));
  }
  return values;
}

/**
 * `.env` with these variables set: each stands once, where it stood first; every other line stays as it is.
 * @throws when a value holds a character that Compose would not take literally
 */
export function renderEnv(before: string | undefined, values: Readonly<Record<string, string>>): string {
  for (const [name, value] of Object.entries(values)) {
    if (!SAFE.test(value)) throw new Error(`the value of ${name} holds a character that is not safe in .env`);
  }
  const waiting = new Map(Object.entries(values));
  const lines: string[] = [];
  for (const line of (before ?? HEADER).replace(/\n$/, '').split(/\r?\n/)) {
    const name = NAME.exec(line.trim())?.[1];
    if (name === undefined || !(name in values)) {
      lines.push(line);
    } else if (waiting.has(name)) {
      lines.push(`${name}=${waiting.get(name)}`);
      waiting.delete(name);
    }
  }
  for (const [name, value] of waiting) lines.push(`${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

const HEADER = `# Connection URLs of CoreCube, with passwords: mode 0600. Compose fills them into compose.yaml.
# Written by create-corecube-secure; lines of your own are kept.
`;
