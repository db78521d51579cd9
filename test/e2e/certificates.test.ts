/** Certificates from outside: a real ACME authority, then the operator's own files, then a change of the answer. */
import { appendFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Acme, type BedHost, createHost, startAcme } from '../bed/index.ts';
import { answersFor, DOMAIN, HOST_ADDRESS, Install, troubles } from './support.ts';

describe('certificates', () => {
  let host: BedHost;
  let acme: Acme;
  let install: Install;

  beforeAll(async () => {
    host = await createHost('certs');
    acme = await startAcme(host);
    await appendFile(host.hostsFile, `${HOST_ADDRESS} ${DOMAIN}\n`);
    install = await Install.create(host, 'v2', 'certs', {
      tls: 'acme',
      acmeEmail: 'ops@corecube.test',
      acmeDirectory: 'https://198.51.100.7:14000/dir',
      acmeRoot: acme.caFile,
    });
  });
  afterAll(() => host?.destroy());

  const served = (ca: string) =>
    host
      .client(2)
      .run([
        'curl',
        '-s',
        '-m',
        '10',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{ssl_verify_result}',
        '--cacert',
        ca,
        '--resolve',
        `${DOMAIN}:443:${HOST_ADDRESS}`,
        `https://${DOMAIN}/v1/models`,
      ]);

  it('gets a certificate from an ACME authority and proves it', async () => {
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    expect((await served(acme.rootFile)).stdout).toBe('401 0');
    const again = await install.applyJson();
    expect([again.code, again.report.steps.flatMap((s) => s.changes)], troubles(again.report)).toEqual([
      0,
      [],
    ]);
  });

  it("moves to the operator's own certificate when the answer changes, and refuses one of another name", async () => {
    const make = (name: string, subject: string) =>
      host.out([
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '90',
        '-subj',
        `/CN=${subject}`,
        '-addext',
        `subjectAltName=DNS:${subject}`,
        '-keyout',
        install.path(`../${name}.key`),
        '-out',
        install.path(`../${name}.crt`),
      ]);
    await make('own', DOMAIN);
    await make('other', 'elsewhere.test');
    const files = (name: string) =>
      answersFor('v2', 'certs', {
        tls: 'files',
        tlsCertificate: install.path(`../${name}.crt`),
        tlsKey: install.path(`../${name}.key`),
      });
    await install.answer(files('other'));
    const wrong = await install.applyJson();
    expect(wrong.code, troubles(wrong.report)).toBe(1);
    expect((await served(acme.rootFile)).stdout).toBe('401 0');
    await install.answer(files('own'));
    const right = await install.applyJson();
    expect(right.code, `${troubles(right.report)}\n${right.stderr}`).toBe(0);
    expect((await served(install.path('../own.crt'))).stdout).toBe('401 0');
    const verified = await install.verify();
    expect(verified.code, troubles(verified.report)).toBe(0);
  });

  it('says what an authority that cannot be reached means', async () => {
    await install.answer(
      answersFor('v2', 'certs', {
        tls: 'acme',
        acmeEmail: 'ops@corecube.test',
        acmeDirectory: 'https://198.51.100.7:14000/other',
        acmeRoot: acme.caFile,
        domain: 'second.test',
      }),
    );
    await appendFile(host.hostsFile, `${HOST_ADDRESS} second.test\n`);
    const { code, report } = await install.applyJson();
    expect(code).not.toBe(0);
    expect(report.stopped?.reason ?? '', troubles(report)).toMatch(
      /198\.51\.100\.7|authority|directory|acme/i,
    );
  });
});
