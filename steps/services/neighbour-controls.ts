/** What this install's own services are handed of each other, and what containers of others are given of the host. */
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { isDangerousMount } from '../compose/violations.ts';
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
import { isOwnService, SERVICE } from '../shared/layout.ts';
import { isHelper } from './sharing-controls.ts';

type Needed = Pick<Answers, 'projectName'>;
const UP = `running.${SERVICE.app}-up`;

const name = (container: Container): string =>
  `${container.Name.slice(1)}${container.State.Running ? '' : ' (not running)'}`;

const onlyOwners: Control<Needed> = {
  id: 'secrets.only-their-services',
  title: 'No service of this install is handed secrets or data that only another one needs',
  severity: 'required',
  section: 'encryption-key-management',
  refs: ['CWE-668'],
  how: "Reads in docker inspect what the containers of the install's own services mount, stopped ones too, and compares it with what each of them needs.",
  threat: 'Whoever breaks into that service has passwords or documents that it never needed.',
  remedy:
    'Take what is named out of compose.override.yaml where it stands there, then make the container anew from the files: docker compose up --detach --force-recreate with the name of the service.',
  impact: 'The recreated service is away for some seconds.',
  manual: true,
  async inspect({ host, answers }) {
    const { projectName: project } = answers;
    if (!(await containerOf(host, project, SERVICE.app))) return unknown('there is no container yet', UP);
    const own = (await containers(host, project)).flatMap((container) => {
      const service = serviceOf(container) ?? '';
      return isOwnService(service) ? [{ container, service }] : [];
    });
    const found: string[] = [];
    for (const { container, service } of own) {
      const given = mountsOf(await withRealSources(host, container));
      const what = handedWithoutNeed(given, { project, dir: host.dir, service });
      if (what.length > 0) found.push(`${name(container)} mounts ${what.join(', ')}`);
    }
    return found.length === 0
      ? pass(`looked at ${own.length} containers`)
      : fail(found.join('; '), 'mounted by the services that need them');
  },
};

/** Capabilities with which a root process gets out of its container, each by itself (capabilities(7)). */
const WAYS_OUT = ['ALL', 'SYS_ADMIN', 'SYS_MODULE', 'SYS_RAWIO', 'DAC_READ_SEARCH'];
/** Disks and memory of the host (Linux allocated devices); a GPU, a tunnel or a serial line is none. */
const RAW_DEVICE =
  /^\/dev(\/((sd|vd|xvd|hd|nvme|mmcblk|md|dm-|loop|sr)\w*|mapper(\/.*)?|disk(\/.*)?|mem|kmem|port|kmsg))?$/;
/** Directories that hold the socket of an engine; mounted to be read only, a socket still takes every order. */
const HOLDS_SOCKET = /^\/(var\/)?run\/((docker|containerd|podman|crio)(\/.*)?|user\/\d+)$/;

const bare = (capability: string) => capability.toUpperCase().replace(/^CAP_/, '');

/** On the host's network, with a raw socket: by default a container of Docker may open one. */
const listensIn = ({ HostConfig: h }: Container): boolean => {
  const [added, dropped] = [(h.CapAdd ?? []).map(bare), (h.CapDrop ?? []).map(bare)];
  const has = (capability: string) => added.includes(capability) || added.includes('ALL');
  return h.NetworkMode === 'host' && (has('NET_RAW') || !dropped.some((c) => ['ALL', 'NET_RAW'].includes(c)));
};

/** What gives a container of somebody else the host, and with it every secret and all data. */
const ofTheHost = (container: Container): readonly string[] => {
  const { HostConfig: h, Mounts } = container;
  const ways = (h.CapAdd ?? []).map(bare).filter((capability) => WAYS_OUT.includes(capability));
  const devices = (h.Devices ?? [])
    .map((device) => String((device as { readonly PathOnHost?: string }).PathOnHost))
    .filter((path) => RAW_DEVICE.test(path));
  return [
    ...(h.Privileged ? ['is privileged'] : []),
    ...(h.PidMode === 'host' ? ['sees the processes of the host'] : []),
    ...(h.IpcMode === 'host' ? ['shares the memory segments of the host'] : []),
    ...(listensIn(container) ? ['can read what passes on the networks of the host'] : []),
    ...(ways.length > 0 ? [`has the capability ${ways.join(', ')}`] : []),
    ...devices.map((path) => `is given ${path}`),
    // What holds the install and not the host is what running.nothing-shared is about.
    ...Mounts.filter(
      (m) => m.Type === 'bind' && (isDangerousMount(m.Source, '') || HOLDS_SOCKET.test(m.Source)),
    ).map((m) => `mounts ${m.Source}`),
  ];
};

const neighbours: Control<Needed> = {
  id: 'host.neighbours-isolated',
  title: 'No container of others on this host is given the host',
  severity: 'advised',
  section: 'docker-security',
  refs: ['CIS Docker 5.5', 'CIS Docker 5.16', 'CIS Docker 5.32'],
  how: 'Reads in docker inspect of every container outside of this project its mode, namespaces, capabilities, disks, and whether it mounts the socket of an engine or a system directory.',
  threat:
    'An intruder in that container reads the key and the database as root of the host does, or what the proxy and CoreCube say to each other.',
  remedy:
    'Take what is named from the container where it can do without; monitoring that needs it is waived with its reason (--skip host.neighbours-isolated, or an entry in the file of waivers).',
  impact: 'What the container did with it no longer works.',
  manual: true,
  async inspect({ host, answers }) {
    const all = (await everyContainer(host)).filter(
      (c) => projectOf(c) !== answers.projectName && !isHelper(c),
    );
    const others = await Promise.all(all.map((c) => withRealSources(host, c)));
    const found = others.flatMap((container) => {
      const what = ofTheHost(container);
      return what.length === 0 ? [] : [`${name(container)} ${what.join(', ')}`];
    });
    if (found.length > 0) return fail(found.join('; '), 'nothing of the host');
    return pass(
      others.length === 0 ? 'there is none' : `looked at ${others.length} containers of other projects`,
    );
  },
};

export const neighbourControls: readonly Control<Needed>[] = [onlyOwners, neighbours];
