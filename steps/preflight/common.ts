/** What the controls of preflight share: their answers, and the way to wait for an engine. */

import type { HostReader } from '../../src/core/host.ts';
import { type Control, unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
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
