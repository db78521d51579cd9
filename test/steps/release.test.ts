import { describe, expect, it } from 'vitest';
import type { Rehearsal } from '../../src/core/host.ts';
import { judge, knownRelease, releaseOf } from '../../steps/shared/release.ts';
import { fakeHost, type Sins } from './preflight-host.ts';

const ANSWERS = { release: 'auto', image: 'corecube/corecube:1.4', projectName: 'corecube' } as const;
const ownKey = [{ name: 'encryption.key', mode: 0o600 }];
const rehearsal = (
  log: string,
  files: Rehearsal['files'] = [],
  more: Partial<Rehearsal> = {},
): Rehearsal => ({
  ended: 'exited',
  code: 1,
  log,
  files,
  ...more,
});
const KEY = 'encryption key loaded from /run/secrets/encryption_key';
const TRIED = 'getaddrinfo EAI_AGAIN rehearsal.invalid';
const DEMANDS = 'PGVECTOR_APP_URL is required';

describe('judge', () => {
  it.each<[string, Rehearsal, string, RegExp]>([
    [
      'demands the app URL after writing a key',
      rehearsal(`new key\n${DEMANDS}`, ownKey),
      'v2',
      /demands PGVECTOR_APP_URL and wrote a key/,
    ],
    ['demands the app URL before any key', rehearsal(DEMANDS), 'v2', /demands/],
    ['writes a key and ends for another reason', rehearsal('boom', ownKey), 'v2', /wrote a key of its own/],
    [
      'says that it ignores the key file',
      rehearsal(`ENCRYPTION_KEY_FILE=/run/secrets/encryption_key is ignored\n${DEMANDS}`, ownKey),
      'v2',
      /demands/,
    ],
    [
      'reads the key file and tries the database',
      rehearsal(`${KEY}\n${TRIED}`),
      'v1',
      /took the key.*went on to the database/,
    ],
    [
      'tries the database without a word about the key',
      rehearsal(TRIED, [], { ended: 'stopped' }),
      'v1',
      /went on to the database/,
    ],
    ['reads the key file and crashes', rehearsal(`${KEY}\nboom`), 'v1', /took the key/],
    [
      'refuses the key file',
      rehearsal('cannot read the encryption key file /run/secrets/encryption_key: EACCES'),
      'v1',
      /key file/,
    ],
    [
      'writes a key and goes on without the app URL',
      rehearsal(TRIED, ownKey),
      'ambiguous',
      /both generations/,
    ],
    [
      'reads the key file and demands the app URL',
      rehearsal(`${KEY}\n${DEMANDS}`),
      'ambiguous',
      /both generations/,
    ],
    [
      'falls back from the app URL over a key of its own',
      rehearsal('PGVECTOR_APP_URL not set, falling back to PGVECTOR_URL', ownKey),
      'ambiguous',
      /does without/,
    ],
    [
      'says nothing',
      rehearsal('', [], { ended: 'stopped', code: 0 }),
      'ambiguous',
      /still running.*without a word/,
    ],
    [
      'is another program',
      rehearsal('caddy: operation not permitted'),
      'ambiguous',
      /ended with code 1; its last line: caddy/,
    ],
  ])('%s', (_name, seen, release, evidence) => {
    const found = judge(seen);
    expect(found.release).toBe(release);
    expect(found.evidence).toMatch(evidence);
  });
});

describe('releaseOf', () => {
  const of = (sins: Sins, answers: object = {}) => releaseOf(fakeHost(sins).host, { ...ANSWERS, ...answers });
  const compose = (image: string, label = 'v2') =>
    `services:\n  corecube:\n    image: ${image}\n    labels:\n      secure.corecube.release: ${label}\n`;
  const other = { rehearsal: rehearsal(TRIED) };

  it('believes the answer without a look', async () => {
    const { host, queries } = fakeHost();
    expect((await releaseOf(host, { ...ANSWERS, release: 'v2' })).release).toBe('v2');
    expect(queries).toEqual([]);
  });

  it('believes compose.yaml as long as it is about this image', async () => {
    const recorded = (image: string, more = '') => ({
      files: { 'compose.yaml': compose(image) + more },
      ...other,
    });
    // A tag alone may have moved since; one that was loaded by hand is held by its id.
    expect((await of(recorded('corecube/corecube:1.4'))).release).toBe('v1');
    const held = 'x-corecube-secure: { images: { corecube: { id: "sha256:11" } } }\n';
    expect((await of(recorded('corecube/corecube:1.4', held))).release).toBe('v2');
    expect((await of(recorded('corecube/corecube:1.4@sha256:aa'))).release).toBe('v2');
    expect((await of(recorded('corecube/corecube:1.5@sha256:aa'))).release).toBe('v1');
    const digest = { image: 'corecube/corecube:1.4@sha256:bb' };
    expect((await of(recorded('corecube/corecube:1.4@sha256:aa'), digest)).release).toBe('v1');
    expect((await of(recorded('corecube/corecube:1.4@sha256:bb'), digest)).release).toBe('v2');
  });

  it('takes no label that is not a generation', async () => {
    const files = { 'compose.yaml': compose('corecube/corecube:1.4', 'v9') };
    expect((await of({ files, ...other })).release).toBe('v1');
  });

  it('says when the image is not here, and throws when the engine does not answer', async () => {
    expect(
      (await of({ commands: { 'docker image inspect': { code: 1, stderr: 'No such image' } } })).release,
    ).toBe('unavailable');
    const down = { 'docker image inspect': { code: 1, stderr: 'Cannot connect to the Docker daemon' } };
    await expect(of({ commands: down })).rejects.toThrow(/does not answer/);
  });

  it('stops a plan that would have to guess', async () => {
    const { host } = fakeHost({ rehearsal: rehearsal('') });
    await expect(knownRelease(host, ANSWERS)).rejects.toThrow(/answer release: v1 or v2/);
  });
});
