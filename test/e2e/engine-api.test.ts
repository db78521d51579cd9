/** The engine's socket, asked directly, answers as the docker program does: every form of look that is translated. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandResult } from '../../src/core/host.ts';
import { type EngineApi, engineApi } from '../../src/host/engine-api.ts';
import { type BedHost, createHost } from '../bed/index.ts';

const LABEL = 'com.example.look=yes';
const SPEAK = 'echo to stdout; echo to stderr >&2';

describe('the engine over its socket', () => {
  let host: BedHost;
  let api: EngineApi;
  let id: string;
  beforeAll(async () => {
    host = await createHost('engineapi');
    api = engineApi({ DOCKER_HOST: `unix://${host.socket}` });
    const docker = async (...args: string[]) => {
      const result = await host.run(['docker', ...args]);
      expect(result.exitCode, result.stderr).toBe(0);
      return result.stdout.trim();
    };
    await docker('network', 'create', '--label', LABEL, 'look-net');
    await docker('volume', 'create', '--label', LABEL, 'look-volume');
    const run = ['run', '--detach', '--label', LABEL, '--network', 'look-net', '--volume', 'look-volume:/v'];
    id = await docker(...run, '--name', 'look', 'caddy:2', 'sh', '-c', `${SPEAK}; exec sleep infinity`);
    await docker(
      ...run,
      '--tty',
      '--name',
      'look-tty',
      'caddy:2',
      'sh',
      '-c',
      `${SPEAK}; exec sleep infinity`,
    );
  });
  afterAll(() => host?.destroy());

  const both = async (...words: string[]): Promise<[CommandResult | undefined, CommandResult]> => {
    const argv = ['docker', ...words];
    const said = await host.run(argv);
    return [await api.look(argv, 15_000), { code: said.exitCode, stdout: said.stdout, stderr: said.stderr }];
  };
  const sorted = (text = '') => text.split('\n').filter(Boolean).sort();

  it.each([
    ['ps', '--all', '--no-trunc', '--quiet'],
    ['ps', '--all', '--no-trunc', '--quiet', '--filter', `label=${LABEL}`],
    ['volume', 'ls', '--quiet', '--filter', `label=${LABEL}`],
    ['volume', 'inspect', '--format', '{{.Mountpoint}}', 'look-volume'],
    ['exec', 'look', 'sh', '-c', `${SPEAK}; exit 7`],
    ['exec', '--user', '1000', 'look', 'id', '-u'],
    ['logs', '--since', '600s', 'look'],
  ])('docker %s %s %s', async (...words) => {
    const [direct, program] = await both(...words);
    expect(direct?.code).toBe(program.code);
    expect(sorted(direct?.stdout)).toEqual(sorted(program.stdout).filter((line) => line !== '[]'));
    expect(direct?.stderr).toBe(program.stderr);
  });

  it.each([
    ['image', 'inspect', 'no-such-image:1'],
    ['network', 'inspect', 'no-such-network'],
  ])('docker %s %s of what is not there', async (...words) => {
    const [direct, program] = await both(...words);
    expect([direct?.code, direct?.stdout]).toEqual([program.code, '']);
    for (const result of [direct, program]) expect(result?.stderr).toContain(words.at(-1));
  });

  it.each([
    ['inspect', '--type', 'container', 'look'],
    ['image', 'inspect', 'caddy:2'],
    ['network', 'inspect', 'look-net'],
  ])('docker %s %s', async (...words) => {
    const [direct, program] = await both(...words);
    expect(direct?.code).toBe(0);
    expect(JSON.parse(direct?.stdout ?? '')).toMatchObject(JSON.parse(program.stdout));
  });

  it('docker info and the list of networks', async () => {
    const [info, programInfo] = await both('info', '--format', '{{json .}}');
    const { ID, DockerRootDir, SecurityOptions } = JSON.parse(programInfo.stdout);
    expect(JSON.parse(info?.stdout ?? '')).toMatchObject({ ID, DockerRootDir, SecurityOptions });
    const [networks, programNetworks] = await both('network', 'ls', '--quiet');
    const short = sorted(networks?.stdout).map((line) => line.slice(0, 12));
    expect(short).toEqual(sorted(programNetworks.stdout));
    expect(
      sorted((await both('ps', '--all', '--no-trunc', '--quiet', '--filter', `label=${LABEL}`))[0]?.stdout),
    ).toContain(id);
  });

  it('leaves to the program what it does not know for sure', async () => {
    for (const words of [
      ['logs', '--since', '600s', 'look-tty'],
      ['logs', '--since', '600s', 'no-such-container'],
      ['logs', '--since', '2020-01-01', 'look'],
      ['exec', '--interactive', 'look', 'cat'],
      ['ps'],
    ])
      expect(await api.look(['docker', ...words], 15_000), words.join(' ')).toBeUndefined();
    expect(
      await engineApi({ DOCKER_HOST: 'ssh://elsewhere' }).look(
        ['docker', 'info', '--format', '{{json .}}'],
        1_000,
      ),
    ).toBeUndefined();
    expect(
      await engineApi({ DOCKER_HOST: 'unix:///nowhere.sock' }).look(
        ['docker', 'info', '--format', '{{json .}}'],
        1_000,
      ),
    ).toBeUndefined();
  });
});
