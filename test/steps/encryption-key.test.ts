/** The key file: what a link, an owner and a missing key say, without a container. */
import { describe, expect, it } from 'vitest';
import type { FileStat, Host } from '../../src/core/host.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import { encryptionKey } from '../../steps/encryption-key.ts';
import { fakeHost } from './preflight-host.ts';

const KEY = '0123456789abcdef'.repeat(4);

async function look(stat: Partial<FileStat>, key = KEY) {
  const { host } = fakeHost({ files: { 'secrets/encryption_key': key } });
  const file: FileStat = { kind: 'file', mode: 0o600, uid: 1000, gid: 1000, size: 64, ...stat };
  const seen = {
    ...host,
    stat: async (path: string) => (path === 'secrets/encryption_key' ? file : undefined),
  };
  const context = {
    host: seen,
    answers: { projectName: 'corecube', database: 'bundled' as const },
    signal: new AbortController().signal,
  };
  const all = await inspectAll(encryptionKey, context, new Map(), () => {});
  return Object.fromEntries(all.map((f) => [f.control, f.verdict.is]));
}

describe('the key file', () => {
  it('holds with the mode and owner that it is made with', async () =>
    expect(await look({})).toMatchObject({
      'key.access': 'pass',
      'key.format': 'pass',
      'key.not-a-link': 'pass',
    }));

  it.each([{ mode: 0o640 }, { mode: 0o644 }, { mode: 0o666 }, { uid: 0 }])('fails with %o', async (stat) =>
    expect(await look(stat)).toMatchObject({ 'key.access': 'fail', 'key.not-a-link': 'pass' }),
  );

  it('that is a link fails as one, and its access is not seen', async () =>
    expect(await look({ kind: 'symlink', mode: 0o777 })).toMatchObject({
      'key.not-a-link': 'fail',
      'key.access': 'unknown',
    }));

  it('that is a pattern has the wrong format', async () => {
    expect((await look({}, '0'.repeat(64)))['key.format']).toBe('fail');
    expect((await look({}, '0123456'.repeat(10).slice(0, 64)))['key.format']).toBe('fail');
    expect((await look({}, '01234567'.repeat(8)))['key.format']).toBe('pass');
  });

  it.each([KEY.slice(32), `${KEY}\n`, KEY.toUpperCase(), ''])('has the wrong format as %o', async (key) =>
    expect((await look({}, key))['key.format']).toBe('fail'),
  );
});

describe('the record of the key', () => {
  const CHECK = '.corecube-secure/key-check.json';
  const answers = { projectName: 'corecube', database: 'bundled' as const };
  const signal = new AbortController().signal;
  async function planned(data: boolean) {
    const { host } = fakeHost({
      files: { 'secrets/encryption_key': KEY },
      commands: { 'docker volume ls': data ? 'corecube_corecube-data\n' : '', 'docker ps': '' },
    });
    const written: Record<string, string> = {};
    const hands = {
      ...host,
      makeDirectory: async () => {},
      writeFile: async (path: string, text: string) => {
        written[path] = text;
      },
    } as unknown as Host;
    const changes =
      (await encryptionKey.plan?.({ host, answers, signal, failing: new Set() } as never)) ?? [];
    for (const change of changes) await change.apply(hands);
    return { changes, check: written[CHECK] ?? '' };
  }
  const judged = async (check: string) => {
    const { host } = fakeHost({ files: { 'secrets/encryption_key': KEY, [CHECK]: check } });
    return encryptionKey.controls
      .find((c) => c.id === 'key.belongs-to-data')
      ?.inspect({ host, answers, signal });
  };

  it('takes a key that an operator has put there before there is data as it is', async () => {
    const { changes, check } = await planned(false);
    expect(changes.map((c) => c.id)).toEqual(['encryption-key.check-value']);
    expect(check).not.toContain('adopted');
    expect(await judged(check)).toEqual({ is: 'pass', observed: 'its HMAC equals the one on record' });
  });

  it('says of a key that comes to be known beside data that it was taken over, and asks before', async () => {
    const { changes, check } = await planned(true);
    expect(changes).toMatchObject([{ id: 'encryption-key.adopt', disrupts: expect.any(String) }]);
    expect(JSON.parse(check)).toMatchObject({ adopted: '2026-11-24T00:00:00.000Z' });
    expect(await judged(check)).toMatchObject({
      is: 'pass',
      observed: expect.stringContaining('taken over on 2026-11-24'),
    });
  });

  it('fails when the key is another one', async () =>
    expect(await judged('{"hmacSha256":"00"}')).toMatchObject({ is: 'fail' }));
});
