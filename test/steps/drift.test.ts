/** Each rule of the drift's cause on an install in memory: the link, the words, the diff, and when nothing may be said. */
import { beforeEach, describe, expect, it } from 'vitest';
import { explainAll } from '../../src/core/hooks.ts';
import type { Finding } from '../../src/core/report.ts';
import { explainDrift, RULES } from '../../steps/drift.ts';
import { steps } from '../../steps/index.ts';
import { blindHost } from '../fakes/blind-host.ts';
import { answered, at, DriftHost } from './drift-host.ts';

const CONTROLS = steps.flatMap((step) => step.controls.map((control) => control.id));
const READ_ONLY = ['read_only: true', 'read_only: false'] as const;
let host: DriftHost;
beforeEach(async () => {
  host = await DriftHost.applied(CONTROLS);
});
const linkOf = async (control: string, observed?: string) => (await host.explain(control, observed))?.link;
/** As if an earlier version had made the last apply and written everything. */
function madeByAnEarlierVersion(): void {
  for (const entry of host.journal) if (entry.event === 'wrote') entry.version = '0.0.0-earlier';
  host.finish(7, CONTROLS, '0.0.0-earlier');
}

describe('compose.yaml', () => {
  it('edited and not applied: the container is still the one of our rendering', async () => {
    host.edit('compose.yaml', ...READ_ONLY);
    expect(await host.explain('compose.read-only')).toEqual({
      link: 'edited-not-applied',
      detail:
        'compose.yaml says read_only: false where this tool writes read_only: true; this tool wrote it on 2026-11-24 10:02 UTC. The container of corecube has not followed.',
      diff: expect.stringMatching(/^-\s+read_only: true\n\+\s+read_only: false$/m),
    });
    expect(await linkOf('running.current')).toBe('edited-not-applied');
  });

  it('edited and applied', async () => {
    host.edit('compose.yaml', ...READ_ONLY);
    host.create('corecube', 61);
    expect(await host.explain('compose.read-only')).toMatchObject({
      link: 'edited-by-hand',
      detail: expect.stringMatching(/The container of corecube has it too\.$/),
    });
    expect(await linkOf('running.read-only')).toBe('edited-by-hand');
  });

  it('as it was written, for other answers: never applied, and the answers are named', async () => {
    host.answers = answered({ sessionHours: '4', maxUploadMb: '60' });
    expect(await host.explain('compose.settings')).toMatchObject({
      link: 'never-applied',
      detail:
        'the answers maxUploadMb and sessionHours differ from those of the last apply, and compose.yaml was not written since.',
      diff: expect.stringContaining('-      SESSION_MAX_AGE_HOURS: "4"'),
    });
  });

  it('with a harmless comment and for other answers: the answers are the cause, not the comment', async () => {
    host.write('compose.yaml', `# ours\n${host.text('compose.yaml')}`, 60);
    host.answers = answered({ sessionHours: '4' });
    expect(await linkOf('compose.settings')).toBe('never-applied');
  });

  it('saved answers that were edited are told from the report of the last apply', async () => {
    host.answers = answered({ sessionHours: '4' });
    const saved = JSON.parse(host.text('.corecube-secure/answers.yaml'));
    host.write('.corecube-secure/answers.yaml', JSON.stringify({ ...saved, sessionHours: '4' }), 60);
    expect((await host.explain('compose.settings'))?.detail).toMatch(/^the answer sessionHours differs/);
  });

  it('as an earlier version wrote it: changed by an update', async () => {
    const older = host.text('compose.yaml').replace('pids_limit: 512', 'pids_limit: 511');
    host.write('compose.yaml', older, 2);
    const { createHash } = await import('node:crypto');
    const sha256 = createHash('sha256').update(older).digest('hex');
    host.journal.push({
      time: at(3).toISOString(),
      event: 'wrote',
      path: 'compose.yaml',
      sha256,
      version: '0.0.0-earlier',
    });
    expect(await host.explain('compose.limits')).toMatchObject({
      link: 'changed-by-update',
      detail: expect.stringContaining('version 0.0.0-earlier of this tool'),
    });
  });

  it('edited since an earlier version wrote it: nothing is said, because both may be the cause', async () => {
    madeByAnEarlierVersion();
    host.edit('compose.yaml', ...READ_ONLY);
    expect(await host.explain('compose.read-only')).toBeUndefined();
  });

  it('without any memory nothing is said', async () => {
    host.journal.length = 0;
    host.files.delete('.corecube-secure/report.json');
    host.edit('compose.yaml', ...READ_ONLY);
    expect(await host.explain('compose.read-only')).toBeUndefined();
    expect(await host.explain('running.current')).toBeUndefined();
  });

  it('an apply that stopped early does not make it forget what held before', async () => {
    const report = JSON.parse(host.text('.corecube-secure/report.json'));
    const stopped = { ...report, stopped: { step: 'all', reason: 'x' }, steps: [] };
    host.write('.corecube-secure/report.json', JSON.stringify(stopped), 30);
    host.journal.length = 0;
    expect((await host.explain('pg.rls-enabled'))?.link).toBeUndefined();
    host.write('.corecube-secure/report-complete.json', JSON.stringify(report), 30);
    expect((await host.explain('pg.rls-enabled'))?.link).toBe('changed-at-run-time');
  });

  it('removed, or never written', async () => {
    host.files.delete('compose.yaml');
    expect(await linkOf('compose.valid')).toBe('edited-by-hand');
    const fresh = new DriftHost();
    expect(await fresh.explain('compose.valid')).toBeUndefined();
    fresh.log(0, { event: 'run-start', mode: 'apply' });
    expect((await fresh.explain('compose.valid'))?.link).toBe('never-applied');
  });

  it('a journal whose beginning is lost does not say that something never was', async () => {
    const torn = new DriftHost();
    torn.log(0, { event: 'change-start', change: 'encryption-key.create' });
    expect(await torn.explain('compose.valid')).toBeUndefined();
  });
});

describe('containers', () => {
  it('created by hand from another file', async () => {
    host.create('corecube', 60, { hash: 'other', files: ['/tmp/other.yaml'] });
    expect(await host.explain('running.current')).toEqual({
      link: 'changed-at-run-time',
      detail: 'The container of corecube was created from /tmp/other.yaml, which is no file of this install.',
    });
  });

  it('created anew after the last apply from another declaration', async () => {
    host.create('corecube', 60, { hash: 'other' });
    expect(await linkOf('running.current')).toBe('changed-at-run-time');
  });

  it('created by a run of this tool that wrote no report: nobody is accused', async () => {
    host.log(20, { event: 'run-start', mode: 'apply' });
    host.log(22, { event: 'run-end', mode: 'apply', exit: 1 });
    host.create('corecube', 21, { hash: 'other' });
    expect(await host.explain('running.current')).toBeUndefined();
  });

  it('changed while it ran: the files and its own declaration agree', async () => {
    host.create('corecube', 5, { host: { ReadonlyRootfs: false } });
    expect(await host.explain('running.read-only')).toMatchObject({
      link: 'changed-at-run-time',
      detail: expect.stringContaining('the running container was changed'),
    });
  });

  it('changed while it ran, and an edit elsewhere in the file: the edit is not accused', async () => {
    host.create('corecube', 5, { host: { ReadonlyRootfs: false } });
    host.edit('compose.yaml', 'pids_limit: 512', 'pids_limit: 1024');
    expect(await linkOf('running.read-only')).toBe('changed-at-run-time');
    expect(await linkOf('running.current')).toBe('edited-not-applied');
  });

  it('older than the file of a run that was killed: never applied', async () => {
    host.log(20, { event: 'run-start', mode: 'apply' });
    host.answers = answered({ sessionHours: '4' });
    await host.render(21);
    expect(await linkOf('running.current')).toBe('never-applied');
  });

  it('untouched, with untouched files, under another Docker Compose: changed by an update', async () => {
    host.create('corecube', 5, { hash: 'as 2.20 hashed it', version: '2.20.1' });
    expect(await host.explain('running.current')).toMatchObject({
      link: 'changed-by-update',
      detail: expect.stringContaining('by Docker Compose 2.20.1; 2.40.3'),
    });
  });

  it('untouched, with untouched files, under the same Docker Compose: nothing is made up', async () => {
    host.create('corecube', 5, { hash: 'nobody knows why' });
    expect(await host.explain('running.current')).toBeUndefined();
  });

  it('.env edited: the name of the variable, never a value', async () => {
    host.edit('.env', 'p'.repeat(24), 'q'.repeat(24));
    const drift = await host.explain('running.current');
    expect(drift).toMatchObject({
      link: 'edited-not-applied',
      detail: expect.stringContaining('another value of PGVECTOR_APP_URL'),
    });
    expect(JSON.stringify(drift)).not.toMatch(/qqqq|pppp/);
  });

  it.each([
    ['added after the container was created', 60, 'edited-not-applied'],
    ['there when the container was created without it', 4, 'changed-at-run-time'],
  ])('the override file %s', async (_, minute, link) => {
    host.write('compose.override.yaml', 'services: { corecube: { mem_limit: 4g } }\n', minute);
    expect(await linkOf('running.current')).toBe(link);
  });

  it('made anew by hand from the files, and the override file changed after that', async () => {
    host.write('compose.override.yaml', 'services: { corecube: { mem_limit: 4g } }\n', 4);
    host.create('corecube', 60);
    host.write('compose.override.yaml', 'services: { corecube: { mem_limit: 8g } }\n', 61);
    expect(await host.explain('running.current')).toMatchObject({
      link: 'edited-not-applied',
      detail: expect.stringContaining('compose.override.yaml was changed on'),
    });
    host.create('corecube', 62, { hash: 'other' });
    expect(await linkOf('running.current')).toBe('changed-at-run-time');
  });

  it('the override file removed', async () => {
    host.write('compose.override.yaml', 'services: { corecube: { read_only: false } }\n', 4);
    host.create('corecube', 5);
    host.files.delete('compose.override.yaml');
    expect(await host.explain('running.current')).toMatchObject({
      link: 'edited-not-applied',
      detail: expect.stringContaining('was removed after the container was created'),
    });
  });

  it('hardening taken away by the override file, applied: the container has it too', async () => {
    host.write('compose.override.yaml', 'services: { corecube: { read_only: false } }\n', 60);
    host.create('corecube', 61);
    for (const control of ['compose.override-keeps-hardening', 'running.read-only'])
      expect(await host.explain(control)).toMatchObject({
        link: 'edited-by-hand',
        detail: expect.stringMatching(/^compose\.override\.yaml.*has it too\.$/),
      });
  });

  it('removed, stopped, never created', async () => {
    const [, app] = host.containers;
    host.create('corecube', 5, { state: { Running: false, Status: 'exited', ExitCode: 137 } });
    expect((await host.explain('running.corecube-up'))?.detail).toContain('is exited (exit code 137)');
    host.containers.splice(
      host.containers.findIndex((c) => c.service === app?.service),
      1,
    );
    expect(await linkOf('running.corecube-up')).toBe('changed-at-run-time');
    const files = new DriftHost();
    files.log(0, { event: 'run-start', mode: 'files' });
    expect((await files.explain('running.corecube-up'))?.link).toBe('never-applied');
    expect((await files.explain('proxy.up'))?.link).toBe('never-applied');
  });

  it('a service that was answered only now was never there to be removed', async () => {
    host.finish(
      7,
      CONTROLS.filter((control) => control !== 'running.inference-up'),
    );
    host.answers = answered({ inferenceImage: 'corecube/inference:1' });
    expect(await linkOf('running.inference-up')).toBe('never-applied');
  });

  it('an image whose tag moved, and a container made of another image than its pin', async () => {
    const pinned = new DriftHost();
    for (const name of ['corecube/corecube:v1', 'pgvector/pgvector:pg17', 'caddy:2'])
      pinned.images.set(name, `sha256:${name}`);
    await pinned.render(2);
    for (const service of ['pgvector', 'caddy']) pinned.create(service, 5, { image: 'sha256:' });
    pinned.create('corecube', 5, { image: 'sha256:other' });
    for (const c of pinned.containers)
      if (c.service !== 'corecube')
        c.image = `sha256:${c.service === 'caddy' ? 'caddy:2' : 'pgvector/pgvector:pg17'}`;
    expect(await pinned.explain('images.pinned')).toMatchObject({
      link: 'changed-by-update',
      detail: expect.stringContaining('runs the image other instead of its pin'),
    });
    pinned.images.set('corecube/corecube:v1', 'sha256:newer');
    expect((await pinned.explain('images.pinned'))?.detail).toContain('stands for another image');
  });

  it('a foreign container with the label of the project', async () => {
    host.create('intruder', 60, { files: [] });
    expect(await linkOf('running.no-extra-containers')).toBe('changed-at-run-time');
  });
});

describe('what no file declares', () => {
  it('held at the last apply: changed at run time', async () => {
    expect(await host.explain('pg.app-attributes')).toEqual({
      link: 'changed-at-run-time',
      detail: 'It held at the apply of 2026-11-24 10:07 UTC; it was changed in the running database since.',
    });
  });

  it('a record of policies that is gone was removed; one of another image is not the database’s fault', async () => {
    host.log(5, { event: 'change-done', change: 'services.policies-record' });
    host.finish(7, CONTROLS);
    expect(await host.explain('pg.policies-recorded')).toEqual({
      link: 'edited-by-hand',
      detail: '.corecube-secure/policies.json was written by this tool and has been removed since.',
    });
    host.write('.corecube-secure/policies.json', '{}', 5);
    expect(await host.explain('pg.policies-recorded')).toBeUndefined();
  });

  it('a role whose password ends, or whose sessions are limited: no other password is claimed', async () => {
    for (const seen of [
      'the password of corecube_app ends on 2031-01-01',
      'corecube_app may have 3 sessions at a time only',
    ])
      expect(await host.explain('pg.roles-log-in', seen), seen).toMatchObject({
        link: 'changed-at-run-time',
        detail: expect.stringContaining('it was changed in the running database since'),
      });
  });

  it('for other answers: never applied', async () => {
    host.answers = answered({ auditRetentionDays: '30' });
    expect(await host.explain('audit.retention-days')).toMatchObject({
      link: 'never-applied',
      detail: expect.stringContaining('the answer auditRetentionDays differs'),
    });
  });

  it('what time alone brings about is nobody’s change', async () => {
    for (const control of [
      'pg.server-certificate',
      'keys.used',
      'tls.certificate',
      'host.disk',
      'session.cookie-flags',
    ])
      expect(await host.explain(control, '12 days left'), control).toBeUndefined();
  });

  it('proved by another version, or left by a run that was killed, or never proved: nothing is said', async () => {
    host.log(20, { event: 'run-start', mode: 'apply' });
    expect(await host.explain('pg.app-attributes')).toBeUndefined();
    host.log(21, { event: 'run-end', mode: 'apply', exit: 0 });
    host.finish(22, []);
    expect(await host.explain('pg.app-attributes')).toBeUndefined();
    madeByAnEarlierVersion();
    expect(await host.explain('pg.app-attributes')).toBeUndefined();
  });
});

describe('files that are not shown', () => {
  it('a mode: from what it was given to what it has', async () => {
    host.write('secrets/encryption_key', 'ab'.repeat(32), 60, { mode: 0o644 });
    expect(await host.explain('key.access')).toEqual({
      link: 'edited-by-hand',
      detail:
        'secrets/encryption_key was given mode 0600, owner 1000 by this tool and has mode 0644, owner 1000 now.',
    });
    host.write('.env', host.text('.env'), 60, { mode: 0o640 });
    expect((await host.explain('pg.env-file'))?.detail).toContain('mode 0640');
  });

  it('a mode that this tool never set is nobody else’s fault', async () => {
    const foreign = new DriftHost();
    foreign.log(0, { event: 'run-start', mode: 'apply' });
    foreign.write('secrets/encryption_key', 'ab'.repeat(32), 0, { mode: 0o644 });
    expect(await foreign.explain('key.access')).toBeUndefined();
  });

  it('a key that is another, a link, or gone', async () => {
    expect(await linkOf('key.belongs-to-data')).toBe('edited-by-hand');
    host.write('secrets/encryption_key', '', 60, { kind: 'symlink', mode: 0o777 });
    expect((await host.explain('key.not-a-link'))?.detail).toContain('is a symlink now');
    host.files.delete('secrets/encryption_key');
    expect((await host.explain('key.not-lost'))?.detail).toContain('has been removed since');
  });

  it('a key replaced after the container was started', async () => {
    host.write('secrets/encryption_key', 'cd'.repeat(32), 60);
    expect(await linkOf('key.same-inside')).toBe('edited-not-applied');
    host.write('secrets/encryption_key', 'cd'.repeat(32), 4);
    expect(await host.explain('key.same-inside')).toBeUndefined();
  });

  it('a password that the server does not take: the file was written since, or the server was changed', async () => {
    expect(await linkOf('pg.password-accepted')).toBeUndefined();
    host.write('secrets/pg_superuser_password', 'x'.repeat(40), 3);
    expect(await linkOf('pg.password-accepted')).toBe('changed-at-run-time');
    host.write('secrets/pg_superuser_password', 'y'.repeat(40), 60);
    expect(await linkOf('pg.password-accepted')).toBe('edited-by-hand');
    host.write('secrets/pg_superuser_password', 'y'.repeat(40), 3, { changed: at(60) });
    expect(await linkOf('pg.password-accepted')).toBeUndefined();
  });
});

describe('pg_hba.conf', () => {
  const loaded = (minute: number) => {
    host.sql = { ok: true, rows: [{ at: at(minute).getTime() }] };
    host.create('pgvector', 5, { labels: { 'com.docker.compose.oneoff': 'False' } });
    host.write('secrets/pg_superuser_password', 'x'.repeat(40), 3);
  };

  it('edited; whether the server has read it is said only when it is known', async () => {
    host.write('postgres/pg_hba.conf', `host all all all trust\n${host.text('postgres/pg_hba.conf')}`, 60);
    expect(await host.explain('pg.files')).toMatchObject({
      link: 'edited-by-hand',
      detail:
        'postgres/pg_hba.conf has the added line host all all all trust; this tool wrote it on 2026-11-24 10:02 UTC.',
      diff: expect.stringMatching(/^\+host all all all trust$/m),
    });
    loaded(50);
    host.write('postgres/pg_hba.conf', host.text('postgres/pg_hba.conf'), 60);
    expect(await linkOf('pg.files')).toBe('edited-not-applied');
    loaded(61);
    expect((await host.explain('pg.files'))?.detail).toMatch(/The running server has it too\.$/);
    host.write('postgres/pg_hba.conf', host.text('postgres/pg_hba.conf'), 60, { changed: at(70) });
    expect((await host.explain('pg.files'))?.detail).not.toMatch(/The running server/);
  });

  it('a long line that was changed near its end: the words show where', async () => {
    const line = /^hostssl.*samenet\s+scram-sha-256$/m.exec(host.text('postgres/pg_hba.conf'))?.[0] ?? '';
    expect(line.length).toBeGreaterThan(100);
    host.edit('postgres/pg_hba.conf', line, line.replace('scram-sha-256', 'md5'));
    expect((await host.explain('pg.files'))?.detail).toMatch(
      /says ….*samenet +md5 where this tool writes ….*samenet +scram-sha-256;/,
    );
  });

  it('a stored password that is weak is not blamed on edited rules', async () => {
    host.write('postgres/pg_hba.conf', `# note\n${host.text('postgres/pg_hba.conf')}`, 60);
    expect(
      await linkOf('pg.scram-only', 'the password of corecube_app is not kept as a SCRAM verifier'),
    ).toBe('changed-at-run-time');
    expect(await linkOf('pg.scram-only', 'line 1: host by trust')).toBe('edited-by-hand');
  });
});

describe('Caddy', () => {
  const OPEN = ['remote_ip 198.51.100.7/32', 'remote_ip 0.0.0.0/0'] as const;
  const FENCE = 'proxy.admin-refused-from-outside';

  it('the file edited, not loaded: the behaviour is not its fault', async () => {
    host.edit('caddy/Caddyfile', ...OPEN);
    for (const control of ['proxy.config-file', 'proxy.config-current'])
      expect(await host.explain(control)).toMatchObject({
        link: 'edited-not-applied',
        detail: expect.stringMatching(/The running Caddy has not followed\.$/),
        diff: expect.stringContaining('0.0.0.0/0'),
      });
    expect(await host.explain(FENCE)).toBeUndefined();
  });

  it('the file edited and loaded', async () => {
    host.edit('caddy/Caddyfile', ...OPEN);
    host.loaded = host.text('caddy/Caddyfile');
    for (const control of ['proxy.config-file', FENCE])
      expect(await host.explain(control)).toMatchObject({
        link: 'edited-by-hand',
        detail: expect.stringMatching(/The running Caddy has it too\.$/),
      });
  });

  it('a comment added and loaded: what else is wrong with the answers of the proxy is not its fault', async () => {
    host.edit('caddy/Caddyfile', '{', '# a note\n{');
    host.loaded = host.text('caddy/Caddyfile');
    expect(await linkOf('proxy.config-file')).toBe('edited-by-hand');
    expect(await host.explain('proxy.hsts')).toBeUndefined();
  });

  it('another configuration loaded and not saved; with an edited file beside it', async () => {
    host.loaded = host.text('caddy/Caddyfile').replace(...OPEN);
    expect(await linkOf('proxy.config-current')).toBe('changed-at-run-time');
    expect(await linkOf(FENCE)).toBe('changed-at-run-time');
    host.edit('caddy/Caddyfile', 'max-age=31536000', 'max-age=60');
    expect(await linkOf('proxy.config-current')).toBe('changed-at-run-time');
    expect(await linkOf(FENCE)).toBe('changed-at-run-time');
  });

  it('an older TLS allowed: told for TLS, not for the headers', async () => {
    host.edit('caddy/Caddyfile', 'protocols tls1.2', 'protocols tls1.0');
    host.loaded = host.text('caddy/Caddyfile');
    expect(await linkOf('tls.1-1-refused')).toBe('edited-by-hand');
    expect(await host.explain('proxy.hsts')).toBeUndefined();
    expect(await host.explain('tls.certificate')).toBeUndefined();
  });

  it('a file that Caddy refuses', async () => {
    host.edit('caddy/Caddyfile', '{', 'nonsense {');
    expect(await linkOf('proxy.config-current')).toBe('edited-not-applied');
  });

  it('written in a run that was killed before it was loaded', async () => {
    host.log(20, { event: 'run-start', mode: 'apply' });
    host.answers = answered({ maxUploadMb: '60' });
    await host.render(21);
    expect(await linkOf('proxy.config-current')).toBe('never-applied');
  });

  it('for other answers: never applied', async () => {
    host.answers = answered({ adminRanges: ['203.0.113.0/24'] });
    for (const control of ['proxy.config-file', FENCE])
      expect(await host.explain(control)).toMatchObject({
        link: 'never-applied',
        detail: expect.stringContaining('the answer adminRanges differs'),
      });
  });
});

describe('diffs', () => {
  it.each([
    'ENCRYPTION_KEY: hunter2hunter2',
    'POSTGRES_PASSWORD: "hunter2 with spaces"',
    "MY_API_TOKEN: 'hunter2'",
    'EXTRA: { CLIENT_SECRET: hunter2, MORE: 1 }',
    'DATABASE_URL: postgres://me:hunter2@db/x',
    `NOTE: Bearer hunter2${'x'.repeat(20)}`,
    `HASH: $2y$10$${'hunter2'.padEnd(53, 'x')}`,
    `BARE: ${'deadbeef'.repeat(8)}`,
  ])('never show %s', async (line) => {
    host.edit('compose.yaml', 'NODE_ENV: production', `NODE_ENV: development\n      ${line}`);
    const drift = await host.explain('compose.settings');
    expect(drift?.diff).toContain('[secret]');
    expect(JSON.stringify(drift)).not.toMatch(/hunter2|deadbeef/);
  });

  it('show what is no secret: paths, digests, references', async () => {
    const image = `corecube/corecube:v1@sha256:${'ab'.repeat(32)}`;
    host.edit('compose.yaml', 'image: "corecube/corecube:v1"', `image: "${image}"`);
    host.edit(
      'compose.yaml',
      'ENCRYPTION_KEY_FILE: /run/secrets/encryption_key',
      'ENCRYPTION_KEY_FILE: /elsewhere',
    );
    const drift = await host.explain('compose.key-delivery');
    expect(drift?.diff).toContain('+      ENCRYPTION_KEY_FILE: /elsewhere');
    expect(drift?.diff).not.toContain('[secret]');
  });
});

describe('the table', () => {
  it('has no row that fits no control, and none that an earlier row hides', () => {
    const rowOf = (control: string) =>
      RULES.findIndex(([name]) =>
        name.endsWith('*') ? control.startsWith(name.slice(0, -1)) : name === control,
      );
    const used = new Set(CONTROLS.map(rowOf));
    expect(RULES.flatMap(([name], index) => (used.has(index) ? [] : [name]))).toEqual([]);
  });

  it('says nothing of controls that hold, and pays nothing for them', async () => {
    const finding = { control: 'compose.read-only', verdict: { is: 'pass', observed: '' } } as Finding;
    const context = { host: host.reader(), answers: host.answers, signal: new AbortController().signal };
    host.asked.length = 0;
    expect(await explainDrift(finding, context)).toBeUndefined();
    expect(host.asked).toEqual([]);
  });

  it('explains nothing where nothing can be seen', async () => {
    const reader = blindHost().snapshot(new AbortController().signal);
    const findings = CONTROLS.map(
      (control) => ({ control, verdict: { is: 'fail', observed: '', expected: '' } }) as Finding,
    );
    const context = { host: reader, answers: answered(), signal: new AbortController().signal };
    expect(await explainAll(findings, explainDrift, context)).toEqual(findings);
  });

  it('survives whatever lies in the journal and the report', async () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '"x"',
      '{"mode":"apply","finishedAt":"never","steps":1,"answers":{}}',
    ]) {
      host.write('.corecube-secure/report.json', text, 60);
      host.journal.length = 0;
      host.journal.push(null as never, { time: 1 }, { event: 'wrote', path: 1 });
      host.edit('compose.yaml', 'NODE_ENV: production', 'NODE_ENV: production ');
      expect(await host.explain('compose.read-only')).toBeUndefined();
    }
  });
});
