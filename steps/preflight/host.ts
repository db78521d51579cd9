/** The machine: room, clock, a file system that keeps modes, and a firewall that Docker goes around. */
import { dirname } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { engine } from '../shared/engine.ts';
import { MINIMUM } from '../shared/minimums.ts';
import { ID, type PreflightControl } from './common.ts';

const section = 'operation';
const gib = (mib: number): string => `${(mib / 1024).toFixed(1)} GiB`;

interface Room {
  readonly place: string;
  /** MiB; why it is not known otherwise. */
  readonly free: number | { readonly unknown: string; readonly awaits?: string };
}

/** Free room where the install is and where the engine keeps images and volumes. Shared within a snapshot. */
function rooms(host: HostReader): Promise<readonly Room[]> {
  return host.once('free disk', async () => {
    const found: Room[] = [{ place: host.dir, free: (await host.system()).diskFreeMb }];
    const seen = await engine(host);
    if (seen.state === 'ready' && seen.info.DockerRootDir) {
      const place = seen.info.DockerRootDir;
      const result = await host.query(['df', '-Pk', place]);
      // Available, capacity, mount point (POSIX, df -P): counted from the right, for the name of a device may hold spaces.
      const free = Number(result.stdout.trim().split('\n').at(-1)?.split(/\s+/).at(-3));
      const isTold = result.code === 0 && Number.isFinite(free);
      const why = result.stderr.trim().split('\n').at(-1) || `df ended with ${result.code}`;
      found.push({ place, free: isTold ? Math.floor(free / 1024) : { unknown: why } });
    } else if (seen.state !== 'not-installed') {
      const unknown = 'Docker Engine does not say where that is';
      found.push({ place: 'the place of images and volumes', free: { unknown, awaits: ID.reachable } });
    }
    return found;
  });
}

async function roomVerdict(host: HostReader, least: number): Promise<Verdict> {
  const all = await rooms(host);
  const seen = all.flatMap(({ place, free }) => (typeof free === 'number' ? [{ place, free }] : []));
  const short = seen.filter((room) => room.free < least);
  const say = (list: typeof seen) => list.map((room) => `${gib(room.free)} free at ${room.place}`).join(', ');
  if (short.length > 0) return fail(say(short), `at least ${gib(least)} free`);
  for (const { place, free } of all)
    if (typeof free !== 'number')
      return unknown(`the free space at ${place} is not known: ${free.unknown}`, free.awaits);
  return pass(say(seen));
}

const disk: PreflightControl = {
  id: 'host.disk',
  title: `At least ${gib(MINIMUM.disk.hard)} of disk are free`,
  severity: 'required',
  section,
  refs: ['CIS Docker 1.1.1'],
  manual: true,
  how: 'Reads the free space where the install is and where the engine keeps its data (df), against the least that is needed to run.',
  threat: 'A full disk stops PostgreSQL in the middle of a write and loses audit records.',
  remedy: 'Free or add disk space; docker system df shows what images and build caches hold.',
  impact: 'None.',
  inspect: ({ host }) => roomVerdict(host, MINIMUM.disk.hard),
};

const diskReserve: PreflightControl = {
  id: 'host.disk-reserve',
  title: `At least ${gib(MINIMUM.disk.soft)} of disk are free for growth`,
  severity: 'advised',
  section,
  how: 'Reads the same free space, against what a growing index and audit log need.',
  threat: 'Documents, their index and the audit log grow; a small disk is full within weeks.',
  remedy: 'Add disk space, or move the data folder of Docker to a larger disk, before much is indexed.',
  impact: 'None.',
  inspect: ({ host }) => roomVerdict(host, MINIMUM.disk.soft),
};

const memoryVerdict = async (host: HostReader, least: number): Promise<Verdict> => {
  const { memoryMb } = await host.system();
  return memoryMb >= least ? pass(`${memoryMb} MiB`) : fail(`${memoryMb} MiB`, `at least ${least} MiB`);
};

const memory: PreflightControl = {
  id: 'host.memory',
  title: 'The host has at least 1 GiB of memory',
  severity: 'required',
  section,
  manual: true,
  how: "Reads the host's total memory from the kernel, against the least that is needed to run.",
  threat: 'The kernel ends processes when memory runs out, PostgreSQL first.',
  remedy: 'Give the machine more memory.',
  impact: 'A restart of the machine, as a rule.',
  inspect: ({ host }) => memoryVerdict(host, MINIMUM.memory.hard),
};

const memoryReserve: PreflightControl = {
  id: 'host.memory-reserve',
  title: 'The host has at least 4 GiB of memory',
  severity: 'advised',
  section,
  how: "Reads the host's total memory from the kernel, against what uploads and vector searches need.",
  threat: 'Uploads and vector searches push a small machine into swapping, and health checks fail.',
  remedy: 'Give the machine more memory, or run the model services elsewhere.',
  impact: 'A restart of the machine, as a rule.',
  inspect: ({ host }) => memoryVerdict(host, MINIMUM.memory.soft),
};

/** Nothing that this tool was written for exists before: a clock behind it was never set. */
const EARLIEST = Date.UTC(2025, 0, 1);

const TIME_SERVICES = ['chrony', 'chronyd', 'ntp', 'ntpsec', 'systemd-timesyncd'];

const clock: PreflightControl = {
  id: 'host.clock',
  title: 'The clock is kept by a time service',
  severity: 'advised',
  section,
  refs: ['RFC 5905'],
  how: 'Asks timedatectl whether the clock is synchronised, else systemctl whether a time service is active; the time itself is not compared with another source.',
  threat:
    'A wrong clock makes certificates invalid, webhooks too old (five minutes are allowed), and the audit log worthless.',
  remedy: 'timedatectl set-ntp true, or install chrony or systemd-timesyncd.',
  impact: 'The clock may jump once.',
  async inspect({ host }) {
    const now = host.now();
    if (now.getTime() < EARLIEST) return fail(`the clock says ${now.toISOString()}`, 'the present date');
    const result = await host.query(['timedatectl', 'show', '--property=NTPSynchronized', '--value']);
    const said = result.stdout.trim();
    if (result.code === 0 && said === 'yes') return pass('timedatectl: synchronised');
    if (result.code === 0 && said === 'no')
      return fail('timedatectl: not synchronised', 'a clock that is synchronised over the network');
    if (!/not been booted with systemd/i.test(result.stderr)) {
      const active = await host.query(['systemctl', 'is-active', ...TIME_SERVICES]);
      const at = active.stdout.split('\n').indexOf('active');
      if (at >= 0) return pass(`${TIME_SERVICES[at]} is active`);
    }
    return unknown('neither timedatectl nor a time service tells whether the clock is synchronised');
  },
};

/** File systems without owners and modes of their own, or that pretend to have them. */
const MODELESS = new Set([
  'vfat',
  'msdos',
  'exfat',
  'ntfs',
  'ntfs3',
  'ntfs-3g',
  'fuseblk',
  'fuse.exfat',
  'cifs',
  'smb3',
  'smb2',
  'smbfs',
  '9p',
  'v9fs',
  'drvfs',
  'wslfs',
  'vboxsf',
  'fuse.vmhgfs-fuse',
  'fuse.sshfs',
  'prl_fs',
  'hfsplus',
  'udf',
  'iso9660',
]);
/** File systems of the kernel that keep owners and modes, by the names that findmnt and stat give them. */
const WITH_MODES = new Set([
  ...[
    'ext2',
    'ext3',
    'ext4',
    'ext2/ext3',
    'xfs',
    'btrfs',
    'zfs',
    'bcachefs',
    'f2fs',
    'jfs',
    'nilfs',
    'nilfs2',
  ],
  ...[
    'reiserfs',
    'overlay',
    'overlayfs',
    'tmpfs',
    'ramfs',
    'rootfs',
    'ecryptfs',
    'virtiofs',
    'ubifs',
    'erofs',
  ],
  ...['nfs', 'nfs4', 'ceph', 'glusterfs', 'beegfs', 'lustre', 'gfs2', 'gfs/gfs2', 'ocfs2', 'gpfs', 'afs'],
]);
/** File systems in user space that keep owners and modes; of all others it is not known, so they do not pass. */
const FUSE_WITH_MODES = new Set([
  'fuse.glusterfs',
  'fuse.fuse-overlayfs',
  'fuse.mergerfs',
  'fuse.bindfs',
  'fuse.zfs',
  'fuse.ceph',
  'fuse.ceph-fuse',
  'fuse.juicefs',
]);
const keepsModes = (type: string): boolean => WITH_MODES.has(type) || FUSE_WITH_MODES.has(type);
/** A file system that is neither known to keep modes nor one that somebody would mistake for such. */
const isStrange = (type: string): boolean =>
  !keepsModes(type) && !MODELESS.has(type) && !/^fuse(\.|$)/.test(type);

const REMOTE = new Set([
  ...['nfs', 'nfs4', 'ceph', 'glusterfs', 'fuse.glusterfs', 'beegfs', 'lustre', 'afs', 'gpfs'],
  ...[
    'cifs',
    'smb2',
    'smb3',
    'smbfs',
    '9p',
    'v9fs',
    'fuse.sshfs',
    'fuse.ceph',
    'fuse.ceph-fuse',
    'fuse.juicefs',
  ],
]);

/** Type of the file system that holds the install directory, or would. Shared within a snapshot. */
function fileSystem(host: HostReader): Promise<{ readonly type: string; readonly at: string }> {
  return host.once('file system', async () => {
    let place = host.dir;
    while (!(await host.stat(place)) && dirname(place) !== place) place = dirname(place);
    const found = await host.query(['findmnt', '--noheadings', '--output', 'FSTYPE', '--target', place]);
    const type = found.stdout.trim().split('\n').at(-1)?.trim();
    if (found.code === 0 && type) return { type, at: place };
    const stat = await host.query(['stat', '--file-system', '--format=%T', place]);
    if (stat.code !== 0 || stat.stdout.trim() === '')
      throw new Error(`neither findmnt nor stat tells the file system of ${place}`);
    return { type: stat.stdout.trim(), at: place };
  });
}

const modes: PreflightControl = {
  id: 'host.filesystem-modes',
  title: 'The file system of the install directory keeps owners and modes',
  severity: 'required',
  section: 'encryption-key-management',
  refs: ['CWE-732'],
  manual: true,
  how: 'Asks findmnt, else stat, for the type of the file system that holds the install directory and looks it up among those that keep modes and those that pretend them.',
  threat: 'Where modes are pretended, 0600 on the encryption key is a decoration and every user reads it.',
  remedy: 'Choose a directory on a local Linux file system (ext4, xfs, btrfs, zfs) with --dir.',
  impact: 'None before the first run; later the directory has to be moved.',
  async inspect({ host }) {
    const { type, at } = await fileSystem(host);
    if (isStrange(type))
      return unknown(`${at} is on ${type}, of which it is not known whether it keeps modes`);
    return keepsModes(type)
      ? pass(`${type} at ${at}`)
      : fail(
          `${at} is on ${type}, which ${MODELESS.has(type) ? 'keeps no owners and modes' : 'is not known to keep owners and modes'}`,
          'a file system such as ext4, xfs, btrfs or zfs',
        );
  },
};

const local: PreflightControl = {
  id: 'host.filesystem-local',
  title: 'The install directory is on a local file system',
  severity: 'advised',
  section: 'encryption-key-management',
  how: 'Asks findmnt, else stat, for the type of the file system that holds the install directory and looks it up among network file systems.',
  threat: 'Over a network file system the key travels the network, and root may be mapped to nobody.',
  remedy: 'Choose a directory on a local disk with --dir.',
  impact: 'None before the first run; later the directory has to be moved.',
  async inspect({ host }) {
    const { type, at } = await fileSystem(host);
    if (REMOTE.has(type)) return fail(`${at} is on ${type}`, 'a local disk');
    // What a file system in user space stands on, only its program knows.
    return isStrange(type) || /^fuse(\.|$)/.test(type)
      ? unknown(`${at} is on ${type}, of which it is not known where it keeps its data`)
      : pass(`${type} at ${at}`);
  },
};

const firewall: PreflightControl = {
  id: 'host.firewall',
  title: 'No host firewall is relied on that Docker goes around',
  severity: 'advised',
  section: 'network-isolation',
  refs: ['CIS Docker 5.14'],
  how: 'Asks ufw, firewall-cmd and systemctl whether one of these firewalls is active; rules made by hand are not read.',
  threat: 'Docker publishes ports past ufw and firewalld: a rule there looks like protection and is none.',
  remedy:
    "Rely on the proxy's fence: it is the only service that is published. To filter further, use the DOCKER-USER chain or a firewall in front of the host. Waive with --skip host.firewall once this is known.",
  impact: 'None.',
  async inspect({ host }) {
    const active: string[] = [];
    const ufw = await host.query(['ufw', 'status']);
    if (/^Status: active/m.test(ufw.stdout)) active.push('ufw');
    // Its status is for root only; its switch is readable for all (the unit is active even when ufw is disabled).
    else if (
      ufw.code !== 127 &&
      ufw.code !== 0 &&
      /^ENABLED=yes/im.test((await host.readText('/etc/ufw/ufw.conf')) ?? '')
    )
      active.push('ufw');
    const firewalld = await host.query(['firewall-cmd', '--state']);
    if (/^running/m.test(firewalld.stdout)) active.push('firewalld');
    else if (
      firewalld.code !== 127 &&
      firewalld.code !== 0 &&
      !/^not running/m.test(`${firewalld.stdout}\n${firewalld.stderr}`) &&
      (await isActive(host, 'firewalld'))
    )
      active.push('firewalld');
    return active.length === 0
      ? pass('neither ufw nor firewalld is active')
      : fail(
          `${active.join(' and ')} is active; ports that Docker publishes are reachable past its rules, and this install publishes the two ports of the proxy`,
          'knowledge that its rules do not guard the published ports',
        );
  },
};

/** @throws when systemctl does not say: neither that the unit is active nor in which other state it is (systemctl(1), is-active) */
async function isActive(host: HostReader, unit: string): Promise<boolean> {
  const { code, stdout, stderr } = await host.query(['systemctl', 'is-active', unit]);
  if (code === 0) return true;
  if (/^(inactive|failed|unknown|activating|deactivating|maintenance|reloading)$/m.test(stdout)) return false;
  throw new Error(
    `whether ${unit} is active is not known: ${stderr.trim() || `systemctl ended with ${code}`}`,
  );
}

export const hostControls: readonly PreflightControl[] = [
  disk,
  diskReserve,
  memory,
  memoryReserve,
  clock,
  modes,
  local,
  firewall,
];
