/** The install as a Compose project: the command line for it, its merged model, and Compose's own hashes. */
import { join } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';
import { masked } from '../../src/core/masked.ts';
import { docker } from './docker.ts';
import { ENV, PATH } from './layout.ts';
import { readEnv } from './postgres.ts';
import { directoryNames, projectDirectory } from './project-directory.ts';

/**
 * argv of `docker compose` for this install: its own files, the operator's override included when it exists. With
 * `bootstrap`, the first boot's file is merged too and its variables win over `.env`. `directory` is another name of the
 * install's directory.
 */
export async function composeArgv(
  host: HostReader,
  project: string,
  options: { readonly bootstrap?: boolean; readonly directory?: string } = {},
): Promise<string[]> {
  const files: string[] = [PATH.compose];
  if (await host.stat(PATH.override)) files.push(PATH.override);
  if (options.bootstrap) files.push(PATH.bootstrapCompose);
  const variables = options.bootstrap ? [PATH.env, PATH.bootstrapEnv] : [];
  const dir = options.directory ?? (await projectDirectory(host, project));
  return [
    ...['docker', 'compose', '--project-name', project, '--project-directory', dir],
    ...files.flatMap((file) => ['--file', join(dir, file)]),
    ...variables.flatMap((file) => ['--env-file', join(dir, file)]),
  ];
}

/** A service of the merged Compose model (`docker compose config --format json`). */
export interface ComposeService {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly init?: boolean;
  readonly entrypoint?: readonly string[] | null;
  readonly command?: readonly string[] | null;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly tmpfs?: readonly string[] | string;
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly env_file?: unknown;
  readonly labels?: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly pid?: string;
  readonly ipc?: string;
  readonly uts?: string;
  readonly userns_mode?: string;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly ports?: readonly {
    readonly target: number;
    readonly published?: string;
    readonly host_ip?: string;
    readonly protocol?: string;
    readonly mode?: string;
  }[];
  readonly volumes?: readonly {
    readonly type: string;
    readonly source?: string;
    readonly target: string;
    readonly read_only?: boolean;
  }[];
  readonly secrets?: readonly { readonly source: string; readonly target?: string }[];
  readonly restart?: string;
  /** Bytes. */
  readonly mem_limit?: string | number;
  readonly pids_limit?: number;
  readonly deploy?: {
    readonly resources?: { readonly limits?: { readonly memory?: string | number; readonly pids?: number } };
  };
  readonly healthcheck?: { readonly test?: readonly string[] | string; readonly disable?: boolean };
  readonly logging?: { readonly driver?: string; readonly options?: Readonly<Record<string, string>> };
  readonly devices?: readonly unknown[];
  readonly device_cgroup_rules?: readonly string[];
  readonly cgroup?: string;
  readonly sysctls?: Readonly<Record<string, unknown>> | readonly string[] | null;
  readonly group_add?: readonly (string | number)[];
  readonly post_start?: readonly ServiceHook[];
  readonly pre_stop?: readonly ServiceHook[];
  /** Bytes; -1: no bound. */
  readonly memswap_limit?: string | number;
  readonly oom_kill_disable?: boolean;
  readonly extra_hosts?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly container_name?: string;
  readonly hostname?: string;
}

/** A command that Compose runs in the container itself, after its start or before its end. */
interface ServiceHook {
  readonly user?: string | number;
  readonly privileged?: boolean;
}

export interface ComposeModel {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks?: Readonly<
    Record<
      string,
      {
        readonly name?: string;
        readonly internal?: boolean;
        readonly external?: boolean;
        readonly driver?: string;
        readonly driver_opts?: Readonly<Record<string, unknown>>;
        readonly enable_ipv6?: boolean;
        readonly ipam?: unknown;
      } | null
    >
  >;
  readonly volumes?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<
    Record<
      string,
      {
        readonly file?: string;
        /** The path that links lead to. */
        readonly realFile?: string;
        readonly environment?: string;
        readonly external?: boolean;
      }
    >
  >;
}

/** Docker Compose was asked and does not take the files: they are seen to be wrong, which is more than not seen. */
export class ComposeRefused extends Error {
  override readonly name = 'ComposeRefused';
}

/** What Compose says of files that it refuses, without the values that it quotes: a file of the operator's may hold secrets. */
function refusalOf(stderr: string): string {
  const variable = /invalid interpolation format for (\S+?)\.?\n/.exec(stderr)?.[1];
  return variable === undefined
    ? masked(stderr.trim().split('\n').at(-1) ?? '')
    : `${variable} has a $ that names no variable; a plain $ is written $$`;
}

/**
 * stdout of `docker compose … config`.
 * @throws {ComposeRefused} with Compose's own words; {@link Error} when Compose itself could not be asked
 */
async function composeConfig(host: HostReader, argv: readonly string[], input?: string): Promise<string> {
  const result =
    input === undefined
      ? await docker(host, argv)
      : await host.query(['docker', ...argv], { timeoutMs: 15_000, input });
  if (result.code === 0) return result.stdout;
  const said = refusalOf(result.stderr) || `exit ${result.code}`;
  // 124: no answer in time, 126 and 127: no program; without the plugin docker takes `compose` for an unknown word.
  if ([124, 126, 127].includes(result.code) || /is not a docker command|unknown (shorthand )?flag/.test(said))
    throw new Error(`docker compose could not be asked: ${said}`);
  throw new ComposeRefused(`Docker Compose refuses the files: ${said}`);
}

/**
 * What Compose makes of compose.yaml and, when `merged`, the operator's override. Undefined when there is no
 * compose.yaml. Holds secrets of `.env`: never print it.
 * @throws {ComposeRefused} when Compose does not take the files
 */
export function composeModel(
  host: HostReader,
  project: string,
  which: 'merged' | 'own' = 'merged',
): Promise<ComposeModel | undefined> {
  return host.once(`compose model ${project} ${which}`, async () => {
    if (!(await host.stat(PATH.compose))) return undefined;
    if (which === 'own' && !(await host.stat(PATH.override))) return composeModel(host, project, 'merged');
    const interpolate = (await hasVariables(host)) ? [] : ['--no-interpolate'];
    const argv = await composeArgv(host, project);
    const files = which === 'merged' ? argv : argv.slice(0, argv.indexOf('--file') + 2);
    const output = await composeConfig(host, [
      ...files.slice(1),
      'config',
      '--format',
      'json',
      ...interpolate,
    ]);
    return withRealPaths(host, withMaps(JSON.parse(output) as ComposeModel));
  });
}

/**
 * Whether `.env` has every variable that our file asks for. Without one Compose refuses the files, which says nothing about
 * them: they are read as they are written.
 */
async function hasVariables(host: HostReader): Promise<boolean> {
  const env = await readEnv(host);
  return env !== undefined && [ENV.main, ENV.app, ENV.maintenance].every((name) => env.get(name));
}

/** Under another name a directory is the same directory: mounts are told by the path that links lead to. */
async function withRealPaths(host: HostReader, model: ComposeModel): Promise<ComposeModel> {
  const real = async (service: ComposeService): Promise<ComposeService> => ({
    ...service,
    ...(service.volumes === undefined
      ? {}
      : {
          volumes: await Promise.all(
            service.volumes.map(async (volume) =>
              volume.type === 'bind' && volume.source !== undefined
                ? { ...volume, source: await host.realPath(volume.source) }
                : volume,
            ),
          ),
        }),
  });
  const services = Object.entries(model.services).map(async ([name, s]) => [name, await real(s)] as const);
  const secrets = Object.entries(model.secrets ?? {}).map(
    async ([name, s]) =>
      [name, s.file === undefined ? s : { ...s, realFile: await host.realPath(s.file) }] as const,
  );
  return {
    ...model,
    services: Object.fromEntries(await Promise.all(services)),
    ...(model.secrets ? { secrets: Object.fromEntries(await Promise.all(secrets)) } : {}),
  };
}

/** With `--no-interpolate` Compose leaves the variables and labels of merged files as lists of `NAME=value`. */
function withMaps(model: ComposeModel): ComposeModel {
  const toMap = (value: unknown) => {
    if (!Array.isArray(value)) return value;
    const pairs = value.map((entry) => {
      const at = String(entry).indexOf('=');
      return at < 0 ? [entry, null] : [String(entry).slice(0, at), String(entry).slice(at + 1)];
    });
    return Object.fromEntries(pairs);
  };
  const services = Object.entries(model.services).map(([name, service]) => {
    const changed: Record<string, unknown> = { ...service };
    for (const key of ['environment', 'labels'] as const)
      if (service[key] !== undefined) changed[key] = toMap(service[key]);
    return [name, changed];
  });
  return { ...model, services: Object.fromEntries(services) };
}

/**
 * Compose's own hash of each declared service, as it labels containers with it, under the name of the directory that the
 * container knows. While a first boot is under way its
 * extra file counts. Empty without compose.yaml.
 * @throws {ComposeRefused} when Compose does not take the files
 */
export function configHashes(
  host: HostReader,
  project: string,
  bootstrap: boolean,
): Promise<ReadonlyMap<string, string>> {
  return host.once(`compose hashes ${project} ${bootstrap}`, async () => {
    if (!(await host.stat(PATH.compose))) return new Map();
    const hashes = async (directory: string) => {
      const argv = (await composeArgv(host, project, { bootstrap, directory })).slice(1);
      const output = (await namesEnvFiles(host))
        ? await resolvedHashes(host, argv)
        : await composeConfig(host, [...argv, 'config', '--hash', '*']);
      return output
        .split('\n')
        .map((line) => line.trim().split(/\s+/) as [string, string])
        .filter(([service]) => service !== '');
    };
    const usual = await projectDirectory(host, project);
    const known = await directoryNames(host, project);
    const others = [...new Set(known.values())].filter((name) => name !== usual);
    const byOther = await Promise.all(
      others.map(async (name) => (await hashes(name)).filter(([service]) => known.get(service) === name)),
    );
    return new Map([...(await hashes(usual)), ...byOther.flat()]);
  });
}

/** Whether a file of the operator's takes variables from further files. */
async function namesEnvFiles(host: HostReader): Promise<boolean> {
  const texts = await Promise.all([PATH.compose, PATH.override].map((file) => host.readText(file)));
  return texts.some((text) => text?.includes('env_file'));
}

/** `up` puts what env files hold into the service before it hashes it, `config --hash` does not: the resolved model is hashed. */
async function resolvedHashes(host: HostReader, argv: readonly string[]): Promise<string> {
  const model = await composeConfig(host, [...argv, 'config', '--format', 'json']);
  const named = argv.slice(0, argv.indexOf('--file'));
  return composeConfig(host, [...named, '--file', '-', 'config', '--hash', '*'], model);
}
