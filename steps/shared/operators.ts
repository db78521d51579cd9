/** Who administers an install. */
import type { FileStat, HostReader } from '../../src/core/host.ts';

/**
 * Uids that may own what only the operator may write: this user, the owner of the install's directory (it stays the
 * operator's also when root looks at it), and root.
 */
export async function operators(host: HostReader): Promise<ReadonlySet<number>> {
  const [{ uid }, directory] = await Promise.all([host.system(), host.stat('.')]);
  return new Set([uid, 0, ...(directory ? [directory.uid] : [])]);
}

/**
 * True when somebody else than its owner may write it (chmod(1)); of an ACL, what its mask lets through counts (acl(5)).
 * A group of the owner alone is nobody else: many distributions give each user one with the same number, and a umask of
 * 002 (login.defs(5), USERGROUPS_ENAB; pam_umask(8), usergroups). They give root none (pam_umask(8): uid 0 is left out), so
 * that of a file of root the bits are somebody's decision, or the mask of an ACL.
 */
export const isWrittenByOthers = ({ mode, uid, gid }: FileStat): boolean =>
  (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && (uid === 0 || gid !== uid));
