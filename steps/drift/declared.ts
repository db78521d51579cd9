/** What compose.yaml and the override file declare wrongly: who edited which of them, and whether what runs has followed. */
import type { Drift, Finding } from '../../src/core/report.ts';
import { MISNAMED } from '../compose/render.ts';
import { openLeft, openModes, sameModes } from '../compose/weakening.ts';
import { edgeNetwork } from '../services/edge-network.ts';

import { composeModel } from '../shared/compose-project.ts';
import { containerOf, docker } from '../shared/docker.ts';
import { isOwnService, NETWORK, PATH } from '../shared/layout.ts';
import { declaredHashes, label, otherHashes, violates } from './containers.ts';
import { broken, firstOf, type Look, type Rule } from './context.ts';
import { COMPOSE, edited, fileDrift, missing, stateOf } from './files.ts';
import { fingerprint } from './memory.ts';

/** Whether what runs is what the files declare now, with its name; undefined where that cannot be told. */
interface Following {
  readonly what: string;
  readonly follows: boolean;
}

/** By service. One of ours without a container may have been removed; one that a person added was never started. */
async function containersFollowing(
  look: Look,
  services: ReadonlyMap<string, string>,
): Promise<readonly Following[]> {
  const all = [...services].map(async ([service, hash]) => {
    const container = await containerOf(look.host, look.answers.projectName, service);
    const what = `The container of ${service}`;
    if (container) return [{ what, follows: label(container, 'config-hash') === hash }];
    return isOwnService(service) ? [] : [{ what, follows: false }];
  });
  return (await Promise.all(all)).flat();
}

/** The networks whose declaration is wrong; Compose's hashes of the services say nothing of them. */
async function networkFollowing({ host, answers }: Look): Promise<readonly Following[]> {
  const networks = (await composeModel(host, answers.projectName))?.networks;
  if (!networks) return [];
  const [internal, edge] = [networks[NETWORK.internal], networks[NETWORK.edge]];
  const wrong: Following[] = [];
  const made = await edgeNetwork(host, answers);
  const isOpen = openLeft(edge?.driver_opts).length > 0 || openModes(edge?.driver_opts).length > 0;
  if (made && isOpen)
    wrong.push({ what: `The network ${NETWORK.edge}`, follows: sameModes(made.Options, edge?.driver_opts) });
  if (internal?.internal === true) return wrong;
  const name = `${answers.projectName}_${NETWORK.internal}`;
  const seen = await docker(host, ['network', 'inspect', '--format', '{{.Internal}}', name]);
  if (seen.code === 0)
    wrong.push({ what: `The network ${NETWORK.internal}`, follows: seen.stdout.trim() === 'false' });
  return wrong;
}

/** What did not follow, else what did. */
function summary(all: readonly Following[]): {
  readonly follows: boolean | undefined;
  readonly what: string;
} {
  const behind = all.filter((one) => !one.follows);
  const [first, ...more] = behind.length > 0 ? behind : all;
  const what =
    more.length === 0
      ? (first?.what ?? '')
      : `What runs as ${[first, ...more].map((one) => one?.what.split(' ').at(-1)).join(', ')}`;
  return { follows: all.length === 0 ? undefined : behind.length === 0, what };
}

/** Services that the finding speaks of, where it names any of those that were changed; else all of them. */
function named(changed: ReadonlyMap<string, string>, finding: Finding): ReadonlyMap<string, string> {
  const text = finding.verdict.is === 'fail' ? finding.verdict.observed : '';
  const words = new Set(text.split(/[^\w.-]+/));
  const some = [...changed].filter(([service]) => words.has(service));
  return some.length === 0 ? changed : new Map(some);
}

/** The cause of what compose.yaml itself declares wrongly. */
export async function composeDrift(look: Look, finding: Finding): Promise<Drift | undefined> {
  const state = await stateOf(COMPOSE, look);
  // What a person added and this tool keeps counts as well: then it is not known which services it is about.
  if (state.is !== 'edited' && !(state.is === 'as-rendered' && state.touched))
    return fileDrift(COMPOSE, look, { follows: undefined, what: '' });
  const declared = await declaredHashes(look);
  const rendered: ReadonlyMap<string, string> =
    state.is === 'edited' ? await otherHashes(look, { compose: state.wanted }) : new Map();
  const changed = new Map([...declared].filter(([service, hash]) => rendered.get(service) !== hash));
  const isKnown = state.is !== 'edited' || rendered.size > 0;
  const isOfNetworks = ['compose.networks', 'running.internal-closed', 'running.edge-closed'].includes(
    finding.control,
  );
  const following = isKnown
    ? [
        ...(await containersFollowing(look, named(changed, finding))),
        ...(isOfNetworks ? await networkFollowing(look) : []),
      ]
    : [];
  return fileDrift(COMPOSE, look, summary(following));
}

/** The cause of hardening that the override file takes away; it is never written here, so a person wrote it. */
export async function overrideDrift(look: Look, finding: Finding): Promise<Drift | undefined> {
  if (!(await look.host.stat(PATH.override))) return undefined;
  const [merged, own] = [await declaredHashes(look), await otherHashes(look, { withoutOverride: true })];
  const all = new Map([...merged].filter(([service, hash]) => own.get(service) !== hash));
  const changed = named(all, finding);
  const { verdict } = finding;
  // Where a volume lies, which file a secret is and how a network is made, Compose's hashes of the services do not tell.
  if (changed === all && verdict.is === 'fail' && /(^|; )the (volume|secret|network) /.test(verdict.observed))
    return edited(`${PATH.override}, which this tool never writes, declares it`, {
      follows: undefined,
      what: '',
    });
  const names = [...changed.keys()].join(', ');
  return edited(
    `${PATH.override}, which this tool never writes, changes what is declared for ${names}`,
    summary(await containersFollowing(look, changed)),
  );
}

/** `compose.foreign-hardened`: by the file that declares the service. */
export const foreignDeclared: Rule = async (look, finding) => {
  const own = await composeModel(look.host, look.answers.projectName, 'own');
  return own && violates(look, ['foreign-hardened'], '')(own)
    ? composeDrift(look, finding)
    : overrideDrift(look, finding);
};

/** Files that Compose refuses: nothing can have been made of them, so that what runs is of those before. */
const refused: Rule = async (look) => {
  const { host, memory } = look;
  const text = await host.readText(PATH.compose);
  if (text === undefined) return undefined;
  const wrote = memory.written.get(PATH.compose);
  const isTouched = wrote !== undefined && wrote.sha256 !== fingerprint(text);
  const override = (await host.stat(PATH.override)) !== undefined;
  const ownIsGood = override && (await otherHashes(look, { withoutOverride: true })).size > 0;
  if (ownIsGood)
    return broken(
      'edited-not-applied',
      `${PATH.override}, which this tool never writes, makes Compose refuse the files.`,
    );
  return isTouched
    ? broken('edited-not-applied', `${PATH.compose} is not as this tool left it, and Compose refuses it.`)
    : undefined;
};

const removed: Rule = async (look) => {
  const state = await stateOf(COMPOSE, look);
  return state.is === 'missing' ? missing(PATH.compose, state.was) : undefined;
};

/** `compose.valid`. A file that names another project is taken by Compose, and no container shows whether it was. */
export const invalid: Rule = async (look, finding) =>
  finding.verdict.is === 'fail' && finding.verdict.observed.startsWith(MISNAMED)
    ? fileDrift(COMPOSE, look, { follows: undefined, what: '' })
    : firstOf(removed, refused)(look, finding);
