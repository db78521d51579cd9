/** Names and ports: the ports of the proxy are free or its own, and the domain leads to it. */

import type { HostReader, Listener } from '../../src/core/host.ts';
import { fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { containerOf, docker } from '../shared/docker.ts';
import { engine } from '../shared/engine.ts';
import { SERVICE } from '../shared/layout.ts';
import { isHere, wasMoved } from '../shared/project-directory.ts';
import { ID, type Needed, type PreflightControl } from './common.ts';

const portsFree: PreflightControl = {
  id: 'host.ports-free',
  title: 'The ports of the proxy are free, or held by it',
  severity: 'required',
  section: 'tls',
  refs: ['CIS Docker 5.8'],
  manual: true,
  how: "Lists this host's listening sockets and compares those on the two ports with the published ports of this install's own proxy.",
  threat: 'The proxy cannot start, or another program answers under the name of CoreCube.',
  remedy:
    'Stop what holds the port, or give other ones with --http-port and --https-port (ACME validates over 80 and 443, so another port then needs a forwarder).',
  impact: 'What is stopped no longer serves.',
  async inspect({ host, answers }) {
    if (answers.httpPort === answers.httpsPort)
      return fail(`both ports are ${answers.httpPort}`, 'two different ports');
    const { listenAddress } = answers;
    const own = host.addresses().map((a) => a.address);
    if (listenAddress !== '0.0.0.0' && !/^127\./.test(listenAddress) && !own.includes(listenAddress))
      return fail(
        `${listenAddress} is no address of this host (${own.filter((a) => a.includes('.')).join(', ')})`,
        'a listenAddress of this host, or 0.0.0.0',
      );
    const listeners = await host.listeners();
    const seen: string[] = [];
    const taken: string[] = [];
    const { state } = await engine(host);
    let untold = false;
    for (const port of [answers.httpPort, answers.httpsPort]) {
      const held = listeners.filter((l) => l.port === port && clashes(l.address, answers.listenAddress));
      if (held.length === 0) seen.push(`${port} is free`);
      else if (await isOwn(host, answers.projectName, port, held))
        seen.push(`${port} is held by this install's own proxy`);
      else {
        taken.push(`${port} is held by ${await holders(host, held, port)}`);
        // Only the engine knows for which container a port is forwarded: it may be this install's own proxy.
        untold ||= !['ready', 'not-installed'].includes(state) && held.some(forwards);
      }
    }
    if (untold) return unknown(`${taken.join('; ')}, and Docker Engine does not answer`, ID.reachable);
    return taken.length === 0
      ? pass(seen.join(', '))
      : fail(
          [...taken, ...seen].join('; '),
          `${answers.httpPort} and ${answers.httpsPort} free on ${answers.listenAddress}`,
        );
  },
};

/** Whether a listener at `address` stops another from listening at the IPv4 address `wanted`. */
export function clashes(address: string, wanted: string): boolean {
  // A socket at :: takes IPv4 too unless it says otherwise, which cannot be seen from here.
  if (address === '0.0.0.0' || address === '::') return true;
  const plain = address.replace(/^::ffff:/, '');
  return plain === wanted || (wanted === '0.0.0.0' && !address.includes(':'));
}

/** Held by this install's proxy: through the engine's forwarding, or by itself when it was put into the host network. */
async function isOwn(
  host: HostReader,
  project: string,
  port: number,
  held: readonly Listener[],
): Promise<boolean> {
  if ((await engine(host)).state !== 'ready') return false;
  const proxy = await containerOf(host, project, SERVICE.proxy);
  // A directory that was moved is another control's statement: what has the port is this project's proxy all the same.
  if (!proxy?.State.Running || !((await isHere(host, proxy)) || (await wasMoved(host, project))))
    return false;
  const published = Object.values(proxy.NetworkSettings.Ports).some((list) =>
    list?.some((p) => p.HostPort === String(port)),
  );
  if (published || proxy.HostConfig.NetworkMode !== 'host') return published;
  const groups = await Promise.all(
    held.map(({ holder }) => {
      const pid = /\(pid (\d+)\)$/.exec(holder ?? '')?.[1];
      return pid === undefined ? undefined : host.readText(`/proc/${pid}/cgroup`).catch(() => undefined);
    }),
  );
  return groups.every((group) => group?.includes(proxy.Id));
}

/** True for Docker's port forwarder, which is the engine itself without its userland proxy, or what cannot be seen. */
const forwards = ({ holder }: Listener): boolean =>
  holder === undefined || /^(docker-proxy|dockerd|rootlesskit)\b/.test(holder);

/** Programs that hold the port; behind Docker's port forwarder the container is named. */
async function holders(host: HostReader, held: readonly Listener[], port: number): Promise<string> {
  const names = new Set(held.map((l) => l.holder ?? 'a process that this user cannot see'));
  if (held.some(forwards) && (await engine(host)).state === 'ready') {
    const result = await docker(host, [
      ...['ps', '--filter', `publish=${port}`],
      ...[
        '--format',
        '{{.Names}}{{with .Label "com.docker.compose.project"}} of the Compose project {{.}}{{end}}',
      ],
    ]);
    const containers = result.stdout.trim().split('\n').filter(Boolean);
    if (result.code === 0 && containers.length > 0) return `the container ${containers.join(', ')}`;
  }
  return [...names].join(', ');
}

interface Resolved {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

/** Addresses of one family; IPv6 loopback, which hosts files add, is left out. */
function addressesOf(host: HostReader, domain: string, family: 4 | 6): Promise<readonly string[]> {
  return host.once(`resolve ${domain} ${family}`, async () =>
    (await host.resolve(domain, family)).filter((address) => address !== '::1'),
  );
}

/** Addresses of the domain as this host resolves it. */
async function resolved(host: HostReader, domain: string): Promise<Resolved> {
  const [v4, v6] = await Promise.all([addressesOf(host, domain, 4), addressesOf(host, domain, 6)]);
  return { v4, v6 };
}

const resolves: PreflightControl = {
  id: 'domain.resolves',
  title: 'The domain has an IPv4 address',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 8555'],
  manual: true,
  how: "Resolves the domain's A records with this host's resolver; only where the certificate comes over ACME.",
  threat:
    'The certificate authority cannot validate the name; each failed try counts against its rate limit.',
  remedy:
    'Create an A record for the domain that leads to this host (or to the forwarder in front of it), and wait until it is seen.',
  impact: 'None.',
  async inspect({ host, answers }) {
    if (answers.tls !== 'acme') return skip(`the certificate does not depend on it (tls: ${answers.tls})`);
    const v4 = await addressesOf(host, answers.domain, 4);
    if (v4.length > 0) return pass(`${answers.domain} is ${v4.join(', ')}, as this host resolves it`);
    // Asked for the words only: a resolver that is silent about IPv6 hides nothing of IPv4.
    const v6 = await addressesOf(host, answers.domain, 6);
    const only =
      v6.length > 0
        ? `has only AAAA records (${v6.join(', ')}), and the proxy listens on IPv4`
        : 'has no address';
    return fail(`${answers.domain} ${only}, as this host resolves it`, 'at least one A record');
  },
};

const pointsHere: PreflightControl = {
  id: 'domain.points-here',
  title: 'The addresses of the domain are addresses of this host',
  severity: 'advised',
  section: 'tls',
  how: "Resolves the domain with this host's resolver and compares every address with the addresses of this host's interfaces.",
  threat: 'People and the certificate authority reach another machine under this name.',
  remedy:
    'Correct the records of the domain. Behind NAT, a load balancer or split DNS the difference is normal: then check that ports 80 and 443 are forwarded here.',
  impact: 'None.',
  inspect: async ({ host, answers }) => compare(host, answers, await resolved(host, answers.domain)),
};

function compare(host: HostReader, answers: Needed, { v4, v6 }: Resolved): Verdict {
  const all = [...v4, ...v6];
  if (all.length === 0)
    return fail(`${answers.domain} has no address, as this host resolves it`, 'an address of this host');
  const own = new Map(host.addresses().map((a) => [a.address.split('%')[0], a.interface]));
  const elsewhere = all.filter((address) => !own.has(address));
  const said = all.map((address) => {
    const on = own.get(address);
    return on === undefined ? `${address} (not of this host)` : `${address} (${on})`;
  });
  if (elsewhere.length > 0)
    return fail(`${answers.domain} is ${said.join(', ')}`, 'addresses of this host only');
  if (v6.length > 0 && answers.tls !== 'acme')
    return fail(
      `${answers.domain} is ${said.join(', ')}, and the proxy listens on IPv4 only`,
      'A records only: fix or remove the AAAA record',
    );
  return pass(`${answers.domain} is ${said.join(', ')}`);
}

const aaaa: PreflightControl = {
  id: 'domain.aaaa-reachable',
  title: 'The domain has no IPv6 address at which nothing answers',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 8555'],
  manual: true,
  how: "Resolves the domain's AAAA records and opens a TCP connection to port 80 of each; only where the certificate comes over ACME.",
  threat:
    'Certificate authorities prefer IPv6: validation fails there although IPv4 would work, again and again, until the rate limit.',
  remedy:
    'Fix or remove the AAAA record. The proxy listens on IPv4 on purpose: behind Docker every IPv6 client can look like the gateway, which voids the fence of the console.',
  impact: 'IPv6-only clients need a forwarder in front that speaks IPv6.',
  async inspect({ host, answers }) {
    if (answers.tls !== 'acme') return skip(`the certificate does not depend on it (tls: ${answers.tls})`);
    const v6 = await addressesOf(host, answers.domain, 6);
    if (v6.length === 0) return pass(`${answers.domain} has no AAAA record`);
    const own = new Set(host.addresses().map((a) => a.address.split('%')[0]));
    const foreign = v6.filter((address) => !own.has(address));
    // From a host without a global IPv6 address (RFC 4291, section 2.4; fc00::/7 is local) every one of them is silent.
    if (foreign.length > 0 && ![...own].some((address) => /^[23][0-9a-f]{3}:/i.test(address ?? '')))
      return unknown(`${foreign.join(', ')} cannot be tried: this host has no IPv6 address that leads out`);
    const looks = await Promise.all(
      v6.map(async (address) => {
        if (own.has(address))
          return { address, dead: 'an address of this host, where the proxy listens on IPv4 only' };
        const answer = await host.tcp({ host: address, port: 80, timeoutMs: 3_000 });
        return answer === 'open' ? { address } : { address, dead: `port 80 is ${answer}` };
      }),
    );
    const dead = looks.flatMap((look) => (look.dead === undefined ? [] : [`${look.address} (${look.dead})`]));
    return dead.length === 0
      ? pass(`${v6.join(', ')} belongs to another machine and answers on port 80`)
      : fail(`AAAA ${dead.join(', ')}`, 'fix or remove AAAA: every address of the domain must answer');
  },
};

export const networkControls: readonly PreflightControl[] = [portsFree, resolves, pointsHere, aaaa];
