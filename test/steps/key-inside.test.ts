/** What is said of the key inside the container, by how the look into it ends. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { CommandResult } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import { keyControls } from '../../steps/services/key-controls.ts';
import { presetHost, runningContainer } from './preset-host.ts';

const KEY = 'a1'.repeat(32);
const DIGEST = createHash('sha256').update(KEY).digest('hex');
const [FIRST, SECOND] = ['/run/secrets/encryption_key', '/data/encryption.key'];

async function look(id: string, result: Partial<CommandResult>) {
  const control = keyControls.find((c) => c.id === id);
  const host = presetHost(
    { 'containers corecube': [runningContainer('corecube')] },
    {
      readSecret: async () => new Secret(KEY),
      query: async () => ({ code: 0, stdout: '', stderr: '', ...result }),
    },
  );
  const signal = new AbortController().signal;
  return (await control?.inspect({ host, answers: { projectName: 'corecube' }, signal }))?.is;
}
const both = (digest: string) => `${digest}  ${FIRST}\n${digest}  ${SECOND}\n`;

it.each<[string, Partial<CommandResult>, string, string]>([
  ['both places', { stdout: both(DIGEST) }, 'pass', 'pass'],
  ['another key', { stdout: both('0'.repeat(64)) }, 'pass', 'fail'],
  [
    'one place that is refused',
    { code: 1, stdout: `${DIGEST}  ${FIRST}\n`, stderr: `sha256sum: ${SECOND}: Permission denied` },
    'fail',
    'unknown',
  ],
  [
    'places that are not there',
    {
      code: 1,
      stderr: [FIRST, SECOND]
        .map((path) => `sha256sum: can't open '${path}': No such file or directory`)
        .join('\n'),
    },
    'fail',
    'unknown',
  ],
  ['no program', { code: 127, stderr: 'exec: "sha256sum": not found' }, 'unknown', 'unknown'],
  ['no end in time', { code: 124, stderr: 'docker: no end after 15 s' }, 'unknown', 'unknown'],
  ['half of an answer', { code: 137, stdout: `${DIGEST}  ${FIRST}\n` }, 'unknown', 'unknown'],
  [
    'a container that went away',
    { code: 1, stderr: 'Error response from daemon: container is not running' },
    'unknown',
    'unknown',
  ],
  ['an answer of another form', { stdout: 'hello\n' }, 'unknown', 'unknown'],
])('%s', async (_, result, readable, same) => {
  expect(await look('key.readable-inside', result)).toBe(readable);
  expect(await look('key.same-inside', result)).toBe(same);
});

it.each([
  ['a host that sees the volume', '/v\n', ['encryption.key'], 'fail'],
  ['a host that sees no key in it', '/v\n', ['corecube.db'], 'pass'],
  ['a host to which it is empty', '/v\n', [], 'fail'],
  ['a driver that names no place', '\n', ['compose.yaml'], 'fail'],
])('a key of its own is looked for by way of %s', async (_, mountpoint, names, is) => {
  const control = keyControls.find((c) => c.id === 'key.none-of-its-own');
  const host = presetHost(
    { 'containers corecube': [runningContainer('corecube')] },
    {
      list: async () => names,
      stat: async () => ({ kind: 'file', mode: 0o600, uid: 1000, gid: 1000, size: 64 }),
      // The helper container sees the volume in any case, and a key in it.
      query: async (argv) => ({
        code: 0,
        stdout: argv[1] === 'volume' ? mountpoint : '/look/encryption.key\n',
        stderr: '',
      }),
    },
  );
  const signal = new AbortController().signal;
  expect((await control?.inspect({ host, answers: { projectName: 'corecube' }, signal }))?.is).toBe(is);
});
