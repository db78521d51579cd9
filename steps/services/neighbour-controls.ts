/** What all containers of this host, whoever made them, are handed of this install and of the host. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { isDangerousMount } from '../compose/violations.ts';
import type { Answers } from '../questions.ts';
import { type Container, containerOf, everyContainer, withRealSources } from '../shared/docker.ts';
import { handedWithoutNeed, mountsOf } from '../shared/handed.ts';
import { HELPER_LABEL, SERVICE } from '../shared/layout.ts';

type Needed = Pick<Answers, 'projectName'>;
const UP = `running.${SERVICE.app}-up`;
const PROJECT_LABEL = 'com.docker.compose.project';
const SERVICE_LABEL = 'com.docker.compose.service';

const serviceOf = (container: Container, project: string): string | undefined =>
  container.Config.Labels[PROJECT_LABEL] === project ? container.Config.Labels[SERVICE_LABEL] : undefined;

/** What gives a container of somebody else the host, and with it every secret and all data. */
function ofTheHost({ HostConfig: h, Mounts }: Container, dir: string): readonly string[] {
  return [
    ...(h.Privileged ? ['is privileged'] : []),
    ...(h.PidMode === 'host' ? ['sees the processes of the host'] : []),
    ...Mounts.filter((m) => m.Type === 'bind' && m.Source !== dir && isDangerousMount(m.Source, dir)).map(
      (m) => `mounts ${m.Source}`,
    ),
  ];
}

/** All containers but those that this tool looks into volumes with, by their real mounts. */
async function everybody(host: HostReader): Promise<readonly Container[]> {
  const all = (await everyContainer(host)).filter((c) => c.Config.Labels[HELPER_LABEL] === undefined);
  return Promise.all(all.map((c) => withRealSources(host, c)));
}

const name = (container: Container): string =>
  `${container.Name.slice(1)}${container.State.Running ? '' : ' (not running)'}`;

const onlyOwners: Control<Needed> = {
  id: 'secrets.only-their-services',
  title: 'Only the services that need them are handed secrets and data of this install',
  severity: 'required',
  section: 'encryption-key-management',
  refs: ['CWE-668', 'CIS Docker 5.5'],
  how: 'Reads in docker inspect what every container of this host mounts, stopped ones and those of other projects too, and looks for the secrets, the state and the volumes of this install.',
  threat:
    'Whoever breaks into that container has the passwords, the key or the documents, past every fence around CoreCube.',
  remedy:
    'Take the named mount out of the declaration of the container, and recreate it. A backup that needs the data is waived with its reason, or reads a dump instead.',
  impact: 'What the container did with the data no longer works.',
  manual: true,
  async inspect({ host, answers }) {
    const { projectName: project } = answers;
    if (!(await containerOf(host, project, SERVICE.app))) return unknown('there is no container yet', UP);
    const all = await everybody(host);
    const found = all.flatMap((container) => {
      const service = serviceOf(container, project);
      const what = handedWithoutNeed(mountsOf(container), { project, dir: host.dir, service });
      return what.length === 0 ? [] : [`${name(container)} mounts ${what.join(', ')}`];
    });
    return found.length === 0
      ? pass(`looked at ${all.length} containers`)
      : fail(found.join('; '), 'mounted by the services that need them');
  },
};

const neighbours: Control<Needed> = {
  id: 'host.neighbours-isolated',
  title: 'No container of others on this host is given the host',
  severity: 'advised',
  section: 'docker-security',
  refs: ['CIS Docker 5.5', 'CIS Docker 5.16', 'CIS Docker 5.32'],
  how: 'Reads in docker inspect of every container outside of this project whether it is privileged, sees all processes, or mounts the socket of the engine, a system directory or one above the install.',
  threat: 'An intruder in that container reads the key and the database as root of the host does.',
  remedy:
    'Take what is named from the container where it can do without; monitoring that needs it is waived with its reason (--skip host.neighbours-isolated, or an entry in the file of waivers).',
  impact: 'What the container did with it no longer works.',
  manual: true,
  async inspect({ host, answers }) {
    const others = (await everybody(host)).filter(
      (c) => c.Config.Labels[PROJECT_LABEL] !== answers.projectName,
    );
    const found = others.flatMap((container) => {
      const what = ofTheHost(container, host.dir);
      return what.length === 0 ? [] : [`${name(container)} ${what.join(', ')}`];
    });
    if (found.length > 0) return fail(found.join('; '), 'nothing of the host');
    return pass(
      others.length === 0 ? 'there is none' : `looked at ${others.length} containers of other projects`,
    );
  },
};

export const neighbourControls: readonly Control<Needed>[] = [onlyOwners, neighbours];
