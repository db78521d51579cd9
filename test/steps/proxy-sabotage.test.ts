/** Each way in which the proxy is broken fails, or blinds, the control that speaks of it. */
import { describe, expect, it } from 'vitest';
import type { HostReader, HttpResult, TlsResult } from '../../src/core/host.ts';
import type { Verdict } from '../../src/core/step.ts';
import type { ProxyAnswers } from '../../steps/reverse-proxy/look.ts';
import { reverseProxy } from '../../steps/reverse-proxy.ts';
import { renderCaddyfile } from '../../steps/shared/caddy.ts';
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

describe('handshakes that get no answer', () => {
  const tls = (code: string) => ({
    tls: async (): Promise<TlsResult> => ({ ok: false, code, message: 'no' }),
  });
  it.each(['tls.certificate', 'tls.1-2-accepted', 'tls.1-3-accepted'])('%s is not seen', async (id) => {
    expect((await look(id, {}, tls('ETIMEDOUT'))).is).toBe('unknown');
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
  it('is asked once more when CoreCube did not answer the proxy', async () => {
    const statuses = [502, 401, 401, 502, 401, 502, 502, 502];
    let asked = 0;
    const http = async (): Promise<HttpResult> =>
      ({ ok: true, status: statuses[asked++], headers: [], body: '' }) as unknown as HttpResult;
    const through = (text: string) =>
      look('proxy.public-paths-answer', log('10.8.0.1'), { http, readText: async () => text });
    expect((await through('')).is).toBe('pass');
    expect(asked).toBe(3);
    // A file or a running configuration that is not ours may be the cause: apply puts that right first.
    expect(await through('changed')).toMatchObject({ is: 'unknown', awaits: 'proxy.config-file' });
    asked = 3;
    expect(await through(renderCaddyfile(answers))).toMatchObject({ awaits: 'proxy.config-current' });
  });
});

describe('who may write the configuration', () => {
  const modes = (file: number, directory: number) =>
    look(
      'proxy.config-file',
      {},
      {
        readText: async () => renderCaddyfile(answers),
        stat: async (path) => ({
          kind: path === 'caddy' ? 'directory' : 'file',
          mode: path === 'caddy' ? directory : file,
          uid: 0,
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
});
