import { Resolver } from 'node:dns/promises';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Listener } from '../core/host.ts';
import { lookUp, lookUpToConnect } from './lookup.ts';

/** Opens one TCP connection and closes it. `silent`: no answer within the limit (2 s unless told). */
export function probeTcp(address: {
  host: string;
  port: number;
  timeoutMs?: number;
}): Promise<'open' | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, lookup: lookUpToConnect });
    const end = (result: 'open' | 'refused' | 'silent') => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(address.timeoutMs ?? 2_000, () => end('silent'));
    socket.once('connect', () => end('open'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'refused' : 'silent'),
    );
  });
}

/**
 * Milliseconds that the C library may take for a name. It asks each name server again after 5 s (resolv.conf(5),
 * `timeout`), so one lost packet is got over; a silent server would hold it for 10 s, three of them for 30.
 */
const LONGEST_LOOKUP = 6_000;

/**
 * Addresses of a name as this host resolves it (hosts file included). A name that does not exist has none.
 * @throws {Error} when neither the C library (within 6 s) nor the name servers themselves (within 1.5 s each) tell
 */
export async function resolveName(name: string, family: 4 | 6): Promise<readonly string[]> {
  try {
    const found = await within(lookUp(name, { family }), LONGEST_LOOKUP);
    return found.map((a) => a.address);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    return askNameServers(name, family, String(code));
  }
}

/** @throws with the code ETIMEDOUT when it takes longer: what was begun cannot be called back, only no longer awaited */
async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer within ${milliseconds / 1000} s`);
      reject(Object.assign(error, { code: 'ETIMEDOUT' }));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The C library reports a name without an address of one family as trouble; the name servers themselves tell. */
async function askNameServers(name: string, family: 4 | 6, trouble: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 1_500, tries: 1 });
  try {
    return family === 4 ? await resolver.resolve4(name) : await resolver.resolve6(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw new Error(`the resolver does not answer for ${name} (${trouble})`);
  }
}

/** Addresses of this host's interfaces. */
export function ownAddresses(): { address: string; family: 4 | 6; interface: string; cidr?: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).map((a) => ({
      address: a.address,
      family: a.family === 'IPv6' ? (6 as const) : (4 as const),
      interface: name,
      ...(a.cidr === null ? {} : { cidr: a.cidr }),
    })),
  );
}

/**
 * Listening TCP sockets from /proc, with the process that holds each where it can be seen.
 * @throws when the kernel's list cannot be read; one that is not there (a kernel without IPv6) is empty
 */
export async function tcpListeners(): Promise<readonly Listener[]> {
  const rows: { address: string; port: number; inode: string }[] = [];
  for (const [file, family] of [
    ['/proc/net/tcp', 4],
    ['/proc/net/tcp6', 6],
  ] as const) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (family === 6 && error.code === 'ENOENT') return '';
      throw error;
    });
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const [hex = '', port = ''] = local.split(':');
      // 0A: TCP_LISTEN (include/net/tcp_states.h)
      if (state === '0A')
        rows.push({ address: decodeAddress(hex, family), port: Number.parseInt(port, 16), inode });
    }
  }
  const holders = await socketHolders(new Set(rows.map((r) => r.inode)));
  return rows.map(({ address, port, inode }) => {
    const holder = holders.get(inode);
    return holder === undefined ? { address, port } : { address, port, holder };
  });
}

/** /proc/net/tcp* writes addresses as little-endian 32-bit words. */
function decodeAddress(hex: string, family: 4 | 6): string {
  const bytes = hex.match(/.{8}/g)?.flatMap((word) => (word.match(/../g) ?? []).reverse()) ?? [];
  if (family === 4) return bytes.map((b) => Number.parseInt(b, 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => `${bytes[i * 2]}${bytes[i * 2 + 1]}`);
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

async function socketHolders(inodes: ReadonlySet<string>): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (pid) => {
      const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
      for (const fd of fds) {
        const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
        const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
        if (inode === undefined || !inodes.has(inode) || found.has(inode)) continue;
        const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown')).trim();
        found.set(inode, `${name} (pid ${pid})`);
      }
    }),
  );
  return found;
}
