/** What preflight cannot see it neither calls good nor bad. */
import { describe, expect, it } from 'vitest';
import type { SqlResult } from '../../src/core/host.ts';
import type { Needed } from '../../steps/preflight/common.ts';
import { preflight } from '../../steps/preflight.ts';
import { ANSWERS, fakeHost, info, look, NAMES, NOT_FOUND, type Reply, type Sins } from './preflight-host.ts';

const verdictOf = async (id: string, sins: Sins, answers: Partial<Needed> = {}) =>
  (await look(sins, answers)).byId[id];
const kind = async (id: string, commands: Readonly<Record<string, Reply>>) =>
  (await verdictOf(id, { commands }))?.is;

describe('free disk space', () => {
  it.each<[string, Reply]>([
    ['df fails', { code: 1, stderr: 'df: /var/lib/docker: Permission denied' }],
    ['df does not end', { code: 124 }],
    ['df says something else', 'hello\n'],
  ])('below Docker is not seen when %s', async (_, reply) => {
    expect(await kind('host.disk', { 'df -Pk': reply })).toBe('unknown');
    expect(await kind('host.disk-reserve', { 'df -Pk': reply })).toBe('unknown');
  });
  it('is read although the name of the device holds spaces', async () => {
    const df =
      'Filesystem 1024-blocks Used Available Capacity Mounted on\n//nas/My Disk 9 1 1048576 99% /x\n';
    expect(await kind('host.disk', { 'df -Pk': df })).toBe('fail');
  });
  it('is seen to be short where it can be seen, whatever else cannot', async () => {
    const sins = { system: { diskFreeMb: 900 }, commands: { 'df -Pk': { code: 1 } } };
    expect((await verdictOf('host.disk', sins))?.is).toBe('fail');
  });
  it('waits for the engine, which alone knows where it keeps its data', async () => {
    const commands = { 'docker info': { code: 1, stderr: 'Cannot connect to the Docker daemon' } };
    expect(await verdictOf('host.disk', { commands })).toMatchObject({
      is: 'unknown',
      awaits: 'docker.reachable',
    });
  });
});

describe('the file system', () => {
  it.each([
    ['ext4', 'pass', 'pass'],
    ['zfs', 'pass', 'pass'],
    ['nfs4', 'pass', 'fail'],
    ['tmpfs', 'fail', 'pass'],
    ['cifs', 'fail', 'fail'],
    ['fuse.sshfs', 'fail', 'fail'],
    ['fuse.mergerfs', 'pass', 'unknown'],
    ['UNKNOWN (0x53464846)', 'unknown', 'unknown'],
    ['newfs', 'unknown', 'unknown'],
  ])('%s: keeps modes: %s, is local: %s', async (type, modes, local) => {
    expect(await kind('host.filesystem-modes', { 'findmnt ': `${type}\n` })).toBe(modes);
    expect(await kind('host.filesystem-local', { 'findmnt ': `${type}\n` })).toBe(local);
  });
});

describe('a firewall', () => {
  const firewalld = (state: Reply, unit: Reply) =>
    kind('host.firewall', { 'firewall-cmd ': state, 'systemctl is-active firewalld': unit });
  it('is off when it says so', async () => {
    expect(await firewalld({ code: 252, stderr: 'not running\n' }, NOT_FOUND)).toBe('pass');
    expect(
      await firewalld({ code: 1, stderr: 'Authorization failed' }, { code: 3, stdout: 'inactive\n' }),
    ).toBe('pass');
  });
  it('is not seen when neither it nor systemd tells', async () => {
    for (const unit of [NOT_FOUND, { code: 1, stderr: 'Failed to connect to bus' }, { code: 124 }])
      expect(await firewalld({ code: 1, stderr: 'Authorization failed' }, unit)).toBe('unknown');
  });
});

describe('the engine', () => {
  it('that hangs does not answer; where an install is, that is not seen', async () => {
    const commands = { 'docker info': { code: 124, stderr: 'docker: no end after 10 s' } };
    expect((await verdictOf('docker.reachable', { commands }))?.is).toBe('fail');
    const files = { 'compose.yaml': 'services: {}\n' };
    expect((await verdictOf('docker.reachable', { commands, files }))?.is).toBe('unknown');
  });
  it.each(['dev', 'master-dockerproject'])(
    'of the version %s is neither old nor Podman',
    async (ServerVersion) => {
      const { byId } = await look({ commands: info({ ServerVersion }) });
      expect(byId['docker.version']?.is).toBe('unknown');
      expect(byId['docker.supported-mode']?.is).toBe('pass');
    },
  );
  it('is not taken for the local one when docker does not tell its context', async () => {
    const commands = {
      ...info({ ClientInfo: { Context: 'builder' } }),
      'docker context inspect': { code: 1, stderr: 'context "builder" does not exist' },
    };
    expect(await kind('docker.supported-mode', commands)).toBe('unknown');
  });
  it('is asked in vain for Compose: that is not seen, not missing', async () => {
    for (const id of ['compose.version', 'docker.installable']) {
      expect(await kind(id, { 'docker compose version': { code: 124 } })).toBe('unknown');
      expect(await kind(id, { 'docker compose version': 'dev\n' })).toBe('unknown');
    }
  });
});

it('a foreign AAAA is not seen from a host without IPv6', async () => {
  const { host } = fakeHost({ names: { ...NAMES, 'corecube.test 6': ['2001:db8:9::1'] }, tcp: 'silent' });
  const control = preflight.controls.find((c) => c.id === 'domain.aaaa-reachable');
  const from = async (...own: string[]) => {
    const addresses = () => own.map((address) => ({ address, family: 6 as const, interface: 'eth0' }));
    const context = { host: { ...host, addresses }, answers: ANSWERS, signal: new AbortController().signal };
    return (await control?.inspect(context))?.is;
  };
  expect(await from('::1', 'fe80::1%eth0', 'fd00::1')).toBe('unknown');
  expect(await from('2001:db8:1::1')).toBe('fail');
});

describe('an external database', () => {
  const EXTERNAL = {
    database: 'external',
    databaseAdminUrl: { from: 'file', path: '/root/url' },
    databaseCa: '/root/ca.pem',
  } as unknown as Partial<Needed>;
  const files = { '/root/url': 'postgresql://boss:Canary-4711@db.test/corecube', '/root/ca.pem': 'PEM' };
  const seen = (sins: Sins) => verdictOf('database.admin-login', { files, ...sins }, EXTERNAL);
  const ended = (code: string): SqlResult => ({ ok: false, at: 'connect', code, message: 'no' });
  it('that is silent was not seen; one that refuses was', async () => {
    expect((await seen({ tcp: 'silent' }))?.is).toBe('unknown');
    expect((await seen({ tcp: 'open', sql: ended('ETIMEDOUT') }))?.is).toBe('unknown');
    expect((await seen({ tcp: 'refused' }))?.is).toBe('fail');
    expect((await seen({ tcp: 'open', sql: ended('28P01') }))?.is).toBe('fail');
  });
});

it('a container that somebody gave the label of the project is no other install', async () => {
  const made = (labels: object) => ({
    'docker ps --all': 'c1\n',
    'docker inspect': JSON.stringify([{ Name: '/made', State: {}, Config: { Labels: labels } }]),
  });
  expect(await kind('host.no-foreign-install', made({}))).toBe('pass');
  const elsewhere = { 'com.docker.compose.project.working_dir': '/srv/other' };
  expect(await kind('host.no-foreign-install', made(elsewhere))).toBe('fail');
  expect(
    await kind('host.no-foreign-install', { ...made(elsewhere), 'stat --dereference': { code: 124 } }),
  ).toBe('unknown');
});

describe('a file of a secret that is a link', () => {
  const answers = { adminPassword: { from: 'file', path: '/root/pw' } } as Partial<Needed>;
  const mode = async (reply: Reply) => {
    const { host } = fakeHost({ files: { '/root/pw': 'x' }, commands: { 'stat --dereference': reply } });
    const stat: typeof host.stat = async (path) =>
      path === '/root/pw' ? { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, size: 1 } : host.stat(path);
    const control = preflight.controls.find((c) => c.id === 'answers.files-private');
    const context = { host: { ...host, stat }, answers: { ...ANSWERS, ...answers } };
    return (await control?.inspect({ ...context, signal: new AbortController().signal }))?.is;
  };
  it('is judged by what it leads to', async () => {
    expect(await mode('600\n')).toBe('pass');
    expect(await mode('644\n')).toBe('fail');
    expect(await mode({ code: 1, stderr: 'No such file' })).toBe('unknown');
  });
});
