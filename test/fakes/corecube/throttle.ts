import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Counts login attempts per client address in a sliding window; every attempt counts, the good ones too. */
export interface LoginThrottle {
  /** Takes one attempt. 0 when it may go on, otherwise the seconds to wait (whole, at least 1). */
  take(address: string): number;
}

/** `limit` attempts per `windowMs` per address. The documentation says 5 per minute (v1) and 10 per minute (v2). */
export function createThrottle(
  limit: number,
  windowMs = 60_000,
  now: () => number = Date.now,
): LoginThrottle {
  const attempts = new Map<string, number[]>();
  return {
    take(address) {
      const time = now();
      if (attempts.size > 10_000) attempts.clear();
      const recent = (attempts.get(address) ?? []).filter((at) => at > time - windowMs);
      attempts.set(address, recent);
      const oldest = recent[0];
      if (recent.length >= limit && oldest !== undefined) {
        return Math.max(1, Math.ceil((oldest + windowMs - time) / 1000));
      }
      recent.push(time);
      return 0;
    },
  };
}

const local = new BlockList();
for (const [net, bits] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  local.addSubnet(net, bits, 'ipv4');
}
local.addSubnet('fc00::', 7, 'ipv6');
local.addAddress('::1', 'ipv6');

/** The peer's address without the IPv4-in-IPv6 prefix. */
export function peerAddress(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '');
}

/** The last hop a proxy on a private address reported, or the peer itself: a client cannot choose its own address. */
export function clientAddress(request: IncomingMessage): string {
  const peer = peerAddress(request);
  const family = isIP(peer);
  if (family === 0 || !local.check(peer, family === 6 ? 'ipv6' : 'ipv4')) return peer;
  const header = request.headers['x-forwarded-for'];
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .map((hop) => hop.trim());
  const last = hops.at(-1) ?? '';
  return isIP(last) === 0 ? peer : last;
}
