/** Rows about who is connected to whom, what does not run, and what cannot be seen. */
import type { Install } from '../e2e/support.ts';
import { recreateOtherwise, serving, untilHealthy } from './containers.ts';
import { fail, type Sabotage, unseen } from './types.ts';

const must = async (install: Install, ...args: string[]): Promise<string> => {
  const done = await install.docker(...args);
  if (done.code !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`);
  return done.stdout.trim();
};
const network = (install: Install, name: string) => `${install.project}_${name}`;
const intruder = (install: Install) => `${install.project}-intruder`;
const away = (install: Install) => must(install, 'rm', '--force', '--volumes', intruder(install));

/** A container of somebody else, started as an operator in a hurry starts one. */
const foreign = (install: Install, ...options: string[]) =>
  must(install, 'run', '--detach', '--name', intruder(install), ...options);

/** Makes the internal network anew by hand, with the labels that Compose gave it, and puts its members back. */
async function remakeInternal(install: Install, options: readonly string[]): Promise<void> {
  const name = network(install, 'internal');
  const [seen] = JSON.parse(await must(install, 'network', 'inspect', name)) as [
    { Labels: Record<string, string>; Containers: Record<string, { Name: string }> },
  ];
  const members = Object.values(seen.Containers).map((c) => c.Name);
  for (const member of members) await must(install, 'network', 'disconnect', '--force', name, member);
  await must(install, 'network', 'rm', name);
  const labels = Object.entries(seen.Labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  await must(install, 'network', 'create', ...labels, ...options, name);
  for (const member of members) {
    const service = member.replace(`${install.project}-`, '').replace(/-\d+$/, '');
    await must(install, 'network', 'connect', '--alias', service, name, member);
  }
  // CoreCube must look its database up again.
  await must(install, 'restart', '--time', '2', await install.container('corecube'));
  await untilHealthy(install, 'corecube');
}

/** What only an answer of CoreCube shows: with its container gone, or frozen, it is not seen. */
const ANSWERS = [
  ...['admin.default-login-refused', 'admin.no-default-email', 'admin.own-login', 'admin.own-rights'],
  ...['admin.session-ended', 'admin.others-known'],
  ...['audit.query-text', 'audit.retention-days', 'session.cookie-flags', 'session.lifetime'],
  ...['keys.expire', 'keys.not-shared', 'keys.service-for-shared', 'keys.used', 'webhooks.secret-set'],
  ...['key.none-of-its-own', 'key.readable-inside', 'key.same-inside', 'key.unreadable-by-others'],
  ...['pg.app-cannot-alter-policy', 'pg.app-role-in-use', 'pg.app-sessions-encrypted'],
  ...['pg.policies-not-open', 'pg.rls-enabled', 'pg.tables-not-owned-by-app', 'pg.policies-recorded'],
  ...['pg.policies-as-migrated', 'proxy.public-paths-answer'],
];
/** What is looked at in the running container, or on the networks that it joins. */
const CONTAINER = [
  ...['capabilities', 'current', 'data-volume', 'edge-members', 'healthchecks', 'init', 'internal-closed'],
  ...['internal-members', 'isolation', 'limits', 'logs', 'networks', 'no-new-privileges', 'ports'],
  ...['read-only', 'restart', 'tmpfs', 'user'],
].map((property) => `running.${property}`);

/** What is looked at inside a container that answers, or through its database; one that is not steady answers by chance. */
const UNSTEADY = ANSWERS.filter((id) => /^(key|pg)\./.test(id));
/** What goes through the published ports of the proxy; a proxy in the host network publishes none. */
const PUBLISHED = [
  ...['access-log', 'admin-refused-from-outside', 'body-limit', 'client-address-seen', 'config-current'],
  ...['container-current', 'data-kept', 'forged-addresses-refused', 'headers-once', 'hsts', 'http-redirects'],
  ...['metrics-refused', 'no-ipv6-publishing', 'other-hosts-refused', 'public-paths-answer'],
].map((property) => `proxy.${property}`);
const HANDSHAKES = ['certificate', '1-1-refused', '1-2-accepted', '1-3-accepted'].map(
  (property) => `tls.${property}`,
);

/** What needs neither the engine nor anything that it runs: files, the declaration, the host, words. */
const WITHOUT_ENGINE = [
  ...[
    'admin.password-file',
    'admin.password-policy',
    'answers.*',
    'compose.*',
    'dumps.*',
    'install.*',
    'key.backup-apart',
  ],
  ...['docker.installable', 'docker.installed', 'host.filesystem*', 'host.firewall'],
  ...['host.memory*', 'host.ports-free', 'key.belongs-to-data', 'key.directory', 'key.exists', 'key.format'],
  ...['key.not-a-link', 'key.not-lost', 'pg.env-file', 'pg.urls-distinct', 'pg.urls-verify-server'],
  ...['proxy.config-file', 'waivers.file-access'],
];
/** What the engine still tells of containers that this host cannot reach over their networks. */
const OVER_THE_SOCKET = [
  ...[
    'admin.not-in-environment',
    'docker.*',
    'host.disk*',
    'host.no-foreign-install',
    'host.neighbours-isolated',
    'images.*',
    'key.*',
    'running.*',
  ],
  ...['pg.ca-delivered', 'pg.files', 'pg.not-published', 'pg.policies-recorded'],
  'secrets.only-their-services',
  ...['proxy.config-current', 'proxy.container-current', 'proxy.data-kept', 'proxy.gateway-not-allowed'],
  ...[
    'proxy.no-ipv6-publishing',
    'proxy.up',
    'release.known',
    'secrets.not-in-inspect',
    'session.environment',
  ],
];

export const networkRows: readonly Sabotage[] = [
  {
    name: 'a foreign container joins the internal network',
    break: (i) => foreign(i, '--network', network(i, 'internal'), 'caddy:2'),
    drift: 'changed-at-run-time',
    turns: fail('running.internal-members'),
    undo: away,
  },
  {
    name: 'a foreign container publishes the database by way of a second network',
    break: async (i) => {
      await foreign(i, '--publish', '5432:5432', 'caddy:2');
      await must(i, 'network', 'connect', network(i, 'internal'), intruder(i));
    },
    drift: 'changed-at-run-time',
    turns: fail('running.internal-members'),
    undo: away,
  },
  {
    name: 'a foreign container on the edge network publishes CoreCube past the proxy',
    break: (i) =>
      foreign(
        i,
        ...['--network', network(i, 'edge'), '--publish', '8081:8081', 'caddy:2'],
        ...['caddy', 'reverse-proxy', '--from', 'http://:8081', '--to', 'corecube:7400'],
      ),
    drift: 'changed-at-run-time',
    turns: fail('running.edge-members'),
    undo: away,
  },
  {
    name: 'a foreign container publishes CoreCube on its own port, on IPv6 only',
    break: (i) =>
      foreign(
        i,
        ...['--network', network(i, 'edge'), '--publish', '[2001:db8:1::1]:7400:7400', 'caddy:2'],
        ...['caddy', 'reverse-proxy', '--from', 'http://:7400', '--to', 'corecube:7400'],
      ),
    drift: 'changed-at-run-time',
    turns: fail('running.edge-members', 'proxy.app-not-reachable-directly'),
    undo: away,
  },
  {
    name: "a container made by hand carries the project's label and no other",
    break: (i) => foreign(i, '--label', `com.docker.compose.project=${i.project}`, 'caddy:2'),
    drift: 'changed-at-run-time',
    turns: fail('running.no-extra-containers'),
    undo: away,
  },
  {
    name: 'a one-off container of CoreCube is left running',
    break: async (i) => {
      await i.compose('run', '--detach', '--no-deps', '--entrypoint', 'sleep', 'corecube', '600');
    },
    drift: 'changed-at-run-time',
    // It has the data volume and every secret, like the first.
    turns: fail('running.internal-members', 'running.edge-members', 'running.nothing-shared'),
    undo: async (i) => {
      const filters = ['--filter', `label=com.docker.compose.project=${i.project}`];
      const id = await must(
        i,
        'ps',
        '--quiet',
        ...filters,
        '--filter',
        'label=com.docker.compose.oneoff=True',
      );
      await must(i, 'rm', '--force', id);
    },
  },
  {
    name: 'the database is connected to the default network',
    break: async (i) => must(i, 'network', 'connect', 'bridge', await i.container('pgvector')),
    drift: 'changed-at-run-time',
    turns: fail('running.networks', 'pg.not-published'),
    undo: async (i) => must(i, 'network', 'disconnect', 'bridge', await i.container('pgvector')),
  },
  {
    name: 'the proxy is connected to the internal network',
    break: async (i) => must(i, 'network', 'connect', network(i, 'internal'), await i.container('caddy')),
    drift: 'changed-at-run-time',
    turns: fail('running.proxy-networks'),
    undo: async (i) => must(i, 'network', 'disconnect', network(i, 'internal'), await i.container('caddy')),
  },
  {
    name: 'the internal network was made anew with a way out',
    break: (i) => remakeInternal(i, []),
    drift: 'changed-at-run-time',
    turns: fail('running.internal-closed'),
    undo: (i) => remakeInternal(i, ['--internal']),
  },
  {
    name: 'CoreCube is stopped',
    break: async (i) => must(i, 'stop', '--time', '2', await i.container('corecube')),
    // A container that ends by itself is started again: one that stays stopped was stopped by somebody.
    drift: 'changed-at-run-time',
    turns: {
      ...unseen(...ANSWERS, ...CONTAINER, 'admin.not-in-environment', 'session.environment'),
      ...unseen('release.confirmed', 'running.program', 'secrets.not-in-inspect', 'urls.in-environment'),
      // Where nothing runs there is nothing that was delivered.
      'pg.ca-delivered': 'skip',
      ...fail('running.corecube-up'),
    },
  },
  {
    name: 'CoreCube is paused',
    break: async (i) => must(i, 'pause', await i.container('corecube')),
    // Its container can be looked at; it answers nobody, and the proxy waits for it.
    drift: 'changed-at-run-time',
    turns: {
      ...unseen(...ANSWERS, 'proxy.headers-once', 'proxy.hsts', 'proxy.other-hosts-refused'),
      ...unseen('pg.ca-delivered'),
      ...fail('running.corecube-up'),
    },
    undo: async (i) => {
      await must(i, 'unpause', await i.container('corecube'));
      await untilHealthy(i, 'corecube');
    },
  },
  {
    name: 'the health check of CoreCube fails',
    break: async (i) => {
      const failing = { test: ['CMD', 'false'], interval: '1s', retries: 1, start_period: '0s' };
      // Compose waits until the container is unhealthy, and ends with that.
      await recreateOtherwise(i, 'corecube', (service) => {
        service.healthcheck = failing;
      }).catch((error: Error) => {
        if (!/unhealthy/.test(error.message)) throw error;
      });
    },
    // That it is of another file is seen; why a program is unhealthy is not.
    drift: { 'running.current': 'changed-at-run-time' },
    turns: { ...unseen(...UNSTEADY), ...fail('running.corecube-up', 'running.current') },
  },
  {
    name: 'the running proxy is in the network of the host',
    break: async (i) => {
      const edge = `{{(index .NetworkSettings.Networks "${network(i, 'edge')}").IPAddress}}`;
      const address = await must(i, 'inspect', '--format', edge, await i.container('corecube'));
      await recreateOtherwise(i, 'caddy', (service) => {
        delete service.networks;
        delete service.ports;
        Object.assign(service, { network_mode: 'host', extra_hosts: [`corecube:${address}`] });
      });
    },
    drift: 'changed-at-run-time',
    turns: {
      ...unseen(...PUBLISHED, ...HANDSHAKES),
      ...fail('running.proxy-isolation', 'running.proxy-networks', 'proxy.up'),
    },
  },
  {
    name: 'this host is cut off from its containers while verify runs',
    break: (i) => cut(i, '--insert'),
    drift: {},
    turns: unseen('webhooks.secret-set', 'pg.app-cannot-create-tables'),
    exit: 3,
    stillSeen: [...WITHOUT_ENGINE, ...OVER_THE_SOCKET],
    undo: async (i) => {
      await cut(i, '--delete');
      await serving(i);
    },
  },
  {
    name: 'the engine is stopped',
    break: (i) => i.host.stopEngine(),
    drift: {},
    turns: unseen(...['urls.in-environment', 'webhooks.secret-set', 'pg.app-cannot-create-tables']),
    exit: 3,
    stillSeen: WITHOUT_ENGINE,
    undo: async (i) => {
      await i.host.startEngine();
      for (const service of ['pgvector', 'corecube']) await untilHealthy(i, service);
      await serving(i);
    },
  },
];

/** Drops what this host itself sends to the containers; what the engine is asked goes over its socket. */
async function cut(install: Install, action: '--insert' | '--delete'): Promise<void> {
  for (const name of ['internal', 'edge']) {
    const format = '{{(index .IPAM.Config 0).Subnet}}';
    const subnet = await must(install, 'network', 'inspect', '--format', format, network(install, name));
    await install.host.out(['iptables', action, 'OUTPUT', '--destination', subnet, '--jump', 'DROP']);
  }
}
