/** Puts the relay for old TLS versions before the proxy, for connections over loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueServerCertificate } from '../../steps/shared/certificates.ts';
import { DOMAIN, type Install } from '../e2e/support.ts';
import { addressOf } from './by-hand.ts';

const PORT = '8443';
let relay: { readonly process: ChildProcess; readonly folder: string } | undefined;

const redirect = (install: Install, change: '-I' | '-D') =>
  install.host.out([
    ...['iptables', '-t', 'nat', change, 'OUTPUT', '-d', '127.0.0.1', '-p', 'tcp', '--dport', '443'],
    ...['-j', 'REDIRECT', '--to-ports', PORT],
  ]);

export async function startRelay(install: Install): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'old-tls-'));
  const now = new Date();
  const pair = await issueServerCertificate(await createAuthority('relay', now), { dns: [DOMAIN] }, now);
  const [certificate, key] = [join(folder, 'crt'), join(folder, 'key')];
  await writeFile(certificate, pair.certificate);
  await writeFile(key, pair.key.reveal(), { mode: 0o600 });
  const target = await addressOf(install, 'caddy', 'edge');
  const program = join(import.meta.dirname, 'old-tls-relay.mjs');
  const { file, args, env, cwd } = install.host.command([
    ...[process.execPath, program, PORT, target, '443', certificate, key],
  ]);
  const child = spawn(file, args, { env, cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  relay = { process: child, folder };
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error('the relay ended'))),
  ]);
  await redirect(install, '-I');
}

export async function stopRelay(install: Install): Promise<void> {
  await redirect(install, '-D');
  if (!relay) return;
  const ended = once(relay.process, 'exit');
  relay.process.stdin?.end();
  await ended;
  await rm(relay.folder, { recursive: true });
  relay = undefined;
}
