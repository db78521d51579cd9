/** What the engine adds to a container's uid on this host. */
import type { HostReader } from '../../src/core/host.ts';
import { docker } from './docker.ts';

/**
 * 0, or with `userns-remap` the first subordinate uid of `dockremap`: files for a container's uid N belong to
 * shift + N on the host. Shared within a snapshot.
 * @throws when the engine remaps and the range cannot be read; {@link DockerUnreachable} when it does not answer
 */
export function uidShift(host: HostReader): Promise<number> {
  return host.once('uid shift', async () => {
    const result = await docker(host, ['info', '--format', '{{json .SecurityOptions}}']);
    if (result.code !== 0) throw new Error(`docker info failed: ${result.stderr.trim()}`);
    const options = JSON.parse(result.stdout) as readonly string[] | null;
    if (!options?.some((option) => option.split(',').includes('name=userns'))) return 0;
    return firstSubordinate((await host.readText('/etc/subuid')) ?? '', 'dockremap');
  });
}

/** The start of a user's first range in `/etc/subuid` (subuid(5): name:start:count). */
export function firstSubordinate(subuid: string, user: string): number {
  const range = subuid
    .split('\n')
    .map((line) => line.trim().split(':'))
    .find(([name]) => name === user);
  const start = Number(range?.[1]);
  if (!Number.isInteger(start) || start <= 0)
    throw new Error(`the engine maps uids (userns-remap), and /etc/subuid has no range for ${user}`);
  return start;
}
