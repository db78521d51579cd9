import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { HostReader } from '../../src/core/host.ts';
import { desiredText } from '../../steps/compose/render.ts';
import { composeAnswers } from './compose-answers.ts';
import { hostOf } from './database-host.ts';

/** A host whose engine has networks with these subnets, and none of this install. */
const hostWith = (subnets: readonly string[]): HostReader =>
  ({
    ...hostOf({}),
    addresses: () => [],
    query: async (argv: readonly string[]) => {
      if (argv.includes('ls'))
        return { code: 0, stdout: subnets.map((_, i) => `${i}\n`).join(''), stderr: '' };
      if (argv[1] === 'network' && argv.at(-1) !== 'corecube_edge') {
        const networks = subnets.map((Subnet) => ({ IPAM: { Config: [{ Subnet }] } }));
        return { code: 0, stdout: JSON.stringify(networks), stderr: '' };
      }
      return { code: 1, stdout: '', stderr: 'Error: No such object' };
    },
  }) as unknown as HostReader;

const subnetOf = async (subnets: readonly string[], adminRanges = composeAnswers.adminRanges) => {
  const text = await desiredText(hostWith(subnets), { ...composeAnswers, adminRanges });
  const model = parse(text) as { networks: { edge: { ipam: { config: [{ subnet: string }] } } } };
  return model.networks.edge.ipam.config[0].subnet;
};

describe("the edge network's subnet", () => {
  it('is another one for each of a dozen installs of a host', async () => {
    const taken: string[] = [];
    for (let i = 0; i < 12; i++) taken.push(await subnetOf(taken));
    expect(new Set(taken).size).toBe(12);
  });
  it('is none where every candidate is in use', async () => {
    const all = ['10.213.0.0/16', '172.29.0.0/16', '192.168.0.0/16', '100.127.0.0/16', '10.87.0.0/16'];
    await expect(subnetOf(all)).rejects.toThrow('narrow adminRanges');
  });
  it('is never inside a range that may open the console', async () => {
    expect(await subnetOf([])).toBe('10.213.74.0/24');
    expect(await subnetOf([], ['10.0.0.0/8'] as never)).toBe('172.29.213.0/24');
  });
});
