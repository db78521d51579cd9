import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open, seal } from './corecube/cipher.ts';
import { runCli } from './corecube/commands.ts';
import { readConfig, StartError } from './corecube/config.ts';
import { connectionSettings } from './corecube/database.ts';
import { parseFaults, readFaults } from './corecube/faults.ts';
import { foldPath, schemaProblems } from './corecube/http.ts';
import { resolveKey } from './corecube/key.ts';
import { createLog } from './corecube/log.ts';
import { openApiDocument } from './corecube/openapi.ts';
import { passwordMatches, policyProblems } from './corecube/passwords.ts';
import { routesOf } from './corecube/server.ts';
import { createSessions, memorySessions, sessionRules } from './corecube/sessions.ts';
import { sqliteModule, sqliteSessions } from './corecube/sessions-sqlite.ts';
import { hideSecrets, prepare } from './corecube/start.ts';
import { newApiKey } from './corecube/store.ts';
import { clientAddress, createThrottle } from './corecube/throttle.ts';
import { webhookProblem, webhookSignature } from './corecube/webhook.ts';

const KEY = 'ab'.repeat(32);
const none = parseFaults('');
let dir: string;
let lines: string[];
const log = () => createLog((line) => lines.push(line));
const config = (generation: string, env: Record<string, string> = {}) =>
  readConfig({ CORECUBE_GENERATION: generation, DATA_DIR: dir, ...env });
const keyFile = (name: string, text: string, mode = 0o600) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'corecube-'));
  lines = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('key resolution', () => {
  it('v1 reads the key file and writes no key of its own', () => {
    const path = keyFile('given', `${KEY}\n`);
    const key = resolveKey(config('v1', { ENCRYPTION_KEY_FILE: path }), none, log());
    expect(key.bytes.toString('hex')).toBe(KEY);
    expect(() => statSync(join(dir, 'encryption.key'))).toThrow('ENOENT');
    expect(lines).toEqual([]);
  });

  it('v1 warns when the key file is open to others', () => {
    resolveKey(config('v1', { ENCRYPTION_KEY_FILE: keyFile('given', KEY, 0o644) }), none, log());
    expect(lines.join()).toContain('mode 0644');
  });

  it('v2 ignores the key file variable and makes its own key with mode 0600', () => {
    const path = keyFile('given', KEY);
    const key = resolveKey(config('v2', { ENCRYPTION_KEY_FILE: path }), none, log());
    const own = join(dir, 'encryption.key');
    expect(key.bytes.toString('hex')).not.toBe(KEY);
    expect(readFileSync(own, 'utf8').trim()).toBe(key.bytes.toString('hex'));
    expect(statSync(own).mode & 0o777).toBe(0o600);
    const again = resolveKey(config('v2'), none, log());
    expect(again.bytes.equals(key.bytes)).toBe(true);
  });

  it('v2 prefers ENCRYPTION_KEY to its file', () => {
    keyFile('encryption.key', 'cd'.repeat(32));
    const key = resolveKey(config('v2', { ENCRYPTION_KEY: KEY }), none, log());
    expect(key.bytes.toString('hex')).toBe(KEY);
  });

  it.each(['', 'ab', `${KEY}a`, `${KEY}\n\n`, 'xy'.repeat(32)])('v1 refuses a key file with %j', (text) => {
    const given = config('v1', { ENCRYPTION_KEY_FILE: keyFile('given', text) });
    expect(() => resolveKey(given, none, log())).toThrow(/exactly 64 hexadecimal/);
  });

  it('key-ignored keeps a key of its own beside the one it was given', () => {
    const path = keyFile('given', KEY);
    keyFile('encryption.key', KEY);
    const given = config('v1', { ENCRYPTION_KEY_FILE: path });
    const key = resolveKey(given, parseFaults('key-ignored'), log());
    expect(key.bytes.toString('hex')).not.toBe(KEY);
    expect(resolveKey(given, parseFaults('key-ignored'), log()).bytes.equals(key.bytes)).toBe(true);
  });

  it('another key does not open what the first has sealed', () => {
    const sealed = seal(Buffer.from(KEY, 'hex'), 'token');
    expect(open(Buffer.from(KEY, 'hex'), sealed)).toBe('token');
    expect(open(Buffer.alloc(32), sealed)).toBeUndefined();
  });
});

describe('start without a network', () => {
  it('v2 makes its key first and then names every missing URL', () => {
    const given = config('v2', {
      PGVECTOR_URL: 'postgresql://u:p@db/x',
      ENCRYPTION_KEY_FILE: keyFile('k', KEY),
    });
    expect(() => prepare(given, none, log())).toThrow(
      'PGVECTOR_APP_URL is required\nPGVECTOR_MAINTENANCE_URL is required',
    );
    expect(statSync(join(dir, 'encryption.key')).size).toBe(65);
  });

  it('v1 is content with one URL', () => {
    const given = config('v1', {
      PGVECTOR_URL: 'postgresql://u:p@db/x',
      ENCRYPTION_KEY_FILE: keyFile('k', KEY),
    });
    expect(prepare(given, none, log()).bytes.toString('hex')).toBe(KEY);
  });

  it('rotate-key is unknown to v2', async () => {
    expect(await runCli(['rotate-key'], { CORECUBE_GENERATION: 'v2', DATA_DIR: dir })).toBe(2);
  });

  it('refuses settings that are no numbers', () => {
    expect(() => config('v1', { SESSION_MAX_AGE_HOURS: 'soon' })).toThrow(StartError);
  });
});

it('secrets given by the operator never reach the log', () => {
  const given = config('v2', {
    ENCRYPTION_KEY: KEY,
    CUBE_ADMIN_PASSWORD: 'Canary "quoted" 1',
    PGVECTOR_URL: 'postgresql://u:canary%2Fpw@db/x',
  });
  const written = log();
  hideSecrets(given, written);
  written.error(`refused ${KEY}`, {
    url: given.bootstrapUrl,
    plain: 'canary/pw',
    admin: 'Canary "quoted" 1',
  });
  expect(lines).toHaveLength(1);
  for (const secret of [KEY, 'canary%2Fpw', 'canary/pw', 'quoted']) expect(lines[0]).not.toContain(secret);
});

describe('passwords and logins', () => {
  it('each generation has its policy', () => {
    expect(policyProblems('v1', 'Abcdef-12345')).toEqual([]);
    expect(policyProblems('v1', 'changeme123')).toHaveLength(3);
    expect(policyProblems('v2', 'longenough')).toEqual([]);
    expect(policyProblems('v2', 'short')).toHaveLength(1);
  });

  it('an account that does not exist has no password', async () => {
    expect(await passwordMatches('v1', 'anything', undefined)).toBe(false);
  });

  it('the throttle slides and is per address', () => {
    let now = 0;
    const throttle = createThrottle(2, 60_000, () => now);
    expect([throttle.take('a'), throttle.take('a'), throttle.take('b')]).toEqual([0, 0, 0]);
    now = 15_000;
    expect(throttle.take('a')).toBe(45);
    now = 60_001;
    expect(throttle.take('a')).toBe(0);
  });

  it('believes the last forwarded hop of a private peer only', () => {
    const from = (remoteAddress: string, forwarded: string) =>
      clientAddress({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } } as never);
    expect(from('::ffff:172.18.0.2', '1.1.1.1, 203.0.113.9')).toBe('203.0.113.9');
    expect(from('203.0.113.1', '10.0.0.1')).toBe('203.0.113.1');
    expect(from('10.0.0.2', 'nonsense')).toBe('10.0.0.2');
  });
});

// The image runs Node 24, which has SQLite; the floor of the product (Node 20) has not, so there is nothing to run there.
describe.each(sqliteModule() ? ['memory', 'sqlite'] : ['memory'])('sessions over %s', (kind) => {
  const rows = () => (kind === 'memory' ? memorySessions() : sqliteSessions(dir));

  it('v1 slides, keeps ten per user and forgets an expired one', async () => {
    let now = 1_000_000;
    const rules = sessionRules(config('v1', { SESSION_MAX_AGE_HOURS: '8' }));
    const sessions = createSessions(rows(), rules, () => now);
    const { token } = await sessions.start('u');
    now += 7 * 3_600_000;
    expect(await sessions.find(token)).toBeDefined();
    now += 7 * 3_600_000;
    expect(await sessions.find(token)).toBeDefined();
    for (let more = 0; more < 10; more += 1) {
      now += 1;
      await sessions.start('u');
    }
    expect(await sessions.find(token)).toBeUndefined();
    expect(await sessions.list('u')).toHaveLength(10);
    now += 9 * 3_600_000;
    expect(await sessions.list('u')).toEqual([]);
    await sessions.sweep();
  });

  it('v2 ends by idleness and by age', async () => {
    let now = 1_000_000;
    const given = { SESSION_MAX_LIFETIME_HOURS: '1', SESSION_IDLE_TIMEOUT_MINUTES: '20' };
    const sessions = createSessions(rows(), sessionRules(config('v2', given)), () => now);
    const idle = await sessions.start('u');
    const busy = await sessions.start('u');
    for (let step = 0; step < 3; step += 1) {
      now += 15 * 60_000;
      expect(await sessions.find(busy.token)).toBeDefined();
    }
    expect(await sessions.find(idle.token)).toBeUndefined();
    now += 15 * 60_000;
    expect(await sessions.find(busy.token)).toBeUndefined();
  });
});

describe('the OpenAPI document', () => {
  interface Operation {
    operationId: string;
    security: object[];
    parameters?: { name: string }[];
    requestBody?: object;
  }
  type Document = { openapi: string; paths: Record<string, Record<string, Operation>> };
  const document = (generation: 'v1' | 'v2', faults = '') =>
    openApiDocument(routesOf(generation, parseFaults(faults), 'c'), generation, 'c') as Document;

  it.each(['v1', 'v2'] as const)('%s is 3.1 with unique operation ids and path parameters', (generation) => {
    const { openapi, paths } = document(generation);
    expect(openapi).toBe('3.1.0');
    const operations = Object.values(paths).flatMap((item) => Object.values(item));
    const ids = operations.map((operation) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [path, item] of Object.entries(paths)) {
      for (const operation of Object.values(item)) {
        for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
          expect(operation.parameters?.map((parameter) => parameter.name)).toContain(name);
        }
      }
    }
  });

  it('the generations share no admin path', () => {
    const admin = (generation: 'v1' | 'v2') =>
      Object.keys(document(generation).paths).filter((path) => !/^\/(v1|mcp)/.test(path));
    expect(admin('v1').filter((path) => admin('v2').includes(path))).toEqual([]);
    expect(admin('v1').some((path) => path.includes('webhook'))).toBe(true);
    expect(admin('v2').some((path) => path.includes('webhook'))).toBe(false);
  });

  it('v2 asks for the CSRF header where something changes', () => {
    const patch = document('v2').paths['/admin/api/settings']?.patch;
    expect(patch?.parameters?.map((parameter) => parameter.name)).toEqual(['X-CSRF-Token']);
    expect(document('v2').paths['/admin/api/session']?.post?.parameters).toBeUndefined();
  });

  it('faults show in it', () => {
    expect(
      Object.keys(document('v1', 'admin-routes-missing').paths).every((path) => /^\/(v1|mcp)/.test(path)),
    ).toBe(true);
    expect(document('v2', 'login-at-other-path').paths['/auth/sign-in']?.post?.operationId).toBe('signIn');
    expect(document('v1', 'no-openapi').paths['/v1/openapi.json']).toBeUndefined();
  });
});

describe('small parts', () => {
  it('faults come from the environment and the file, and a misspelt one is refused', () => {
    writeFileSync(join(dir, 'faults'), '# from a test\nslow-start=3\n');
    const faults = readFaults({ CORECUBE_FAULTS: 'hsts-doubled, no-openapi' }, dir);
    expect([faults.has('hsts-doubled'), faults.has('no-openapi'), faults.has('crash-loop')]).toEqual([
      true,
      true,
      false,
    ]);
    expect(faults.slowStartSeconds).toBe(3);
    expect(() => parseFaults('hsts-dubled')).toThrow(StartError);
  });

  it.each(['//admin', '/%61dmin', '/ADMIN', '/admin;x=1', '/v1/../admin', '/x%2f..%2fadmin', '/admin/'])(
    'folds %s',
    (path) => {
      expect(foldPath(path)).toBe('/admin');
    },
  );

  it('a webhook is checked for signature and age', () => {
    const secret = 'a webhook secret';
    const body = Buffer.from('{}');
    const good = `sha256=${webhookSignature(secret, '1000', body)}`;
    expect(webhookProblem(secret, '1000', good, body, 1299)).toBeUndefined();
    expect(webhookProblem(secret, '1000', good, body, 1301)).toBe('payload too old');
    expect(webhookProblem('another', '1000', good, body, 1000)).toBe('signature mismatch');
    expect(webhookProblem(secret, '', good, body, 1000)).toBe('timestamp missing');
  });

  it('sslmode has the meaning libpq gives it', () => {
    const of = (query: string) =>
      String(connectionSettings(`postgresql://u:p@db/x${query}`, 'X').connectionString);
    expect(of('?sslmode=require')).toContain('uselibpqcompat=true');
    expect(of('')).not.toContain('uselibpqcompat');
    expect(() => connectionSettings('mysql://x', 'PGVECTOR_URL')).toThrow('PGVECTOR_URL must begin with');
  });

  it('bodies are judged without repeating their values', () => {
    const schema = {
      type: 'object',
      required: ['a'],
      additionalProperties: false,
      properties: { a: { type: 'integer' } },
    } as const;
    expect(schemaProblems(schema, { a: 1 }, 'body')).toEqual([]);
    expect(schemaProblems(schema, { a: 'canary', b: 1 }, 'body')).toEqual([
      'body.a must be integer',
      'body.b is not known',
    ]);
  });

  it('API keys are cc_ and 43 characters of base 62', () => {
    expect(newApiKey()).toMatch(/^cc_[0-9A-Za-z]{43}$/);
  });
});
