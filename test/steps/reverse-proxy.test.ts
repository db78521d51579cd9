import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HostReader } from '../../src/core/host.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import { acmeFailure, attempts, classifyAcme, gaveUp, PUBLIC_ACME } from '../../steps/reverse-proxy/acme.ts';
import { fenceShots, metricsShots, type Shot } from '../../steps/reverse-proxy/attack.ts';
import { certificateProblems, leastRemaining } from '../../steps/reverse-proxy/certificate-files.ts';
import { because, canonical, type ProxyAnswers } from '../../steps/reverse-proxy/look.ts';
import { FENCED_TARGETS } from '../../steps/reverse-proxy/spellings.ts';
import { reverseProxy } from '../../steps/reverse-proxy.ts';
import {
  bodyLimit,
  isServedToAll,
  publicOrigin,
  REFUSAL,
  renderCaddyfile,
  SECURITY_HEADERS,
  throwAwayCaddy,
} from '../../steps/shared/caddy.ts';
import template from '../../templates/Caddyfile?raw';
import { type Flaws, tinyCertificate } from './tiny-certificate.ts';

const answers: ProxyAnswers = {
  domain: 'corecube.golden.test',
  tls: 'internal',
  acmeEmail: undefined,
  acmeDirectory: undefined,
  acmeRoot: undefined,
  tlsCertificate: undefined,
  tlsKey: undefined,
  adminRanges: ['10.0.0.0/8', '192.168.0.0/16'],
  publicPaths: [],
  listenAddress: '0.0.0.0',
  httpPort: 80,
  httpsPort: 443,
  maxUploadMb: 50,
  projectName: 'corecube',
  proxyImage: 'caddy:2',
};
const acme = { ...answers, tls: 'acme', acmeEmail: 'ops@golden.test', acmeDirectory: PUBLIC_ACME } as const;
const golden: Record<string, ProxyAnswers> = {
  internal: answers,
  acme,
  'acme-private': {
    ...acme,
    acmeDirectory: 'https://acme.golden.test:14000/dir',
    acmeRoot: '/etc/ssl/private-acme-root.pem',
    adminRanges: ['203.0.113.7/32', '2001:db8:5::/48'],
    publicPaths: ['/webhooks', '/files/v1.0', '/v1/docs'],
  },
  files: {
    ...answers,
    tls: 'files',
    tlsCertificate: '/etc/ssl/a.pem',
    tlsKey: '/etc/ssl/a.key',
    httpPort: 8080,
    httpsPort: 8443,
    maxUploadMb: 500,
  },
};

describe('the Caddyfile', () => {
  it.each(Object.keys(golden))('for %s is the golden one', (name) => {
    const path = join(import.meta.dirname, `../golden/caddy/${name}.Caddyfile`);
    const rendered = renderCaddyfile(golden[name] as ProxyAnswers);
    if (process.env.UPDATE_GOLDEN) writeFileSync(path, rendered);
    expect(rendered).toBe(readFileSync(path, 'utf8'));
  });
  it('sets exactly the headers that are proved', () => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
      expect(template.toLowerCase()).toContain(`\t\t${name} "${value.toLowerCase()}"\n`);
    }
    expect(template).not.toMatch(/content-security-policy/i);
  });
  it('goes by the address of the connection and trusts no proxy', () => {
    const rendered = renderCaddyfile(answers);
    expect(rendered).toContain('@inside remote_ip 10.0.0.0/8 192.168.0.0/16\n');
    expect(rendered.replaceAll(/^\s*#.*$/gm, '')).not.toMatch(/client_ip|trusted_proxies|private_ranges/);
  });
  it('names the port of the public origin only when it is not 443', () => {
    expect(publicOrigin({ domain: 'a.test', httpsPort: 443 })).toBe('https://a.test');
    expect(publicOrigin({ domain: 'a.test', httpsPort: 8443 })).toBe('https://a.test:8443');
  });
  it('lets an upload of the allowed size through', () =>
    expect(bodyLimit(50)).toBeGreaterThan(51 * 1024 * 1024));
  it('refuses a value that would be a placeholder', () => {
    expect(() => renderCaddyfile({ ...answers, domain: 'a{{REFUSAL}}' })).toThrow(/placeholder/);
  });
});

describe('what is public', () => {
  const isPublic = (target: string, paths: readonly string[] = []) => isServedToAll(target, paths);
  it.each(FENCED_TARGETS)('%s is not', (target) => expect(isPublic(target)).toBe(false));
  it.each([
    '/v1',
    '/v1/',
    '/v1/models',
    '/v1/chat/completions?stream=1',
    '/mcp',
    '/mcp/sse',
    '/v1/models/a.b:c@1',
    '/v1?x=/../admin',
  ])('%s is', (target) => expect(isPublic(target)).toBe(true));
  it('adds the paths of the operator literally, at segment boundaries', () => {
    expect(isPublic('/hooks/a.b/x', ['/hooks/a.b'])).toBe(true);
    expect(isPublic('/hooks/aXb/x', ['/hooks/a.b'])).toBe(false);
    expect(isPublic('/hooksy', ['/hooks'])).toBe(false);
    expect(isPublic('/hooks/../admin', ['/hooks'])).toBe(false);
  });
  it('opens the documentation only when it is named', () => {
    expect(isPublic('/v1/docs', ['/v1/docs'])).toBe(true);
    expect(isPublic('/v1/openapi.json', ['/v1/docs'])).toBe(false);
    expect(isPublic('/v1/openapi.json', ['/v1/docs', '/v1/openapi.json'])).toBe(true);
  });
});

describe('what is attacked where the operator made more public', () => {
  const targets = (shots: readonly Shot[]) => shots.map(({ target }) => target);
  it('is everything that the Caddyfile keeps closed', () => {
    for (const paths of [[], ['/ad'], ['/health'], ['/v1/docs']])
      for (const target of targets([...fenceShots(paths), ...metricsShots(paths)]))
        expect(isServedToAll(target, paths), `${target} with ${paths}`).toBe(false);
    expect(targets(fenceShots(['/ad']))).toEqual(targets(fenceShots([])));
    expect(targets(metricsShots(['/health']))).toEqual(
      targets(metricsShots([])).filter((target) => target !== '/health'),
    );
  });
});

describe('a certificate of your own', () => {
  const made: Record<string, { pem: string; key: string }> = {};
  const now = new Date('2030-01-15T00:00:00Z');
  const day = 86_400_000;
  const make = (name: string, dns: string, from: number, to: number, flaws: Flaws = {}) => {
    const at = (days: number) => new Date(now.getTime() + days * day);
    made[name] = tinyCertificate(dns, at(from), at(to), flaws);
  };
  make('good', 'a.golden.test', -10, 80);
  make('wildcard', '*.golden.test', -10, 80);
  make('expired', 'a.golden.test', -90, -1);
  make('soon', 'a.golden.test', -85, 5);
  make('early', 'a.golden.test', 1, 90);
  make('other', 'b.golden.test', -10, 80);
  make('rsa', 'a.golden.test', -10, 80, { rsa: 2048, purpose: 'serverAuth' });
  make('short', 'a.golden.test', -10, 80, { rsa: 1024 });
  make('sha1', 'a.golden.test', -10, 80, { hash: 'sha1' });
  make('rsa-sha1', 'a.golden.test', -10, 80, { rsa: 2048, hash: 'sha1' });
  make('client', 'a.golden.test', -10, 80, { purpose: 'clientAuth' });
  const problems = (certificate: string, key = certificate) =>
    certificateProblems(made[certificate]?.pem ?? '', made[key]?.key ?? '', 'a.golden.test', now).join('; ');

  it('is taken when it covers the name, fits its key and is valid', () => {
    expect(problems('good')).toBe('');
    expect(problems('wildcard')).toBe('');
    expect(problems('rsa')).toBe('');
  });
  it.each([
    ['expired', 'expired', /ran out/],
    ['soon', 'soon', /runs out/],
    ['early', 'early', /not valid before/],
    ['other', 'other', /not for a\.golden\.test/],
    ['short', 'short', /^certificate 1 of the chain has a key of 1024 bits/],
    ['sha1', 'sha1', /^certificate 1 of the chain is signed over SHA-1/],
    ['rsa-sha1', 'rsa-sha1', /^certificate 1 of the chain is signed over SHA-1/],
    ['client', 'client', /^it is not for servers/],
    ['good', 'other', /key belongs to another/],
    ['good', 'none', /key cannot be parsed/],
    ['none', 'good', /no PEM certificate/],
  ])('%s with the key of %s is refused', (certificate, key, reason) => {
    expect(problems(certificate, key)).toMatch(reason);
  });
  it('refuses a chain whose links do not fit', () => {
    const pem = `${made.good?.pem}\n${made.other?.pem}`;
    expect(certificateProblems(pem, made.good?.key ?? '', 'a.golden.test', now).join()).toMatch(
      /did not issue/,
    );
  });
  it('asks less of short-lived certificates', () => {
    expect(leastRemaining(new Date(0), new Date(90 * day))).toBe(7 * day);
    expect(leastRemaining(new Date(0), new Date(day / 2))).toBe(day / 10);
  });
});

describe('why a certificate was not issued', () => {
  const facts = { domain: 'a.golden.test', directory: PUBLIC_ACME, aaaa: [] };
  const log = (problem: string) =>
    [
      '{"level":"info","logger":"tls.obtain","msg":"acquiring lock"}',
      JSON.stringify({ level: 'error', logger: 'tls', msg: 'job failed', error: 'b.test: context canceled' }),
      JSON.stringify({
        level: 'error',
        logger: 'tls.obtain',
        msg: 'could not get certificate from issuer',
        error: problem,
      }),
      JSON.stringify({
        level: 'error',
        logger: 'tls.obtain',
        msg: 'will retry',
        error: `[a] Obtain: ${problem}`,
        attempt: 1,
      }),
      'not json',
    ].join('\n');
  const urn = (type: string, detail: string) => `HTTP 400 urn:ietf:params:acme:error:${type} - ${detail}`;
  it.each([
    ['rate-limit', urn('rateLimited', 'too many failed authorizations recently')],
    ['dns', urn('dns', 'DNS problem: NXDOMAIN looking up A for a.golden.test')],
    ['dns', urn('malformed', 'Could not resolve URL "a.golden.test"')],
    ['unreachable', urn('connection', '192.0.2.1: Fetching http://a.golden.test/x: Timeout during connect')],
    ['unreachable', urn('unauthorized', 'Failed to connect to 192.0.2.1:443 for the tls-alpn-01 challenge')],
    ['ipv6', urn('connection', '2001:db8::7: Fetching http://a.golden.test/x: Connection refused')],
    ['ipv6', urn('unauthorized', 'Failed to connect to [2001:db8::7]:443 for the tls-alpn-01 challenge')],
    ['refused', urn('unauthorized', 'Invalid response from http://a.golden.test/x: 404')],
    ['refused', urn('caa', 'CAA record for a.golden.test prevents issuance')],
    ['account', urn('invalidContact', 'contact email has invalid domain')],
    [
      'directory',
      'performing request: Head "https://acme.test/nonce": dial tcp: lookup acme.test: no such host',
    ],
    ['other', 'something new'],
  ])('%s: %s', (cause, problem) => {
    expect(classifyAcme(log(problem), facts)?.cause).toBe(cause);
    expect(gaveUp(log(problem))).toBe(true);
    expect(attempts(log(problem))).toBe(1);
  });
  it('counts attempts, suggests staging for the production directory and never where it does not help', () => {
    const failed = acmeFailure(log(urn('dns', 'NXDOMAIN')), facts, { seconds: 1, tries: 3 });
    expect(failed.message).toContain('3 failed attempts');
    expect(failed.fix).toContain('staging');
    const own = { ...facts, directory: 'https://acme.test/dir' };
    expect(acmeFailure(log('x'), own, { seconds: 1, tries: 1 }).fix).not.toContain('staging');
  });
  it('names no reason when the log has none', () =>
    expect(classifyAcme('{"level":"info"}', facts)).toBeUndefined());
});

describe('on a host without anything', () => {
  const host = (over: Partial<HostReader> = {}): HostReader =>
    ({
      dir: '/nowhere',
      now: () => new Date(),
      env: () => undefined,
      readText: async () => undefined,
      readSecret: async () => undefined,
      stat: async () => undefined,
      addresses: () => [],
      query: async (argv: readonly string[]) =>
        argv.includes('network')
          ? { code: 1, stdout: '[]', stderr: 'Error: No such network: corecube_edge' }
          : { code: 0, stdout: '', stderr: '' },
      once: (_: string, look: () => Promise<unknown>) => look(),
      ...over,
    }) as HostReader;
  const look = async (given: ProxyAnswers, reader = host()) => {
    const context = { host: reader, answers: given, signal: new AbortController().signal };
    const findings = await inspectAll(reverseProxy, context, new Map(), () => {});
    return new Map(findings.map((f) => [f.control, f.verdict]));
  };
  const plan = async (given: ProxyAnswers, failing: Iterable<string>) =>
    (
      await reverseProxy.plan?.({
        host: host(),
        answers: given,
        signal: new AbortController().signal,
        failing: new Set(failing),
      })
    )?.map((c) => c.id);

  it('nothing passes, and every unknown waits for a control that fails', async () => {
    const seen = await look(answers);
    for (const [id, verdict] of seen) {
      if (verdict.is === 'unknown' && id !== 'proxy.app-not-reachable-directly') {
        expect(seen.get(verdict.awaits ?? '')?.is, id).toBe('fail');
      } else expect(['fail', 'skip', 'unknown'], id).toContain(verdict.is);
    }
  });
  it('writes, then starts', async () => {
    const failing = [...(await look(answers))].filter(([, v]) => v.is !== 'skip').map(([id]) => id);
    expect(await plan(answers, failing)).toEqual(['proxy.write-config', 'proxy.start']);
  });
  it('copies certificate files first', async () => {
    const files = golden.files as ProxyAnswers;
    expect(await plan(files, ['proxy.up', 'proxy.config-file', 'tls.files-copied'])).toEqual([
      'proxy.copy-certificate',
      'proxy.write-config',
      'proxy.start',
    ]);
    expect(await plan(files, ['tls.files-copied'])).toEqual(['proxy.copy-certificate', 'proxy.restart']);
  });
  it('has a change for every required control that it may repair, and none for the others', async () => {
    for (const control of reverseProxy.controls) {
      const changes = await plan(acme, [control.id]);
      if (control.severity === 'required' && !control.manual) expect(changes, control.id).not.toEqual([]);
      else expect(changes, control.id).toEqual([]);
    }
  });
  it('reloads where a restart is not needed, and keeps the log that counts attempts', async () => {
    expect(await plan(answers, ['proxy.config-file'])).toEqual(['proxy.write-config', 'proxy.reload']);
    expect(await plan(answers, ['proxy.config-current'])).toEqual(['proxy.reload']);
    expect(await plan(acme, ['tls.certificate'])).toEqual(['proxy.reload']);
  });
  it('is unknown, and nothing passes, when Docker does not answer', async () => {
    const stderr = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock';
    const seen = await look(answers, host({ query: async () => ({ code: 1, stdout: '', stderr }) }));
    expect(seen.get('proxy.up')?.is).toBe('unknown');
    expect(seen.get('proxy.admin-refused-from-outside')?.is).toBe('unknown');
    expect([...seen.values()].some((v) => v.is === 'pass')).toBe(false);
  });
  it.each([
    ['203.0.113.9 51000 192.0.2.2 22', 'fail'],
    ['10.1.2.3 51000 192.0.2.2 22', 'pass'],
    ['::ffff:10.1.2.3 51000 ::1 22', 'pass'],
    ['fe80::1%eth0 51000 fe80::2%eth0 22', 'fail'],
    ['nonsense', 'unknown'],
  ])('an operator who comes over SSH from %s: %s', async (connection, is) => {
    const seen = await look(
      answers,
      host({ env: (name) => (name === 'SSH_CONNECTION' ? connection : undefined) }),
    );
    expect(seen.get('proxy.operator-not-locked-out')?.is).toBe(is);
  });
});

describe('small things', () => {
  it('compares configurations whatever the order of their keys', () => {
    expect(canonical({ b: [1, { d: 1, c: 2 }], a: null })).toBe(
      canonical({ a: null, b: [1, { c: 2, d: 1 }] }),
    );
    expect(canonical([1, 2])).not.toBe(canonical([2, 1]));
  });
  it('tells a failed handshake in one line', () => {
    expect(
      because(
        '80AC:error:0A000438:SSL routines:x:tlsv1 alert internal error:../a.c:1601:SSL alert number 80\n',
      ),
    ).toBe('the proxy has no certificate for this name (alert: internal error)');
    expect(because('connect ECONNREFUSED 127.0.0.1:1\n')).toBe('connect ECONNREFUSED 127.0.0.1:1');
  });
  it('validates without network, without this install’s volumes and with read-only mounts', () => {
    const argv = throwAwayCaddy('/srv/cc', 'caddy:2', 'files', ['validate']);
    expect(argv.join(' ')).toMatch(
      /--rm .*--network none .*--read-only .*--cap-drop ALL --cap-add NET_BIND_SERVICE/,
    );
    expect(argv.filter((a) => a.startsWith('type=bind')).every((a) => a.endsWith(',readonly'))).toBe(true);
    expect(REFUSAL).not.toMatch(/["{}`]/);
  });
  it('has unique ids, all with a section, a threat and a remedy', () => {
    const ids = reverseProxy.controls.map((c) => c.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const c of reverseProxy.controls) expect(c.threat.length * c.remedy.length, c.id).toBeGreaterThan(0);
  });
});
