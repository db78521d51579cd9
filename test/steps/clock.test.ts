import { describe, expect, it } from 'vitest';
import type { HttpRequest, HttpResult } from '../../src/core/host.ts';
import type { Verdict } from '../../src/core/step.ts';
import { clockControl } from '../../steps/preflight/clock.ts';
import type { Needed } from '../../steps/preflight/common.ts';
import { presetHost, runningContainer } from './preset-host.ts';

const NOW = new Date('2030-01-01T12:00:00Z');
const ACME = 'https://acme.test/directory';

/** Looks at a proxy, and an authority, whose clocks are so many seconds ahead of ours; undefined: it does not answer. */
async function look(
  proxy: number | undefined,
  authority?: number,
  change: { containers?: unknown[]; answers?: Partial<Needed> } = {},
): Promise<Verdict> {
  const asked: string[] = [];
  const http = async (request: HttpRequest): Promise<HttpResult> => {
    asked.push(request.origin);
    const ahead = request.origin === 'https://acme.test' ? authority : proxy;
    if (ahead === undefined) return { ok: false, code: 'ETIMEDOUT', message: 'no answer' };
    const date = new Date(NOW.getTime() + ahead * 1000).toUTCString();
    return { ok: true, status: 308, headers: [['date', date]], body: '' } as unknown as HttpResult;
  };
  const looks = {
    'containers corecube': change.containers ?? [runningContainer('caddy')],
    'database ground corecube': { is: 'down', observed: 'it does not run' },
  };
  const host = presetHost(looks, { now: () => NOW, http });
  const answers = { projectName: 'corecube', domain: 'corecube.test', tls: 'internal', ...change.answers };
  const verdict = await clockControl.inspect({
    host,
    answers: answers as Needed,
    signal: new AbortController().signal,
  });
  // Nobody new is spoken to.
  if (change.answers?.tls !== 'acme') expect(asked).not.toContain('https://acme.test');
  return verdict;
}

describe('the clock of this host', () => {
  it.each([0, 29, -29])('agrees at %i s', async (ahead) => {
    expect(await look(ahead)).toMatchObject({
      is: 'pass',
      observed: expect.stringMatching(/run on this machine/),
    });
  });
  it.each([600, -600, 31])('does not agree at %i s', async (ahead) =>
    expect((await look(ahead)).is).toBe('fail'),
  );
  it('is held against the authority with ACME only', async () => {
    const acme = { answers: { tls: 'acme', acmeDirectory: ACME } as Partial<Needed> };
    expect(await look(0, -600, acme)).toMatchObject({
      is: 'fail',
      observed: 'the certificate authority acme.test is 600 s behind',
    });
    expect(await look(0, 0, acme)).not.toMatchObject({ observed: expect.stringMatching(/this machine/) });
  });
  it('is not seen when nobody answers, and has nothing to be compared with before the first run', async () => {
    expect((await look(undefined)).is).toBe('unknown');
    expect((await look(undefined, undefined, { containers: [] })).is).toBe('skip');
  });
});
