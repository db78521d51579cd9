/** What this host suggests as answers. Looks only; a suggestion is never taken without the operator. */
import ipaddr from 'ipaddr.js';
import type { HostReader } from '../src/core/host.ts';
import type { RawAnswer, Suggestion } from '../src/core/question.ts';
import * as grammar from './shared/grammar.ts';
import { sshClient } from './shared/ssh-client.ts';

type Raw = (id: string) => RawAnswer | undefined;
const one = (raw: RawAnswer | undefined) => (typeof raw === 'string' ? raw : undefined);

/** Images of CoreCube that are on this host already. */
export async function image(host: HostReader): Promise<readonly Suggestion[]> {
  const list = await host.query(['docker', 'image', 'ls', '--format', '{{json .}}'], { timeoutMs: 3000 });
  const rows = list.stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { Repository: string; Tag: string });
  return rows
    .filter(({ Repository, Tag }) => /corecube/i.test(Repository) && Tag !== '<none>')
    .filter(({ Repository }) => !/inference/i.test(Repository))
    .map(({ Repository, Tag }) => ({
      value: `${Repository}:${Tag}`,
      because: 'this image is on this host already',
    }));
}

/** Full names this host has for itself. */
export async function domain(host: HostReader): Promise<readonly Suggestion[]> {
  const hosts = (await host.readText('/etc/hosts')) ?? '';
  const own = new Set(host.addresses().map((a) => a.address));
  const fromHosts = hosts
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter(([address]) => address !== undefined && (own.has(address) || address.startsWith('127.')))
    .flatMap(([, ...names]) => names);
  const name = ((await host.readText('/etc/hostname')) ?? '').trim();
  return [...new Set([name, ...fromHosts])]
    .filter((candidate) => candidate.includes('.') && !/localhost|localdomain/.test(candidate))
    .filter((candidate) => isAccepted(grammar.hostName, candidate))
    .map((value) => ({ value, because: 'this host calls itself so' }));
}

/** Names that no public authority signs get a private one. */
export async function tls(_host: HostReader, raw: Raw): Promise<readonly Suggestion[]> {
  const name = one(raw('domain'));
  if (name === undefined || !/\.(internal|lan|local|home|corp|test|home\.arpa)$/.test(name)) return [];
  return [{ value: 'internal', because: `no public authority issues a certificate for ${name}` }];
}

/** An address at the operator's own domain. */
export const email =
  (user: string) =>
  async (_host: HostReader, raw: Raw): Promise<readonly Suggestion[]> => {
    const name = one(raw('domain'));
    if (name === undefined) return [];
    const labels = name.split('.');
    const parent = labels.length > 2 ? labels.slice(1).join('.') : name;
    return [{ value: `${user}@${parent}`, because: 'an address at your domain; replace it by a real one' }];
  };

/** The operator's own SSH address first, then the private networks this host is in. */
export async function adminRanges(host: HostReader): Promise<readonly Suggestion[]> {
  const found: Suggestion[] = [];
  const client = sshClient(host);
  if (client !== undefined && ipaddr.isValid(client)) {
    const parsed = ipaddr.process(client);
    const value = `${parsed.toString()}/${parsed.kind() === 'ipv4' ? 32 : 128}`;
    found.push({ value: [value], because: `you are connected from ${parsed.toString()}` });
  }
  for (const { cidr, family, interface: name } of host.addresses()) {
    if (cidr === undefined || family !== 4 || /^(lo|docker|br-|veth)/.test(name)) continue;
    const [address = '', length] = cidr.split('/');
    if (ipaddr.parse(address).range() !== 'private') continue;
    const network = ipaddr.IPv4.networkAddressFromCIDR(cidr).toString();
    const value = `${network}/${length}`;
    if (isAccepted(grammar.adminRange, value))
      found.push({ value: [value], because: `the network of this host's ${name}` });
  }
  return found;
}

/** A PostgreSQL that runs on this host already. */
export async function database(host: HostReader): Promise<readonly Suggestion[]> {
  const holder = (await host.listeners()).find((l) => l.port === 5432);
  if (!holder) return [];
  const who = holder.holder === undefined ? '' : ` (${holder.holder})`;
  return [{ value: 'external', because: `something listens on ${holder.address}:5432 here${who}` }];
}

function isAccepted(parse: (raw: RawAnswer) => unknown, value: string): boolean {
  try {
    parse(value);
    return true;
  } catch {
    return false;
  }
}
