import { afterEach, describe, expect, it } from 'vitest';
import { retention } from '../../steps/retention.ts';
import {
  answering,
  answers,
  type Bed,
  type BedOptions,
  repair,
  short,
  startBed,
  verdicts,
} from './admin-bed.ts';

let bed: Bed | undefined;
const start = async (options?: BedOptions) => {
  bed = await startBed(options);
  return bed;
};
afterEach(async () => {
  await bed?.stop();
  bed = undefined;
});

const HELD = {
  'session.lifetime': 'pass',
  'session.environment': 'pass',
  'session.cookie-flags': 'pass',
  'audit.retention-days': 'pass',
  'audit.query-text': 'pass',
};

describe.each(['v1', 'v2'] as const)('guide %s', (generation) => {
  it('sets the audit settings through the API, reads them back, and then leaves them alone', async () => {
    const on = await start({ generation });
    expect(short(await verdicts(retention, on))).toEqual({
      ...HELD,
      'audit.retention-days': 'fail',
      'audit.query-text': 'fail',
    });
    const changes = await repair(retention, on);
    expect(changes.map((change) => change.summary)).toEqual([
      'Set audit retention to 120 days and query text to truncated through the API (now 90 days, full)',
    ]);
    expect(short(await verdicts(retention, on))).toEqual(HELD);
    expect(await repair(retention, on)).toEqual([]);
    expect(on.ran).toEqual([]);
    expect(await on.openSessions()).toBe(0);
  });

  it('sees on a real login that the session lives too long', async () => {
    const env =
      generation === 'v1' ? { SESSION_MAX_AGE_HOURS: '168' } : { SESSION_MAX_LIFETIME_HOURS: '720' };
    const on = await start({ generation, env });
    const all = await verdicts(retention, on);
    const hours = generation === 'v1' ? 168 : 720;
    expect(all['session.lifetime']).toMatchObject({
      is: 'fail',
      observed: expect.stringContaining(`${hours} h`),
    });
    expect(all['session.environment']?.is).toBe('fail');
    expect((await repair(retention, on)).map((change) => change.id)).toContain('retention.session-variables');
  });

  it.each(['cookie-insecure', 'cookie-no-httponly'])('sees the fault %s', async (faults) => {
    const all = short(await verdicts(retention, await start({ generation, faults })));
    expect(all).toMatchObject({ 'session.cookie-flags': 'fail', 'session.lifetime': 'pass' });
  });
});

it('sees an idle time-out that is too long where the server shows it', async () => {
  const all = await verdicts(
    retention,
    await start({ generation: 'v2', env: { SESSION_IDLE_TIMEOUT_MINUTES: '60' } }),
  );
  expect(all['session.lifetime']).toMatchObject({
    is: 'fail',
    observed: expect.stringContaining('idle after 60 min'),
  });
});

it.each([
  ['seconds since 1970', (at: number) => Math.round(at / 1000), 'fail'],
  ['milliseconds since 1970', (at: number) => at, 'fail'],
  ['a date', (at: number) => new Date(at).toISOString(), 'fail'],
  ['words', () => 'next week', 'unknown'],
  ['nothing', () => null, 'pass'],
])(
  'reads the end that the answer of the login names as %s, beside a shorter cookie',
  async (_, write, is) => {
    const on = await start();
    const json = { expires_at: write(Date.now() + 30 * 86_400_000) };
    const all = await verdicts(retention, answering(on, 'POST /api/auth/login', { json }));
    expect(all['session.lifetime']?.is).toBe(is);
  },
);

it('is unknown where nothing can be seen, and a container that was never created fails', async () => {
  const on = await start();
  on.state = 'stopped';
  expect(new Set(Object.values(short(await verdicts(retention, on))))).toEqual(new Set(['unknown']));
  on.state = 'absent';
  const all = await verdicts(retention, on);
  expect(all['session.environment']?.is).toBe('fail');
  expect(all['session.lifetime']).toMatchObject({ is: 'unknown', awaits: 'session.environment' });
  const signal = new AbortController().signal;
  const plan = await retention.plan?.({
    host: on.host(),
    answers,
    signal,
    failing: new Set(Object.keys(all)),
  });
  expect(plan?.map((change) => change.id)).toEqual([
    'retention.session-variables',
    'retention.audit-settings',
  ]);
});

it('plans nothing for settings that this server does not show', async () => {
  const on = await start({ faults: 'admin-routes-missing' });
  const all = await verdicts(retention, on);
  expect(all['audit.retention-days']).toMatchObject({
    is: 'unknown',
    because: expect.stringContaining('By hand'),
  });
  expect(await repair(retention, on)).toEqual([]);
});
