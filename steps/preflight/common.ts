/** What the controls of preflight share: their answers, and the way to wait for an engine. */

import type { HostReader } from '../../src/core/host.ts';
import { type Control, unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import type { Container } from '../shared/docker.ts';
import { type EngineInfo, engine } from '../shared/engine.ts';

export const NEEDS = [
  'image',
  'release',
  'domain',
  'tls',
  'acmeDirectory',
  'acmeRoot',
  'tlsCertificate',
  'tlsKey',
  'adminPassword',
  'database',
  'databaseAdminUrl',
  'databaseCa',
  'postgresImage',
  'proxyImage',
  'inferenceImage',
  'listenAddress',
  'httpPort',
  'httpsPort',
  'projectName',
] as const;
export type Needed = Pick<Answers, (typeof NEEDS)[number]>;
export type PreflightControl = Control<Needed>;

export const ID = {
  installed: 'docker.installed',
  reachable: 'docker.reachable',
  compose: 'compose.version',
  images: 'images.present',
} as const;

/** Looks with an engine that answers; without one the control waits for the control that says so. */
export async function withEngine(
  host: HostReader,
  look: (info: EngineInfo) => Promise<Verdict> | Verdict,
): Promise<Verdict> {
  const seen = await engine(host);
  if (seen.state === 'ready') return look(seen.info);
  return seen.state === 'not-installed'
    ? unknown('Docker is not installed', ID.installed)
    : unknown('Docker Engine does not answer', ID.reachable);
}

/** Compose's label of the directory that a container's project was started from. */
export const WORKING_DIR = 'com.docker.compose.project.working_dir';

/** True when the container belongs to this install directory, under whatever name (symbolic links) it was given. */
export async function isHere(host: HostReader, container: Pick<Container, 'Config'>): Promise<boolean> {
  const other = container.Config.Labels[WORKING_DIR];
  if (other === undefined || other === host.dir) return other === host.dir;
  return host.once(`same directory ${other}`, async () => {
    const both = await host.query(['stat', '--dereference', '--format=%d:%i', host.dir, other]);
    // 124: no end in time. A directory that is gone is another one; one that hangs was not seen.
    if (both.code === 124)
      throw new Error(`whether ${other} is this directory cannot be seen: stat does not end`);
    const [mine, its] = both.stdout.trim().split('\n');
    return both.code === 0 && mine !== undefined && mine === its;
  });
}
