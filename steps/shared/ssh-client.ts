import type { HostReader } from '../../src/core/host.ts';

/** The address that the operator's SSH session comes from, without its zone; undefined when none is seen (sudo drops it). */
export function sshClient(host: Pick<HostReader, 'env'>): string | undefined {
  const client = (host.env('SSH_CONNECTION') ?? host.env('SSH_CLIENT'))?.trim().split(/\s+/)[0];
  return client?.split('%')[0] || undefined;
}
