/** Named volumes: who owns them. */
import type { Host } from '../../src/core/host.ts';
import { dockerRun } from './docker.ts';
import { HELPER_LABEL } from './layout.ts';

/**
 * Makes a named volume belong to the uid that uses it, with a one-shot container without network. Docker gives a
 * fresh volume the owner of the path in the image, or root where the image has no such path. Safe to repeat; never
 * removes or rewrites anything.
 */
export async function ensureVolumeOwner(
  host: Host,
  { volume, image, uid }: { readonly volume: string; readonly image: string; readonly uid: number },
): Promise<void> {
  const argv = [
    'docker',
    'run',
    '--rm',
    '--pull',
    'never',
    '--label',
    `${HELPER_LABEL}=volume-owner`,
    '--network',
    'none',
    '--read-only',
    '--user',
    '0:0',
    '--cap-drop',
    'ALL',
    // CHOWN to give away, DAC_READ_SEARCH to enter directories that belong to the uid already.
    '--cap-add',
    'CHOWN',
    '--cap-add',
    'DAC_READ_SEARCH',
    '--security-opt',
    'no-new-privileges:true',
    '--mount',
    `type=volume,source=${volume},target=/volume`,
    '--entrypoint',
    'chown',
    image,
    '-R',
    '-h',
    `${uid}:${uid}`,
    '/volume',
  ];
  await dockerRun(host, argv, {
    kind: 'command',
    fix: `give the volume ${volume} to uid ${uid} by hand, then run this again`,
  });
}
