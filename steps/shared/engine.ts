/** One typed look at the container engine: reachable or why not, and what it says of itself. */
import type { HostReader } from '../../src/core/host.ts';
import { DockerUnreachable } from './docker.ts';

/** The part of `docker info` that is read here. */
export interface EngineInfo {
  readonly ServerVersion: string;
  readonly OperatingSystem: string;
  readonly OSType: string;
  /** The kernel's name, for example `x86_64`. */
  readonly Architecture: string;
  readonly DockerRootDir: string;
  readonly SecurityOptions: readonly string[] | null;
  /** What it says about its own settings. */
  readonly Warnings?: readonly string[] | null;
  readonly ClientInfo?: { readonly Context?: string };
}

export type Engine =
  | { readonly state: 'ready'; readonly info: EngineInfo }
  | { readonly state: 'not-installed' }
  | { readonly state: 'denied' | 'down' | 'podman' | 'refused'; readonly why: string };

/** Whether the engine answers this user. Never throws for an engine that does not; shared within a snapshot. */
export function engine(host: HostReader): Promise<Engine> {
  return host.once('engine', async () => {
    const result = await host.query(['docker', 'info', '--format', '{{json .}}'], { timeoutMs: 10_000 });
    const why = lastLine(result.stderr);
    if (result.code === 127) return { state: 'not-installed' };
    const info = parse(result.stdout);
    if (
      /emulate docker cli using podman/i.test(result.stderr) ||
      (info && 'host' in info && !info.ServerVersion)
    )
      return { state: 'podman', why: 'the docker command is Podman' };
    // Older clients end with 0 although the server did not answer; the error is then part of the JSON.
    const error = why || lastLine((info?.ServerErrors ?? []).join('\n'));
    if (info?.ServerVersion) return { state: 'ready', info };
    // 124: no end in time. An engine that hangs does not answer, which is all that can be said.
    if (result.code === 124) return { state: 'down', why: error || 'no answer in time' };
    if (/permission denied/i.test(error)) return { state: 'denied', why: error };
    if (
      /cannot connect|is the docker daemon running|error during connect|connection refused|no such host|failed to connect/i.test(
        error,
      )
    )
      return { state: 'down', why: error };
    return { state: 'refused', why: error || `docker info ended with ${result.code}` };
  });
}

/**
 * Where the docker command connects to; undefined for its default. DOCKER_HOST outranks contexts.
 * @throws when docker does not tell
 */
export async function endpointOf(host: HostReader): Promise<string | undefined> {
  const given = host.env('DOCKER_HOST');
  if (given) return given;
  const seen = await engine(host);
  // The default context without DOCKER_HOST is the local socket; saves a process in every run.
  if (seen.state === 'ready' && seen.info.ClientInfo?.Context === 'default') return undefined;
  const result = await host.query(['docker', 'context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']);
  if (result.code === 0 && result.stdout.trim() !== '') return result.stdout.trim();
  // 127: there is no docker command at all, which another control says.
  if (result.code === 127) return undefined;
  throw new Error(
    `where docker connects to is not known: ${result.stderr.trim() || 'docker names no context'}`,
  );
}

/**
 * What the engine says of itself; undefined when Docker is not installed.
 * @throws {DockerUnreachable} when it is installed and does not answer
 */
export async function dockerInfo(host: HostReader): Promise<EngineInfo | undefined> {
  const seen = await engine(host);
  if (seen.state === 'ready') return seen.info;
  if (seen.state === 'not-installed') return undefined;
  throw new DockerUnreachable(`Docker Engine does not answer: ${seen.why}`);
}

/**
 * Versions of the plugin and of the old stand-alone program, as far as they are there. Shared within a snapshot.
 * @throws when one of them does not end in time
 */
export function composeVersion(
  host: HostReader,
): Promise<{ readonly plugin?: string; readonly old?: string }> {
  return host.once('compose version', async () => {
    const ask = async (argv: readonly string[]) => {
      const result = await host.query(argv);
      if (result.code === 124) throw new Error(`${argv.slice(0, 2).join(' ')} does not answer in time`);
      return result;
    };
    const plugin = await ask(['docker', 'compose', 'version', '--short']);
    if (plugin.code === 0 && plugin.stdout.trim() !== '') return { plugin: plugin.stdout.trim() };
    const old = await ask(['docker-compose', 'version', '--short']);
    return old.code === 0 ? { old: old.stdout.trim() } : {};
  });
}

function parse(text: string): (EngineInfo & { ServerErrors?: readonly string[] | null }) | undefined {
  try {
    return JSON.parse(text) as EngineInfo & { ServerErrors?: readonly string[] | null };
  } catch {
    return undefined;
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
