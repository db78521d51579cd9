/** The changes of the proxy: copy the certificate, validate and write the Caddyfile, start or reload, wait. */

import { unifiedDiff } from '../../src/core/diff.ts';
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import type { Change } from '../../src/core/step.ts';
import { IN_CADDY, publicOrigin, renderCaddyfile, validateCaddyfile } from '../shared/caddy.ts';
import { composeArgv, composeModel } from '../shared/compose-project.ts';
import { type Container, dockerOutput, dockerRun } from '../shared/docker.ts';
import { engine } from '../shared/engine.ts';
import { PATH, SERVICE, UID, VOLUME } from '../shared/layout.ts';
import { operators } from '../shared/operators.ts';
import { ensureVolumeOwner } from '../shared/volumes.ts';
import { acmeFailure, attempts, classifyAcme, gaveUp } from './acme.ts';
import { certificateProblems, sources } from './certificate-files.ts';
import type { ProxyAnswers } from './look.ts';
import { published } from './look.ts';
import { hasOwnFile } from './serving.ts';
import { certificateFault } from './tls.ts';

const failure = {
  kind: 'command',
  fix: 'look at the message above; what is done already is kept, and running this again goes on from here',
} as const;

/** Copies the operator's certificate and key into the install. */
export function copyFiles(answers: ProxyAnswers): Change {
  return {
    id: 'proxy.copy-certificate',
    summary: `Copy ${answers.tlsCertificate} and ${answers.tlsKey} to ${PATH.tlsCertificate} and ${PATH.tlsKey} (0600, uid ${UID.proxy})`,
    async apply(host) {
      const access = { mode: 0o600, uid: UID.proxy, gid: UID.proxy };
      const files = await sources({ host, answers });
      if (!files) {
        // The sources are gone: the copies stay, only their access is put right.
        for (const path of [PATH.tlsCertificate, PATH.tlsKey]) await host.setAccess(path, access);
        return;
      }
      const problems = certificateProblems(files.pem, files.key.reveal(), answers.domain, host.now());
      if (problems.length > 0) {
        throw new ChangeError(
          'tls',
          problems.join('; '),
          'put a usable certificate in place and run this again',
        );
      }
      await host.writeFile(PATH.tlsCertificate, files.pem, access);
      await host.writeFile(PATH.tlsKey, files.key, access);
    },
  };
}

/** Replaces the Caddyfile once Caddy itself has accepted the new one. */
export async function writeConfig(host: HostReader, answers: ProxyAnswers): Promise<Change> {
  const content = renderCaddyfile(answers);
  const before = await host.readText(PATH.caddyfile);
  return {
    id: 'proxy.write-config',
    summary: `Let Caddy validate the new ${PATH.caddyfile}, then ${before === undefined ? 'write' : 'replace'} it`,
    // Of a file that says what it should, only the access is put right.
    ...(before === content ? { standsAlone: true } : { diff: unifiedDiff(PATH.caddyfile, before, content) }),
    offline: true,
    async apply(writer) {
      await writer.makeDirectory(PATH.caddyDir, { mode: 0o755, ...(await ownerOf(writer, PATH.caddyDir)) });
      if (answers.acmeRoot !== undefined) await copyRoot(writer, answers.acmeRoot);
      if ((await engine(writer)).state === 'ready') {
        const model = await composeModel(writer, answers.projectName);
        const image = model?.services[SERVICE.proxy]?.image ?? answers.proxyImage;
        writer.progress('Caddy validates the new configuration');
        await validateCaddyfile(writer, image, answers.tls, content);
      } else
        writer.progress('no engine answers: Caddy validates the configuration when the proxy is started');
      const owner = await ownerOf(writer, PATH.caddyfile);
      await writer.writeFile(PATH.caddyfile, content, { mode: 0o644, ...owner });
    },
  };
}

/** What belongs to a stranger is given to whom the install belongs; whatever else somebody chose stays. */
async function ownerOf(host: Host, path: string): Promise<{ uid?: number; gid?: number }> {
  const [now, install, allowed] = await Promise.all([host.stat(path), host.stat('.'), operators(host)]);
  return now && install && !allowed.has(now.uid) ? { uid: install.uid, gid: install.gid } : {};
}

async function copyRoot(host: Host, path: string): Promise<void> {
  const pem = await host.readText(path);
  if (pem !== undefined) await host.writeFile(PATH.acmeRoot, pem, { mode: 0o644 });
  else if (!(await host.stat(PATH.acmeRoot))) {
    throw new ChangeError(
      'tls',
      `${path} does not exist`,
      'name the PEM file of the root of the ACME directory in acmeRoot',
    );
  }
}

/** Creates the proxy anew from the files, gives it its volumes, starts it and waits until it serves. */
export function start(answers: ProxyAnswers, why: string): Change {
  return {
    id: 'proxy.start',
    disrupts: 'The proxy is recreated: open connections end.',
    summary: `${why}, and wait until ${publicOrigin(answers)} serves its certificate`,
    async apply(host) {
      const compose = await composeArgv(host, answers.projectName);
      const up = [...compose, 'up', '--no-deps', '--force-recreate'];
      await dockerRun(host, [...up, '--no-start', SERVICE.proxy], failure, { timeoutMs: 300_000 });
      const created = await proxyContainer(host, answers.projectName);
      if (!created)
        throw new ChangeError('command', 'Compose created no container of the proxy', failure.fix);
      const volumes = [VOLUME.proxyData, VOLUME.proxyConfig].map((name) => `${answers.projectName}_${name}`);
      await Promise.all(
        volumes.map((volume) => ensureVolumeOwner(host, { volume, image: created.Image, uid: UID.proxy })),
      );
      const since = host.now();
      await dockerRun(host, [...compose, 'up', '--detach', '--no-deps', SERVICE.proxy], failure);
      await untilServing(host, answers, since);
    },
  };
}

/** Loads the Caddyfile into the running proxy without dropping connections. */
export function reload(answers: ProxyAnswers): Change {
  return {
    id: 'proxy.reload',
    summary: 'Load the Caddyfile into the running proxy; connections stay open unless it has to be restarted',
    async apply(host) {
      const container = await mustRun(host, answers);
      const since = host.now();
      const argv = ['caddy', 'reload', '--config', IN_CADDY.config, '--adapter', 'caddyfile', '--force'];
      // Of a directory that was replaced on the host, a container sees the new one after its next start only.
      const isOwn = await hasOwnFile(host, container).catch(() => true);
      const loaded = isOwn ? await host.run(['docker', 'exec', container.Id, ...argv]) : undefined;
      if (loaded?.code !== 0) {
        // A running configuration may have moved or fenced the endpoint that takes a new one; a start reads the file.
        host.progress(
          loaded
            ? 'the running proxy takes no new configuration: it is restarted'
            : 'the running proxy has another file than this install: it is restarted',
        );
        await dockerRun(host, ['docker', 'restart', '-t', '10', container.Id], failure);
      }
      await untilServing(host, answers, since);
    },
  };
}

/** Restarts the proxy: files mounted one by one are opened anew only then. */
export function restart(answers: ProxyAnswers): Change {
  return {
    id: 'proxy.restart',
    disrupts: 'The proxy restarts: open streams end.',
    summary: 'Restart the proxy, so that it serves the new certificate; open streams end',
    async apply(host) {
      const container = await mustRun(host, answers);
      const since = host.now();
      await dockerRun(host, ['docker', 'restart', '-t', '10', container.Id], failure);
      await untilServing(host, answers, since);
    },
  };
}

async function mustRun(host: Host, answers: ProxyAnswers): Promise<Container> {
  const container = await proxyContainer(host, answers.projectName);
  if (container?.State.Running) return container;
  throw new ChangeError('command', 'the proxy stopped running meanwhile', 'run this again');
}

/** The proxy's container as it is this moment (a shared look would be stale while waiting). */
async function proxyContainer(host: Host, project: string): Promise<Container | undefined> {
  const label = (name: string, value: string) => ['--filter', `label=com.docker.compose.${name}=${value}`];
  const filters = [
    ...label('project', project),
    ...label('service', SERVICE.proxy),
    ...label('oneoff', 'False'),
  ];
  const ids = (await dockerOutput(host, ['ps', '--all', '--no-trunc', '--quiet', ...filters]))
    .split('\n')
    .filter(Boolean);
  if (ids.length === 0) return undefined;
  const list = JSON.parse(
    await dockerOutput(host, ['inspect', '--type', 'container', ...ids]),
  ) as Container[];
  return list.find((c) => c.State.Running) ?? list[0];
}

/** Milliseconds until a proxy must serve its certificate: an authority needs longer than a file. */
const deadline = (answers: ProxyAnswers) => (answers.tls === 'acme' ? 150_000 : 30_000);

async function untilServing(host: Host, answers: ProxyAnswers, since: Date): Promise<void> {
  const end = Date.now() + deadline(answers);
  const context = { host, answers, signal: host.signal };
  let last = 'the proxy does not answer';
  host.progress(answers.tls === 'acme' ? 'waiting for the certificate authority' : 'waiting for the proxy');
  for (;;) {
    const container = await proxyContainer(host, answers.projectName);
    if (!container || container.State.Restarting || container.State.Status === 'exited') {
      const log = container ? await logSince(host, container, since) : '';
      if (container?.State.Restarting || !container || Date.now() > end) throw crashed(container, log);
    } else {
      const https = published(container, 443);
      if (!https)
        throw new ChangeError(
          'command',
          'the proxy publishes no HTTPS port',
          'look at compose.override.yaml',
        );
      const fault = await certificateFault(context, https, container, (ca) =>
        host.tls({
          ...https,
          serverName: answers.domain,
          ...(ca === undefined ? {} : { ca }),
          timeoutMs: 3_000,
        }),
      );
      if (!fault) return;
      if (fault.is === 'fail') last = fault.observed;
      if (answers.tls === 'acme') await stopEarly(host, answers, container, since, Date.now() > end);
      if (Date.now() > end) {
        const lines = (await logSince(host, container, since)).trim().split('\n').slice(-15);
        throw new ChangeError(
          'timeout',
          `after ${deadline(answers) / 1000} s: ${last}`,
          "look at the proxy's log",
          lines,
        );
      }
    }
    if (host.signal.aborted)
      throw new ChangeError('timeout', 'stopped while waiting for the proxy', 'run this again');
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

/** Ends the wait for an authority that has answered no: every further attempt counts against the rate limit. */
async function stopEarly(
  host: Host,
  answers: ProxyAnswers,
  container: Container,
  since: Date,
  late: boolean,
): Promise<void> {
  const log = await logSince(host, container, since);
  if (!late && !gaveUp(log)) return;
  const aaaa = await host.resolve(answers.domain, 6).catch(() => []);
  const directory = answers.acmeDirectory ?? '';
  const facts = { domain: answers.domain, directory, aaaa };
  if (!late && !classifyAcme(log, facts)) return;
  // Attempts are counted over the container's whole life, not only over this run.
  const tries = attempts(await logSince(host, container));
  throw acmeFailure(log, facts, { seconds: deadline(answers) / 1000, tries });
}

async function logSince(host: Host, container: Container, since?: Date): Promise<string> {
  const log = await host.query([
    'docker',
    'logs',
    ...(since ? ['--since', since.toISOString()] : []),
    container.Id,
  ]);
  return `${log.stdout}\n${log.stderr}`;
}

function crashed(container: Container | undefined, log: string): ChangeError {
  const lines = log.split('\n').filter(Boolean);
  const reason = [...lines]
    .reverse()
    .find((l) => /error|operation not permitted|denied|address already in use/i.test(l));
  const fix = /operation not permitted/i.test(log)
    ? 'the image needs the capability NET_BIND_SERVICE; apply again so that compose.yaml grants it'
    : /permission denied/i.test(log)
      ? `the volumes or files must belong to uid ${UID.proxy}; apply again`
      : 'look at the log lines';
  const state = container ? `is ${container.State.Status} (exit ${container.State.ExitCode})` : 'is gone';
  return new ChangeError(
    'crash-loop',
    `the proxy's container ${state}: ${reason ?? 'no reason in its log'}`,
    fix,
    lines.slice(-15),
  );
}
