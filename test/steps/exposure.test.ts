/** What the running containers show to others. */
import { describe, expect, it } from 'vitest';
import { inspectAll } from '../../src/core/inspect.ts';
import type { AnyStep } from '../../src/core/step.ts';
import { exposureControls } from '../../steps/services/exposure-controls.ts';
import { fakeHost } from './preflight-host.ts';

const KEY = '0123456789abcdef'.repeat(4);
interface Given {
  readonly service: string;
  readonly env?: readonly string[];
  readonly host?: object;
}
const container = ({ service, env = [], host = {} }: Given) => ({
  Id: `${service}-id`,
  Name: `/corecube-${service}-1`,
  State: { Running: true },
  Config: { Env: env, Labels: { 'com.docker.compose.service': service } },
  HostConfig: { Privileged: false, SecurityOpt: [], PidMode: '', IpcMode: '', NetworkMode: 'x', ...host },
  Mounts: [],
});

async function look(given: readonly Given[], files: Readonly<Record<string, string>> = {}) {
  const all = given.map(container);
  const services = Object.fromEntries([...given, { service: 'caddy' }].map(({ service }) => [service, {}]));
  const { host } = fakeHost({
    files: { 'compose.yaml': '', '.env': '', 'secrets/encryption_key': KEY, ...files },
    commands: {
      'docker ps --all': all.map((c) => c.Id).join('\n'),
      'docker inspect': JSON.stringify(all),
      'docker compose --project-name': JSON.stringify({ name: 'corecube', services }),
    },
  });
  const ids = ['secrets.not-in-inspect', 'running.foreign-isolated', 'running.no-extra-containers'];
  const controls = exposureControls.filter((c) => ids.includes(c.id));
  const step: AnyStep = { id: 's', title: 'S', why: '', needs: [], controls };
  const answers = { projectName: 'corecube', database: 'bundled', release: 'v2', image: 'x' };
  const context = { host, answers, signal: new AbortController().signal };
  const found = await inspectAll(step, context, new Map(), () => {});
  const bad = found.filter((f) => f.verdict.is !== 'pass');
  return { turned: Object.fromEntries(bad.map((f) => [f.control, f.verdict.is])), said: JSON.stringify(bad) };
}
const APP = { service: 'corecube' };

describe('secrets in docker inspect', () => {
  it('are not seen where there are none', async () => expect((await look([APP])).turned).toEqual({}));

  it.each([
    ['the key', { ...APP, env: [`OTHER=${KEY}`] }],
    ['another key by name', { ...APP, env: ['ENCRYPTION_KEY=ab'] }],
    ["the superuser's password by name", { ...APP, env: ['POSTGRES_PASSWORD=x'] }],
    ["the first administrator's password by name", { ...APP, env: ['CUBE_ADMIN_PASSWORD=x'] }],
  ])('fail: %s', async (_name, app) => {
    const { turned, said } = await look([app]);
    expect(turned).toEqual({ 'secrets.not-in-inspect': 'fail' });
    expect(said).not.toContain(KEY);
  });

  it.each(['Pa"ss\\word-12', "Pa'ss-word$12"])('fail as JSON writes them: %s', async (password) => {
    const files = { 'secrets/admin_password': `${password}\n` };
    expect((await look([{ ...APP, env: [`OTHER=${password}`] }], files)).turned).toEqual({
      'secrets.not-in-inspect': 'fail',
    });
    expect((await look([APP], files)).turned).toEqual({});
  });

  it('of services of the operator are theirs, by name', async () =>
    expect((await look([APP, { service: 'own-db', env: ['POSTGRES_PASSWORD=x'] }])).turned).toEqual({}));

  it('cannot be looked for without the key', async () =>
    expect((await look([APP], { 'secrets/encryption_key': '' })).turned).toEqual({
      'secrets.not-in-inspect': 'unknown',
    }));
});

describe('containers that nobody declared', () => {
  const undeclared = async (labels: Readonly<Record<string, string>>) => {
    const made = {
      ...container(APP),
      Id: 'made-by-hand',
      Name: '/made',
      Config: { Env: [], Labels: labels },
    };
    const all = [container(APP), made];
    const { host } = fakeHost({
      files: { 'compose.yaml': '', '.env': '' },
      commands: {
        'docker ps --all': all.map((c) => c.Id).join('\n'),
        'docker inspect': JSON.stringify(all),
        'docker compose --project-name': JSON.stringify({ name: 'corecube', services: { corecube: {} } }),
      },
    });
    const control = exposureControls.find((c) => c.id === 'running.no-extra-containers');
    const answers = { projectName: 'corecube', database: 'bundled', release: 'v2', image: 'x' } as never;
    return (await control?.inspect({ host, answers, signal: new AbortController().signal }))?.is;
  };
  it('are seen whatever their labels lack, and a service is none that is not declared', async () => {
    expect(await undeclared({})).toBe('fail');
    expect(await undeclared({ 'com.docker.compose.service': 'constructor' })).toBe('fail');
    // Of a declared service there is one: a second one beside it runs past the files.
    expect(await undeclared({ 'com.docker.compose.service': 'corecube' })).toBe('fail');
  });
  it('are left out when they are of docker compose run', async () =>
    expect(await undeclared({ 'com.docker.compose.oneoff': 'True' })).toBe('pass'));
});

describe('containers that the operator added', () => {
  it('fail when one is given the host', async () => {
    const { turned, said } = await look([APP, { service: 'watcher', host: { PidMode: 'host' } }]);
    expect(turned).toEqual({ 'running.foreign-isolated': 'fail' });
    expect(said).toContain('corecube-watcher-1 uses the pid namespace host');
  });

  it('are not what the services of this install are looked at for', async () =>
    expect((await look([{ ...APP, host: { PidMode: 'host' } }])).turned).toEqual({}));
});
