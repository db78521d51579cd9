/** One thing broken at a time on a real install: verify names the link that broke, in words, with the diff, without a secret. */
import { appendFile, chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Drift, DriftLink, Report } from '../../src/core/report.ts';
import { type BedHost, createHost, ensureBed } from '../bed/index.ts';
import { edit, reloadCaddy } from '../sabotage/edits.ts';
import { NO_THROTTLE, withoutThrottle } from './prepare.ts';
import { answersFor, Install, secretsOf, troubles } from './support.ts';

const PROJECT = 'dft';
let host: BedHost;
let install: Install;

interface Expected {
  readonly link: DriftLink | undefined;
  readonly detail?: RegExp;
  /** Lines of the diff, or false: there must be none. */
  readonly diff?: RegExp | false;
}

interface Row {
  readonly name: string;
  break(i: Install): Promise<unknown>;
  /** Arguments of verify. */
  readonly verify?: (i: Install) => readonly string[];
  readonly expect: Readonly<Record<string, Expected>>;
  /** Puts it right; without it apply does. */
  undo?(i: Install): Promise<unknown>;
}

/** docker compose with both files of the install, as the tool itself calls it. */
const up = (i: Install, file = 'compose.yaml', service = 'corecube') =>
  i
    .docker(
      ...['compose', '--project-name', PROJECT, '--project-directory', i.dir],
      ...['--file', i.path(file), '--file', i.path('compose.override.yaml')],
      ...['up', '--detach', '--no-deps', '--wait', service],
    )
    .then((result) => {
      if (result.code !== 0) throw new Error(result.stderr);
    });

const drifts = (report: Report): Record<string, Drift | undefined> =>
  Object.fromEntries(report.steps.flatMap((s) => s.findings.map((f) => [f.control, f.drift] as const)));

const keep = async (i: Install, name: string) => writeFile(i.path('../kept'), await readFile(i.path(name)));
const putBack = async (i: Install, name: string) =>
  writeFile(i.path(name), await readFile(i.path('../kept')));

const rows: readonly Row[] = [
  {
    name: 'compose.yaml edited, not applied',
    break: (i) => edit(i, 'compose.yaml', 'read_only: true', 'read_only: false'),
    expect: {
      'compose.read-only': {
        link: 'edited-not-applied',
        detail:
          /^compose\.yaml says read_only: false where this tool writes read_only: true; this tool wrote it on 20.*The container of corecube has not followed\.$/,
        diff: /^-\s+read_only: true\n\+\s+read_only: false$/m,
      },
      'running.current': { link: 'edited-not-applied', diff: /read_only: false/ },
    },
    undo: (i) => edit(i, 'compose.yaml', 'read_only: false', 'read_only: true'),
  },
  {
    name: 'compose.yaml edited and applied',
    break: async (i) => {
      await edit(i, 'compose.yaml', 'cap_drop: [ ALL ]', 'cap_drop: [ ALL ]\n    cap_add: [ SYS_ADMIN ]');
      await up(i);
    },
    expect: {
      'compose.capabilities': {
        link: 'edited-by-hand',
        detail: /added line cap_add.*The container of corecube has it too\.$/,
        diff: /^\+\s+cap_add: \[ SYS_ADMIN \]$/m,
      },
      'running.capabilities': { link: 'edited-by-hand', diff: /cap_add/ },
    },
  },
  {
    name: 'the container recreated by hand from another file',
    break: async (i) => {
      const text = (await i.read('compose.yaml')).replace('read_only: true', 'read_only: false');
      await writeFile(i.path('other.yaml'), text);
      await up(i, 'other.yaml');
    },
    expect: {
      'running.read-only': { link: 'changed-at-run-time', detail: /other\.yaml/, diff: false },
      'running.current': { link: 'changed-at-run-time', detail: /other\.yaml/, diff: false },
    },
    undo: async (i) => {
      await rm(i.path('other.yaml'));
      await up(i);
    },
  },
  {
    name: 'the container changed with docker update',
    break: async (i) => i.docker('update', '--restart', 'no', await i.container('corecube')),
    expect: {
      'running.restart': {
        link: 'changed-at-run-time',
        detail: /the running container was changed/,
        diff: false,
      },
    },
    undo: async (i) => i.docker('update', '--restart', 'unless-stopped', await i.container('corecube')),
  },
  {
    name: 'the container removed',
    break: async (i) => i.docker('rm', '--force', await i.container('corecube')),
    expect: { 'running.corecube-up': { link: 'changed-at-run-time', detail: /was removed/, diff: false } },
    undo: (i) => up(i),
  },
  {
    name: 'the override file edited, not applied',
    break: (i) => appendFile(i.path('compose.override.yaml'), '  pgvector: { ports: ["5432:5432"] }\n'),
    expect: {
      'compose.override-keeps-hardening': {
        link: 'edited-not-applied',
        detail: /pgvector.*has not followed/,
        diff: false,
      },
      'running.current': { link: 'edited-not-applied', detail: /compose\.override\.yaml/, diff: false },
    },
    undo: (i) => writeFile(i.path('compose.override.yaml'), NO_THROTTLE),
  },
  {
    name: 'a secret typed into compose.yaml never shows in the diff',
    break: (i) =>
      edit(
        i,
        'compose.yaml',
        'NODE_ENV: production',
        'NODE_ENV: production\n      ENCRYPTION_KEY: hunter2hunter2',
      ),
    expect: {
      'compose.key-delivery': { link: 'edited-not-applied', diff: /^\+\s+ENCRYPTION_KEY: \[secret\]$/m },
    },
    undo: (i) => edit(i, 'compose.yaml', '\n      ENCRYPTION_KEY: hunter2hunter2', ''),
  },
  {
    name: 'a variable of .env edited, not applied',
    break: async (i) => {
      await keep(i, '.env');
      await edit(i, '.env', /(PGVECTOR_MAINTENANCE_URL=.*corecube)\?/, '$1?application_name=x&');
    },
    expect: {
      'running.current': {
        link: 'edited-not-applied',
        detail: /\.env has another value of PGVECTOR_MAINTENANCE_URL/,
        diff: false,
      },
    },
    undo: (i) => putBack(i, '.env'),
  },
  {
    name: 'the Caddyfile edited, not reloaded',
    break: (i) => edit(i, 'caddy/Caddyfile', /@inside remote_ip .*/, '@inside remote_ip 0.0.0.0/0'),
    expect: {
      'proxy.config-file': {
        link: 'edited-not-applied',
        detail: /The running Caddy has not followed\.$/,
        diff: /^\+.*0\.0\.0\.0\/0$/m,
      },
      'proxy.config-current': { link: 'edited-not-applied', diff: /0\.0\.0\.0\/0/ },
    },
  },
  {
    name: 'the Caddyfile edited and reloaded',
    break: async (i) => {
      await edit(i, 'caddy/Caddyfile', /\n\s*Strict-Transport-Security[^\n]*/, '');
      await reloadCaddy(i);
    },
    expect: {
      'proxy.config-file': { link: 'edited-by-hand', diff: /^-.*Strict-Transport-Security/m },
      'proxy.hsts': { link: 'edited-by-hand', detail: /The running Caddy has it too\.$/ },
      'proxy.headers-once': { link: 'edited-by-hand' },
    },
  },
  {
    name: 'another configuration loaded into Caddy, not saved',
    break: async (i) => {
      const text = (await i.read('caddy/Caddyfile')).replace(
        /@inside remote_ip .*/,
        '@inside remote_ip 0.0.0.0/0',
      );
      const name = await i.container('caddy');
      const put = await host.run(['docker', 'exec', '--interactive', name, 'tee', '/tmp/other'], {
        input: text,
      });
      if (put.exitCode !== 0) throw new Error(put.stderr);
      await reloadCaddy(i, '/tmp/other');
    },
    expect: {
      'proxy.config-current': { link: 'changed-at-run-time', detail: /admin endpoint/, diff: false },
      'proxy.admin-refused-from-outside': { link: 'changed-at-run-time', diff: false },
    },
    undo: (i) => reloadCaddy(i),
  },
  {
    name: 'pg_hba.conf edited, not reloaded',
    break: async (i) => appendFile(i.path('postgres/pg_hba.conf'), 'host all all all trust\n'),
    expect: {
      'pg.files': {
        link: 'edited-not-applied',
        detail: /host all all all trust.*The running server has not followed\.$/,
        diff: /^\+host all all all trust$/m,
      },
    },
    undo: (i) => edit(i, 'postgres/pg_hba.conf', 'host all all all trust\n', ''),
  },
  {
    name: 'pg_hba.conf edited and reloaded',
    break: async (i) => {
      const path = i.path('postgres/pg_hba.conf');
      await writeFile(path, `host all all all trust\n${await readFile(path, 'utf8')}`);
      await i.sql('select pg_reload_conf()');
    },
    expect: {
      'pg.files': { link: 'edited-by-hand', detail: /The running server has it too\.$/ },
      'pg.scram-only': { link: 'edited-by-hand', diff: /trust/ },
      'pg.plaintext-refused': { link: 'edited-by-hand', diff: /trust/ },
    },
  },
  {
    name: 'a role altered by SQL',
    break: (i) => i.sql('alter role corecube_app bypassrls'),
    expect: {
      'pg.app-attributes': {
        link: 'changed-at-run-time',
        detail: /^It held at the apply of 20.*changed in the running database since\.$/,
        diff: false,
      },
    },
    undo: (i) => i.sql('alter role corecube_app nobypassrls'),
  },
  {
    name: 'a setting of CoreCube changed past this tool',
    break: (i) =>
      i.sql(
        `update settings set value = '{"retention_days": 3650, "query_text": "full"}' where key = 'audit'`,
      ),
    expect: { 'audit.retention-days': { link: 'changed-at-run-time', diff: false } },
  },
  {
    name: 'the key readable for everybody',
    break: (i) => chmod(i.path('secrets/encryption_key'), 0o644),
    expect: {
      'key.access': {
        link: 'edited-by-hand',
        detail:
          /^secrets\/encryption_key was given mode 0600, owner \d+ by this tool and has mode 0644, owner \d+ now\.$/,
        diff: false,
      },
      'key.unreadable-by-others': { link: 'edited-by-hand', diff: false },
    },
    undo: (i) => chmod(i.path('secrets/encryption_key'), 0o600),
  },
  {
    name: 'the key replaced by another one',
    break: async (i) => {
      await keep(i, 'secrets/encryption_key');
      await writeFile(i.path('secrets/encryption_key'), 'ab'.repeat(32));
    },
    expect: { 'key.belongs-to-data': { link: 'edited-by-hand', diff: false } },
    undo: (i) => putBack(i, 'secrets/encryption_key'),
  },
  {
    name: 'an answer changed and not applied',
    break: (i) => writeFile(i.path('../other-answers.yaml'), answersFor('v1', PROJECT, { maxUploadMb: 60 })),
    verify: (i) => ['--answers', i.path('../other-answers.yaml')],
    expect: {
      'compose.settings': {
        link: 'never-applied',
        detail: /^the answer maxUploadMb differs/,
        diff: /^-.*"60"$/m,
      },
      'proxy.config-file': { link: 'never-applied', detail: /maxUploadMb/ },
    },
    undo: async () => {},
  },
  {
    name: 'a saved answer edited and not applied',
    break: (i) => edit(i, '.corecube-secure/answers.yaml', 'sessionHours: "8"', 'sessionHours: "4"'),
    expect: {
      'compose.settings': { link: 'never-applied', detail: /^the answer sessionHours differs/ },
      'session.environment': { link: 'never-applied', detail: /sessionHours/ },
    },
    undo: (i) => edit(i, '.corecube-secure/answers.yaml', 'sessionHours: "4"', 'sessionHours: "8"'),
  },
  {
    name: 'without a journal the report of the last apply still tells',
    break: async (i) => {
      await rename(i.path('.corecube-secure/journal.jsonl'), i.path('../journal'));
      await edit(i, 'compose.yaml', 'read_only: true', 'read_only: false');
    },
    expect: { 'compose.read-only': { link: 'edited-not-applied', diff: /read_only: false/ } },
    undo: async () => {},
  },
  {
    name: 'without journal and report nothing is told, and nothing wrong',
    break: (i) => rename(i.path('.corecube-secure/report.json'), i.path('../report.json')),
    expect: { 'compose.read-only': { link: undefined }, 'running.current': { link: undefined } },
    undo: (i) => rename(i.path('../report.json'), i.path('.corecube-secure/report.json')),
  },
  {
    name: 'a torn journal is read as far as it goes',
    break: async (i) =>
      writeFile(
        i.path('.corecube-secure/journal.jsonl'),
        (await readFile(i.path('../journal'), 'utf8')).slice(0, -40),
      ),
    expect: { 'compose.read-only': { link: 'edited-not-applied', detail: /this tool wrote it on/ } },
    undo: async (i) => {
      await rename(i.path('../journal'), i.path('.corecube-secure/journal.jsonl'));
      await edit(i, 'compose.yaml', 'read_only: false', 'read_only: true');
    },
  },
];

describe('the link that broke', () => {
  beforeAll(async () => {
    await ensureBed();
    host = await createHost('dft');
    install = await Install.create(host, 'v1', PROJECT);
    await withoutThrottle(install);
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
  });
  afterAll(() => host?.destroy());

  it('remembers what it wrote, and nothing of a secret', async () => {
    const journal = (await install.read('.corecube-secure/journal.jsonl'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    const wrote = journal.filter((entry) => entry.event === 'wrote');
    expect(wrote.map((entry) => entry.path).sort()).toEqual([
      'caddy/Caddyfile',
      'compose.yaml',
      'postgres/pg_hba.conf',
    ]);
    for (const { sha256, version } of wrote)
      expect([sha256, version]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.any(String)]);
  });

  it('explains nothing of what holds', async () => {
    const { code, report } = await install.verify();
    expect(code, troubles(report)).toBe(0);
    expect(Object.values(drifts(report)).filter(Boolean)).toEqual([]);
  });

  it.each(rows)('$name', async (row) => {
    await row.break(install);
    const { report } = await install.verify(row.verify?.(install));
    const found = drifts(report);
    for (const [control, { link, detail, diff }] of Object.entries(row.expect)) {
      const drift = found[control];
      expect.soft(drift?.link, `${control} ${JSON.stringify(drift)}\n${troubles(report)}`).toBe(link);
      if (detail) expect.soft(drift?.detail, control).toMatch(detail);
      if (diff) expect.soft(drift?.diff, control).toMatch(diff);
      if (diff === false) expect.soft(drift?.diff, control).toBeUndefined();
    }
    if (row.undo) {
      await row.undo(install);
      return;
    }
    const repaired = await install.applyJson();
    expect(repaired.code, `${troubles(repaired.report)}\n${repaired.stderr}`).toBe(0);
  });

  it('is healthy after all of it', async () => {
    const { code, report } = await install.verify();
    expect(code, troubles(report)).toBe(0);
  });

  it('tells what was never made where only the files were written', async () => {
    const dir = resolve(install.dir, '../files-only');
    await mkdir(dir);
    const answers = resolve(install.dir, '../files-only.yaml');
    await writeFile(answers, answersFor('v1', 'dftfiles', { httpPort: 8080, httpsPort: 8443 }));
    const made = await install.tool(['--yes', '--files-only', '--answers', answers, '--dir', dir]);
    expect(await readdir(dir), made.stdout + made.stderr).toContain('compose.yaml');
    const { stdout } = await install.tool(['verify', '--json', '--answers', answers, '--dir', dir]);
    const found = drifts(JSON.parse(stdout) as Report);
    expect(found['running.corecube-up']).toEqual({
      link: 'never-applied',
      detail: 'The container of corecube was never created here.',
    });
    expect(found['proxy.up']?.link).toBe('never-applied');
    await rm(join(dir, 'compose.yaml'));
    const without = await install.tool(['verify', '--json', '--answers', answers, '--dir', dir]);
    expect(drifts(JSON.parse(without.stdout) as Report)['compose.valid']?.detail).toMatch(
      /has been removed since/,
    );
  });

  it('never shows a secret', async () => {
    const text = install.outputs.join('\n') + (await install.read('.corecube-secure/journal.jsonl'));
    for (const [name, value] of Object.entries(await secretsOf(install)))
      expect(text.includes(value), name).toBe(false);
    expect(text).not.toContain('hunter2');
  });
});
