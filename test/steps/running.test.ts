/** What the controls about running containers say of a healthy pair, and of one sin at a time. */
import { describe, expect, it } from 'vitest';
import type { HostReader } from '../../src/core/host.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import type { AnyStep } from '../../src/core/step.ts';
import { networkControls } from '../../steps/services/network-controls.ts';
import { sharingControls } from '../../steps/services/sharing-controls.ts';
import { volumeControls } from '../../steps/services/volume-controls.ts';
import type { Container } from '../../steps/shared/docker.ts';
import { HELPER_LABEL } from '../../steps/shared/layout.ts';
import { runningControls, upControl } from '../../steps/shared/running-controls.ts';
import { fakeHost, type Reply } from './preflight-host.ts';

const KEY = '0123456789abcdef'.repeat(4);
const SERVICES = ['corecube', 'pgvector', 'caddy'] as const;
type Service = (typeof SERVICES)[number];
const NETWORKS = { corecube: ['edge', 'internal'], pgvector: ['internal'], caddy: ['edge'] };
const DATA = {
  corecube: ['corecube-data', '/data'],
  pgvector: ['pgvector-data', '/var/lib/postgresql/data'],
  caddy: ['caddy-data', '/data'],
} as const;
const GIB = 1024 ** 3;

type Deep<T> = { -readonly [K in keyof T]: T[K] extends object | null | undefined ? Deep<T[K]> : T[K] };

function container(service: Service): Deep<Container> {
  const [volume, path] = DATA[service];
  return {
    Id: `${service}-id`,
    Name: `/corecube-${service}-1`,
    Image: 'sha256:11',
    Created: '',
    RestartCount: 0,
    State: {
      Status: 'running',
      Running: true,
      Restarting: false,
      Paused: false,
      ExitCode: 0,
      OOMKilled: false,
      Pid: 7,
      StartedAt: '2026-11-24T00:00:00Z',
      Health: { Status: 'healthy' },
    },
    Config: {
      User: service === 'pgvector' ? '999:999' : '1000:1000',
      Env: [],
      Image: '',
      Labels: { 'com.docker.compose.service': service, 'com.docker.compose.config-hash': `hash-${service}` },
      Healthcheck: { Test: ['CMD', 'pg_isready'] },
    },
    HostConfig: {
      Privileged: false,
      ReadonlyRootfs: true,
      CapAdd: null,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      NetworkMode: 'corecube_internal',
      PidMode: '',
      IpcMode: 'private',
      UsernsMode: '',
      UTSMode: '',
      Init: service === 'corecube' ? true : null,
      PidsLimit: 512,
      Memory: 2 * GIB,
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } },
      Tmpfs: { '/tmp': 'mode=1777,noexec' },
      Devices: null,
    },
    Mounts: [{ Type: 'volume', Name: `corecube_${volume}`, Source: '', Destination: path, RW: true }],
    NetworkSettings: {
      Ports: {},
      Networks: Object.fromEntries(
        NETWORKS[service].map((name) => [
          `corecube_${name}`,
          { IPAddress: '', Gateway: '', GlobalIPv6Address: '', NetworkID: '' },
        ]),
      ),
    },
  } as Deep<Container>;
}

const bound = (source: string, target: string) => ({
  Type: 'bind',
  Source: source,
  Destination: target,
  RW: false,
});

type Sin = (service: (name: Service) => Deep<Container>) => void;

const STATUS =
  'Uid:\t1000\nNoNewPrivs:\t1\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nSeccomp:\t2\n';
const members = (...names: string[]) =>
  JSON.stringify([
    {
      Internal: true,
      Containers: Object.fromEntries(names.map((name) => [`${name}-id`, { Name: `corecube-${name}-1` }])),
    },
  ]);

/** The verdicts of the controls of a healthy stack with one sin. */
async function look(
  sin: Sin = () => {},
  commands: Readonly<Record<string, Reply>> = {},
  files: Readonly<Record<string, string>> = {},
  list: HostReader['list'] = async () => ['corecube.db'],
) {
  const all = SERVICES.map(container);
  sin((name) => all[SERVICES.indexOf(name)] as Deep<Container>);
  const services = Object.fromEntries(
    SERVICES.map((name) => [
      name,
      {
        mem_limit: String(2 * GIB),
        pids_limit: 512,
        networks: Object.fromEntries(NETWORKS[name].map((n) => [n, null])),
      },
    ]),
  );
  const { host, queries } = fakeHost({
    files: {
      'compose.yaml': 'services: {}\n',
      '.env': '',
      'secrets/encryption_key': KEY,
      '/proc/7/cgroup': 'corecube-id',
      '/proc/7/status': STATUS,
      ...files,
    },
    commands: {
      'docker compose --project-name corecube --project-directory /srv/corecube --file /srv/corecube/compose.yaml config --format':
        JSON.stringify({ name: 'corecube', services }),
      'docker compose --project-name corecube --project-directory /srv/corecube --file /srv/corecube/compose.yaml config --hash':
        SERVICES.map((name) => `${name} hash-${name}`).join('\n'),
      'docker ps --all': all.map((c) => c.Id).join('\n'),
      'docker inspect': JSON.stringify(all),
      'docker network inspect corecube_internal': members('corecube', 'pgvector'),
      'docker network inspect corecube_edge': members('corecube', 'caddy'),
      'docker volume inspect': '/volumes/corecube-data\n',
      'grep --recursive': { code: 1 },
      ...commands,
    },
  });
  const step: AnyStep = {
    id: 'running',
    title: 'Running',
    why: '',
    needs: [],
    controls: [
      upControl('corecube', () => true),
      ...runningControls({
        prefix: 'running.',
        subject: 'The containers',
        users: () => ({ corecube: '1000:1000', pgvector: '999:999' }),
        up: (service) => `running.${service}-up`,
      }),
      ...networkControls,
      ...volumeControls,
    ],
  };
  const context = {
    host: { ...host, list },
    answers: { projectName: 'corecube' },
    signal: new AbortController().signal,
  };
  const findings = await inspectAll(step, context, new Map(), () => {});
  const turned = Object.fromEntries(
    findings.filter((f) => f.verdict.is !== 'pass').map((f) => [f.control, f.verdict]),
  );
  return { turned, queries };
}

/** Ids with what they turned to, and the words of the only one. */
const shown = (turned: Record<string, { is: string }>) =>
  Object.fromEntries(Object.entries(turned).map(([id, { is }]) => [id, is]));

describe('running containers', () => {
  it('accuse nothing that is as declared', async () => expect((await look()).turned).toEqual({}));

  it('may be handed documents, authorities and what the image itself asks for', async () => {
    const { turned } = await look((s) => {
      s('corecube').Mounts.push(
        bound('/srv/documents', '/documents'),
        bound('/srv/own.crt', '/usr/local/share/ca-certificates/own.crt'),
        { Type: 'volume', Name: 'ab'.repeat(32), Source: '/x', Destination: '/app/cache', RW: true },
      );
      s('pgvector').Mounts.push(bound('/srv/corecube/postgres', '/etc/postgresql/custom'));
    });
    expect(turned).toEqual({});
  });

  it.each<[string, Sin, string, RegExp]>([
    ['a writable root', (s) => (s('corecube').HostConfig.ReadonlyRootfs = false), 'read-only', /writable/],
    ['kept capabilities', (s) => (s('pgvector').HostConfig.CapDrop = null), 'capabilities', /pgvector keeps/],
    [
      'an added capability',
      (s) => (s('corecube').HostConfig.CapAdd = ['SYS_ADMIN']),
      'capabilities',
      /SYS_ADMIN/,
    ],
    [
      'privileges to gain',
      (s) => (s('corecube').HostConfig.SecurityOpt = []),
      'no-new-privileges',
      /may gain/,
    ],
    ['another user', (s) => (s('corecube').Config.User = '0:0'), 'user', /runs as 0:0/],
    ['no tmpfs', (s) => (s('corecube').HostConfig.Tmpfs = {}), 'tmpfs', /no tmpfs/],
    [
      'programs in /tmp',
      (s) => (s('corecube').HostConfig.Tmpfs = { '/tmp': 'size=1m,exec' }),
      'tmpfs',
      /run programs/,
    ],
    [
      'another program',
      (s) => s('corecube').Mounts.push(bound('/srv/hotfix.mjs', '/app/server.mjs')),
      'program',
      /corecube has something mounted over \/app\/server\.mjs/,
    ],
    [
      'other rules',
      (s) => s('pgvector').Mounts.push(bound('/srv/hba', '/etc/postgresql/custom/pg_hba.conf')),
      'program',
      /pgvector has something mounted over/,
    ],
    [
      'rules that it may write',
      (s) =>
        s('pgvector').Mounts.push({ ...bound('/srv/corecube/postgres', '/etc/postgresql/custom'), RW: true }),
      'program',
      /pgvector may write/,
    ],
    ['no init', (s) => (s('corecube').HostConfig.Init = false), 'init', /no init process/],
    ['no process limit', (s) => (s('corecube').HostConfig.PidsLimit = null), 'limits', /no process limit/],
    ['no memory limit', (s) => (s('pgvector').HostConfig.Memory = 0), 'limits', /no memory limit/],
    [
      'more memory than declared',
      (s) => (s('corecube').HostConfig.Memory = 3 * GIB),
      'limits',
      /3072 MiB.*2048 MiB/,
    ],
    [
      'more processes than declared',
      (s) => (s('corecube').HostConfig.PidsLimit = 4096),
      'limits',
      /4096.*512/,
    ],
    ['no restart', (s) => (s('pgvector').HostConfig.RestartPolicy.Name = 'no'), 'restart', /not restarted/],
    ['no log', (s) => (s('corecube').HostConfig.LogConfig = { Type: 'none', Config: {} }), 'logs', /no log/],
    ['an endless log', (s) => (s('corecube').HostConfig.LogConfig.Config = {}), 'logs', /without bound/],
    ['no health check', (s) => (s('pgvector').Config.Healthcheck = null), 'healthchecks', /no health check/],
    [
      'a disabled health check',
      (s) => (s('corecube').Config.Healthcheck = { Test: ['NONE'] }),
      'healthchecks',
      /no health/,
    ],
    [
      'a health check that says nothing',
      (s) => (s('corecube').Config.Healthcheck = { Test: ['CMD-SHELL', 'exit 0'] }),
      'healthchecks',
      /content with anything/,
    ],
    [
      'a kernel parameter',
      (s) => (s('corecube').HostConfig.Sysctls = { 'net.ipv4.ip_forward': '1' }),
      'isolation',
      /sets net.ipv4.ip_forward/,
    ],
    ['another group', (s) => (s('corecube').HostConfig.GroupAdd = ['0']), 'user', /joins the groups 0/],
    ['endless swap', (s) => (s('corecube').HostConfig.MemorySwap = -1), 'limits', /swap without bound/],
    [
      'no end for its memory',
      (s) => (s('corecube').HostConfig.OomKillDisable = true),
      'limits',
      /never ended/,
    ],
    [
      'a name told by hand',
      (s) => (s('corecube').HostConfig.ExtraHosts = ['db.test:10.0.0.1', 'pgvector:203.0.113.9']),
      'networks',
      /where pgvector is/,
    ],
    [
      'devices to use',
      (s) => (s('corecube').HostConfig.DeviceCgroupRules = ['a *:* rwm']),
      'isolation',
      /may use devices/,
    ],
    [
      'programs of the host to write',
      (s) =>
        s('corecube').Mounts.push({ Type: 'bind', Source: '/usr/local/bin', Destination: '/x', RW: true }),
      'isolation',
      /mounts \/usr\/local\/bin/,
    ],
    ['data in the container', (s) => (s('corecube').Mounts = []), 'data-volume', /in the container itself/],
    ['privileged', (s) => (s('corecube').HostConfig.Privileged = true), 'isolation', /is privileged/],
    ['the pid namespace', (s) => (s('corecube').HostConfig.PidMode = 'host'), 'isolation', /pid namespace/],
    ['the uts namespace', (s) => (s('corecube').HostConfig.UTSMode = 'host'), 'isolation', /uts namespace/],
    [
      'the engine socket',
      (s) =>
        s('corecube').Mounts.push({
          Type: 'bind',
          Source: '/var/run/docker.sock',
          Destination: '/x',
          RW: true,
        }),
      'isolation',
      /docker\.sock/,
    ],
    [
      'all secrets',
      (s) =>
        s('corecube').Mounts.push({
          Type: 'bind',
          Source: '/srv/corecube/secrets',
          Destination: '/x',
          RW: false,
        }),
      'isolation',
      /secrets/,
    ],
    [
      'what is above the install',
      (s) => s('corecube').Mounts.push({ Type: 'bind', Source: '/srv', Destination: '/x', RW: false }),
      'isolation',
      /mounts \/srv/,
    ],
    [
      'a published port',
      (s) => (s('corecube').NetworkSettings.Ports = { '7400/tcp': [{ HostIp: '::', HostPort: '7400' }] }),
      'ports',
      /\[::\]:7400/,
    ],
    [
      'another declaration',
      (s) => (s('corecube').Config.Labels['com.docker.compose.config-hash'] = 'other'),
      'current',
      /another declaration/,
    ],
  ])('fail with %s, and nothing else does', async (_name, sin, property, words) => {
    const { turned } = await look(sin);
    expect(shown(turned)).toEqual({ [`running.${property}`]: 'fail' });
    expect(JSON.stringify(turned)).toMatch(words);
  });

  it('fail when the kernel gives a process more than the engine says', async () => {
    const bounding = STATUS.replace('CapBnd:\t0000000000000000', 'CapBnd:\t00000000a80425fb');
    const { turned } = await look(() => {}, {}, { '/proc/7/status': bounding });
    expect(shown(turned)).toEqual({ 'running.capabilities': 'fail' });
  });

  it('do not compare with files that Compose refuses, and still say what they see', async () => {
    const refused = { 'docker compose': { code: 15, stderr: 'yaml: line 3: did not find expected node\n' } };
    const keys = Object.keys(refused);
    const { turned } = await look((s) => (s('corecube').HostConfig.Privileged = true), {
      'docker compose --project-name corecube --project-directory /srv/corecube --file /srv/corecube/compose.yaml config --format':
        refused['docker compose'],
      'docker compose --project-name corecube --project-directory /srv/corecube --file /srv/corecube/compose.yaml config --hash':
        refused['docker compose'],
    });
    expect(keys).toHaveLength(1);
    expect(shown(turned)).toEqual({
      'running.isolation': 'fail',
      'running.current': 'unknown',
      'running.limits': 'unknown',
    });
    expect(JSON.stringify(turned)).toContain('line 3');
  });

  it('say that a paused CoreCube is not up', async () => {
    const { turned } = await look((s) => (s('corecube').State.Paused = true));
    expect(shown(turned)).toEqual({ 'running.corecube-up': 'fail' });
  });

  const twice = (second: Deep<Container>) => {
    const all = [...SERVICES.map(container), second];
    return look(() => {}, {
      'docker ps --all': all.map((c) => c.Id).join('\n'),
      'docker inspect': JSON.stringify(all),
    });
  };
  const another = (change: Sin = () => {}): Deep<Container> => {
    const made = { ...container('corecube'), Id: 'corecube-2', Name: '/corecube-corecube-2' };
    change(() => made);
    return made;
  };
  it('are all looked at when a service has several', async () => {
    expect((await twice(another())).turned).toEqual({});
    const { turned } = await twice(another((s) => (s('corecube').HostConfig.Privileged = true)));
    expect(turned).toMatchObject({
      'running.isolation': { is: 'fail', observed: 'corecube (corecube-corecube-2) is privileged' },
    });
    const byHand = another((s) => delete s('corecube').Config.Labels['com.docker.compose.config-hash']);
    expect(shown((await twice(byHand)).turned)).toEqual({ 'running.current': 'fail' });
    const stopped = another((s) => (s('corecube').State.Running = false));
    expect((await twice(stopped)).turned).toEqual({});
  });

  it('are not within a limit that cannot be read', async () => {
    const services = Object.fromEntries(SERVICES.map((name) => [name, { mem_limit: '2g', pids_limit: 512 }]));
    const { turned } = await look(() => {}, {
      'docker compose --project-name corecube --project-directory /srv/corecube --file /srv/corecube/compose.yaml config --format':
        JSON.stringify({ name: 'corecube', services }),
    });
    expect(turned['running.limits']).toMatchObject({ is: 'unknown' });
  });

  it('see nothing of a container that is stopped, and say what they wait for', async () => {
    const { turned } = await look((s) => {
      s('corecube').State = { ...s('corecube').State, Running: false, Status: 'exited' };
    });
    expect(turned['running.corecube-up']?.is).toBe('fail');
    expect(turned['running.read-only']).toMatchObject({ is: 'unknown', awaits: 'running.corecube-up' });
    expect(turned['running.edge-members']).toMatchObject({ is: 'unknown', awaits: 'running.corecube-up' });
  });
});

describe('running.nothing-shared', () => {
  const stranger = (change: (c: Deep<Container>) => void, name = 'stranger'): Deep<Container> => {
    const made = { ...container('caddy'), Id: `${name}-id`, Name: `/${name}`, Mounts: [] };
    made.Config = { ...made.Config, Labels: {} };
    change(made);
    return made;
  };
  const see = async (...others: Deep<Container>[]) => {
    const ours = SERVICES.map(container);
    const { host } = fakeHost({
      commands: {
        'docker ps --all --no-trunc --quiet --filter': ours.map((c) => c.Id).join('\n'),
        'docker ps --all --no-trunc --quiet': [...ours, ...others].map((c) => c.Id).join('\n'),
        'docker inspect --type container corecube-id pgvector-id caddy-id stranger-id': JSON.stringify([
          ...ours,
          ...others,
        ]),
        'docker inspect --type container corecube-id pgvector-id caddy-id': JSON.stringify(ours),
      },
    });
    const [control] = sharingControls;
    return control?.inspect({
      host,
      answers: { projectName: 'corecube' },
      signal: new AbortController().signal,
    });
  };
  const bind = (Source: string) => (c: Deep<Container>) =>
    void c.Mounts.push({ Type: 'bind', Source, Destination: '/x', RW: false });

  it('accuses neither the services of the install nor a container that has nothing of it', async () => {
    expect(await see()).toMatchObject({ is: 'pass' });
    for (const path of ['/', '/srv/other', '/srv/corecube/caddy', '/var/lib/docker/volumes/other/_data'])
      expect(await see(stranger(bind(path))), path).toMatchObject({ is: 'pass' });
  });
  it.each<[string, (c: Deep<Container>) => void, RegExp]>([
    [
      'a volume',
      (c) =>
        c.Mounts.push({
          Type: 'volume',
          Name: 'corecube_pgvector-data',
          Source: '',
          Destination: '/x',
          RW: false,
        }),
      /stranger \(not of this project\) mounts the volume corecube_pgvector-data/,
    ],
    [
      'the files of a volume',
      bind('/var/lib/docker/volumes/corecube_corecube-data/_data'),
      /mounts \/var\/lib/,
    ],
    ['the secrets', bind('/srv/corecube/secrets'), /mounts \/srv\/corecube\/secrets/],
    ['a secret', bind('/srv/corecube/secrets/encryption_key'), /encryption_key/],
    ['the URLs', bind('/srv/corecube/.env'), /\.env/],
    ['what is above', bind('/srv'), /mounts \/srv/],
    ['the network', (c) => (c.HostConfig.NetworkMode = 'container:corecube-id'), /shares the network/],
    ['the processes', (c) => (c.HostConfig.PidMode = 'container:pgvector-id'), /shares the processes/],
    [
      'the secrets, stopped',
      (c) => {
        bind('/srv/corecube/secrets')(c);
        c.State.Running = false;
      },
      /not running/,
    ],
  ])('fails for a foreign container with %s', async (_name, change, words) => {
    const verdict = await see(stranger(change));
    expect(verdict).toMatchObject({ is: 'fail' });
    expect(JSON.stringify(verdict)).toMatch(words);
  });
  it("leaves this tool's own looks alone, which have no network", async () => {
    const look = (network: string) =>
      stranger((c) => {
        bind('/srv/corecube/secrets')(c);
        c.Config.Labels = { [HELPER_LABEL]: 'look' };
        Object.assign(c.HostConfig, { AutoRemove: true, NetworkMode: network });
      });
    expect(await see(look('none'))).toMatchObject({ is: 'pass' });
    expect(await see(look('bridge'))).toMatchObject({ is: 'fail' });
  });
});

describe('the networks', () => {
  const edge = (...names: string[]) => ({ 'docker network inspect corecube_edge': members(...names) });
  it('fail with a foreign member on the edge', async () => {
    const { turned } = await look(() => {}, edge('corecube', 'caddy', 'intruder'));
    expect(shown(turned)).toEqual({ 'running.edge-members': 'fail' });
    expect(JSON.stringify(turned)).toContain('corecube-intruder-1 joined it');
  });

  it('take an endpoint of a container that is being started for the container, by its name', async () => {
    const own = { Containers: { 'ep-1': { Name: 'corecube-corecube-1' } }, Internal: false };
    const looks = { 'docker network inspect corecube_edge': JSON.stringify([own]) };
    expect((await look(() => {}, looks)).turned).toEqual({});
    const other = { ...own, Containers: { 'ep-1': { Name: 'corecube-intruder-1' } } };
    const { turned } = await look(() => {}, {
      'docker network inspect corecube_edge': JSON.stringify([other]),
    });
    expect(shown(turned)).toEqual({ 'running.edge-members': 'fail' });
  });

  it('are not looked at for one that restarts again and again', async () => {
    const { turned } = await look((s) => {
      s('corecube').State = { ...s('corecube').State, Restarting: true, Status: 'restarting' };
    }, edge());
    expect(turned['running.edge-members']).toMatchObject({ is: 'unknown', awaits: 'running.corecube-up' });
  });

  it('fail with a foreign member inside, and with a way out', async () => {
    const inside = (...names: string[]) => ({
      'docker network inspect corecube_internal': members(...names),
    });
    const stranger = await look(() => {}, inside('corecube', 'pgvector', 'intruder'));
    expect(shown(stranger.turned)).toEqual({ 'running.internal-members': 'fail' });
    const open = members('corecube', 'pgvector').replace('"Internal":true', '"Internal":false');
    const { turned } = await look(() => {}, { 'docker network inspect corecube_internal': open });
    expect(shown(turned)).toEqual({ 'running.internal-closed': 'fail' });
  });

  it.each(['internal', 'edge'])('of which the engine names no member (%s) are not seen', async (name) => {
    const none = JSON.stringify([{ Internal: true, Containers: null }]);
    const { turned } = await look(() => {}, { [`docker network inspect corecube_${name}`]: none });
    expect(shown(turned)).toEqual({ [`running.${name}-members`]: 'unknown' });
  });

  it('leave a service of this install on a wrong one to the control that is repaired', async () => {
    const inside = { 'docker network inspect corecube_internal': members('corecube', 'pgvector', 'caddy') };
    expect((await look(() => {}, inside)).turned).toEqual({});
  });

  it('cannot judge a member while the files cannot be read', async () => {
    const { turned } = await look(() => {}, {
      ...edge('corecube', 'caddy', 'intruder'),
      'docker compose --project-name corecube --project-directory /srv/corecube --file /srv/corecube/compose.yaml config --format':
        { code: 15, stderr: 'yaml: line 3\n' },
    });
    expect(turned['running.edge-members']?.is).toBe('unknown');
  });
});

describe('copies of the key', () => {
  it('are found by content, and the key goes to no argument', async () => {
    const found = { 'grep --recursive': '/volumes/corecube-data/sub/notes.txt\n' };
    const { turned, queries } = await look(() => {}, found);
    expect(shown(turned)).toEqual({ 'key.not-in-volume': 'fail' });
    expect(JSON.stringify(turned)).toContain('sub/notes.txt');
    expect(JSON.stringify([turned, queries])).not.toContain(KEY);
  });

  it.each<[string, Reply, string | undefined]>([
    [
      'a file that went away meanwhile is none',
      { code: 2, stderr: 'grep: /x-wal: No such file or directory\n' },
      undefined,
    ],
    [
      'a file that cannot be read is not seen',
      { code: 2, stderr: 'grep: /x: Permission denied\n' },
      'unknown',
    ],
    ['a search without an end is not seen', { code: 124 }, 'unknown'],
    [
      'nor is a file that a simpler grep could not read',
      { code: 1, stderr: 'grep: /x: Permission denied\n' },
      'unknown',
    ],
  ])('%s', async (_name, reply, is) => {
    const { turned } = await look(() => {}, { 'grep --recursive': reply });
    expect(turned['key.not-in-volume']?.is).toBe(is);
  });

  it('are searched for through a container where the volume cannot be entered', async () => {
    const { turned, queries } = await look(
      () => {},
      { 'docker run --rm': '/look/notes.txt\n' },
      {},
      async () => Promise.reject(new Error('EACCES')),
    );
    expect(shown(turned)).toEqual({ 'key.not-in-volume': 'fail' });
    const run = queries.find((q) => q.startsWith('docker run')) ?? '';
    expect(run).toContain('--network none');
    expect(run).not.toContain(KEY);
  });

  it.each<[string, Readonly<Record<string, Reply>>, HostReader['list']]>([
    ['is empty for this host', {}, async () => []],
    ['has no place that its driver names', { 'docker volume inspect': '\n' }, async () => ['compose.yaml']],
  ])('are searched for through a container where the volume %s', async (_, commands, list) => {
    const { turned, queries } = await look(
      () => {},
      { ...commands, 'docker run --rm': '/look/a\n' },
      {},
      list,
    );
    expect(shown(turned)).toEqual({ 'key.not-in-volume': 'fail' });
    expect(queries.some((q) => q.startsWith('grep'))).toBe(false);
  });

  it('in another container fail', async () => {
    const { turned } = await look((s) =>
      s('caddy').Mounts.push({
        Type: 'bind',
        Source: '/srv/corecube/secrets/encryption_key',
        Destination: '/run/secrets/encryption_key',
        RW: false,
      }),
    );
    expect(shown(turned)).toEqual({ 'key.only-corecube': 'fail' });
  });
});
