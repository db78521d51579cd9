/** Who administers an install. */
import type { HostReader } from '../../src/core/host.ts';

/**
 * Uids that may own what only the operator may write: this user, the owner of the install's directory (it stays the
 * operator's also when root looks at it), and root.
 */
export async function operators(host: HostReader): Promise<ReadonlySet<number>> {
  const [{ uid }, directory] = await Promise.all([host.system(), host.stat('.')]);
  return new Set([uid, 0, ...(directory ? [directory.uid] : [])]);
}
