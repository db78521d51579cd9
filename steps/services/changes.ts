/** Starting and recreating services, the first boot, and telling why one does not come up. */
import { stringify } from 'yaml';
import { ChangeError } from '../../src/core/errors.ts';
import type { Host } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Change } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { ensureAdminPassword } from '../shared/admin-credentials.ts';
import { composeArgv, composeModel } from '../shared/compose-project.ts';
import { parseEnv } from '../shared/connection-urls.ts';
import { containerOf, docker, dockerRun } from '../shared/docker.ts';
import { ENV, PATH, SERVICE, UID, VOLUME } from '../shared/layout.ts';
import { hasMigratedTables } from '../shared/postgres.ts';
import { knownRelease } from '../shared/release.ts';
import { ensureVolumeOwner } from '../shared/volumes.ts';
import { classify } from './classify.ts';

type Needed = Pick<
  Answers,
  | 'projectName'
  | 'image'
  | 'release'
  | 'database'
  | 'databaseAdminUrl'
  | 'postgresImage'
  | 'proxyImage'
  | 'adminEmail'
  | 'adminPassword'
>;

/** Seconds until a service must be healthy. */
const DEADLINE = 180;

/** Brings one service to what the files declare and waits until it is healthy. */
export function startService(answers: Needed, service: string, summary: string, recreate: boolean): Change {
  return {
    id: `services.start-${service}`,
    disrupts: `The container of ${service} is recreated and away for some seconds; its data stays.`,
    summary,
    async apply(host) {
      await bringUp(host, answers.projectName, service, { recreate });
    },
  };
}

/**
 * Starts CoreCube. While its database has no tables yet (or an earlier first boot was interrupted) it is started with
 * the administrator's account from a file outside compose.yaml, and on guide v1 with the migration owner's URL; the
 * proxy is stopped then, so that nobody reaches it. The next step proves the account and ends the first boot.
 *
 * A later release of guide v1 may have to change tables that its app role does not own. It then fails at its start, and
 * is started once as the owner, closed off in the same way, before it goes on with the app role.
 */
export function startApp(answers: Needed, summary: string, recreate: boolean): Change {
  return {
    id: `services.start-${SERVICE.app}`,
    disrupts: 'CoreCube is recreated and away for some seconds; its data stays.',
    summary: `${summary}; on a first boot with your administrator account instead of the default one, and with nothing published. Where guide v1 has to change tables of the migration owner, it is started once with the owner's URL, with nothing published`,
    async apply(host) {
      const interrupted = await interruptedBoot(host);
      if (interrupted === 'migration') return migrateAsOwner(host, answers);
      const first = interrupted === 'first' || !(await hasMigratedTables(host, answers));
      if (first) {
        await stopProxy(host, answers.projectName);
        await writeBootstrap(host, answers);
      }
      await prepareVolume(host, answers, first);
      try {
        await bringUp(host, answers.projectName, SERVICE.app, { recreate, bootstrap: first });
      } catch (error) {
        const refused = error instanceof ChangeError && error.kind === 'migration';
        if (!refused || first || (await knownRelease(host, answers)) !== 'v1') throw error;
        await migrateAsOwner(host, answers);
      }
    },
  };
}

/** What a run that was ended half-way had begun: its file of variables holds the account on a first boot only. */
async function interruptedBoot(host: Host): Promise<'first' | 'migration' | undefined> {
  const variables = (await host.readSecret(PATH.bootstrapEnv))?.reveal();
  if (variables === undefined) return undefined;
  return parseEnv(variables).has('CUBE_ADMIN_EMAIL') ? 'first' : 'migration';
}

/** One boot of guide v1 with the migration owner's URL, behind a stopped proxy, and then one with the app role again. */
async function migrateAsOwner(host: Host, answers: Needed): Promise<void> {
  host.progress('its migration needs the owner of the tables: one start with the URL of the owner');
  const proxy = await stopProxy(host, answers.projectName);
  await writeBootFiles(host, [`${ENV.main}=${quote(await ownerUrl(host))}`], {});
  const boot = (bootstrap: boolean) =>
    bringUp(host, answers.projectName, SERVICE.app, { recreate: true, bootstrap });
  try {
    await boot(true);
  } catch (error) {
    // The files would let the next run take this one for unfinished; CoreCube gets the owner's URL only when it asks again.
    await removeBootFiles(host);
    throw error;
  }
  await boot(false);
  await removeBootFiles(host);
  if (proxy)
    await dockerRun(host, ['docker', 'start', proxy], {
      kind: 'command',
      fix: 'Run this again: the reverse proxy step starts it.',
    });
}

/** The id of the proxy's container when it ran. */
async function stopProxy(host: Host, project: string): Promise<string | undefined> {
  const proxy = await containerOf(host, project, SERVICE.proxy);
  if (!proxy?.State.Running) return undefined;
  host.progress('stopping the proxy until this boot is over');
  await dockerRun(host, ['docker', 'stop', '-t', '10', proxy.Id], {
    kind: 'command',
    fix: 'Stop the proxy by hand, then run this again.',
  });
  return proxy.Id;
}

async function ownerUrl(host: Host): Promise<string> {
  const owner = parseEnv((await host.readSecret(PATH.env))?.reveal() ?? '').get(ENV.owner);
  if (owner) return owner;
  throw new ChangeError(
    'database',
    `${PATH.env} has no ${ENV.owner}`,
    'Run this again: the database step writes it.',
  );
}

/** The first boot's account and, on guide v1, its migration URL: a 0600 file, never compose.yaml. */
async function writeBootstrap(host: Host, answers: Needed): Promise<void> {
  const password = await ensureAdminPassword(host, answers.adminPassword);
  const lines = [
    `CUBE_ADMIN_EMAIL=${quote(answers.adminEmail)}`,
    `CUBE_ADMIN_PASSWORD=${quote(password.reveal())}`,
  ];
  if ((await knownRelease(host, answers)) === 'v1') lines.push(`${ENV.main}=${quote(await ownerUrl(host))}`);
  const names = ['CUBE_ADMIN_EMAIL', 'CUBE_ADMIN_PASSWORD'];
  await writeBootFiles(host, lines, Object.fromEntries(names.map((name) => [name, `\${${name}}`])));
}

/**
 * What one boot gets beside compose.yaml. The environment is interpolated from the file of variables, which is given to
 * Compose after .env: its migration URL wins there too.
 */
async function writeBootFiles(
  host: Host,
  lines: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { uid, gid } = await host.system();
  await host.makeDirectory(PATH.state, { mode: 0o700, uid, gid });
  await host.writeFile(PATH.bootstrapEnv, new Secret(`${lines.join('\n')}\n`), {
    mode: 0o600,
    uid,
    gid,
    backup: false,
  });
  const services = { [SERVICE.app]: { environment } };
  await host.writeFile(PATH.bootstrapCompose, stringify({ services }), { mode: 0o600, uid, gid });
}

async function removeBootFiles(host: Host): Promise<void> {
  for (const path of [PATH.bootstrapCompose, PATH.bootstrapEnv])
    if (await host.stat(path)) await host.removeFile(path, { backup: false });
}

/**
 * A value for an env file that Compose reads: single quotes keep everything literal, but cannot hold one. A password
 * with a single quote goes into double quotes with Compose's escapes.
 */
export function quote(value: string): string {
  if (!value.includes("'")) return `'${value}'`;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '\\$')}"`;
}

/** A fresh volume on a path that the image lacks belongs to root, and CoreCube's uid could not write it. */
async function prepareVolume(host: Host, answers: Needed, bootstrap: boolean): Promise<void> {
  const existing = await containerOf(host, answers.projectName, SERVICE.app);
  if (existing?.State.Running) return;
  const argv = await composeArgv(host, answers.projectName, { bootstrap });
  const up = await host.run([...argv, 'up', '--no-start', '--no-deps', SERVICE.app], { timeoutMs: 300_000 });
  if (up.code !== 0) throw classify(SERVICE.app, up.stderr, undefined, []);
  const created = await containerOf(host, answers.projectName, SERVICE.app);
  if (!created)
    throw new ChangeError(
      'command',
      'Compose created no container of CoreCube',
      'See docker compose ps --all.',
    );
  const model = await composeModel(host, answers.projectName);
  // The helper needs chown, which the database's and the proxy's images have; CoreCube's is unknown.
  const image =
    model?.services[SERVICE.database]?.image ?? model?.services[SERVICE.proxy]?.image ?? answers.proxyImage;
  await ensureVolumeOwner(host, { volume: `${answers.projectName}_${VOLUME.data}`, image, uid: UID.app });
}

/** `up --wait` for one service; when it does not become healthy the cause is named and the last log lines shown. */
async function bringUp(
  host: Host,
  project: string,
  service: string,
  options: { recreate: boolean; bootstrap?: boolean },
): Promise<void> {
  const argv = await composeArgv(host, project, { bootstrap: options.bootstrap ?? false });
  const up = [
    'up',
    '--detach',
    '--no-deps',
    '--wait',
    '--wait-timeout',
    String(DEADLINE),
    ...(options.recreate ? ['--force-recreate'] : []),
    service,
  ];
  host.progress(`waiting until ${service} is healthy (at most ${DEADLINE} s)`);
  const result = await host.run([...argv, ...up], {
    timeoutMs: (DEADLINE + 60) * 1000,
    onLine: (line) => host.progress(line),
  });
  if (result.code === 0) return;
  const container = await containerOf(host, project, service);
  const logs = container
    ? await docker(host, ['logs', '--timestamps', '--tail', '60', container.Id])
    : undefined;
  // Both streams in the order of their times: what an init process says at every restart must not push the cause out.
  const lines = `${logs?.stdout ?? ''}\n${logs?.stderr ?? ''}`
    .split('\n')
    .sort()
    .map((line) => line.replace(/^\S+Z /, '').trim())
    .filter(Boolean);
  throw classify(service, result.stderr, container, lines);
}
