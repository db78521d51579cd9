/** `verify --fix`: repairs what failed and nothing else, and asks before anything is interrupted or rotated. */
import { chmod, readFile, stat, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { type BedHost, createHost, ensureBed } from '../bed/index.ts';
import { reportProblems } from '../report/validators.ts';
import { edit } from '../sabotage/edits.ts';
import { withoutThrottle } from './prepare.ts';
import { Install, snapshot, troubles, verdicts } from './support.ts';

/** What the tool remembers of its runs; never the state of the install. */
const MEMORY = ['.corecube-secure/'];

describe('verify --fix', () => {
  let host: BedHost;
  let install: Install;
  const fix = (...more: string[]) => install.tool(['verify', '--fix', '--dir', install.dir, ...more]);
  const containers = async () => (await install.docker('ps', '--no-trunc', '--quiet')).stdout;

  beforeAll(async () => {
    await ensureBed();
    host = await createHost('fix');
    install = await Install.create(host, 'v2', 'fix');
    await withoutThrottle(install);
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
  });
  afterAll(() => host?.destroy());

  it('changes nothing on a healthy install', async () => {
    const [files, running] = [await snapshot(install.dir, MEMORY), await containers()];
    const { code, stdout } = await fix();
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Every required control that applies is proved');
    expect(await snapshot(install.dir, MEMORY)).toEqual(files);
    expect(await containers()).toBe(running);
  });

  it('shows and makes a change that harms nobody, and touches nothing else', async () => {
    const [files, running] = [await snapshot(install.dir, MEMORY), await containers()];
    await chmod(install.path('secrets/encryption_key'), 0o644);
    await edit(install, 'caddy/Caddyfile', /\n\s*Strict-Transport-Security[^\n]*/, '');
    const { code, stdout } = await fix();
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Give secrets/encryption_key mode 0600');
    expect(stdout).toMatch(/\+\s*Strict-Transport-Security/);
    expect(stdout).toContain('3 changes were made');
    expect(await snapshot(install.dir, MEMORY)).toEqual(files);
    expect(await containers()).toBe(running);
  });

  it('reports, signs off and compares what it came to, as a verify does', async () => {
    expect((await install.verify()).code).toBe(0);
    await chmod(install.path('secrets/encryption_key'), 0o644);
    const page = install.path('../report.html');
    const { code, stdout, stderr } = await fix('--since', 'last', '--json', '--format', `html=${page}`);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as Report;
    expect(reportProblems(report)).toEqual([]);
    expect(report).toMatchObject({
      mode: 'verify',
      exit: 0,
      policy: { failOn: 'required', exitZero: false },
    });
    expect(report.steps.flatMap((s) => s.changes.map((c) => c.status))).toEqual(['done']);
    expect(report.delta).toMatchObject({ new: [], fixed: [] });
    expect(await readFile(page, 'utf8')).toContain('Give secrets/encryption_key mode 0600');
    // What was found and what it came to, in one unbroken chain.
    const records = (await install.read('.corecube-secure/evidence.jsonl')).trimEnd().split('\n').slice(-2);
    expect(records.map((line) => (JSON.parse(line) as { exit: number }).exit)).toEqual([1, 0]);
    expect((await install.tool(['verify', '--evidence', install.dir])).code).toBe(0);
  });

  it('ends with 0 where that is asked for, and never calls it proved', async () => {
    await install.docker('rm', '--force', await install.container('caddy'));
    const { code, stdout } = await fix('--exit-zero');
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('needs your consent');
    expect(stdout.replace(/\s+/g, ' ')).toContain('(--exit-zero); by what was found it is 1');
    expect((await fix('--yes')).code).toBe(0);
  });

  it('asks before a container is recreated: without consent it is named and left', async () => {
    const running = await containers();
    await install.docker('rm', '--force', await install.container('caddy'));
    const without = await containers();
    const declined = await fix();
    expect(declined.code, declined.stdout).toBe(1);
    expect(declined.stdout).toContain('needs your consent');
    expect(declined.stdout).toContain('The proxy is recreated');
    expect(await containers()).toBe(without);
    const agreed = await fix('--yes');
    expect(agreed.code, agreed.stdout).toBe(0);
    expect((await containers()).split('\n')).toHaveLength(running.split('\n').length);
  });

  it('puts the access of .env right without a word about its passwords, and goes on', async () => {
    const [files, running] = [await snapshot(install.dir, MEMORY), await containers()];
    await chmod(install.path('.env'), 0o644);
    await chmod(install.path('secrets/admin_password'), 0o644);
    await chmod(install.path('caddy'), 0o777);
    const { code, stdout } = await fix();
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('Give .env mode 0600');
    expect(await snapshot(install.dir, MEMORY)).toEqual(files);
    expect(await containers()).toBe(running);
  });

  it('makes what stands alone after something was left, and builds nothing on what was left', async () => {
    const id = await install.container('corecube');
    await install.docker('update', '--memory', '700m', '--memory-swap', '700m', id);
    await chmod(install.path('secrets/admin_password'), 0o644);
    await edit(install, 'caddy/Caddyfile', /\n\s*Strict-Transport-Security[^\n]*/, '');
    const broken = await install.read('caddy/Caddyfile');
    const { code, stdout } = await fix('--json');
    const report = JSON.parse(stdout) as Report;
    expect(code, stdout).toBe(1);
    expect(reportProblems(report)).toEqual([]);
    expect(report.stopped).toMatchObject({ step: 'services' });
    const statuses = report.steps.flatMap((s) => s.changes.map((c) => `${c.id} ${c.status}`));
    expect(statuses).toContain('services.start-corecube declined');
    expect(statuses).toContain('admin-account.password-file done');
    expect(statuses).toContain('proxy.write-config declined');
    expect(statuses.filter((text) => text.endsWith(' done'))).toHaveLength(1);
    expect((await stat(install.path('secrets/admin_password'))).mode & 0o777).toBe(0o600);
    expect(await install.read('caddy/Caddyfile')).toBe(broken);
    expect(await install.container('corecube')).toBe(id);
    const told = await fix();
    expect(told.stdout).toContain('Not done, because it needs your consent');
    expect(told.stdout).toContain('Not done, because it comes after what needs your consent');
    expect((await fix('--yes')).code).toBe(0);
  });

  it('never replaces a key over its data: the instructions come instead', async () => {
    const before = await stat(install.path('secrets/encryption_key'));
    await host.run(['mv', install.path('secrets/encryption_key'), install.path('../key-kept')]);
    const { code, stdout } = await fix('--yes');
    expect(code, stdout).toBe(1);
    expect(stdout).toContain('Restore the key from its backup');
    await expect(stat(install.path('secrets/encryption_key'))).rejects.toThrow('ENOENT');
    await host.run(['mv', install.path('../key-kept'), install.path('secrets/encryption_key')]);
    expect((await stat(install.path('secrets/encryption_key'))).ino).toBe(before.ino);
    expect((await install.verify()).code).toBe(0);
  });

  it('is the same install under another name', async () => {
    const other = `${install.dir}-by-another-name`;
    await symlink(install.dir, other);
    const twice = await install.tool(['verify', install.dir, other, '--format', 'json']);
    expect(JSON.parse(twice.stdout)).toMatchObject({ dir: install.dir, exit: 0 });
    // Whoever starts it by hand under that name makes nothing another install either.
    const up = ['up', '--detach', '--wait', '--force-recreate', '--no-deps', 'caddy'];
    const files = ['compose.yaml', 'compose.override.yaml'].flatMap((name) => ['--file', `${other}/${name}`]);
    const by = ['docker', 'compose', '--project-name', install.project, '--project-directory', other];
    const started = await host.run([...by, ...files, ...up]);
    expect(started.exitCode, started.stderr).toBe(0);
    const { code, report } = await install.verify();
    expect(code, troubles(report)).toBe(0);
  });

  it('verifies several installs in one call, told one after the other', async () => {
    // A copy of the directory is no second install: the containers are the other one's, and it is told so.
    const copy = `${install.dir}-copy`;
    await host.run(['cp', '-a', install.dir, copy]);
    const result = await install.tool(['verify', install.dir, copy, '--format', 'json']);
    expect(result.code, result.stderr).toBe(1);
    const reports = JSON.parse(result.stdout) as Report[];
    expect(reports.map(({ dir, exit }) => [dir, exit])).toEqual([
      [install.dir, 0],
      [copy, 1],
    ]);
    expect(verdicts(reports[1] as Report)).toMatchObject({ 'host.no-foreign-install': 'fail' });
    await host.run(['rm', '-r', copy]);
    const missing = await install.tool(['verify', install.dir, '/nowhere']);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('/nowhere');
  });
});
