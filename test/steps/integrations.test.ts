import { afterEach, describe, expect, it } from 'vitest';
import { integrations } from '../../steps/integrations.ts';
import { RELEASE_LABEL } from '../../steps/shared/layout.ts';
import { answering, type Bed, type BedOptions, short, startBed, verdicts } from './admin-bed.ts';

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

it('skips webhooks by name where the running CoreCube is seen to have none', async () => {
  const on = await start({ generation: 'v2' });
  on.labels = { [RELEASE_LABEL]: 'v2' };
  expect((await verdicts(integrations, on))['webhooks.secret-set']).toMatchObject({
    is: 'skip',
    because: 'guide v2 knows no webhooks, and the running CoreCube shows none at its connections',
  });
});

it('does not see webhooks where the connections cannot be read, whatever the image was recognised as', async () => {
  const on = await start({ generation: 'v2', faults: 'admin-routes-missing' });
  expect((await verdicts(integrations, on))['webhooks.secret-set']?.is).toBe('unknown');
  on.labels = { [RELEASE_LABEL]: 'v2' };
  expect((await verdicts(integrations, on))['webhooks.secret-set']?.is).toBe('unknown');
});

/** What is said when the API gives another answer to one path. */
async function told(path: string, status: number, json: unknown, release?: string) {
  const on = await start();
  if (release !== undefined) on.labels = { [RELEASE_LABEL]: release };
  return verdicts(integrations, answering(on, `GET ${path}`, { status, json }));
}
const webhooks = async (status: number, json: unknown, release?: string) =>
  (await told('/api/connections', status, json, release))['webhooks.secret-set'];

it.each(['v1', 'v2'])('does not see webhooks where the API of %s answers with an error', async (release) => {
  expect(await webhooks(500, { error: { code: 'DATABASE_DOWN' } }, release)).toMatchObject({
    is: 'unknown',
    because: 'GET /api/connections answers 500 DATABASE_DOWN',
  });
});

it.each([
  ['an item that is no record', { connections: ['wiki'] }, 'unknown'],
  ['two lists', { connections: [], errors: [] }, 'unknown'],
  ['a connection that does not say whether it takes webhooks', [{ name: 'a' }], 'unknown'],
  ['one that says so in another form', [{ name: 'a', webhook_enabled: 'yes' }], 'unknown'],
  ['one of two that does not say', [{ name: 'a', webhook_enabled: false }, { name: 'b' }], 'unknown'],
  ['a secret that is not told', [{ name: 'a', webhook_enabled: true }], 'unknown'],
  ['a secret in another form', [{ name: 'a', webhook_enabled: true, has_webhook_secret: 3 }], 'unknown'],
  ['a first page', { items: [{ webhook_enabled: false }], total: 2 }, 'unknown'],
  ['no connection at all', [], 'pass'],
  ['a secret', [{ name: 'a', webhook_enabled: true, has_webhook_secret: true }], 'pass'],
  ['no secret in a first page', { items: [{ webhook_enabled: true, webhook_secret: '' }], total: 9 }, 'fail'],
])('judges webhooks by what is shown: %s', async (_, json, is) => {
  expect((await webhooks(200, json, 'v1'))?.is).toBe(is);
});

it('does not take a first page for all connections of guide v2', async () => {
  const on = await start({ generation: 'v2' });
  on.labels = { [RELEASE_LABEL]: 'v2' };
  const json = { items: [{ name: 'a' }], has_more: true };
  const all = await verdicts(integrations, answering(on, 'GET /admin/api/connections', { json }));
  expect(all['webhooks.secret-set']).toMatchObject({
    is: 'unknown',
    because: 'only the first 1 connection could be seen',
  });
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
    ['keys.expire', { expires_at: days(2 * 366 + 1) }],
    ['keys.expire', { expires_at: null, revoked_at: days(1) }],
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

  const judged = async (keys: readonly object[]) =>
    short(await told('/api/api-keys', 200, { keys: keys.map((change) => ({ ...key({}), ...change })) }));
  const seconds = (count: number) => Math.round(days(count).getTime() / 1000);
  it.each([
    ['keys.expire', { expires_at: 'in a while' }, 'unknown'],
    ['keys.expire', { expires_at: { at: 1 } }, 'unknown'],
    ['keys.expire', { expires_at: '0001-01-01T00:00:00Z' }, 'fail'],
    ['keys.expire', { expires_at: 0 }, 'fail'],
    ['keys.expire', { expires_at: seconds(9) }, 'pass'],
    ['keys.expire', { expires_at: String(seconds(9)) }, 'pass'],
    ['keys.used', { last_used_at: null, created_at: undefined }, 'unknown'],
    ['keys.used', { last_used_at: 'yesterday or so' }, 'unknown'],
    ['keys.used', { last_used_at: seconds(-91) }, 'fail'],
    ['keys.used', { last_used_at: seconds(-1) }, 'pass'],
    ['keys.not-shared', { clients: 'many' }, 'unknown'],
    ['keys.not-shared', { clients: null }, 'unknown'],
    ['keys.not-shared', { clients: null, last_used_at: null, created_at: days(-1) }, 'pass'],
    ['keys.not-shared', { clients: [{ ip: 'a' }, { ip: 'a' }] }, 'pass'],
    ['keys.service-for-shared', { integration: 'Onyx', type: undefined }, 'unknown'],
    ['keys.expire', { expires_at: null, revoked_at: '' }, 'fail'],
    ['keys.expire', { expires_at: null, disabled: true }, 'pass'],
    ['keys.expire', { expires_at: null, is_active: false }, 'pass'],
    ['keys.expire', { expires_at: null, status: 'revoked' }, 'pass'],
    ['keys.expire', { expires_at: null, status: 'active' }, 'fail'],
  ] as const)('%s: %j', async (id, change, is) => {
    expect((await judged([{}, change]))[id]).toBe(is);
  });

  it('whose field is not shown are not seen, as soon as there is one', async () => {
    const bare = (rows: object[]) => told('/api/api-keys', 200, { items: rows });
    const all = await bare([{ id: 1, name: 'a' }]);
    // The description names the fields, so that one that is missing is taken for none.
    expect(short(all)['keys.expire']).toBe('fail');
    expect(all['keys.service-for-shared']?.is).toBe('pass');
    expect(short(await bare([]))['keys.expire']).toBe('pass');
  });

  it('in a list of something else are not seen', async () => {
    const all = await told('/api/api-keys', 200, ['cc_abc']);
    const kinds = Object.entries(short(all)).filter(([id]) => id.startsWith('keys.'));
    expect(new Set(kinds.map(([, is]) => is))).toEqual(new Set(['unknown']));
  });

  it('shows no control characters of a hostile name', async () => {
    const on = await start();
    on.keys.push(key({ name: 'a\u001b[2J\nb\u202e', expires_at: null }));
    const verdict = (await verdicts(integrations, on))['keys.expire'];
    expect(verdict?.is === 'fail' && verdict.observed).toMatch(/^[\x20-\x7e]+$/);
  });
});
