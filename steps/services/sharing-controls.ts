/** Containers beside the services of this install that were given its volumes, its files or a namespace of theirs. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import {
  type Container,
  containerOf,
  containers,
  everyContainer,
  projectOf,
  serviceOf,
  withRealSources,
} from '../shared/docker.ts';
import { handedWithoutNeed, mountsOf } from '../shared/handed.ts';
import { HELPER_LABEL, isOwnService, SERVICE, VOLUME } from '../shared/layout.ts';

type Needed = Pick<Answers, 'projectName'>;

/** A look or a change of this tool itself: without a network, and removed when it ends. */
export const isHelper = ({ Config, HostConfig }: Container): boolean =>
  HELPER_LABEL in Config.Labels && HostConfig.AutoRemove === true && HostConfig.NetworkMode === 'none';

export interface Sharer {
  readonly container: Container;
  /** What it was given, each as one phrase. */
  readonly given: readonly string[];
}

/** Who was given something; containers of the services of this install are judged by running.isolation instead. */
export async function sharers(host: HostReader, project: string): Promise<readonly Sharer[]> {
  const own = new Set(
    (await containers(host, project)).filter((c) => isOwnService(serviceOf(c) ?? '')).map((c) => c.Id),
  );
  const others = (await everyContainer(host)).filter((c) => !own.has(c.Id) && !isHelper(c));
  return (await Promise.all(others.map((c) => withRealSources(host, c))))
    .map((container) => ({ container, given: given(container, host.dir, project, own) }))
    .filter((sharer) => sharer.given.length > 0);
}

function given(c: Container, dir: string, project: string, own: ReadonlySet<string>): readonly string[] {
  const volumes = new Set(Object.values(VOLUME).map((name) => `${project}_${name}`));
  const at = { project, dir, service: undefined };
  const found = handedWithoutNeed(mountsOf(c), at).map((what) => `mounts ${what}`);
  for (const { Type, Source } of c.Mounts)
    if (Type === 'bind' && holdsInstall(Source, dir, volumes)) found.push(`mounts ${Source}`);
  for (const [mode, what] of [
    [c.HostConfig.NetworkMode, 'network'],
    [c.HostConfig.PidMode, 'processes'],
    [c.HostConfig.IpcMode, 'shared memory'],
  ] as const) {
    const id = /^container:(.+)$/.exec(mode)?.[1];
    if (id !== undefined && own.has(id)) found.push(`shares the ${what} of a service of this install`);
  }
  return found;
}

/**
 * A directory above the install, and the place where Docker keeps the volumes' files. Who mounts the whole host is given
 * more than this install: that is what `host.neighbours-isolated` advises about.
 */
function holdsInstall(source: string, dir: string, volumes: ReadonlySet<string>): boolean {
  const path = source.replace(/\/$/, '');
  if (path === '' || path === dir) return false;
  return (
    dir.startsWith(`${path}/`) ||
    path.split('/').some((part, i, parts) => volumes.has(part) && parts[i - 1] === 'volumes')
  );
}

/** `name (in another project, stopped)`. */
function describe({ container: c, given: what }: Sharer, project: string): string {
  const notes = [
    ...(projectOf(c) === project ? [] : ['not of this project']),
    ...(c.State.Running ? [] : ['not running']),
  ];
  return `${c.Name.slice(1)}${notes.length > 0 ? ` (${notes.join(', ')})` : ''} ${what.join(' and ')}`;
}

export const sharingControls: readonly Control<Needed>[] = [
  {
    id: 'running.nothing-shared',
    title: 'No other container has the data, the files or a namespace of this install',
    severity: 'required',
    section: 'docker-security',
    refs: ['CIS Docker 5.5', 'CIS Docker 5.30', 'CWE-668'],
    how: "Reads mounts and namespaces in docker inspect of every container of the engine, stopped ones too, and looks for this install's volumes, files and containers.",
    threat:
      'A helper that somebody left behind reads the database, the key or every request past all fences; a second server on the same volume destroys it.',
    remedy:
      'docker rm the named container, or start it without what is named. A backup that must read a volume is accepted in writing (waivers.yaml).',
    impact: 'The named container loses what it was given.',
    manual: true,
    async inspect({ host, answers }) {
      if (!(await containerOf(host, answers.projectName, SERVICE.app)))
        return unknown('there is no container yet', `running.${SERVICE.app}-up`);
      const found = await sharers(host, answers.projectName);
      const total = (await everyContainer(host)).length;
      return found.length === 0
        ? pass(`looked at ${total} containers of the engine`)
        : fail(
            found.map((sharer) => describe(sharer, answers.projectName)).join('; '),
            'services of this install only',
          );
    },
  },
];
