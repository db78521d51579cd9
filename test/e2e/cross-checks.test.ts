/**
 * Judges that know nothing of our controls look at a real install: the container items of the CIS Docker Benchmark, the
 * CIS PostgreSQL Benchmark by SQL, and testssl.sh from outside. Every warning is explained in docs/cross-checks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BedHost, createHost, ensureBed } from '../bed/index.ts';
import { dockerFacts, postgresFacts } from './cross/collect.ts';
import { judgeDocker } from './cross/docker-cis.ts';
import { explained } from './cross/explained.ts';
import { judgePostgres } from './cross/postgres-cis.ts';
import { judgeTestssl, runTestssl } from './cross/testssl.ts';
import type { Judged, Tool } from './cross/types.ts';
import { withoutThrottle } from './prepare.ts';
import { DOMAIN, HOST_ADDRESS, Install, troubles } from './support.ts';

/** item -> what was seen, for warnings; `5.12 caddy` where it is judged for each container. */
function warnings(judged: readonly Judged[]): Record<string, string> {
  const rows = judged.filter((j) => j.result === 'warn');
  return Object.fromEntries(rows.map((j) => [[j.item, j.subject].filter(Boolean).join(' '), j.seen]));
}
const expected = (tool: Tool): string[] =>
  explained
    .filter((e) => e.tool === tool)
    .flatMap((e) => (e.on ? e.on.map((subject) => `${e.item} ${subject}`) : [e.item]))
    .sort();

describe('judged by others', () => {
  let host: BedHost;
  let install: Install;
  let work: string;
  let proxy: ReturnType<typeof runTestssl>;

  beforeAll(async () => {
    await ensureBed();
    work = await mkdtemp(join(tmpdir(), 'ccs-cross-'));
    host = await createHost('cross');
    await certificate(host, work);
    install = await Install.create(host, 'v2', 'cross', {
      tls: 'files',
      tlsCertificate: join(work, 'server.crt'),
      tlsKey: join(work, 'server.key'),
      inferenceImage: 'corecube/inference:test',
    });
    await withoutThrottle(install);
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    // A minute of handshakes; the other judges work meanwhile.
    proxy = runTestssl(
      host.client(2),
      { name: 'proxy', target: `https://${DOMAIN}/`, address: HOST_ADDRESS, ca: join(work, 'ca.crt') },
      work,
    );
    proxy.catch(() => {});
  });
  afterAll(async () => {
    await host?.destroy();
    if (work) await rm(work, { recursive: true, force: true });
  });

  it('CIS Docker, sections 4 and 5', async () => {
    const facts = await dockerFacts(install, () => install.verify());
    const judged = judgeDocker(facts);
    expect(facts.subjects.map((s) => s.service)).toEqual(['caddy', 'corecube', 'inference', 'pgvector']);
    expect(Object.keys(warnings(judged)).sort(), JSON.stringify(warnings(judged), null, 1)).toEqual(
      expected('CIS Docker'),
    );
  });

  it('CIS PostgreSQL, by SQL', async () => {
    const judged = judgePostgres(await postgresFacts(install));
    expect(Object.keys(warnings(judged)).sort(), JSON.stringify(warnings(judged), null, 1)).toEqual(
      expected('CIS PostgreSQL'),
    );
  });

  it('testssl.sh against the database', async () => {
    const container = await install.container('pgvector');
    const format = `{{(index .NetworkSettings.Networks "${install.project}_internal").IPAddress}}`;
    const address = (await host.out(['docker', 'inspect', '--format', format, container])).trim();
    const run = {
      name: 'database',
      target: 'pgvector:5432',
      address,
      ca: install.path('secrets/pg_ca.crt'),
      startTls: 'postgres',
    } as const;
    const judged = judgeTestssl(await runTestssl(host, run, work));
    expect(judged.length).toBeGreaterThan(30);
    expect(Object.keys(warnings(judged)).sort(), JSON.stringify(warnings(judged), null, 1)).toEqual(
      expected('testssl.sh, database'),
    );
  });

  it('the proxy renegotiates securely, asked with its name', async () => {
    const argv = ['openssl', 's_client', '-tls1_2', '-connect', `${HOST_ADDRESS}:443`, '-servername', DOMAIN];
    const { stdout } = await host.client(2).run(argv);
    expect(stdout).toContain('Secure Renegotiation IS supported');
  });

  it('testssl.sh against the proxy, from outside', async () => {
    const judged = judgeTestssl(await proxy);
    expect(judged.length).toBeGreaterThan(60);
    expect(Object.keys(warnings(judged)).sort(), JSON.stringify(warnings(judged), null, 1)).toEqual(
      expected('testssl.sh, proxy'),
    );
  });
});

/** An authority and a certificate of the domain, ECDSA P-256, 90 days: `ca.crt`, `server.crt` with the chain, `server.key`. */
async function certificate(host: BedHost, dir: string): Promise<void> {
  const openssl = (...args: string[]) => host.out(['openssl', ...args], { cwd: dir });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '365',
    '-subj',
    '/CN=Authority of the tests',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  );
  await openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '90',
    '-subj',
    `/CN=${DOMAIN}`,
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-addext',
    `subjectAltName=DNS:${DOMAIN}`,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
    '-addext',
    'keyUsage=critical,digitalSignature',
    '-addext',
    'extendedKeyUsage=serverAuth',
    '-keyout',
    'server.key',
    '-out',
    'server.crt',
  );
}
