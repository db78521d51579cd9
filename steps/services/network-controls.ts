/** Who is connected to the networks of the install: past every published port, this is the way to CoreCube and its data. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { composeModel } from '../shared/compose-project.ts';
import { containerOf, containers, serviceOf } from '../shared/docker.ts';
import { NETWORK, SERVICE } from '../shared/layout.ts';
import { type Network, networkOf } from '../shared/networks.ts';

type Needed = Pick<Answers, 'projectName'>;
const UP = `running.${SERVICE.app}-up`;

/**
 * One of these on a wrong network is the finding of running.networks or running.proxy-networks, and repaired there; what
 * only a person may decide about is a stranger.
 */
const OURS: readonly string[] = Object.values(SERVICE);

/** @throws when the network cannot be looked at, or is not there */
async function network(host: HostReader, project: string, name: string): Promise<Network> {
  const made = await networkOf(host, project, name);
  if (!made) throw new Error(`the network cannot be looked at: there is no ${project}_${name}`);
  return made;
}

/** Members by name: those whose containers are of the given services of this project, and all others. */
async function members(host: HostReader, project: string, name: string, services: ReadonlySet<string>) {
  const { Containers } = await network(host, project, name);
  const known = (await containers(host, project)).filter((c) => services.has(serviceOf(c) ?? ''));
  const own = new Set(known.map((c) => c.Id));
  const ownNames = new Set(known.map((c) => c.Name.slice(1)));
  const all = Object.entries(Containers ?? {});
  // While a container is started or ends, Docker lists its endpoint (`ep-…`) instead of its id; the name is its own.
  const isOwn = ([id, { Name }]: (typeof all)[number]) =>
    own.has(id) || (id.startsWith('ep-') && ownNames.has(Name));
  const names = (list: typeof all) => list.map(([, c]) => c.Name).sort();
  return { own: names(all.filter(isOwn)), foreign: names(all.filter((member) => !isOwn(member))) };
}

/** An empty list is none of what runs: the engine does not tell. */
const NOBODY = 'the engine names no member of the network, although CoreCube runs';

/** One that restarts again and again runs, and has its place in the networks, by chance only. */
const isUp = async (host: HostReader, project: string): Promise<boolean> => {
  const state = (await containerOf(host, project, SERVICE.app))?.State;
  return state?.Running === true && !state.Restarting;
};

const internalClosed: Control<Needed> = {
  id: 'running.internal-closed',
  title: 'The internal network has no way out',
  severity: 'required',
  section: 'network-isolation',
  refs: ['CIS Docker 5.30'],
  how: 'Reads in docker network inspect whether the engine routes anything out of the internal network.',
  threat: 'A database that can call out can be made to send its data away.',
  remedy: `Remove the network so that it is made anew as declared: docker compose down, then apply again. The volumes stay.`,
  impact: 'Everything is away for the time of a start.',
  manual: true,
  async inspect({ host, answers }) {
    if (!(await isUp(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
    return (await network(host, answers.projectName, NETWORK.internal)).Internal
      ? pass('the engine routes nothing out of it')
      : fail('the network has a way out', 'an internal network');
  },
};

const internalMembers: Control<Needed> = {
  id: 'running.internal-members',
  title: 'Only services of this install are connected to the internal network',
  severity: 'required',
  section: 'network-isolation',
  refs: ['CIS Docker 5.30'],
  how: 'Lists the members of the internal network in docker network inspect; each must be the container of a service of this install.',
  threat: 'A container on the internal network reaches the database past every fence.',
  remedy: 'docker network disconnect the named container, or give it a network of its own.',
  impact: 'The named container loses its way to the database.',
  manual: true,
  async inspect({ host, answers }) {
    if (!(await isUp(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
    const { own, foreign } = await members(host, answers.projectName, NETWORK.internal, new Set(OURS));
    if (own.length + foreign.length === 0) return unknown(NOBODY, UP);
    return foreign.length === 0
      ? pass(own.join(', '))
      : fail(`${foreign.join(', ')} joined it`, 'services of this install only');
  },
};

const edgeMembers: Control<Needed> = {
  id: 'running.edge-members',
  title: 'Only declared services are connected to the edge network',
  severity: 'required',
  section: 'network-isolation',
  refs: ['CIS Docker 5.14', 'CIS Docker 5.30'],
  how: 'Lists the members of the edge network in docker network inspect and compares them with the services that are declared on it.',
  threat:
    'A container on the edge network reaches CoreCube without TLS and without the fence around its console, and can publish that to everybody.',
  remedy:
    'docker network disconnect the named container. One that shall be there is declared, with this network, in compose.override.yaml.',
  impact: 'The named container loses its way to CoreCube.',
  manual: true,
  async inspect({ host, answers }) {
    if (!(await isUp(host, answers.projectName))) return unknown(`${SERVICE.app} does not run`, UP);
    const model = await composeModel(host, answers.projectName).catch((error: Error) => error);
    const declared =
      model === undefined || model instanceof Error
        ? []
        : Object.entries(model.services)
            .filter(([, service]) => NETWORK.edge in (service.networks ?? {}))
            .map(([name]) => name);
    const allowed = new Set<string>([...OURS, ...declared]);
    const { own, foreign } = await members(host, answers.projectName, NETWORK.edge, allowed);
    if (own.length + foreign.length === 0) return unknown(NOBODY, UP);
    if (foreign.length === 0) return pass(own.join(', '));
    const seen = `${foreign.join(', ')} joined it`;
    return model instanceof Error
      ? unknown(`${seen}, and whether that is declared cannot be told: ${model.message}`)
      : fail(seen, 'CoreCube, the proxy, and what the files declare to be there');
  },
};

export const networkControls: readonly Control<Needed>[] = [internalClosed, internalMembers, edgeMembers];
