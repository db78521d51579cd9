/** Each way in which the proxy is broken fails, or blinds, the control that speaks of it. */
import { describe, expect, it } from 'vitest';
import type { HostReader, HttpResult, TlsResult } from '../../src/core/host.ts';
import type { Verdict } from '../../src/core/step.ts';
import type { ProxyAnswers } from '../../steps/reverse-proxy/look.ts';
import { reverseProxy } from '../../steps/reverse-proxy.ts';
import { REFUSAL, renderCaddyfile } from '../../steps/shared/caddy.ts';
import { presetHost, runningContainer } from './preset-host.ts';

const answers = {
  domain: 'corecube.test',
  tls: 'files',
  adminRanges: ['198.51.100.7/32'],
  publicPaths: [],
  httpPort: 80,
  httpsPort: 443,
  maxUploadMb: 50,
  projectName: 'corecube',
} as unknown as ProxyAnswers;

const look = (
  id: string,
  looks: Record<string, unknown>,
  over: Partial<HostReader> = {},
): Promise<Verdict> => {
  const control = reverseProxy.controls.find((c) => c.id === id);
  if (!control) throw new Error(`no control ${id}`);
  const host = presetHost({ 'containers corecube': [runningContainer('caddy')], ...looks }, over);
  return control.inspect({ host, answers, signal: new AbortController().signal });
};

describe('whether the proxy answers', () => {
  const port = (is: 'open' | 'refused' | 'silent') => look('proxy.up', {}, { tcp: async () => is });
  it('tells silence from a refusal', async () => {
    expect((await port('open')).is).toBe('pass');
    expect((await port('refused')).is).toBe('fail');
    expect((await port('silent')).is).toBe('unknown');
  });
  it('fails for a container whose processes are frozen, although its port is open', async () => {
    const containers = [runningContainer('caddy', { Paused: true })];
    const over = { tcp: async () => 'open' as const };
    expect((await look('proxy.up', { 'containers corecube': containers }, over)).is).toBe('fail');
    expect(await look('proxy.access-log', { 'containers corecube': containers }, over)).toMatchObject({
      is: 'unknown',
      awaits: 'proxy.up',
    });
  });
});

describe('what the container of the proxy is given', () => {
  const proxy = (env: readonly string[], over: object = {}) => {
    const plain = runningContainer('caddy', over);
    return { 'containers corecube': [{ ...plain, Config: { ...plain.Config, Env: env } }] };
  };
  it('fails when it is unhealthy, although its port is open', async () => {
    const health = (Status: string) =>
      look('proxy.up', proxy([], { Health: { Status } }), { tcp: async () => 'open' });
    expect((await health('unhealthy')).is).toBe('fail');
    expect((await health('starting')).is).toBe('pass');
  });
  it('leads no key past its volumes, and the way to CoreCube past nobody', async () => {
    const mount = (path: string) => ({
      Type: 'volume',
      Name: `corecube_caddy-${path}`,
      Source: `/volumes/${path}`,
      Destination: `/${path}`,
      RW: true,
    });
    const dataKept = async (env: readonly string[], owners: Readonly<Record<string, number>> = {}) => {
      const looks = proxy(env);
      const [container] = looks['containers corecube'];
      const over: Partial<HostReader> = {
        stat: async (path) => ({
          kind: path.endsWith('key') ? 'file' : 'directory',
          mode: 0o700,
          uid: owners[path] ?? 1000,
          gid: 1000,
          size: 1,
        }),
        list: async (path) => (path.endsWith('caddy') ? ['root.key'] : []),
        query: async (argv) => ({
          code: 0,
          stderr: '',
          stdout: argv.includes('find') ? '/data/caddy/root.key\n' : '1000 /data\n1000 /config\n',
        }),
      };
      const kept = { ...container, Mounts: [mount('data'), mount('config')] };
      return look('proxy.data-kept', { 'containers corecube': [kept] }, over);
    };
    expect((await dataKept(['XDG_DATA_HOME=/data'])).is).toBe('pass');
    expect(await dataKept(['XDG_DATA_HOME=/tmp'])).toMatchObject({
      is: 'fail',
      observed: expect.stringMatching(/^XDG_DATA_HOME/),
    });
    expect(await dataKept([], { '/volumes/data/caddy/root.key': 0 })).toMatchObject({
      is: 'fail',
      observed: '/data/caddy/root.key does not belong to 1000',
    });
  });
});

describe('handshakes that get no answer', () => {
  const tls = (code: string) => ({
    tls: async (): Promise<TlsResult> => ({ ok: false, code, message: 'no' }),
  });
  it.each(['tls.certificate', 'tls.1-2-accepted', 'tls.1-3-accepted'])('%s is not seen', async (id) => {
    for (const code of ['ETIMEDOUT', 'ECONNREFUSED'])
      expect(await look(id, {}, tls(code))).toMatchObject({ is: 'unknown', awaits: 'proxy.up' });
    expect((await look(id, {}, tls('ERR_SSL_ALERT'))).is).toBe('fail');
  });
});

describe('the access log', () => {
  const vantage = { connectTo: { host: '127.0.0.1', port: 443 }, local: '127.0.0.1', allowed: false };
  const log = (seen: string | undefined) => {
    const all = [{ ...vantage, seen }];
    const unlogged = seen === undefined ? ['127.0.0.1'] : [];
    const outside = seen === undefined ? [] : all;
    return { 'proxy vantages corecube': { all, outside, inside: [], missing: unlogged, unlogged } };
  };
  it('holds each request', async () =>
    expect((await look('proxy.access-log', log('10.8.0.1'))).is).toBe('pass'));
  it('fails when an answered request is not in it, and blinds what goes by it', async () => {
    expect((await look('proxy.access-log', log(undefined))).is).toBe('fail');
    for (const id of ['proxy.client-address-seen', 'proxy.admin-refused-from-outside'])
      expect(await look(id, log(undefined))).toMatchObject({ is: 'unknown', awaits: 'proxy.access-log' });
  });
  it('is not seen where a driver sends it elsewhere and its copy here does not show the request', async () => {
    const proxy = runningContainer('caddy');
    const gelf = { ...proxy, HostConfig: { LogConfig: { Type: 'gelf', Config: {} } } };
    const on = (seen: string | undefined) =>
      look('proxy.access-log', { ...log(seen), 'containers corecube': [gelf] });
    expect((await on('10.8.0.1')).is).toBe('pass');
    expect(await on(undefined)).toMatchObject({
      is: 'unknown',
      because: expect.stringMatching(/driver gelf/),
    });
  });
  it('is asked once more when CoreCube did not answer the proxy', async () => {
    const lost = new Set([1]);
    let asked = 0;
    const http = async (): Promise<HttpResult> =>
      ({
        ok: true,
        status: lost.has(++asked) || lost.has(Infinity) ? 502 : 401,
        headers: [],
        body: '',
      }) as unknown as HttpResult;
    const through = (text: string) =>
      look('proxy.public-paths-answer', log('10.8.0.1'), { http, readText: async () => text });
    expect((await through('')).is).toBe('pass');
    expect(asked).toBe(7);
    lost.add(Infinity);
    // A file or a running configuration that is not ours may be the cause: apply puts that right first.
    expect(await through('changed')).toMatchObject({ is: 'unknown', awaits: 'proxy.config-file' });
    expect(await through(renderCaddyfile(answers))).toMatchObject({ awaits: 'proxy.config-current' });
  });
});

describe('what the engine says of a proxy that starts again and again', () => {
  it('blinds the control, which waits for it to run', async () => {
    const stderr =
      'Error response from daemon: Container abc is restarting, wait until the container is running';
    const seen = await look(
      'proxy.config-current',
      {},
      { readText: async () => '', query: async () => ({ code: 1, stdout: '', stderr }) },
    );
    expect(seen).toMatchObject({ is: 'unknown', awaits: 'proxy.up' });
  });
});

describe('who may write the configuration', () => {
  const modes = (file: number, directory: number, owners: readonly number[] = [0, 0]) =>
    look(
      'proxy.config-file',
      { 'userns shift': 0 },
      {
        system: async () => ({ uid: 0 }) as Awaited<ReturnType<HostReader['system']>>,
        readText: async () => renderCaddyfile(answers),
        stat: async (path) => ({
          kind: path === 'caddy' ? 'directory' : 'file',
          mode: path === 'caddy' ? directory : file,
          uid: (path === '.' ? 1000 : owners[path === 'caddy' ? 1 : 0]) as number,
          gid: 0,
          size: 1,
        }),
      },
    );
  it('is its owner alone, and so for the directory', async () => {
    expect((await modes(0o644, 0o755)).is).toBe('pass');
    expect((await modes(0o666, 0o755)).is).toBe('fail');
    expect((await modes(0o644, 0o777)).is).toBe('fail');
  });
  it('leaves it readable for the proxy, as others or as its owner', async () => {
    expect((await modes(0o600, 0o755)).is).toBe('fail');
    expect((await modes(0o644, 0o700)).is).toBe('fail');
    expect((await modes(0o600, 0o700, [1000, 1000])).is).toBe('pass');
  });
  it('is root or the operator', async () => {
    expect((await modes(0o644, 0o755, [1000, 1000])).is).toBe('pass');
    expect((await modes(0o644, 0o755, [1234, 0])).is).toBe('fail');
    expect((await modes(0o644, 0o755, [0, 1234])).is).toBe('fail');
  });
});

describe('an attack through the proxy', () => {
  const vantage = {
    connectTo: { host: '127.0.0.1', port: 443 },
    local: '127.0.0.1',
    seen: '10.8.0.1',
    allowed: false,
  };
  const outside = {
    'proxy vantages corecube': {
      all: [vantage],
      outside: [vantage],
      inside: [],
      missing: [],
      unlogged: [],
    },
  };
  const answer = (status: number, body: string, headers: [string, string][] = []): HttpResult => ({
    ok: true,
    status,
    headers,
    body,
    localAddress: '127.0.0.1',
    remoteAddress: '127.0.0.1',
  });
  const attacked = (
    result: HttpResult,
    change: Partial<ProxyAnswers> = {},
    id = 'proxy.admin-refused-from-outside',
  ) => {
    const control = reverseProxy.controls.find((c) => c.id === id);
    const host = presetHost(
      { 'containers corecube': [runningContainer('caddy')], ...outside },
      { http: async () => result, tcp: async () => 'refused' },
    );
    return control?.inspect({
      host,
      answers: { ...answers, ...change },
      signal: new AbortController().signal,
    });
  };
  it("is refused by the proxy's own words, not by those of CoreCube behind it", async () => {
    expect((await attacked(answer(403, REFUSAL)))?.is).toBe('pass');
    expect((await attacked(answer(400, '400 Bad Request: malformed Host header')))?.is).toBe('pass');
    expect((await attacked(answer(400, '')))?.is).toBe('pass');
    expect((await attacked(answer(400, '{"error":{"code":"BAD_PATH"}}')))?.is).toBe('fail');
    expect((await attacked(answer(403, '{"error":{"code":"FORBIDDEN"}}')))?.is).toBe('fail');
  });
  it('that was not made proves nothing', async () => {
    const none = { adminRanges: [] };
    expect((await attacked(answer(403, REFUSAL), none, 'proxy.forged-addresses-refused'))?.is).toBe(
      'unknown',
    );
  });

  const foreign = (other: HttpResult) =>
    look('proxy.other-hosts-refused', outside, {
      http: async ({ origin, headers }) =>
        origin === 'https://corecube.test' && headers?.host === undefined ? answer(401, '') : other,
    });
  it('under another name is refused when the proxy says so, and not seen when nobody does', async () => {
    expect((await foreign(answer(421, ''))).is).toBe('pass');
    expect((await foreign({ ok: false, code: 'ERR_SSL_ALERT', message: 'alert' })).is).toBe('pass');
    expect((await foreign(answer(200, ''))).is).toBe('fail');
    expect((await foreign({ ok: false, code: 'ETIMEDOUT', message: 'no answer' })).is).toBe('unknown');
    expect((await foreign(answer(403, '{}', [['content-type', 'application/json']]))).is).toBe('unknown');
  });

  const metrics = (tcp: 'open' | 'refused' | 'silent') =>
    look('proxy.metrics-refused', outside, { tcp: async () => tcp, http: async () => answer(403, REFUSAL) });
  it('on port 2019 is refused, not met with silence', async () => {
    expect((await metrics('refused')).is).toBe('pass');
    expect((await metrics('open')).is).toBe('fail');
    expect((await metrics('silent')).is).toBe('unknown');
  });

  it('announces a large request, which a gateway in trouble does not judge', async () => {
    const limit = (status: number) => look('proxy.body-limit', {}, { http: async () => answer(status, '') });
    expect((await limit(413)).is).toBe('pass');
    expect((await limit(401)).is).toBe('fail');
    expect((await limit(502)).is).toBe('unknown');
  });

  const STS = [['strict-transport-security', 'max-age=31536000']] as [string, string][];
  const hsts = (plain: HttpResult) => {
    const samples = [{ path: '/v1/models (401)', answer: answer(401, '', STS) }];
    return look('proxy.hsts', { 'proxy header samples corecube': samples }, { http: async () => plain });
  };
  it('does not take silence over plain HTTP for an answer without HSTS', async () => {
    expect((await hsts(answer(308, ''))).is).toBe('pass');
    expect((await hsts(answer(308, '', STS))).is).toBe('fail');
    expect((await hsts({ ok: false, code: 'ETIMEDOUT', message: 'no answer' })).is).toBe('unknown');
  });

  const direct = (status: number) => {
    const app = { ...runningContainer('corecube'), HostConfig: { NetworkMode: 'bed', PortBindings: {} } };
    const closed = { ...app, NetworkSettings: { ...app.NetworkSettings, Ports: {} } };
    return (ports?: object) =>
      look(
        'proxy.app-not-reachable-directly',
        {
          'containers corecube': [
            ports ? { ...app, NetworkSettings: { ...app.NetworkSettings, Ports: ports } } : closed,
          ],
        },
        {
          addresses: () => [{ address: '192.0.2.1', family: 4, interface: 'eth0' }],
          tcp: async () => 'open',
          http: async () => answer(status, ''),
        },
      );
  };
  it('past the proxy tells CoreCube from others, and a server in trouble from neither', async () => {
    expect((await direct(401)()).is).toBe('fail');
    expect((await direct(404)()).is).toBe('pass');
    for (const status of [429, 500, 503]) expect((await direct(status)()).is).toBe('unknown');
    const published = { '7400/tcp': [{ HostIp: '0.0.0.0', HostPort: '49153' }] };
    expect(await direct(404)(published)).toMatchObject({
      observed: 'CoreCube is published on 0.0.0.0:49153',
    });
  });
});

describe('what is read inside the proxy', () => {
  type Result = { code: number; stdout?: string; stderr?: string };
  const adapted = (adapt: Result, inside: Result = { code: 0, stdout: 'the file' }) =>
    look(
      'proxy.config-current',
      {},
      {
        readText: async () => 'the file',
        query: async (argv) => ({
          stdout: '{}',
          stderr: '',
          ...(argv.includes('adapt') ? adapt : argv.includes('cat') ? inside : { code: 0 }),
        }),
      },
    );
  it("is refused by Caddy's own error, and not seen when Caddy could not be asked", async () => {
    expect((await adapted({ code: 0 })).is).toBe('pass');
    expect((await adapted({ code: 1, stderr: 'Error: adapting config: unknown directive' })).is).toBe('fail');
    const stopped = { code: 1, stderr: 'Error response from daemon: container is not running' };
    expect(await adapted(stopped)).toMatchObject({ is: 'unknown', awaits: 'proxy.up' });
    for (const result of [{ code: 124, stderr: 'docker: no end after 15 s' }, { code: 137 }])
      await expect(adapted(result)).rejects.toThrow(/caddy adapt ended with/);
  });

  it('is the file of the install, not another one in its place, and not seen when nobody reads it', async () => {
    expect(await adapted({ code: 0 }, { code: 0, stdout: 'another' })).toMatchObject({
      is: 'fail',
      observed: '/etc/caddy/Caddyfile in the container is another file than caddy/Caddyfile',
    });
    const gone = { code: 1, stderr: "cat: can't open '/etc/caddy/Caddyfile': No such file or directory" };
    expect((await adapted({ code: 0 }, gone)).is).toBe('fail');
    await expect(adapted({ code: 0 }, { code: 127, stderr: 'no cat' })).rejects.toThrow(/cannot be read/);
  });

  const rooted = (cat: Result) => {
    const control = reverseProxy.controls.find((c) => c.id === 'tls.certificate');
    const caddy = { ...runningContainer('caddy'), Mounts: [] };
    const host = presetHost(
      { 'containers corecube': [caddy] },
      { query: async () => ({ stdout: '', stderr: '', ...cat }) },
    );
    return control?.inspect({
      host,
      answers: { ...answers, tls: 'internal' },
      signal: new AbortController().signal,
    });
  };
  it('misses a root only where it is seen not to be there', async () => {
    expect((await rooted({ code: 1, stderr: 'cat: root.crt: No such file or directory' }))?.is).toBe('fail');
    await expect(rooted({ code: 1, stderr: 'cat: root.crt: Permission denied' })).rejects.toThrow(
      /cannot be read/,
    );
    await expect(rooted({ code: 124, stderr: 'no end' })).rejects.toThrow(/cannot be read/);
  });
});

describe('the proxy on IPv6', () => {
  const published = (network: object | undefined) => {
    const caddy = runningContainer('caddy');
    const ports = { '443/tcp': [{ HostIp: '::', HostPort: '443' }] };
    const looks = {
      'containers corecube': [{ ...caddy, NetworkSettings: { ...caddy.NetworkSettings, Ports: ports } }],
      'network corecube_edge': network,
    };
    return look('proxy.no-ipv6-publishing', looks);
  };
  it('is judged by its network, and not without one', async () => {
    expect((await published({ EnableIPv6: true })).is).toBe('pass');
    expect((await published({ EnableIPv6: false })).is).toBe('fail');
    expect((await published(undefined)).is).toBe('unknown');
  });
});

it('the volumes of the proxy are not taken for the install where their driver names no place', async () => {
  const mount = (path: string, name: string) => ({
    Type: 'volume',
    Name: `corecube_${name}`,
    Source: '',
    Destination: path,
    RW: true,
  });
  const Mounts = [mount('/data', 'caddy-data'), mount('/config', 'caddy-config')];
  const owned = (stdout: string) =>
    look(
      'proxy.data-kept',
      { 'containers corecube': [{ ...runningContainer('caddy'), Mounts }] },
      {
        stat: async () => ({ kind: 'directory', mode: 0o755, uid: 1000, gid: 1000, size: 1 }),
        query: async (argv) => ({ code: 0, stdout: argv.includes('find') ? '' : stdout, stderr: '' }),
      },
    );
  expect((await owned('1000 /data\n1000 /config\n')).is).toBe('pass');
  expect((await owned('0 /data\n1000 /config\n')).is).toBe('fail');
});

describe('whether the proxy sees the address of the client', () => {
  const way = (local: string, seen = local) => ({
    connectTo: { host: local, port: 443 },
    local,
    seen,
    allowed: false,
  });
  const seen = (all: ReturnType<typeof way>[], missing: string[] = [], holder = 'docker-proxy (pid 7)') =>
    look(
      'proxy.client-address-seen',
      { 'proxy vantages corecube': { all, outside: all, inside: [], missing, unlogged: [] } },
      { listeners: async () => [{ address: '0.0.0.0', port: 443, holder }] },
    );
  it('cannot be judged where the engine holds the port itself, without its userland proxy', async () => {
    expect((await seen([way('192.0.2.1', '10.8.0.1')], [], 'dockerd (pid 1)')).is).toBe('skip');
  });
  it('is seen from each address of this host, or not at all', async () => {
    expect((await seen([way('127.0.0.1', '10.8.0.1'), way('192.0.2.1')])).is).toBe('pass');
    expect((await seen([way('192.0.2.1', '10.8.0.1')])).is).toBe('fail');
    expect((await seen([way('192.0.2.1')], ['198.51.100.1: no answer'])).is).toBe('unknown');
    expect((await seen([way('192.0.2.1', '10.8.0.1')], ['198.51.100.1: no answer'])).is).toBe('fail');
  });
});
