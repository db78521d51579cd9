/** Rows about the host itself: its clock, and the wires between the parts. */
import { chmod } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import { docker } from './by-hand.ts';
import { BY_LOGIN, BY_PROXY, BY_TLS } from './sights.ts';
import { fail, type Sabotage, unseen } from './types.ts';

/** Debian's libfaketime (test/bed/install.sh); $LIB is where the machine keeps its libraries. */
const FAKETIME = '/usr/$LIB/faketime/libfaketimeMT.so.1';

const edge = (i: Install) => `${i.project}_edge`;
const internal = (i: Install) => `${i.project}_internal`;
const wires = (i: Install, change: '-I' | '-D') =>
  i.host.out([
    ...['iptables', change, 'OUTPUT', '-p', 'tcp', '-m', 'multiport', '--dports', '80,443', '-j', 'DROP'],
  ]);

export const hostRows: readonly Sabotage[] = [
  {
    name: 'everybody can make a file of waivers in the directory of the install',
    break: (i) => chmod(i.dir, 0o777),
    // The file of waivers is the operator's own, and so is the directory's mode.
    drift: {},
    turns: fail('waivers.file-access', 'install.files-access'),
    undo: (i) => chmod(i.dir, 0o755),
  },
  {
    name: 'the clock of the tool is ten minutes fast',
    async break(i) {
      i.toolEnv = { LD_PRELOAD: FAKETIME, FAKETIME: '+600', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    },
    drift: {},
    turns: fail('host.clock-agrees'),
    exit: 0,
    async undo(i) {
      i.toolEnv = {};
    },
  },
  {
    name: 'everybody can give the engine orders over its socket',
    break: (i) => i.host.out(['chmod', '666', i.host.socket]),
    drift: {},
    turns: fail('docker.api-closed'),
    undo: (i) => i.host.out(['chmod', '660', i.host.socket]),
  },
  {
    name: 'CoreCube is cut off from the network of the proxy, which answers 502',
    break: async (i) => docker(i, 'network', 'disconnect', edge(i), await i.container('corecube')),
    drift: 'changed-at-run-time',
    turns: {
      ...fail('running.networks'),
      ...unseen('proxy.public-paths-answer', 'session.environment', 'admin.not-in-environment', ...BY_LOGIN),
    },
    // The proxy asks the engine's resolver for a name that is gone, and that one asks further.
    mayBeUnseen: ['proxy.headers-once', 'proxy.hsts', 'proxy.other-hosts-refused'],
    undo: async (i) =>
      docker(i, ...['network', 'connect', '--alias', 'corecube', edge(i), await i.container('corecube')]),
  },
  {
    name: 'CoreCube is back on the network of the proxy, but under no name that the proxy knows',
    async break(i) {
      const app = await i.container('corecube');
      await docker(i, 'network', 'disconnect', edge(i), app);
      await docker(i, 'network', 'connect', edge(i), app);
    },
    drift: 'changed-at-run-time',
    turns: { ...fail('running.networks'), ...unseen('proxy.public-paths-answer') },
    mayBeUnseen: ['proxy.headers-once', 'proxy.hsts', 'proxy.other-hosts-refused'],
  },
  {
    name: 'the database is also called as CoreCube is, on the internal network',
    async break(i) {
      const database = await i.container('pgvector');
      await docker(i, 'network', 'disconnect', internal(i), database);
      const names = ['--alias', 'pgvector', '--alias', 'corecube'];
      await docker(i, 'network', 'connect', ...names, internal(i), database);
    },
    drift: 'changed-at-run-time',
    turns: fail('running.networks'),
    undo: async (i) => {
      const database = await i.container('pgvector');
      await docker(i, 'network', 'disconnect', internal(i), database);
      await docker(i, 'network', 'connect', '--alias', 'pgvector', internal(i), database);
    },
  },
  {
    name: 'nothing that this host sends reaches the proxy',
    break: (i) => wires(i, '-I'),
    drift: {},
    turns: unseen('proxy.up', ...BY_PROXY, ...BY_TLS),
    exit: 3,
    undo: (i) => wires(i, '-D'),
  },
];
