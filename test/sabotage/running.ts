/** Rows about containers that run otherwise than the files say. */
import { readFile } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import {
  editService,
  putBack,
  recreate,
  recreateOtherwise,
  runsOtherwise,
  type Service,
} from './containers.ts';
import { addToOwnFile, OVERRIDE } from './own-file.ts';
import { fail, type Sabotage } from './types.ts';

/** The proxy made anew from a changed copy of the files, put back by hand: the quickest container to show a line on. */
const proxy = (
  name: string,
  change: (service: Service, model: Record<string, unknown>) => void,
  ...turns: readonly string[]
): Sabotage => ({
  name: `the running proxy ${name}`,
  ...runsOtherwise('caddy', change),
  remakes: 'caddy',
  drift: 'changed-at-run-time',
  turns: fail(...turns.map((property) => `running.proxy-${property}`), 'proxy.container-current'),
});
/** CoreCube in the same way. */
const app = (
  name: string,
  change: (service: Service, model: Record<string, unknown>) => void,
  ...turns: readonly string[]
): Sabotage => ({
  name: `the running CoreCube ${name}`,
  ...runsOtherwise('corecube', change),
  remakes: 'corecube',
  drift: 'changed-at-run-time',
  turns: fail(...turns.map((property) => `running.${property}`), 'running.current'),
});
/** The same, put right by apply. */
const repaired = ({ undo: _, ...row }: Sabotage): Sabotage => row;

const without =
  (...keys: readonly string[]) =>
  (service: Service): void => {
    for (const key of keys) delete service[key];
  };
const set =
  (change: Service) =>
  (service: Service): void =>
    void Object.assign(service, change);
const mount = (volume: unknown) => (service: Service) => void (service.volumes as unknown[]).push(volume);

/** `docker update` of a service's container; its label and the files stay as they were. */
const update = async (install: Install, service: string, ...options: string[]): Promise<void> => {
  const done = await install.docker('update', ...options, await install.container(service));
  if (done.code !== 0) throw new Error(done.stderr);
};

export const runningRows: readonly Sabotage[] = [
  repaired(proxy('may write to its root file system', set({ read_only: false }), 'read-only')),
  proxy('keeps the default capabilities', without('cap_drop'), 'capabilities'),
  proxy('has a capability added', set({ cap_add: ['NET_BIND_SERVICE', 'SYS_PTRACE'] }), 'capabilities'),
  proxy('may gain privileges', without('security_opt'), 'no-new-privileges'),
  proxy('has no tmpfs', without('tmpfs'), 'tmpfs'),
  proxy('may run programs from /tmp', set({ tmpfs: ['/tmp:mode=1777,size=16m,exec'] }), 'tmpfs'),
  // Root without capabilities cannot even read its own volume.
  proxy(
    'runs as root, with the capability to read what is not its own',
    set({ user: '0:0', cap_add: ['NET_BIND_SERVICE', 'DAC_OVERRIDE'] }),
    'user',
    'capabilities',
  ),
  proxy('has no process limit', without('pids_limit'), 'limits'),
  proxy('has no memory limit', without('mem_limit', 'memswap_limit'), 'limits'),
  proxy('is not restarted', without('restart'), 'restart'),
  proxy('has a log without bound', without('logging'), 'logs'),
  {
    ...proxy('is not checked for health', set({ healthcheck: { disable: true } }), 'healthchecks'),
  },
  proxy('is privileged', set({ privileged: true }), 'isolation', 'capabilities'),
  proxy(
    'has the socket of the engine',
    mount({ type: 'bind', source: '/var/run/docker.sock', target: '/var/run/docker.sock' }),
    'isolation',
  ),
  {
    ...proxy(
      'has every secret of the install',
      mount({ type: 'bind', source: './secrets', target: '/other', read_only: true }),
    ),
    turns: fail('running.proxy-isolation', 'secrets.only-their-services', 'proxy.container-current'),
  },
  proxy('is in the pid namespace of the host', set({ pid: 'host' }), 'isolation'),
  proxy('is in the ipc namespace of the host', set({ ipc: 'host' }), 'isolation'),
  proxy(
    'runs without a system call filter',
    set({ security_opt: ['no-new-privileges:true', 'seccomp=unconfined'] }),
    'isolation',
  ),
  app('has no init process', without('init'), 'init'),
  app('has a writable root file system', set({ read_only: false }), 'read-only'),
  app(
    'keeps its data in memory',
    set({ volumes: [], tmpfs: ['/tmp:mode=1777', '/data:uid=1000,gid=1000,mode=700'] }),
    'data-volume',
  ),
  {
    name: 'the running proxy is made of another image than its pin',
    break: async (i) => {
      await i.docker('commit', await i.container('caddy'), 'other-proxy:1');
      await recreateOtherwise(i, 'caddy', (service) => {
        service.image = 'other-proxy:1';
      });
    },
    // Made by hand from another file; that its image is another one too comes with it.
    drift: 'changed-at-run-time',
    turns: fail('images.pinned', 'proxy.container-current'),
  },
  proxy('joins the group of root', set({ group_add: ['0'] }), 'user'),
  proxy('can write the jobs of the host', mount('/etc/cron.d:/jobs'), 'isolation'),
  proxy('is content with any health', set({ healthcheck: { test: ['CMD', 'true'] } }), 'healthchecks'),
  {
    name: 'CoreCube may swap without bound, by docker update',
    break: (i) => update(i, 'corecube', '--memory', '2g', '--memory-swap', '-1'),
    drift: 'changed-at-run-time',
    turns: fail('running.limits'),
    undo: (i) => update(i, 'corecube', '--memory', '2g', '--memory-swap', '2g'),
  },
  {
    name: 'CoreCube is allowed more memory by docker update',
    break: (i) => update(i, 'corecube', '--memory', '3g', '--memory-swap', '3g'),
    drift: 'changed-at-run-time',
    turns: fail('running.limits'),
    undo: (i) => update(i, 'corecube', '--memory', '2g', '--memory-swap', '2g'),
  },
  {
    name: 'CoreCube loses its process limit by docker update',
    break: (i) => update(i, 'corecube', '--pids-limit', '-1'),
    drift: 'changed-at-run-time',
    turns: fail('running.limits'),
  },
  {
    name: 'the database is not restarted any more, by docker update',
    break: (i) => update(i, 'pgvector', '--restart', 'no'),
    drift: 'changed-at-run-time',
    turns: fail('running.restart'),
    undo: (i) => update(i, 'pgvector', '--restart', 'unless-stopped'),
  },
  {
    name: 'compose.yaml gives CoreCube a capability, applied',
    break: async (i) => {
      await editService(i, 'corecube', { cap_add: ['SYS_ADMIN'] });
      await recreate(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.capabilities', 'running.capabilities'),
    undo: async (i) => {
      await putBack(i, 'compose.yaml');
      await recreate(i, 'corecube');
    },
  },
  {
    name: 'the override file privileges the proxy, applied',
    break: async (i) => {
      await addToOwnFile(i, '  caddy: { privileged: true }\n');
      await recreate(i, 'caddy');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.override-keeps-hardening', 'running.proxy-isolation', 'running.proxy-capabilities'),
    undo: async (i) => {
      await putBack(i, OVERRIDE);
      await recreate(i, 'caddy');
    },
  },
  {
    name: 'a service of the override file has the socket of the engine, applied',
    break: async (i) => {
      const compose = await readFile(i.path('compose.yaml'), 'utf8');
      const image = /image: "?(caddy:2@sha256:[0-9a-f]+)/.exec(compose)?.[1];
      const service = `{ image: "${image}", volumes: [ "/var/run/docker.sock:/var/run/docker.sock" ] }`;
      await addToOwnFile(i, `  watcher: ${service}\n`);
      await recreate(i, 'watcher');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.override-keeps-hardening', 'compose.foreign-hardened', 'running.foreign-isolated'),
    undo: async (i) => {
      await i.docker('rm', '--force', '--volumes', await i.container('watcher'));
      await i.docker('network', 'rm', `${i.project}_default`);
      await putBack(i, OVERRIDE);
    },
  },
  {
    name: 'the override file publishes CoreCube on IPv6 only, applied',
    break: async (i) => {
      await addToOwnFile(i, '    ports: [ "[::]:7400:7400" ]\n');
      await recreate(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.override-keeps-hardening', 'running.ports', 'proxy.app-not-reachable-directly'),
    undo: async (i) => {
      await putBack(i, OVERRIDE);
      await recreate(i, 'corecube');
    },
  },
  {
    name: 'a container of before the last edit is left over',
    break: async (i) => {
      await addToOwnFile(i, '  old: { image: "caddy:2", network_mode: none }\n');
      await recreate(i, 'old');
      await putBack(i, OVERRIDE);
    },
    drift: 'edited-not-applied',
    turns: fail('running.no-extra-containers'),
    undo: async (i) => i.docker('rm', '--force', '--volumes', await i.container('old')),
  },
];
