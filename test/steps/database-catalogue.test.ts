/** What the catalogue holds beside roles and policies: each finding fails its control, and silence is not good. */
import { describe, expect, it } from 'vitest';
import type { HostReader, SqlResult } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Verdict } from '../../src/core/step.ts';
import { furtherRightsSql } from '../../steps/database/further-rights.ts';
import { rolesSql } from '../../steps/database/rights.ts';
import { serverOptionProblems } from '../../steps/database/server-options.ts';
import { database } from '../../steps/database.ts';
import { answers } from './database-host.ts';
import { presetHost, runningContainer } from './preset-host.ts';

const { signal } = new AbortController();
const rows = (...list: Record<string, unknown>[]): SqlResult => ({ ok: true, rows: list });
const refused = (code: string): SqlResult => ({ ok: false, at: 'statement', code, message: 'no' });
const ground = {
  is: 'up',
  server: { host: '10.9.0.2', port: 5432 },
  superuser: { user: 'postgres', password: new Secret('x'.repeat(30)) },
  hello: rows({}),
  container: runningContainer('pgvector'),
};
const look = async (
  id: string,
  looks: Record<string, unknown>,
  change: Partial<typeof answers> = {},
  over: Partial<HostReader> = {},
): Promise<Verdict> => {
  const control = database.controls.find((c) => c.id === id);
  if (!control) throw new Error(`no control ${id}`);
  return control.inspect({
    host: presetHost(
      { 'database ground corecube': ground, 'release corecube': { release: 'v2' }, ...looks },
      over,
    ),
    answers: { ...answers, ...change },
    signal,
  });
};

describe('pg.no-further-rights', () => {
  const seen = (rights: SqlResult, parameters: SqlResult) =>
    look('pg.no-further-rights', { 'database probe further rights': { rights, parameters } });

  it('holds where nothing is named, also on a server that knows no rights on parameters', async () => {
    expect(await seen(rows(), rows())).toMatchObject({ is: 'pass' });
    expect(await seen(rows(), refused('42P01'))).toMatchObject({ is: 'pass' });
  });
  it('names the rights, and how many more there are', async () => {
    const what = (n: number) => ({ what: `corecube_app has TRUNCATE on TABLE public.t${n}` });
    expect(await seen(rows(what(1)), rows({ what: 'corecube_app has SET on x' }))).toMatchObject({
      is: 'fail',
      observed: 'corecube_app has TRUNCATE on TABLE public.t1; corecube_app has SET on x',
    });
    expect(await seen(rows(...[1, 2, 3, 4, 5, 6, 7, 8].map(what)), rows())).toMatchObject({
      is: 'fail',
      observed: expect.stringMatching(/t6; and 2 more$/),
    });
  });
  it.each([
    ['rights', refused('42501'), rows()],
    ['parameters', rows(), refused('42501')],
  ])('does not take silence about %s for none', async (_, rights, parameters) => {
    await expect(seen(rights, parameters)).rejects.toThrow('does not tell');
  });
  it('lets the app role create in schema public on guide v1 only, and judges everybody on the bundled server only', () => {
    expect(furtherRightsSql({ release: 'v1', bundled: true })).toContain(
      "pg_get_userbyid(a.grantee) = 'corecube_app'",
    );
    expect(furtherRightsSql({ release: 'v2', bundled: true })).toContain("pg_get_userbyid(a.grantee) = ''");
    // A cast to regrole throws where the roles are still to be made: before the first apply.
    expect(furtherRightsSql({ release: 'v1', bundled: true })).not.toContain('::regrole');
    expect(furtherRightsSql({ release: 'v2', bundled: true })).toContain('g.grantee = 0 AND g.everybody');
    expect(furtherRightsSql({ release: 'v2', bundled: false })).not.toContain('g.everybody)');
  });
  it('is taken back before the rights are given', () => {
    const texts = rolesSql({ database: 'c', release: 'v2', bundled: true, verifier: () => 'x' }).map(
      (s) => s.text,
    );
    const at = (part: string) => texts.findIndex((text) => text.includes(part));
    expect(at('pg_parameter_acl')).toBeGreaterThan(at('ALTER SCHEMA public OWNER TO'));
    expect(at('pg_parameter_acl')).toBeLessThan(at('GRANT SELECT, INSERT, UPDATE, DELETE'));
  });
});

describe('pg.role-settings', () => {
  it('holds without settings, names them, and does not take silence for none', async () => {
    const seen = (settings: SqlResult) =>
      look('pg.role-settings', { 'database probe role settings': { settings } });
    expect(await seen(rows())).toMatchObject({ is: 'pass' });
    expect(await seen(rows({ what: 'search_path for corecube_app' }))).toMatchObject({
      is: 'fail',
      observed: 'search_path for corecube_app',
    });
    await expect(seen(refused('42501'))).rejects.toThrow('does not tell');
  });
});

describe('pg.server-settings', () => {
  const quiet = [
    { name: 'log_statement', setting: 'none' },
    { name: 'log_transaction_sample_rate', setting: '0' },
  ];
  const NONE = { broken: rows(), next: rows(), signals: rows() };
  const seen = (
    files: SqlResult,
    logged: SqlResult,
    change: Partial<typeof answers> = {},
    more: Record<string, SqlResult> = {},
  ) =>
    look(
      'pg.server-settings',
      { 'database probe server settings': { files, logged, ...NONE, ...more } },
      change,
      { system: async () => ({ memoryMb: 8000 }) as never },
    );
  const beside = (more: Record<string, SqlResult>) => seen(rows(), rows(...quiet), {}, more);

  it('holds where nothing is hidden and nothing is logged', async () => {
    expect(await seen(rows(), rows(...quiet))).toMatchObject({ is: 'pass' });
  });
  it('names what a file sets, and statements in the log', async () => {
    const file = { name: 'archive_command', file: 'postgresql.auto.conf' };
    expect(
      await seen(
        rows(file),
        rows({ name: 'log_statement', setting: 'all', source: 'user' }, quiet[1] as never),
      ),
    ).toMatchObject({
      is: 'fail',
      observed:
        'postgresql.auto.conf sets archive_command; log_statement is all (by ALTER ROLE postgres), so that statements or their parameters are logged',
    });
  });
  it.each([
    ['scram_iterations', '10000', '1000'],
    ['authentication_timeout', '30s', '10min'],
    ['authentication_timeout', '1min', 'never'],
    ['ssl_max_protocol_version', 'TLSv1.3', 'TLSv1.2'],
    ['synchronous_commit', 'remote_apply', 'off'],
  ])('leaves %s alone at %s, and names it at %s', async (name, good, bad) => {
    const set = (setting: string) => rows({ name, setting, file: 'postgresql.auto.conf' });
    expect(await seen(set(good), rows(...quiet))).toMatchObject({ is: 'pass' });
    expect(await seen(set(bad), rows(...quiet))).toMatchObject({ is: 'fail' });
  });
  it('names what keeps the server from starting again', async () => {
    const broken = rows({ file: 'postgresql.conf', line: 851, name: null, error: 'syntax error' });
    expect(await beside({ broken })).toMatchObject({
      observed: expect.stringMatching(/^postgresql.conf, line 851: syntax error; the server does not start/),
    });
    expect(await beside({ signals: rows({ name: 'standby.signal' }) })).toMatchObject({ is: 'fail' });
  });
  it.each([
    ['listen_addresses', '*', 'localhost'],
    ['listen_addresses', '0.0.0.0, ::', '127.0.0.1,::1'],
    ['shared_buffers', '2GB', '64GB'],
    ['shared_buffers', '16384', '8388608'],
  ])('goes by the next start: %s may be %s and not %s', async (name, good, bad) => {
    const next = (setting: string) => rows({ name, setting, file: 'postgresql.auto.conf' });
    expect(await beside({ next: next(good) })).toMatchObject({ is: 'pass' });
    expect(await beside({ next: next(bad) })).toMatchObject({ is: 'fail' });
  });
  it('does not take silence for none', async () => {
    await expect(seen(refused('42501'), rows(...quiet))).rejects.toThrow('does not tell');
    await expect(seen(rows(), rows())).rejects.toThrow('no answer');
  });
  it('leaves an external server to whoever runs it', async () => {
    expect(await seen(rows(), rows(), { database: 'external' } as never)).toMatchObject({ is: 'skip' });
  });
  it('is declared on the command line, which nothing outdoes', () => {
    expect(serverOptionProblems(['-c', 'log_statement=all'])).toContain(
      'the database is started with log_statement=all instead of none',
    );
    expect(serverOptionProblems(['-c', 'log_min_messages=panic']).join()).toContain('log_min_messages=panic');
    expect(serverOptionProblems(['-c', 'debug_print_plan=on']).join()).toContain('debug_print_plan=on');
  });
});

describe('pg.nothing-of-the-superuser', () => {
  const seen = (objects: SqlResult) =>
    look('pg.nothing-of-the-superuser', { 'database probe superuser objects': { objects } });
  it('holds where nothing is found, names what is, and does not take silence for nothing', async () => {
    expect(await seen(rows())).toMatchObject({ is: 'pass' });
    expect(await seen(rows({ what: 'the view public.all belongs to postgres' }))).toMatchObject({
      is: 'fail',
      observed: 'the view public.all belongs to postgres',
    });
    await expect(seen(refused('42501'))).rejects.toThrow('does not tell');
  });
});

describe('pg.roles-log-in', () => {
  const roles = ['owner', 'app', 'maintenance'] as const;
  const name = { owner: 'corecube_migrator', app: 'corecube_app', maintenance: 'corecube_maintenance' };
  const seen = (of: (role: string) => Record<string, unknown>) =>
    look('pg.roles-log-in', {
      '.env': new Secret(
        Object.entries({
          PGVECTOR_MAINTENANCE_URL: 'maintenance',
          PGVECTOR_APP_URL: 'app',
          PGVECTOR_URL: 'owner',
          CORECUBE_SECURE_OWNER_URL: 'owner',
        })
          .map(([key, role]) => `${key}=postgresql://${role}:${'a'.repeat(40)}@pgvector:5432/corecube`)
          .join('\n'),
      ),
      ...Object.fromEntries(
        roles.map((role) => [
          `database role ${role}`,
          { results: { self: rows({ name: name[role], limit: -1, until: null, ...of(role) }) } },
        ]),
      ),
    });
  it('names a password that ends and a limit of sessions', async () => {
    expect(await seen((role) => (role === 'app' ? { until: '2031-01-01' } : {}))).toMatchObject({
      is: 'fail',
      observed: 'the password of corecube_app ends on 2031-01-01',
    });
    expect(await seen((role) => (role === 'owner' ? { limit: 3 } : {}))).toMatchObject({
      is: 'fail',
      observed: 'corecube_migrator may have 3 sessions at a time only',
    });
    expect(await seen(() => ({}))).toMatchObject({ is: 'pass' });
  });
});
