/** What is said about a Compose model: nothing about our own template, and each sin by its own name. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fill } from '../../src/core/template.ts';
import { isDangerousMount, isForeignGround, violations } from '../../steps/compose/violations.ts';
import type { ComposeModel } from '../../steps/shared/compose-project.ts';
import template from '../../templates/compose.yaml?raw';
import { composeAnswers } from './compose-answers.ts';

const DIR = '/srv/corecube';
// biome-ignore lint/suspicious/noExplicitAny: sins are written into the model as it comes from YAML
type Model = any;

/** Our own template as Compose gives it, by way of YAML: lists of networks and secrets become what Compose makes of them. */
function model(): Model {
  const text = fill(template, {
    PROJECT: composeAnswers.projectName,
    RELEASE: composeAnswers.release,
    APP_IMAGE: composeAnswers.image,
    POSTGRES_IMAGE: composeAnswers.postgresImage ?? '',
    PROXY_IMAGE: composeAnswers.proxyImage,
    INFERENCE_IMAGE: 'unused',
    PUBLIC_URL: `https://${composeAnswers.domain}`,
    MAX_UPLOAD_MB: String(composeAnswers.maxUploadMb),
    SESSION_HOURS: String(composeAnswers.sessionHours),
    SESSION_IDLE_MINUTES: String(composeAnswers.sessionIdleMinutes),
    HTTP_PORT: String(composeAnswers.httpPort),
    HTTPS_PORT: String(composeAnswers.httpsPort),
    LISTEN_ADDRESS: composeAnswers.listenAddress,
    EDGE_SUBNET: '10.213.74.0/24',
  });
  const given = parse(text);
  delete given.services.inference;
  for (const service of Object.values(given.services) as Model[]) {
    service.networks = Object.fromEntries(service.networks.map((name: string) => [name, null]));
    service.secrets = service.secrets?.map((s: unknown) => (typeof s === 'string' ? { source: s } : s));
    for (const volume of service.volumes ?? [])
      if (volume.type === 'bind') volume.source = join(DIR, volume.source);
  }
  for (const secret of Object.values(given.secrets) as Model[]) secret.file = join(DIR, secret.file);
  return given;
}

function said(sin: (m: Model) => void): Record<string, string[]> {
  const given = model();
  sin(given);
  return Object.fromEntries(violations(given as ComposeModel, composeAnswers, DIR));
}
const HARDENED = {
  image: 'x',
  read_only: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  user: '1000',
  mem_limit: '1g',
};

describe('a Compose model', () => {
  it('is not accused when it is our own', () => expect(said(() => {})).toEqual({}));

  it.each<[string, object]>([
    ['where CoreCube is asked directly', { HTTP_PROXY: 'http://p:3128', NO_PROXY: 'localhost, CoreCube' }],
    ['where nothing is asked through it', { HTTP_PROXY: 'http://p:3128', no_proxy: '*' }],
    ['for an authority', { HTTPS_PROXY: 'http://p:3128' }],
    ['no other, and keep its data where it is kept', { XDG_DATA_HOME: '/data/', XDG_CONFIG_HOME: '/config' }],
  ])('may have variables: a proxy %s', (_, given) =>
    expect(said((m) => Object.assign(m.services.caddy.environment, given))).toEqual({}),
  );

  it.each<[string, string, (m: Model) => void, RegExp]>([
    ['a writable root', 'read-only', (m) => delete m.services.corecube.read_only, /corecube/],
    ['kept capabilities', 'capabilities', (m) => delete m.services.pgvector.cap_drop, /does not drop/],
    [
      'an added capability',
      'capabilities',
      (m) => (m.services.caddy.cap_add = ['CAP_SYS_ADMIN']),
      /SYS_ADMIN/,
    ],
    ['privileges to gain', 'no-new-privileges', (m) => delete m.services.corecube.security_opt, /may gain/],
    ['no tmpfs', 'tmpfs', (m) => delete m.services.corecube.tmpfs, /no tmpfs/],
    [
      'programs in /tmp',
      'tmpfs',
      (m) => (m.services.caddy.tmpfs = ['/tmp:size=1m,exec']),
      /may run programs/,
    ],
    ['root', 'user', (m) => (m.services.pgvector.user = '0:0'), /runs as 0:0/],
    ['no init', 'init', (m) => delete m.services.corecube.init, /no init/],
    ['no process limit', 'limits', (m) => delete m.services.caddy.pids_limit, /process limit/],
    ['no memory limit', 'limits', (m) => delete m.services.caddy.mem_limit, /memory limit/],
    ['no restart', 'restart', (m) => delete m.services.pgvector.restart, /not restarted/],
    ['an endless log', 'logs', (m) => delete m.services.corecube.logging, /without bound/],
    ['no health check', 'healthchecks', (m) => delete m.services.corecube.healthcheck, /no health check/],
    [
      'a health check that is none',
      'healthchecks',
      (m) => (m.services.corecube.healthcheck = { test: ['NONE'] }),
      /switches its health check off/,
    ],
    ['no data volume', 'data-volume', (m) => delete m.services.corecube.volumes, /does not keep/],
    ['an open internal network', 'networks', (m) => (m.networks.internal = {}), /way out/],
    ['no network at all', 'networks', (m) => (m.services.pgvector.networks = {}), /no network/],
    ['a port', 'ports', (m) => (m.services.corecube.ports = [{ target: 7400, published: '7400' }]), /7400/],
    ['privileged', 'isolation', (m) => (m.services.caddy.privileged = true), /privileged/],
    ['the uts namespace', 'isolation', (m) => (m.services.caddy.uts = 'host'), /uts/],
    [
      'out of the user namespace',
      'isolation',
      (m) => (m.services.caddy.userns_mode = 'host'),
      /user namespace/,
    ],
    [
      'the socket in a service of the operator',
      'isolation',
      (m) =>
        (m.services.watcher = {
          ...HARDENED,
          volumes: [{ type: 'bind', source: '/var/run/docker.sock', target: '/s' }],
        }),
      /watcher mounts/,
    ],
    [
      'the operator joining inside',
      'networks',
      (m) => (m.services.watcher = { ...HARDENED, networks: { internal: null } }),
      /watcher/,
    ],
    [
      'an unhardened service of the operator',
      'foreign-hardened',
      (m) => (m.services.watcher = { image: 'x' }),
      /lacks a read-only.*capabilities.*privileges.*user.*memory/,
    ],
    [
      'the key for another service',
      'key-delivery',
      (m) => (m.services.caddy.secrets = [{ source: 'encryption_key' }]),
      /caddy is handed the key/,
    ],
    ['another group', 'user', (m) => (m.services.corecube.group_add = ['0']), /joins the groups 0/],
    [
      'a hook of root',
      'user',
      (m) => (m.services.corecube.post_start = [{ command: ['x'], user: 'root' }]),
      /hook that runs as root/,
    ],
    [
      'a privileged hook',
      'isolation',
      (m) => (m.services.caddy.pre_stop = [{ command: ['x'], privileged: true }]),
      /privileged hook/,
    ],
    ['devices to use', 'isolation', (m) => (m.services.caddy.device_cgroup_rules = ['a *:* rwm']), /devices/],
    ['the cgroups of the host', 'isolation', (m) => (m.services.caddy.cgroup = 'host'), /cgroup namespace/],
    ['endless swap', 'limits', (m) => (m.services.caddy.memswap_limit = -1), /swap without bound/],
    ['no end for its memory', 'limits', (m) => (m.services.caddy.oom_kill_disable = true), /never ended/],
    [
      'a health check that says nothing',
      'healthchecks',
      (m) => (m.services.caddy.healthcheck.test = ['CMD', '/bin/true']),
      /content with anything/,
    ],
    [
      'parameters of the kernel',
      'isolation',
      (m) => {
        m.services.corecube.sysctls = { 'net.ipv4.ip_forward': '1' };
      },
      /corecube sets parameters of the kernel/,
    ],
    [
      'another entry point',
      'environment',
      (m) => {
        m.services.corecube.entrypoint = ['/bin/sh', '-c', 'exec other'];
      },
      /corecube is given another entrypoint than its image has/,
    ],
    [
      'another command',
      'environment',
      (m) => {
        m.services.caddy.command = ['caddy', 'run', '--config', '/other'];
      },
      /caddy is given another command/,
    ],
    [
      'a directory over its programs',
      'environment',
      (m) => m.services.corecube.volumes.push({ type: 'bind', source: '/srv/patched', target: '/app' }),
      /corecube has something mounted over \/app/,
    ],
    [
      'a config over its program',
      'environment',
      (m) => (m.services.corecube.configs = [{ source: 'hotfix', target: '/app/server.mjs' }]),
      /mounted over \/app\/server\.mjs/,
    ],
    [
      'a secret among its programs',
      'environment',
      (m) => (m.services.caddy.secrets = [{ source: 'own', target: '/usr/bin/caddy' }]),
      /mounted over \/usr\/bin\/caddy/,
    ],
    [
      'another Caddyfile',
      'environment',
      (m) =>
        m.services.caddy.volumes.push({
          type: 'bind',
          source: '/srv/x',
          target: '/etc/caddy/../caddy/Caddyfile',
        }),
      /caddy has something mounted over \/etc\/caddy/,
    ],
    [
      'a directory of its own that it may write',
      'environment',
      (m) => delete m.services.caddy.volumes[0].read_only,
      /caddy may write \/etc\/caddy/,
    ],
    [
      'another proxy on the way to CoreCube',
      'environment',
      (m) => (m.services.caddy.environment.http_proxy = 'http://u:p@proxy.test:3128'),
      /"caddy has http_proxy, so that requests to corecube go through another proxy"/,
    ],
    [
      'a proxy that is not used for localhost only',
      'environment',
      (m) =>
        Object.assign(m.services.caddy.environment, { HTTP_PROXY: 'http://p', NO_PROXY: 'localhost, .test' }),
      /caddy has HTTP_PROXY/,
    ],
    [
      "a proxy left to Docker's client",
      'environment',
      (m) => delete m.services.caddy.environment.HTTP_PROXY,
      /caddy leaves HTTP_PROXY to the configuration/,
    ],
    [
      'keys of the proxy in another place',
      'data-volume',
      (m) => (m.services.caddy.environment.XDG_DATA_HOME = '/tmp'),
      /caddy has XDG_DATA_HOME/,
    ],
    [
      'an edge network whose modes the engine chooses',
      'networks',
      (m) => delete m.networks.edge.driver_opts['com.docker.network.bridge.gateway_mode_ipv6'],
      /"the network edge leaves gateway_mode_ipv6 to the engine"/,
    ],
    [
      'another directory of rules',
      'environment',
      (m) => {
        m.services.pgvector.volumes[1].source = '/srv/rules';
      },
      /pgvector has something mounted over \/etc\/postgresql\/custom/,
    ],
    [
      'the volume of somebody else',
      'data-volume',
      (m) => (m.volumes['corecube-data'] = { name: 'other_data' }),
      /is other_data instead of/,
    ],
    [
      'a volume on another machine',
      'data-volume',
      (m) =>
        (m.volumes['pgvector-data'] = { driver_opts: { type: 'nfs', o: 'addr=192.0.2.9', device: ':/x' } }),
      /another machine \(nfs\)/,
    ],
    [
      'a volume in memory',
      'data-volume',
      (m) => (m.volumes['caddy-data'] = { driver_opts: { type: 'tmpfs', device: 'tmpfs' } }),
      /in memory/,
    ],
    [
      'a volume of another driver',
      'data-volume',
      (m) => (m.volumes['corecube-data'] = { driver: 'rclone' }),
      /driver rclone/,
    ],
    [
      'a volume that a reboot empties',
      'data-volume',
      (m) => (m.volumes['corecube-data'] = { driver_opts: { type: 'none', o: 'bind', device: '/tmp/data' } }),
      /does not last/,
    ],
    [
      'another authority of the database',
      'secret-delivery',
      (m) => (m.secrets['pg_ca.crt'] = { file: '/tmp/ca.crt' }),
      /pg_ca\.crt is not the file secrets\/pg_ca\.crt/,
    ],
    [
      'a password from the environment',
      'secret-delivery',
      (m) => (m.secrets.pg_superuser_password = { environment: 'PASSWORD' }),
      /pg_superuser_password is not the file/,
    ],
    ...[
      ['NODE_OPTIONS', '--tls-keylog=/data/keys'],
      ['NODE_OPTIONS', '--trace-tls'],
      ['NODE_OPTIONS', '--heapsnapshot-signal=SIGUSR2'],
      ['NODE_OPTIONS', '--openssl-config=/data/x.cnf'],
      ['OPENSSL_CONF', '/data/x.cnf'],
      ['BUN_CONFIG_VERBOSE_FETCH', 'curl'],
      ['SSLKEYLOGFILE', '/data/keys'],
      ['GODEBUG', 'madvdontneed=1,http2debug=2'],
    ].map(([name = '', value]): [string, string, (m: Model) => void, RegExp] => [
      `${name}=${value}`,
      'environment',
      (m) => {
        m.services.corecube.environment[name] = value;
      },
      /so that/,
    ]),
    [
      'no verified certificate',
      'environment',
      (m) => (m.services.corecube.environment.NODE_TLS_REJECT_UNAUTHORIZED = '0'),
      /no certificate is verified/,
    ],
    [
      'foreign code',
      'environment',
      (m) => (m.services.corecube.environment.NODE_OPTIONS = '--max-old-space-size=900 --require /data/x.js'),
      /NODE_OPTIONS/,
    ],
    [
      'a name told by hand',
      'networks',
      (m) => (m.services.caddy.extra_hosts = ['corecube=203.0.113.9']),
      /by hand/,
    ],
    [
      'the name of another',
      'networks',
      (m) => (m.services.own = { ...HARDENED, networks: { edge: { aliases: ['corecube'] } } }),
      /own answers to the name corecube/,
    ],
    [
      'a shared network',
      'networks',
      (m) => (m.networks.edge = { external: true, name: 'lan' }),
      /somebody else/,
    ],
    ['a network that is no bridge', 'networks', (m) => (m.networks.edge.driver = 'macvlan'), /macvlan/],
    [
      'a network without a fence',
      'networks',
      (m) =>
        (m.networks.edge.driver_opts = { 'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected' }),
      /gateway_mode_ipv4=nat-unprotected/,
    ],
    [
      'jobs of the host',
      'isolation',
      (m) => m.services.corecube.volumes.push({ type: 'bind', source: '/etc/cron.d', target: '/x' }),
      /mounts \/etc\/cron\.d/,
    ],
    [
      'the key inline',
      'key-delivery',
      (m) => (m.services.corecube.environment.ENCRYPTION_KEY = 'x'),
      /environment/,
    ],
  ])('with %s is accused of exactly that', (_name, property, sin, words) => {
    const found = said(sin);
    expect(Object.keys(found)).toEqual([property]);
    expect(JSON.stringify(found)).toMatch(words);
  });

  it('is not accused for a hardened service of the operator', () =>
    expect(said((m) => (m.services.own = HARDENED))).toEqual({}));
});

it('is not accused for what is ordinary', () =>
  expect(
    said((m) => {
      Object.assign(m.services.corecube.environment, {
        NODE_OPTIONS: '--max-old-space-size=900 --use-system-ca',
        NODE_EXTRA_CA_CERTS: '/run/secrets/pg_ca.crt',
        NODE_TLS_REJECT_UNAUTHORIZED: '1',
        OPENSSL_CONF: '',
        BUN_CONFIG_VERBOSE_FETCH: 'false',
        GODEBUG: 'madvdontneed=1,http2debug=0',
      });
      m.services.corecube.configs = [{ source: 'own' }];
      m.volumes['corecube-data'] = { driver_opts: { type: 'none', o: 'bind', device: '/srv/disk' } };
      m.volumes['pgvector-data'] = { external: true, name: 'corecube_pgvector-data' };
      m.services.corecube.extra_hosts = ['host.docker.internal=host-gateway'];
      m.services.corecube.memswap_limit = 4 * 1024 ** 3;
      m.services.corecube.mem_limit = 2 * 1024 ** 3;
      m.services.corecube.volumes.push(
        { type: 'bind', source: '/etc/localtime', target: '/etc/localtime', read_only: true },
        { type: 'bind', source: '/usr/share/ca-certificates', target: '/ca', read_only: true },
        { type: 'bind', source: '/opt/documents', target: '/documents' },
        { type: 'bind', source: '/srv/own.crt', target: '/usr/local/share/ca-certificates/own.crt' },
        { type: 'bind', source: '/usr/share/zoneinfo', target: '/usr/share/zoneinfo', read_only: true },
      );
    }),
  ).toEqual({}));

describe('a dangerous mount', () => {
  it.each([
    '/',
    '/etc',
    '/var/run/docker.sock',
    '/somewhere/podman.sock',
    '/var/lib/docker/volumes',
    '/srv',
    '/srv/corecube',
    '/srv/corecube/secrets',
    '/srv/corecube/secrets/',
    '/srv/corecube/.corecube-secure',
  ])('is %s', (source) => expect(isDangerousMount(source, DIR)).toBe(true));

  it.each([
    '/srv/corecube/caddy',
    '/srv/corecube/secrets/tls.crt',
    '/srv/other',
    '/etc/localtime',
    '/srv/core',
  ])('is not %s', (source) => expect(isDangerousMount(source, DIR)).toBe(false));
});

describe('a place of the host', () => {
  it.each([
    ['/root/.ssh', false, DIR],
    ['/home/ops/.ssh/authorized_keys', false, DIR],
    ['/etc/shadow', false, DIR],
    ['/etc/cron.d/job', true, DIR],
    ['/usr/local/bin', true, DIR],
    ['/root/.ssh', false, '/root/corecube'],
  ])('is no ordinary mount: %s', (source, writable, dir) =>
    expect(isForeignGround(source, writable, dir)).toBe(true),
  );
  it.each([
    ['/etc/ssl/certs', false, DIR],
    ['/usr/share/zoneinfo', false, DIR],
    ['/root/site', true, DIR],
    // Where root installs into its home, or into a tree of the system.
    ['/root/corecube/caddy', false, '/root/corecube'],
    ['/root/.apps/corecube/postgres', true, '/root/.apps/corecube'],
    ['/usr/local/corecube/caddy', true, '/usr/local/corecube'],
  ])('is an ordinary one: %s', (source, writable, dir) =>
    expect(isForeignGround(source, writable, dir)).toBe(false),
  );
});
