/** Rows about what is declared: a line of compose.yaml or of the override file is wrong, and nothing was recreated. */
import { rm, writeFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Install } from '../e2e/support.ts';
import { edited, keep, putBack } from './containers.ts';
import { addToDatabase, addToOwnFile, OVERRIDE } from './own-file.ts';
import { fail, type Sabotage, unseen } from './types.ts';

/** Says that what runs is not what is declared, for the services and for the proxy. */
const current = (service: string) => (service === 'caddy' ? 'proxy.container-current' : 'running.current');

/** A key of one service changed (or removed, with `undefined`), put back by hand. */
const line = (
  name: string,
  service: string,
  change: Readonly<Record<string, unknown>>,
  ...turns: readonly string[]
): Sabotage => ({
  name: `compose.yaml ${name}, not applied`,
  ...edited(service, change),
  drift: 'edited-not-applied',
  turns: fail(...turns, current(service)),
});
/** The same, put right by apply. */
const repaired = (...given: Parameters<typeof line>): Sabotage => {
  const { undo: _, ...row } = line(...given);
  return row;
};

/** The reference that compose.yaml pins the proxy to: an image that is on the host. */
const pinned = async (install: Install): Promise<string> =>
  String(parseDocument(await install.read('compose.yaml')).getIn(['services', 'caddy', 'image']));

const DATA = { type: 'volume', source: 'corecube-data', target: '/data' };
const JOBS = { type: 'bind', source: '/etc/cron.d', target: '/jobs' };
const SOCKET = { type: 'bind', source: '/var/run/docker.sock', target: '/var/run/docker.sock' };

/** What is said about the model of compose.yaml; without a file that Compose takes it cannot be seen. */
export const DECLARED = [
  ...['services', 'read-only', 'capabilities', 'no-new-privileges', 'tmpfs', 'user', 'init', 'data-volume'],
  ...[
    'networks',
    'ports',
    'limits',
    'healthchecks',
    'restart',
    'logs',
    'isolation',
    'key-delivery',
    'secret-delivery',
    'environment',
  ],
  ...['certificate', 'settings', 'database-server', 'foreign-hardened', 'images', 'override-keeps-hardening'],
].map((property) => `compose.${property}`);
/** What compares the files with what runs. */
export const MERGED = [
  ...['running.current', 'running.limits', 'running.proxy-limits', 'running.no-extra-containers'],
  ...['proxy.container-current', 'images.pinned', 'images.update-known'],
];
/** What needs the connection URLs of .env to ask the database as one of its roles. */
export const CONNECTIONS = [
  ...['app-attributes', 'app-can-work', 'app-cannot-alter-policy', 'app-cannot-create-role'],
  ...['app-cannot-create-tables', 'app-cannot-read-files', 'app-cannot-run-programs', 'app-not-member'],
  ...[
    'extension-vector',
    'maintenance-attributes',
    'owner-attributes',
    'plaintext-refused',
    'public-revoked',
  ],
  ...['roles-log-in', 'sessions-logged', 'tls-in-use', 'urls-distinct', 'urls-verify-server'],
].map((property) => `pg.${property}`);

export const composeRows: readonly Sabotage[] = [
  repaired('loses read_only for CoreCube', 'corecube', { read_only: undefined }, 'compose.read-only'),
  line('loses cap_drop for the database', 'pgvector', { cap_drop: undefined }, 'compose.capabilities'),
  line('loses security_opt', 'corecube', { security_opt: undefined }, 'compose.no-new-privileges'),
  line('loses the tmpfs', 'corecube', { tmpfs: undefined }, 'compose.tmpfs'),
  line('lets programs run from /tmp', 'caddy', { tmpfs: ['/tmp:mode=1777,size=16m,exec'] }, 'compose.tmpfs'),
  line('loses the user', 'corecube', { user: undefined }, 'compose.user'),
  repaired('runs the database as root', 'pgvector', { user: '0:0' }, 'compose.user'),
  line('loses init', 'corecube', { init: undefined }, 'compose.init'),
  line('loses pids_limit', 'caddy', { pids_limit: undefined }, 'compose.limits'),
  line('loses mem_limit', 'corecube', { mem_limit: undefined }, 'compose.limits'),
  line('loses restart', 'pgvector', { restart: undefined }, 'compose.restart'),
  line('loses logging', 'corecube', { logging: undefined }, 'compose.logs'),
  line('keeps no log', 'caddy', { logging: { driver: 'none' } }, 'compose.logs'),
  line('loses the health check', 'caddy', { healthcheck: undefined }, 'compose.healthchecks'),
  repaired('loses the data volume', 'corecube', { volumes: undefined }, 'compose.data-volume'),
  repaired('gives CoreCube a capability', 'corecube', { cap_add: ['SYS_ADMIN'] }, 'compose.capabilities'),
  repaired('privileges the proxy', 'caddy', { privileged: true }, 'compose.isolation'),
  line('mounts the engine', 'corecube', { volumes: [DATA, SOCKET] }, 'compose.isolation'),
  line(
    'gives the proxy the host network',
    'caddy',
    { networks: undefined, ports: undefined, network_mode: 'host' },
    'compose.isolation',
    'compose.networks',
    'compose.ports',
  ),
  line('gives the database the pid namespace', 'pgvector', { pid: 'host' }, 'compose.isolation'),
  line('gives CoreCube the ipc namespace', 'corecube', { ipc: 'host' }, 'compose.isolation'),
  line(
    'switches the system call filter off',
    'corecube',
    { security_opt: ['no-new-privileges:true', 'seccomp=unconfined'] },
    'compose.isolation',
  ),
  repaired("leaves a proxy to Docker's client", 'caddy', { environment: undefined }, 'compose.environment'),
  line('publishes CoreCube', 'corecube', { ports: ['7400:7400'] }, 'compose.ports'),
  line('puts the database on the edge', 'pgvector', { networks: ['internal', 'edge'] }, 'compose.networks'),
  {
    name: 'compose.yaml gives the internal network a way out, not applied',
    break: async (i) => {
      const document = parseDocument(await i.read('compose.yaml'));
      document.deleteIn(['networks', 'internal', 'internal']);
      await writeFile(i.path('compose.yaml'), document.toString({ lineWidth: 0 }));
    },
    drift: 'edited-not-applied',
    turns: fail('compose.networks'),
  },
  {
    name: 'compose.yaml lets everybody reach the containers of the edge network, not applied',
    break: async (i) => {
      const document = parseDocument(await i.read('compose.yaml'));
      const mode = { 'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected' };
      document.setIn(['networks', 'edge', 'driver_opts'], document.createNode(mode));
      await writeFile(i.path('compose.yaml'), document.toString({ lineWidth: 0 }));
    },
    drift: 'edited-not-applied',
    turns: fail('compose.networks', 'running.edge-closed'),
  },
  repaired(
    'verifies no certificate any more',
    'corecube',
    { 'environment/NODE_TLS_REJECT_UNAUTHORIZED': '0' },
    'compose.environment',
  ),
  line(
    'opens the debugger of CoreCube',
    'corecube',
    { 'environment/NODE_OPTIONS': '--inspect=0.0.0.0:9229' },
    'compose.environment',
  ),
  repaired(
    'writes the keys of the connections of CoreCube down',
    'corecube',
    { 'environment/NODE_OPTIONS': '--tls-keylog=/data/keys' },
    'compose.environment',
  ),
  repaired(
    'puts a secret in the place of the program of the proxy',
    'caddy',
    { secrets: [{ source: 'pg_ca.crt', target: '/usr/bin/hotfix' }] },
    'compose.environment',
  ),
  repaired(
    'starts CoreCube by another entry point',
    'corecube',
    { entrypoint: ['/bin/sh', '-c', 'exec node /app/server.mjs'] },
    'compose.environment',
  ),
  repaired(
    'tells the proxy where CoreCube is',
    'caddy',
    { extra_hosts: ['corecube:203.0.113.9'] },
    'compose.networks',
  ),
  line(
    'lets the proxy answer to the name of CoreCube',
    'caddy',
    { networks: { edge: { aliases: ['corecube'] } } },
    'compose.networks',
  ),
  repaired('gives CoreCube the group of root', 'corecube', { group_add: ['0'] }, 'compose.user'),
  repaired(
    'runs a privileged command of root in CoreCube',
    'corecube',
    { post_start: [{ command: ['touch', '/tmp/x'], user: 'root', privileged: true }] },
    'compose.isolation',
    'compose.user',
  ),
  line('mounts the jobs of the host', 'corecube', { volumes: [DATA, JOBS] }, 'compose.isolation'),
  line('lets CoreCube use devices', 'corecube', { device_cgroup_rules: ['a *:* rwm'] }, 'compose.isolation'),
  line('lets the database swap without bound', 'pgvector', { memswap_limit: -1 }, 'compose.limits'),
  line(
    'is content with any health of the proxy',
    'caddy',
    { 'healthcheck/test': ['CMD', 'true'] },
    'compose.healthchecks',
  ),
  repaired(
    'names a tag instead of the digest',
    'caddy',
    { image: 'caddy:2' },
    'compose.images',
    'images.pinned',
  ),
  line('names latest', 'caddy', { image: 'caddy:latest' }, 'compose.images', 'images.pinned'),
  {
    name: 'compose.yaml holds a foreign service on the internal network, not applied',
    break: async (i) => {
      const document = parseDocument(await keep(i, 'compose.yaml'));
      const service = document.createNode({ image: await pinned(i), networks: ['internal'] });
      document.setIn(['services', 'watcher'], service);
      await writeFile(i.path('compose.yaml'), document.toString({ lineWidth: 0 }));
    },
    drift: 'edited-not-applied',
    turns: {
      ...fail('compose.networks', 'compose.foreign-hardened'),
      // Pinned it is, but no container shows that exactly this runs.
      'images.pinned': 'unknown',
    },
    undo: (i) => putBack(i, 'compose.yaml'),
  },
  {
    name: 'the override file publishes the database, not applied',
    break: (i) => addToDatabase(i, 'ports: ["5432:5432"]'),
    drift: 'edited-not-applied',
    turns: fail('compose.override-keeps-hardening', 'running.current'),
    undo: (i) => putBack(i, OVERRIDE),
  },
  {
    name: 'the override file privileges the proxy, not applied',
    break: (i) => addToOwnFile(i, '  caddy: { privileged: true }\n'),
    drift: 'edited-not-applied',
    turns: fail('compose.override-keeps-hardening', 'proxy.container-current'),
    undo: (i) => putBack(i, OVERRIDE),
  },
  {
    name: 'the override file mounts the whole install into CoreCube, not applied',
    break: (i) => addToOwnFile(i, '    volumes: [ ".:/install:ro" ]\n'),
    drift: 'edited-not-applied',
    turns: fail('compose.override-keeps-hardening', 'running.current'),
    undo: (i) => putBack(i, OVERRIDE),
  },
  {
    name: 'the override file cannot be parsed',
    break: (i) => addToOwnFile(i, '  caddy: [\n'),
    // compose.yaml alone can still be read; what both give together cannot.
    // What Compose does not take cannot have been applied.
    drift: 'edited-not-applied',
    turns: {
      ...unseen('compose.override-keeps-hardening', 'compose.foreign-hardened', ...MERGED),
      ...fail('compose.valid'),
    },
    undo: (i) => putBack(i, OVERRIDE),
  },
  {
    name: 'compose.yaml cannot be parsed',
    break: async (i) => {
      const text = await keep(i, 'compose.yaml');
      await writeFile(i.path('compose.yaml'), text.replace('services:', 'services: ['));
    },
    drift: 'edited-not-applied',
    turns: { ...unseen(...DECLARED, ...MERGED), ...fail('compose.valid') },
    // Apply does not guess what an operator meant: it says where the file is wrong and writes nothing.
    undo: (i) => putBack(i, 'compose.yaml'),
  },
  {
    name: 'compose.yaml is gone',
    break: (i) => rm(i.path('compose.yaml')),
    drift: 'edited-by-hand',
    turns: {
      ...unseen(...DECLARED, ...MERGED, 'install.same-files'),
      ...fail('compose.valid', 'running.current', 'proxy.container-current', 'images.pinned'),
    },
  },
  {
    name: '.env is gone',
    break: (i) => rm(i.path('.env')),
    // Compose does not take the files without the variables that they ask for.
    drift: 'edited-by-hand',
    turns: {
      ...unseen(...CONNECTIONS, 'release.confirmed', 'running.current', 'running.limits'),
      ...unseen('running.proxy-limits', 'proxy.container-current', 'install.no-copies'),
      ...fail('pg.env-file'),
    },
  },
];
