/** The key file: what a link, an owner and a missing key say, without a container. */
import { describe, expect, it } from 'vitest';
import type { FileStat } from '../../src/core/host.ts';
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

  it.each([KEY.slice(32), `${KEY}\n`, KEY.toUpperCase(), ''])('has the wrong format as %o', async (key) =>
    expect((await look({}, key))['key.format']).toBe('fail'),
  );
});
