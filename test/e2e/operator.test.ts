/** Operators as they are: no root, no Docker, a file of their own, a pager, an old terminal. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Report } from '../../src/core/report.ts';
import { type BedHost, freshHost, type RunResult } from '../bed/index.ts';
import { type Packed, pack, putText } from './packed.ts';
import { NO_THROTTLE } from './prepare.ts';
import { answersFor, snapshot, troubles } from './support.ts';

const TOOL = '/opt/tool/dist/bin.cjs';
const LONG = { timeoutMs: 400_000 };

const everything = (result: RunResult) => result.stdout + result.stderr;
const modeOf = (disk: Record<string, string>, path: string) => disk[path]?.split(' ').slice(0, 2).join(' ');
/** Characters that an old terminal or a log cannot show: all but printable ASCII and line feeds. */
const UNPRINTABLE = /[^\n\u0020-\u007e]/;

describe('an operator without root', () => {
  let host: BedHost;
  let packed: Packed;
  let dir: string;

  beforeAll(async () => {
    packed = await pack();
    host = await freshHost('o-user', { engine: 'sid', clients: false });
    await host.put(packed.directory, '/opt/tool');
    for (const [name, uid] of [
      ['op', '1500'],
      ['guest', '1600'],
    ] as const) {
      await host.out(['useradd', '--create-home', '--uid', uid, name]);
      await putText(host, `/home/${name}/answers.yaml`, answersFor('v2', 'operator'));
      await putText(host, `/home/${name}/corecube/compose.override.yaml`, NO_THROTTLE);
      await host.out(['chown', '--recursive', `${name}:${name}`, `/home/${name}`]);
    }
    await host.out(['usermod', '--append', '--groups', 'docker', 'op']);
    dir = await host.pathInside('/home/op/corecube');
  });
  afterAll(async () => {
    await host?.destroy();
    await packed?.remove();
  });

  const as = (user: string, argv: readonly string[], lang = 'C') =>
    host.run(['runuser', '--user', user, '--', ...argv], {
      ...LONG,
      cwd: `/home/${user}`,
      env: { HOME: `/home/${user}`, USER: user, LOGNAME: user, LANG: lang },
    });
  const apply = ['node', TOOL, '--yes', '--answers', 'answers.yaml'];

  it('is told how to reach the engine, and nothing is changed, when the group is missing', async () => {
    const home = await host.pathInside('/home/guest');
    const before = await snapshot(home, ['corecube/.corecube-secure']);
    const refused = await as('guest', apply);
    expect(refused.exitCode, everything(refused)).toBe(1);
    expect(everything(refused).replaceAll(/\s+/g, ' ')).toMatch(/usermod -aG docker guest/);
    expect(await snapshot(home, ['corecube/.corecube-secure'])).toEqual(before);
    expect((await host.out(['docker', 'ps', '--all', '--quiet'])).trim()).toBe('');
  });

  it('of the docker group does the whole job, in plain ASCII where the terminal knows no more', async () => {
    const applied = await as('op', apply);
    expect(applied.exitCode, everything(applied)).toBe(0);
    expect(everything(applied).match(UNPRINTABLE), everything(applied)).toBeNull();
    const disk = await snapshot(dir);
    expect(modeOf(disk, 'secrets/encryption_key')).toBe('600 1000:1000');
    expect(modeOf(disk, 'secrets/pg_server.key')).toMatch(/^[46]00 999:999$/);
    expect(modeOf(disk, 'secrets/pg_superuser_password')).toMatch(/^[46]00 999:999$/);
    expect(modeOf(disk, 'secrets')).toBe('700 1500:1500');
    expect(modeOf(disk, '.env')).toBe('600 1500:1500');
    const verified = await as('op', ['node', TOOL, 'verify', '--json']);
    const report = JSON.parse(verified.stdout) as Report;
    expect(verified.exitCode, troubles(report)).toBe(0);
    expect(report.steps.flatMap((s) => s.findings).length).toBeGreaterThan(100);
  });

  it('keeps comments and services of its own when a drifted key is put back', async () => {
    const file = join(dir, 'compose.yaml');
    const before = await readFile(file, 'utf8');
    const edited = before
      .replace('    read_only: true\n', '    # ours: see ticket 4711\n    read_only: false # for a test\n')
      .replace(
        '\nservices:\n',
        '\nservices:\n  # The wiki beside it\n  wiki:\n    image: caddy:2\n    profiles: [wiki] # off by default\n\n',
      );
    expect(edited).toContain('ticket 4711');
    await writeFile(file, edited);
    const again = await as('op', [...apply, '--json']);
    const report = JSON.parse(again.stdout) as Report;
    expect(again.exitCode, troubles(report)).toBe(0);
    const after = await readFile(file, 'utf8');
    for (const kept of ['# ours: see ticket 4711', '# The wiki beside it', '# off by default'])
      expect(after).toContain(kept);
    const model = parse(after) as { services: Record<string, Record<string, unknown>> };
    expect(model.services.wiki).toEqual({ image: 'caddy:2', profiles: ['wiki'] });
    expect(model.services.corecube?.read_only).toBe(true);
  });

  it('may close the pipe: `| head -1` does not end a change half way', async () => {
    await host.out(['docker', 'rm', '--force', 'operator-caddy-1']);
    const line = `${apply.join(' ')} | head -1; exit \${PIPESTATUS[0]}`;
    const piped = await as('op', ['bash', '-c', line], 'C.UTF-8');
    expect([piped.exitCode, piped.stdout.trimEnd().split('\n').length], everything(piped)).toEqual([0, 1]);
    const state = await host.out(['docker', 'inspect', '--format', '{{.State.Status}}', 'operator-caddy-1']);
    expect(state).toBe('running\n');
  });
});

describe('an operator without Docker', () => {
  let host: BedHost;
  let packed: Packed;

  beforeAll(async () => {
    packed = await pack();
    host = await freshHost('o-files', { engine: 'none', clients: false });
    await host.put(packed.directory, '/opt/tool');
    await putText(host, '/root/answers.yaml', answersFor('v2', 'files', { release: 'v2' }));
  });
  afterAll(async () => {
    await host?.destroy();
    await packed?.remove();
  });

  const filesOnly = ['node', TOOL, '--yes', '--files-only', '--answers', 'answers.yaml'];

  it('gets every file, and is told that nothing was started', async () => {
    await putText(
      host,
      '/root/corecube/compose.yaml',
      '# Our services\nservices:\n  # The wiki\n  wiki:\n    image: caddy:2 # pinned by hand\n',
    );
    const written = await host.run(filesOnly, LONG);
    expect(written.exitCode, everything(written)).toBe(3);
    expect(written.stdout).toContain('nothing was started');
    const disk = await snapshot(await host.pathInside('/root/corecube'));
    const expected: Record<string, string> = {
      'compose.yaml': '644 0:0',
      '.env': '600 0:0',
      'caddy/Caddyfile': '644 0:0',
      'postgres/pg_hba.conf': '644 0:0',
      secrets: '700 0:0',
      'secrets/encryption_key': '600 1000:1000',
      '.corecube-secure/key-check.json': '600 0:0',
    };
    expect(Object.fromEntries(Object.keys(expected).map((path) => [path, modeOf(disk, path)]))).toEqual(
      expected,
    );
    const text = await host.out(['cat', '/root/corecube/compose.yaml']);
    for (const kept of ['# Our services', '# The wiki', '# pinned by hand']) expect(text).toContain(kept);
    const model = parse(text) as { services: Record<string, unknown> };
    expect(Object.keys(model.services).sort()).toEqual(['caddy', 'corecube', 'pgvector', 'wiki']);
    expect(model.services.wiki).toEqual({ image: 'caddy:2' });
  });

  it('finds the same files the second time', async () => {
    const inside = await host.pathInside('/root/corecube');
    const without = ['.corecube-secure/journal.jsonl'];
    const before = await snapshot(inside, without);
    const again = await host.run([...filesOnly, '--json'], LONG);
    const report = JSON.parse(again.stdout) as Report;
    expect(again.exitCode, troubles(report)).toBe(3);
    // What cannot even be planned without an engine is said again, and nothing else.
    const changes = report.steps.flatMap((s) => s.changes);
    expect(changes.filter((c) => c.status !== 'not-reached')).toEqual([]);
    expect(await snapshot(inside, without)).toEqual(before);
  });
});
