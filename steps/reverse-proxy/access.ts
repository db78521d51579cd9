/** The console's fence, attacked: every spelling, forged headers, other names, ways around the proxy. */
import type { HttpRequest, HttpResult } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { REFUSAL } from '../shared/caddy.ts';
import { inRange } from '../shared/grammar.ts';
import { sshClient } from '../shared/ssh-client.ts';
import {
  ask,
  because,
  type Context,
  describeVantage,
  type Endpoint,
  isVerdict,
  outsiders,
  type ProxyAnswers,
  type Running,
  type Vantage,
  whenUp,
} from './look.ts';
import { FENCED_TARGETS, FORGED_TARGETS, forgedHeaders } from './spellings.ts';

type Up = Running & { readonly https: Endpoint };
type Options = Partial<Pick<HttpRequest, 'method' | 'headers' | 'body'>>;
interface Attack {
  readonly from: Vantage;
  readonly target: string;
  readonly options?: Options;
  readonly note?: string;
}

/** Refused by the proxy itself: its own 403, or a request it does not even parse. */
export const refused = (result: HttpResult, method: HttpRequest['method'] = 'GET'): boolean =>
  result.ok &&
  ((result.status === 403 && (method === 'HEAD' || result.body.includes(REFUSAL))) || result.status === 400);

/** Runs attacks side by side, 16 at a time. */
async function attackAll(context: Context, attacks: readonly Attack[]): Promise<Verdict> {
  const leaks: string[] = [];
  const silent: string[] = [];
  const queue = [...attacks];
  const worker = async () => {
    for (let next = queue.shift(); next && !context.signal.aborted; next = queue.shift()) {
      const { from, target, options, note } = next;
      const result = await ask(context, from.connectTo, target, options);
      const name = `${options?.method ?? 'GET'} ${target}${note === undefined ? '' : ` with ${note}`}`;
      if (!result.ok) silent.push(`${name}: ${because(result.message)}`);
      else if (!refused(result, options?.method))
        leaks.push(`${name} from ${describeVantage(from)} answers ${result.status}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  if (leaks.length > 0) {
    const more = leaks.length > 4 ? ` and ${leaks.length - 4} more` : '';
    return fail(`${leaks.slice(0, 4).join('; ')}${more}`, 'refused with 403 by the proxy');
  }
  if (silent.length > 0) return unknown(`${silent.length} attacks got no answer: ${silent[0]}`);
  const from = [...new Set(attacks.map((a) => describeVantage(a.from)))];
  return pass(`${attacks.length} attempts refused, tried from ${from.join(', ')}`);
}

/** An attack from outside every allowed range; without such a place the control is not seen. */
export const fromOutside = (
  context: Context,
  attack: (outside: readonly Vantage[], proxy: Up) => Promise<Verdict>,
): Promise<Verdict> =>
  whenUp(context, async (proxy) => {
    const outside = await outsiders(context, proxy);
    return isVerdict(outside) ? outside : attack(outside, proxy);
  });

const adminRefused: Control<ProxyAnswers> = {
  id: 'proxy.admin-refused-from-outside',
  title: 'The console and everything that is not public are refused to addresses outside the allowed ranges',
  severity: 'required',
  section: 'admin-console-access',
  refs: ['CWE-284', 'CWE-22', 'RFC 3986 section 6.2.2'],
  how: "Asks for dozens of spellings of fenced paths from an address that the proxy's own log shows to be outside the ranges; each must be refused.",
  threat:
    'Whoever finds a spelling that the proxy and CoreCube read differently stands before the login page.',
  remedy: 'Apply again: the Caddyfile is put back. Look for other proxies or files that serve CoreCube.',
  inspect: (context) =>
    fromOutside(context, ([first, ...others]) => {
      const from = first as Vantage;
      const own = new Set(context.answers.publicPaths);
      const targets = FENCED_TARGETS.filter((t) => ![...own].some((path) => t.startsWith(path)));
      return attackAll(context, [
        ...targets.map((target) => ({ from, target })),
        { from, target: '/admin', options: { method: 'POST', body: '{}' } },
        { from, target: '/admin', options: { method: 'HEAD' } as const },
        ...others.flatMap((v) => ['/', '/admin', '/v1/../admin'].map((target) => ({ from: v, target }))),
      ]);
    }),
};

const forgedRefused: Control<ProxyAnswers> = {
  id: 'proxy.forged-addresses-refused',
  title: 'A client cannot get in by claiming an allowed address in a header',
  severity: 'required',
  section: 'admin-console-access',
  refs: ['CWE-348', 'RFC 7239 section 8.1'],
  how: 'Asks for fenced paths with forwarding headers that claim an allowed address, from an address that is outside the ranges.',
  threat:
    'X-Forwarded-For and its relatives are written by anybody; a proxy that believes them has no fence.',
  remedy: 'Apply again: the Caddyfile trusts no proxy and goes by the address of the connection.',
  inspect: (context) =>
    fromOutside(context, async ([first]) => {
      const from = first as Vantage;
      // One address of each family suffices: what is forged is the claim, not the range.
      const claimed = [4, 6].flatMap((family) => {
        const range = context.answers.adminRanges.find((r) => r.includes(':') === (family === 6));
        return range === undefined ? [] : [range.split('/')[0] as string];
      });
      const attacks = claimed.flatMap((address) =>
        forgedHeaders(address).flatMap((headers) =>
          FORGED_TARGETS.map((target) => ({
            from,
            target,
            options: { headers },
            note: Object.keys(headers).slice(0, 3).join(', '),
          })),
        ),
      );
      return attackAll(context, attacks);
    }),
};

const metricsRefused: Control<ProxyAnswers> = {
  id: 'proxy.metrics-refused',
  title: "CoreCube's metrics and Caddy's own admin endpoint cannot be reached from outside",
  severity: 'required',
  section: 'admin-console-access',
  how: 'Asks for metrics and debug paths from outside the ranges, and tries port 2019 of the proxy.',
  threat: 'Metrics tell an attacker what runs; the admin endpoint replaces the whole configuration unasked.',
  remedy: 'Apply again; remove any port 2019 from compose.override.yaml.',
  inspect: (context) =>
    fromOutside(context, async ([first], proxy) => {
      const ports = proxy.container.NetworkSettings.Ports['2019/tcp'] ?? [];
      if (ports.length > 0) {
        return fail(`port 2019 is published on ${ports[0]?.HostIp}:${ports[0]?.HostPort}`, 'not published');
      }
      if (proxy.inside !== undefined) {
        const admin = await context.host.tcp({ host: proxy.inside, port: 2019, timeoutMs: 2_000 });
        if (admin === 'open') {
          return fail(
            `${proxy.inside}:2019 answers on the edge network`,
            'open on loopback inside the container only',
          );
        }
      }
      const targets = [
        '/metrics',
        '/metrics/',
        '/api/metrics',
        '/debug/pprof/',
        '/config/',
        '/health',
        '/status',
      ];
      return attackAll(
        context,
        targets.map((target) => ({ from: first as Vantage, target })),
      );
    }),
};

/** What a foreign name may get: no handshake, or a refusal that CoreCube has no part in. */
const foreign = (result: HttpResult): string | undefined =>
  !result.ok || [400, 403, 421].includes(result.status) ? undefined : `answers ${result.status}`;

const otherHosts: Control<ProxyAnswers> = {
  id: 'proxy.other-hosts-refused',
  title: 'Only the configured name is served: other names and bare addresses get nothing',
  severity: 'required',
  section: 'admin-console-access',
  refs: ['RFC 9110 section 7.4', 'CWE-350'],
  how: 'Asks under another name, with another Host header and by bare address, over HTTPS and plain HTTP; none may be served.',
  threat:
    'A page on a name that points here (DNS rebinding) could talk to CoreCube in the browser of an admin.',
  remedy: 'Apply again: the Caddyfile serves one name only.',
  inspect: (context) =>
    whenUp(context, async (proxy) => {
      const { host, answers } = context;
      const insecure = { method: 'GET', insecure: true, timeoutMs: 5_000 } as const;
      const port = proxy.https.port === 443 ? '' : `:${proxy.https.port}`;
      const address = proxy.https.host.includes(':') ? `[${proxy.https.host}]` : proxy.https.host;
      const requests: [string, Promise<HttpResult>][] = ['/v1/models', '/admin'].flatMap((path) => [
        [
          `another name (${path})`,
          host.http({ ...insecure, origin: 'https://other-name.invalid', path, connectTo: proxy.https }),
        ],
        [
          `this name with another Host (${path})`,
          ask(context, proxy.https, path, { headers: { host: 'other-name.invalid' } }),
        ],
        [
          `the bare address (${path})`,
          host.http({ ...insecure, origin: `https://${address}${port}`, path, connectTo: proxy.https }),
        ],
        [
          `the bare address with this Host (${path})`,
          host.http({
            ...insecure,
            origin: `https://${address}${port}`,
            path,
            connectTo: proxy.https,
            headers: { host: answers.domain },
          }),
        ],
        ...(proxy.http === undefined
          ? []
          : ([
              [
                `another name over plain HTTP (${path})`,
                host.http({ ...insecure, origin: 'http://other-name.invalid', path, connectTo: proxy.http }),
              ],
            ] as [string, Promise<HttpResult>][])),
      ]);
      const own = ask(context, proxy.https, '/v1/models');
      const results = await Promise.all(
        requests.map(async ([name, result]) => ({ name, seen: foreign(await result) })),
      );
      const leaks = results.filter((r) => r.seen !== undefined).map((r) => `${r.name} ${r.seen}`);
      if (leaks.length > 0) return fail(leaks.join('; '), 'no handshake, or 421');
      // A proxy that answers nobody refuses everybody: that proves nothing.
      const live = await own;
      if (!live.ok) {
        const reason = because(live.message);
        return unknown(`the proxy does not answer under its own name either: ${reason}`, 'tls.certificate');
      }
      return pass(`${results.length} requests under other names and bare addresses got nothing of CoreCube`);
    }),
};

const operatorInside: Control<ProxyAnswers> = {
  id: 'proxy.operator-not-locked-out',
  title: 'The address you are connected from is in the allowed ranges',
  severity: 'required',
  section: 'admin-console-access',
  how: "Reads the client's address of your SSH session from the environment and looks for it in adminRanges.",
  threat: 'The console would refuse the person who has just installed it.',
  remedy: 'Add the address to adminRanges, or waive this by name when you administer from somewhere else.',
  impact: 'Whoever shares that address with you may open the login page too.',
  manual: true,
  async inspect({ host, answers }) {
    const client = sshClient(host);
    if (client === undefined)
      return skip(
        'no SSH connection is seen in the environment (sudo drops SSH_CONNECTION unless it is kept)',
      );
    const range = rangeOf(client, answers.adminRanges);
    if (range === 'unreadable')
      return unknown(`SSH names the client ${JSON.stringify(client)}, which is no address`);
    if (range === undefined) {
      return fail(`you are connected from ${client}`, `an address in ${answers.adminRanges.join(', ')}`);
    }
    return pass(`you are connected from ${client}, which ${range} allows`);
  },
};

function rangeOf(address: string, ranges: readonly string[]): string | undefined {
  try {
    return ranges.find((range) => inRange(address, range));
  } catch {
    return 'unreadable';
  }
}

export const accessControls = [
  adminRefused,
  forgedRefused,
  otherHosts,
  metricsRefused,
  operatorInside,
] as const;
