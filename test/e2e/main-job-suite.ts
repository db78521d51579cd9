/** The main job on real components, for both generations: apply, apply again, verify, break one thing, repair. */
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BedHost, createHost, ensureBed } from '../bed/index.ts';
import { type Samples, sampleProcesses } from './process-sampler.ts';
import {
  ALLOWED,
  DOMAIN,
  HOST_ADDRESS,
  Install,
  type Release,
  secretsOf,
  snapshot,
  troubles,
} from './support.ts';

/** What the tool remembers of its runs; never the state of the install. */
const JOURNAL = [
  '.corecube-secure/journal.jsonl',
  '.corecube-secure/report.md',
  '.corecube-secure/report.json',
];

/** Declares the suite for one generation; each has a test file of its own, so that both run side by side. */
export function mainJob(release: Release): void {
  describe(`generation ${release}`, () => {
    let host: BedHost;
    let install: Install;
    let samples: Samples;

    beforeAll(async () => {
      await ensureBed();
      host = await createHost(`job${release}`);
      install = await Install.create(host, release, `job${release}`);
    });
    afterAll(() => host?.destroy());

    it('plans without changing anything', async () => {
      const plan = await install.tool(['--dry-run', '--answers', install.answersFile, '--dir', install.dir]);
      expect(plan.code, plan.stdout + plan.stderr).toBe(4);
      expect(await readdir(install.dir)).toEqual([]);
      expect((await install.docker('ps', '--all', '--quiet')).stdout).toBe('');
    });

    it('takes CoreCube from nothing to a proved deployment', async () => {
      const sampler = sampleProcesses();
      const { code, report, stderr } = await install.applyJson();
      samples = await sampler.stop();
      expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
      expect(report.steps.every((s) => ['applied', 'held', 'looked'].includes(s.outcome))).toBe(true);
    });

    it('changes nothing the second time', async () => {
      // Each look logs in twice; the documented throttle (5 or 10 a minute) would make the rest take an hour.
      await install.setFaults('no-throttle');
      const before = await snapshot(install.dir, JOURNAL);
      const containers = (await install.docker('ps', '--no-trunc', '--quiet')).stdout;
      const { code, report } = await install.applyJson();
      expect(code, troubles(report)).toBe(0);
      expect(report.steps.flatMap((s) => s.changes)).toEqual([]);
      expect(await snapshot(install.dir, JOURNAL)).toEqual(before);
      expect((await install.docker('ps', '--no-trunc', '--quiet')).stdout).toBe(containers);
    });

    it('verifies', async () => {
      const { code, report } = await install.verify();
      expect(code, troubles(report)).toBe(0);
    });

    it('serves the public paths to everybody and the console to the allowed client only', async () => {
      const ask = async (client: 1 | 2, path: string) => {
        const argv = [
          'curl',
          '-sk',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          '--path-as-is',
          '-m',
          '10',
          '--resolve',
          `${DOMAIN}:443:${HOST_ADDRESS}`,
          `https://${DOMAIN}${path}`,
        ];
        return (await host.client(client).run(argv)).stdout;
      };
      expect(await ask(1, '/admin')).toBe('200');
      for (const path of [
        '/admin',
        '//admin',
        '/%61dmin',
        '/ADMIN',
        '/admin;x',
        '/v1/../admin',
        '/v1/%2e%2e/admin',
        '/metrics',
        '/api/users',
        '/',
      ]) {
        expect(await ask(2, path), `${path} from another address than ${ALLOWED}`).toBe('403');
      }
      expect(await ask(2, '/v1/models')).toBe('401');
      // The stand-in takes POST only there; what matters is that CoreCube answers and not the fence.
      expect(await ask(2, '/mcp')).toBe('405');
    });

    it('shows no secret to anybody', async () => {
      const secrets = Object.entries(await secretsOf(install));
      expect(secrets.length).toBeGreaterThanOrEqual(7);
      const find = (where: string, text: string) =>
        secrets.filter(([, value]) => text.includes(value)).map(([name]) => `${name} in ${where}`);
      const found: string[] = [];
      for (const [i, output] of install.outputs.entries()) found.push(...find(`output ${i}`, output));
      for (const line of samples.commandLines) found.push(...find(`argv: ${line.slice(0, 60)}`, line));
      for (const environment of samples.environments) {
        // What CoreCube takes from its environment only, in its own container: URLs, and the account on the first boot.
        // And what the PostgreSQL image's entry point reads from the file and hands to its own server process.
        const rest = environment
          .split('\0')
          .filter(
            (e) =>
              !/^(PGVECTOR_(APP_|MAINTENANCE_)?URL|CUBE_ADMIN_PASSWORD|POSTGRES_PASSWORD|PGPASSWORD)=/.test(
                e,
              ),
          );
        found.push(...find('an environment', rest.join('\0')));
      }
      const ids = (await install.docker('ps', '--all', '--quiet')).stdout.trim().split('\n');
      const inspected = (await install.docker('inspect', ...ids)).stdout.replaceAll(
        /"PGVECTOR_[A-Z_]*URL=[^"]*"/g,
        '""',
      );
      found.push(...find('docker inspect', inspected));
      for (const id of ids) {
        const logs = await install.docker('logs', id);
        found.push(...find('container logs', logs.stdout + logs.stderr));
      }
      for (const name of Object.keys(await snapshot(install.dir, ['secrets/', '.env']))) {
        const text = await install.read(name).catch(() => '');
        found.push(...find(name, text));
      }
      expect([...new Set(found)].join('\n')).toBe('');
    });
  });
}
