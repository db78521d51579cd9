/** A host whose shared looks are given: what a control makes of them is what is tested. */
import type { HostReader } from '../../src/core/host.ts';
import type { Container } from '../../steps/shared/docker.ts';

/** `looks`: results by the key of `once`; everything else is looked up through `over`, and what is missing throws. */
export function presetHost(
  looks: Readonly<Record<string, unknown>>,
  over: Partial<HostReader> = {},
): HostReader {
  return {
    dir: '/install',
    now: () => new Date(),
    once: async (key: string, look: () => Promise<unknown>) => (key in looks ? looks[key] : look()),
    ...over,
  } as unknown as HostReader;
}

/** A running container of a service of the project `corecube`. */
export function runningContainer(service: string, state: Partial<Container['State']> = {}): Container {
  return {
    Id: `id-of-${service}`,
    Image: 'sha256:1111111111111111',
    State: { Running: true, Restarting: false, Status: 'running', ExitCode: 0, ...state },
    HostConfig: { LogConfig: { Type: 'json-file', Config: {} } },
    Config: { Env: [], Labels: { 'com.docker.compose.service': service } },
    NetworkSettings: {
      Ports: {
        '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '80' }],
        '443/tcp': [{ HostIp: '0.0.0.0', HostPort: '443' }],
      },
      Networks: { corecube_internal: { IPAddress: '10.9.0.2' }, corecube_edge: { IPAddress: '10.8.0.2' } },
    },
  } as unknown as Container;
}
