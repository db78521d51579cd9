import { afterEach, describe, expect, it } from 'vitest';
import { integrations } from '../../steps/integrations.ts';
import { RELEASE_LABEL } from '../../steps/shared/layout.ts';
import { type Bed, type BedOptions, short, startBed, verdicts } from './admin-bed.ts';

let bed: Bed | undefined;
const start = async (options?: BedOptions) => {
  bed = await startBed(options);
  return bed;
};
afterEach(async () => {
  await bed?.stop();
  bed = undefined;
});

const days = (count: number) => new Date(Date.now() + count * 86_400_000);
const key = (change: object) => ({
  name: 'website',
  prefix: 'cc_abcd',
  type: 'service',
  integration: null,
  scope: ['public'],
  created_at: days(-200),
  expires_at: days(30),
  last_used_at: days(-1),
  revoked_at: null,
  clients: ['10.0.0.1'],
  ...change,
});

it('holds on a fresh server without keys', async () => {
  const all = await verdicts(integrations, await start());
  expect(new Set(Object.values(short(all)))).toEqual(new Set(['pass']));
  expect(all['keys.expire']).toMatchObject({ observed: 'no API key exists that can still be used' });
});

it('skips webhooks by name where the running CoreCube has none', async () => {
  const on = await start({ generation: 'v2' });
  expect((await verdicts(integrations, on))['webhooks.secret-set']).toMatchObject({
    is: 'skip',
    because: 'the running CoreCube shows no webhooks at its connections',
  });
});

it('skips webhooks by name on guide v2 where the connections cannot be read, and not on v1', async () => {
  const on = await start({ faults: 'admin-routes-missing' });
  expect((await verdicts(integrations, on))['webhooks.secret-set']?.is).toBe('unknown');
  on.labels = { [RELEASE_LABEL]: 'v2' };
  expect((await verdicts(integrations, on))['webhooks.secret-set']?.is).toBe('skip');
});

it('names a connection with webhooks and without a secret, and leaves others alone', async () => {
  const on = await start();
  on.connections.push(
    { name: 'Wiki "two"', webhook_enabled: true, webhook_secret: null },
    { name: 'quiet', webhook_enabled: false, webhook_secret: null },
  );
  expect((await verdicts(integrations, on))['webhooks.secret-set']).toEqual({
    is: 'fail',
    observed: '1 connection with webhooks and without a secret: "Wiki \\"two\\""',
    expected: 'a secret for each',
  });
});

describe('API keys', () => {
  it.each([
    ['keys.expire', { expires_at: null }],
    ['keys.used', { last_used_at: days(-91) }],
    ['keys.used', { last_used_at: null }],
    ['keys.not-shared', { clients: ['10.0.0.1', '10.0.0.2'] }],
    ['keys.service-for-shared', { type: 'personal', integration: 'OpenWebUI' }],
    ['keys.service-for-shared', { type: 'public', name: 'our LibreChat' }],
  ])('%s names the key, and no other control complains', async (id, sin) => {
    const on = await start();
    on.keys.push(key({}), key({ name: 'sinner', ...sin }));
    const all = await verdicts(integrations, on);
    const failing = Object.entries(all).filter(([, verdict]) => verdict.is !== 'pass');
    expect(failing.map(([name]) => name)).toEqual([id]);
    expect(failing[0]?.[1]).toMatchObject({
      observed: expect.stringMatching(/^1 API key .*(sinner|LibreChat)/),
    });
  });

  it('that are revoked or expired do not count, and a fresh unused one is not forgotten', async () => {
    const on = await start();
    on.keys.push(
      key({ expires_at: null, revoked_at: days(-1) }),
      key({ expires_at: days(-1), last_used_at: days(-300) }),
      key({ created_at: days(-2), last_used_at: null }),
    );
    expect(new Set(Object.values(short(await verdicts(integrations, on))))).toEqual(new Set(['pass']));
  });

  it('shows no control characters of a hostile name', async () => {
    const on = await start();
    on.keys.push(key({ name: 'a\u001b[2J\nb\u202e', expires_at: null }));
    const verdict = (await verdicts(integrations, on))['keys.expire'];
    expect(verdict?.is === 'fail' && verdict.observed).toMatch(/^[\x20-\x7e]+$/);
  });
});
