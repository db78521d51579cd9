/** The directory of the secrets: how open it has to be, and how it is made. */
import type { Host, HostReader } from '../../src/core/host.ts';
import { PATH } from './layout.ts';
import { uidShift } from './userns.ts';

/**
 * Its mode. 0700: a container's uid is also the uid of somebody on this host (1000 is mostly the first account), who must
 * not get to the files that belong to it; the engine mounts each file as root. With userns-remap it mounts them as a
 * user of its own, who has to pass: 0711, and nobody on this host has the shifted uids.
 * @throws as {@link uidShift}
 */
export const secretsDirectoryMode = async (host: HostReader): Promise<number> =>
  (await uidShift(host)) === 0 ? 0o700 : 0o711;

/** Makes it, or gives it its mode and the operator as its owner. */
export async function makeSecretsDirectory(host: Host): Promise<void> {
  const { uid, gid } = await host.system();
  await host.makeDirectory(PATH.secrets, { mode: await secretsDirectoryMode(host), uid, gid });
}
