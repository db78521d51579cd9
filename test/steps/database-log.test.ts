import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { HostReader, SqlResult, SqlStatement } from '../../src/core/host.ts';
import { violations } from '../../steps/compose/violations.ts';
import { logControls } from '../../steps/database/log-controls.ts';
import type { ComposeModel } from '../../steps/shared/compose-project.ts';
import template from '../../templates/compose.yaml?raw';
import { answers, hostOf } from './database-host.ts';

const URL = `postgresql://corecube_app:${'a'.repeat(40)}@db.ext.test:5432/corecube?sslmode=verify-full`;
const [control] = logControls;

/** An external server that answers the question about its log with the given settings, and every other with nothing. */
function serverWith(settings: Record<string, string>): HostReader {
  return {
    ...hostOf({ '.env': { text: `PGVECTOR_APP_URL=${URL}\n`, mode: 0o600, uid: 1001 } }),
    env: () => URL.replace('corecube_app', 'admin'),
    sql: async (_: unknown, statements: readonly SqlStatement[]): Promise<readonly SqlResult[]> =>
      statements.map(({ text }) => ({ ok: true, rows: text.includes('log_connections') ? [settings] : [] })),
  } as unknown as HostReader;
}
const look = async (settings: Record<string, string>) =>
  control?.inspect({
    host: serverWith(settings),
    answers: {
      ...answers,
      database: 'external',
      databaseAdminUrl: { from: 'env', name: 'ADMIN_URL' },
    } as never,
    signal: new AbortController().signal,
  });

const PREFIX = '%m [%p] db=%d,user=%u,app=%a,client=%h ';

describe('pg.sessions-logged', () => {
  it('holds where sessions are logged, also in the words of PostgreSQL 18', async () => {
    expect(await look({ connections: 'on', disconnections: 'on', prefix: PREFIX })).toMatchObject({
      is: 'pass',
    });
    expect(
      await look({ connections: 'receipt,authorization', disconnections: 'on', prefix: '%t %u@%d %r' }),
    ).toMatchObject({
      is: 'pass',
    });
  });
  it('reads a prefix whose fields are padded', async () => {
    const padded = { connections: 'all', disconnections: 'on', prefix: '%m [%p] %-12u@%10d %h ' };
    expect((await look(padded))?.is).toBe('pass');
  });
  it.each([
    [{ connections: 'off', disconnections: 'on', prefix: PREFIX }, 'log_connections is off'],
    [{ connections: '', disconnections: 'on', prefix: PREFIX }, 'log_connections is off'],
    [{ connections: 'on', disconnections: 'off', prefix: PREFIX }, 'log_disconnections is off'],
    // That somebody came says nothing of who it was.
    [{ connections: 'receipt', disconnections: 'on', prefix: PREFIX }, 'log_connections is receipt'],
    [{ connections: 'on', disconnections: 'on', prefix: '%m [%p] ' }, "log_line_prefix is '%m [%p] '"],
  ])('%j fails', async (settings, observed) => {
    expect(await look(settings)).toMatchObject({ is: 'fail', observed });
  });
});

describe('compose.database-server', () => {
  const declared = (text: string) => {
    const model = parse(text) as ComposeModel;
    return violations(model, { database: 'bundled' } as never, '/srv/corecube').get('database-server') ?? [];
  };
  it('holds for the template', () => {
    expect(declared(template)).toEqual([]);
  });
  it.each([
    ['ssl=on', 'ssl=off', 'the database is started with ssl=off instead of on'],
    [
      'log_connections=on',
      'log_connections=off',
      'the database is started with log_connections=off instead of on',
    ],
    [
      'ssl_ciphers=',
      'ssl_ciphers_=',
      'the database is started with ssl_ciphers=(not set) instead of ECDHE+AESGCM:ECDHE+CHACHA20',
    ],
    // The server takes the last of several.
    [
      '- ssl=on',
      '- ssl=on\n      - -c\n      - ssl=off',
      'the database is started with ssl=off instead of on',
    ],
  ])('%s made %s is seen', (from, to, text) => {
    expect(template).toContain(from);
    expect(declared(template.replace(from, to))).toContain(text);
  });
});
