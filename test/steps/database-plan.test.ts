import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Host, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import { rlsControls } from '../../steps/database/rls-controls.ts';
import { classify } from '../../steps/database/start.ts';
import { volumePassword } from '../../steps/database/volume.ts';
import { database } from '../../steps/database.ts';
import { scramVerifier, verifiersIn, verifies } from '../../steps/shared/scram.ts';
import { answers, hostOf, written } from './database-host.ts';

const signal = new AbortController().signal;

describe('the plan', () => {
  const planned = async (...failing: string[]) => {
    const host = hostOf(await written());
    const changes = await database.plan?.({ host, answers, signal, failing: new Set(failing) });
    return changes?.map((change) => change.id);
  };
  // pg.files is about the files, which are as written here; pg.ca-delivered needs a container.
  const repairable = database.controls.filter(
    (c) => c.severity === 'required' && !c.manual && !['pg.files', 'pg.ca-delivered'].includes(c.id),
  );
  it.each(repairable.map((c) => c.id))('has a change for %s alone', async (id) => {
    expect(await planned(id)).not.toEqual([]);
  });
  it('leaves what holds alone', async () => {
    expect(await planned('pg.app-attributes')).toEqual(['database.roles']);
    expect(await planned('pg.env-file')).toEqual(['database.urls']);
    expect(await planned('pg.not-published')).toEqual(['database.start']);
    expect(await planned('pg.plaintext-refused')).toEqual(['database.access-rules']);
    expect(await planned('pg.up')).toEqual(['database.start', 'database.roles']);
  });
  it('makes no certificate anew where only the access to one is wrong, and starts nothing', async () => {
    const files = await written();
    const planFor = async (path: string, file: object) => {
      const host = hostOf({ ...files, [path]: { ...files[path], ...file } } as typeof files);
      const plan = await database.plan?.({ host, answers, signal, failing: new Set(['pg.files']) });
      return plan?.map(({ id, disrupts }) => [id, disrupts === undefined]);
    };
    const access = [['database.certificate-access', true]];
    expect(await planFor('secrets/pg_ca.key', { mode: 0o640 })).toEqual(access);
    expect(await planFor('secrets/pg_server.key', { uid: 1001 })).toEqual(access);
    expect(await planFor('secrets/pg_server.crt', { text: '' })).toContainEqual([
      'database.certificates',
      false,
    ]);
  });
  it('rotates nothing where only the access to .env is wrong', async () => {
    const files = await written();
    const planFor = async (found: typeof files) => {
      const failing = new Set(['pg.env-file']);
      return (await database.plan?.({ host: hostOf(found), answers, signal, failing })) ?? [];
    };
    const [first] = await planFor(files);
    expect([first?.id, first?.disrupts !== undefined]).toEqual(['database.urls', true]);
    let text = '';
    await first?.apply({
      ...hostOf(files),
      randomBytes: (size: number) => randomBytes(size),
      writeFile: async (_: string, content: Secret) => {
        text = content.reveal();
      },
    } as unknown as Host);
    const withEnv = (content: string) => ({ ...files, '.env': { text: content, mode: 0o644, uid: 1001 } });
    const [access] = await planFor(withEnv(text));
    expect([access?.id, access?.disrupts]).toEqual(['database.urls-access', undefined]);
    const [weak] = await planFor(withEnv(text.replace(/:[^:@]+@/, ':short@')));
    expect([weak?.id, weak?.disrupts !== undefined]).toEqual(['database.urls', true]);
  });
  it('says whose business it is when an external server is at fault', async () => {
    const host = hostOf({ ...(await written()), '/ca.pem': { text: 'x', mode: 0o644, uid: 0 } });
    const files = { ...answers, database: 'external', databaseCa: 'secrets/pg_ca.crt' } as typeof answers;
    const failing = new Set(['pg.plaintext-refused']);
    await expect(database.plan?.({ host, answers: files, signal, failing })).rejects.toThrow(
      /external server/,
    );
  });
});

describe('a volume whose database does not run', () => {
  const salt = new Uint8Array(16).fill(7);
  /** The way pg_authid lies on disk: name, padded to 64 bytes; flags; the verifier. */
  const row = (name: string, password: string) =>
    `${name.padEnd(64, '\0')}\x01\x01\x01\uFFFD\uFFFD\x0b\x01${scramVerifier(password, salt)}\0\0`;
  const withVolume = (result: { code: number; stdout: string; stderr: string } | undefined) =>
    ({
      query: async (argv: readonly string[]) =>
        argv.includes('inspect')
          ? { code: result ? 0 : 1, stdout: '', stderr: result ? '' : 'Error: No such volume: x' }
          : result,
    }) as unknown as HostReader;
  const cluster = {
    code: 0,
    stdout: `17\n\0\0${row('corecube_app', 'one')}${row('postgres', 'right one')}`,
    stderr: '',
  };
  const look = (host: HostReader, password?: string) =>
    volumePassword(host, answers, password === undefined ? undefined : new Secret(password));

  it('awaits the start where there is nothing to lose', async () => {
    const empty = "cat: '/volume/PG_VERSION': No such file or directory\ncat: x: No such file or directory\n";
    for (const host of [withVolume(undefined), withVolume({ code: 1, stdout: '', stderr: empty })])
      expect(await look(host)).toMatchObject({ is: 'unknown', awaits: 'pg.up' });
  });
  it('awaits the start where the password fits or the files cannot be read', async () => {
    expect(await look(withVolume(cluster), 'right one')).toMatchObject({ is: 'unknown', awaits: 'pg.up' });
    const odd = { code: 1, stdout: '17\n', stderr: 'cat: x: Permission denied' };
    expect(await look(withVolume(odd), 'whatever')).toMatchObject({ is: 'unknown', awaits: 'pg.up' });
  });
  it("fails for another role's password, and for none at all", async () => {
    expect(await look(withVolume(cluster), 'one')).toMatchObject({ is: 'fail' });
    expect(await look(withVolume(cluster))).toMatchObject({ is: 'fail' });
  });
  it('finds verifiers and checks passwords against them', () => {
    const [first] = verifiersIn(`noise${scramVerifier('p$q', salt)}noise`);
    expect(verifies('p$q', first ?? '')).toBe(true);
    expect(verifies('p$Q', first ?? '')).toBe(false);
    expect(verifies('x', 'md5abc')).toBe(false);
  });
});

describe('a start that fails', () => {
  it.each([
    ['image', ['Error response from daemon: manifest unknown'], []],
    [
      'tls',
      ['container exited (1)'],
      ['FATAL:  could not load private key file "/run/secrets/pg_server.key"'],
    ],
    ['database', ['container exited (1)'], ['FATAL:  could not write lock file: No space left on device']],
    ['crash-loop', ['container dbx-pgvector-1 exited (137)'], []],
    ['timeout', ['container dbx-pgvector-1 is unhealthy'], ['LOG:  starting']],
  ] as const)('is told to be one of %s', (kind, compose, log) => {
    const error = classify(compose, log);
    expect(error.kind).toBe(kind);
    expect(error.fix).not.toBe('');
  });
});

describe('row-level security', () => {
  it('is not seen while CoreCube does not run', async () => {
    for (const control of rlsControls) {
      const verdict = await control.inspect({
        host: hostOf({}),
        answers: { ...answers, release: 'v2' },
        signal,
      });
      expect([control.id, verdict]).toEqual([
        control.id,
        { is: 'unknown', because: 'CoreCube does not run, or is not healthy', awaits: 'running.corecube-up' },
      ]);
    }
  });
});
