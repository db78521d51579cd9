/** What the steps know about Docker: typed looks at containers, images and the merged Compose model. */
import { ChangeError } from '../../src/core/errors.ts';
import type { CommandResult, Host, HostReader } from '../../src/core/host.ts';

/** The part of `docker inspect CONTAINER` that the controls read. */
export interface Container {
  readonly Id: string;
  readonly Name: string;
  /** Image id (`sha256:…`), not the reference. */
  readonly Image: string;
  readonly Created: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly Restarting: boolean;
    readonly Paused?: boolean;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Pid: number;
    readonly StartedAt: string;
    readonly Health?: { readonly Status: string; readonly Log?: readonly { readonly Output: string }[] };
  };
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[] | null;
    readonly Image: string;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: { readonly Test?: readonly string[] | null } | null;
  };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly ReadonlyRootfs: boolean;
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly NetworkMode: string;
    /** `docker run --rm`. */
    readonly AutoRemove?: boolean;
    readonly PidMode: string;
    readonly IpcMode: string;
    readonly UsernsMode: string;
    readonly UTSMode?: string;
    readonly Init?: boolean | null;
    readonly PidsLimit: number | null;
    readonly Memory: number;
    readonly RestartPolicy: { readonly Name: string };
    readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
    readonly Tmpfs?: Readonly<Record<string, string>> | null;
    readonly PortBindings?: Readonly<
      Record<string, readonly { HostIp: string; HostPort: string }[] | null>
    > | null;
    readonly Devices?: readonly unknown[] | null;
    readonly DeviceCgroupRules?: readonly string[] | null;
    readonly GroupAdd?: readonly string[] | null;
    readonly Sysctls?: Readonly<Record<string, string>> | null;
    /** Bytes of memory and swap together; -1: no bound. */
    readonly MemorySwap?: number;
    readonly OomKillDisable?: boolean | null;
    readonly ExtraHosts?: readonly string[] | null;
  };
  readonly Mounts: readonly {
    readonly Type: string;
    readonly Name?: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>;
    readonly Networks: Readonly<
      Record<
        string,
        {
          readonly IPAddress: string;
          readonly Gateway: string;
          readonly GlobalIPv6Address: string;
          readonly NetworkID: string;
          /** What it was asked to be called there; null: nothing was asked. */
          readonly Aliases?: readonly string[] | null;
          /** Every name that the engine's resolver gives it there (API 1.44 and later). */
          readonly DNSNames?: readonly string[] | null;
        }
      >
    >;
  };
}

/**
 * True for a container in which something can be looked at; Docker calls one that is paused, or restarts again and again,
 * running too.
 */
export const isSteady = ({ State }: Container): boolean =>
  State.Running && !State.Paused && !State.Restarting && (State.Health?.Status ?? 'healthy') === 'healthy';

/** Compose's label of the service that a container is of; undefined for one that somebody made by hand. */
export const serviceOf = ({ Config }: Pick<Container, 'Config'>): string | undefined =>
  Config.Labels['com.docker.compose.service'];

/** Compose's label of the project that a container belongs to. */
export const projectOf = ({ Config }: Pick<Container, 'Config'>): string | undefined =>
  Config.Labels['com.docker.compose.project'];

/** The environment that a container was given: by the files, by its image, by the configuration of Docker's client. */
export const variablesOf = ({ Config }: Pick<Container, 'Config'>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (Config.Env ?? []).map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );

/** The Docker Engine did not answer, or refused this user. Controls that meet it are `unknown`. */
export class DockerUnreachable extends Error {
  override readonly name = 'DockerUnreachable';
}

/** A docker command whose failure to reach the engine is an error and whose other failures are values. */
export async function docker(
  host: HostReader,
  args: readonly string[],
  timeoutMs = 15_000,
): Promise<CommandResult> {
  const result = await host.query(['docker', ...args], { timeoutMs });
  const text = result.stderr.trim();
  if (
    result.code !== 0 &&
    /cannot connect to the docker daemon|permission denied while trying to connect|error during connect|is the docker daemon running/i.test(
      text,
    )
  ) {
    throw new DockerUnreachable(`Docker Engine does not answer: ${text.split('\n')[0]}`);
  }
  return result;
}

/** Like `docker`, for looks that must succeed; returns stdout. */
export async function dockerOutput(
  host: HostReader,
  args: readonly string[],
  timeoutMs?: number,
): Promise<string> {
  const result = await docker(host, args, timeoutMs);
  if (result.code !== 0)
    throw new Error(
      `docker ${args[0]} failed: ${result.stderr.trim().split('\n').at(-1) ?? `exit ${result.code}`}`,
    );
  return result.stdout;
}

/**
 * Every container of the Compose project, running or not, those that were made by hand with its label too; the one-off
 * containers of `docker compose run` are left out. Shared within a snapshot.
 */
export function containers(host: HostReader, project: string): Promise<readonly Container[]> {
  return host.once(`containers ${project}`, async () => {
    const ids = await dockerOutput(host, [
      'ps',
      '--all',
      '--no-trunc',
      '--quiet',
      '--filter',
      `label=com.docker.compose.project=${project}`,
    ]);
    const list = ids.split('\n').filter(Boolean);
    if (list.length === 0) return [];
    const all = JSON.parse(
      await dockerOutput(host, ['inspect', '--type', 'container', ...list]),
    ) as Container[];
    // By what the label says, not by whether there is one: a container made by hand has none.
    return all.filter((c) => c.Config.Labels['com.docker.compose.oneoff'] !== 'True');
  });
}

/** Every container of one service: several when the service was scaled, or somebody has made one like it. */
export async function containersOf(
  host: HostReader,
  project: string,
  service: string,
): Promise<readonly Container[]> {
  const all = await containers(host, project);
  return all.filter((c) => serviceOf(c) === service);
}

/**
 * Every container of this engine, running or not, whoever made it; one that is removed meanwhile is left out. Shared
 * within a snapshot.
 */
export function everyContainer(host: HostReader): Promise<readonly Container[]> {
  return host.once('every container', async () => {
    const ids = await dockerOutput(host, ['ps', '--all', '--no-trunc', '--quiet']);
    const list = ids.split('\n').filter(Boolean);
    if (list.length === 0) return [];
    const { code, stdout, stderr } = await docker(host, ['inspect', '--type', 'container', ...list]);
    const said = stderr.split('\n').filter((line) => line.trim() !== '');
    if (code !== 0 && !(said.length > 0 && said.every((line) => /no such (container|object)/i.test(line))))
      throw new Error(`docker inspect failed: ${said.at(-1) ?? `exit ${code}`}`);
    return JSON.parse(stdout) as Container[];
  });
}

/** The container with its bind mounts named by the path that links lead to: another name is no other directory. */
export async function withRealSources(host: HostReader, container: Container): Promise<Container> {
  const real = async (mount: Container['Mounts'][number]) =>
    mount.Type === 'bind' ? { ...mount, Source: await host.realPath(mount.Source) } : mount;
  return { ...container, Mounts: await Promise.all(container.Mounts.map(real)) };
}

/** The project's container of one service; `undefined` when none was ever created (or it was removed). */
export async function containerOf(
  host: HostReader,
  project: string,
  service: string,
): Promise<Container | undefined> {
  const all = await containersOf(host, project, service);
  return all.find((c) => c.State.Running) ?? all[0];
}

/** The container's address on one of the project's networks (`internal`, `edge`); undefined when it is not joined. */
export function addressOn(container: Container, project: string, network: string): string | undefined {
  return container.NetworkSettings.Networks[`${project}_${network}`]?.IPAddress || undefined;
}

/** Runs a looking command inside a running container. 126/127: the program is not there. */
export function execIn(
  host: HostReader,
  container: Container,
  argv: readonly string[],
  options: { user?: string; timeoutMs?: number } = {},
): Promise<CommandResult> {
  return docker(
    host,
    ['exec', ...(options.user === undefined ? [] : ['--user', options.user]), container.Id, ...argv],
    options.timeoutMs,
  );
}

/** What `docker image inspect` says of a local image; undefined when it is not here. */
export interface Image {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Architecture: string;
  readonly Os: string;
  readonly Config: {
    readonly User?: string;
    readonly Volumes?: Readonly<Record<string, unknown>> | null;
    readonly Env?: readonly string[] | null;
  };
}

export function image(host: HostReader, reference: string): Promise<Image | undefined> {
  return host.once(`image ${reference}`, async () => {
    const result = await docker(host, ['image', 'inspect', reference]);
    if (result.code !== 0) {
      if (/no such image/i.test(result.stderr)) return undefined;
      throw new Error(`docker image inspect failed: ${result.stderr.trim()}`);
    }
    return (JSON.parse(result.stdout) as Image[])[0];
  });
}

/** Runs a docker command that changes something; a failure is a `ChangeError` with the last log lines. */
export async function dockerRun(
  host: Host,
  argv: readonly string[],
  failure: { kind: ChangeError['kind']; fix: string },
  options: { timeoutMs?: number; env?: Readonly<Record<string, string>>; input?: string } = {},
): Promise<string> {
  const result = await host.run(argv, {
    timeoutMs: 120_000,
    ...options,
    onLine: (line) => host.progress(line),
  });
  if (result.code !== 0) {
    const lines = `${result.stdout}\n${result.stderr}`
      .split('\n')
      .map((l) => l.trim())
      .filter(Boolean);
    throw new ChangeError(
      failure.kind,
      `${argv.slice(0, 2).join(' ')} ended with ${result.code}: ${lines.at(-1) ?? 'no output'}`,
      failure.fix,
      lines.slice(-15),
    );
  }
  return result.stdout;
}
