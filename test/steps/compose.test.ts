/** The Compose step where its files are refused, gone, or joined by services of the operator. */
import { describe, expect, it } from 'vitest';
import { inspectAll } from '../../src/core/inspect.ts';
import { desiredDocument } from '../../steps/compose/render.ts';
import { compose } from '../../steps/compose.ts';
import { composeAnswers } from './compose-answers.ts';
import { fakeHost, imageReply, type Reply } from './preflight-host.ts';

const FILES = { 'compose.yaml': 'services: {}\n', '.env': '', 'compose.override.yaml': 'services: {}\n' };
const signal = new AbortController().signal;

async function look(
  commands: Readonly<Record<string, Reply>>,
  files: Readonly<Record<string, string>> = FILES,
) {
  const { host } = fakeHost({ files, commands });
  const all = await inspectAll(compose, { host, answers: composeAnswers, signal }, new Map(), () => {});
  return Object.fromEntries(all.map((f) => [f.control, f.verdict]));
}

describe('files that Compose refuses', () => {
  const refused = {
    'docker compose --project-name': { code: 15, stderr: 'yaml: line 3: did not find key\n' },
  };
  it('are seen to be wrong, and what they would say is not seen', async () => {
    const said = await look(refused);
    expect(said['compose.valid']).toMatchObject({ is: 'fail', observed: expect.stringContaining('line 3') });
    // Which files a plain docker compose reads is not said by what they hold.
    const others = Object.entries(said).filter(
      ([id]) => id !== 'install.same-files' && id !== 'compose.valid',
    );
    expect(others.filter(([, verdict]) => verdict.is !== 'unknown')).toEqual([]);
  });

  it.each<[string, Reply]>([
    ['no plugin', { code: 1, stderr: "docker: 'compose' is not a docker command.\n" }],
    ['no program', { code: 127, stderr: 'docker: not found' }],
    ['no answer in time', { code: 124, stderr: '' }],
  ])('are not accused where Compose could not be asked: %s', async (_name, reply) => {
    expect((await look({ 'docker compose --project-name': reply }))['compose.valid']?.is).toBe('unknown');
  });
});

describe('a plain docker compose', () => {
  const reads = async (more: Record<string, string>, without?: string) => {
    const files = Object.fromEntries(
      Object.entries({ ...FILES, ...more }).filter(([name]) => name !== without),
    );
    return (await look({}, files))['install.same-files'];
  };
  it.each<[string, Record<string, string>, string | undefined]>([
    ['the files of this install', {}, undefined],
    ['no override file', {}, 'compose.override.yaml'],
    ['an older name beside it', { 'docker-compose.override.yml': '' }, undefined],
    ['the name of this project', { '.env': 'COMPOSE_PROJECT_NAME=corecube\n' }, undefined],
  ])('reads the same: %s', async (_name, more, without) =>
    expect((await reads(more, without))?.is).toBe('pass'),
  );
  it.each<[string, Record<string, string>, string | undefined, RegExp]>([
    ['a name that is preferred', { 'compose.override.yml': '' }, undefined, /compose\.override\.yml is read/],
    [
      'an older name alone',
      { 'docker-compose.override.yaml': '' },
      'compose.override.yaml',
      /docker-compose\.override\.yaml is read/,
    ],
    ['a list of files', { '.env': 'COMPOSE_FILE=other.yaml\n' }, undefined, /sets COMPOSE_FILE/],
    ['another project', { '.env': 'COMPOSE_PROJECT_NAME=other\n' }, undefined, /another project/],
    [
      'a project of the override',
      { 'compose.override.yaml': 'name: other\n' },
      undefined,
      /the project other/,
    ],
  ])('reads something else: %s', async (_name, more, without, words) =>
    expect(await reads(more, without)).toMatchObject({ is: 'fail', observed: expect.stringMatching(words) }),
  );
});

describe('images that are declared by tag', () => {
  const declared = (inspect: Reply) => {
    const images = {
      corecube: composeAnswers.image,
      pgvector: composeAnswers.postgresImage,
      caddy: 'caddy:2',
    };
    const services = Object.fromEntries(Object.entries(images).map(([name, image]) => [name, { image }]));
    return look(
      {
        'docker compose --project-name': JSON.stringify({ name: 'corecube', services }),
        'docker image inspect': inspect,
      },
      { 'compose.yaml': 'services: {}\n', '.env': '' },
    );
  };
  it('hold where they have no digest, and are not seen where the engine does not tell', async () => {
    expect((await declared(imageReply('11')))['compose.images']?.is).toBe('pass');
    const pinned = imageReply('11', { RepoDigests: [`caddy@sha256:${'a'.repeat(64)}`] });
    expect((await declared(pinned))['compose.images']?.is).toBe('fail');
    const down = { code: 1, stderr: 'Cannot connect to the Docker daemon' };
    expect((await declared(down))['compose.images']?.is).toBe('unknown');
  });
});

describe('files that are gone', () => {
  it('leave everything about them to be seen once they are there, the override included', async () => {
    const said = await look({}, { 'compose.override.yaml': 'services: {}\n' });
    expect(said['compose.valid']?.is).toBe('fail');
    const rest = Object.entries(said).filter(([id]) => id !== 'compose.valid');
    expect(rest.filter(([, v]) => v.is !== 'unknown' || v.awaits !== 'compose.valid')).toEqual([]);
  });

  it('are written with the subnet that the network of the install has', async () => {
    const network = (subnet: string) => JSON.stringify([{ IPAM: { Config: [{ Subnet: subnet }] } }]);
    const subnetFor = async (own: Reply) => {
      const { host } = fakeHost({
        commands: {
          'docker image inspect': imageReply('11'),
          'docker network inspect corecube_edge': own,
          'docker network ls': 'n1\n',
          'docker network inspect n1': network('10.213.74.0/24'),
        },
      });
      const document = await desiredDocument(host, composeAnswers);
      return document.getIn(['networks', 'edge', 'ipam', 'config', 0, 'subnet']);
    };
    expect(await subnetFor(network('10.213.74.0/24'))).toBe('10.213.74.0/24');
    expect(await subnetFor({ code: 1, stderr: 'No such network' })).toBe('172.29.213.0/24');
  });
});

describe('services of the operator', () => {
  it('that are not hardened are advised about, and are no hardening that the override takes away', async () => {
    const model = (services: object) => JSON.stringify({ name: 'corecube', services });
    const base = 'docker compose --project-name corecube --project-directory /srv/corecube --file';
    const said = await look({
      [`${base} /srv/corecube/compose.yaml config`]: model({}),
      [`${base} /srv/corecube/compose.yaml --file`]: model({ watcher: { image: 'x' } }),
    });
    expect(said['compose.foreign-hardened']?.is).toBe('fail');
    expect(said['compose.override-keeps-hardening']?.is).toBe('pass');
  });

  it('that are only advised about give nothing to write', async () => {
    const { host } = fakeHost({ files: FILES });
    const context = { host, answers: composeAnswers, signal };
    expect(await compose.plan?.({ ...context, failing: new Set(['compose.foreign-hardened']) })).toEqual([]);
    const changes = await compose.plan?.({ ...context, failing: new Set(['compose.read-only']) });
    expect(changes?.map((c) => c.id)).toEqual(['compose.write']);
  });
});
