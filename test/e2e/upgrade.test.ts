/**
 * A later release of guide v1 that has to change tables which its app role does not own: it is started once as their
 * owner, behind a stopped proxy, and works with the app role again afterwards.
 */
import { stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
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
