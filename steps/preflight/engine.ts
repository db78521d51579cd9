/** Docker itself: there, reachable, recent enough, and of a kind whose hardening can be proved. */

import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { composeVersion, type EngineInfo, endpointOf, engine } from '../shared/engine.ts';
import { PATH } from '../shared/layout.ts';
import { atLeast, MINIMUM, versionNumbers } from '../shared/minimums.ts';
import { isRemapped, uidShift } from '../shared/userns.ts';
import { ID, type PreflightControl, withEngine } from './common.ts';
import { engineAccess } from './engine-access.ts';
import { lacking, packagesFor } from './packages.ts';

const section = 'docker-security';

const installed: PreflightControl = {
  id: ID.installed,
  title: 'Docker is installed',
  severity: 'required',
  section,
  refs: ['CIS Docker 1.2.2'],
  how: 'Runs docker info and sees whether the command exists at all.',
  threat: 'Without an engine nothing is isolated and nothing runs.',
  remedy:
    "Approve the change that installs the distribution's own packages, or install Docker Engine yourself. --files-only writes everything that needs no engine.",
  impact: 'The engine runs as root; who may use its socket is root on this host.',
  async inspect({ host }) {
    return (await engine(host)).state === 'not-installed'
      ? fail('there is no docker command', 'Docker Engine with the Compose plugin')
      : pass('the docker command is there');
  },
};

const installable: PreflightControl = {
  id: 'docker.installable',
  title: 'Docker and a recent Compose are there, or the packages of the distribution bring them',
  severity: 'required',
  section,
  refs: ['CIS Docker 1.2.2'],
  manual: true,
  how: "Asks apt-cache policy which packages would bring what is missing and compares their versions, and the Compose plugin's, with the least that are needed.",
  threat:
    'A script piped from the web into a root shell is run unread; packages are signed and removed cleanly.',
  remedy: `Install Docker Engine ${MINIMUM.engine} and Compose ${MINIMUM.compose} or newer from packages, as said above, then run this again. --files-only writes everything that needs no engine.`,
  impact: 'None for what runs already.',
  async inspect({ host }) {
    const missing = await lacking(host);
    if (missing.length === 0) {
      const { plugin = '' } = await composeVersion(host);
      if (versionNumbers(plugin) === undefined) return atLeastVerdict(plugin, MINIMUM.compose);
      return atLeast(plugin, MINIMUM.compose)
        ? pass('nothing is missing')
        : fail(
            `the Compose plugin is ${plugin}`,
            `${MINIMUM.compose} or newer: upgrade it with the package manager it came from (docker-compose-plugin of Docker's repository, docker-compose or docker-compose-v2 of the distribution)`,
          );
    }
    const plan = await packagesFor(host, missing);
    return 'packages' in plan
      ? pass(
          `${missing.join(' and ')} can be installed: ${plan.packages.map((p) => `${p.name} ${p.version}`).join(', ')}`,
        )
      : fail(`${missing.join(' and ')} missing, and ${plan.why}`, plan.advice);
  },
};

const reachable: PreflightControl = {
  id: ID.reachable,
  title: 'Docker Engine answers this user',
  severity: 'required',
  section,
  refs: ['CIS Docker 1.1.2'],
  manual: true,
  how: 'Runs docker info as this user and tells a refusal, an engine that is down and Podman apart.',
  threat: 'Nothing can be started, and nothing that runs can be proved.',
  remedy:
    'Permission: usermod -aG docker NAME as root and log in again, or run this with sudo. Not running: systemctl enable --now docker.',
  impact: 'Membership in the group docker is root on this host; give it to administrators only.',
  async inspect({ host }) {
    const seen = await engine(host);
    switch (seen.state) {
      case 'ready':
        return pass(`Docker Engine ${seen.info.ServerVersion} answers`);
      case 'not-installed':
        return unknown('Docker is not installed', ID.installed);
      case 'denied': {
        const name = await userName(host);
        return fail(
          `${name} may not use the socket of the engine (${seen.why.replace(/: Get .*$/, '').slice(0, 160)})`,
          `access to the socket: usermod -aG docker ${name} as root and log in again, or run this with sudo`,
        );
      }
      case 'podman':
        return fail(
          'the docker command is Podman in disguise',
          'Docker Engine itself: Podman applies secrets, networks and health checks differently',
        );
      case 'down':
        // An install is here: whether it holds cannot be said now, neither good nor bad.
        if (await host.stat(PATH.compose)) return unknown(`the engine does not answer: ${seen.why}`);
        return fail(
          `the engine does not answer: ${seen.why}`,
          'a running engine: systemctl enable --now docker',
        );
      default:
        return fail(seen.why, 'an engine that answers docker info');
    }
  },
};

async function userName(host: HostReader): Promise<string> {
  const result = await host.query(['id', '--user', '--name']);
  return result.code === 0 ? result.stdout.trim() : `uid ${(await host.system()).uid}`;
}

/** A version without numbers (a build of somebody's own) cannot be compared: it is neither old nor new. */
const atLeastVerdict = (version: string, least: string): Verdict =>
  versionNumbers(version) === undefined
    ? unknown(`the version ${JSON.stringify(version)} has no numbers to compare with ${least}`)
    : atLeast(version, least)
      ? pass(version)
      : fail(version, `${least} or newer`);

const version: PreflightControl = {
  id: 'docker.version',
  title: `Docker Engine is ${MINIMUM.engine} or newer`,
  severity: 'required',
  section,
  refs: ['CIS Docker 1.2.2'],
  manual: true,
  how: 'Reads the server version in docker info and compares it with the least that is needed.',
  threat: 'Older engines lack fixes for container escapes, and options that the hardening rests on.',
  remedy: 'Upgrade Docker Engine with the package manager it came from, then run this again.',
  impact: 'Upgrading the engine restarts containers unless live-restore is on.',
  inspect: ({ host }) => withEngine(host, (info) => atLeastVerdict(info.ServerVersion, MINIMUM.engine)),
};

const compose: PreflightControl = {
  id: ID.compose,
  title: `The Compose plugin is ${MINIMUM.compose} or newer`,
  severity: 'required',
  section,
  how: 'Runs docker compose version and compares; where it is missing, looks for the old docker-compose program.',
  threat:
    'Compose v1 is unmaintained and ignores parts of the file without a word: secrets, health conditions, limits.',
  remedy: `Install the Compose plugin (docker compose) ${MINIMUM.compose} or newer with the package manager that Docker came from.`,
  impact: 'None; the plugin is a command line program.',
  async inspect({ host }) {
    const [{ state }, seen] = await Promise.all([engine(host), composeVersion(host)]);
    if (state === 'not-installed') return unknown('Docker is not installed', ID.installed);
    if (seen.plugin === undefined) {
      return seen.old === undefined
        ? fail('docker compose is not there', `the Compose plugin, ${MINIMUM.compose} or newer`)
        : fail(
            `only docker-compose ${seen.old} is there: Compose v1, which is unmaintained and drops settings silently`,
            `the Compose plugin (docker compose), ${MINIMUM.compose} or newer`,
          );
    }
    return atLeastVerdict(seen.plugin, MINIMUM.compose);
  },
};

const mode: PreflightControl = {
  id: 'docker.supported-mode',
  title: 'The engine runs on this host, as root, and is Docker itself',
  severity: 'required',
  section,
  refs: ['CIS Docker 2.9'],
  manual: true,
  how: 'Reads the endpoint of DOCKER_HOST or the Docker context, and in docker info the operating system, version and security options, for signs of a remote, rootless or foreign engine.',
  threat:
    'Elsewhere, owners of secret files, published ports and client addresses mean something else, and proofs made here say nothing.',
  remedy:
    'Unset DOCKER_HOST and DOCKER_CONTEXT (docker context use default), and run this on the host that shall run CoreCube, with its own root engine.',
  impact: 'None.',
  async inspect({ host }) {
    const endpoint = await endpointOf(host);
    if (endpoint !== undefined && !endpoint.startsWith('unix://') && !endpoint.startsWith('/')) {
      return fail(
        `docker talks to ${withoutUser(endpoint)}, an engine on another host`,
        'the engine of this host over its unix socket: bind mounts and secrets are looked up where the engine is',
      );
    }
    return withEngine(host, async (info) => {
      const odd = oddity(info);
      if (odd) return fail(odd.observed, odd.expected);
      const shift = isRemapped(info.SecurityOptions) ? await uidShift(host) : 0;
      return pass(
        shift === 0
          ? `Docker Engine on ${endpoint ?? 'the default socket'}`
          : `Docker Engine with user-namespace remapping: uid 1000 inside is uid ${1000 + shift} of this host, and files are owned accordingly`,
      );
    });
  },
};

/** `ssh://user@host` without the user; a URL may carry a name that is nobody's business in a report. */
const withoutUser = (endpoint: string): string => endpoint.replace(/\/\/[^@/]*@/, '//');

function oddity(info: EngineInfo): { observed: string; expected: string } | undefined {
  const options = (info.SecurityOptions ?? []).flatMap((option) => option.split(','));
  if (info.OSType !== 'linux')
    return { observed: `the engine runs ${info.OSType} containers`, expected: 'Linux containers' };
  if (/docker desktop/i.test(info.OperatingSystem))
    return {
      observed: 'Docker Desktop: the engine is inside a virtual machine',
      expected: 'Docker Engine on the host itself',
    };
  // Podman keeps images in containers/storage, and its versions never reached Docker's two digits.
  const isOld = versionNumbers(info.ServerVersion) !== undefined && !atLeast(info.ServerVersion, '17');
  if (/containers\/storage/.test(info.DockerRootDir) || isOld)
    return {
      observed: `Podman ${info.ServerVersion} behind the docker command`,
      expected: 'Docker Engine itself: Podman applies secrets, networks and health checks differently',
    };
  if (options.includes('name=rootless'))
    return {
      observed: 'a rootless engine',
      expected:
        'an engine run by root: a rootless one shifts the owner of every secret and shows the proxy no client address',
    };
  return undefined;
}

export const engineControls: readonly PreflightControl[] = [
  installed,
  installable,
  reachable,
  version,
  compose,
  mode,
  engineAccess,
];
