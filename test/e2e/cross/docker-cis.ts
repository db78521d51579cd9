/**
 * CIS Docker Benchmark 1.6.0, sections 4 (images) and 5 (container runtime), judged from what the engine, the kernel and
 * the registry say. Knows nothing of the product's own controls. Titles are abridged.
 */
import { type Answer, type Judged, notApplicable as na, pass, unless, warn } from './types.ts';

/** The part of `docker inspect` of a container that is judged. */
export interface Inspected {
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: { readonly Test?: readonly string[] };
    readonly Env: readonly string[] | null;
    readonly Image: string;
  };
  readonly State: { readonly Pid: number; readonly Health?: { readonly Status: string } };
  readonly AppArmorProfile: string;
  readonly Mounts: readonly { Type: string; Source: string; Destination: string; Propagation: string }[];
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, unknown>>;
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;
  };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly NetworkMode: string;
    readonly PidMode: string;
    readonly IpcMode: string;
    readonly UTSMode: string;
    readonly UsernsMode: string;
    readonly CgroupParent: string;
    readonly Memory: number;
    readonly CpuShares: number;
    readonly NanoCpus: number;
    readonly PidsLimit: number | null;
    readonly ReadonlyRootfs: boolean;
    readonly SecurityOpt: readonly string[] | null;
    readonly CapAdd: readonly string[] | null;
    readonly RestartPolicy: { readonly Name: string; readonly MaximumRetryCount: number };
    readonly Devices: readonly unknown[] | null;
    readonly Ulimits: readonly unknown[] | null;
  };
}

/** One container, with what the kernel says of its first process and what its file tree holds. */
export interface Subject {
  readonly service: string;
  readonly inspected: Inspected;
  /** `/proc/PID/status` of the first process. */
  readonly status: Readonly<Record<string, string>>;
  /** Command lines of every process. */
  readonly processes: readonly string[];
  /** Set-uid and set-gid files of the container's file tree. */
  readonly setuid: readonly string[];
  readonly image: {
    readonly healthcheck: boolean;
    readonly env: readonly string[];
    /** Digests: the one that runs, and the one that the registry has under the tag now. */
    readonly running: string;
    readonly newest: string;
  };
}

export interface DockerFacts {
  readonly subjects: readonly Subject[];
  readonly swarm: string;
  /** Names of `docker info`'s security options: `seccomp`, `apparmor`, `selinux`. */
  readonly security: readonly string[];
  readonly contentTrust: boolean;
  /** Every program that was started in a container during a whole verify: user and whether it was privileged. */
  readonly execs: readonly {
    readonly user: string;
    readonly privileged: boolean;
    readonly command: string;
  }[];
  /** Values that must be in no image. */
  readonly secrets: readonly string[];
}

interface Item {
  readonly id: string;
  readonly title: string;
  /** Only a person can judge it; why. */
  readonly byHand?: string;
  readonly host?: (facts: DockerFacts) => Answer;
  readonly container?: (subject: Subject, facts: DockerFacts) => Answer;
}

const SENSITIVE = ['/', '/boot', '/dev', '/etc', '/lib', '/proc', '/sys', '/usr', '/var/lib/docker'];
const within = (path: string, root: string) => path === root || (root !== '/' && path.startsWith(`${root}/`));
const VENDOR = "the images are their vendors'; nothing is built here";
const published = (s: Subject) =>
  Object.entries(s.inspected.NetworkSettings.Ports).flatMap(([inside, to]) =>
    (to ?? []).map((at) => ({ inside, ...at })),
  );
/** CAP_NET_BIND_SERVICE, capability 10, as the kernel writes sets. */
const BIND_SERVICE = 1n << 10n;

/** In the order of the benchmark. */
export const dockerItems: readonly Item[] = [
  {
    id: '4.1',
    title: 'A user for the container',
    container: ({ status }) => {
      const uids = (status.Uid ?? '0').split(/\s+/);
      return uids.includes('0') ? warn('runs as root') : pass(`uid ${uids[0]}`);
    },
  },
  { id: '4.2', title: 'Trusted base images', byHand: VENDOR },
  { id: '4.3', title: 'No unnecessary packages', byHand: VENDOR },
  {
    id: '4.4',
    title: 'Images are scanned and rebuilt',
    byHand: 'needs a vulnerability database; `images.update-known` says how updates are noticed',
  },
  {
    id: '4.5',
    title: 'Content trust',
    host: ({ contentTrust }) => (contentTrust ? pass('on') : warn('DOCKER_CONTENT_TRUST is not 1')),
  },
  {
    id: '4.6',
    title: 'HEALTHCHECK in the image',
    container: ({ image }) => (image.healthcheck ? pass('declared') : warn('the image declares none')),
  },
  { id: '4.7', title: 'No update instruction alone in a Dockerfile', byHand: VENDOR },
  {
    id: '4.8',
    title: 'No set-uid or set-gid programs',
    container: ({ setuid }) =>
      setuid.length === 0 ? pass('none') : warn(`${setuid.length} programs: ${setuid.join(', ')}`),
  },
  { id: '4.9', title: 'COPY instead of ADD', byHand: VENDOR },
  {
    id: '4.10',
    title: 'No secrets in images',
    container: ({ image }, { secrets }) => {
      const held = image.env.filter((e) => secrets.some((s) => e.includes(s)));
      const named = image.env.filter((e) => /(PASSWORD|SECRET|TOKEN|PRIVATE_KEY)=./.test(e));
      return unless(
        [...held, ...named].map((e) => `the image sets ${e.split('=')[0]}`),
        `${image.env.length} variables, none secret`,
      );
    },
  },
  { id: '4.11', title: 'Only verified packages', byHand: VENDOR },
  { id: '4.12', title: 'Signed artifacts are validated', byHand: VENDOR },
  {
    id: '5.1',
    title: 'No swarm mode',
    host: ({ swarm }) => (swarm === 'inactive' ? pass('inactive') : warn(swarm)),
  },
  {
    id: '5.2',
    title: 'AppArmor profile',
    container: ({ inspected }, { security }) => {
      if (!security.includes('apparmor')) return na('the host has no AppArmor');
      const profile = inspected.AppArmorProfile;
      return profile && profile !== 'unconfined' ? pass(profile) : warn(`profile ${profile || 'none'}`);
    },
  },
  {
    id: '5.3',
    title: 'SELinux options',
    container: ({ inspected }, { security }) => {
      if (!security.includes('selinux')) return na('the engine does not use SELinux');
      const off = (inspected.HostConfig.SecurityOpt ?? []).includes('label:disable');
      return off ? warn('labels are disabled') : pass('labelled');
    },
  },
  {
    id: '5.4',
    title: 'Restricted capabilities',
    container: ({ status }) => {
      const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
      const held = sets.reduce((all, name) => all | BigInt(`0x${status[name] ?? 'ffffffff'}`), 0n);
      return (held & ~BIND_SERVICE) === 0n
        ? pass(held === 0n ? 'none' : 'NET_BIND_SERVICE only')
        : warn(`0x${held.toString(16)}`);
    },
  },
  {
    id: '5.5',
    title: 'Not privileged',
    container: ({ inspected }) =>
      inspected.HostConfig.Privileged ? warn('privileged') : pass('not privileged'),
  },
  {
    id: '5.6',
    title: 'No sensitive host directory mounted',
    container: ({ inspected }) => {
      const binds = inspected.Mounts.filter((m) => m.Type === 'bind');
      return unless(
        binds.filter((m) => SENSITIVE.some((root) => within(m.Source, root))).map((m) => m.Source),
        `${binds.length} bind mounts`,
      );
    },
  },
  {
    id: '5.7',
    title: 'No sshd inside',
    container: ({ processes }) =>
      unless(
        processes.filter((p) => /\bsshd\b/.test(p)),
        `${processes.length} processes`,
      ),
  },
  {
    id: '5.8',
    title: 'No privileged ports of the host',
    container: (s) =>
      unless(
        published(s)
          .filter((p) => Number(p.HostPort) < 1024)
          .map((p) => `port ${p.HostPort}`),
        'none',
      ),
  },
  {
    id: '5.9',
    title: 'Only needed ports',
    container: (s) => {
      const needed = s.service === 'caddy' ? ['80/tcp', '443/tcp'] : [];
      return unless(
        published(s)
          .filter((p) => !needed.includes(p.inside))
          .map((p) => p.inside),
        needed.join(' and ') || 'none',
      );
    },
  },
  {
    id: '5.10',
    title: "Not the host's network",
    container: ({ inspected: { HostConfig: h } }) =>
      h.NetworkMode === 'host' ? warn('host') : pass(h.NetworkMode),
  },
  {
    id: '5.11',
    title: 'Memory is limited',
    container: ({ inspected: { HostConfig: h } }) =>
      h.Memory > 0 ? pass(`${h.Memory / 1_048_576} MiB`) : warn('no limit'),
  },
  {
    id: '5.12',
    title: 'CPU priority',
    container: ({ inspected: { HostConfig: h } }) =>
      h.NanoCpus > 0 || (h.CpuShares > 0 && h.CpuShares !== 1024)
        ? pass('set')
        : warn("the engine's default"),
  },
  {
    id: '5.13',
    title: 'Read-only root file system',
    container: ({ inspected: { HostConfig: h } }) =>
      h.ReadonlyRootfs ? pass('read-only') : warn('writable'),
  },
  {
    id: '5.14',
    title: 'Published on one address of the host',
    container: (s) =>
      unless(
        published(s)
          .filter((p) => ['', '0.0.0.0', '::'].includes(p.HostIp))
          .map((p) => `${p.HostPort} on every address`),
        'none on every address',
      ),
  },
  {
    id: '5.15',
    title: 'Restart policy on-failure, at most 5 times',
    container: ({
      inspected: {
        HostConfig: { RestartPolicy: p },
      },
    }) => (p.Name === 'on-failure' && p.MaximumRetryCount <= 5 ? pass(p.Name) : warn(p.Name)),
  },
  {
    id: '5.16',
    title: "Not the host's processes",
    container: ({ inspected: { HostConfig: h } }) => (h.PidMode === 'host' ? warn('host') : pass('own')),
  },
  {
    id: '5.17',
    title: "Not the host's IPC",
    container: ({ inspected: { HostConfig: h } }) =>
      h.IpcMode === 'private' ? pass('private') : warn(h.IpcMode),
  },
  {
    id: '5.18',
    title: 'No devices of the host',
    container: ({ inspected: { HostConfig: h } }) => unless((h.Devices ?? []).map(String), 'none'),
  },
  {
    id: '5.19',
    title: 'Default ulimits are overwritten if needed',
    container: ({ inspected: { HostConfig: h } }) =>
      (h.Ulimits ?? []).length > 0 ? pass('overwritten') : warn("the engine's default"),
  },
  {
    id: '5.20',
    title: 'No shared mount propagation',
    container: ({ inspected }) =>
      unless(
        inspected.Mounts.filter((m) => m.Propagation.includes('shared')).map((m) => m.Destination),
        'none',
      ),
  },
  {
    id: '5.21',
    title: "Not the host's UTS namespace",
    container: ({ inspected: { HostConfig: h } }) => (h.UTSMode === 'host' ? warn('host') : pass('own')),
  },
  {
    id: '5.22',
    title: 'Default seccomp profile',
    // 2: the kernel filters the system calls of this process.
    container: ({ status }) =>
      status.Seccomp === '2' ? pass('filtered') : warn(`Seccomp: ${status.Seccomp}`),
  },
  {
    id: '5.23',
    title: 'No privileged docker exec',
    host: ({ execs }) =>
      execs.length === 0
        ? warn('no exec was seen, so nothing was looked at')
        : unless(
            execs.filter((e) => e.privileged).map((e) => e.command),
            'none during a whole verify',
          ),
  },
  {
    id: '5.24',
    title: 'No docker exec as root',
    host: ({ execs }) =>
      execs.length === 0
        ? warn('no exec was seen, so nothing was looked at')
        : unless(
            execs.filter((e) => /^(0|root)(:|$)/.test(e.user)).map((e) => e.command),
            'none during a whole verify',
          ),
  },
  {
    id: '5.25',
    title: 'Cgroup as configured',
    container: ({ inspected: { HostConfig: h } }) =>
      h.CgroupParent === '' ? pass("the engine's") : warn(h.CgroupParent),
  },
  {
    id: '5.26',
    title: 'No additional privileges',
    container: ({ status }) =>
      status.NoNewPrivs === '1' ? pass('no_new_privs') : warn('may gain privileges'),
  },
  {
    id: '5.27',
    title: 'Health is checked at runtime',
    container: ({ inspected }) => {
      const health = inspected.State.Health?.Status;
      // Shortly after a start the first answer is still awaited: it is checked all the same.
      return health === 'healthy' || health === 'starting' ? pass(health) : warn(health ?? 'no health check');
    },
  },
  {
    id: '5.28',
    title: 'The latest version of the image',
    container: ({ image }) =>
      image.running === image.newest
        ? pass('what the registry has')
        : warn(`${image.running} is not ${image.newest}`),
  },
  {
    id: '5.29',
    title: 'Number of processes is limited',
    container: ({ inspected: { HostConfig: h } }) =>
      (h.PidsLimit ?? 0) > 0 ? pass(String(h.PidsLimit)) : warn('no limit'),
  },
  {
    id: '5.30',
    title: 'Not on docker0',
    container: ({ inspected }) =>
      unless(
        Object.keys(inspected.NetworkSettings.Networks).filter((n) => n === 'bridge'),
        'own networks',
      ),
  },
  {
    id: '5.31',
    title: "Not the host's user namespace",
    container: ({ inspected: { HostConfig: h } }) =>
      h.UsernsMode === 'host' ? warn('host') : pass("the engine's"),
  },
  {
    id: '5.32',
    title: 'No engine socket inside',
    container: ({ inspected }) =>
      unless(
        inspected.Mounts.filter((m) => m.Source.endsWith('.sock')).map((m) => m.Source),
        'none',
      ),
  },
];

/** Every judgement; items for a person are left out. */
export function judgeDocker(facts: DockerFacts): readonly Judged[] {
  return dockerItems.flatMap((item): readonly Judged[] => {
    if (item.host) return [{ item: item.id, ...item.host(facts) }];
    const { container } = item;
    if (!container) return [];
    return facts.subjects.map((s) => ({ item: item.id, subject: s.service, ...container(s, facts) }));
  });
}
