import { describe, expect, it } from 'vitest';
import type { ChangeError } from '../../src/core/errors.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Needed } from '../../steps/preflight/common.ts';
import { remedyFor } from '../../steps/preflight/images.ts';
import { clashes } from '../../steps/preflight/network.ts';
import { dockerInstallPlan } from '../../steps/preflight/packages.ts';
import { preflight } from '../../steps/preflight.ts';
import { sections } from '../../steps/questions.ts';
import { atLeast } from '../../steps/shared/minimums.ts';
import { uidShift } from '../../steps/shared/userns.ts';
import { fakeHost, INFO, imageReply, NO_DOCKER, type Sins } from './preflight-host.ts';

const ANSWERS = {
  image: 'corecube/corecube:v1',
  release: 'v1',
  domain: 'corecube.test',
  tls: 'acme',
  adminPassword: { from: 'generate' },
  database: 'bundled',
  postgresImage: 'pgvector/pgvector:pg17',
  proxyImage: 'caddy:2',
  listenAddress: '0.0.0.0',
  httpPort: 80,
  httpsPort: 443,
  projectName: 'corecube',
} as unknown as Needed;
const NAMES = { 'corecube.test 4': ['198.51.100.1'] };

async function look(sins: Sins = {}, answers: Partial<Needed> = {}) {
  const { host } = fakeHost({ names: NAMES, ...sins });
  const all = await inspectAll(
    preflight,
    { host, answers: { ...ANSWERS, ...answers }, signal: new AbortController().signal },
    new Set(),
    () => {},
  );
  const byId = Object.fromEntries(all.map((f) => [f.control, f.verdict]));
  const bad = all.filter((f) => f.verdict.is === 'fail').map((f) => f.control);
  const unseen = all.filter((f) => f.verdict.is === 'unknown').map((f) => f.control);
  const said = (id: string) => JSON.stringify(byId[id]);
  return { byId, bad, unseen, said, host };
}
const plan = async (sins: Sins, answers: Partial<Needed> = {}) => {
  const seen = await look(sins, answers);
  const failing = new Set([...seen.bad, ...seen.unseen]);
  const context = {
    host: seen.host,
    answers: { ...ANSWERS, ...answers },
    failing,
    signal: new AbortController().signal,
  };
  return (await preflight.plan?.(context)) ?? [];
};
const info = (more: object) => ({ 'docker info': JSON.stringify({ ...INFO, ...more }) });

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
  ['an old plugin', { commands: { 'docker compose version': 'v2.17.2' } }, ['docker.installable', 'compose.version'], /2\.17\.2/],
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
  ['a network file system', { commands: { 'findmnt ': 'nfs4\n' } }, ['host.filesystem-local'], /nfs4/],
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

  it('asks less of a name that needs no public certificate', async () => {
    const { byId } = await look({ names: {} }, { tls: 'internal' });
    expect(byId['domain.resolves']?.is).toBe('skip');
    expect(byId['domain.points-here']?.is).toBe('fail');
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

describe('an engine that is not there', () => {
  const denied = {
    commands: {
      'docker info': {
        code: 1,
        stderr: 'permission denied while trying to connect to the Docker daemon socket',
      },
    },
  };

  it('says who may not use the socket and how to mend it, and claims nothing else', async () => {
    const { bad, byId, unseen } = await look(denied);
    expect(bad).toEqual(['docker.reachable']);
    expect(byId['docker.reachable']).toMatchObject({
      expected: expect.stringContaining('usermod -aG docker operator'),
    });
    expect(unseen).toEqual(
      expect.arrayContaining(['docker.version', 'images.present', 'docker.supported-mode']),
    );
    for (const id of unseen) expect(byId[id]).toMatchObject({ awaits: 'docker.reachable' });
  });

  it('tells a stopped engine from a forbidden one', async () => {
    const { said } = await look({
      commands: {
        'docker info': {
          code: 0,
          stdout: '{"ServerVersion":""}',
          stderr:
            'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
        },
      },
    });
    expect(said('docker.reachable')).toMatch(/systemctl enable --now docker/);
  });

  const policy = (versions: Record<string, string>) =>
    Object.entries(versions)
      .map(
        ([name, v]) => `${name}:\n  Installed: (none)\n  Candidate: ${v}\n  Version table:\n     ${v} 500\n`,
      )
      .join('');
  const trixie = {
    'apt-cache policy': policy({
      'docker.io': '26.1.5+dfsg1-9',
      'docker-cli': '26.1.5+dfsg1-9',
      iptables: '1.8.11-2',
      'docker-compose': '2.26.1-4',
    }),
  };
  const bookworm = {
    'apt-cache policy': policy({
      'docker.io': '20.10.24+dfsg1-1',
      'docker-cli': '(none)',
      iptables: '1.8.9-2',
      'docker-compose': '1.29.2-3',
    }),
  };

  it('offers exactly the packages of a distribution that has recent ones, then the images', async () => {
    const sins = { commands: { ...NO_DOCKER, ...trixie } };
    const { bad, byId, unseen } = await look(sins);
    expect(bad).toEqual(['docker.installed']);
    for (const id of unseen) expect(byId[id]).toMatchObject({ awaits: 'docker.installed' });
    const changes = await plan(sins);
    expect(changes.map((c) => c.id)).toEqual(['preflight.install-docker', 'preflight.pull-images']);
    expect(changes[0]?.diff).toBe(
      'apt-get install --yes --no-install-recommends docker.io docker-cli iptables docker-compose',
    );
    expect(changes[1]?.summary).toBe('Pull corecube/corecube:v1, pgvector/pgvector:pg17, caddy:2');
  });

  it('says exactly what to do where the packages are too old, or the user may not install', async () => {
    const old = await look({ commands: { ...NO_DOCKER, ...bookworm }, system: { os: 'debian 12' } });
    expect(old.bad).toEqual(['docker.installed', 'docker.installable']);
    expect(old.said('docker.installable')).toMatch(/docker-compose 1\.29\.2-3.*docker-compose-plugin/);
    const user = await look({ commands: { ...NO_DOCKER, ...trixie }, system: { uid: 1000 } });
    expect(user.said('docker.installable')).toMatch(
      /only root.*apt-get install --no-install-recommends docker\.io/,
    );
    const other = await look({ commands: NO_DOCKER, system: { os: 'fedora 43' } });
    expect(other.said('docker.installable')).toMatch(/fedora 43/);
  });

  it('refuses Compose v1 with the reason, and adds the plugin alone where it can', async () => {
    const v1 = {
      'docker compose version': { code: 1, stderr: "docker: 'compose' is not a docker command" },
      'docker-compose ': '1.29.2\n',
    };
    const { bad, said } = await look({ commands: { ...v1, ...bookworm }, system: { os: 'debian 12' } });
    expect(bad).toEqual(['docker.installable', 'compose.version']);
    expect(said('compose.version')).toMatch(/1\.29\.2 is there: Compose v1/);
    const changes = await dockerInstallPlan(fakeHost({ commands: { ...v1, ...trixie } }).host);
    expect(changes.map((c) => c.diff)).toEqual([
      'apt-get install --yes --no-install-recommends docker-compose',
    ]);
  });
});

describe('pulling', () => {
  const absent = { code: 1, stderr: 'Error: No such image' };
  it('pulls only what is not here, and keeps the pin of an earlier run', async () => {
    const pinned = 'caddy:2@sha256:aa';
    const compose = `services:\n  caddy:\n    image: ${pinned}\n`;
    const changes = await plan({
      files: { 'compose.yaml': compose },
      commands: { [`docker image inspect ${pinned}`]: absent },
    });
    expect(changes.map((c) => c.summary)).toEqual([`Pull ${pinned}`]);
  });

  it('classifies what the registry says', async () => {
    const { hands, host, runs } = fakeHost({
      commands: {
        'docker image inspect': absent,
        'docker pull': {
          code: 1,
          stderr: 'Error response from daemon: manifest for caddy:2 not found: manifest unknown',
        },
      },
    });
    const failing = new Set(['images.present']);
    const [change] =
      (await preflight.plan?.({ host, answers: ANSWERS, failing, signal: new AbortController().signal })) ??
      [];
    const error = (await change?.apply(hands()).catch((e) => e)) as ChangeError;
    expect(error).toMatchObject({ kind: 'image', fix: expect.stringContaining('the name and the tag') });
    expect(error.message).toContain('manifest unknown');
    expect(runs).toEqual([['docker', 'pull', 'corecube/corecube:v1']]);
  });

  it.each([
    ['unauthorized: authentication required', /docker login/],
    ['dial tcp: lookup reg.test: no such host', /name resolution/],
    ['toomanyrequests: You have reached your pull rate limit', /limit/],
    ['write /var/lib/docker/x: no space left on device', /disk/],
    ['no matching manifest for linux/arm64/v8 in the manifest list entries', /processor/],
    ['x509: certificate signed by unknown authority', /certs\.d/],
  ])('%s', (said, words) => expect(remedyFor(said, 'a:1')).toMatch(words));
});

describe('the generation', () => {
  it('is asked for when the image does not tell', async () => {
    const rehearsal = { ended: 'exited' as const, code: 1, log: 'hello', files: [] };
    const { bad, said } = await look({ rehearsal }, { release: 'auto' });
    expect(bad).toEqual(['release.known']);
    expect(said('release.known')).toMatch(/release: v1 or v2/);
  });

  it('waits for an image that is not here', async () => {
    const commands = { 'docker image inspect': { code: 1, stderr: 'No such image' } };
    const { byId } = await look({ commands }, { release: 'auto' });
    expect(byId['release.known']).toMatchObject({ is: 'unknown', awaits: 'images.present' });
  });
});

describe('user-namespace remapping', () => {
  const remapped = { SecurityOptions: ['name=seccomp', 'name=userns'] };
  it('takes the shift from the data folder in use, else from /etc/subuid, else refuses to guess', async () => {
    const shift = (more: object, subuid?: string) =>
      uidShift(
        fakeHost({ commands: info({ ...remapped, ...more }), files: subuid ? { '/etc/subuid': subuid } : {} })
          .host,
      );
    expect(await shift({ DockerRootDir: '/var/lib/docker/231072.231072' })).toBe(231072);
    expect(await shift({}, 'me:100000:65536\ndockremap:165536:65536\n')).toBe(165536);
    await expect(shift({})).rejects.toThrow(/no range/);
    await expect(shift({ DockerRootDir: '/var/lib/docker/1.2' })).rejects.toThrow(/one number/);
    expect(await uidShift(fakeHost().host)).toBe(0);
    expect(await uidShift(fakeHost({ commands: NO_DOCKER }).host)).toBe(0);
  });

  it('is shown', async () => {
    const { said } = await look({
      commands: info({ ...remapped, DockerRootDir: '/var/lib/docker/231072.231072' }),
    });
    expect(said('docker.supported-mode')).toMatch(/uid 1000 inside is uid 232072/);
  });
});

it('compares versions by number', () => {
  expect(atLeast('20.10.24+dfsg1', '20.10')).toBe(true);
  expect(atLeast('v2.9.0', '2.20')).toBe(false);
  expect(atLeast('5:28.1.1-1~debian', '20.10')).toBe(true);
  expect(atLeast('dev', '2.20')).toBe(false);
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
