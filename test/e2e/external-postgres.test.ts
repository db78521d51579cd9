/**
 * A PostgreSQL server of somebody else, with TLS of its own authority, for both generations: once its admin is a
 * superuser, once a role that may only create roles and databases. Passwords hold what URLs, shells, YAML and env files
 * give a meaning to, and one install directory has spaces in its name.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BedHost, createHost, type OutsideDatabase, startDatabase } from '../bed/index.ts';
import { withoutThrottle } from './prepare.ts';
import { type Samples, sampleProcesses } from './process-sampler.ts';
import {
  answersFor,
  DOMAIN,
  HOST_ADDRESS,
  Install,
  type Release,
  snapshot,
  troubles,
  verdicts,
} from './support.ts';

const ADMIN = 'boss';
const ADMIN_PASSWORD = `Canary@:/%41#$?&"'\\ \u00fc4711`;
const OPERATOR = `Op$1\${X} @#%"'\\ \u00e9\u20ac zZ9`;
const ENCRYPTED_ONLY = 'local all postgres trust\nhostssl all all 198.51.100.0/24 scram-sha-256\n';
/** What every run writes: what it did, and what it saw last. */
const EVERY_RUN = ['.corecube-secure/journal.jsonl', '.corecube-secure/report.'];
const LOGIN = { v1: '/api/auth/login', v2: '/admin/api/session' } as const;

const urlOf = (password: string, port = 5432) =>
  `postgresql://${ADMIN}:${encodeURIComponent(password)}@db.ext.test:${port}/corecube\n`;
const changed = (report: Parameters<typeof troubles>[0]) => report.steps.flatMap((s) => s.changes);
const bad = (report: Parameters<typeof troubles>[0]) =>
  Object.fromEntries(
    report.steps
      .flatMap((s) => s.findings)
      .filter((f) => f.severity === 'required' && !['pass', 'skip'].includes(f.verdict.is))
      .map((f) => [f.control, f.verdict.is]),
  );

describe.each<[Release, boolean]>([
  ['v2', false],
  ['v1', true],
])('an external PostgreSQL, generation %s, its admin a superuser: %s', (release, superuser) => {
  let host: BedHost;
  let database: OutsideDatabase;
  let base: string;
  let urlFile: string;
  let install: Install;
  let samples: Samples;

  beforeAll(async () => {
    host = await createHost(`ext${release}`);
    database = await startDatabase(host, ADMIN, ADMIN_PASSWORD);
    if (superuser) await database.sql(`alter role ${ADMIN} superuser`);
    base = await mkdtemp(join(tmpdir(), 'ccs-ext-'));
    urlFile = join(base, 'admin-url');
    await writeFile(urlFile, urlOf(ADMIN_PASSWORD), { mode: 0o600 });
    await writeFile(join(base, 'operator-password'), `${OPERATOR}\n`, { mode: 0o600 });
    install = new Install(
      host,
      join(base, release === 'v1' ? 'corecube' : 'our core cube \u00fc'),
      `ext${release}`,
    );
    await mkdir(install.dir);
    await withoutThrottle(install);
    await install.answer(
      answersFor(release, install.project, {
        adminPassword: `file:${join(base, 'operator-password')}`,
        database: 'external',
        databaseAdminUrl: `file:${urlFile}`,
        databaseCa: database.caFile,
      }),
    );
  });
  afterAll(async () => {
    await host?.destroy();
    await rm(base, { recursive: true, force: true });
  });

  it.each([
    ['a wrong password', urlOf(`${ADMIN_PASSWORD}x`), 'refuses the password of boss'],
    ['a server that does not answer', urlOf(ADMIN_PASSWORD, 5433), 'does not answer'],
    ['a URL that is none', 'boss with a password\n', 'it is not a URL'],
  ])('is told %s before anything is written', async (_, url, text) => {
    await writeFile(urlFile, url);
    const own = ['.corecube-secure'];
    const before = await snapshot(install.dir, own);
    const { code, report } = await install.applyJson();
    await writeFile(urlFile, urlOf(ADMIN_PASSWORD));
    expect(code, troubles(report)).not.toBe(0);
    expect(report.stopped?.reason).toContain('database.admin-login');
    expect(report.stopped?.reason).toContain(text);
    expect(changed(report).filter((c) => c.status === 'done' && !c.id.startsWith('preflight.'))).toEqual([]);
    expect(
      (
        await install.docker(
          'ps',
          '--all',
          '--quiet',
          '--filter',
          `label=com.docker.compose.project=${install.project}`,
        )
      ).stdout,
    ).toBe('');
    expect(await snapshot(install.dir, own)).toEqual(before);
    expect(await database.sql("select count(*) from pg_roles where rolname like 'corecube%'")).toBe('0');
  });

  it('is set up and proved, and no database is deployed', async () => {
    const sampler = sampleProcesses();
    const { code, report, stderr } = await install.applyJson();
    samples = await sampler.stop();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    expect((await install.compose('ps', '--all', '--services')).stdout.trim().split('\n').sort()).toEqual([
      'caddy',
      'corecube',
    ]);
    expect(await install.read('compose.yaml')).not.toContain('pgvector:');
    // The tables are where the operator said, and CoreCube came over TLS.
    expect(await database.sql("select tableowner from pg_tables where tablename = 'documents'")).toBe(
      'corecube_migrator',
    );
  });

  it('is left alone by the second apply, and verifies', async () => {
    const before = await snapshot(install.dir, EVERY_RUN);
    const again = await install.applyJson();
    expect([again.code, changed(again.report)], troubles(again.report)).toEqual([0, []]);
    expect(await snapshot(install.dir, EVERY_RUN)).toEqual(before);
    const { code, report } = await install.verify();
    expect(code, troubles(report)).toBe(0);
  });

  it("lets the administrator in with the operator's own password, to the last character", async () => {
    const file = join(base, 'login.json');
    const login = (password: string) =>
      writeFile(file, JSON.stringify({ email: 'operator@corecube.test', password })).then(() =>
        host
          .client(1)
          .out([
            ...['curl', '-sk', '-m', '10', '-o', '/dev/null', '-w', '%{http_code}'],
            ...['--resolve', `${DOMAIN}:443:${HOST_ADDRESS}`, '-H', 'content-type: application/json'],
            ...['-d', `@${file}`, `https://${DOMAIN}${LOGIN[release]}`],
          ]),
      );
    expect(await login(OPERATOR)).toBe(release === 'v1' ? '200' : '201');
    expect(await login(OPERATOR.slice(0, -1))).toBe('401');
    expect((await install.read('secrets/admin_password')).trim()).toBe(OPERATOR);
  });

  it('keeps the admin URL out of everything', async () => {
    const canaries = [ADMIN_PASSWORD, encodeURIComponent(ADMIN_PASSWORD), 'Canary@', 'Canary%40'];
    const found: string[] = [];
    const find = (where: string, text: string) => {
      if (canaries.some((canary) => text.includes(canary))) found.push(where);
    };
    for (const [i, output] of install.outputs.entries()) find(`output ${i}`, output);
    for (const line of [...samples.commandLines, ...samples.environments]) find('a process', line);
    const ids = (
      await install.docker(
        'ps',
        '--all',
        '--quiet',
        '--filter',
        `label=com.docker.compose.project=${install.project}`,
      )
    ).stdout
      .trim()
      .split('\n');
    find('docker inspect', (await install.docker('inspect', ...ids)).stdout);
    for (const id of ids) {
      const logs = await install.docker('logs', id);
      find('container logs', logs.stdout + logs.stderr);
    }
    const files = await readdir(install.dir, { recursive: true, withFileTypes: true });
    for (const entry of files.filter((e) => e.isFile()))
      find(
        entry.name,
        await readFile(join(entry.parentPath, entry.name), 'latin1').then((t) =>
          Buffer.from(t, 'latin1').toString('utf8'),
        ),
      );
    expect(files.length).toBeGreaterThan(10);
    expect(samples.commandLines.size).toBeGreaterThan(0);
    expect(found).toEqual([]);
  });

  it('is proved against what the server does: one thing broken at a time', async () => {
    const healthy = verdicts((await install.verify()).report);
    const broken = async (expected: Record<string, string>) => {
      const { code, report } = await install.verify();
      expect(bad(report), troubles(report)).toEqual(expected);
      expect(code).toBe(1);
    };
    const repaired = async () => {
      const { code, report, stderr } = await install.applyJson();
      expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
      expect(verdicts(report)).toEqual(healthy);
    };

    await database.sql('alter table documents disable row level security');
    await broken({ 'pg.rls-enabled': 'fail', 'pg.policies-as-migrated': 'fail' });
    await repaired();

    await database.sql('alter role corecube_app bypassrls');
    await broken({ 'pg.app-attributes': 'fail' });
    if (!superuser) {
      const { code, report } = await install.applyJson();
      expect(code).toBe(3);
      expect(report.stopped?.fix, troubles(report)).toContain('ALTER ROLE corecube_app NOBYPASSRLS');
      await database.sql('alter role corecube_app nobypassrls');
    }
    await repaired();

    await database.rules('local all postgres trust\nhost all all 198.51.100.0/24 scram-sha-256\n');
    await broken({ 'pg.plaintext-refused': 'fail' });
    const { code, report } = await install.applyJson();
    expect(code).not.toBe(0);
    expect(report.stopped?.reason, troubles(report)).toContain('whoever runs the external server');
    await database.rules(ENCRYPTED_ONLY);
    await repaired();
  });

  it('is told when the password of the admin changes, and nothing is touched', async () => {
    const before = await snapshot(install.dir, ['.corecube-secure/']);
    await database.sql(`alter role ${ADMIN} password 'Another-One-4711'`);
    const { code, report } = await install.applyJson();
    expect(code, troubles(report)).toBe(1);
    expect(report.stopped?.reason).toContain('database.admin-login does not hold');
    expect(changed(report)).toEqual([]);
    expect(await snapshot(install.dir, ['.corecube-secure/'])).toEqual(before);
    const verified = await install.verify();
    expect(verified.code).toBe(1);
    expect(Object.entries(bad(verified.report)).filter(([, is]) => is === 'fail')).toEqual([
      ['database.admin-login', 'fail'],
    ]);
  });
});
