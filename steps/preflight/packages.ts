/** Docker from the distribution's own packages, where they are recent enough. Nothing is ever piped from the web. */
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import type { Change } from '../../src/core/step.ts';
import { composeVersion, engine } from '../shared/engine.ts';
import { atLeast, MINIMUM, versionNumbers } from '../shared/minimums.ts';

export type Missing = 'Docker Engine' | 'the Compose plugin';
interface Package {
  readonly name: string;
  readonly version: string;
}
export type PackagePlan =
  | { readonly packages: readonly Package[] }
  | { readonly why: string; readonly advice: string };

/** What is not there at all. Something old is not missing: replacing it is the operator's decision. */
export async function lacking(host: HostReader): Promise<readonly Missing[]> {
  const [{ state }, { plugin }] = await Promise.all([engine(host), composeVersion(host)]);
  if (state === 'not-installed') return ['Docker Engine', 'the Compose plugin'];
  return plugin === undefined ? ['the Compose plugin'] : [];
}

/** Names of the Compose v2 plugin: Ubuntu's, then Debian's (whose older releases use the name for Compose v1). */
const COMPOSE_PACKAGES = ['docker-compose-v2', 'docker-compose'];
const LOOKED_UP = ['docker.io', 'docker-cli', 'iptables', 'ca-certificates', ...COMPOSE_PACKAGES];

/** The packages that bring what is missing, or why none do and what to do instead. Only looks. */
export async function packagesFor(host: HostReader, missing: readonly Missing[]): Promise<PackagePlan> {
  const { os, uid } = await host.system();
  const distribution = os.split(' ')[0] ?? '';
  const advice = `Docker's own apt repository (docs.docker.com/engine/install/${distribution === 'ubuntu' ? 'ubuntu' : 'debian'}): add it, then apt-get install docker-ce docker-ce-cli containerd.io docker-compose-plugin`;
  if (distribution !== 'debian' && distribution !== 'ubuntu') {
    return {
      why: `packages are only chosen for Debian and Ubuntu (this is ${os})`,
      advice: `Docker Engine ${MINIMUM.engine} and the Compose plugin ${MINIMUM.compose} or newer, from packages of ${os} or as docs.docker.com/engine/install says`,
    };
  }
  const candidates = await policy(host);
  if (candidates.size === 0)
    return { why: 'the package lists are empty', advice: 'apt-get update as root, then run this again' };
  const chosen: Package[] = [];
  const take = (name: string) => {
    const version = candidates.get(name);
    if (version !== undefined) chosen.push({ name, version });
  };
  if (missing.includes('Docker Engine')) {
    const version = candidates.get('docker.io');
    if (version === undefined || !atLeast(version, MINIMUM.engine))
      return {
        why: `${os} offers docker.io ${version ?? 'not at all'}, which is older than ${MINIMUM.engine}`,
        advice,
      };
    take('docker.io');
    // Newer releases split the client off; it must be of the same source version.
    if (sameUpstream(candidates.get('docker-cli'), version)) take('docker-cli');
    take('iptables');
    take('ca-certificates');
  }
  const compose = COMPOSE_PACKAGES.find((name) => atLeast(candidates.get(name) ?? '', MINIMUM.compose));
  if (compose === undefined) {
    const offered = COMPOSE_PACKAGES.flatMap((name) =>
      candidates.has(name) ? [`${name} ${candidates.get(name)}`] : [],
    );
    return {
      why: `${os} offers ${offered.join(', ') || 'no Compose plugin'}, which is older than ${MINIMUM.compose}`,
      advice,
    };
  }
  take(compose);
  if (uid !== 0)
    return {
      why: 'only root may install packages',
      advice: `run as root: apt-get install --no-install-recommends ${chosen.map((p) => p.name).join(' ')}; or run this with sudo`,
    };
  return { packages: chosen };
}

const sameUpstream = (one: string | undefined, other: string): boolean =>
  one !== undefined && versionNumbers(one)?.join('.') === versionNumbers(other)?.join('.');

/** Candidates by package name, from `apt-cache policy`; a package without a candidate is left out. */
async function policy(host: HostReader): Promise<ReadonlyMap<string, string>> {
  const result = await host.query(['apt-cache', 'policy', ...LOOKED_UP]);
  if (result.code !== 0)
    throw new Error(`apt-cache policy failed: ${result.stderr.trim() || `code ${result.code}`}`);
  const found = new Map<string, string>();
  let name = '';
  for (const line of result.stdout.split('\n')) {
    const heading = /^(\S+):$/.exec(line);
    if (heading) name = heading[1] ?? '';
    const candidate = /^ {2}Candidate: (\S+)$/.exec(line)?.[1];
    if (candidate !== undefined && candidate !== '(none)') found.set(name, candidate);
  }
  return found;
}

/** The reviewed changes that install what is missing and start it; none when nothing is missing or no package brings it. */
export async function dockerInstallPlan(host: HostReader): Promise<readonly Change[]> {
  const missing = await lacking(host);
  if (missing.length === 0) return [];
  const plan = await packagesFor(host, missing);
  if (!('packages' in plan)) return [];
  const names = plan.packages.map((p) => p.name);
  return [
    {
      id: 'preflight.install-docker',
      summary: `Install ${missing.join(' and ')} from the distribution's packages: ${plan.packages.map((p) => `${p.name} ${p.version}`).join(', ')}`,
      diff: `apt-get install --yes --no-install-recommends ${names.join(' ')}`,
      async apply(now) {
        if ((await lacking(now)).length > 0) await install(now, names);
      },
    },
    ...(missing.includes('Docker Engine') ? [START] : []),
  ];
}

/** A change of its own, so that a failure here does not look as if nothing had been installed. */
const START: Change = {
  id: 'preflight.start-docker',
  summary: 'Start Docker Engine, now and at every boot, and wait until it answers',
  apply: startEngine,
};

async function install(host: Host, names: readonly string[]): Promise<void> {
  const result = await host.run(['apt-get', 'install', '--yes', '--no-install-recommends', ...names], {
    timeoutMs: 600_000,
    env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' },
    // apt draws its percentages over each other with carriage returns.
    onLine: (line) => host.progress(line.split('\r').at(-1) ?? line),
  });
  if (result.code === 0) return;
  const lines = `${result.stdout}\n${result.stderr}`
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean);
  const lock = lines.some((line) => /could not get lock|unable to acquire/i.test(line));
  throw new ChangeError(
    'command',
    `apt-get ended with ${result.code}: ${lines.at(-1) ?? 'no output'}`,
    lock
      ? 'Another package manager is at work; wait for it, then run this again.'
      : 'Run apt-get update, correct what apt-get says, then run this again.',
    lines.slice(-15),
  );
}

/** The package starts the engine where systemd runs; elsewhere its init script does. Waits up to 30 s for the answer. */
async function startEngine(host: Host): Promise<void> {
  if ((await engine(host)).state !== 'ready') {
    const options = { timeoutMs: 60_000, onLine: (line: string) => host.progress(line) };
    const started = await host.run(['systemctl', 'enable', '--now', 'docker'], options);
    if (started.code !== 0) await host.run(['service', 'docker', 'start'], options);
  }
  for (let tries = 0; tries < 30; tries++) {
    const seen = await engine(host);
    if (seen.state === 'ready') return;
    host.progress('waiting for Docker Engine to answer');
    await new Promise((done) => setTimeout(done, 1_000));
    host.signal.throwIfAborted();
  }
  throw new ChangeError(
    'timeout',
    'Docker is installed, and its engine has not answered for 30 s',
    'Start it (systemctl enable --now docker, or service docker start), see its log (journalctl -u docker), then run this again.',
  );
}
