/** User-namespace remapping: which uid of this host a uid inside a container really is. */
import type { HostReader } from '../../src/core/host.ts';
import { dockerInfo } from './engine.ts';

/** The user that the engine uses when it is told `userns-remap: default` (Docker, "Isolate containers with a user namespace"). */
const DEFAULT_USER = 'dockremap';

/**
 * What to add to a container's uid (and gid) to get the host's. 0 on an engine without userns-remap, and where Docker is
 * not installed, since nothing is remapped yet then. Shared within a snapshot.
 * @throws when the remapping cannot be told (guessing an owner would lock CoreCube out of its key);
 *   {@link DockerUnreachable} when the engine does not answer
 */
export function uidShift(host: HostReader): Promise<number> {
  return host.once('userns shift', async () => {
    const info = await dockerInfo(host);
    if (info === undefined || !isRemapped(info.SecurityOptions)) return 0;
    // With userns-remap the engine keeps its data below the folder `<uid>.<gid>` of its root: the shift in use.
    const inUse = /\/(\d+)\.(\d+)\/?$/.exec(info.DockerRootDir);
    if (inUse) {
      if (inUse[1] !== inUse[2])
        throw new Error(
          `the engine remaps uids by ${inUse[1]} and gids by ${inUse[2]}; one number is expected`,
        );
      return Number(inUse[1]);
    }
    return firstSubordinate((await host.readText('/etc/subuid')) ?? '', DEFAULT_USER);
  });
}

/** True when `docker info` names the user namespace among its security options. */
export const isRemapped = (options: readonly string[] | null): boolean =>
  (options ?? []).some((option) => option.split(',').includes('name=userns'));

/**
 * Start of the user's range in /etc/subuid (subuid(5): `name:start:count`).
 * @throws when there is none that is wide enough
 */
export function firstSubordinate(text: string, user: string): number {
  for (const line of text.split('\n')) {
    const [name, start, count] = line.trim().split(':');
    if (name === user && /^[1-9]\d*$/.test(start ?? '') && Number(count) >= 65_536) return Number(start);
  }
  throw new Error(`the engine maps uids (userns-remap), and /etc/subuid has no range for ${user}`);
}
