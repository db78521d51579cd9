/** The attacks on the proxy and how their answers are judged: one definition for the look from this host and from another. */
import type { HttpRequest, HttpResult } from '../../src/core/host.ts';
import { fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { isServedToAll, REFUSAL } from '../shared/caddy.ts';
import { ask, because, type Endpoint, type Site } from './look.ts';
import { FENCED_TARGETS, FORGED_TARGETS, forgedHeaders } from './spellings.ts';

/** What is sent. */
export interface Shot {
  readonly target: string;
  readonly options?: Partial<Pick<HttpRequest, 'method' | 'headers' | 'body'>>;
  /** What is special about it besides method and target. */
  readonly note?: string;
}
/** A shot, and the place it is fired from. */
export interface Attack extends Shot {
  readonly connectTo: Endpoint;
  /** The place in words. */
  readonly from: string;
}

/**
 * Refused by the proxy itself: its own 403, or a request that its HTTP server does not even parse, whose answer is no more
 * than the status in words. CoreCube's own refusals have another body.
 */
export const refused = (result: HttpResult, method: HttpRequest['method'] = 'GET'): boolean =>
  result.ok &&
  ((result.status === 403 && (method === 'HEAD' || result.body.includes(REFUSAL))) ||
    (result.status === 400 && /^(400 bad request\b|$)/i.test(result.body)));

/** Runs attacks side by side, 16 at a time. */
export async function attackAll(
  site: Site & { readonly signal: AbortSignal },
  attacks: readonly Attack[],
): Promise<Verdict> {
  const leaks: string[] = [];
  const silent: string[] = [];
  const queue = [...attacks];
  const worker = async () => {
    for (let next = queue.shift(); next && !site.signal.aborted; next = queue.shift()) {
      const { from, connectTo, target, options, note } = next;
      const result = await ask(site, connectTo, target, options);
      const name = `${options?.method ?? 'GET'} ${target}${note === undefined ? '' : ` with ${note}`}`;
      if (!result.ok) silent.push(`${name}: ${because(result.message)}`);
      else if (!refused(result, options?.method)) leaks.push(`${name} from ${from} answers ${result.status}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  if (leaks.length > 0) {
    const more = leaks.length > 4 ? ` and ${leaks.length - 4} more` : '';
    return fail(`${leaks.slice(0, 4).join('; ')}${more}`, 'refused with 403 by the proxy');
  }
  if (silent.length > 0) return unknown(`${silent.length} attacks got no answer: ${silent[0]}`);
  if (attacks.length === 0) return unknown('there was nothing to attack with');
  if (site.signal.aborted) return unknown('the look was ended before every attack was made');
  const from = [...new Set(attacks.map((a) => a.from))];
  return pass(`${attacks.length} attempts refused, tried from ${from.join(', ')}`);
}

/**
 * Without what the operator made public. Both must hold: one of the operator's paths begins the target, and the Caddyfile's
 * pattern takes it; a pattern that took too much by itself would be found by what is left.
 */
const withoutPublic = (targets: readonly string[], publicPaths: readonly string[]): readonly Shot[] =>
  targets
    .filter((target) => {
      const isNamed = publicPaths.some((path) => target.toLowerCase().startsWith(path.toLowerCase()));
      return !(isNamed && isServedToAll(target, publicPaths));
    })
    .map((target) => ({ target }));

/** Everything that must be refused to an address outside of the allowed ranges. */
export const fenceShots = (publicPaths: readonly string[]): readonly Shot[] => [
  ...withoutPublic(FENCED_TARGETS, publicPaths),
  { target: '/admin', options: { method: 'POST', body: '{}' } },
  { target: '/admin', options: { method: 'HEAD' } },
];

/** Requests that claim to come from one of these addresses, by every header that some server believes. */
export const forgedShots = (claimed: readonly string[]): readonly Shot[] =>
  claimed.flatMap((address) =>
    forgedHeaders(address).flatMap((headers) =>
      FORGED_TARGETS.map((target) => ({
        target,
        options: { headers },
        note: Object.keys(headers).slice(0, 3).join(', '),
      })),
    ),
  );

/** One address of each family suffices: what is forged is the claim, not the range. */
export const claimsOf = (ranges: readonly string[]): readonly string[] =>
  [4, 6].flatMap((family) => {
    const range = ranges.find((r) => r.includes(':') === (family === 6));
    return range === undefined ? [] : [range.split('/')[0] as string];
  });

/** Metrics, and what Caddy's admin endpoint serves, by the names they usually have. */
const METRICS = [
  '/metrics',
  '/metrics/',
  '/api/metrics',
  '/debug/pprof/',
  '/config/',
  '/health',
  '/status',
] as const;
export const metricsShots = (publicPaths: readonly string[]): readonly Shot[] =>
  withoutPublic(METRICS, publicPaths);

/**
 * What a foreign name may get: no handshake, or a refusal that CoreCube has no part in. Silence proves nothing, and a
 * refusal in JSON may be CoreCube's own: the proxy's are plain text.
 */
function foreign(result: HttpResult): { readonly leak?: string; readonly unseen?: string } {
  if (!result.ok) return result.code === 'ETIMEDOUT' ? { unseen: `got no answer: ${result.message}` } : {};
  if (![400, 403, 421].includes(result.status)) return { leak: `answers ${result.status}` };
  const isJson = result.headers.some(([name, value]) => name === 'content-type' && /\bjson\b/i.test(value));
  return isJson ? { unseen: `answers ${result.status} in JSON, which may be CoreCube's` } : {};
}

/** Requests under other names and bare addresses: which were served, of which that is not known, and how many were made. */
export async function askAsOthers(
  site: Site,
  https: Endpoint,
  http: Endpoint | undefined,
): Promise<{
  readonly leaks: readonly string[];
  readonly unseen: readonly string[];
  readonly tried: number;
}> {
  const { host, answers } = site;
  const insecure = { method: 'GET', insecure: true, timeoutMs: 5_000 } as const;
  const port = https.port === 443 ? '' : `:${https.port}`;
  const address = https.host.includes(':') ? `[${https.host}]` : https.host;
  const origin = `https://${address}${port}`;
  const other = 'https://other-name.invalid';
  const requests = ['/v1/models', '/admin'].flatMap((path): [string, Promise<HttpResult>][] => [
    [`another name (${path})`, host.http({ ...insecure, origin: other, path, connectTo: https })],
    [
      `this name with another Host (${path})`,
      ask(site, https, path, { headers: { host: 'other-name.invalid' } }),
    ],
    [`the bare address (${path})`, host.http({ ...insecure, origin, path, connectTo: https })],
    [
      `the bare address with this Host (${path})`,
      host.http({ ...insecure, origin, path, connectTo: https, headers: { host: answers.domain } }),
    ],
    ...(http === undefined
      ? []
      : ([
          [
            `another name over plain HTTP (${path})`,
            host.http({ ...insecure, origin: 'http://other-name.invalid', path, connectTo: http }),
          ],
        ] as [string, Promise<HttpResult>][])),
  ]);
  const results = await Promise.all(
    requests.map(async ([name, result]) => ({ name, ...foreign(await result) })),
  );
  return {
    leaks: results.flatMap(({ name, leak }) => (leak === undefined ? [] : [`${name} ${leak}`])),
    unseen: results.flatMap(({ name, unseen }) => (unseen === undefined ? [] : [`${name} ${unseen}`])),
    tried: results.length,
  };
}
