/** Looks whose result is shared: within one snapshot, and about the machine itself by all installs of one call. */
import type { SharedLooks } from '../core/host.ts';

/** The look's result; a look that is under way or done under this key is not made again. */
export function share<T>(looks: SharedLooks, key: string, look: () => Promise<T>): Promise<T> {
  let shared = looks.get(key) as Promise<T> | undefined;
  if (!shared) {
    shared = look();
    // Whoever shares it sees the rejection; nobody sharing it yet must not end the process.
    shared.catch(() => {});
    looks.set(key, shared);
  }
  return shared;
}

/** Commands whose answer is the same for every install on this machine. */
const OF_THE_MACHINE: readonly string[] = [
  'docker info --format {{json .}}',
  'docker compose version --short',
  'timedatectl show --property=NTPSynchronized --value',
];

/** True when the command asks the machine or its engine and names nothing of one install. */
export const asksTheMachine = (argv: readonly string[]): boolean => OF_THE_MACHINE.includes(argv.join(' '));
