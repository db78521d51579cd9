/** The console's fence, attacked: every spelling, forged headers, other names, ways around the proxy. */
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { inRange } from '../shared/grammar.ts';
import { sshClient } from '../shared/ssh-client.ts';
import {
  type Attack,
  askAsOthers,
  attackAll,
  claimsOf,
  fenceShots,
  forgedShots,
  metricsShots,
  type Shot,
} from './attack.ts';
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

type Up = Running & { readonly https: Endpoint };

/** The same shots, fired from one place. */
const from = (place: Vantage, shots: readonly Shot[]): readonly Attack[] =>
  shots.map((shot) => ({ ...shot, connectTo: place.connectTo, from: describeVantage(place) }));

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
  impact: 'Who is outside of the allowed ranges can no longer open the console.',
  inspect: (context) =>
    fromOutside(context, ([first, ...others]) =>
      attackAll(context, [
        ...from(first as Vantage, fenceShots(context.answers.publicPaths)),
        ...others.flatMap((v) =>
          from(
            v,
            ['/', '/admin', '/v1/../admin'].map((target) => ({ target })),
          ),
        ),
      ]),
    ),
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
  impact: 'Behind a load balancer every client has its address, and is judged by it.',
  inspect: (context) =>
    fromOutside(context, ([first]) =>
      attackAll(context, from(first as Vantage, forgedShots(claimsOf(context.answers.adminRanges)))),
    ),
};

const metricsRefused: Control<ProxyAnswers> = {
  id: 'proxy.metrics-refused',
  title: "CoreCube's metrics and Caddy's own admin endpoint cannot be reached from outside",
  severity: 'required',
  section: 'admin-console-access',
  how: 'Asks for metrics, health and debug paths that publicPaths does not open from outside the ranges, and tries port 2019 of the proxy on each of its networks.',
  threat: 'Metrics tell an attacker what runs; the admin endpoint replaces the whole configuration unasked.',
  remedy: 'Apply again; remove any port 2019 from compose.override.yaml.',
  impact: 'A collector outside of the allowed ranges can no longer read the metrics.',
  inspect: (context) =>
    fromOutside(context, async ([first], proxy) => {
      const ports = proxy.container.NetworkSettings.Ports['2019/tcp'] ?? [];
      if (ports.length > 0) {
        return fail(`port 2019 is published on ${ports[0]?.HostIp}:${ports[0]?.HostPort}`, 'not published');
      }
      // An address of a container answers its host at once, with an open port or a refusal; silence is no proof of either.
      for (const { IPAddress: address } of Object.values(proxy.container.NetworkSettings.Networks)) {
        if (!address) continue;
        const admin = await context.host.tcp({ host: address, port: 2019, timeoutMs: 2_000 });
        if (admin === 'open')
          return fail(`${address}:2019 answers`, 'open on loopback inside the container only');
        if (admin === 'silent') return unknown(`${address}:2019 gives no answer`);
      }
      return attackAll(context, from(first as Vantage, metricsShots(context.answers.publicPaths)));
    }),
};

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
  impact: 'Requests for any other name of this host are refused.',
  inspect: (context) =>
    whenUp(context, async (proxy) => {
      const own = ask(context, proxy.https, '/v1/models');
      const { leaks, unseen, tried } = await askAsOthers(context, proxy.https, proxy.http);
      if (leaks.length > 0) return fail(leaks.join('; '), 'no handshake, or 421');
      // A proxy that answers nobody refuses everybody: that proves nothing. Nor does one that CoreCube keeps waiting: a
      // foreign name that it let through would wait just so.
      const live = await own;
      if (!live.ok) {
        const reason = because(live.message);
        return unknown(`the proxy does not answer under its own name either: ${reason}`, 'tls.certificate');
      }
      if (unseen.length > 0) return unknown(unseen.join('; '));
      return pass(`${tried} requests under other names and bare addresses got nothing of CoreCube`);
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
