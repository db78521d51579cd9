import { describe, expect, it } from 'vitest';
import type { SqlResult } from '../../src/core/host.ts';
import { fileProblems, isStrong, urlProblems } from '../../steps/database/file-controls.ts';
import { notIn, refusalOf } from '../../steps/database/ground.ts';
import { rolesDiff, rolesSql } from '../../steps/database/rights.ts';
import { database } from '../../steps/database.ts';
import { createAuthority } from '../../steps/shared/certificates.ts';
import hba from '../../templates/pg_hba.conf?raw';
import { answers, type File, hostOf, written } from './database-host.ts';

const url = (user: string, password: string, rest = '@pgvector:5432/corecube') =>
  `postgresql://${user}:${password}${rest}?sslmode=verify-full&sslrootcert=/run/secrets/pg_ca.crt`;
const [A, B, C] = ['a', 'b', 'c'].map((c) => c.repeat(40)) as [string, string, string];
const env = (lines: Readonly<Record<string, string>>): File => ({
  text: Object.entries(lines)
    .map(([k, v]) => `${k}=${v}\n`)
    .join(''),
  mode: 0o600,
  uid: 1001,
});
const GOOD = {
  PGVECTOR_URL: url('corecube_migrator', A),
  PGVECTOR_APP_URL: url('corecube_app', B),
  PGVECTOR_MAINTENANCE_URL: url('corecube_maintenance', C),
  CORECUBE_SECURE_OWNER_URL: url('corecube_migrator', A),
};

describe('urlProblems', () => {
  const of = (lines: Readonly<Record<string, string>>, release: 'v1' | 'v2' = 'v2') =>
    urlProblems(hostOf({ '.env': env(lines) }), { ...answers, release });

  it('finds nothing in the URLs of each generation', async () => {
    expect(await of(GOOD)).toEqual([]);
    expect(await of({ ...GOOD, PGVECTOR_URL: GOOD.PGVECTOR_APP_URL }, 'v1')).toEqual([]);
  });
  it('knows that PGVECTOR_URL means opposite roles in the two generations', async () => {
    expect(await of(GOOD, 'v1')).toContain('PGVECTOR_URL is for corecube_migrator and not for corecube_app');
    const swapped = { ...GOOD, PGVECTOR_URL: GOOD.PGVECTOR_APP_URL };
    expect(await of(swapped)).toContain('PGVECTOR_URL is for corecube_app and not for corecube_migrator');
  });
  it('finds shared, weak and missing passwords, and URLs that point elsewhere', async () => {
    expect(await of({ ...GOOD, PGVECTOR_MAINTENANCE_URL: url('corecube_maintenance', B) })).toEqual([
      'two roles share a password',
    ]);
    expect(
      (await of({ ...GOOD, PGVECTOR_MAINTENANCE_URL: url('corecube_maintenance', 'short') }))[0],
    ).toMatch(/shorter than 20/);
    expect((await of({ ...GOOD, PGVECTOR_APP_URL: 'nothing' }))[0]).toBe(
      'PGVECTOR_APP_URL is missing or no connection URL',
    );
    expect(
      (await of({ ...GOOD, PGVECTOR_APP_URL: url('corecube_app', B, '@localhost:5432/postgres') }))[0],
    ).toBe('PGVECTOR_APP_URL points to localhost:5432/postgres and not to pgvector:5432/corecube');
    expect(await urlProblems(hostOf({}), answers)).toEqual(['.env is not there']);
  });
  it.each([
    ['options=-c%20corecube.compartments%3Dpublic', 'also sets options'],
    ['host=203.0.113.9', 'also sets host'],
    ['user=postgres', 'also sets user'],
    ['sslkey=/tmp/k', 'also sets sslkey'],
    ['channel_binding=disable', 'also sets channel_binding'],
    ['ssl_min_protocol_version=TLSv1', 'also sets ssl_min_protocol_version'],
    ['toString=1', 'also sets toString'],
    ['h%C3%B6st=1', 'also sets a parameter of an unusual name'],
    ['sslmode=disable', 'sets sslmode more than once'],
  ])('finds what a URL sets behind its question mark: %s', async (parameter, text) => {
    const found = await of({ ...GOOD, PGVECTOR_APP_URL: `${GOOD.PGVECTOR_APP_URL}&${parameter}` });
    expect(found).toEqual([`PGVECTOR_APP_URL ${text}`]);
  });
  it.each(['connect_timeout=5', 'application_name=corecube', 'channel_binding=require', 'pool_size=20'])(
    'leaves alone what changes neither who nor where nor what is seen: %s',
    async (parameter) => {
      expect(await of({ ...GOOD, PGVECTOR_APP_URL: `${GOOD.PGVECTOR_APP_URL}&${parameter}` })).toEqual([]);
    },
  );
  it('never repeats a password', async () => {
    const password = 'corecube_app-hunter2-$-secret';
    const found = await of({ ...GOOD, PGVECTOR_APP_URL: url('corecube_app', encodeURIComponent(password)) });
    expect(found).toHaveLength(1);
    expect(found.join()).not.toContain('hunter2');
    expect(isStrong(password, 'corecube_app')).toBe(false);
  });
});

describe('fileProblems', () => {
  it('finds nothing where all was written, and everything where nothing was', async () => {
    expect(await fileProblems(hostOf(await written()), answers)).toEqual([]);
    const parts = (await fileProblems(hostOf({}), answers)).map((p) => p.part);
    expect(new Set(parts)).toEqual(new Set(['rules', 'superuser-password', 'certificates']));
  });
  it.each([
    ['postgres/pg_hba.conf', { text: `host all all all trust\n${hba}` }, 'rules', /not as it was written/],
    ['postgres/pg_hba.conf', { mode: 0o666 }, 'rules', /mode 0666/],
    ['secrets/pg_superuser_password', { mode: 0o644 }, 'superuser-password', /mode 0644/],
    ['secrets/pg_server.key', { uid: 1001 }, 'certificates', /owner 1001/],
    ['secrets/pg_ca.key', { mode: 0o640 }, 'certificates', /mode 0640/],
    ['secrets/pg_ca.crt', { mode: 0o600 }, 'certificates', /cannot read it/],
  ] as const)('finds %s changed to %j', async (path, change, part, text) => {
    const files = await written();
    files[path] = { ...(files[path] as File), ...change };
    const problems = await fileProblems(hostOf(files), answers);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ part });
    expect(problems[0]?.text).toMatch(text);
  });
});

describe("the database's authority", () => {
  const change = async (over: (files: Record<string, File>) => Promise<Record<string, string>>) => {
    const files = await written();
    for (const [path, text] of Object.entries(await over(files)))
      files[path] = { ...(files[path] as File), text };
    return (await fileProblems(hostOf(files), answers)).map((problem) => problem.text);
  };
  const CA = 'secrets/pg_ca.crt';
  it('is one certificate, wherever a second one stands', async () => {
    const { certificate } = await createAuthority('somebody else', new Date());
    expect(await change(async (files) => ({ [CA]: `${files[CA]?.text}${certificate}` }))).toEqual([
      'secrets/pg_ca.crt holds 2 certificates instead of one',
    ]);
    const before = await change(async (files) => ({ [CA]: `${certificate}${files[CA]?.text}` }));
    expect(before).toContain('secrets/pg_ca.crt holds 2 certificates instead of one');
  });
  it('is the one whose key is here, also where somebody else signed all', async () => {
    const other = await written();
    const paths = [CA, 'secrets/pg_server.crt', 'secrets/pg_server.key'];
    const foreign = async () => Object.fromEntries(paths.map((path) => [path, other[path]?.text ?? '']));
    expect(await change(foreign)).toEqual(['secrets/pg_ca.crt is not the certificate of secrets/pg_ca.key']);
  });
});

describe('rolesSql', () => {
  const input = { database: 'core"cube', release: 'v2', bundled: true } as const;
  it('holds verifiers and no password, quotes names, and shows neither', () => {
    const sql = rolesSql({ ...input, verifier: (role) => `SCRAM-SHA-256$4096:${role}` });
    const text = sql.map((s) => s.text).join('\n');
    expect(text).toContain(`PASSWORD 'SCRAM-SHA-256$4096:app'`);
    expect(text).toContain('"core""cube"');
    expect(rolesDiff(input)).not.toContain('SCRAM-SHA-256$');
  });
  it('lets the app role create tables on guide v1 only', () => {
    expect(rolesDiff({ ...input, release: 'v1' })).toContain(
      'GRANT USAGE, CREATE ON SCHEMA public TO corecube_app',
    );
    expect(rolesDiff(input)).toContain('GRANT USAGE ON SCHEMA public TO corecube_app');
  });
  it('leaves the other databases of an external server alone', () => {
    expect(rolesDiff({ ...input, bundled: false })).not.toContain('template0');
    expect(rolesDiff(input)).toContain(
      "WHERE datname <> 'template0'\n  LOOP EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name)",
    );
  });
});

describe('a refused connection', () => {
  const refusal = (code: string, message = 'no') =>
    ({ ok: false, at: 'connect', code, message }) as SqlResult;
  it.each([
    ['28P01', 'password'],
    ['28000', 'rules'],
    ['42501', 'privilege'],
    ['3D000', 'privilege'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate'],
    ['ECONNREFUSED', 'unreachable'],
    ['57P03', 'unreachable'],
    ['53300', 'full'],
    ['55000', 'closed'],
  ])('%s is about the %s', (code, kind) => {
    expect(refusalOf(refusal(code))).toBe(kind);
    expect(notIn(refusal(code), 'a', 'b')?.is).toBe('unknown');
  });
  it.each(['too many connections for role "corecube_app"', 'too many connections for database "corecube"'])(
    'tells a limit that somebody set from a server that is full: %s',
    (message) => {
      expect(refusalOf(refusal('53300', message))).toBe('limit');
      const full = notIn(refusal('53300', 'sorry, too many clients already'), 'a', 'b');
      expect(full).toMatchObject({ because: expect.stringMatching(/answers, and has no connection left/) });
    },
  );
  it('is told apart from a refused statement', () => {
    const statement = { ok: false, at: 'statement', code: '42501', message: 'denied' } as const;
    expect(refusalOf(statement)).toBeUndefined();
  });
});

describe('the step on an empty host', () => {
  const context = { host: hostOf({}), answers, signal: new AbortController().signal };
  it('fails or waits for a failing control, never passes, except what cannot apply', async () => {
    const verdicts = await Promise.all(
      database.controls.map(async (c) => [c, await c.inspect(context)] as const),
    );
    const failed = new Set(verdicts.filter(([, v]) => v.is === 'fail').map(([c]) => c.id));
    for (const [control, verdict] of verdicts) {
      if (verdict.is === 'unknown')
        expect([control.id, failed.has(verdict.awaits ?? '')]).toEqual([control.id, true]);
      else expect([control.id, verdict.is]).not.toEqual([control.id, 'pass']);
    }
  });
  it('plans files first, then the start, then the roles', async () => {
    const seen = await Promise.all(
      database.controls.map(async (c) => [c.id, await c.inspect(context)] as const),
    );
    const failing = new Set(seen.filter(([, v]) => v.is === 'fail' || v.is === 'unknown').map(([id]) => id));
    const changes = (await database.plan?.({ ...context, failing })) ?? [];
    expect(changes.map((c) => c.id)).toEqual([
      'database.certificates',
      'database.superuser-password',
      'database.access-rules',
      'database.urls',
      'database.start',
      'database.roles',
    ]);
    expect(changes.filter((c) => c.offline).map((c) => c.id)).toHaveLength(4);
  });
});
