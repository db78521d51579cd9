/** What is wrong with the containers that really run, per property: `docker inspect` and the kernel, not the files. */
import type { HostReader } from '../../src/core/host.ts';
import { mountedOver } from '../compose/programs.ts';
import { bootstrapInProgress } from './admin-credentials.ts';
import { allowedCapabilities } from './capabilities.ts';
import { type ComposeService, composeModel, configHashes } from './compose-project.ts';
import { type Container, containersOf, withRealSources } from './docker.ts';
import { otherThanHeld } from './held-images.ts';
import { PATH } from './layout.ts';
import { hardening, isolation } from './running-inspect.ts';
import { uidShift } from './userns.ts';

export type RunningProperty =
  | 'read-only'
  | 'capabilities'
  | 'no-new-privileges'
  | 'user'
  | 'tmpfs'
  | 'program'
  | 'init'
  | 'limits'
  | 'isolation'
  | 'networks'
  | 'requests'
  | 'ports'
  | 'data-volume'
  | 'healthchecks'
  | 'logs'
  | 'current'
  | 'restart';

export interface Violation {
  readonly service: string;
  readonly property: RunningProperty;
  readonly text: string;
}

export interface Looked {
  /** Services whose container runs; what is not among them was not seen. */
  readonly running: readonly string[];
  readonly violations: readonly Violation[];
  /** What could not be compared, by property, with the reason: never good, whatever else was seen. */
  readonly unseen: ReadonlyMap<RunningProperty, string>;
}

/** Takes a violation down, with a sentence about the container. */
export type Add = (property: RunningProperty, text: string) => void;

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
    const unseen = new Map<RunningProperty, string>();
    const declared = await declarations(host, project);
    const found = await Promise.all(
      services.map(async (service) =>
        (await containersOf(host, project, service))
          .filter((c) => c.State.Running)
          .map((container, _, all) => ({ service, container, isOne: all.length === 1 })),
      ),
    );
    for (const { service, container, isOne } of found.flat()) {
      if (!running.includes(service)) running.push(service);
      const name = isOne ? service : `${service} (${container.Name.slice(1)})`;
      const add: Add = (property, text) => violations.push({ service, property, text: `${name} ${text}` });
      hardening(container, service, users[service] as string, project, add);
      const real = await withRealSources(host, container);
      for (const text of isolation(real, host.dir)) add('isolation', text);
      for (const what of mountedOver(service, real, host.dir)) add('program', what);
      await inKernel(host, container, users[service] as string, service, add);
      if (declared instanceof Error) {
        // The container is there to be seen; what the files would make of it is not.
        for (const property of ['current', 'limits'] as const) unseen.set(property, declared.message);
        continue;
      }
      const declaration = declared.services[service];
      const untold = declaration && limits(container, declaration, add);
      if (untold !== undefined) unseen.set('limits', untold);
      if (!declaration) unseen.set('limits', `the files declare no ${service}`);
      const label = container.Config.Labels['com.docker.compose.config-hash'];
      if (label === undefined || label !== declared.hashes.get(service))
        add('current', 'was created from another declaration than the files give now');
      const other = await otherThanHeld(host, project, service, container);
      if (other !== undefined) add('current', other);
    }
    return { running, violations, unseen };
  });
}

interface Declared {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly hashes: ReadonlyMap<string, string>;
}

/** What the files declare now, or why that cannot be told. */
async function declarations(host: HostReader, project: string): Promise<Declared | Error> {
  try {
    const bootstrap =
      (await bootstrapInProgress(host)) && (await host.stat(PATH.bootstrapCompose)) !== undefined;
    const [model, hashes] = await Promise.all([
      composeModel(host, project),
      configHashes(host, project, bootstrap),
    ]);
    return { services: model?.services ?? {}, hashes };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * `docker update` changes limits in a running container without a trace in the files or in Compose's label.
 * @returns why a declared limit cannot be compared; undefined when each can
 */
function limits({ HostConfig: h }: Container, declared: ComposeService, add: Add): string | undefined {
  const asked = declared.deploy?.resources?.limits;
  const memory = Number(declared.mem_limit ?? asked?.memory ?? 0);
  if (h.Memory && memory > 0 && h.Memory !== memory)
    add('limits', `may use ${mib(h.Memory)} of memory, declared are ${mib(memory)}`);
  const pids = Number(declared.pids_limit ?? asked?.pids ?? 0);
  if (h.PidsLimit && h.PidsLimit > 0 && pids > 0 && h.PidsLimit !== pids)
    add('limits', `may start ${h.PidsLimit} processes, declared are ${pids}`);
  return Number.isNaN(memory) || Number.isNaN(pids) ? 'a declared limit is not a number' : undefined;
}

const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;

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
  // Bit 10: CAP_NET_BIND_SERVICE (linux/capability.h).
  const allowed = allowedCapabilities(service).includes('NET_BIND_SERVICE') ? 1n << 10n : 0n;
  const kinds = [
    ['CapEff', 'with'],
    // What a process may still get: by a file capability, or as root after a user change.
    ['CapBnd', 'that may get'],
  ] as const;
  for (const [name, how] of kinds) {
    const set = field(name);
    if (set !== undefined && (BigInt(`0x${set}`) & ~allowed) !== 0n)
      add('capabilities', `has a first process ${how} the capabilities 0x${set}`);
  }
  if (field('Seccomp') === '0') add('isolation', 'runs without a system call filter');
}
