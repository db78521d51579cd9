/** CoreCube's own state: sessions, the administrator's account, images; and containers that nobody declared. */

import type { Drift } from '../../src/core/report.ts';
import { expectedUsers, type Property, violations } from '../compose/violations.ts';
import type { ComposeModel } from '../shared/compose-project.ts';
import { composeModel } from '../shared/compose-project.ts';
import { containerOf, containers, serviceOf, withRealSources } from '../shared/docker.ts';
import { handedWithoutNeed, mountsOf } from '../shared/handed.ts';
import { heldImages, otherThanHeld, short } from '../shared/held-images.ts';
import { isOwnService, PATH, SERVICE } from '../shared/layout.ts';
import { lookAtRunning, type RunningProperty } from '../shared/running.ts';
import { isolation } from '../shared/running-inspect.ts';
import { accessDrift } from './access.ts';
import { declaredOrNot, label, notCurrent, violates } from './containers.ts';
import {
  broken,
  describeDiffering,
  earlierAnswers,
  firstOf,
  type Look,
  provedBy,
  type Rule,
} from './context.ts';
import { composeDrift, overrideDrift } from './declared.ts';
import { missing } from './files.ts';
import { live } from './live.ts';
import { when } from './memory.ts';
import { modifiedAt } from './times.ts';

/** Services whose containers a `running.*` control is about. */
function usersOf({ answers }: Look, isProxy: boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(expectedUsers(answers)).filter(([service]) => (service === SERVICE.proxy) === isProxy),
  );
}

/** What one line of a file does to more than its own property: a privileged container has every capability, too. */
const SAID_AS: Readonly<Partial<Record<RunningProperty, readonly Property[]>>> = {
  capabilities: ['isolation'],
  'no-new-privileges': ['isolation'],
};

/** What the files say of a property of what runs. */
const declaredAs = (property: Exclude<RunningProperty, 'current'>): readonly Property[] =>
  property === 'program' || property === 'requests'
    ? ['environment']
    : [property, ...(SAID_AS[property] ?? [])];

/** `running.PROPERTY` and `running.proxy-PROPERTY`. */
export const runningProperty: Rule = async (look, { control }) => {
  const isProxy = control.startsWith('running.proxy-');
  const property = control.replace(/^running\.(proxy-)?/, '') as RunningProperty;
  // The same users as the controls have, so that their look is shared.
  const { violations } = await lookAtRunning(look.host, look.answers.projectName, usersOf(look, isProxy));
  for (const { service } of violations.filter((v) => v.property === property)) {
    const drift =
      property === 'current'
        ? ((await notCurrent(look, service)) ?? (await byUpdate(look, service)))
        : await declaredOrNot(look, service, violates(look, declaredAs(property), service));
    if (drift) return drift;
  }
  return undefined;
};

const SESSIONS = ['SESSION_MAX_AGE_HOURS', 'SESSION_MAX_LIFETIME_HOURS', 'SESSION_IDLE_TIMEOUT_MINUTES'];
const COOKIES = ['CORECUBE_PUBLIC_URL', 'NODE_ENV'];

/** What CoreCube is told by its environment: a file declares it wrongly, or the container has another one. */
export const settings: Rule = async (look, { control }) => {
  const { host, answers } = look;
  const names = control === 'session.cookie-flags' ? COOKIES : SESSIONS;
  const isWrongIn = (model: ComposeModel) =>
    (violations(model, answers, host.dir).get('settings') ?? []).some((text) =>
      names.some((name) => text.startsWith(`${name} `)),
    );
  const declared = await declaredOrNot(look, SERVICE.app, isWrongIn, 'untold');
  if (declared) return declared;
  const container = await containerOf(host, answers.projectName, SERVICE.app);
  const model = await composeModel(host, answers.projectName);
  const given = model?.services[SERVICE.app]?.environment;
  if (!container?.State.Running || !given) return undefined;
  const has = new Map(
    (container.Config.Env ?? []).map((e) => [e.split('=')[0], e.slice(e.indexOf('=') + 1)]),
  );
  // Otherwise it runs with what was declared, and what it makes of it is its own.
  return names.some((name) => given[name] !== has.get(name))
    ? ((await notCurrent(look, SERVICE.app)) ?? declaredOrNot(look, SERVICE.app, isWrongIn))
    : undefined;
};

const PRIVATE = ['ENCRYPTION_KEY', 'CUBE_ADMIN_EMAIL', 'CUBE_ADMIN_PASSWORD', 'POSTGRES_PASSWORD'];

/** A secret in an environment: declared there, or given to a container that no file of ours declares like that. */
export const secretInEnvironment: Rule = async (look) => {
  const isShown = (model: ComposeModel) =>
    Object.values(model.services).some((s) => PRIVATE.some((name) => name in (s.environment ?? {})));
  const all = await containers(look.host, look.answers.projectName);
  for (const service of Object.keys(expectedUsers(look.answers))) {
    const container = all.find((c) => serviceOf(c) === service);
    const has = (container?.Config.Env ?? []).some((e) => PRIVATE.includes(e.split('=')[0] ?? ''));
    if (container?.State.Running && has) return declaredOrNot(look, service, isShown);
  }
  return undefined;
};

export const passwordFile: Rule = async (look, { control }) => {
  // Several changes make it, so that its absence tells nothing of a first time.
  const was = look.memory.last?.held.has(control) ? 'written' : 'unknown';
  if (!(await look.host.stat(PATH.adminPassword))) return missing(PATH.adminPassword, was);
  const change = 'admin-account.password-file';
  return accessDrift(look, control, PATH.adminPassword, { mode: 0o600, wrong: 0o077, change });
};

/** The kept password was written since. */
export const passwordContent: Rule = async (look, { control }) => {
  const earlier = await earlierAnswers(look, ['adminEmail', 'adminPassword']);
  if (earlier)
    return broken('never-applied', `${describeDiffering(earlier.differing)} from those of the last apply.`);
  const proved = provedBy(look, control);
  const modified = await modifiedAt(look, PATH.adminPassword);
  return proved && modified && modified > proved.at
    ? broken(
        'edited-by-hand',
        `${PATH.adminPassword} was written on ${when(modified)}, after the apply of ${when(proved.at)}.`,
      )
    : undefined;
};

/** The own login does not work: the kept password was edited, or the account was changed in CoreCube. */
export const ownLogin: Rule = firstOf(passwordContent, live('in CoreCube'));

/** The container is as declared, but of another image than the one that its service is held to. */
export async function byUpdate(look: Look, service: string): Promise<Drift | undefined> {
  const { host, answers } = look;
  const container = await containerOf(host, answers.projectName, service);
  const other = container && (await otherThanHeld(host, answers.projectName, service, container));
  return other === undefined
    ? undefined
    : broken(
        'changed-by-update',
        `The container of ${service} was created on ${when(new Date(container?.Created ?? 0))} and ${other}.`,
      );
}

/** `images.pinned`. */
export const pinnedImages: Rule = async (look, finding) => {
  const { host, answers } = look;
  const all = await heldImages(host, answers.projectName);
  if (all === undefined) return composeDrift(look, finding);
  for (const held of all) {
    const { service, reference, id, loose } = held;
    const container = await containerOf(host, answers.projectName, service);
    const recorded = id === undefined ? undefined : short(id);
    // Without a pin nothing was recorded that an update could have moved: somebody wrote the reference.
    if (loose !== undefined && recorded === undefined)
      return (await composeDrift(look, finding)) ?? (await overrideDrift(look, finding));
    if (loose !== undefined)
      return broken(
        'changed-by-update',
        `The tag ${reference} stands for another image than ${recorded}, which this tool recorded.`,
      );
    if (!container || recorded === undefined || container.Image === id) continue;
    return (await notCurrent(look, service)) ?? (await byUpdate(look, service));
  }
  return undefined;
};

/** `running.foreign-isolated`: a file declares it so, or the container was made or changed otherwise. */
export const foreignIsolated: Rule = async (look) => {
  const { host, answers } = look;
  for (const container of await containers(host, answers.projectName)) {
    const service = label(container, 'service') ?? '';
    if (isOwnService(service)) continue;
    if (isolation(await withRealSources(host, container), host.dir).length > 0)
      return declaredOrNot(look, service, violates(look, ['isolation'], service));
  }
  return undefined;
};

/** `secrets.only-their-services`: a file hands it over, or only the running container has it. */
export const handedOver: Rule = async (look) => {
  const { host, answers } = look;
  const { projectName: project } = answers;
  for (const container of await containers(host, project)) {
    const service = label(container, 'service') ?? '';
    if (!isOwnService(service)) continue;
    const given = mountsOf(await withRealSources(host, container));
    if (handedWithoutNeed(given, { project, dir: host.dir, service }).length > 0)
      return declaredOrNot(look, service, violates(look, ['secret-delivery'], service));
  }
  return undefined;
};
