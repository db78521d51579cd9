/** Rows about the way to CoreCube past the fence: the edge network, and what the proxy is given beside its Caddyfile. */
import { writeFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Install } from '../e2e/support.ts';
import { docker } from './by-hand.ts';
import { compose, putBack, recreate, recreateOtherwise } from './containers.ts';
import { addToOwnFile, OVERRIDE } from './own-file.ts';
import { fail, type Sabotage, unseen } from './types.ts';

const MODE = 'com.docker.network.bridge.gateway_mode_ipv4';

/** Makes the edge network anew by hand, with the labels that Compose gave it: Compose keeps such a network. */
async function remakeOpen(install: Install): Promise<void> {
  const name = `${install.project}_edge`;
  const [seen] = JSON.parse(await docker(install, 'network', 'inspect', name)) as [
    { Labels: Record<string, string>; IPAM: { Config: [{ Subnet: string }] } },
  ];
  await compose(install, 'rm', '--stop', '--force', 'caddy', 'corecube');
  await docker(install, 'network', 'rm', name);
  const labels = Object.entries(seen.Labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  const subnet = ['--subnet', seen.IPAM.Config[0].Subnet];
  await docker(install, 'network', 'create', ...labels, ...subnet, '--opt', `${MODE}=nat-unprotected`, name);
  await compose(install, 'up', '--detach', '--no-deps', '--wait', 'corecube');
  await recreate(install, 'caddy');
}

const networkRows: readonly Sabotage[] = [
  {
    name: 'the edge network was made anew with an open gateway mode',
    break: remakeOpen,
    drift: 'changed-at-run-time',
    turns: fail('running.edge-closed'),
  },
  {
    name: 'compose.yaml leaves the gateway mode of the edge network to the engine, not applied',
    break: async (i) => {
      const file = parseDocument(await i.read('compose.yaml'));
      file.deleteIn(['networks', 'edge', 'driver_opts']);
      await writeFile(i.path('compose.yaml'), file.toString({ lineWidth: 0 }));
    },
    drift: 'edited-not-applied',
    turns: fail('compose.networks'),
  },
];

/** Lines of the proxy in the operator's file, applied, and taken back by hand. */
const applied = (name: string, lines: string, row: Partial<Sabotage>): Sabotage => ({
  name: `the override file ${name}, applied`,
  break: async (i) => {
    await addToOwnFile(i, `  caddy: ${lines}\n`);
    await recreate(i, 'caddy');
  },
  drift: 'edited-by-hand',
  turns: {},
  undo: async (i) => {
    await putBack(i, OVERRIDE);
    await recreate(i, 'caddy');
  },
  ...row,
});

/** Where nothing listens: whatever goes there is answered at once, with a refusal. */
const NOWHERE = 'http://127.0.0.1:9';

const givenRows: readonly Sabotage[] = [
  {
    ...applied(
      'lets the proxy ask CoreCube through another proxy',
      `{ environment: { HTTP_PROXY: "${NOWHERE}" } }`,
      {},
    ),
    break: async (i) => {
      await addToOwnFile(i, `  caddy: { environment: { HTTP_PROXY: "${NOWHERE}" } }\n`);
      await compose(i, 'up', '--detach', '--no-deps', 'caddy');
      await refusing(i);
    },
    turns: {
      ...fail('compose.override-keeps-hardening', 'running.proxy-requests'),
      ...unseen('proxy.public-paths-answer'),
    },
  },
  applied(
    'names a proxy that is not used for CoreCube',
    `{ environment: { HTTP_PROXY: "${NOWHERE}", NO_PROXY: "corecube,localhost" } }`,
    { drift: {}, exit: 0 },
  ),
  applied('lets the proxy write its own configuration', '{ volumes: [ "./caddy:/etc/caddy" ] }', {
    turns: fail('compose.override-keeps-hardening', 'running.proxy-program'),
  }),
  applied('keeps the keys of the proxy in memory', '{ environment: { XDG_DATA_HOME: /tmp } }', {
    drift: {
      'compose.override-keeps-hardening': 'edited-by-hand',
      'proxy.data-kept': 'edited-by-hand',
    },
    // Its authority is a new one with every start, and not the one that is kept.
    turns: fail('compose.override-keeps-hardening', 'proxy.data-kept', 'tls.certificate'),
  }),
  {
    name: 'the health check of the proxy fails',
    break: async (i) => {
      const failing = { test: ['CMD', 'false'], interval: '1s', retries: 1, start_period: '0s' };
      await recreateOtherwise(i, 'caddy', (service) => {
        service.healthcheck = failing;
      });
      await until(i, ['inspect', '--format', '{{.State.Health.Status}}'], 'unhealthy');
    },
    // That it is of another file is seen; why a program is unhealthy is not.
    drift: { 'proxy.container-current': 'changed-at-run-time' },
    turns: fail('proxy.up', 'proxy.container-current'),
  },
  {
    name: 'what the proxy has made in its volume belongs to root',
    break: async (i) => {
      const volume = ['volume', 'inspect', '--format', '{{.Mountpoint}}', `${i.project}_caddy-data`];
      await i.host.out(['chown', '--recursive', '0:0', `${(await docker(i, ...volume)).trim()}/caddy/pki`]);
    },
    drift: {},
    turns: fail('proxy.data-kept'),
  },
];

/** Waits until docker says so of the proxy's container. */
async function until(install: Install, argv: readonly string[], word: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await docker(install, ...argv, await install.container('caddy'))).trim() === word) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`the proxy does not become ${word}`);
}

/** Waits until the proxy answers that it does not reach CoreCube. */
async function refusing(install: Install): Promise<void> {
  const shown = ['--silent', '--insecure', '--output', '/dev/null', '--write-out', '%{http_code}'];
  const url = ['--resolve', 'corecube.test:443:127.0.0.1', 'https://corecube.test/v1/models'];
  for (let tries = 0; tries < 100; tries++) {
    if ((await install.host.run(['curl', ...shown, ...url])).stdout === '502') return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the proxy still reaches CoreCube');
}

export const edgeRows: readonly Sabotage[] = [...networkRows, ...givenRows];
