import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { Needed } from '../../steps/preflight/common.ts';
import { clashes } from '../../steps/preflight/network.ts';
import { preflight } from '../../steps/preflight.ts';
import { sections } from '../../steps/questions.ts';
import { imageReply, info, look, NAMES, NOT_FOUND, plan, type Sins } from './preflight-host.ts';

describe('a healthy host', () => {
  it('holds every control and plans nothing', async () => {
    const { bad, unseen } = await look();
    expect(bad).toEqual([]);
    expect(unseen).toEqual([]);
    expect(await plan({})).toEqual([]);
  });

  it('gives every control its texts and a section of the guide', () => {
    for (const control of preflight.controls) {
      expect(Object.keys(sections)).toContain(control.section);
      for (const text of [control.title, control.threat, control.remedy, control.impact])
        expect(text).toMatch(/\S{2}/);
      expect(`${control.title}${control.threat}${control.remedy}`).not.toContain('!');
    }
  });
});

/** [sin, controls that fail, words that must be said by the first] */
const SINS: readonly [string, Sins, readonly string[], RegExp, Partial<Needed>?][] = [
  ['an old engine', { commands: info({ ServerVersion: '19.03.15' }) }, ['docker.version'], /19\.03\.15/],
  [
    'an old plugin',
    { commands: { 'docker compose version': 'v2.17.2' } },
    ['docker.installable', 'compose.version'],
    /2\.17\.2/,
  ],
  [
    'a rootless engine',
    { commands: info({ SecurityOptions: ['name=rootless'] }) },
    ['docker.supported-mode'],
    /rootless/,
  ],
  [
    'Docker Desktop',
    { commands: info({ OperatingSystem: 'Docker Desktop' }) },
    ['docker.supported-mode'],
    /Desktop/,
  ],
  [
    "Podman's socket",
    { commands: info({ DockerRootDir: '/var/lib/containers/storage', ServerVersion: '5.4.2' }) },
    ['docker.version', 'docker.supported-mode'],
    /5\.4\.2/,
  ],
  [
    'a remote engine',
    { env: { DOCKER_HOST: 'ssh://root@198.51.100.9' } },
    ['docker.supported-mode'],
    /ssh:\/\/198/,
  ],
  [
    'an image for another processor',
    { commands: { 'docker image inspect caddy:2': imageReply('12', { Architecture: 'arm64' }) } },
    ['docker.architecture'],
    /caddy:2 is for linux\/arm64/,
  ],
  ['a full disk', { system: { diskFreeMb: 900 } }, ['host.disk', 'host.disk-reserve'], /0\.9 GiB/],
  [
    'a full disk below Docker',
    { commands: { 'df -Pk': 'x\n/dev/vdb 1 1 1048576 99% /var/lib/docker\n' } },
    ['host.disk', 'host.disk-reserve'],
    /1\.0 GiB free at \/var\/lib\/docker/,
  ],
  ['little memory', { system: { memoryMb: 2_000 } }, ['host.memory-reserve'], /2000 MiB/],
  [
    'a port of somebody else',
    { listeners: [{ address: '::', port: 443, holder: 'nginx (pid 812)' }] },
    ['host.ports-free'],
    /443 is held by nginx \(pid 812\)/,
  ],
  [
    'an address of another host',
    {},
    ['host.ports-free'],
    /198\.51\.100\.9 is no address of this host \(127/,
    { listenAddress: '198.51.100.9' },
  ],
  ['one port for two', {}, ['host.ports-free'], /both ports are 80/, { httpsPort: 80 }],
  ['a name without address', { names: {} }, ['domain.resolves', 'domain.points-here'], /has no address/],
  [
    'a name of another host',
    { names: { 'corecube.test 4': ['203.0.113.4'] } },
    ['domain.points-here'],
    /203\.0\.113\.4 \(not of this host\)/,
  ],
  [
    'an AAAA of this host',
    { names: { ...NAMES, 'corecube.test 6': ['2001:db8:1::1'] } },
    ['domain.aaaa-reachable'],
    /2001:db8:1::1 .*IPv4 only/,
  ],
  [
    'a clock that nobody sets',
    { commands: { 'timedatectl show': 'no\n' } },
    ['host.clock'],
    /not synchronised/,
  ],
  ['a clock of 1970', { now: new Date(0) }, ['host.clock'], /1970/],
  [
    'a file system without modes',
    { commands: { 'findmnt ': 'vfat\n' } },
    ['host.filesystem-modes'],
    /\/srv is on vfat/,
  ],
  [
    'a file system in user space',
    { commands: { 'findmnt ': 'fuse.rclone\n' } },
    ['host.filesystem-modes'],
    /not known/,
  ],
  ['a network file system', { commands: { 'findmnt ': 'nfs4\n' } }, ['host.filesystem-local'], /nfs4/],
  [
    'ufw, which only root may ask',
    {
      commands: { 'ufw ': { code: 1, stderr: 'ERROR: You need to be root' }, 'firewall-cmd ': NOT_FOUND },
      files: { '/etc/ufw/ufw.conf': '# x\nENABLED=yes\n' },
    },
    ['host.firewall'],
    /ufw is active/,
  ],
  ['ufw', { commands: { 'ufw ': 'Status: active\n' } }, ['host.firewall'], /ufw is active/],
  [
    'orphaned volumes',
    { commands: { 'docker volume ls': 'corecube_corecube-data\n' } },
    ['host.no-foreign-install'],
    /corecube_corecube-data/,
  ],
  [
    'images that are not here',
    { commands: { 'docker image inspect caddy:2': { code: 1, stderr: 'Error: No such image: caddy:2' } } },
    ['images.present'],
    /caddy:2/,
  ],
  [
    'a missing certificate',
    { files: { '/etc/k.pem': 'x' } },
    ['answers.files-readable'],
    /tlsCertificate: \/etc\/c\.pem does not exist/,
    { tls: 'files', tlsCertificate: '/etc/c.pem', tlsKey: '/etc/k.pem' },
  ],
  [
    'an unset variable',
    {},
    ['answers.files-readable'],
    /variable PW is not set/,
    { adminPassword: { from: 'env', name: 'PW' } },
  ],
];

describe('one sin at a time', () => {
  it.each(SINS)('%s', async (_name, sins, controls, words, answers) => {
    const { bad, said } = await look(sins, answers);
    expect(bad).toEqual(controls);
    expect(said(controls[0] as string)).toMatch(words);
    // Whatever a person need not repair, the plan must: else the run would end as a bug of the step.
    const failed = preflight.controls.filter((c) => bad.includes(c.id) && c.severity === 'required');
    if (failed.length > 0 && !failed.some((c) => c.manual)) expect(await plan(sins, answers)).not.toEqual([]);
  });

  it('knows its own proxy, and names the container that holds a port', async () => {
    const listeners = [{ address: '0.0.0.0', port: 443, holder: 'docker-proxy (pid 7)' }];
    const container = (dir: string, service: string) =>
      JSON.stringify([
        {
          Name: '/corecube-caddy-1',
          State: { Running: true },
          Config: {
            Labels: { 'com.docker.compose.service': service, 'com.docker.compose.project.working_dir': dir },
          },
          NetworkSettings: { Ports: { '443/tcp': [{ HostIp: '0.0.0.0', HostPort: '443' }] } },
        },
      ]);
    const own = {
      listeners,
      commands: { 'docker ps --all': 'c1\n', 'docker inspect': container('/srv/corecube', 'caddy') },
    };
    expect((await look(own)).said('host.ports-free')).toMatch(/443 is held by this install's own proxy/);
    const linked = {
      listeners,
      commands: {
        'docker ps --all': 'c1\n',
        'docker inspect': container('/link/corecube', 'caddy'),
        'stat --dereference': '64769:2\n64769:2\n',
      },
    };
    expect((await look(linked)).bad).toEqual([]);
    const foreign = {
      listeners,
      commands: {
        'docker ps --all': 'c1\n',
        'docker inspect': container('/srv/other', 'caddy'),
        'docker ps --filter': 'corecube-caddy-1 of the Compose project corecube\n',
      },
    };
    const { bad, said } = await look(foreign);
    expect(bad).toEqual(['host.ports-free', 'host.no-foreign-install']);
    expect(said('host.ports-free')).toMatch(/the container corecube-caddy-1 of the Compose project/);
    expect(said('host.no-foreign-install')).toMatch(/\/srv\/other: corecube-caddy-1/);
  });

  it('knows its own proxy in the host network by its process, and nothing else there', async () => {
    const proxy = {
      Id: 'abc123',
      Name: '/corecube-caddy-1',
      State: { Running: true },
      Config: {
        Labels: {
          'com.docker.compose.service': 'caddy',
          'com.docker.compose.project.working_dir': '/srv/corecube',
        },
      },
      HostConfig: { NetworkMode: 'host' },
      NetworkSettings: { Ports: {} },
    };
    const held = (group: string) => ({
      listeners: [{ address: '::', port: 443, holder: 'caddy (pid 812)' }],
      files: { '/proc/812/cgroup': group },
      commands: { 'docker ps --all': 'c1\n', 'docker inspect': JSON.stringify([proxy]) },
    });
    expect((await look(held('0::/system.slice/docker-abc123.scope'))).bad).toEqual([]);
    expect((await look(held('0::/system.slice/caddy.service'))).bad).toEqual(['host.ports-free']);
  });

  it('asks less of a name that needs no public certificate', async () => {
    const { byId } = await look({ names: {} }, { tls: 'internal' });
    expect(byId['domain.resolves']?.is).toBe('skip');
    expect(byId['domain.points-here']?.is).toBe('fail');
  });

  it('is not blind for IPv4 when the resolver is silent about IPv6', async () => {
    const { byId, unseen } = await look({ names: NAMES, silentAbout: 6 });
    expect(byId['domain.resolves']?.is).toBe('pass');
    expect(unseen).toEqual(['domain.points-here', 'domain.aaaa-reachable']);
    expect((await look({ names: NAMES, silentAbout: 4 })).unseen).toEqual([
      'domain.resolves',
      'domain.points-here',
    ]);
  });

  it('leaves a foreign AAAA alone that answers', async () => {
    const names = { ...NAMES, 'corecube.test 6': ['2001:db8:9::1'] };
    expect((await look({ names, tcp: 'open' })).bad).toEqual(['domain.points-here']);
    expect((await look({ names, tcp: 'silent' })).bad).toEqual([
      'domain.points-here',
      'domain.aaaa-reachable',
    ]);
  });

  it('does not need a source that an earlier run has copied', async () => {
    const answers = { adminPassword: { from: 'file', path: '/root/pw' } } as Partial<Needed>;
    expect((await look({}, answers)).bad).toEqual(['answers.files-readable']);
    expect((await look({ files: { 'secrets/admin_password': 'x' } }, answers)).bad).toEqual([]);
  });
});

it('knows which listeners clash', () => {
  expect(clashes('127.0.0.1', '0.0.0.0')).toBe(true);
  expect(clashes('127.0.0.1', '198.51.100.1')).toBe(false);
  expect(clashes('::1', '0.0.0.0')).toBe(false);
  expect(clashes('::ffff:198.51.100.1', '198.51.100.1')).toBe(true);
});

it('never repeats a secret that a reference leads to', async () => {
  const canary = 'Canary-7f3a-Password';
  const { byId } = await look(
    { files: { '/root/pw': canary } },
    { adminPassword: { from: 'file', path: '/root/pw' } as Needed['adminPassword'] },
  );
  expect(JSON.stringify(byId)).not.toContain(canary);
  expect(String(new Secret(canary))).not.toContain(canary);
});
