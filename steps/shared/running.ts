/** What is wrong with the containers that really run, per property: `docker inspect` and the kernel, not the files. */
import type { HostReader } from '../../src/core/host.ts';
import { isDangerousMount } from '../compose/violations.ts';
import { bootstrapInProgress } from './admin-credentials.ts';
import { allowedCapabilities } from './capabilities.ts';
import { configHashes } from './compose-project.ts';
import { type Container, containerOf } from './docker.ts';
import { NETWORK, PATH, SERVICE } from './layout.ts';
import { uidShift } from './userns.ts';

export type RunningProperty =
  | 'read-only'
  | 'capabilities'
  | 'no-new-privileges'
  | 'user'
  | 'tmpfs'
  | 'limits'
  | 'isolation'
  | 'networks'
  | 'ports'
  | 'current'
  | 'restart';

export interface Violation {
  readonly service: string;
  readonly property: RunningProperty;
  readonly text: string;
}

const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  [SERVICE.app]: [NETWORK.edge, NETWORK.internal],
  [SERVICE.database]: [NETWORK.internal],
  [SERVICE.inference]: [NETWORK.internal],
  [SERVICE.proxy]: [NETWORK.edge],
};

export interface Looked {
  /** Services whose container runs; what is not among them was not seen. */
  readonly running: readonly string[];
  readonly violations: readonly Violation[];
}

/** Looks at the container of each service; shared within a snapshot. */
export function lookAtRunning(
  host: HostReader,
  project: string,
  users: Readonly<Record<string, string>>,
): Promise<Looked> {
  const services = Object.keys(users);
  return host.once(`running ${project} ${services.join()}`, async () => {
    const running: string[] = [];
    const violations: Violation[] = [];
    const bootstrap =
      (await bootstrapInProgress(host)) && (await host.stat(PATH.bootstrapCompose)) !== undefined;
    const hashes = await configHashes(host, project, bootstrap);
    for (const service of services) {
      const container = await containerOf(host, project, service);
      if (!container?.State.Running) continue;
      running.push(service);
      const add = (property: RunningProperty, text: string) =>
        violations.push({ service, property, text: `${service} ${text}` });
      inspected(container, service, users[service] as string, project, add);
      await inKernel(host, container, users[service] as string, service, add);
      const label = container.Config.Labels['com.docker.compose.config-hash'];
      if (label !== hashes.get(service))
        add('current', 'was created from another declaration than the files give now');
    }
    return { running, violations };
  });
}

type Add = (property: RunningProperty, text: string) => void;
const bare = (capability: string) => capability.toUpperCase().replace(/^CAP_/, '');

function inspected(
  { HostConfig: h, Config: c, NetworkSettings: n, Mounts }: Container,
  service: string,
  user: string,
  project: string,
  add: Add,
): void {
  if (!h.ReadonlyRootfs) add('read-only', 'has a writable root file system');
  if (!(h.CapDrop ?? []).map(bare).includes('ALL')) add('capabilities', 'keeps the default capabilities');
  const extra = (h.CapAdd ?? []).map(bare).filter((name) => !allowedCapabilities(service).includes(name));
  if (extra.length > 0) add('capabilities', `has ${extra.join(', ')} added`);
  const options = h.SecurityOpt ?? [];
  if (!options.some((o) => /^no-new-privileges(:true)?$/.test(o)))
    add('no-new-privileges', 'may gain privileges');
  for (const off of options.filter((o) => /unconfined|label[=:]disable/.test(o)))
    add('isolation', `runs with ${off}`);
  if (c.User !== user) add('user', `runs as ${c.User || "the image's user"} instead of ${user}`);
  if (!('/tmp' in (h.Tmpfs ?? {}))) add('tmpfs', 'has no tmpfs at /tmp');
  if (!h.PidsLimit || h.PidsLimit < 0) add('limits', 'has no process limit');
  if (!h.Memory) add('limits', 'has no memory limit');
  if (!['unless-stopped', 'always'].includes(h.RestartPolicy.Name))
    add('restart', `is not restarted (${h.RestartPolicy.Name || 'no policy'})`);
  if (h.Privileged) add('isolation', 'is privileged');
  if (h.PidMode) add('isolation', `uses the pid namespace ${h.PidMode}`);
  if (h.IpcMode && !['private', 'shareable', 'none'].includes(h.IpcMode))
    add('isolation', `uses the ipc namespace ${h.IpcMode}`);
  if (h.NetworkMode === 'host' || h.NetworkMode.startsWith('container:'))
    add('isolation', `uses the network of ${h.NetworkMode}`);
  if (h.UsernsMode === 'host') add('isolation', 'is kept out of the user namespace');
  if ((h.Devices ?? []).length > 0) add('isolation', 'is given devices');
  for (const mount of Mounts) {
    if (mount.Type === 'bind' && isDangerousMount(mount.Source)) add('isolation', `mounts ${mount.Source}`);
  }
  const joined = Object.keys(n.Networks).sort();
  const expected = (NETWORKS[service] ?? []).map((name) => `${project}_${name}`).sort();
  if (joined.join() !== expected.join())
    add('networks', `is on ${joined.join(', ') || 'no network'} instead of ${expected.join(', ')}`);
  const bound = Object.entries(n.Ports).flatMap(([port, at]) =>
    (at ?? []).map((b) => `${b.HostIp}:${b.HostPort}->${port}`),
  );
  if (service !== SERVICE.proxy && bound.length > 0) add('ports', `publishes ${bound.join(', ')}`);
}

/** What the kernel says of the container's first process; nothing when it cannot be seen from here. */
async function inKernel(
  host: HostReader,
  container: Container,
  user: string,
  service: string,
  add: Add,
): Promise<void> {
  const { Pid } = container.State;
  // The pid is the engine's; it is the same process only when its control group names the container.
  const group = await host.readText(`/proc/${Pid}/cgroup`).catch(() => undefined);
  if (!group?.includes(container.Id)) return;
  const status = (await host.readText(`/proc/${Pid}/status`).catch(() => undefined)) ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
  const uid = Number(user.split(':')[0]) + (await uidShift(host));
  const seen = field('Uid');
  if (seen !== undefined && Number(seen) !== uid)
    add('user', `has a first process with uid ${seen} instead of ${uid}`);
  if (field('NoNewPrivs') === '0') add('no-new-privileges', 'has a first process that may gain privileges');
  const effective = field('CapEff');
  // Bit 10: CAP_NET_BIND_SERVICE (linux/capability.h).
  const allowed = allowedCapabilities(service).includes('NET_BIND_SERVICE') ? 1n << 10n : 0n;
  if (effective !== undefined && (BigInt(`0x${effective}`) & ~allowed) !== 0n)
    add('capabilities', `has a first process with the capabilities 0x${effective}`);
  if (field('Seccomp') === '0') add('isolation', 'runs without a system call filter');
}
