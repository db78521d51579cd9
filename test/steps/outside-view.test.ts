/** The look from another machine: every control can fail, and nothing that was not seen is called proved. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import type { HostReader } from '../../src/core/host.ts';
import type { Report } from '../../src/core/report.ts';
import { runProbe } from '../../src/probe.ts';
import { product } from '../../steps/index.ts';
import { probeTarget } from '../../steps/outside-view/answers.ts';
import { outsideControls } from '../../steps/outside-view/controls.ts';
import { isServedToAll } from '../../steps/shared/caddy.ts';
import { blindHost } from '../fakes/blind-host.ts';
import { NAME, NOW, outsideHost, type Sins, sourceOf, V4, V6 } from './outside-host.ts';

const DAY = 86_400_000;
const silent = { interactive: false, emit: () => {} } as unknown as Parameters<
  typeof runProbe
>[2]['frontend'];
const take = (
  host: HostReader,
  flags: Record<string, unknown> = {},
  url = `https://${NAME}`,
): Promise<Report> =>
  runProbe(url, flags, {
    product,
    host: sourceOf(host),
    frontend: silent,
    signal: new AbortController().signal,
  });
const verdictsOf = (report: Report) =>
  new Map(report.steps.flatMap((s) => s.findings.map((f) => [f.control, f.verdict] as const)));
const those = (report: Report, is: string) =>
  [...verdictsOf(report)].filter(([, v]) => v.is === is).map(([id]) => id);

const opened = { status: 200, headers: [] as [string, string][], body: 'the console' };
const without = (header: string) => (a: typeof opened) => ({
  ...a,
  headers: a.headers.filter(([name]) => name !== header),
});
const BOTH = { 4: [V4], 6: [V6] };

/** name of the sin -> the host, what must fail, and what cannot be judged any more because of it. */
const sins: readonly {
  readonly sin: string;
  readonly host: Sins;
  readonly flags?: Record<string, unknown>;
  readonly fails: readonly string[];
  readonly unseen?: readonly string[];
}[] = [
  {
    sin: 'an AAAA record at which nothing answers',
    host: { names: BOTH, ports: { [V6]: 'refused' } },
    fails: ['addresses-answer'],
  },
  {
    sin: 'an AAAA record that is silent, ports and all',
    host: { names: BOTH, ports: { [V6]: 'silent' } },
    fails: ['addresses-answer'],
    unseen: ['app-port-closed', 'database-port-closed', 'proxy-admin-port-closed', 'engine-port-closed'],
  },
  {
    sin: 'a certificate that ran out',
    host: { certificate: { validTo: new Date(NOW.getTime() - DAY) } },
    fails: ['certificate'],
  },
  {
    sin: 'a certificate that is not renewed in time',
    host: { certificate: { validTo: new Date(NOW.getTime() + 2 * DAY) } },
    fails: ['certificate'],
  },
  {
    sin: 'a certificate for another name',
    host: { certificate: { names: 'DNS:elsewhere.test' }, untrusted: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    fails: ['certificate', 'certificate-trusted'],
  },
  {
    sin: 'an intermediate that is not sent',
    host: { untrusted: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    fails: ['certificate-trusted'],
  },
  { sin: 'TLS 1.0', host: { versions: ['TLSv1', 'TLSv1.2', 'TLSv1.3'] }, fails: ['tls-1-1-refused'] },
  { sin: 'TLS 1.1', host: { versions: ['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] }, fails: ['tls-1-1-refused'] },
  { sin: 'TLS 1.3 only', host: { versions: ['TLSv1.3'] }, fails: ['tls-1-2-accepted'] },
  { sin: 'TLS 1.2 only', host: { versions: ['TLSv1.2'] }, fails: ['tls-1-3-accepted'] },
  {
    sin: 'plain HTTP that is served',
    host: { plain: () => opened },
    fails: ['http-redirects', 'other-hosts-refused'],
  },
  {
    sin: 'a redirect to another name',
    host: {
      plain: (a, ask) =>
        a.status === 308 ? { ...a, headers: [['location', `https://elsewhere.test${ask.path}`]] } : a,
    },
    fails: ['http-redirects'],
  },
  { sin: 'no X-Frame-Options', host: { answer: without('x-frame-options') }, fails: ['headers-once'] },
  {
    sin: 'a doubled header',
    host: { answer: (a) => ({ ...a, headers: [...a.headers, ['x-content-type-options', 'nosniff']] }) },
    fails: ['headers-once'],
  },
  {
    sin: 'a server that names its software',
    host: { answer: (a) => ({ ...a, headers: [...a.headers, ['server', 'Caddy']] }) },
    fails: ['headers-once'],
  },
  {
    sin: 'no HSTS',
    host: { answer: without('strict-transport-security') },
    fails: ['headers-once', 'hsts'],
  },
  {
    sin: 'HSTS over plain HTTP',
    host: {
      plain: (a) => ({ ...a, headers: [...a.headers, ['strict-transport-security', 'max-age=31536000']] }),
    },
    fails: ['hsts'],
  },
  {
    sin: 'an API that asks for no key',
    host: { answer: (a) => (a.status === 401 ? { ...a, status: 200 } : a) },
    fails: ['public-paths-answer'],
  },
  {
    sin: 'a fence around /v1 and /mcp too',
    host: {
      answer: (a) => ({ ...a, status: 403, body: 'This address may not open this part of CoreCube.' }),
    },
    fails: ['public-paths-answer'],
  },
  {
    sin: 'a fence that is open',
    host: { answer: (a) => (a.status === 403 ? { ...a, status: 200, body: '' } : a) },
    fails: ['admin-refused', 'metrics-refused'],
    unseen: ['forged-addresses-refused'],
  },
  {
    sin: 'one spelling that gets through',
    host: { answer: (a, ask) => (ask.path === '/v1/%2e%2e/admin' ? { ...a, status: 200, body: '' } : a) },
    fails: ['admin-refused'],
  },
  {
    sin: 'a fence that is open over IPv6 only',
    host: {
      names: BOTH,
      answer: (a, _, address) => (a.status === 403 && address === V6 ? { ...a, status: 200, body: '' } : a),
    },
    fails: ['admin-refused', 'metrics-refused'],
    unseen: ['forged-addresses-refused'],
  },
  {
    sin: 'a proxy that believes X-Forwarded-For',
    host: {
      answer: (a, ask) =>
        a.status === 403 && ask.headers?.['X-Forwarded-For']?.includes('10.0.0.0')
          ? { ...a, status: 200, body: '' }
          : a,
    },
    fails: ['forged-addresses-refused'],
  },
  {
    sin: 'a proxy that believes a range that only its operator knows',
    host: {
      answer: (a, ask) =>
        a.status === 403 && ask.headers?.['X-Real-IP'] === '2001:db8:77::'
          ? { ...a, status: 200, body: '' }
          : a,
    },
    flags: { 'admin-ranges': ['198.51.100.7,2001:db8:77::/48'] },
    fails: ['forged-addresses-refused'],
  },
  {
    sin: 'metrics for everybody',
    host: { answer: (a, ask) => (ask.path === '/status' ? { ...a, status: 200, body: '' } : a) },
    fails: ['metrics-refused'],
  },
  {
    sin: 'the bare address is served',
    host: { answer: (a, ask) => (ask.origin.includes(V4) ? opened : a) },
    fails: ['other-hosts-refused'],
  },
  {
    sin: 'another Host is served',
    host: { answer: (a, ask) => (ask.headers?.host === 'other-name.invalid' ? opened : a) },
    fails: ['other-hosts-refused'],
  },
  {
    sin: 'an administrator who is locked out',
    host: {},
    flags: { inside: true },
    fails: ['console-opens-inside'],
    unseen: ['admin-refused', 'forged-addresses-refused', 'metrics-refused'],
  },
  { sin: 'port 7400 open', host: { ports: { [`${V4} 7400`]: 'open' } }, fails: ['app-port-closed'] },
  {
    sin: 'port 7400 open over IPv6 only',
    host: { names: BOTH, ports: { [`${V6} 7400`]: 'open' } },
    fails: ['app-port-closed'],
  },
  { sin: 'PostgreSQL open', host: { ports: { [`${V4} 5432`]: 'open' } }, fails: ['database-port-closed'] },
  { sin: 'port 2019 open', host: { ports: { [`${V4} 2019`]: 'open' } }, fails: ['proxy-admin-port-closed'] },
  { sin: 'an engine on TCP', host: { ports: { [`${V4} 2375`]: 'open' } }, fails: ['engine-port-closed'] },
];

describe('a probe', () => {
  it('proves everything of a healthy install, over both families, and says where it stood', async () => {
    for (const names of [{ 4: [V4] }, BOTH]) {
      const report = await take(outsideHost({ names }));
      expect([report.exit, those(report, 'fail'), those(report, 'unknown')]).toEqual([0, [], []]);
      expect(those(report, 'skip')).toEqual(['outside.console-opens-inside']);
      expect(report.outside?.target).toBe(`https://${NAME}`);
    }
    const report = await take(outsideHost({ names: BOTH }));
    expect(report.outside?.addresses).toEqual([
      { address: V4, from: '203.0.113.9', certificate: expect.stringMatching(/^AB:AB:/) },
      { address: V6, from: '2001:db8:9::9', certificate: expect.stringMatching(/^AB:AB:/) },
    ]);
  });

  it.each(sins)('$sin', async ({ host, flags, fails, unseen = [] }) => {
    const report = await take(outsideHost(host), flags);
    expect(those(report, 'fail')).toEqual(fails.map((id) => `outside.${id}`));
    expect(those(report, 'unknown')).toEqual(unseen.map((id) => `outside.${id}`));
    expect(report.exit).toBe(1);
  });

  it('has a sin for every control', () => {
    const sinned = new Set(sins.flatMap((s) => s.fails.map((id) => `outside.${id}`)));
    expect(outsideControls.map((c) => c.id).filter((id) => !sinned.has(id))).toEqual([]);
  });

  it('names both causes of an open console, and opens it for who says to be inside', async () => {
    const open: Sins = { answer: (a) => (a.status === 403 ? { ...a, status: 200, body: '' } : a) };
    const seen = verdictsOf(await take(outsideHost(open))).get('outside.admin-refused');
    expect(seen).toMatchObject({
      cause: expect.stringMatching(/fence is open, or .*203\.0\.113\.9.*--inside/),
    });
    const inside = await take(outsideHost(open), { inside: true });
    expect(verdictsOf(inside).get('outside.console-opens-inside')?.is).toBe('pass');
    expect([inside.exit, those(inside, 'unknown')]).toEqual([
      3,
      ['outside.admin-refused', 'outside.forged-addresses-refused', 'outside.metrics-refused'],
    ]);
  });

  it.each([
    ['an address of this machine', { own: ['127.0.0.1', V4] }, /192\.0\.2\.1 is an address of this machine/],
    ['loopback', { names: { 4: ['127.0.0.1'] } }, /127\.0\.0\.1 is an address of this machine/],
    [
      'NAT that leads back',
      { servedHere: ['127.0.0.1'] },
      /127\.0\.0\.1 of this machine serves the same certificate/,
    ],
    ['no way to IPv6', { names: BOTH, ports: { [V6]: 'unroutable' } }, /no way to it \(ENETUNREACH\)/],
    [
      'a resolver that is silent about both families',
      { names: { 4: new Error('SERVFAIL'), 6: new Error('SERVFAIL') } },
      /IPv4 addresses is not known: SERVFAIL; .*IPv6 addresses is not known: SERVFAIL/,
    ],
    [
      'a resolver that is silent about IPv6, and no IPv4 address',
      { names: { 4: [], 6: new Error('SERVFAIL') } },
      /^whether corecube\.golden\.test has IPv6 addresses is not known: SERVFAIL$/,
    ],
    [
      'more addresses than are tried',
      { names: { 4: Array.from({ length: 9 }, (_, i) => `192.0.2.${i + 1}`) } },
      /9 addresses, and 8 are tried: 192\.0\.2\.9/,
    ],
  ] as readonly [string, Sins, RegExp][])('proves nothing that it cannot see: %s', async (_, host, why) => {
    const report = await take(outsideHost(host));
    expect([report.exit, those(report, 'pass'), those(report, 'fail')]).toEqual([3, [], []]);
    for (const [id, verdict] of verdictsOf(report))
      if (verdict.is === 'unknown') expect(verdict.because, id).toMatch(why);
  });

  it('judges what IPv4 shows when the resolver is silent about IPv6, and the other way round', async () => {
    for (const [family, names] of [
      [6, { 4: [V4], 6: new Error('SERVFAIL') }],
      [4, { 4: new Error('SERVFAIL'), 6: [V6] }],
    ] as const) {
      const silent = `whether ${NAME} has IPv${family} addresses is not known: SERVFAIL`;
      const report = await take(outsideHost({ names }));
      expect([report.exit, those(report, 'fail'), those(report, 'unknown')]).toEqual([
        3,
        [],
        ['outside.addresses-answer'],
      ]);
      for (const [id, verdict] of verdictsOf(report)) {
        if (verdict.is === 'pass') expect(verdict.observed, id).toContain(silent);
        if (verdict.is === 'unknown') expect(verdict.because, id).toContain(silent);
      }
    }
    const names = { 4: [V4], 6: new Error('SERVFAIL') };
    const open = await take(outsideHost({ names, ports: { [`${V4} 7400`]: 'open' } }));
    expect([open.exit, those(open, 'fail'), those(open, 'unknown')]).toEqual([
      1,
      ['outside.app-port-closed'],
      ['outside.addresses-answer'],
    ]);
    const dead = await take(outsideHost({ names, ports: { [V4]: 'silent' } }));
    expect([those(dead, 'fail'), those(dead, 'pass')]).toEqual([['outside.addresses-answer'], []]);
  });

  it('sends nothing to an address that is its own machine', async () => {
    const host = outsideHost({ own: ['127.0.0.1', V4] });
    await take(host);
    expect(host.sent).toEqual([]);
  });

  it('says that a name has no address, and proves nothing', async () => {
    const report = await take(outsideHost({ names: { 4: [], 6: [] } }));
    expect([those(report, 'fail'), those(report, 'pass')]).toEqual([['outside.addresses-answer'], []]);
    const dead = await take(outsideHost({ ports: { [V4]: 'silent' } }));
    expect([those(dead, 'fail'), those(dead, 'pass')]).toEqual([['outside.addresses-answer'], []]);
  });

  it('takes silence for closed only where the HTTPS port answers', async () => {
    const filtered = await take(outsideHost({ ports: { [`${V4} 7400`]: 'silent', [`${V4} 80`]: 'silent' } }));
    expect([filtered.exit, those(filtered, 'fail')]).toEqual([0, []]);
  });

  it('proves nothing on a blind host', async () => {
    const report = await take(blindHost().snapshot(new AbortController().signal));
    expect([report.exit, those(report, 'pass')]).toEqual([3, []]);
  });

  it('sends no credential but a made-up key, each header only as forged, and one look for what controls share', async () => {
    const host = outsideHost();
    await take(host);
    const headers = new Set(
      host.sent.flatMap((r) => Object.keys(r.headers ?? {}).map((h) => h.toLowerCase())),
    );
    expect([...headers].filter((h) => /authorization|cookie|api-key/.test(h))).toEqual(['authorization']);
    const keys = host.sent.flatMap((r) => r.headers?.authorization ?? []);
    expect(keys).toEqual([expect.stringMatching(/^Bearer cc_[0-9A-Za-z]{43}$/)]);
    expect(host.sent.length).toBeLessThan(160);
    expect(host.sent.every((r) => r.connectTo?.host === V4)).toBe(true);
  });

  it('makes foreign text harmless', async () => {
    const report = await take(outsideHost({ certificate: { issuer: 'CN=\u001b]0;x\u0007\nA\u202e' } }));
    expect(JSON.stringify(report.steps)).not.toMatch(/\\u001b|\\u0007|\\n|\u202e/);
  });

  it('leaves out what is public on purpose', async () => {
    const host = {
      answer: (a: typeof opened, ask: { path: string }) =>
        isServedToAll(ask.path, ['/v1/docs']) && !isServedToAll(ask.path, []) ? opened : a,
    };
    expect(those(await take(outsideHost(host as Sins)), 'fail')).toContain('outside.admin-refused');
    const told = await take(outsideHost(host as Sins), { 'public-paths': ['/v1/docs'] });
    expect(those(told, 'fail')).toEqual([]);
  });
});

describe('what a probe is aimed at', () => {
  it.each([
    ['https://corecube.golden.test', 443],
    ['https://corecube.golden.test/', 443],
    ['HTTPS://CoreCube.golden.test:8443', 8443],
  ])('%s', (raw, port) => expect(probeTarget(raw)).toEqual({ host: NAME, port }));
  it.each([
    'corecube.golden.test',
    'http://corecube.golden.test',
    'https://192.0.2.1',
    'https://[2001:db8::1]',
    'https://user:pass@corecube.golden.test',
    'https://corecube.golden.test/admin',
    'https://corecube.golden.test:0',
    'https://corecube.golden.test:70000',
    'https://localhost',
    '',
  ])('refuses %s before anything is sent, and repeats no password', async (url) => {
    const host = outsideHost();
    const error = await take(host, {}, url).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect(JSON.stringify((error as UsageError).problems)).not.toContain('pass@');
    expect(host.sent).toEqual([]);
  });
  it.each([
    [undefined, /does not exist/],
    ['no certificate', /holds no certificate/],
  ])('refuses a root that is none (%s)', async (content, why) => {
    const files = content === undefined ? {} : { '/srv/root.crt': content };
    const host = outsideHost({ files });
    await expect(take(host, { ca: '/srv/root.crt' })).rejects.toThrow(why);
    expect(host.sent).toEqual([]);
  });
});
