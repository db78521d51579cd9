/** Containers against the files that declare them: which of the two was changed, and by what. */
import { join } from 'node:path';
import type { Drift } from '../../src/core/report.ts';
import type { ComposeAnswers } from '../compose/render.ts';
import { type Property, violations } from '../compose/violations.ts';
import { bootstrapInProgress } from '../shared/admin-credentials.ts';
import { type ComposeModel, composeArgv, composeModel, configHashes } from '../shared/compose-project.ts';
import { type Container, containerOf, dockerOutput } from '../shared/docker.ts';
import { ENV, PATH, SERVICE } from '../shared/layout.ts';
import { readEnv } from '../shared/postgres.ts';
import { directoryNames, wasMoved } from '../shared/project-directory.ts';
import { broken, describeDiff, type Look } from './context.ts';
import { COMPOSE, edited, fileDrift, missing, stateOf, wasMade, writtenOn } from './files.ts';
import { when } from './memory.ts';
import { changedAt } from './times.ts';

/** A label that Compose puts on its containers, by its name without `com.docker.compose.`. */
export const label = (container: Container, name: string): string | undefined =>
  container.Config.Labels[`com.docker.compose.${name}`];

/** By service: the control that it runs, and the changes that start it. */
const STARTERS: Readonly<Record<string, readonly string[]>> = {
  [SERVICE.database]: [
    `running.${SERVICE.database}-up`,
    'database.start',
    `services.start-${SERVICE.database}`,
  ],
  [SERVICE.app]: [`running.${SERVICE.app}-up`, `services.start-${SERVICE.app}`],
  [SERVICE.inference]: [`running.${SERVICE.inference}-up`, `services.start-${SERVICE.inference}`],
  [SERVICE.proxy]: ['proxy.up', 'proxy.start'],
};

/** Compose's hashes of the services as they are declared now. */
export async function declaredHashes({ host, answers }: Look): Promise<ReadonlyMap<string, string>> {
  const bootstrap =
    (await bootstrapInProgress(host)) && (await host.stat(PATH.bootstrapCompose)) !== undefined;
  return configHashes(host, answers.projectName, bootstrap);
}

/** The same with another compose.yaml, or without the override file; empty when Compose refuses it. */
export function otherHashes(
  { host, answers }: Look,
  other: { readonly compose?: string; readonly withoutOverride?: true },
): Promise<ReadonlyMap<string, string>> {
  const key = `drift hashes ${other.compose === undefined ? '' : 'rendered'} ${other.withoutOverride ?? ''}`;
  return host.once(key, async () => {
    const argv = await composeArgv(host, answers.projectName);
    const at = argv.indexOf('--file') + 1;
    const files = other.withoutOverride ? argv.slice(0, at + 1) : [...argv];
    if (other.compose !== undefined) files[at] = '-';
    const command = [...files, 'config', '--hash', '*'];
    const options = other.compose === undefined ? {} : { input: other.compose };
    const result = await host.query(command, options);
    const rows = result.code === 0 ? result.stdout.split('\n').map((line) => line.trim().split(/\s+/)) : [];
    return new Map(rows.flatMap(([service, hash]) => (service && hash ? [[service, hash] as const] : [])));
  });
}

/** Why a container is not the one that the files declare now. */
export async function notCurrent(look: Look, service: string): Promise<Drift | undefined> {
  const { host, answers, memory } = look;
  const container = await containerOf(host, answers.projectName, service);
  if (!container) return absent(look, service);
  // Under the path of a directory that was moved everything seems to be declared otherwise: nothing was changed.
  if (await wasMoved(host, answers.projectName)) return undefined;
  const declared = (await declaredHashes(look)).get(service);
  const hash = label(container, 'config-hash');
  if (hash !== undefined && hash === declared) return undefined;
  const name = `The container of ${service}`;
  const created = new Date(container.Created);
  const made = `${name} was created on ${when(created)}`;

  const state = await stateOf(COMPOSE, look);
  if (state.is === 'missing') return missing(PATH.compose, state.was);
  if (state.is === 'untold') return undefined;
  if (declared === undefined)
    return state.is === 'edited'
      ? edited(`${PATH.compose} does not declare ${service}`, { follows: false, what: name }, state.diff)
      : undefined;
  const byFiles = await byFileList(look, container, name);
  if (byFiles) return byFiles;
  const variables = await differingVariables(look, container, service);
  if (variables.length > 0) {
    const what = `${PATH.env} has another value of ${variables.join(', ')} than the container of ${service} was given`;
    return unfinishedSince(look, created, 'database.urls')
      ? broken('never-applied', `${what}: the run that wrote it did not come to its end.`)
      : edited(what, { follows: false, what: name });
  }
  const override = (await host.stat(PATH.override)) !== undefined;
  const own = override ? (await otherHashes(look, { withoutOverride: true })).get(service) : declared;
  if (override && hash === own)
    return edited(`${PATH.override} changes what is declared for ${service}`, { follows: false, what: name });

  if (state.is === 'edited') {
    const rendered = (await otherHashes(look, { compose: state.wanted })).get(service);
    const what = describeDiff(PATH.compose, state.diff) + writtenOn(look, COMPOSE);
    // Created from what this tool writes, and the file says something else: the file is what moved.
    if (rendered !== undefined && rendered !== declared && (rendered === hash || isSameAsThen(look, created)))
      return edited(what, { follows: false, what: name }, state.diff);
    if (rendered !== undefined && rendered !== declared) return undefined;
  }
  if (unfinishedSince(look, created, COMPOSE.change))
    return broken(
      'never-applied',
      `This tool wrote ${PATH.compose} in a run that did not come to its end; ${made.replace(/^The/, 'the')}.`,
    );
  // Made of these files, and proved then or made later: one of them that was changed after that is the later change.
  const since = isSameAsThen(look, created) ? memory.settled : created;
  for (const [path, isCertain] of [
    [PATH.override, override],
    [PATH.compose, state.is === 'as-rendered' && state.touched],
  ] as const) {
    const at = isCertain ? await changedAt(look, path) : undefined;
    if (at && since && at > since)
      return edited(`${path} was changed on ${when(at)}`, { follows: false, what: name });
  }
  if (!isSameAsThen(look, created)) {
    const isOurs = memory.runs.some((run) => created >= run.from && created <= run.to);
    if (memory.unfinished || !memory.settled || isOurs) return undefined;
    return broken(
      'changed-at-run-time',
      `${made}, after the apply of ${when(memory.settled)}, from another declaration than ${PATH.compose} gives.`,
    );
  }
  const version = label(container, 'version');
  const now = await dockerOutput(host, ['compose', 'version', '--short']).catch(() => undefined);
  if (
    state.is === 'as-rendered' &&
    !state.touched &&
    !override &&
    version &&
    now &&
    !now.trim().startsWith(version)
  )
    return broken(
      'changed-by-update',
      `${made} by Docker Compose ${version}; ${now.trim()} reads the same files in another way.`,
    );
  return undefined;
}

/** True when the container is older than the end of the last apply: it is the one that was proved then. */
const isSameAsThen = ({ memory }: Look, created: Date): boolean =>
  memory.settled !== undefined && created <= memory.settled;

/** True when a run that never ended made this change after the container was created. */
function unfinishedSince({ memory }: Look, created: Date, change: string): boolean {
  const made = memory.made.get(change);
  return memory.unfinished !== undefined && made !== undefined && made >= memory.unfinished && made > created;
}

/** What the list of files that Compose noted on the container tells. */
async function byFileList(look: Look, container: Container, name: string): Promise<Drift | undefined> {
  const { host } = look;
  const listed = label(container, 'project.config_files')?.split(',') ?? [];
  if (listed.length === 0) return undefined;
  const names = await directoryNames(host, look.answers.projectName);
  const dir = names.get(label(container, 'service') ?? '') ?? host.dir;
  const [own, override, boot] = [PATH.compose, PATH.override, PATH.bootstrapCompose].map((p) => join(dir, p));
  const foreign = listed.filter((path) => path !== own && path !== override && path !== boot);
  if (foreign.length > 0)
    return broken(
      'changed-at-run-time',
      `${name} was created from ${foreign.join(', ')}, which is no file of this install.`,
    );
  if (listed.includes(boot as string))
    return broken('never-applied', `${name} is still the one of an unfinished first boot.`);
  const has = (await host.stat(PATH.override)) !== undefined;
  const had = listed.includes(override as string);
  if (has === had) return undefined;
  const what = `${PATH.override} was ${has ? 'added' : 'removed'} after the container was created`;
  const notApplied = edited(what, { follows: false, what: name });
  if (!has) return notApplied;
  const changed = await changedAt(look, PATH.override);
  if (changed === undefined) return undefined;
  return changed > new Date(container.Created)
    ? notApplied
    : broken('changed-at-run-time', `${name} was created without ${PATH.override}, which was there then.`);
}

/** Names of the variables whose value in `.env` is another one than the running CoreCube was given. Never a value. */
export async function differingVariables(
  look: Look,
  container: Container,
  service: string,
): Promise<readonly string[]> {
  if (service !== SERVICE.app) return [];
  const file = await readEnv(look.host).catch(() => undefined);
  if (!file) return [];
  const given = new Map(
    (container.Config.Env ?? []).map((e) => [e.split('=')[0], e.slice(e.indexOf('=') + 1)]),
  );
  return [ENV.main, ENV.app, ENV.maintenance].filter(
    (name) => file.has(name) && given.has(name) && file.get(name) !== given.get(name),
  );
}

/** A service without a container, or with one that is stopped or paused. */
export async function absent(look: Look, service: string): Promise<Drift | undefined> {
  const { host, answers, memory } = look;
  const container = await containerOf(host, answers.projectName, service);
  if (container) {
    const { State } = container;
    // Nothing but a person's command pauses a container.
    if (State.Paused) return broken('changed-at-run-time', `The container of ${service} was paused.`);
    if (State.Running || State.Restarting || State.Status === 'created') return undefined;
    return broken(
      'changed-at-run-time',
      `The container of ${service} is ${State.Status} (exit code ${State.ExitCode}); ${PATH.compose} declares it as running.`,
    );
  }
  const [control, ...starters] = STARTERS[service] ?? [];
  const ran = control !== undefined && memory.last?.held.has(control) === true;
  const was = ran ? 'written' : wasMade(look, ...starters);
  if (was === 'unknown') return undefined;
  return was === 'never'
    ? broken('never-applied', `The container of ${service} was never created here.`)
    : broken('changed-at-run-time', `The container of ${service} was removed; ${PATH.compose} declares it.`);
}

/**
 * The cause of something wrong in a running container: the model says it (then by which file), or it does not (then it
 * was changed at run time, or nothing can be told).
 */
export async function declaredOrNot(
  look: Look,
  service: string,
  isWrongIn: (model: ComposeModel) => boolean,
  otherwise: 'changed-at-run-time' | 'untold' = 'changed-at-run-time',
): Promise<Drift | undefined> {
  const { host, answers } = look;
  const container = await containerOf(host, answers.projectName, service);
  if (!container?.State.Running) return absent(look, service);
  if (await wasMoved(host, answers.projectName)) return undefined;
  const [merged, own] = [
    await composeModel(host, answers.projectName),
    await composeModel(host, answers.projectName, 'own'),
  ];
  if (!merged || !own) return undefined;
  const name = `The container of ${service}`;
  const runs = { follows: true, what: name };
  if (isWrongIn(own)) return fileDrift(COMPOSE, look, runs);
  if (isWrongIn(merged)) return edited(`${PATH.override}, which this tool never writes, declares it`, runs);
  if (otherwise === 'untold') return undefined;
  const byFiles = await byFileList(look, container, name);
  if (byFiles) return byFiles;
  const isFromFiles = label(container, 'config-hash') === (await declaredHashes(look)).get(service);
  const how = isFromFiles
    ? 'the running container was changed'
    : `it was created on ${when(new Date(container.Created))} from another declaration`;
  return broken('changed-at-run-time', `${name} is not as ${PATH.compose} declares it: ${how}.`);
}

/** True when a model declares what a control of the running containers finds wrong. */
export const violates =
  (look: Look, properties: readonly Property[], service: string) =>
  (model: ComposeModel): boolean => {
    const found = violations(model, look.answers as unknown as ComposeAnswers, look.host.dir);
    return properties.some((p) =>
      (found.get(p) ?? []).some((text) => text.startsWith(`${service} `) || service === ''),
    );
  };
