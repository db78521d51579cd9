/** What preflight says about an external PostgreSQL, by what its server answers. */
import { describe, expect, it } from 'vitest';
import type { SqlResult } from '../../src/core/host.ts';
import { look } from './preflight-host.ts';

const EXTERNAL = {
  database: 'external',
  databaseAdminUrl: { from: 'file', path: '/root/url' },
  databaseCa: '/root/ca.pem',
  postgresImage: undefined,
} as unknown as Parameters<typeof look>[1];
const files = (url = 'postgresql://boss:Canary-4711@db.test/corecube') => ({
  '/root/url': url,
  '/root/ca.pem': 'PEM',
});
const refused = (code: string, message: string): SqlResult => ({ ok: false, at: 'connect', code, message });
const seen = (sql: SqlResult, tcp: 'open' | 'refused' = 'open', url?: string) =>
  look({ files: files(url), tcp, sql }, EXTERNAL);
const row = (change: object): SqlResult => ({
  ok: true,
  rows: [
    {
      superuser: false,
      createrole: true,
      createdb: true,
      owner: 'boss',
      owns: true,
      available: true,
      installed: true,
      trusted: false,
      ...change,
    },
  ],
});

describe('the admin URL of an external database', () => {
  it.each([
    ['28P01', 'password authentication failed', 'refuses the password of boss'],
    ['28000', 'no pg_hba.conf entry', "the server's rules do not let boss in"],
    ['3D000', 'database "corecube" does not exist', 'may not use the database corecube'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate', 'not one of databaseCa for the name db.test'],
    ['UNKNOWN', 'The server does not support SSL connections', 'offers no TLS'],
  ])('%s is one clear failure', async (code, message, text) => {
    const { bad, byId, said } = await seen(refused(code, message));
    expect(bad).toEqual(['database.admin-login']);
    expect(said('database.admin-login')).toContain(text);
    // What could not be asked waits for the one that says why.
    expect(byId['database.admin-rights']).toMatchObject({ is: 'unknown', awaits: 'database.admin-login' });
    expect(JSON.stringify(byId)).not.toContain('Canary');
  });

  it('says where nothing answers', async () => {
    const { bad, said } = await seen(refused('ECONNREFUSED', 'refused'), 'refused');
    expect([bad, said('database.admin-login')]).toEqual([
      ['database.admin-login'],
      expect.stringContaining('db.test:5432 does not answer'),
    ]);
  });

  it.each([
    ['boss:Canary-4711@db.test', 'postgresql://'],
    ['postgresql://boss:Canary%zz@db.test/corecube', 'percent'],
    ['postgresql://boss:Canary-4711@db.test/postgres', 'made for CoreCube'],
  ])('is refused when it is %s', async (url, text) => {
    const { bad, said } = await seen(row({}), 'open', url);
    expect(bad).toEqual(['database.admin-login']);
    expect(said('database.admin-login')).toContain(text);
    expect(said('database.admin-login')).not.toContain('Canary');
  });

  it.each([
    [{}, []],
    [{ superuser: true, createrole: false, createdb: false, owns: false, installed: false }, []],
    [{ owner: 'corecube_migrator', createdb: false }, []],
    [{ installed: false, trusted: true }, []],
    [{ createrole: false }, ['CREATEROLE']],
    [{ createdb: false }, ['CREATEDB']],
    [{ owner: 'somebody', owns: false }, ['belongs to somebody']],
    [{ installed: false }, ['vector is not installed']],
    [{ superuser: true, available: false }, ['no pgvector']],
    [{ createrole: false, installed: false }, ['CREATEROLE', 'vector is not installed']],
  ])('of a role like %j lacks %j', async (change, lacks) => {
    const { bad, said } = await seen(row(change));
    expect(bad).toEqual(lacks.length > 0 ? ['database.admin-rights'] : []);
    for (const text of lacks) expect(said('database.admin-rights')).toContain(text);
  });

  it('is not asked for with the bundled database', async () => {
    const { byId } = await look();
    expect([byId['database.admin-login']?.is, byId['database.admin-rights']?.is]).toEqual(['skip', 'skip']);
  });
});
