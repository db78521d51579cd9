/** A handed-in look: what a stranger's file may claim, and what it takes to count. */
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { renderSavedAnswers } from '../../src/answers/schema.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import type { Finding, Report } from '../../src/core/report.ts';
import { runProbe } from '../../src/probe.ts';
import { product } from '../../steps/index.ts';
import { outsideControls } from '../../steps/outside-view/controls.ts';
import { probeCommand, type ViewAnswers } from '../../steps/outside-view/evidence.ts';
import { outsideView } from '../../steps/outside-view.ts';
import { NAME, NOW, outsideHost, type Sins, sourceOf } from './outside-host.ts';
import { tinyCertificate } from './tiny-certificate.ts';

const FILE = '/srv/probe.json';
const answers: ViewAnswers = {
  outside: FILE,
  domain: NAME,
  httpsPort: 443,
  httpPort: 80,
  adminRanges: ['10.0.0.0/8'],
  publicPaths: [],
  tls: 'acme',
  projectName: 'corecube',
};
const HOUR = 3_600_000;

let healthy: Report;
let open: Report;
const take = (sins: Sins, flags: Record<string, unknown> = {}) =>
  runProbe(`https://${NAME}`, flags, {
    product,
    host: sourceOf(outsideHost(sins)),
    frontend: { interactive: false, emit: () => {} } as unknown as Parameters<typeof runProbe>[2]['frontend'],
    signal: new AbortController().signal,
  });
/** A look as if it had been taken at this time. */
const at = (report: Report, time: number): Report => ({
  ...report,
  startedAt: new Date(time - 1000).toISOString(),
  finishedAt: new Date(time).toISOString(),
});
beforeAll(async () => {
  healthy = at(await take({}), NOW.getTime() - HOUR);
  open = at(
    await take({ answer: (a) => (a.status === 403 ? { ...a, status: 200, body: '' } : a) }),
    NOW.getTime() - HOUR,
  );
});

/** What a verify on a host of these addresses makes of a file. */
async function verify(
  content: unknown,
  over: Partial<ViewAnswers> = {},
  own = ['127.0.0.1', '192.0.2.1'],
  more: Readonly<Record<string, string>> = {},
) {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const files = content === undefined ? more : { ...more, [FILE]: text };
  const host = outsideHost({ own, files });
  const signal = new AbortController().signal;
  const findings = await inspectAll(
    outsideView,
    { host, answers: { ...answers, ...over }, signal },
    new Map(),
    () => {},
  );
  return new Map(findings.map((f) => [f.control, f.verdict]));
}
const kinds = (seen: Awaited<ReturnType<typeof verify>>) => [...new Set([...seen].map(([, v]) => v.is))];
const because = (seen: Awaited<ReturnType<typeof verify>>) => {
  const view = seen.get('outside.view');
  return view?.is === 'unknown' ? view.because : JSON.stringify(view);
};
/** The healthy look with its findings changed. */
const findings = (change: (f: Finding) => object) => ({
  ...healthy,
  steps: healthy.steps.map((s) => ({ ...s, findings: s.findings.map(change) })),
});

describe('a verify', () => {
  it('takes a whole, fresh look from elsewhere: every control with where and when it was seen', async () => {
    const seen = await verify(healthy);
    for (const { id } of outsideControls) {
      const verdict = seen.get(id);
      if (id === 'outside.console-opens-inside') expect(verdict?.is).toBe('skip');
      else
        expect(verdict, id).toMatchObject({
          is: 'pass',
          observed: expect.stringContaining(`seen from 203.0.113.9 at ${healthy.finishedAt}`),
        });
    }
    expect(seen.get('outside.view')?.is).toBe('pass');
  });

  it('without one gives a single advice with the whole command, and accuses nothing', async () => {
    const seen = await verify(undefined, { outside: undefined });
    expect([...seen].filter(([, v]) => v.is !== 'skip').map(([id]) => id)).toEqual(['outside.view']);
    expect(because(seen)).toContain(`probe https://${NAME} --admin-ranges 10.0.0.0/8 --json > probe.json`);
    expect(outsideView.controls.filter((c) => c.severity === 'advised').map((c) => c.id)).toEqual([
      'outside.view',
    ]);
  });

  it('shows what failed there as failing here, expectation and cause included', async () => {
    const seen = await verify(open);
    expect([...seen].filter(([, v]) => v.is === 'fail').map(([id]) => id)).toEqual([
      'outside.admin-refused',
      'outside.metrics-refused',
    ]);
    expect(seen.get('outside.admin-refused')).toMatchObject({ cause: expect.stringContaining('--inside') });
  });

  it.each([
    ['no file', () => undefined, /does not exist/],
    ['an empty file', () => '', /an empty file/],
    ['no JSON', () => '{', /no JSON/],
    ['a file that is too large', () => `"${'x'.repeat(600_000)}"`, /600002 characters/],
    ['a list', () => [], /the whole file is a list of 0|schema is missing/],
    ['another schema', () => ({ ...healthy, schema: 3 }), /schema is a number, expected \(1 \| 2\)/],
    ['another tool', () => ({ ...healthy, tool: { name: 'other', version: '1' } }), /tool\.name/],
    ['an apply', () => ({ ...healthy, mode: 'apply' }), /mode is another text/],
    ['a verify of an install', () => ({ ...healthy, outside: undefined }), /outside is missing/],
    ['a run that stopped', () => ({ ...healthy, stopped: { step: 'x', reason: 'y' } }), /stopped/],
    ['a part of the controls', () => ({ ...healthy, selection: {} }), /selection/],
    [
      'no address',
      () => ({ ...healthy, outside: { target: healthy.outside?.target, addresses: [] } }),
      /at least one|addresses/,
    ],
    [
      'an address that is none',
      () => ({ ...healthy, outside: { target: healthy.outside?.target, addresses: [{ address: 'x' }] } }),
      /outside\.addresses\.0\.address/,
    ],
    ['a time that is none', () => ({ ...healthy, finishedAt: 'yesterday' }), /finishedAt/],
    ['a verdict that is none', () => findings((f) => ({ ...f, verdict: { is: 'good' } })), /verdict/],
    [
      'a pass without evidence',
      () => findings((f) => ({ ...f, verdict: { is: 'pass' } })),
      /observed is missing/,
    ],
    [
      'escape sequences',
      () => findings((f) => ({ ...f, verdict: { is: 'pass', observed: '\u001b[2Jfine' } })),
      /observed is another text, expected .*printable/,
    ],
    [
      'a text without end',
      () => findings((f) => ({ ...f, verdict: { is: 'pass', observed: 'x'.repeat(3000) } })),
      /printable/,
    ],
    [
      'a waived control',
      () => findings((f) => ({ ...f, waived: { is: 'fail', observed: 'x', expected: 'y' } })),
      /waived/,
    ],
    [
      'a missing control',
      () => ({ ...healthy, steps: [{ ...healthy.steps[0], findings: healthy.steps[0]?.findings.slice(1) }] }),
      /lacks outside\.addresses-answer/,
    ],
    [
      'an unknown control',
      () => findings((f) => ({ ...f, control: f.control.replace('hsts', 'hsts2') })),
      /lacks outside\.hsts and holds 1 controls that are not known/,
    ],
    [
      'a control twice',
      () => ({
        ...healthy,
        steps: [
          {
            ...healthy.steps[0],
            findings: [...(healthy.steps[0]?.findings ?? []), healthy.steps[0]?.findings[0]],
          },
        ],
      }),
      /holds a control twice/,
    ],
    [
      'another domain',
      () => ({ ...healthy, outside: { ...healthy.outside, target: 'https://elsewhere.test' } }),
      /a look at https:\/\/elsewhere\.test, and this is https:\/\/corecube/,
    ],
    [
      'another port',
      () => ({ ...healthy, outside: { ...healthy.outside, target: `https://${NAME}:8443` } }),
      /8443/,
    ],
    [
      'a look of last week',
      () => at(healthy, NOW.getTime() - 8 * 24 * HOUR),
      /8 days ago; at most 7 days count/,
    ],
    ['a look of tomorrow', () => at(healthy, NOW.getTime() + 24 * HOUR), /in the future/],
    [
      'a look that ends before it begins',
      () => ({ ...healthy, startedAt: NOW.toISOString() }),
      /before it begins/,
    ],
    [
      'another HTTP port',
      () => ({
        ...healthy,
        answers: healthy.answers.map((a) => (a.question === 'httpPort' ? { ...a, value: '8080' } : a)),
      }),
      /--http-port 80/,
    ],
    [
      'ranges that are none',
      () => ({
        ...healthy,
        answers: healthy.answers.map((a) => (a.question === 'adminRanges' ? { ...a, value: 'sk-4711' } : a)),
      }),
      /are no ranges/,
    ],
    [
      'a path left out',
      () => ({
        ...healthy,
        answers: healthy.answers.map((a) => (a.question === 'publicPaths' ? { ...a, value: '/v1/docs' } : a)),
      }),
      /left out \/v1\/docs/,
    ],
    [
      'no source address',
      () => ({ ...healthy, outside: { ...healthy.outside, addresses: [{ address: '192.0.2.1' }] } }),
      /does not say which address/,
    ],
    [
      'this host itself',
      () => ({
        ...healthy,
        outside: { ...healthy.outside, addresses: [{ address: '192.0.2.1', from: '192.0.2.1' }] },
      }),
      /taken on this host itself/,
    ],
    [
      'this host itself, mapped',
      () => ({
        ...healthy,
        outside: { ...healthy.outside, addresses: [{ address: '192.0.2.1', from: '::ffff:192.0.2.1' }] },
      }),
      /taken on this host itself/,
    ],
    [
      'a container of this host',
      () => ({
        ...healthy,
        outside: { ...healthy.outside, addresses: [{ address: '192.0.2.1', from: '172.17.0.5' }] },
      }),
      /own network docker0/,
    ],
  ] as readonly [string, () => unknown, RegExp][])(
    'proves nothing with %s, and says why once',
    async (_, file, why) => {
      const seen = await verify(file(), {}, ['127.0.0.1', '192.0.2.1', '172.17.0.1']);
      expect(kinds(seen)).toEqual(['unknown']);
      expect(because(seen)).toMatch(why);
      expect(
        [...seen].filter(([, v]) => v.is === 'unknown' && why.test(v.because)).map(([id]) => id),
      ).toEqual(['outside.view']);
      expect(because(seen)).toContain('npx create-corecube-secure probe https://');
    },
  );

  it('never repeats what an unusable file says', async () => {
    const seen = await verify({ ...healthy, mode: 'sk-4711-something-private' });
    expect(JSON.stringify([...seen])).not.toContain('4711');
  });

  it('counts a look of just under seven days', async () => {
    expect(kinds(await verify(at(healthy, NOW.getTime() - 7 * 24 * HOUR + 2000)))).toEqual(['pass', 'skip']);
  });

  it('does not count forged claims that this install would never have let in', async () => {
    const seen = await verify(healthy, { adminRanges: ['198.51.100.7/32'] });
    expect([...seen].filter(([, v]) => v.is === 'unknown').map(([id]) => id)).toEqual([
      'outside.forged-addresses-refused',
    ]);
    const told = at(await take({}, { 'admin-ranges': ['198.51.100.0/28'] }), NOW.getTime());
    expect(kinds(await verify(told, { adminRanges: ['198.51.100.0/24'] }))).toEqual(['pass', 'skip']);
  });

  it('does not count a control that the look left out', async () => {
    const file = findings((f) =>
      f.control === 'outside.hsts' ? { ...f, verdict: { is: 'skip', because: 'no time' } } : f,
    );
    const seen = await verify(file);
    expect([...seen].filter(([, v]) => v.is === 'unknown').map(([id]) => id)).toEqual(['outside.hsts']);
  });

  it('does not count a look from inside for what others are refused', async () => {
    const inside = at(
      await take(
        { answer: (a) => (a.status === 403 ? { ...a, status: 200, body: '' } : a) },
        { inside: true },
      ),
      NOW.getTime(),
    );
    const seen = await verify(inside);
    expect([...seen].filter(([, v]) => v.is === 'unknown').map(([id]) => id)).toEqual([
      'outside.admin-refused',
      'outside.forged-addresses-refused',
      'outside.metrics-refused',
    ]);
  });

  it('of an install with its own authority, accuses no chain that the look could not know', async () => {
    const bare = at(await take({ untrusted: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), NOW.getTime());
    const trusted = async (tls: ViewAnswers['tls']) =>
      (await verify(bare, { tls })).get('outside.certificate-trusted');
    expect(await trusted('internal')).toMatchObject({
      is: 'unknown',
      because: expect.stringContaining('without --ca'),
    });
    expect(await trusted('acme')).toMatchObject({ is: 'fail' });
  });

  it('does not count a look that met another certificate than the own one of this install', async () => {
    const { pem } = tinyCertificate(NAME, NOW, new Date(NOW.getTime() + 90 * 24 * HOUR));
    const { fingerprint256 } = new X509Certificate(pem);
    const [address = { address: '' }] = healthy.outside?.addresses ?? [];
    const met = (certificate?: string) => {
      const { certificate: _, ...bare } = address as { address: string; certificate?: string };
      const addresses = [{ ...bare, ...(certificate === undefined ? {} : { certificate }) }];
      const file = { ...healthy, outside: { ...healthy.outside, addresses } };
      return verify(file, { tls: 'files' }, undefined, { 'secrets/tls.crt': pem });
    };
    expect(because(await met('AB:'.repeat(31).concat('AB')))).toMatch(/another certificate than the one/);
    expect((await met(fingerprint256)).get('outside.view')?.is).toBe('pass');
    // An older version wrote none down.
    expect((await met()).get('outside.view')?.is).toBe('pass');
  });

  it('names every flag in the command that this install needs', () => {
    expect(
      probeCommand({ ...answers, httpsPort: 8443, httpPort: 8080, publicPaths: ['/hooks'], tls: 'internal' }),
    ).toBe(
      `npx create-corecube-secure probe https://${NAME}:8443 --admin-ranges 10.0.0.0/8 --http-port 8080 --public-paths /hooks --ca root.crt --json > probe.json`,
    );
  });

  it('is not saved: the look of one run is no evidence for the next month', () => {
    const given = new Map(
      Object.entries({ domain: NAME, outside: './probe.json' }).map(([id, raw]) => [
        id,
        { value: raw, raw, source: 'flag' as const },
      ]),
    );
    expect(renderSavedAnswers(given, product.questions, 'x')).toBe(`# x\n\ndomain: ${NAME}\n`);
  });
});
