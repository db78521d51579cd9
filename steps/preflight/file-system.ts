/** The file system of the install directory: it keeps owners and modes, and is this host's own. */
import { dirname } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, unknown } from '../../src/core/step.ts';
import type { PreflightControl } from './common.ts';

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
/** File systems that keep modes, and nothing over a reboot. */
const IN_MEMORY = new Set(['tmpfs', 'ramfs']);
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
  title: 'The file system of the install directory keeps owners and modes, and its files over a reboot',
  severity: 'required',
  section: 'encryption-key-management',
  refs: ['CWE-732'],
  manual: true,
  how: 'Asks findmnt, else stat, for the type of the file system that holds the install directory and looks it up among those that keep modes, those that pretend them and those in memory.',
  threat:
    'Where modes are pretended, every user reads the encryption key; in memory, it is gone with the next reboot, and every stored credential with it.',
  remedy: 'Choose a directory on a local Linux file system (ext4, xfs, btrfs, zfs) with --dir.',
  impact: 'None before the first run; later the directory has to be moved.',
  async inspect({ host }) {
    const { type, at } = await fileSystem(host);
    if (isStrange(type))
      return unknown(`${at} is on ${type}, of which it is not known whether it keeps modes`);
    if (IN_MEMORY.has(type))
      return fail(
        `${at} is on ${type}, which a reboot empties`,
        'a file system such as ext4, xfs, btrfs or zfs',
      );
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

export const fileSystemControls: readonly PreflightControl[] = [modes, local];
