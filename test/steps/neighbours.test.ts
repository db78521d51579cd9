/** Containers of others: what gives them the host is named, what ordinary ones have is not. */
import { expect, it } from 'vitest';
import { neighbourControls } from '../../steps/services/neighbour-controls.ts';
import type { Container } from '../../steps/shared/docker.ts';
import { presetHost } from './preset-host.ts';

const control = neighbourControls.find((c) => c.id === 'host.neighbours-isolated');

function look(hostConfig: Record<string, unknown>, source?: string) {
  const other = {
    Name: '/other',
    State: { Running: true },
    Config: { Labels: {} },
    HostConfig: { Privileged: false, PidMode: '', IpcMode: 'private', NetworkMode: 'bridge', ...hostConfig },
    Mounts: source === undefined ? [] : [{ Type: 'bind', Source: source, Destination: '/x', RW: false }],
  } as unknown as Container;
  const host = presetHost({ 'every container': [other] }, { realPath: async (path) => path });
  return control?.inspect({
    host,
    answers: { projectName: 'corecube' },
    signal: new AbortController().signal,
  });
}
const device = (path: string) => ({ Devices: [{ PathOnHost: path }] });

it.each<[string, Record<string, unknown>, string | undefined, RegExp]>([
  ['a capability', { CapAdd: ['CAP_SYS_ADMIN'] }, undefined, /capability SYS_ADMIN/],
  ['every capability', { CapAdd: ['ALL'] }, undefined, /capability ALL/],
  ['a disk', device('/dev/nvme0n1p1'), undefined, /is given \/dev\/nvme0n1p1/],
  ['the memory segments', { IpcMode: 'host' }, undefined, /memory segments/],
  ['its network', { NetworkMode: 'host' }, undefined, /what passes on the networks/],
  [
    'its network and a raw socket',
    { NetworkMode: 'host', CapDrop: ['ALL'], CapAdd: ['NET_RAW'] },
    undefined,
    /what passes/,
  ],
  ['the directory of a socket', {}, '/run/docker', /mounts \/run\/docker/],
  ['the directory of another engine', {}, '/var/run/containerd', /containerd/],
  ['the directory of a rootless engine', {}, '/run/user/1000', /user\/1000/],
])('%s of the host is named', async (_name, hostConfig, source, words) =>
  expect(await look(hostConfig, source)).toMatchObject({
    is: 'fail',
    observed: expect.stringMatching(words),
  }),
);

it.each<[string, Record<string, unknown>, string | undefined]>([
  ['a capability for its clock', { CapAdd: ['SYS_TIME', 'NET_ADMIN'] }, undefined],
  ['a GPU', device('/dev/dri'), undefined],
  ['a tunnel', device('/dev/net/tun'), undefined],
  ['a serial line', device('/dev/ttyUSB0'), undefined],
  ['the network of the host without a raw socket', { NetworkMode: 'host', CapDrop: ['ALL'] }, undefined],
  ['a socket of another program', {}, '/run/mysqld'],
])('%s is not', async (_name, hostConfig, source) =>
  expect((await look(hostConfig, source))?.is).toBe('pass'),
);
