/** The proxy itself: it runs, on the configuration that the answers give, and answers the way it should. */
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { IN_CADDY, renderCaddyfile } from '../shared/caddy.ts';
import { configHashes } from '../shared/compose-project.ts';
import { type Container, containerOf, execIn } from '../shared/docker.ts';
import { otherThanHeld } from '../shared/held-images.ts';
import { PATH, SERVICE, UID } from '../shared/layout.ts';
import { operators } from '../shared/operators.ts';
import { uidShift } from '../shared/userns.ts';
import { dataKept } from './data-kept.ts';
import {
  ACCESS_LOG,
  adaptedConfig,
  canonical,
  lastLine,
  type ProxyAnswers,
  running,
  runningConfig,
  vantages,
  whenUp,
} from './look.ts';

const up: Control<ProxyAnswers> = {
  id: 'proxy.up',
  title: 'The proxy runs and answers on its published ports',
  severity: 'required',
  section: 'tls',
  how: "Reads the state and the health of the proxy's container and opens a TCP connection to both published ports.",
  threat: 'Nobody reaches CoreCube, and people look for ways around the proxy.',
  remedy: 'Apply again: the proxy is created and started. When it fails, its last log lines are shown.',
  impact: 'None: nothing is served until it runs.',
  async inspect(context) {
    const { host, answers } = context;
    const container = await containerOf(host, answers.projectName, SERVICE.proxy);
    if (!container) return fail('there is no container of the proxy', 'a running proxy');
    const { State: state } = container;
    if (!state.Running || state.Restarting) {
      return fail(`the proxy's container is ${state.Status} (exit ${state.ExitCode})`, 'a running proxy');
    }
    if (state.Paused)
      return fail("the proxy's container is paused: its processes are frozen", 'a running proxy');
    if (state.Health?.Status === 'unhealthy')
      return fail("the proxy's container is unhealthy: its health check fails", 'a healthy proxy');
    const proxy = await running(context);
    if (!proxy?.https || !proxy.http)
      return fail('port 443 or port 80 is not published', 'both are published');
    const wanted = { https: answers.httpsPort, http: answers.httpPort } as const;
    for (const name of ['https', 'http'] as const) {
      const at = proxy[name] as { host: string; port: number };
      if (at.port !== wanted[name])
        return fail(`${name} is published on port ${at.port}`, `port ${wanted[name]}`);
      const open = await host.tcp({ ...at, timeoutMs: 3_000 });
      // Silence may be the network's between here and there: then the proxy was not seen.
      if (open === 'silent') return unknown(`${at.host}:${at.port} is silent`);
      if (open !== 'open') return fail(`${at.host}:${at.port} is ${open}`, 'an open port');
    }
    return pass(`${proxy.https.host}:${proxy.https.port} and ${proxy.http.host}:${proxy.http.port} answer`);
  },
};

const containerCurrent: Control<ProxyAnswers> = {
  id: 'proxy.container-current',
  title: "The proxy's container is the one that compose.yaml declares today",
  severity: 'required',
  section: 'docker-security',
  how: "Compares the configuration hash on the proxy's container with the hash that docker compose config gives for the files now.",
  threat: 'A file that looks hardened, and a container from before that is not.',
  remedy: 'Apply again: the container is created anew from the files.',
  impact: 'A restart of the proxy: open streams end.',
  inspect: (context) =>
    whenUp(context, async ({ container }) => {
      const { host, answers } = context;
      const declared = (await configHashes(host, answers.projectName, false)).get(SERVICE.proxy);
      if (declared === undefined) return fail('compose.yaml declares no proxy', `a service ${SERVICE.proxy}`);
      if (declared !== container.Config.Labels['com.docker.compose.config-hash'])
        return fail('created from other settings than the files declare now', 'a container made from them');
      const other = await otherThanHeld(host, answers.projectName, SERVICE.proxy, container);
      return other === undefined
        ? pass('created from the files as they are now')
        : fail(`it ${other}`, 'the image that it is held to');
    }),
};

/** Whoever can write the file, or replace it, decides who may open the console. */
async function changeableByOthers(host: HostReader): Promise<Verdict | undefined> {
  const owners = await operators(host);
  for (const [path, kind] of [
    [PATH.caddyfile, 'file'],
    [PATH.caddyDir, 'directory'],
  ] as const) {
    const stat = await host.stat(path);
    if (!stat) continue;
    if (stat.kind !== kind || (stat.mode & 0o022) !== 0)
      return fail(
        `${path} is a ${stat.kind} with mode 0${stat.mode.toString(8)}`,
        `a ${kind} that only its owner can write`,
      );
    if (!owners.has(stat.uid))
      return fail(`${path} belongs to uid ${stat.uid}`, 'owned by root or the operator');
  }
  return undefined;
}

/** The class of permission bits that counts for this uid and its own group (chmod(1)): owner, group or others. */
const bitsFor = ({ mode, uid, gid }: FileStat, who: number): number =>
  (mode >> (uid === who ? 6 : gid === who ? 3 : 0)) & 0o7;

/** What the proxy needs of its configuration and cannot read, as a restore under a tight umask leaves it. */
async function closedToProxy(host: HostReader, answers: ProxyAnswers): Promise<Verdict | undefined> {
  const files = [PATH.caddyfile, ...(answers.acmeRoot === undefined ? [] : [PATH.acmeRoot])];
  for (const [path, need, good] of [
    [PATH.caddyDir, 0o1, '0755'],
    ...files.map((file) => [file, 0o4, '0644'] as const),
  ] as const) {
    const stat = await host.stat(path);
    if (!stat || (stat.mode & need) !== 0) continue;
    const proxy = UID.proxy + (await uidShift(host));
    if ((bitsFor(stat, proxy) & need) === 0)
      return fail(
        `${path} has mode 0${stat.mode.toString(8)} and belongs to uid ${stat.uid}: the proxy cannot read it`,
        `mode ${good}`,
      );
  }
  return undefined;
}

const configFile: Control<ProxyAnswers> = {
  id: 'proxy.config-file',
  title: 'The Caddyfile is what the answers give, and the proxy can read it',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Renders the Caddyfile from the answers and compares it with the file, and reads mode and owner of the file and of its directory: others may not write, the proxy must be able to read.',
  threat: 'A line added by hand opens the console, and nobody remembers it.',
  remedy: 'Apply again: file and access are put back, the other version is kept in the backups.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  async inspect({ host, answers }) {
    const file = await host.readText(PATH.caddyfile);
    if (file === undefined) return fail(`${PATH.caddyfile} does not exist`, 'a Caddyfile');
    if (file !== renderCaddyfile(answers))
      return fail(`${PATH.caddyfile} differs`, 'the rendering of the answers');
    const changeable = await changeableByOthers(host);
    if (changeable !== undefined) return changeable;
    const closed = await closedToProxy(host, answers);
    if (closed !== undefined) return closed;
    if (answers.acmeRoot !== undefined) {
      const [given, held] = await Promise.all([
        host.readText(answers.acmeRoot),
        host.readText(PATH.acmeRoot),
      ]);
      if (held === undefined)
        return fail(`${PATH.acmeRoot} does not exist`, 'the root of the ACME directory');
      if (given !== undefined && given !== held)
        return fail(`${PATH.acmeRoot} differs`, `the content of ${answers.acmeRoot}`);
    }
    return pass('equal');
  },
};

/**
 * Whether the Caddyfile that Caddy finds in its container is the one of this install; that there is none is what
 * proxy.config-file says. `closed` where the proxy may not read it. @throws when it cannot be seen
 */
export async function hasOwnFile(host: HostReader, container: Container): Promise<boolean | 'closed'> {
  const [own, inside] = await Promise.all([
    host.readText(PATH.caddyfile),
    execIn(host, container, ['cat', IN_CADDY.config]),
  ]);
  if (own === undefined) return true;
  // A directory that was replaced on the host: the container still has the one that it was started with.
  if (inside.code === 1 && /no such file/i.test(inside.stderr)) return false;
  if (inside.code === 1 && /permission denied/i.test(inside.stderr)) return 'closed';
  if (inside.code !== 0)
    throw new Error(`the Caddyfile in the container cannot be read: ${lastLine(inside.stderr)}`);
  return own === inside.stdout;
}

const configCurrent: Control<ProxyAnswers> = {
  id: 'proxy.config-current',
  title: 'The configuration that runs is the one in the file',
  severity: 'required',
  section: 'admin-console-access',
  how: "Compares the Caddyfile inside the container with the install's, and what caddy adapt makes of it with the configuration that runs, as Caddy's admin endpoint gives it.",
  threat:
    'A file that was edited and never loaded, another one in its place, or a change that the next restart forgets.',
  remedy:
    'Apply again: the file is validated and loaded. Where compose.override.yaml mounts another one over it, take that mount out first.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    whenUp(context, async ({ container }) => {
      const { host } = context;
      const [live, file, isOwn] = await Promise.all([
        runningConfig(host, container),
        adaptedConfig(host, container),
        hasOwnFile(host, container),
      ]);
      if (isOwn === 'closed')
        return unknown(`the proxy may not read ${IN_CADDY.config}`, 'proxy.config-file');
      if (!isOwn)
        return fail(
          `${IN_CADDY.config} in the container is another file than ${PATH.caddyfile}`,
          'the same configuration',
        );
      if ('refused' in file)
        return fail(`Caddy refuses the file: ${file.refused}`, 'a file that Caddy takes');
      if (canonical(live) !== canonical(file.config)) {
        return fail('what runs differs from what the file says', 'the same configuration');
      }
      return pass('equal');
    }),
};

/** Drivers that keep the log on this host, where docker logs reads it (Docker, configure logging drivers). */
const READABLE: readonly string[] = ['json-file', 'local', 'journald'];

const accessLog: Control<ProxyAnswers> = {
  id: ACCESS_LOG,
  title: 'Every request is in the access log, with the address that it came from',
  severity: 'required',
  section: 'operation',
  refs: ['CWE-778', 'OWASP ASVS 5.0 16.2.1'],
  threat: 'Nobody can tell afterwards who tried what, and no attack on the fence can be told from a visit.',
  how: "Makes one marked request from each place that this host can try from and looks for it in the log of the proxy's container.",
  remedy: `Apply again: the Caddyfile logs every request to the log of the container. Where ${PATH.override} sends that log elsewhere, let the driver be json-file, local or journald.`,
  impact: 'The proxy loads the file without a restart; the log of its container grows by a line a request.',
  inspect: (context) =>
    whenUp(context, async (proxy) => {
      const { all, unlogged, missing } = await vantages(context, proxy);
      const { Type: driver } = proxy.container.HostConfig.LogConfig;
      if (unlogged.length > 0 && !READABLE.includes(driver) && driver !== 'none')
        return unknown(
          `the log of the proxy goes to the driver ${driver}, and docker logs did not show the request from ${unlogged.join(', ')}`,
        );
      if (unlogged.length > 0)
        return fail(
          `answered and not logged: ${unlogged.join(', ')}`,
          'a line with the address for each request',
        );
      return all.length > 0
        ? pass(`${all.length} marked requests, each in the log`)
        : unknown(
            `no request was answered: ${missing[0] ?? 'there is no place to try from'}`,
            'tls.certificate',
          );
    }),
};

export const servingControls: readonly Control<ProxyAnswers>[] = [
  up,
  containerCurrent,
  dataKept,
  configFile,
  configCurrent,
  accessLog,
];
