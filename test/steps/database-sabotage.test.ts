/** Each way in which the database is broken fails, or blinds, the control that speaks of it. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Host, HostReader, SqlResult, TlsResult } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Verdict } from '../../src/core/step.ts';
import { differences, policyControls, restorePolicies } from '../../steps/database/policies.ts';
import { rlsControls } from '../../steps/database/rls-controls.ts';
import { serverOptionProblems, serverOptions } from '../../steps/database/server-options.ts';
import { type Way, waysChanged } from '../../steps/database/ways-around.ts';
import { database } from '../../steps/database.ts';
import { scramVerifier } from '../../steps/shared/scram.ts';
import template from '../../templates/compose.yaml?raw';
import { answers } from './database-host.ts';
import { presetHost, runningContainer } from './preset-host.ts';

const { signal } = new AbortController();
const rows = (...list: Record<string, unknown>[]) => ({ ok: true as const, rows: list });
const connection = { user: 'postgres', password: new Secret('x'.repeat(30)) };
const secretly = (password: string) => ({ user: 'postgres', password: new Secret(password) });
const ground = {
  is: 'up',
  server: { host: '10.9.0.2', port: 5432 },
  superuser: connection,
  hello: rows({}),
  container: runningContainer('pgvector', { Health: { Status: 'healthy' } }),
};
const look = (
  id: string,
  looks: Record<string, unknown>,
  over: Partial<HostReader> = {},
): Promise<Verdict> => {
  const control = database.controls.find((c) => c.id === id);
  if (!control) throw new Error(`no control ${id}`);
  return control.inspect({
    host: presetHost({ 'database ground corecube': ground, ...looks }, over),
    answers,
    signal,
  });
};

describe('the options of the server', () => {
  // The placeholders are in values, which YAML takes as they are.
  const model = parse(template) as { services: { pgvector: { command: string[] } } };
  const good = model.services.pgvector.command;
  it('are as they must be', () => expect(serverOptionProblems(good)).toEqual([]));
  it.each([
    ['ssl=off', /ssl=off instead of on/],
    ['ssl_min_protocol_version=TLSv1', /TLSv1 instead of TLSv1.2 or TLSv1.3/],
    ['password_encryption=md5', /md5/],
    ['hba_file=/tmp/pg_hba.conf', /hba_file/],
  ])('the last one counts: %s', (option, text) => {
    for (const more of [['-c', option], [`-c${option}`], [`--${option}`]])
      expect(serverOptionProblems([...good, ...more])[0]).toMatch(text);
  });
  it('all are missed where there is no command line', () => {
    expect(serverOptionProblems(null)).toHaveLength(serverOptions(good).size);
    expect(serverOptions(['--SSL-Min-Protocol-Version=TLSv1.3']).get('ssl_min_protocol_version')).toBe(
      'TLSv1.3',
    );
  });
});

describe('the passwords that the server keeps', () => {
  const salt = new Uint8Array(16).fill(3);
  const kept = (passwords: Record<string, string>) => ({
    'database probe verifiers': {
      stored: rows(
        ...Object.entries(passwords).map(([name, password]) => ({
          name,
          verifier: scramVerifier(new Secret(password), salt),
        })),
      ),
    },
  });
  const good = {
    postgres: 'q'.repeat(40),
    corecube_app: 'r'.repeat(40),
    corecube_maintenance: 's'.repeat(40),
    corecube_migrator: 't'.repeat(40),
  };
  const seen = async (passwords: Record<string, string>) =>
    Promise.all(
      ['pg.passwords-not-default', 'pg.other-passwords-not-default'].map(
        async (id) => (await look(id, kept(passwords))).is,
      ),
    );

  const md5 = (password: string, role: string) =>
    `md5${createHash('md5').update(`${password}${role}`).digest('hex')}`;
  /** With one more role, or another verifier of one, as the server keeps it. */
  const raw = (change: Record<string, string>) => {
    const all = {
      ...Object.fromEntries(
        kept(good)['database probe verifiers'].stored.rows.map((r) => [r.name, r.verifier]),
      ),
      ...change,
    };
    const stored = rows(...Object.entries(all).map(([name, verifier]) => ({ name, verifier })));
    return Promise.all(
      ['pg.passwords-not-default', 'pg.other-passwords-not-default'].map((id) =>
        look(id, { 'database probe verifiers': { stored } }),
      ),
    );
  };

  it('are good, for our roles and for the others', async () => {
    expect(await seen(good)).toEqual(['pass', 'pass']);
  });
  it.each(['corecube_app', 'password'])('%s as one of ours is repaired by apply', async (weak) => {
    expect(await seen({ ...good, corecube_app: weak })).toEqual(['fail', 'pass']);
    const control = database.controls.find((c) => c.id === 'pg.passwords-not-default');
    expect(control?.manual).toBeUndefined();
  });
  it.each(['CoreCube2026', 'postgres1', 'corecube_old2025', '123456'])(
    'of a role named alike is known also with a year or a number behind: %s',
    async (weak) => {
      const now = () => new Date('2026-05-01T00:00:00Z');
      const verdict = look('pg.other-passwords-not-default', kept({ ...good, corecube_old: weak }), { now });
      expect((await verdict).is).toBe('fail');
    },
  );
  it.each([
    ['Tr0ub4dor&3', 'fail'],
    [`postgres-postgres-${'x'.repeat(5)}`, 'fail'],
    ['x'.repeat(20), 'pass'],
    ['five words with spaces between', 'pass'],
  ])('of the superuser are long enough, their name left aside: %s', async (password, expected) => {
    const looks = { 'database ground corecube': { ...ground, superuser: secretly(password) } };
    const [is] = [await look('pg.other-passwords-not-default', { ...kept(good), ...looks })];
    expect(is).toMatchObject({ is: expected });
    expect(JSON.stringify(is)).not.toContain(password);
  });
  it('that .env holds and the server keeps need no other word', async () => {
    const env = `PGVECTOR_APP_URL=postgresql://corecube_app:${'r'.repeat(40)}@h/d`;
    const readSecret = async () => new Secret(env);
    expect((await look('pg.passwords-not-default', kept(good), { readSecret })).is).toBe('pass');
    const weak = async () => new Secret(env.replace('r'.repeat(40), 'changeme123'));
    const found = look('pg.passwords-not-default', kept({ ...good, corecube_app: 'changeme123' }), {
      readSecret: weak,
    });
    expect((await found).is).toBe('fail');
  });
  it('of the superuser or a role that is named alike is left to a person', async () => {
    expect(await seen({ ...good, postgres: 'postgres' })).toEqual(['pass', 'fail']);
    expect(await seen({ ...good, corecube_old: 'corecube_old' })).toEqual(['pass', 'fail']);
    const control = database.controls.find((c) => c.id === 'pg.other-passwords-not-default');
    expect(control?.manual).toBe(true);
  });
  it.each([
    ['corecube_app', 'changeme', ['fail', 'pass']],
    ['corecube_app', 'corecube_app', ['fail', 'pass']],
    ['corecube_report', 'secret', ['pass', 'fail']],
    ['corecube_app', 'Z'.repeat(40), ['pass', 'pass']],
  ])('of %s are tried too when they are kept as MD5: %s', async (role, password, expected) => {
    expect((await raw({ [role]: md5(password, role) })).map((v) => v.is)).toEqual(expected);
  });
  it.each([
    ['another mechanism', 'SCRAM-SHA-512$4096:AAAA$BBBB:CCCC'],
    ['plain text', 'hunter2'],
    ['more rounds than are tried', scramVerifier('x', salt).replace('$4096:', '$9999999:')],
  ])('that cannot be tried (%s) are not seen, and the role is named', async (_, verifier) => {
    const [own, other] = await raw({ corecube_app: verifier });
    expect(own).toMatchObject({
      is: 'unknown',
      because: expect.stringMatching(/corecube_app was not tried/),
    });
    expect(own).not.toMatchObject({ because: expect.stringContaining(verifier) });
    expect(other?.is).toBe('pass');
    expect((await raw({ corecube_old: verifier }))[1]).toMatchObject({
      because: expect.stringMatching(/corecube_old was not tried/),
    });
  });
  it('that cannot be tried hide no other one that is known', async () => {
    expect(
      (await raw({ corecube_app: 'hunter2', corecube_migrator: md5('admin', 'corecube_migrator') }))[0]?.is,
    ).toBe('fail');
  });
  it('of a role whose name SASLprep might change are not seen', async () => {
    expect((await raw({ corecube_ü: scramVerifier('x'.repeat(40), salt) }))[1]?.is).toBe('unknown');
    expect((await raw({ corecube_ü: scramVerifier('admin', salt) }))[1]?.is).toBe('fail');
  });

  describe('of an external server that shows no verifier', () => {
    const refused = { ok: false, at: 'statement', code: '42501', message: 'permission denied' };
    const url = (role: string, password: string) => `postgresql://${role}:${password}@db:5432/corecube`;
    const external = (change: { app?: string; admin?: string; alike?: string[]; self?: SqlResult }) => {
      const admin = { ...connection, user: 'dba', password: new Secret(change.admin ?? 'd'.repeat(40)) };
      const env = [
        `PGVECTOR_APP_URL=${url('corecube_app', change.app ?? 'r'.repeat(40))}`,
        `PGVECTOR_MAINTENANCE_URL=${url('corecube_maintenance', 's'.repeat(40))}`,
        `CORECUBE_SECURE_OWNER_URL=${url('corecube_migrator', 't'.repeat(40))}`,
      ].join('\n');
      const self = change.self ?? rows({});
      const host = presetHost(
        {
          'database ground corecube': { ...ground, superuser: admin },
          'database probe verifiers': { stored: refused },
          'database probe roles named alike': {
            named: rows(...(change.alike ?? []).map((name) => ({ name }))),
          },
          'external database admin url': admin,
          ...Object.fromEntries(
            ['owner', 'app', 'maintenance'].map((r) => [`database probe as ${r}`, { self }]),
          ),
        },
        { readSecret: async () => new Secret(env) },
      );
      return Promise.all(
        ['pg.passwords-not-default', 'pg.other-passwords-not-default'].map(async (id) =>
          database.controls
            .find((c) => c.id === id)
            ?.inspect({ host, answers: { ...answers, database: 'external' }, signal }),
        ),
      );
    };
    const kinds = async (change: Parameters<typeof external>[0]) =>
      (await external(change)).map((verdict) => verdict?.is);
    it('are those of the URLs, which it has taken', async () => {
      expect(await kinds({})).toEqual(['pass', 'pass']);
      expect(await kinds({ app: 'changeme' })).toEqual(['fail', 'pass']);
      expect(await kinds({ admin: 'dba' })).toEqual(['pass', 'fail']);
    });
    it('are not seen when it takes no URL, or has more roles of that name', async () => {
      const lost: SqlResult = { ok: false, at: 'connect', code: '28P01', message: 'no' };
      expect(await kinds({ self: lost })).toEqual(['unknown', 'pass']);
      expect(await kinds({ alike: ['corecube_app'] })).toEqual(['pass', 'pass']);
      expect((await external({ alike: ['corecube_bi'] }))[1]).toMatchObject({
        is: 'unknown',
        because: expect.stringMatching(/corecube_bi was not tried.*pg_authid/),
      });
    });
  });

  it('are not seen, and not good, when the server does not show them', async () => {
    const refused = { ok: false, at: 'statement', code: '42501', message: 'permission denied' };
    for (const id of ['pg.passwords-not-default', 'pg.other-passwords-not-default'])
      await expect(look(id, { 'database probe verifiers': { stored: refused } })).rejects.toThrow(
        /pg_authid/,
      );
  });
});

describe('the access rules', () => {
  const rule = { line: 1, type: 'hostssl', method: 'scram-sha-256', error: null };
  const SECOND = Date.parse('2026-11-26T10:00:00Z');
  const told = {
    read: 'then',
    written: 'before',
    file: '/etc/postgresql/custom/pg_hba.conf',
    read_ms: SECOND + 5_000.25,
    written_ms: SECOND,
  };
  const late = { ...told, written_ms: SECOND + 6_000 };
  /** Within one second, of which the server tells the whole only; the install's own file tells the rest. */
  const close = { ...told, read_ms: SECOND + 500.25 };
  let stat = '';
  const of = async (change: Record<string, SqlResult>, database: 'bundled' | 'external' = 'bundled') => {
    const probe = { hba: rows(rule), passwords: rows(), loaded: rows(told), ...change };
    const ids =
      database === 'bundled'
        ? ['pg.scram-only', 'pg.rules-loaded']
        : ['pg.external-scram', 'pg.rules-loaded'];
    return Promise.all(
      ids.map(async (id) => {
        const control = controlOf(id);
        const host = presetHost(
          { 'database ground corecube': ground, 'database probe rules': probe },
          { query: async () => ({ code: stat === '' ? 1 : 0, stdout: stat, stderr: '' }) },
        );
        return (
          await control
            .inspect({ host, answers: { ...answers, database }, signal })
            .catch(() => ({ is: 'thrown' }))
        ).is;
      }),
    );
  };
  const controlOf = (id: string) =>
    database.controls.find((c) => c.id === id) as (typeof database.controls)[number];
  it('of the file are those of the server as long as it has read it since', async () => {
    expect(await of({})).toEqual(['pass', 'pass']);
    expect(await of({ loaded: rows(late) })).toEqual(['unknown', 'fail']);
    expect(await of({ loaded: rows({ ...told, written_ms: null }) })).toEqual(['unknown', 'unknown']);
    expect(await of({ loaded: rows() })).toEqual(['thrown', 'thrown']);
  });
  it('that were written within the second of the reading are told by the file of the install', async () => {
    stat = '2026-11-26 10:00:00.400000000 +0000\n';
    expect(await of({ loaded: rows(close) })).toEqual(['pass', 'pass']);
    stat = '2026-11-26 10:00:00.600000000 +0000\n';
    expect(await of({ loaded: rows(close) })).toEqual(['unknown', 'fail']);
    expect(await of({ loaded: rows({ ...close, file: '/elsewhere' }) })).toEqual(['unknown', 'unknown']);
    stat = '';
    expect(await of({ loaded: rows(close) })).toEqual(['unknown', 'unknown']);
  });
  it('that are bad in the file are bad, read or not', async () => {
    const trust = { hba: rows(rule, { ...rule, line: 2, method: 'trust' }) };
    expect(await of({ ...trust, loaded: rows(late) })).toEqual(['fail', 'fail']);
    expect(await of({ hba: rows() })).toEqual(['fail', 'pass']);
    expect(await of({ hba: rows({ ...rule, error: 'invalid connection type' }) })).toEqual(['fail', 'pass']);
  });
  it('of an external server that does not tell when it has read them are not seen', async () => {
    const refused: SqlResult = { ok: false, at: 'statement', code: '42501', message: 'permission denied' };
    expect(await of({}, 'external')).toEqual(['pass', 'skip']);
    expect(await of({ loaded: refused }, 'external')).toEqual(['thrown', 'skip']);
    expect(await of({ hba: refused }, 'external')).toEqual(['thrown', 'skip']);
  });
});

describe('whether the database answers', () => {
  const greeted = (result: TlsResult) => look('pg.up', { 'database greeting 10.9.0.2:5432': result });
  const refused = (code: string) => greeted({ ok: false, code, message: code });
  it('takes an answer for one, also a no to TLS', async () => {
    expect((await greeted({ ok: true } as TlsResult)).is).toBe('pass');
    expect((await refused('NO_TLS')).is).toBe('pass');
  });
  it('does not take silence for a refusal, nor an open port for an answer', async () => {
    expect((await refused('ETIMEDOUT')).is).toBe('unknown');
    expect((await refused('ECONNREFUSED')).is).toBe('fail');
  });
  it('fails for a container whose processes are frozen', async () => {
    const containers = [runningContainer('pgvector', { Paused: true, Status: 'paused' })];
    const control = database.controls.find((c) => c.id === 'pg.up');
    const host = presetHost({ 'containers corecube': containers });
    expect(await control?.inspect({ host, answers, signal })).toMatchObject({
      is: 'fail',
      observed: expect.stringMatching(/paused/),
    });
  });
});

describe('an attack of a role', () => {
  const self = rows({
    name: 'corecube_app',
    superuser: false,
    createrole: false,
    createdb: false,
    replication: false,
    bypassrls: false,
    memberships: [],
  });
  const refusal = (code: string, at: 'connect' | 'statement' = 'statement'): SqlResult => ({
    ok: false,
    at,
    code,
    message: 'no',
  });
  const attack = (id: string, results: Record<string, SqlResult>) =>
    look(id, { 'database role app': { results: { self, ...results } } });
  it('is refused by its rights, and by nothing else', async () => {
    const all = (role: SqlResult) =>
      attack('pg.app-cannot-create-role', { role, superuser: refusal('42501'), bypass: refusal('42501') });
    expect((await all(refusal('42501'))).is).toBe('pass');
    expect((await all(rows())).is).toBe('fail');
    expect((await all(refusal('42710'))).is).toBe('fail');
  });
  it.each(['UNKNOWN', 'ECONNRESET', '57P01', '57014', '08006', '53300', '25006', '40001', 'XX000'])(
    'that ends with %s was not seen, unless another one got through',
    async (code) => {
      const cut = { program: refusal(code), 'from program': refusal('42501') };
      expect((await attack('pg.app-cannot-run-programs', cut)).is).toBe('unknown');
      expect((await attack('pg.app-cannot-run-programs', { ...cut, 'from program': rows() })).is).toBe(
        'fail',
      );
      const host = presetHost(
        {
          'rls tables': { seen: { tables: [{ name: 'd', policies: ['p'], rls: true }], open: [] } },
          'database ground corecube': ground,
          'database probe rls attacks': {
            'ALTER POLICY on d': refusal('42501'),
            'DROP TABLE d': refusal(code),
          },
        },
        { readSecret: async () => new Secret(`PGVECTOR_APP_URL=postgresql://corecube_app:x@h/d`) },
      );
      const control = rlsControls.find((c) => c.id === 'pg.app-cannot-alter-policy');
      expect((await control?.inspect({ host, answers, signal }))?.is).toBe('unknown');
    },
  );
  it('that was not tried, and a table that could not be made for want of a connection, were not seen', async () => {
    expect((await attack('pg.app-cannot-run-programs', {})).is).toBe('unknown');
    await expect(attack('pg.extension-vector', { vector: refusal('57P01') })).rejects.toThrow(/was not seen/);
    const owner = { 'database role owner': { results: { self, table: refusal('UNKNOWN') } } };
    await expect(look('pg.app-can-work', owner)).rejects.toThrow(/was not seen/);
    const broken = { 'database role owner': { results: { self, table: refusal('42501') } } };
    expect((await look('pg.app-can-work', broken)).is).toBe('fail');
  });
  it('that an existing table lost are named, and none is lost where the catalogue says so', async () => {
    const made = { self, table: rows(), sequence: rows(), given: rows() };
    const seen = (kept: SqlResult | undefined) =>
      look('pg.app-can-work', { 'database role owner': { results: { ...made, kept } } });
    expect((await seen(rows())).is).toBe('pass');
    const lost = { role: 'corecube_app', privilege: 'INSERT', name: 'audit_log' };
    expect(await seen(rows(lost))).toMatchObject({
      is: 'fail',
      observed: 'corecube_app lacks INSERT on audit_log',
    });
    await expect(seen(refusal('57P01'))).rejects.toThrow('does not tell');
  });
  it('proves nothing of an attribute that the server does not tell', async () => {
    for (const [id, results] of [
      ['pg.app-attributes', { self: rows() }],
      ['pg.tls-in-use', { tls: rows() }],
    ] as const)
      await expect(attack(id, results)).rejects.toThrow(/does not tell/);
  });
});

describe('old versions of TLS', () => {
  const tried = (old: TlsResult, now: TlsResult = { ok: true, protocol: 'TLSv1.3' } as TlsResult) =>
    look('pg.old-tls-refused', {}, { tls: async ({ max }) => (max === 'TLSv1.1' ? old : now) });
  const ended = (code: string, message = code): TlsResult => ({ ok: false, code, message });
  it("are refused by the server's alert, not by silence or by the client", async () => {
    const alert = ended('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tlsv1 alert protocol version');
    expect((await tried(alert)).is).toBe('pass');
    expect((await tried({ ok: true, protocol: 'TLSv1.1' } as TlsResult)).is).toBe('fail');
    for (const other of [ended('ETIMEDOUT'), ended('ECONNRESET'), ended('ERR_SSL_NO_PROTOCOLS_AVAILABLE')])
      expect((await tried(other)).is).toBe('unknown');
    expect((await tried(alert, ended('ETIMEDOUT'))).is).toBe('unknown');
  });
});

describe('the authority inside CoreCube', () => {
  const held = (result: { code: number; stdout?: string; stderr?: string }, state = {}) =>
    look(
      'pg.ca-delivered',
      { 'containers corecube': [runningContainer('corecube', state)] },
      {
        readText: async () => 'PEM',
        query: async () => ({ stdout: '', stderr: '', ...result }),
      },
    );
  it('is compared, and missed where it is not there', async () => {
    expect((await held({ code: 0, stdout: 'PEM\n' })).is).toBe('pass');
    expect((await held({ code: 0, stdout: 'OLD' })).is).toBe('fail');
    expect((await held({ code: 1, stderr: "cat: can't open: No such file or directory" })).is).toBe('fail');
  });
  it('does not apply only where CoreCube is seen not to run', async () => {
    expect((await held({ code: 0 }, { Running: false })).is).toBe('skip');
    expect((await held({ code: 0 }, { Restarting: true })).is).toBe('skip');
    for (const result of [
      { code: 127, stderr: 'exec: "cat": executable file not found' },
      { code: 1, stderr: 'Container is paused, unpause the container before exec' },
      { code: 124, stderr: 'docker: no end after 15 s' },
    ])
      await expect(held(result)).rejects.toThrow(/cannot be looked at/);
  });
});

describe('the URLs', () => {
  const url = (role: string, rest = 'sslmode=verify-full&sslrootcert=/run/secrets/pg_ca.crt') =>
    `postgresql://${role}:${'p'.repeat(40)}@pgvector:5432/corecube?${rest}`;
  const of = (change: Record<string, string>) => {
    const lines = {
      PGVECTOR_URL: url('corecube_migrator'),
      PGVECTOR_APP_URL: url('corecube_app'),
      PGVECTOR_MAINTENANCE_URL: url('corecube_maintenance'),
      CORECUBE_SECURE_OWNER_URL: url('corecube_migrator'),
      ...change,
    };
    const text = Object.entries(lines)
      .map((pair) => pair.join('='))
      .join('\n');
    return look('pg.urls-verify-server', {}, { readSecret: async () => new Secret(text) });
  };
  it('are all read: one that is none is not seen, whatever the others demand', async () => {
    expect((await of({})).is).toBe('pass');
    expect((await of({ PGVECTOR_APP_URL: url('corecube_app', 'sslmode=require') })).is).toBe('fail');
    for (const none of ['', 'host=pgvector sslmode=disable', 'postgresql://corecube_app@pgvector/corecube'])
      expect(await of({ PGVECTOR_APP_URL: none })).toMatchObject({
        is: 'unknown',
        because: '.env holds no usable PGVECTOR_APP_URL',
        awaits: 'pg.urls-distinct',
      });
  });
});

describe('roles that are not ours', () => {
  const others = (list: Record<string, unknown>[], grants: Record<string, unknown>[] = []) => ({
    'database probe other roles': { others: rows(...list), grants: rows(...grants) },
  });
  const role = { name: 'backup', login: false, attributes: [], memberships: [] };
  it.each([
    [{ attributes: ['SUPERUSER'] }, 'fail', 'pass'],
    [{ memberships: ['corecube_migrator'] }, 'fail', 'pass'],
    [{ login: true }, 'pass', 'fail'],
    [{ login: true, attributes: ['BYPASSRLS'] }, 'fail', 'fail'],
    [{}, 'pass', 'pass'],
  ])('%j', async (change, powerless, login) => {
    const looks = others([{ ...role, ...change }]);
    expect((await look('pg.other-roles-powerless', looks)).is).toBe(powerless);
    expect((await look('pg.other-roles-cannot-log-in', looks)).is).toBe(login);
  });
  it('names rights on tables of CoreCube, and how many more there are', async () => {
    const grant = (object: string) => ({ name: 'backup', object });
    const seen = (...grants: Record<string, unknown>[]) =>
      look('pg.other-roles-powerless', others([role], grants));
    expect(await seen({ name: 'another', object: 'users' })).toMatchObject({ is: 'pass' });
    expect(await seen(grant('users'))).toMatchObject({ is: 'fail', observed: 'backup: has rights on users' });
    expect(await seen(...['a', 'b', 'c', 'd', 'e', 'f'].map(grant))).toMatchObject({
      observed: 'backup: has rights on a, b, c, d, 2 more',
    });
  });
});

describe('what everybody may do', () => {
  const may = (change: Record<string, SqlResult>) =>
    look('pg.public-revoked', {
      'database probe public': { rights: rows(), tables: rows(), elsewhere: rows(), ...change },
    });
  it.each([
    ['rights', 'kind', /CREATE/, 'CREATE in schema public'],
    ['tables', 'name', /rights on public.documents/, 'public.documents'],
    ['elsewhere', 'name', /CONNECT on the database postgres/, 'postgres'],
  ])('fails for %s', async (key, column, text, value) => {
    const verdict = await may({ [key]: rows({ [column]: value }) });
    expect(verdict).toMatchObject({ is: 'fail', observed: expect.stringMatching(text) });
  });
});

describe('row-level security and its record', () => {
  const policy = {
    name: 'scope',
    permissive: true,
    command: '*',
    roles: ['corecube_app'],
    using: "(compartment = 'a')",
    check: null,
  } as const;
  const table = { name: 'public.documents', rls: true, force: true, policies: [policy] };
  const of = (...now: (typeof table)[]) => differences([table], now);

  it('sees no difference where there is none, and judges no table that came later', () =>
    expect(of(table, { ...table, name: 'public.later', rls: false })).toEqual([]));
  it.each([
    [{ rls: false }, 'row-level security is off', ['ALTER TABLE public.documents ENABLE ROW LEVEL SECURITY']],
    [
      { force: false },
      'no longer binds the owner',
      ['ALTER TABLE public.documents FORCE ROW LEVEL SECURITY'],
    ],
    [
      { policies: [] },
      'the policy scope is gone',
      [
        `CREATE POLICY "scope" ON public.documents AS PERMISSIVE FOR ALL TO "corecube_app" USING ((compartment = 'a'))`,
      ],
    ],
  ] as const)('%j is seen and can be mended', (change, text, repair) => {
    const [found] = differences([table], [{ ...table, ...change }]);
    expect(found?.text).toContain(text);
    expect(found?.repair).toEqual(repair);
  });
  it.each([
    { using: 'true' },
    { permissive: false },
    { command: 'r' },
    { roles: [] },
    { check: 'true' },
  ] as const)('a policy with %j is another one: it is replaced', (change) => {
    const [found] = differences([table], [{ ...table, policies: [{ ...policy, ...change }] }]);
    expect(found?.text).toContain('another one');
    expect(found?.repair[0]).toBe('DROP POLICY "scope" ON public.documents');
  });
  it('a policy that was added, and a table that is gone, are seen and left to a person', () => {
    const added = { ...table, policies: [policy, { ...policy, name: 'open' }] };
    expect(differences([table], [added])).toEqual([
      { text: 'public.documents: the policy open was added', repair: [] },
    ]);
    expect(of()).toEqual([{ text: 'public.documents is gone', repair: [] }]);
  });

  const view: Way = { kind: 'view', name: 'reports', mark: 'm1', table: null };
  const hostWith = (
    record: object | undefined,
    app = runningContainer('corecube'),
    ways = [view],
    tables: object[] = [],
  ) => {
    const looks = {
      'containers corecube': [app],
      'database ground corecube': ground,
      'database probe policies': {
        all: rows({ ...table, handed: true }, ...(tables as Record<string, unknown>[])),
        ways: rows(...(ways as unknown as Record<string, unknown>[])),
      },
    };
    const readText = async () => (record === undefined ? undefined : JSON.stringify(record));
    return presetHost(looks, { readText });
  };
  const verdicts = (...of: Parameters<typeof hostWith>) => {
    const host = hostWith(...of);
    return Promise.all(policyControls.map(async (c) => (await c.inspect({ host, answers, signal })).is));
  };
  it('is judged under the image that was recorded only', async () => {
    const { Image } = runningContainer('corecube');
    const record = { image: Image, tables: [table], ways: [view], names: [table.name] };
    expect(await verdicts(record)).toEqual(['pass', 'pass']);
    expect(await verdicts({ ...record, tables: [{ ...table, policies: [] }] })).toEqual(['pass', 'fail']);
    expect(await verdicts({ ...record, image: 'sha256:2' })).toEqual(['fail', 'unknown']);
    // Of a version that looked at policies only: what is there now is no proof of what was there then.
    expect(await verdicts({ image: Image, tables: [table] })).toEqual(['fail', 'unknown']);
    expect(await verdicts({ ...record, names: undefined })).toEqual(['fail', 'unknown']);
    // What it did look at is judged all the same.
    expect(await verdicts({ ...record, names: undefined, ways: [] })).toEqual(['fail', 'fail']);
    expect(await verdicts(undefined)).toEqual(['fail', 'unknown']);
  });
  it('sees a view or a function that was added or is another one, and minds none that is gone', async () => {
    const { Image } = runningContainer('corecube');
    const app = runningContainer('corecube');
    const record = { image: Image, tables: [table], ways: [view], names: [table.name] };
    expect(await verdicts({ ...record, ways: [] }, app)).toEqual(['pass', 'fail']);
    expect(await verdicts({ ...record, ways: [{ ...view, mark: 'm0' }] }, app)).toEqual(['pass', 'fail']);
    expect(await verdicts(record, app, [])).toEqual(['pass', 'pass']);
  });
  it('names what was added or switched off, and what stood guard and is gone', () => {
    const way = (kind: Way['kind'], name: string, mark = 'm', of: string | null = null): Way => ({
      kind,
      name,
      mark,
      table: of,
    });
    const trigger = way('trigger', 'keep on audit_log', 'm', 'audit_log');
    const tables = { record: ['audit_log'], now: ['audit_log', 'later'] };
    expect(waysChanged([view], [{ ...view, mark: 'm2' }, way('function', 'public.sum()')], tables)).toEqual([
      'the view reports is another one',
      'the function public.sum() was added',
    ]);
    expect(waysChanged([], [trigger], tables)).toEqual(['the trigger keep on audit_log was added']);
    expect(waysChanged([trigger], [{ ...trigger, mark: 'off' }], tables)).toEqual([
      'the trigger keep on audit_log is another one',
    ]);
    expect(waysChanged([trigger, view], [], tables)).toEqual(['the trigger keep on audit_log is gone']);
    expect(waysChanged([], [way('foreign key', 'k on audit_log', 'D', 'audit_log')], tables)).toEqual([
      'the foreign key k on audit_log is not enforced',
    ]);
    // A table that came later came with its triggers, and one that is gone took them with it.
    expect(waysChanged([], [way('trigger', 't on later', 'm', 'later')], tables)).toEqual([]);
    expect(waysChanged([trigger], [], { ...tables, now: [] })).toEqual([]);
  });
  it('names a table that came after the record when CoreCube may read it and nothing guards it', async () => {
    const { Image } = runningContainer('corecube');
    const app = runningContainer('corecube');
    const record = { image: Image, tables: [table], ways: [view], names: [table.name] };
    const copy = { name: 'public.copy', rls: false, force: false, policies: [], handed: true };
    const seen = (...tables: object[]) => verdicts(record, app, [view], tables);
    expect(await seen(copy)).toEqual(['pass', 'fail']);
    expect(await seen({ ...copy, rls: true })).toEqual(['pass', 'pass']);
    expect(await seen({ ...copy, handed: false })).toEqual(['pass', 'pass']);
  });
  it('brings back what the recorded image made, and undoes nothing of another one', async () => {
    const app = runningContainer('corecube');
    const record = { image: app.Image, tables: [{ ...table, force: false }], ways: [], names: [] };
    const changed = { ...record, tables: [{ ...table, policies: [{ ...policy, using: 'true' }] }] };
    expect(await restorePolicies(hostWith(record, app), answers)).toBeUndefined();
    expect((await restorePolicies(hostWith(changed, app), answers))?.diff).toContain('DROP POLICY');
    expect(await restorePolicies(hostWith({ ...changed, image: 'sha256:2' }, app), answers)).toBeUndefined();
    // Updated in between: looked at again before anything is done.
    const change = await restorePolicies(hostWith(changed, app), answers);
    const updated = hostWith(changed, { ...app, Image: 'sha256:2' });
    await expect(change?.apply(updated as Host)).rejects.toThrow('another image than the record');
  });
  it('is not seen while CoreCube is frozen', async () => {
    const app = runningContainer('corecube', { Paused: true });
    expect(await verdicts(undefined, app)).toEqual(['unknown', 'unknown']);
  });
});
