/** Who is on the networks of the install, and which way leads past the proxy. */
import type { Drift } from '../../src/core/report.ts';
import { openLeft, openModes } from '../compose/weakening.ts';
import { sharers } from '../services/sharing-controls.ts';
import { type ComposeModel, composeModel } from '../shared/compose-project.ts';
import { type Container, containerOf, containers } from '../shared/docker.ts';
import { isOwnService, NETWORK, PATH, SERVICE } from '../shared/layout.ts';
import { directoryNames } from '../shared/project-directory.ts';
import { declaredOrNot, label, notCurrent, violates } from './containers.ts';
import { broken, type Look, provedBy, type Rule } from './context.ts';
import { composeDrift, overrideDrift } from './declared.ts';
import { edited } from './files.ts';
import { when } from './memory.ts';

/** Containers of the project that the files do not declare, one-off containers left out. */
async function undeclared({ host, answers }: Look): Promise<readonly Container[]> {
  const model = await composeModel(host, answers.projectName);
  return (await containers(host, answers.projectName)).filter(
    (c) => !((label(c, 'service') ?? '') in (model?.services ?? {})),
  );
}

/** A container of the project that the files do not declare: of another file, or of these as they were once. */
async function leftOver(look: Look, container: Container): Promise<Drift | undefined> {
  const name = container.Name.slice(1);
  const listed = (label(container, 'project.config_files') ?? '').split(',');
  const service = label(container, 'service') ?? '';
  const names = await directoryNames(look.host, look.answers.projectName);
  const dir = names.get(service) ?? look.host.dir;
  if (!listed.every((path) => path.startsWith(`${dir}/`)))
    return broken(
      'changed-at-run-time',
      `${name} was created with the project's label and from no file of this install.`,
    );
  // A service of ours that is not declared any more: this tool moved on, or the answers, or a person; nobody can tell.
  if (isOwnService(service)) return undefined;
  return edited(`${name} was created from a file of this install that does not declare ${service} any more`, {
    follows: false,
    what: `The container of ${service}`,
  });
}

/** `running.no-extra-containers`. */
export const extraContainers: Rule = async (look) => {
  const extra = await undeclared(look);
  const told = await Promise.all(extra.map((container) => leftOver(look, container)));
  const [first] = told.filter((drift) => drift !== undefined);
  return first;
};

/** `running.internal-members`, `running.edge-members`: a file of this install lets it in, or somebody joined it. */
export const members =
  (network: keyof typeof NETWORK): Rule =>
  async (look) => {
    const name = `${look.answers.projectName}_${NETWORK[network]}`;
    if (network === 'internal') {
      const declared = await declaredOrNot(look, SERVICE.app, violates(look, ['networks'], ''), 'untold');
      if (declared) return declared;
    }
    const joined = (await undeclared(look)).find((c) => name in c.NetworkSettings.Networks);
    return joined
      ? leftOver(look, joined)
      : broken(
          'changed-at-run-time',
          `Neither ${PATH.compose} nor ${PATH.override} joins it to this network: it was joined by hand.`,
        );
  };

type DeclaredNetwork = NonNullable<ComposeModel['networks']>[string] | undefined;

/** A network of this install that is open: the files declare it so, or it was made anew past them. */
const openNetwork =
  (name: string, isOpen: (declared: DeclaredNetwork) => boolean, closed: string): Rule =>
  async (look, finding) => {
    const { host, answers } = look;
    const isOpenIn = async (which: 'own' | 'merged') =>
      isOpen((await composeModel(host, answers.projectName, which))?.networks?.[name]);
    if (await isOpenIn('own')) return composeDrift(look, finding);
    if (await isOpenIn('merged')) return overrideDrift(look, finding);
    const proved = provedBy(look, finding.control);
    return proved
      ? broken(
          'changed-at-run-time',
          `The files declare it ${closed} at the apply of ${when(proved.at)}: it was made anew since.`,
        )
      : undefined;
  };

/** `running.internal-closed`: the network has a way out. */
export const internalClosed = openNetwork(
  NETWORK.internal,
  (declared) => declared?.internal !== true,
  'without a way out, and it had none',
);

/** `running.edge-closed`: whoever has a route gets into the network. */
export const edgeClosed = openNetwork(
  NETWORK.edge,
  (declared) => openLeft(declared?.driver_opts).length > 0 || openModes(declared?.driver_opts).length > 0,
  'closed, and it was',
);

const hasPorts = ({ HostConfig }: Container): boolean =>
  Object.values(HostConfig.PortBindings ?? {}).some((list) => (list ?? []).length > 0);
const publishes = (container: Container): boolean =>
  container.HostConfig.NetworkMode === 'host' || hasPorts(container);

/** `proxy.app-not-reachable-directly`: CoreCube's own container publishes it, or something else hands its port on. */
export const pastTheProxy: Rule = async (look, { control }) => {
  const app = await containerOf(look.host, look.answers.projectName, SERVICE.app);
  if (app && publishes(app))
    return declaredOrNot(look, SERVICE.app, violates(look, ['ports', 'networks', 'isolation'], SERVICE.app));
  const proved = provedBy(look, control);
  return app && proved
    ? broken(
        'changed-at-run-time',
        `The container of ${SERVICE.app} publishes no port, and nothing answered at the apply of ${when(proved.at)}: something else on this host hands its port on since.`,
      )
    : undefined;
};

/** `proxy.up` of a proxy that runs without the ports that the files publish. */
export const unpublished: Rule = async (look) => {
  const proxy = await containerOf(look.host, look.answers.projectName, SERVICE.proxy);
  return proxy?.State.Running && !hasPorts(proxy) ? notCurrent(look, SERVICE.proxy) : undefined;
};

/** `running.nothing-shared`: whoever started the container; one that the files declare was edited into them. */
export const shared: Rule = async (look) => {
  const { host, answers } = look;
  const model = await composeModel(host, answers.projectName);
  const [first] = await sharers(host, answers.projectName);
  if (!first) return undefined;
  const { container } = first;
  const isOfProject = label(container, 'project') === answers.projectName;
  // `docker compose run` gives its container the name of a declared service.
  const isOneOff = label(container, 'oneoff') === 'True';
  const isDeclared =
    isOfProject && !isOneOff && (label(container, 'service') ?? '') in (model?.services ?? {});
  const made = `${container.Name.slice(1)} was created on ${when(new Date(container.Created))}`;
  return isDeclared
    ? broken('edited-by-hand', `${made} from a service that was added to the files of this install.`)
    : broken('changed-at-run-time', `${made}; no file of this install declares it.`);
};
