/** The real host against the real world: files, links, commands, sockets. */
import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import type { Host, SharedLooks } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import { writeWhole } from '../../src/host/files.ts';
import { createHostSource } from '../../src/host/index.ts';
import { acquireLock } from '../../src/host/lock.ts';
import { isLooking } from '../../src/host/looking-commands.ts';
import { tinyCertificate } from '../steps/tiny-certificate.ts';

let dir: string;
let host: Host;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ccs-host-'));
  const source = createHostSource({
    dir,
    backups: 'backups',
    journal: 'journal.jsonl',
    helperLabel: 'test',
    helperImage: () => undefined,
  });
  host = source.writer(new AbortController().signal, () => {});
  await source.journal.append({ event: 'one', detail: new Secret('journal-canary-1').reveal() });
  await source.journal.append({ event: 'two' });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('looks at the machine', () => {
  const ASK = ['timedatectl', 'show', '--property=NTPSynchronized', '--value'];
  const source = (machine?: SharedLooks) =>
    createHostSource({
      dir,
      backups: 'backups',
      helperLabel: 'test',
      helperImage: () => undefined,
      ...(machine ? { machine } : {}),
    });
  const running = new AbortController().signal;

  it('are made once for all installs of one call, and once within a snapshot', async () => {
    const machine: SharedLooks = new Map();
    const [one, other] = [source(machine).snapshot(running), source(machine).snapshot(running)];
    expect(await one.listeners()).toBe(await other.listeners());
    expect(await one.query(ASK)).toBe(await other.query(ASK));
    const [alone, later] = [source().snapshot(running), source().snapshot(running)];
    expect(await alone.query(ASK)).toBe(await alone.query(ASK));
    expect(await alone.query(ASK)).not.toBe(await later.query(ASK));
    expect(await alone.listeners()).not.toBe(await later.listeners());
  });

  it('are made anew within a change, and when they are about one install', async () => {
    const machine: SharedLooks = new Map();
    const hand = source(machine).writer(running, () => {});
    expect(await hand.listeners()).not.toBe(await hand.listeners());
    expect(await hand.query(ASK)).not.toBe(await hand.query(ASK));
    const [one, other] = [source(machine).snapshot(running), source(machine).snapshot(running)];
    expect(await one.query(['uname'])).not.toBe(await other.query(['uname']));
    expect(await one.once('key', async () => ({}))).not.toBe(await other.once('key', async () => ({})));
  });
});

describe('files', () => {
  it('writes with the final mode, keeps the old version, and leaves no temp file', async () => {
    await host.writeFile('a/../x.txt', 'one', { mode: 0o640 });
    await host.writeFile('x.txt', 'two', { mode: 0o600 });
    expect(await host.readText('x.txt')).toBe('two');
    expect((await host.stat('x.txt'))?.mode).toBe(0o600);
    const [run] = (await host.list('backups')) ?? [];
    expect(await host.readText(`backups/${run}/x.txt`)).toBe('one');
    expect((await host.stat(`backups/${run}/x.txt`))?.mode).toBe(0o600);
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('replaces a file that the operator named, for the same readers as before', async () => {
    const path = join(dir, 'report.json');
    await writeWhole(path, 'one');
    await chmod(path, 0o666);
    await writeWhole(path, 'two');
    expect([await host.readText('report.json'), (await host.stat('report.json'))?.mode]).toEqual([
      'two',
      0o666,
    ]);
    await chmod(path, 0o600);
    await writeWhole(path, 'three');
    expect((await host.stat('report.json'))?.mode).toBe(0o600);
  });

  it('never overwrites exclusively, never follows a link', async () => {
    await host.writeFile('key', new Secret('first-secret-value'), { mode: 0o600, exclusive: true });
    await expect(host.writeFile('key', 'second', { mode: 0o600, exclusive: true })).rejects.toThrow(
      'exists already',
    );
    expect(await host.readText('key')).toBe('first-secret-value');
    await writeFile(join(dir, 'target'), 'target');
    await symlink(join(dir, 'target'), join(dir, 'link'));
    await symlink(join(dir, 'nothing'), join(dir, 'dangling'));
    await expect(host.writeFile('link', 'x', { mode: 0o600 })).rejects.toThrow('symlink');
    await expect(host.writeFile('dangling', 'x', { mode: 0o600, exclusive: true })).rejects.toThrow();
    await expect(host.setAccess('link', { mode: 0o777 })).rejects.toThrow('symbolic link');
    await expect(host.makeDirectory('link', { mode: 0o700 })).rejects.toThrow('not a directory');
    expect(await readFile(join(dir, 'target'), 'utf8')).toBe('target');
    expect((await host.stat('link'))?.kind).toBe('symlink');
  });

  it('what is missing is undefined, what cannot be read throws', async () => {
    expect([
      await host.readText('no'),
      await host.stat('no'),
      await host.list('no'),
      await host.readSecret('no'),
    ]).toEqual([undefined, undefined, undefined, undefined]);
    await mkdir(join(dir, 'folder'));
    await expect(host.readText('folder')).rejects.toThrow();
    await promisify(execFile)('mkfifo', [join(dir, 'pipe')]);
    await expect(host.readText('pipe')).rejects.toThrow('it is a pipe or a device, not a plain file');
  });

  it('removes with a backup, or without one where a password must not stay', async () => {
    await host.writeFile('old', 'old', { mode: 0o600 });
    await host.writeFile('bootstrap', 'password', { mode: 0o600 });
    await host.removeFile('old');
    await host.removeFile('bootstrap', { backup: false });
    const [run] = (await host.list('backups')) ?? [];
    expect([
      await host.readText(`backups/${run}/old`),
      await host.readText(`backups/${run}/bootstrap`),
    ]).toEqual(['old', undefined]);
  });
});

describe('the real path', () => {
  it('follows every link as far as it exists, and leaves the rest as it was named', async () => {
    const base = await host.realPath('.');
    await mkdir(join(dir, 'there/in'), { recursive: true });
    await symlink(join(dir, 'there'), join(dir, 'by-link'));
    await symlink(join(dir, 'nowhere'), join(dir, 'to-nothing'));
    expect(await host.realPath('by-link/in')).toBe(join(base, 'there/in'));
    expect(await host.realPath(join(dir, 'by-link'))).toBe(join(base, 'there'));
    expect(await host.realPath('by-link/new/deep')).toBe(join(base, 'there/new/deep'));
    expect(await host.realPath('to-nothing')).toBe(join(base, 'to-nothing'));
    expect(await host.realPath('/')).toBe('/');
  });
});

describe('journal and lock', () => {
  it('appends redacted lines that only the operator reads', async () => {
    const lines = ((await host.readText('journal.jsonl')) ?? '')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines.map((l) => l.event)).toEqual(['one', 'two']);
    expect(lines[0].detail).toBe('[secret]');
    expect((await lstat(join(dir, 'journal.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it('refuses a second run, and takes over the lock of a dead one', async () => {
    const release = await acquireLock(dir, 'state/lock');
    await expect(acquireLock(dir, 'state/lock')).rejects.toBeInstanceOf(UsageError);
    await release();
    const dead = await new Promise<number>((done) => {
      const child = execFile('true', () => done(child.pid ?? 0));
    });
    await writeFile(join(dir, 'state/lock'), `${dead} 12345`);
    await (await acquireLock(dir, 'state/lock'))();
    expect(await host.list('state')).toEqual([]);
  });
});

describe('commands', () => {
  it('pass secrets by stdin and none of our environment', async () => {
    process.env.CORECUBE_SECURE_CANARY = 'environment-canary';
    expect((await host.run(['cat'], { input: new Secret('stdin-secret-1') })).stdout).toBe('stdin-secret-1');
    expect((await host.run(['env'])).stdout).not.toContain('canary');
    expect((await host.run(['env'])).stdout).toContain('LC_ALL=C');
  });

  it('a missing program, a failure and a time-out are values', async () => {
    expect((await host.run(['no-such-program'])).code).toBe(127);
    expect((await host.run(['false'])).code).toBe(1);
    expect((await host.run(['sleep', '5'], { timeoutMs: 100 })).code).toBe(124);
  });

  it.each([
    ['docker inspect x', true],
    ['docker compose -p a --project-directory /d -f /f config --format json', true],
    ['docker --context default ps', true],
    ['docker exec c wc -c /f', true],
    ['docker run --rm --network none -v vol:/v:ro image find /v', true],
    ['docker run --rm --network=none --mount type=volume,source=a,target=/b,readonly image ls', true],
    ['docker run --rm --network none -v vol:/v image sh', false],
    ['docker run --network none image', false],
    ['docker run --rm image', false],
    ['docker run --rm --network none --privileged image', false],
    ['docker rm x', false],
    ['docker volume rm x', false],
    ['docker compose -p a up', false],
    ['docker compose down', false],
    ['docker system prune', false],
    ['sh -c ls', false],
    ['rm x', false],
  ])('%s looks only: %s', (line, expected) => expect(isLooking(line.split(' '))).toBe(expected));

  it('a look that is none throws', async () => {
    await expect(host.query(['rm', '-rf', '/nowhere'])).rejects.toThrow('not a looking command');
  });
});

describe('network', () => {
  it('sends paths as they are, keeps repeated headers apart, binds and reports addresses', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.setHeader('x-twice', ['a', 'b']);
      response.end('ok');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const paths = ['//admin', '/%61dmin', '/a/../b', '/v1%2f..%2fadmin', '/admin;x'];
    for (const path of paths) {
      const answer = await host.http({
        method: 'GET',
        origin: 'http://name.invalid',
        path,
        connectTo: { host: '127.0.0.1', port },
      });
      expect(answer).toMatchObject({ ok: true, status: 200, body: 'ok', localAddress: '127.0.0.1' });
      if (answer.ok) expect(answer.headers.filter(([name]) => name === 'x-twice')).toHaveLength(2);
    }
    expect(seen).toEqual(paths);
    expect(await host.tcp({ host: '127.0.0.1', port })).toBe('open');
    expect((await host.listeners()).find((l) => l.port === port)?.holder).toContain(`pid ${process.pid}`);
    server.close();
    expect(await host.tcp({ host: '127.0.0.1', port })).toBe('refused');
    expect(
      await host.http({
        method: 'GET',
        origin: 'http://x.invalid',
        path: '/',
        connectTo: { host: '127.0.0.1', port },
      }),
    ).toMatchObject({ ok: false });
    expect(await host.tls({ host: '127.0.0.1', port })).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
  });

  it('knows its own address on a connection that is used again', async () => {
    const { pem, key } = tinyCertificate(
      'name.test',
      new Date(Date.now() - 1000),
      new Date(Date.now() + 60_000),
    );
    let connections = 0;
    const server = createTlsServer({ cert: pem, key }, (_, response) => response.end('ok'));
    server.on('secureConnection', () => (connections += 1));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < 3; i++) {
      const answer = await host.http({
        method: 'GET',
        origin: 'https://name.test',
        path: '/',
        connectTo: { host: '127.0.0.1', port },
        insecure: true,
        reuse: true,
      });
      expect(answer).toMatchObject({ ok: true, localAddress: '127.0.0.1', remoteAddress: '127.0.0.1' });
    }
    expect(connections).toBe(1);
    server.close();
    server.closeAllConnections();
  });

  it('makes a request anew when the kept connection ends under it, and only then', async () => {
    const { pem: cert, key } = tinyCertificate(
      'name.test',
      new Date(Date.now() - 1000),
      new Date(Date.now() + 60_000),
    );
    const kept = new Set<unknown>();
    const seen: string[] = [];
    const server = createTlsServer({ cert, key }, (request, response) => {
      const first = !kept.has(request.socket);
      kept.add(request.socket);
      seen.push(`${request.method} ${request.url} ${first ? 'new' : 'kept'}`);
      // As a server that is told to end its connections: what arrives on an old one gets no answer.
      if (!first || request.url === '/never') request.socket.destroy();
      else response.end('ok');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const ask = (path: string, method: 'GET' | 'POST' = 'GET') =>
      host.http({
        method,
        origin: 'https://name.invalid',
        path,
        connectTo: { host: '127.0.0.1', port },
        insecure: true,
        reuse: true,
      });
    expect(await ask('/1')).toMatchObject({ ok: true, body: 'ok' });
    expect(await ask('/2')).toMatchObject({ ok: true, body: 'ok' });
    expect(await ask('/3')).toMatchObject({ ok: true, body: 'ok' });
    // A request that changes something is neither repeated nor put at such a risk.
    expect(await ask('/4', 'POST')).toMatchObject({ ok: true, body: 'ok' });
    expect(await ask('/never', 'POST')).toMatchObject({ ok: false, code: 'ECONNRESET' });
    expect(seen).toEqual([
      'GET /1 new',
      'GET /2 kept',
      'GET /2 new',
      'GET /3 new',
      'POST /4 new',
      'POST /never new',
    ]);
    expect(await ask('/never')).toMatchObject({ ok: false, code: 'ECONNRESET' });
    expect(seen.slice(6)).toEqual(['GET /never kept', 'GET /never new']);
    expect(await ask('/never')).toMatchObject({ ok: false, code: 'ECONNRESET' });
    expect(seen.slice(8)).toEqual(['GET /never new']);
    server.close();
    server.closeAllConnections();
  });
});
