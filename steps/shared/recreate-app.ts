import type { Host } from '../../src/core/host.ts';
import { composeArgv } from './compose-project.ts';
import { dockerRun } from './docker.ts';
import { SERVICE } from './layout.ts';

/** Milliseconds. The health check of the new container decides when it is over. */
const DEADLINE = 180_000;

/**
 * Brings the CoreCube container to what compose.yaml (and the operator's override) declares, alone, and waits until
 * it is healthy. Nothing happens to a container that already is as declared.
 * @throws {ChangeError} `timeout`, with the last lines of Compose
 */
export async function recreateApp(host: Host, project: string): Promise<void> {
  const argv = await composeArgv(host, project);
  await dockerRun(
    host,
    [...argv, 'up', '--detach', '--no-deps', '--wait', '--wait-timeout', '150', SERVICE.app],
    {
      kind: 'timeout',
      fix: `See docker compose logs ${SERVICE.app}, correct the cause, and run this again.`,
    },
    { timeoutMs: DEADLINE },
  );
}
