/** What `docker inspect` says of one container, against what the guide asks of every container. */
import { isDangerousMount, isForeignGround } from '../compose/violations.ts';
import { isEmptyCheck, namesByHand, relayedBy, swapsTooMuch } from '../compose/weakening.ts';
import { allowedCapabilities } from './capabilities.ts';
import { type Container, variablesOf } from './docker.ts';
import { NETWORK, SERVICE, VOLUME } from './layout.ts';
import type { Add } from './running.ts';

const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  [SERVICE.app]: [NETWORK.edge, NETWORK.internal],
  [SERVICE.database]: [NETWORK.internal],
  [SERVICE.inference]: [NETWORK.internal],
  [SERVICE.proxy]: [NETWORK.edge],
};

/** Where each service keeps what must outlive its container; the proxy's own step looks at the proxy's. */
const DATA: Readonly<Record<string, { readonly path: string; readonly volume: string }>> = {
  [SERVICE.app]: { path: '/data', volume: VOLUME.data },
  [SERVICE.database]: { path: '/var/lib/postgresql/data', volume: VOLUME.database },
};

const bare = (capability: string) => capability.toUpperCase().replace(/^CAP_/, '');

/** The hardening lines of the guide, one property each, isolation from the host excepted. */
export function hardening(
  container: Container,
  service: string,
  user: string,
  project: string,
  add: Add,
): void {
  const { HostConfig: h, Config: c } = container;
  if (!h.ReadonlyRootfs) add('read-only', 'has a writable root file system');
  if (!(h.CapDrop ?? []).map(bare).includes('ALL')) add('capabilities', 'keeps the default capabilities');
  const extra = (h.CapAdd ?? []).map(bare).filter((name) => !allowedCapabilities(service).includes(name));
  if (extra.length > 0) add('capabilities', `has ${extra.join(', ')} added`);
  if (!(h.SecurityOpt ?? []).some((o) => /^no-new-privileges(:true)?$/.test(o)))
    add('no-new-privileges', 'may gain privileges');
  if ((h.GroupAdd ?? []).length > 0) add('user', `joins the groups ${h.GroupAdd?.join(', ')}`);
  const sysctls = Object.keys(h.Sysctls ?? {});
  if (sysctls.length > 0) add('isolation', `sets ${sysctls.join(', ')} of its kernel namespace`);
  if (swapsTooMuch(h.Memory, h.MemorySwap ?? 0)) add('limits', 'may swap without bound');
  if (h.OomKillDisable) add('limits', 'is never ended for its memory');
  const byHand = namesByHand(h.ExtraHosts ?? []);
  if (byHand.length > 0) add('networks', `is told by hand where ${byHand.join(', ')} is`);
  const relay = service === SERVICE.proxy ? relayedBy(variablesOf(container)) : undefined;
  if (relay !== undefined) add('requests', `asks ${SERVICE.app} through another proxy (${relay})`);
  if (isEmptyCheck(c.Healthcheck?.Test))
    add('healthchecks', 'has a health check that is content with anything');
  if (c.User !== user) add('user', `runs as ${c.User || "the image's user"} instead of ${user}`);
  scratch(container, add);
  if ((service === SERVICE.app || service === SERVICE.inference) && h.Init !== true)
    add('init', 'has no init process');
  if (!h.PidsLimit || h.PidsLimit < 0) add('limits', 'has no process limit');
  if (!h.Memory) add('limits', 'has no memory limit');
  if (!['unless-stopped', 'always'].includes(h.RestartPolicy.Name))
    add('restart', `is not restarted (${h.RestartPolicy.Name || 'no policy'})`);
  if (service !== SERVICE.inference && !isChecked(container)) add('healthchecks', 'has no health check');
  const log = h.LogConfig;
  if (log.Type === 'none') add('logs', 'keeps no log');
  else if (log.Type === 'json-file' && !log.Config['max-size'])
    add('logs', 'has a log that grows without bound');
  data(container, service, project, add);
  connections(container, service, project, add);
}

function scratch({ HostConfig: h }: Container, add: Add): void {
  const tmpfs = Object.entries(h.Tmpfs ?? {});
  if (!tmpfs.some(([path]) => path === '/tmp')) add('tmpfs', 'has no tmpfs at /tmp');
  for (const [path, options] of tmpfs)
    if (options.split(',').includes('exec')) add('tmpfs', `may run programs from ${path}`);
}

const isChecked = ({ Config: { Healthcheck } }: Container): boolean => {
  const test = Healthcheck?.Test ?? [];
  return test.length > 0 && test[0] !== 'NONE';
};

function data({ Mounts }: Container, service: string, project: string, add: Add): void {
  const wanted = DATA[service];
  if (wanted === undefined) return;
  const mount = Mounts.find((m) => m.Destination === wanted.path);
  const name = `${project}_${wanted.volume}`;
  if (mount?.Type !== 'volume' || mount.Name !== name)
    add(
      'data-volume',
      `keeps ${wanted.path} ${mount ? `in the ${mount.Type} ${mount.Name ?? mount.Source}` : 'in the container itself'} instead of the volume ${name}`,
    );
}

function connections({ NetworkSettings: n }: Container, service: string, project: string, add: Add): void {
  const joined = Object.keys(n.Networks).sort();
  const expected = (NETWORKS[service] ?? []).map((name) => `${project}_${name}`).sort();
  if (joined.join() !== expected.join())
    add('networks', `is on ${joined.join(', ') || 'no network'} instead of ${expected.join(', ')}`);
  for (const network of expected) {
    const { Aliases, DNSNames } = n.Networks[network] ?? {};
    if (Aliases === undefined && DNSNames === undefined) continue;
    const names = [...(Aliases ?? []), ...(DNSNames ?? [])];
    if (!names.includes(service)) add('networks', `is not called ${service} on ${network}`);
    const others = Object.keys(NETWORKS).filter((other) => other !== service && names.includes(other));
    if (others.length > 0) add('networks', `is called ${others.join(', ')} on ${network}`);
  }
  const bound = Object.entries(n.Ports).flatMap(([port, at]) =>
    (at ?? []).map((b) => `${b.HostIp.includes(':') ? `[${b.HostIp}]` : b.HostIp}:${b.HostPort}->${port}`),
  );
  if (service !== SERVICE.proxy && bound.length > 0) add('ports', `publishes ${bound.join(', ')}`);
}

/**
 * What a container is given of the host, each as one phrase: it goes for every container, whoever declared it.
 * @param dir the install directory: whoever mounts it, or what is above it, has every secret
 */
export function isolation({ HostConfig: h, Mounts }: Container, dir: string): string[] {
  const found: string[] = [];
  if (h.Privileged) found.push('is privileged');
  for (const option of (h.SecurityOpt ?? []).filter((o) => /unconfined|label[=:]disable/.test(o)))
    found.push(`runs with ${option}`);
  if (h.PidMode) found.push(`uses the pid namespace ${h.PidMode}`);
  if (h.IpcMode && !['private', 'shareable', 'none'].includes(h.IpcMode))
    found.push(`uses the ipc namespace ${h.IpcMode}`);
  if (h.NetworkMode === 'host' || h.NetworkMode.startsWith('container:'))
    found.push(`uses the network of ${h.NetworkMode}`);
  if (h.UTSMode === 'host') found.push('uses the uts namespace host');
  if (h.UsernsMode === 'host') found.push('is kept out of the user namespace');
  if ((h.Devices ?? []).length > 0) found.push('is given devices');
  if ((h.DeviceCgroupRules ?? []).length > 0) found.push('may use devices of the host');
  for (const mount of Mounts)
    if (
      mount.Type === 'bind' &&
      (isDangerousMount(mount.Source, dir) || isForeignGround(mount.Source, mount.RW, dir))
    )
      found.push(`mounts ${mount.Source}`);
  return found;
}
