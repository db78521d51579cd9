/** What sabotages of files and containers share: an edit that can be taken back, and a container that differs from its file. */
import { rm, stat, writeFile } from 'node:fs/promises';
import { isMap, parse, parseDocument, stringify } from 'yaml';
import { DOMAIN, type Install } from '../e2e/support.ts';
import type { Sabotage } from './types.ts';

/** One service of compose.yaml, as YAML reads it. */
export type Service = Record<string, unknown>;

/** What a file of the install was before it was broken, by path; kept here because rows run one after the other. */
const kept = new Map<string, string>();

/** Keeps the text of a file, to be put back by `putBack`. */
export async function keep(install: Install, name: string): Promise<string> {
  const text = await install.read(name);
  kept.set(install.path(name), text);
  return text;
}

/** Writes the kept text into the same file again: inode, owner and mode stay. */
export async function putBack(install: Install, name: string): Promise<void> {
  const text = kept.get(install.path(name));
  if (text === undefined) throw new Error(`${name} was not kept`);
  await writeFile(install.path(name), text);
}

/** `break` and `undo` of an edit of one service in compose.yaml that is not applied. Comments stay. */
export function edited(
  service: string,
  change: Readonly<Record<string, unknown>>,
): Pick<Sabotage, 'break' | 'undo'> {
  return {
    break: (i) => editService(i, service, change),
    undo: (i) => putBack(i, 'compose.yaml'),
  };
}

/** Sets keys of a service in compose.yaml; `undefined` removes one. The text before is kept. */
export async function editService(
  install: Install,
  service: string,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  const document = parseDocument(await keep(install, 'compose.yaml'));
  if (!isMap(document.getIn(['services', service]))) throw new Error(`there is no service ${service}`);
  for (const [key, value] of Object.entries(change)) {
    const path = ['services', service, ...key.split('/')];
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, document.createNode(value));
  }
  await writeFile(install.path('compose.yaml'), document.toString({ lineWidth: 0 }));
}

/** docker compose as an operator types it, with the override file when there is one; rejects when it fails. */
export async function compose(install: Install, ...args: string[]): Promise<void> {
  await composeWith(install, install.path('compose.yaml'), args);
}

/** Like `compose`, with another file instead of compose.yaml. */
async function composeWith(install: Install, file: string, args: readonly string[]): Promise<void> {
  const override = install.path('compose.override.yaml');
  const files = (await stat(override).catch(() => undefined)) ? [file, override] : [file];
  await install.host.out(
    [
      ...['docker', 'compose', '--project-name', install.project, '--project-directory', install.dir],
      ...files.flatMap((path) => ['--file', path]),
      ...args,
    ],
    { timeoutMs: 200_000 },
  );
}

/** Creates the containers of services anew from the files, and waits until they are healthy and the proxy serves. */
export async function recreate(install: Install, ...services: string[]): Promise<void> {
  await compose(install, ...up(services), ...services);
  await serving(install);
}
/** The proxy's own health check is asked every ten seconds; that it serves is seen earlier. */
const up = (services: readonly string[]): readonly string[] => [
  ...['up', '--detach', '--no-deps'],
  ...(services.every((service) => service === 'caddy') ? [] : ['--wait', '--wait-timeout', '60']),
];

/**
 * Creates one container of the project anew from a changed copy of compose.yaml: what runs then differs from the files,
 * which stay as they are. Health is asked for often, so that the row does not wait for it.
 */
export async function recreateOtherwise(
  install: Install,
  service: string,
  change: (service: Service, model: Record<string, unknown>) => void,
): Promise<void> {
  const model = parse(await install.read('compose.yaml')) as { services: Record<string, Service> };
  const changed = model.services[service];
  if (!changed) throw new Error(`there is no service ${service}`);
  changed.healthcheck = { ...(changed.healthcheck as object), start_interval: '200ms' };
  change(changed, model);
  const file = install.path('../otherwise.yaml');
  await writeFile(file, stringify(model));
  try {
    await composeWith(install, file, [...up([service]), service]);
  } finally {
    await rm(file);
  }
  await serving(install);
}

/** `break` and `undo` of a container that differs from the files. */
export function runsOtherwise(
  service: string,
  change: (service: Service, model: Record<string, unknown>) => void,
): Pick<Sabotage, 'break' | 'undo'> {
  return {
    break: (i) => recreateOtherwise(i, service, change),
    undo: (i) => recreate(i, service),
  };
}

/** Waits until a running container calls itself healthy; `up --wait` gives up on one that was unhealthy a moment ago. */
export async function untilHealthy(install: Install, service: string): Promise<void> {
  const argv = ['inspect', '--format', '{{.State.Health.Status}}', await install.container(service)];
  for (let tries = 0; tries < 240; tries++) {
    if ((await install.docker(...argv)).stdout.trim() === 'healthy') return;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`${service} does not become healthy`);
}

/** Waits until CoreCube answers through the proxy: the proxy's own health check is asked too seldom to tell. */
export async function serving(install: Install): Promise<void> {
  const argv = [
    ...[
      'curl',
      '--silent',
      '--insecure',
      '--output',
      '/dev/null',
      '--max-time',
      '2',
      '--write-out',
      '%{http_code}',
    ],
    ...['--resolve', `${DOMAIN}:443:127.0.0.1`, `https://${DOMAIN}/v1/models`],
  ];
  for (let tries = 0; tries < 100; tries++) {
    // 000: no connection; 502: the proxy does not reach CoreCube. Anything else is CoreCube's own answer.
    const { stdout } = await install.host.run(argv);
    if (!['', '000', '502'].includes(stdout)) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the proxy does not serve CoreCube');
}
