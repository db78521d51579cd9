/** The packed tarball on bare Debian machines, as a stranger runs it, on every supported line of Node. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { type BedHost, bedDirectory, freshHost } from '../bed/index.ts';
import { type Packed, pack, putText } from './packed.ts';
import { NO_THROTTLE } from './prepare.ts';
import { answersFor, troubles } from './support.ts';

const TGZ = '/root/x.tgz';
const LONG = { timeoutMs: 400_000 };

describe('the packed tarball', () => {
  let packed: Packed;
  let version: string;
  /** Debian 12 with Node 20 and Docker 20.10; the install of the main job stays on it for Node 22. */
  let main: BedHost;

  beforeAll(async () => {
    packed = await pack();
    version = JSON.parse(await readFile(join(packed.directory, 'package.json'), 'utf8')).version;
    main = await freshHost('n-main', { node: 20, engine: 'own', clients: false });
    await main.put(packed.file, TGZ);
    await putText(main, '/root/answers.yaml', answersFor('v2', 'npx'));
  });
  afterAll(async () => {
    await main?.destroy();
    await packed?.remove();
  });

  const npx = (host: BedHost, ...args: string[]) => host.run(['npx', '--yes', `file:${TGZ}`, ...args], LONG);

  it('is small, whole, and brings no dependency and no install script', async () => {
    const meta = JSON.parse(await readFile(join(packed.directory, 'package.json'), 'utf8'));
    const all = { ...meta.dependencies, ...meta.optionalDependencies, ...meta.peerDependencies };
    expect(Object.keys(all)).toEqual([]);
    expect(meta.bundleDependencies ?? meta.bundledDependencies ?? []).toEqual([]);
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
    expect(hooks.filter((name) => meta.scripts?.[name] !== undefined)).toEqual([]);
    expect((await stat(packed.file)).size).toBeLessThan(700_000);
    const { stdout } = await execa('tar', ['-tzf', packed.file]);
    const names = stdout.split('\n');
    expect(names).toEqual(
      expect.arrayContaining([
        'package/THIRD-PARTY-LICENSES.txt',
        'package/dist/bin.cjs',
        'package/README.md',
      ]),
    );
    const foreign =
      /^package\/(dist\/|package\.json$|README\.md$|CHANGELOG\.md$|LICENSE$|THIRD-PARTY-LICENSES\.txt$)/;
    expect(names.filter((name) => !foreign.test(name))).toEqual([]);
    const licences = await readFile(join(packed.directory, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['execa', 'pg', 'yaml', '@peculiar/x509']) expect(licences).toContain(`\n${name} `);
  });

  it('does the main job on Debian 12 with Node 20 and Docker 20.10', async () => {
    const applied = await npx(main, '--yes', '--answers', '/root/answers.yaml');
    expect(applied.exitCode, applied.stdout + applied.stderr).toBe(0);
    expect(applied.stdout).toContain('Every required control that applies is proved');
    const verified = await npx(main, 'verify');
    expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
  });

  describe('with Node 22', () => {
    let host: BedHost;
    beforeAll(async () => {
      host = await freshHost('n-22', { node: 22, clients: false });
      await host.put(packed.file, TGZ);
      await putText(host, '/root/answers.yaml', answersFor('v2', 'npx'));
    });
    afterAll(() => host?.destroy());

    it('says what it is and what it would do', async () => {
      expect((await host.out(['node', '--version'])).startsWith('v22.')).toBe(true);
      expect(await npx(host, '--version')).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
      expect((await npx(host, '--help')).stdout).toContain('Exit codes');
      const example = await npx(host, 'example');
      expect([example.exitCode, example.stdout.includes('adminRanges')]).toEqual([0, true]);
      const schema = await npx(host, 'schema');
      expect([schema.exitCode, JSON.parse(schema.stdout).additionalProperties]).toEqual([0, false]);
      const plan = await npx(host, '--dry-run', '--answers', '/root/answers.yaml');
      expect(plan.exitCode, plan.stdout + plan.stderr).toBe(4);
      expect((await host.run(['ls', '/root/corecube'])).exitCode).not.toBe(0);
    });

    it('verifies the install that Node 20 has made', async () => {
      await main.put(join(bedDirectory, 'node/22/root/usr/local'), '/opt/node22');
      const PATH = '/opt/node22/bin:/usr/sbin:/usr/bin:/sbin:/bin';
      const argv = ['npx', '--yes', `file:${TGZ}`, 'verify', '--json'];
      const { exitCode, stdout, stderr } = await main.run(argv, { ...LONG, env: { PATH } });
      const report = JSON.parse(stdout) as Report;
      expect(exitCode, `${troubles(report)}\n${stderr}`).toBe(0);
      await main.destroy();
    });
  });

  it('does the main job for the older generation with Node 24', async () => {
    const host = await freshHost('n-24', { node: 24, engine: 'own', clients: false });
    try {
      await host.put(packed.file, TGZ);
      await putText(host, '/root/answers.yaml', answersFor('v1', 'npx'));
      await putText(host, '/root/corecube/compose.override.yaml', NO_THROTTLE);
      expect((await host.out(['node', '--version'])).startsWith('v24.')).toBe(true);
      expect(await npx(host, '--version')).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
      for (const command of ['--help', 'example', 'schema'])
        expect((await npx(host, command)).exitCode).toBe(0);
      const plan = await npx(host, '--dry-run', '--answers', '/root/answers.yaml');
      expect(plan.exitCode, plan.stdout + plan.stderr).toBe(4);
      const applied = await npx(host, '--yes', '--answers', '/root/answers.yaml');
      expect(applied.exitCode, applied.stdout + applied.stderr).toBe(0);
      const verified = await npx(host, 'verify', '--json');
      expect(verified.exitCode, verified.stderr).toBe(0);
    } finally {
      await host.destroy();
    }
  });

  it('tells Node 18 what it needs', async () => {
    const host = await freshHost('n-18', { node: 18, clients: false });
    try {
      await host.put(packed.directory, '/opt/tool');
      for (const args of [['--version'], ['verify'], []]) {
        const { exitCode, stdout, stderr } = await host.run(['node', '/opt/tool/dist/bin.cjs', ...args]);
        expect([exitCode, stdout]).toEqual([2, '']);
        expect(stderr).toMatch(
          /^create-corecube-secure needs Node 20\.19 or newer; this is Node 18\.\d+\.\d+\.\n$/,
        );
      }
    } finally {
      await host.destroy();
    }
  });
});
