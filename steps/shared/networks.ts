/** One typed look at a network of the install, as the engine made it. */
import type { HostReader } from '../../src/core/host.ts';
import { docker } from './docker.ts';

/** The part of `docker network inspect` that is read here. */
export interface Network {
  readonly Internal: boolean;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Containers: Readonly<Record<string, { readonly Name: string }>> | null;
}

/** Shared within a snapshot; undefined when there is no such network. @throws when it cannot be looked at */
export const networkOf = (host: HostReader, project: string, name: string): Promise<Network | undefined> =>
  host.once(`network ${project}_${name}`, () => lookAtNetwork(host, project, name));

/** As it is at this moment, for a change that must not act on what was seen before. */
export async function lookAtNetwork(
  host: HostReader,
  project: string,
  name: string,
): Promise<Network | undefined> {
  const result = await docker(host, ['network', 'inspect', `${project}_${name}`]);
  if (result.code === 0) return (JSON.parse(result.stdout) as [Network])[0];
  if (/no such network|not found/i.test(result.stderr)) return undefined;
  throw new Error(`the network cannot be looked at: ${result.stderr.trim()}`);
}
