import { describe, expect, it } from 'vitest';
import { dockerInstallPlan } from '../../steps/preflight/packages.ts';
import { atLeast } from '../../steps/shared/minimums.ts';
import { uidShift } from '../../steps/shared/userns.ts';
import { fakeHost, info, look, NO_DOCKER, plan } from './preflight-host.ts';

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

  it("does not take a port for somebody else's that its own proxy may hold behind a stopped engine", async () => {
    const down = { 'docker info': { code: 1, stderr: 'Cannot connect to the Docker daemon' } };
    const files = { 'compose.yaml': 'services: {}\n' };
    const held = (holder: string) => [{ address: '0.0.0.0', port: 443, holder }];
    const own = await look({ commands: down, files, listeners: held('docker-proxy (pid 7)') });
    expect([own.bad, own.byId['host.ports-free']]).toEqual([
      [],
      expect.objectContaining({ is: 'unknown', awaits: 'docker.reachable' }),
    ]);
    expect(own.byId['docker.reachable']).toMatchObject({ is: 'unknown' });
    const other = await look({ commands: down, files, listeners: held('nginx (pid 8)') });
    expect(other.bad).toEqual(['host.ports-free']);
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
    expect(changes.map((c) => c.id)).toEqual([
      'preflight.install-docker',
      'preflight.start-docker',
      'preflight.pull-images',
    ]);
    expect(changes[0]?.diff).toBe(
      'apt-get install --yes --no-install-recommends docker.io docker-cli iptables docker-compose',
    );
    expect(changes[2]?.summary).toBe('Pull corecube/corecube:v1, pgvector/pgvector:pg17, caddy:2');
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

describe('orders to the engine', () => {
  const verdict = async (sins: Parameters<typeof look>[0]) => (await look(sins)).byId['docker.api-closed'];
  // The words of Docker 28, and those about a certificate that nobody has to show.
  const warns = (about: string) => ({
    commands: info({ Warnings: [`[DEPRECATION NOTICE]: API is accessible on ${about}.\n  Access to`] }),
  });

  it('are taken from root and the group docker alone', async () => {
    expect(await verdict({})).toMatchObject({ is: 'pass' });
    expect(await verdict({ socket: { mode: 0o666 } })).toMatchObject({ is: 'fail' });
    expect(await verdict({ socket: { uid: 1000 } })).toMatchObject({ is: 'fail' });
    for (const port of [
      'http://0.0.0.0:2375 without encryption',
      'https://0.0.0.0:2376 without TLS client verification',
    ])
      expect(await verdict(warns(port))).toMatchObject({
        is: 'fail',
        observed: expect.stringContaining(port),
      });
    const other = { commands: info({ Warnings: ['WARNING: No swap limit support'] }) };
    expect(await verdict(other)).toMatchObject({ is: 'pass' });
  });

  it('are not seen where the socket is not', async () => {
    expect(await verdict({ env: { DOCKER_HOST: 'unix:///nowhere.sock' } })).toMatchObject({ is: 'unknown' });
  });
});
