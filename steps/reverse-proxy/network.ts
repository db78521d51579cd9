/** Whether the address the proxy sees is the client's, and whether there is a way around the proxy. */
import { type Control, fail, pass, skip, unknown } from '../../src/core/step.ts';
import { type Container, containerOf, containers } from '../shared/docker.ts';
import { inRange } from '../shared/grammar.ts';
import { APP_PORT, SERVICE } from '../shared/layout.ts';
import {
  ACCESS_LOG,
  type Context,
  edgeNetwork,
  type Network,
  type ProxyAnswers,
  vantages,
  whenUp,
} from './look.ts';

const isLoopback = (address: string) => /^(127\.|::1$|::ffff:127\.)/.test(address);

const clientSeen: Control<ProxyAnswers> = {
  id: 'proxy.client-address-seen',
  title: "The address that the proxy sees is the client's own",
  severity: 'required',
  section: 'admin-console-access',
  how: "Makes a marked request to each of this host's IPv4 addresses, eight at most, and compares the connection's own address with the one in the proxy's access log.",
  threat:
    'Where the engine rewrites addresses, every client looks like the bridge gateway: the fence lets in all or none.',
  remedy:
    'Use a rootful Docker Engine with its default networking, or give the proxy the host network; publish no IPv6 on an IPv4 network.',
  impact:
    'The engine or the proxy is restarted; in the host network the proxy takes its ports from the host itself.',
  inspect: (context) =>
    whenUp(context, async (proxy) => {
      const { all, missing } = await vantages(context, proxy);
      const lost = all.find((v) => v.seen === undefined);
      if (lost) return unknown(`the request from ${lost.local} is not in the proxy's access log`, ACCESS_LOG);
      // Without the socket's own address there is nothing to compare: that is not seen, not hidden.
      const nameless = all.find((v) => v.local === '');
      if (nameless)
        return unknown(`the own address of the connection to ${nameless.connectTo.host} is not known`);
      const real = all.filter((v) => !isLoopback(v.local) && v.connectTo.host !== proxy.inside);
      const hidden = real.filter((v) => v.seen !== v.local);
      const told = all.map((v) => `${v.local} as ${v.seen}`).join(', ');
      if (hidden.length > 0) {
        const listeners = await context.host.listeners();
        // Without the engine's userland proxy nobody listens on the port, or the engine itself does to hold it (Docker 28), and
        // only this host's own connections are rewritten.
        const holders = listeners.filter((l) => l.port === proxy.https.port).map((l) => l.holder ?? '');
        if (holders.every((holder) => /^dockerd\b/.test(holder))) {
          return skip(
            `the engine runs without its userland proxy: connections of this host itself look like the gateway (${told}), so that other clients' addresses cannot be judged from here`,
          );
        }
        return fail(
          `the engine's address translation hides the client: ${told}`,
          'the address of the connection itself',
        );
      }
      // A proxy on every address is reached over loopback too: what it is bound to tells, not where it was tried.
      const bound = proxy.container.NetworkSettings.Ports['443/tcp'] ?? [];
      if (real.length === 0 && bound.length > 0 && bound.every((b) => isLoopback(b.HostIp)))
        return skip('the proxy is published on loopback only');
      if (missing.length > 0) return unknown(missing.join('; '), 'tls.certificate');
      if (real.length > 0) return pass(`the access log names ${told}`);
      return skip('this host has no IPv4 address of its own, so no other machine comes over IPv4');
    }),
};

const gatewayNotAllowed: Control<ProxyAnswers> = {
  id: 'proxy.gateway-not-allowed',
  title: 'The gateway of the edge network is in none of the allowed ranges',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Reads the gateways of the edge network from Docker and looks for them in adminRanges.',
  threat:
    'Docker shows loopback and IPv6 clients as the gateway of the network: allowing it opens the console to them all.',
  remedy:
    "Name narrower ranges than Docker's own (172.16.0.0/12 holds them), or give the edge network a subnet outside of them.",
  impact:
    'Whoever came in through the named range can no longer open the console; a new subnet recreates the containers.',
  manual: true,
  async inspect(context) {
    const network = await edgeNetwork(context);
    if (!network) return unknown('the edge network does not exist yet', 'proxy.up');
    const gateways = await gatewaysOf(context, network);
    if (gateways.length === 0)
      return unknown(`Docker names no gateway of the network ${network.Name}`, 'proxy.up');
    for (const gateway of gateways) {
      const range = context.answers.adminRanges.find((r) => inRange(gateway, r));
      if (range)
        return fail(`the gateway ${gateway} is in ${range}`, 'a gateway outside of every allowed range');
    }
    return pass(`the gateway is ${gateways.join(' and ')}`);
  },
};

/** From the network, and from the containers on it: a subnet given without a gateway is listed without one. */
async function gatewaysOf({ host, answers }: Context, network: Network): Promise<string[]> {
  const declared = (network.IPAM.Config ?? []).flatMap((c) => c.Gateway ?? []);
  const joined = (await containers(host, answers.projectName)).flatMap((c) => {
    const on = c.NetworkSettings.Networks[network.Name] as
      | { Gateway?: string; IPv6Gateway?: string }
      | undefined;
    return [on?.Gateway, on?.IPv6Gateway];
  });
  const all = [...declared, ...joined].filter((g): g is string => g !== undefined && g !== '');
  return [...new Set(all.map((g) => g.split('/')[0] as string))];
}

const noIpv6: Control<ProxyAnswers> = {
  id: 'proxy.no-ipv6-publishing',
  title: 'The proxy is not published on IPv6 through an IPv4 network',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Reads the addresses that the proxy is published on, and whether the edge network has IPv6, in docker inspect.',
  threat:
    'Every IPv6 client then looks like the bridge gateway: nobody can be told apart, allowed or blocked.',
  remedy:
    'Remove IPv6 ports of the proxy from compose.override.yaml; it is published on an IPv4 address (listenAddress).',
  impact: 'IPv6 clients need an IPv4 way in, or a proxy in the host network.',
  inspect: (context) =>
    whenUp(context, async ({ container }) => {
      const bindings = Object.entries(container.NetworkSettings.Ports).flatMap(([port, list]) =>
        (list ?? []).map((b) => ({ port, ...b })),
      );
      const six = bindings.filter((b) => b.HostIp.includes(':'));
      if (six.length === 0) {
        return pass(`published on ${bindings.map((b) => `${b.HostIp}:${b.HostPort}`).join(', ')}`);
      }
      const network = await edgeNetwork(context);
      const where = six.map((b) => `[${b.HostIp}]:${b.HostPort}`).join(', ');
      if (!network) return unknown(`published on ${where}; the edge network is not there to be looked at`);
      if (!network.EnableIPv6)
        return fail(`published on ${where}; the edge network has no IPv6`, 'IPv4 only');
      return pass(`published on ${where}; the edge network has IPv6`);
    }),
};

const appNotDirect: Control<ProxyAnswers> = {
  id: 'proxy.app-not-reachable-directly',
  title: 'CoreCube can be reached through the proxy only',
  severity: 'required',
  section: 'network-isolation',
  refs: ['CIS Docker 5.7', 'CIS Docker 5.9'],
  how: "Reads CoreCube's port bindings and tries its port on every address of this host but loopback; no other host tries it.",
  threat:
    "A published port 7400 leads around the console's fence and around TLS; host firewalls do not stop it.",
  remedy: 'Remove the port and network_mode of corecube from compose.override.yaml, then apply again.',
  impact: 'CoreCube is recreated and away for some seconds; what used its port must use the proxy.',
  manual: true,
  async inspect(context) {
    const { host, answers } = context;
    const app = await containerOf(host, answers.projectName, SERVICE.app);
    const way = app ? published(app) : undefined;
    if (way) return fail(way, 'no published port');
    const addresses = host.addresses().filter((a) => !a.address.startsWith('fe80:'));
    const open = await Promise.all(
      addresses.map(async ({ address }) => ({ address, is: await answersAsCoreCube(context, address) })),
    );
    const found = open.filter((o) => o.is === 'corecube');
    if (found.length > 0) {
      return fail(
        `${found.map((o) => `${o.address}:${APP_PORT}`).join(', ')} answers like CoreCube`,
        'nothing answers',
      );
    }
    // Its own addresses answer a host at once, with an open port or a refusal; silence is no proof of either.
    const silent = open.filter((o) => o.is === 'silent').map((o) => o.address);
    if (silent.length > 0)
      return unknown(`port ${APP_PORT} gives no answer that tells what it is on ${silent.join(', ')}`);
    if (!app) return unknown('there is no container of CoreCube');
    const other = open.filter((o) => o.is === 'other').map((o) => o.address);
    const note = other.length > 0 ? `; something else listens on ${other.join(', ')}` : '';
    return pass(
      `no port is published; ${addresses.length} addresses of this host tried on port ${APP_PORT}${note}`,
    );
  },
};

function published(app: Container): string | undefined {
  if (app.HostConfig.NetworkMode === 'host') return 'CoreCube runs in the host network';
  // What was asked for, and what came of it: with publish-all only the latter names ports.
  const bindings = [app.HostConfig.PortBindings ?? {}, app.NetworkSettings.Ports ?? {}].flatMap((ports) =>
    Object.values(ports).flatMap((list) => list ?? []),
  );
  // The guide allows loopback: a proxy on the host itself needs it.
  const wide = bindings.filter((b) => !isLoopback(b.HostIp));
  if (wide.length === 0) return undefined;
  const places = [...new Set(wide.map((b) => `${b.HostIp || '0.0.0.0'}:${b.HostPort}`))];
  return `CoreCube is published on ${places.join(', ')}`;
}

async function answersAsCoreCube(
  { host }: Context,
  address: string,
): Promise<'corecube' | 'other' | 'nothing' | 'silent'> {
  if (isLoopback(address)) return 'nothing';
  const port = await host.tcp({ host: address, port: APP_PORT, timeoutMs: 3_000 });
  if (port !== 'open') return port === 'refused' ? 'nothing' : 'silent';
  const name = address.includes(':') ? `[${address}]` : address;
  const origin = `http://${name}:${APP_PORT}`;
  const models = await host.http({ method: 'GET', origin, path: '/v1/models', timeoutMs: 3_000 });
  if (!models.ok && models.code === 'ETIMEDOUT') return 'silent';
  // A server in trouble, or one that throttles, may be CoreCube as well as another one.
  if (models.ok && (models.status === 429 || models.status >= 500)) return 'silent';
  return models.ok && [200, 401].includes(models.status) ? 'corecube' : 'other';
}

export const networkControls: readonly Control<ProxyAnswers>[] = [
  clientSeen,
  gatewayNotAllowed,
  noIpv6,
  appNotDirect,
];
