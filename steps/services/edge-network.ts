/** From where the edge network is reached: through published ports only, whatever the engine makes of new networks. */
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import { type Change, type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { madeOtherwise, openModes } from '../compose/weakening.ts';
import type { Answers } from '../questions.ts';
import { composeArgv, composeModel } from '../shared/compose-project.ts';
import { containers, dockerRun, serviceOf } from '../shared/docker.ts';
import { isOwnService, NETWORK, SERVICE } from '../shared/layout.ts';
import { lookAtNetwork, type Network, networkOf } from '../shared/networks.ts';

type Needed = Pick<Answers, 'projectName'>;

const nameOf = ({ projectName }: Needed): string => `${projectName}_${NETWORK.edge}`;

/** The edge network that was made. @throws as {@link networkOf} */
export const edgeNetwork = (host: HostReader, { projectName }: Needed): Promise<Network | undefined> =>
  networkOf(host, projectName, NETWORK.edge);

export const edgeClosed: Control<Needed> = {
  id: 'running.edge-closed',
  title: 'Nobody outside this host reaches the edge network but through published ports',
  severity: 'required',
  section: 'network-isolation',
  refs: ['CIS Docker 5.14', 'CIS Docker 5.30'],
  how: 'Reads the gateway modes of the edge network in docker network inspect and compares them with those that the files declare, where these can be read.',
  threat:
    'With the gateway mode nat-unprotected or routed, whoever has a route to the network opens the console of CoreCube without TLS and without the fence around it.',
  remedy:
    'Apply again: the network is made anew as declared, with what is on it. Where compose.override.yaml gives it another gateway mode, take that out first.',
  impact:
    'CoreCube, the proxy and your own services on this network are recreated and away for some seconds.',
  async inspect({ host, answers }) {
    if (!(await edgeNetwork(host, answers)))
      return unknown('there is no edge network yet', `running.${SERVICE.app}-up`);
    const fault = await edgeFault(host, answers);
    return fault === undefined
      ? pass('the engine lets nobody in but through published ports')
      : fail(fault, 'reached through published ports only, as declared');
  },
};

/** What is wrong with the edge network that was made; undefined when nothing is, or there is none. */
export async function edgeFault(host: HostReader, answers: Needed): Promise<string | undefined> {
  const made = await edgeNetwork(host, answers);
  if (!made) return undefined;
  const open = openModes(made.Options);
  if (open.length > 0) return `the network has ${open.join(' and ')}`;
  // What was made is closed already; files that cannot be read are what compose.valid speaks of.
  const model = await composeModel(host, answers.projectName).catch(() => undefined);
  const declared = model?.networks?.[NETWORK.edge]?.driver_opts;
  return madeOtherwise(made.Options, declared)
    ? 'the network was made with other gateway modes than the files declare'
    : undefined;
}

/**
 * Takes the edge network away with the containers on it, and starts the operator's own ones again; CoreCube and the proxy
 * are started by what comes after. Compose makes the network anew as the files declare it: it keeps one that has its label.
 */
export function remakeEdge(answers: Needed): Change {
  return {
    id: 'services.remake-edge',
    disrupts:
      'CoreCube, the proxy and your own services on the edge network are recreated; their data stays.',
    summary: `Take the network ${nameOf(answers)} away, with the containers on it, and let Compose make both anew as declared`,
    async apply(host) {
      const model = await composeModel(host, answers.projectName);
      const declared = Object.entries(model?.services ?? {})
        .filter(([, service]) => NETWORK.edge in (service.networks ?? {}))
        .map(([service]) => service);
      const present = (await containers(host, answers.projectName)).filter((c) =>
        declared.includes(serviceOf(c) ?? ''),
      );
      await refuseStrangers(host, answers, new Set(present.map((c) => c.Name.slice(1))));
      const compose = await composeArgv(host, answers.projectName);
      const failure = { kind: 'command', fix: 'Correct what is named, then run this again.' } as const;
      const run = (argv: readonly string[]) => dockerRun(host, argv, failure, { timeoutMs: 300_000 });
      const services = [...new Set(present.map((c) => serviceOf(c) as string))];
      if (services.length > 0) await run([...compose, 'rm', '--stop', '--force', ...services]);
      await run(['docker', 'network', 'rm', nameOf(answers)]);
      const own = present.filter((c) => c.State.Running && !isOwnService(serviceOf(c) ?? ''));
      const again = [...new Set(own.map((c) => serviceOf(c) as string))];
      if (again.length > 0) await run([...compose, 'up', '--detach', '--no-deps', ...again]);
    },
  };
}

/** What somebody else joined to the network is theirs: nothing is taken away before they have decided. */
async function refuseStrangers(host: Host, answers: Needed, known: ReadonlySet<string>): Promise<void> {
  const members = Object.values(
    (await lookAtNetwork(host, answers.projectName, NETWORK.edge))?.Containers ?? {},
  ).map((c) => c.Name);
  const strangers = members.filter((name) => !known.has(name));
  if (strangers.length === 0) return;
  throw new ChangeError(
    'refused',
    `the network ${nameOf(answers)} cannot be made anew: ${strangers.join(', ')} is connected to it, and no file of this install declares that`,
    `docker network disconnect ${nameOf(answers)} ${strangers.join(' ')}, then run this again.`,
  );
}
