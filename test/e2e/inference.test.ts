/** CoreCube Inference beside the rest: hardened like the others, on the internal network only, out of everybody's reach. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BedHost, createHost, type Place } from '../bed/index.ts';
import { withoutThrottle } from './prepare.ts';
import { HOST_ADDRESS, Install, troubles, verdicts } from './support.ts';

const PORT = 8080;

describe('CoreCube Inference', () => {
  let host: BedHost;
  let install: Install;

  beforeAll(async () => {
    host = await createHost('extinf');
    install = await Install.create(host, 'v2', 'extinf', { inferenceImage: 'corecube/inference:test' });
    await withoutThrottle(install);
  });
  afterAll(() => host?.destroy());

  const inspect = async (format: string) =>
    JSON.parse(
      (
        await install.docker(
          'inspect',
          '--format',
          `{{json ${format}}}`,
          await install.container('inference'),
        )
      ).stdout,
    );
  /** What a container's own Node says about an address: the body's first bytes, or why there is none. */
  const fetchIn = async (service: string, url: string) => {
    const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(3000) })
      .then((r) => r.text()).then((t) => console.log(t), (e) => console.log('NOTHING', e.cause?.code ?? e.name))`;
    const name = await install.container(service);
    return (await install.docker('exec', name, 'node', '-e', script, url)).stdout.trim();
  };
  const knock = (from: Place, address: string, ...more: readonly string[]) =>
    from.run(['curl', '-s', '-m', '3', '--noproxy', '*', ...more, `http://${address}:${PORT}/health`]);

  it('is deployed and proved with the rest, and pinned', async () => {
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    expect(await install.read('compose.yaml')).toMatch(/image: .*corecube\/inference:test@sha256:/);
    const verified = await install.verify();
    expect(verified.code, troubles(verified.report)).toBe(0);
    expect(verdicts(verified.report)['running.inference-up']).toBe('pass');
  });

  it('runs hardened, as the engine and the kernel tell', async () => {
    const config = await inspect('.HostConfig');
    expect(config).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      PortBindings: {},
      Privileged: false,
    });
    expect(config.Memory).toBeGreaterThan(0);
    expect(config.PidsLimit).toBeGreaterThan(0);
    const status = await host.out(['cat', `/proc/${await inspect('.State.Pid')}/status`]);
    expect(status).toMatch(/^Uid:\s+1000\s/m);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
  });

  it('is reached by CoreCube and by nobody else, and reaches nobody outside', async () => {
    const networks = (await inspect('.NetworkSettings.Networks')) as Record<string, { IPAddress: string }>;
    expect(Object.keys(networks)).toEqual(['extinf_internal']);
    const address = networks.extinf_internal?.IPAddress as string;
    expect(await fetchIn('corecube', `http://inference:${PORT}/health`)).toBe('{"status":"ok"}');
    for (const target of [HOST_ADDRESS, address]) {
      // The clients route over the host, as any machine of the same network could.
      const { exitCode, stdout } = await knock(host.client(1), target);
      expect([exitCode === 0, stdout], `client at ${target}`).toEqual([false, '']);
    }
    const proxy = await install.docker(
      ...['exec', await install.container('caddy'), 'wget', '-q', '-T', '3', '-O', '-'],
      `http://${address}:${PORT}/health`,
    );
    expect([proxy.code === 0, proxy.stdout]).toEqual([false, '']);
    const out = await fetchIn('inference', 'http://198.51.100.7/');
    expect(out).toContain('NOTHING');
    expect(out, 'refused means that the packet arrived').not.toContain('ECONNREFUSED');
  });

  it('is caught when it is published, and put back', async () => {
    await writeFile(
      install.path('compose.override.yaml'),
      `services: { inference: { networks: [internal, edge], ports: ["${PORT}:${PORT}"] } }\n`,
    );
    await host.out([
      ...['docker', 'compose', '--project-directory', install.dir, '--project-name', install.project],
      ...['--file', install.path('compose.yaml'), '--file', install.path('compose.override.yaml')],
      ...['up', '--detach', '--no-deps', 'inference'],
    ]);
    // It has no health check that Compose could wait for: the client asks until it listens.
    const patient = ['--retry', '20', '--retry-all-errors', '--retry-delay', '1'];
    expect((await knock(host.client(1), HOST_ADDRESS, ...patient)).stdout).toContain('ok');
    const { code, report } = await install.verify();
    expect(code, troubles(report)).toBe(1);
    expect(verdicts(report)).toMatchObject({
      'compose.override-keeps-hardening': 'fail',
      'running.networks': 'fail',
      'running.ports': 'fail',
    });
    await withoutThrottle(install);
    const repaired = await install.applyJson();
    expect(repaired.code, `${troubles(repaired.report)}\n${repaired.stderr}`).toBe(0);
    expect((await knock(host.client(1), HOST_ADDRESS)).exitCode).not.toBe(0);
  });
});
