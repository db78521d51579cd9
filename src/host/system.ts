import { readFile, statfs } from 'node:fs/promises';
import { arch, totalmem } from 'node:os';
import { dirname } from 'node:path';

/** Facts of this machine: user, architecture, memory and free disk in MiB, distribution. */
export async function systemFacts(dir: string) {
  const MIB = 1024 * 1024;
  let place = dir;
  let disk = await statfs(place).catch(() => undefined);
  while (!disk && dirname(place) !== place) {
    place = dirname(place);
    disk = await statfs(place).catch(() => undefined);
  }
  if (!disk) throw new Error(`the file system of ${dir} cannot be looked at`);
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(release)?.[1] ?? '';
  return {
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    arch: arch(),
    memoryMb: Math.floor(totalmem() / MIB),
    diskFreeMb: Math.floor((disk.bavail * disk.bsize) / MIB),
    os: `${field('ID') || 'unknown'} ${field('VERSION_ID')}`.trim(),
  };
}
