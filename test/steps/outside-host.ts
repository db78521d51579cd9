/** An install as another machine sees it, made of data: healthy, with one sin at a time on top. */
import type { HostReader, HostSource, HttpRequest, HttpResult, TlsResult } from '../../src/core/host.ts';
import { isServedToAll, REFUSAL, SECURITY_HEADERS } from '../../steps/shared/caddy.ts';

export const NAME = 'corecube.golden.test';
export const NOW = new Date('2030-01-15T12:00:00Z');
export const V4 = '192.0.2.1';
export const V6 = '2001:db8:5::1';
const DAY = 86_400_000;

type Headers = [string, string][];
type Answer = { status: number; headers: Headers; body: string };
export interface Sins {
  /** The addresses of the name; a family that throws is one that the resolver does not tell. */
  readonly names?: { readonly 4?: readonly string[] | Error; readonly 6?: readonly string[] | Error };
  /** Addresses of the machine that looks. */
  readonly own?: readonly string[];
  /** Source address of every socket. */
  readonly from?: string;
  /** What connections to an address or to `address port` get; open on 443 and 80, refused elsewhere. */
  readonly ports?: Readonly<Record<string, 'open' | 'refused' | 'silent' | 'unroutable'>>;
  readonly versions?: readonly string[];
  readonly certificate?: Partial<Extract<TlsResult, { ok: true }>['certificate']>;
  readonly untrusted?: string;
  /** Addresses of the machine that looks at which the same certificate is served. */
  readonly servedHere?: readonly string[];
  /** The last word on an answer over TLS; `ask` is the request, `address` where it went. */
  readonly answer?: (healthy: Answer, ask: HttpRequest, address: string) => Answer;
  readonly plain?: (healthy: Answer, ask: HttpRequest) => Answer;
  readonly files?: Readonly<Record<string, string>>;
  readonly now?: Date;
}

const security = (): Headers => Object.entries(SECURITY_HEADERS).map(([k, v]) => [k, v]);
const CODE = { refused: 'ECONNREFUSED', silent: 'ETIMEDOUT', unroutable: 'ENETUNREACH' } as const;

/** What the hardened proxy answers to somebody outside of the allowed ranges. */
function hardened(ask: HttpRequest): Answer {
  const host = Object.entries(ask.headers ?? {}).find(([name]) => name.toLowerCase() === 'host')?.[1];
  if (host !== undefined && host !== NAME) return { status: 421, headers: [], body: '' };
  const isPublic = isServedToAll(ask.path, []);
  if (!isPublic) return { status: 403, headers: security(), body: REFUSAL };
  return { status: ask.path === '/mcp' && ask.method === 'GET' ? 405 : 401, headers: security(), body: '{}' };
}

export function outsideHost(sins: Sins = {}): HostReader & { readonly sent: HttpRequest[] } {
  const looks = new Map<string, Promise<unknown>>();
  const sent: HttpRequest[] = [];
  const own = sins.own ?? ['127.0.0.1', '::1', '203.0.113.9'];
  const state = (host: string, port: number) =>
    sins.ports?.[`${host} ${port}`] ??
    sins.ports?.[host] ??
    (own.includes(host) ? 'refused' : [443, 80].includes(port) ? 'open' : 'refused');
  const refusal = (code: string): HttpResult & TlsResult => ({ ok: false, code, message: `connect ${code}` });
  const not = (what: string) => () => Promise.reject(new Error(`${what} is not looked at from outside`));
  return {
    sent,
    dir: '/somewhere',
    now: () => sins.now ?? NOW,
    env: () => undefined,
    readText: async (path) => sins.files?.[path],
    readSecret: not('a secret'),
    stat: not('a file'),
    list: not('a directory'),
    query: not('a command'),
    sql: not('a database'),
    rehearse: not('an image'),
    realPath: not('the links of a path'),
    listeners: not('the list of ports'),
    system: not('the system'),
    addresses: () =>
      own.map((address) => ({
        address,
        family: address.includes(':') ? (6 as const) : (4 as const),
        interface: /^(127\.|::1$)/.test(address) ? 'lo' : address.startsWith('172.') ? 'docker0' : 'eth0',
        cidr: `${address}/${address.includes(':') ? 64 : 24}`,
      })),
    resolve: async (_, family) => {
      const found = sins.names?.[family] ?? (family === 4 ? [V4] : []);
      if (found instanceof Error) throw found;
      return found;
    },
    tcp: async ({ host, port }) => {
      const is = state(host, port);
      return is === 'unroutable' ? 'silent' : is;
    },
    tls: async ({ host, port, min, max, serverName }) => {
      const is = sins.servedHere?.includes(host) ? 'open' : state(host, port);
      if (is !== 'open') return refusal(CODE[is]);
      if (serverName !== NAME) return { ok: false, code: 'EPROTO', message: 'tlsv1 alert internal error' };
      const versions = sins.versions ?? ['TLSv1.2', 'TLSv1.3'];
      const spoken =
        min === undefined ? versions.at(-1) : versions.includes(min) && min === max ? min : undefined;
      if (spoken === undefined)
        return { ok: false, code: 'EPROTO', message: 'tlsv1 alert protocol version:alert number 70' };
      return {
        ok: true,
        protocol: spoken,
        cipher: 'TLS_AES_128_GCM_SHA256',
        trusted: sins.untrusted === undefined,
        ...(sins.untrusted === undefined ? {} : { trustError: sins.untrusted }),
        certificate: {
          subject: `CN=${NAME}`,
          issuer: 'CN=Golden Authority',
          names: `DNS:${NAME}`,
          validFrom: new Date(NOW.getTime() - 10 * DAY),
          validTo: new Date(NOW.getTime() + 80 * DAY),
          fingerprint256: Array.from({ length: 32 }, () => 'AB').join(':'),
          ...sins.certificate,
        },
      };
    },
    http: async (ask) => {
      sent.push(ask);
      const at = ask.connectTo ?? { host: '', port: 0 };
      const is = state(at.host, at.port);
      if (is !== 'open') return refusal(CODE[is]);
      const url = new URL(ask.origin);
      const done = (answer: Answer): HttpResult => ({
        ok: true,
        ...answer,
        localAddress: sins.from ?? (at.host.includes(':') ? '2001:db8:9::9' : '203.0.113.9'),
        remoteAddress: at.host,
      });
      if (url.protocol === 'http:') {
        const healthy: Answer =
          url.hostname === NAME
            ? { status: 308, headers: [['location', `https://${NAME}${ask.path}`]], body: '' }
            : { status: 421, headers: [], body: '' };
        return done(sins.plain?.(healthy, ask) ?? healthy);
      }
      const healthy = url.hostname === NAME ? hardened(ask) : undefined;
      if (healthy === undefined && sins.answer === undefined) return refusal('EPROTO');
      const foreign: Answer = { status: 421, headers: [], body: '' };
      return done(sins.answer?.(healthy ?? foreign, ask, at.host) ?? (healthy as Answer));
    },
    once<T>(key: string, look: () => Promise<T>): Promise<T> {
      const shared = (looks.get(key) as Promise<T> | undefined) ?? look();
      looks.set(key, shared);
      return shared;
    },
  };
}

export const sourceOf = (reader: HostReader): HostSource => ({
  journal: { append: async () => {} },
  snapshot: () => reader,
  writer: () => {
    throw new Error('nothing may be written');
  },
});
