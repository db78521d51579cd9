/**
 * What moves on, and what of the install stays behind.
 *
 * A later release of guide v1 that has to change tables which its app role does not own: it is started once as their
 * owner, behind a stopped proxy, and works with the app role again afterwards.
 *
 * A later version of this tool, an image that was loaded anew under its name, and a container that was recreated from it:
 * verify names the update as the cause, and nothing else.
 */
import { cp, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Drift, Report } from '../../src/core/report.ts';
import { type BedHost, createHost } from '../bed/index.ts';
import { withoutThrottle } from './prepare.ts';
import { answersFor, DOMAIN, HOST_ADDRESS, Install, secretsOf, troubles } from './support.ts';

const BOOT_FILES = ['.corecube-secure/bootstrap.env', '.corecube-secure/bootstrap.compose.yaml'];

describe('an upgrade of guide v1 that migrates', () => {
  let host: BedHost;
  let install: Install;

  beforeAll(async () => {
    host = await createHost('extup');
    install = await Install.create(host, 'v1', 'extup');
    await withoutThrottle(install);
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
  });
  afterAll(() => host?.destroy());

  const done = (report: Report) => report.steps.flatMap((s) => s.changes.map((c) => `${c.id} ${c.status}`));
  const status = async () =>
    (
      await host
        .client(2)
        .run([
          ...['curl', '-sk', '-m', '10', '-o', '/dev/null', '-w', '%{http_code}'],
          ...['--resolve', `${DOMAIN}:443:${HOST_ADDRESS}`, `https://${DOMAIN}/v1/models`],
        ])
    ).stdout;
  /** What must hold whenever an apply is over: no file of a boot, no URL of the owner in CoreCube, the proxy serves. */
  const isClosed = async () => {
    for (const name of BOOT_FILES) await expect(stat(install.path(name))).rejects.toThrow('ENOENT');
    const inspected = await install.docker('inspect', await install.container('corecube'));
    expect(inspected.stdout).toContain('corecube_app:');
    expect(inspected.stdout).not.toContain('corecube_migrator');
    expect(await status()).toBe('401');
  };

  it('is made as the owner of the tables, once, and proved with the app role', async () => {
    const before = await install.sql('select count(*) from documents');
    await install.answer(answersFor('v1', 'extup', { image: 'corecube/corecube:v1-next' }));
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    expect(done(report)).toEqual([
      'preflight.pull-images done',
      'compose.write done',
      'services.start-corecube done',
      'services.policies-record done',
    ]);
    expect(await install.sql('select count(*) from documents where language is not null')).toBe(before);
    expect(
      await install.sql(
        `select tableowner, rowsecurity, has_table_privilege('corecube_app', 'document_labels', 'INSERT')
           from pg_tables where tablename = 'document_labels'`,
      ),
    ).toBe('corecube_migrator|t|t');
    await isClosed();
    const again = await install.applyJson();
    expect([again.code, done(again.report)], troubles(again.report)).toEqual([0, []]);
    const verified = await install.verify();
    expect(verified.code, troubles(verified.report)).toBe(0);
  });

  it('goes on where a run was killed between the two starts', async () => {
    // What such a run leaves: both files, a stopped proxy, and a CoreCube that has not come up.
    const owner = /^CORECUBE_SECURE_OWNER_URL=(.*)$/m.exec(await install.read('.env'))?.[1];
    await writeFile(install.path(BOOT_FILES[0] as string), `PGVECTOR_URL='${owner}'\n`, { mode: 0o600 });
    await writeFile(install.path(BOOT_FILES[1] as string), 'services: { corecube: { environment: {} } }\n');
    await install.docker('stop', await install.container('caddy'));
    await install.docker('rm', '--force', await install.container('corecube'));
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    await isClosed();
  });

  it('says so when the migration fails for its owner too, and comes back when the cause is gone', async () => {
    await writeFile(
      install.path('compose.override.yaml'),
      'services:\n  corecube:\n    environment:\n      CORECUBE_FAULTS: no-throttle migration-fails\n',
    );
    const broken = await install.applyJson();
    expect(broken.code, troubles(broken.report)).toBe(3);
    expect(broken.report.stopped?.reason).toContain('its migration failed');
    expect(broken.report.stopped?.log?.join('\n')).toContain('does not exist');
    const shown = JSON.stringify(broken.report) + broken.stderr;
    expect(Object.entries(await secretsOf(install)).filter(([, value]) => shown.includes(value))).toEqual([]);
    for (const name of BOOT_FILES) await expect(stat(install.path(name))).rejects.toThrow('ENOENT');
    const verified = await install.verify();
    expect(verified.code).toBe(1);
    await withoutThrottle(install);
    const repaired = await install.applyJson();
    expect(repaired.code, `${troubles(repaired.report)}\n${repaired.stderr}`).toBe(0);
    await isClosed();
  });
});

const EARLIER = '0.1.0';
const ROOT = resolve(import.meta.dirname, '../..');

/** Replaces one text in a file that holds it. */
async function replace(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

/** An earlier version of this tool, built from its sources: it writes another Caddyfile. @returns its directory */
async function buildEarlier(): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'ccs-earlier-'));
  for (const name of ['src', 'steps', 'templates', 'scripts', 'package.json', 'tsconfig.json'])
    await cp(join(ROOT, name), join(base, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(base, 'node_modules'));
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  await replace(join(base, 'package.json'), `"version": "${version}"`, `"version": "${EARLIER}"`);
  await replace(join(base, 'templates/Caddyfile'), 'grace_period 10s', 'grace_period 20s');
  await execa(process.execPath, ['scripts/build.mjs'], { cwd: base });
  return base;
}

describe('what an update moved', () => {
  const IMAGE = 'registry.example/corecube:stable';
  let host: BedHost;
  let install: Install;
  let earlier: string;

  /** The failing controls, each with what verify says of its cause. */
  const causes = ({ steps }: Report): Record<string, Drift | undefined> =>
    Object.fromEntries(
      steps
        .flatMap((step) => step.findings)
        .filter(({ verdict }) => verdict.is === 'fail')
        .map(({ control, drift }) => [control, drift]),
    );
  const docker = async (...args: string[]) => {
    const { code, stdout, stderr } = await install.docker(...args);
    expect(code, `docker ${args.join(' ')}\n${stderr}`).toBe(0);
    return stdout.trim();
  };
  const idOf = (image: string) => docker('image', 'inspect', '--format', '{{.Id}}', image);
  const short = (id: string) => id.replace('sha256:', '').slice(0, 12);

  beforeAll(async () => {
    earlier = await buildEarlier();
    host = await createHost('extupd');
    install = await Install.create(host, 'v1', 'extupd', { image: IMAGE, release: 'v1' });
    await withoutThrottle(install);
    // Loaded by hand: no registry knows a digest of it, so that its id is recorded.
    await docker('pull', '--quiet', 'corecube/corecube:v1');
    await docker('tag', 'corecube/corecube:v1', IMAGE);
    const made = await host.run(
      [process.execPath, join(earlier, 'dist/bin.cjs'), '--yes', '--answers', install.answersFile].concat(
        '--dir',
        install.dir,
      ),
      { timeoutMs: 400_000 },
    );
    expect(made.exitCode, made.stdout + made.stderr).toBe(0);
  });
  afterAll(async () => {
    await host?.destroy();
    if (earlier) await rm(earlier, { recursive: true, force: true });
  });

  it('of this tool: a file is as the earlier version wrote it, and apply writes it anew', async () => {
    const { report } = await install.verify();
    const { version } = report.tool;
    expect(causes(report), troubles(report)).toEqual({
      'proxy.config-file': {
        link: 'changed-by-update',
        detail: expect.stringMatching(
          `^caddy/Caddyfile is as version ${EARLIER} of this tool wrote it on 20.* UTC; version ${version} writes it differently\\.$`,
        ),
        diff: expect.stringMatching(/^-\s*grace_period 10s\n\+\s*grace_period 20s$/m),
      },
    });
    const text = await install.tool(['verify', '--dir', install.dir]);
    expect(text.stdout).toContain('changed by an update');
    const applied = await install.applyJson();
    expect(applied.code, `${troubles(applied.report)}\n${applied.stderr}`).toBe(0);
    const verified = await install.verify();
    expect([verified.code, causes(verified.report)], troubles(verified.report)).toEqual([0, {}]);
  });

  it('of an image: its name stands for another one than was recorded', async () => {
    const recorded = await idOf(IMAGE);
    await docker('create', '--name', 'rebuilt', IMAGE);
    await docker('commit', '--change', 'LABEL rebuilt=yes', 'rebuilt', IMAGE);
    await docker('rm', 'rebuilt');
    expect(await idOf(IMAGE)).not.toBe(recorded);
    const { code, report } = await install.verify();
    expect([code, causes(report)], troubles(report)).toEqual([
      1,
      {
        'images.pinned': {
          link: 'changed-by-update',
          detail: `The tag ${IMAGE} stands for another image than ${short(recorded)}, which this tool recorded.`,
        },
      },
    ]);
  });

  it('of what runs: the container is of the newer image, and so is what its release made of the tables', async () => {
    const [newer, recorded] = [await idOf(IMAGE), await idOf('corecube/corecube:v1')];
    const override = ['--file', install.path('compose.override.yaml')];
    const up = async () => {
      const args = ['up', '--detach', '--no-deps', '--wait', 'corecube'];
      const { code, stderr } = await install.compose(...override, ...args);
      expect(code, stderr).toBe(0);
    };
    await up();
    // Nobody has chosen it yet: what it made of the tables is not taken for what must be there.
    const record = await install.read('.corecube-secure/policies.json');
    const refused = await install.applyJson();
    expect(refused.code, troubles(refused.report)).toBe(3);
    expect(refused.report.stopped?.reason).toContain('is not recorded before somebody has chosen it');
    expect(await install.read('.corecube-secure/policies.json')).toBe(record);
    await docker('tag', recorded, IMAGE);
    const moved = {
      link: 'changed-by-update',
      detail: expect.stringMatching(
        `^It held at the apply of 20.* UTC; corecube runs the image ${short(newer)} instead of ${short(recorded)} since\\.$`,
      ),
    };
    const only = await install.verify();
    const runs = {
      link: 'changed-by-update',
      detail: expect.stringMatching(
        `^The container of corecube was created on 20.* UTC and runs the image ${short(newer)} instead of its pin ${short(recorded)}\\.$`,
      ),
    };
    expect(causes(only.report), troubles(only.report)).toEqual({
      'images.pinned': runs,
      'running.current': runs,
      'pg.policies-recorded': moved,
    });
    // As a migration of such a release may do it.
    await install.sql('alter table documents disable row level security');
    const { report } = await install.verify();
    expect(causes(report)['pg.rls-enabled'], troubles(report)).toEqual(moved);
    await install.sql('alter table documents enable row level security');
    const repaired = await install.applyJson();
    expect(repaired.code, `${troubles(repaired.report)}\n${repaired.stderr}`).toBe(0);
    expect(await install.read('.corecube-secure/policies.json')).toBe(record);
    const again = await install.verify();
    expect([again.code, causes(again.report)], troubles(again.report)).toEqual([0, {}]);
  });
});
