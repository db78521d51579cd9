import { describe, expect, it } from 'vitest';
import type { ChangeError } from '../../src/core/errors.ts';
import { absentImages, layerCount, remedyFor } from '../../steps/preflight/images.ts';
import { preflight } from '../../steps/preflight.ts';
import { ANSWERS, fakeHost, look, NO_DOCKER, plan } from './preflight-host.ts';

describe('pulling', () => {
  it('tells how many layers are here, not their hashes', () => {
    const told = layerCount('caddy:2');
    const lines = [
      '2: Pulling from library/caddy',
      'aaaaaaaaaaaa: Pulling fs layer',
      'bbbbbbbbbbbb: Already exists',
      'aaaaaaaaaaaa: Download complete',
      'aaaaaaaaaaaa: Pull complete',
      'Status: Downloaded newer image for caddy:2',
    ];
    expect(lines.map(told)).toEqual([
      lines[0],
      'caddy:2: 0 of 1 layer is here',
      'caddy:2: 1 of 2 layers are here',
      'caddy:2: 1 of 2 layers are here',
      'caddy:2: 2 of 2 layers are here',
      lines[5],
    ]);
  });

  const absent = { code: 1, stderr: 'Error: No such image' };
  it('pulls only what is not here, and keeps the pin of an earlier run', async () => {
    const pinned = 'caddy:2@sha256:aa';
    const compose = `services:\n  caddy:\n    image: ${pinned}\n`;
    const changes = await plan({
      files: { 'compose.yaml': compose },
      commands: { [`docker image inspect ${pinned}`]: absent },
    });
    expect(changes.map((c) => c.summary)).toEqual([`Pull ${pinned}`]);
  });

  it('keeps the pins also when the engine is gone', async () => {
    const files = { 'compose.yaml': `services:\n  caddy:\n    image: caddy:2@sha256:aa\n` };
    const { host } = fakeHost({ files, commands: NO_DOCKER });
    expect(await absentImages(host, ANSWERS)).toContain('caddy:2@sha256:aa');
  });

  it('classifies what the registry says', async () => {
    const { hands, host, runs } = fakeHost({
      commands: {
        'docker image inspect': absent,
        'docker pull': {
          code: 1,
          stderr: 'Error response from daemon: manifest for caddy:2 not found: manifest unknown',
        },
      },
    });
    const failing = new Set(['images.present']);
    const [change] =
      (await preflight.plan?.({ host, answers: ANSWERS, failing, signal: new AbortController().signal })) ??
      [];
    const error = (await change?.apply(hands()).catch((e) => e)) as ChangeError;
    expect(error).toMatchObject({ kind: 'image', fix: expect.stringContaining('the name and the tag') });
    expect(error.message).toContain('manifest unknown');
    expect(runs).toEqual([['docker', 'pull', 'corecube/corecube:v1']]);
  });

  it.each([
    ['unauthorized: authentication required', /docker login/],
    ['dial tcp: lookup reg.test: no such host', /name resolution/],
    ['lookup reg.test on 192.0.2.1:53: server misbehaving', /name resolution/],
    ['http: server gave HTTP response to HTTPS client', /plain HTTP/],
    ['toomanyrequests: You have reached your pull rate limit', /limit/],
    ['write /var/lib/docker/x: no space left on device', /disk/],
    ['no matching manifest for linux/arm64/v8 in the manifest list entries', /processor/],
    ['x509: certificate signed by unknown authority', /certs\.d/],
  ])('%s', (said, words) => expect(remedyFor(said, 'a:1')).toMatch(words));
});

describe('the generation', () => {
  it('is asked for when the image does not tell', async () => {
    const rehearsal = { ended: 'exited' as const, code: 1, log: 'hello', files: [] };
    const { bad, said } = await look({ rehearsal }, { release: 'auto' });
    expect(bad).toEqual(['release.known']);
    expect(said('release.known')).toMatch(/release: v1 or v2/);
  });

  it('waits for an image that is not here', async () => {
    const commands = { 'docker image inspect': { code: 1, stderr: 'No such image' } };
    const { byId } = await look({ commands }, { release: 'auto' });
    expect(byId['release.known']).toMatchObject({ is: 'unknown', awaits: 'images.present' });
  });
});
