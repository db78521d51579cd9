/** The edge network: judged by what was made, and made anew only where nobody else is on it. */
import { describe, expect, it } from 'vitest';
import type { Host } from '../../src/core/host.ts';
import { edgeClosed, remakeEdge } from '../../steps/services/edge-network.ts';
import { presetHost, runningContainer } from './preset-host.ts';

const answers = { projectName: 'corecube' };
const mode = (value: string, family = 4) => ({
  [`com.docker.network.bridge.gateway_mode_ipv${family}`]: value,
});
const NAT = { ...mode('nat'), ...mode('nat', 6) };

const verdict = (made: object | undefined, declared: object | null = NAT) =>
  edgeClosed.inspect({
    host: presetHost({
      'network corecube_edge': made && { Options: made, Containers: null },
      'compose model corecube merged': {
        name: 'corecube',
        services: {},
        networks: { edge: { driver_opts: declared } },
      },
    }),
    answers,
    signal: new AbortController().signal,
  });

describe('the edge network', () => {
  it('is closed as declared, with whatever else was asked of it', async () => {
    expect((await verdict(NAT)).is).toBe('pass');
    expect((await verdict({ ...NAT, 'com.docker.network.driver.mtu': '1450' })).is).toBe('pass');
    // What an engine makes without being told is closed as well; that it is not declared is another control's word.
    expect((await verdict({}, null)).is).toBe('pass');
  });
  it.each([mode('nat-unprotected'), mode('routed'), mode('routed', 6)])('is open with %j', async (more) => {
    expect((await verdict({ ...NAT, ...more })).is).toBe('fail');
    expect((await verdict({ ...NAT, ...more }, null)).is).toBe('fail');
  });
  it('fails when it was made before its modes were declared, and is not seen before it was made', async () => {
    expect((await verdict({})).is).toBe('fail');
    expect((await verdict(undefined)).is).toBe('unknown');
  });
});

describe('making it anew', () => {
  const declared = {
    corecube: ['edge', 'internal'],
    caddy: ['edge'],
    mine: ['edge'],
    pgvector: ['internal'],
  };
  const remake = async (...members: string[]) => {
    const all = Object.keys(declared).map((name) => ({
      ...runningContainer(name),
      Name: `/corecube-${name}-1`,
    }));
    const services = Object.entries(declared).map(([name, list]) => [
      name,
      { networks: Object.fromEntries(list.map((network) => [network, null])) },
    ]);
    const made = { Options: {}, Containers: Object.fromEntries(members.map((Name) => [Name, { Name }])) };
    const looks = {
      'containers corecube': all,
      'compose model corecube merged': { name: 'corecube', services: Object.fromEntries(services) },
    };
    const run: string[] = [];
    const host = presetHost(looks, {
      stat: async () => undefined,
      readText: async () => undefined,
      query: async () => ({ code: 0, stdout: JSON.stringify([made]), stderr: '' }),
    }) as Host;
    const running = async (argv: readonly string[]) => {
      run.push(argv.join(' ').replace(/ --project-name .* --file \S+/, ''));
      return { code: 0, stdout: '', stderr: '' };
    };
    await remakeEdge(answers).apply(Object.assign(host, { run: running }));
    return run;
  };
  it('takes away what is declared on it, and starts only the own services of the operator again', async () => {
    expect(await remake('corecube-corecube-1', 'corecube-caddy-1', 'corecube-mine-1')).toEqual([
      'docker compose rm --stop --force corecube caddy mine',
      'docker network rm corecube_edge',
      'docker compose up --detach --no-deps mine',
    ]);
  });
  it('takes nothing away while somebody else is connected to it', async () => {
    await expect(remake('corecube-corecube-1', 'stranger')).rejects.toThrow(/stranger is connected to it/);
  });
});
