/** Starting, recreating and reloading the bundled database, with deadlines and classified failures. */
import { setTimeout as pause } from 'node:timers/promises';
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import type { Change } from '../../src/core/step.ts';
import { bootstrapInProgress } from '../shared/admin-credentials.ts';
import { composeArgv } from '../shared/compose-project.ts';
import { containerOf, DockerUnreachable, execIn } from '../shared/docker.ts';
import { PATH, SERVICE } from '../shared/layout.ts';
import { asSuperuser, type GroundAnswers, ground } from './ground.ts';

/** Seconds within which the database is healthy, a first initialisation included. */
const WAIT = 120;

/** Brings the container to what compose.yaml declares; nothing happens to one that is as declared and not forced. */
export function startDatabase(answers: GroundAnswers, force: boolean): Change {
  return {
    id: 'database.start',
    ...(force
      ? { disrupts: 'The database is recreated: CoreCube waits for some seconds; its data stays.' }
      : {}),
    summary: force
      ? `Recreate ${SERVICE.database} and wait until it is healthy (at most ${WAIT} s); its data stays`
      : `Start ${SERVICE.database} and wait until it is healthy (at most ${WAIT} s)`,
    async apply(host) {
      const recreate = force || (await servesAnotherCertificate(host, answers)) ? ['--force-recreate'] : [];
      const argv = await composeArgv(host, answers.projectName);
      const up = [
        ...argv,
        'up',
        '--detach',
        '--no-deps',
        '--wait',
        '--wait-timeout',
        String(WAIT),
        ...recreate,
      ];
      const result = await host.run([...up, SERVICE.database], {
        // The image may have to be pulled first.
        timeoutMs: (WAIT + 480) * 1000,
        onLine: (line) => host.progress(line),
      });
      if (result.code === 0) return;
      const logs = await host.run([
        ...argv,
        'logs',
        '--no-color',
        '--no-log-prefix',
        '--tail',
        '20',
        SERVICE.database,
      ]);
      throw classify(lines(`${result.stdout}\n${result.stderr}`), lines(`${logs.stdout}\n${logs.stderr}`));
    },
  };
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** Tells an image, a certificate, a full disk and a crash apart by what Compose and the server said. */
export function classify(compose: readonly string[], log: readonly string[]): ChangeError {
  const said = (pattern: RegExp) => [...log, ...compose].find((line) => pattern.test(line));
  const table = [
    [
      'image',
      /pull access denied|manifest unknown|no such image|failed to resolve reference/i,
      'Check the answer postgresImage and that its registry can be reached.',
    ],
    [
      'tls',
      /private key file|could not load server certificate|could not load private key|SSL/i,
      `Check the owner and mode of ${PATH.databaseKey}: uid 999 as the engine maps it, 0600.`,
    ],
    [
      'database',
      /no space left|permission denied|could not open|incompatible with server|invalid value|FATAL|PANIC/i,
      'Correct what the log names. The volume is left as it is.',
    ],
  ] as const;
  const tail = [...compose.slice(-5), ...log.slice(-15)];
  for (const [kind, pattern, fix] of table) {
    const line = said(pattern);
    if (line) return new ChangeError(kind, `the database does not start: ${line}`, fix, tail);
  }
  const last = compose.at(-1) ?? 'Compose gave no reason';
  const kind = /exited|restart/i.test(last) ? 'crash-loop' : 'timeout';
  return new ChangeError(
    kind,
    `the database is not healthy after ${WAIT} s: ${last}`,
    `See docker compose logs ${SERVICE.database}.`,
    tail,
  );
}

/** A container keeps the files it was started with: a renewed certificate reaches it only when it is made anew. */
async function servesAnotherCertificate(host: HostReader, answers: GroundAnswers): Promise<boolean> {
  const base = await ground(host, answers);
  if (base.is === 'down' || !base.container) return false;
  const file = await host.readText(PATH.databaseCertificate);
  const inside = await execIn(host, base.container, ['cat', '/run/secrets/pg_server.crt']);
  return inside.code !== 0 || inside.stdout.trim() !== file?.trim();
}

/** Makes a running server read its access rules again, and waits until it has. */
export async function reload(host: Host, answers: GroundAnswers): Promise<void> {
  const base = await ground(host, answers).catch((error: Error) => {
    // Without an engine nothing runs that would have to be told (--files-only).
    if (error instanceof DockerUnreachable) return undefined;
    throw error;
  });
  if (!base || base.is === 'down' || !base.container) return;
  const loaded = async () => {
    const reach = await asSuperuser(host, answers);
    if (!reach.connection) return undefined;
    const [result] = await host.sql(reach.connection, [{ text: 'SELECT pg_conf_load_time()::text AS at' }]);
    return result?.ok ? String(result.rows[0]?.at) : undefined;
  };
  const before = await loaded();
  // The server is the container's first process; SIGHUP makes it read its files (PostgreSQL, 19.1).
  const result = await host.run(['docker', 'kill', '--signal', 'HUP', base.container.Id]);
  if (result.code !== 0)
    throw new ChangeError(
      'command',
      `the database cannot be told to reload: ${result.stderr.trim()}`,
      `Run docker compose restart ${SERVICE.database}.`,
    );
  // A server that does not let the superuser in yet cannot be asked; the controls look at what it does afterwards.
  if (before === undefined) return;
  for (let attempt = 0; attempt < 20; attempt++) {
    await pause(250);
    const now = await loaded();
    if (now !== undefined && now !== before) return;
  }
  throw new ChangeError(
    'timeout',
    'the database did not read its access rules within 5 s',
    `See docker compose logs ${SERVICE.database}.`,
  );
}

/**
 * What CoreCube's container holds as the authority.
 * @throws when it runs and cannot be looked into: it is paused, or its image has no program to look with
 */
export async function authorityInside(
  host: HostReader,
  project: string,
): Promise<'not-running' | 'none' | string> {
  const app = await containerOf(host, project, SERVICE.app);
  // One that restarts again and again runs by chance only.
  if (!app?.State.Running || app.State.Restarting) return 'not-running';
  const inside = await execIn(host, app, ['cat', '/run/secrets/pg_ca.crt']);
  if (inside.code === 0) return inside.stdout;
  // Between the two looks, as one that restarts again and again does.
  if (/\bis (restarting|not running)\b/i.test(inside.stderr)) return 'not-running';
  // 126 and 127 are of the program itself, which may be missing as well.
  if (inside.code === 1 && /no such file or directory/i.test(inside.stderr)) return 'none';
  throw new Error(
    `the authority inside CoreCube cannot be looked at: ${inside.stderr.trim().split('\n').at(-1) || `cat ended with ${inside.code}`}`,
  );
}

/** CoreCube keeps the authority it was started with; with a new one it must be made anew. */
export function restartApp(answers: GroundAnswers): Change {
  return {
    id: 'database.restart-app',
    disrupts: 'CoreCube is recreated and away for some seconds; its data stays.',
    summary: 'Recreate CoreCube, so that it gets the new authority; its data stays',
    async apply(host) {
      // What cannot be looked into is made anew: the new one holds the file of today.
      const held = await authorityInside(host, answers.projectName).catch(() => 'none');
      if (held === 'not-running' || held.trim() === (await host.readText(PATH.databaseCa))?.trim()) return;
      const bootstrap =
        (await bootstrapInProgress(host)) && (await host.stat(PATH.bootstrapCompose)) !== undefined;
      const argv = await composeArgv(host, answers.projectName, { bootstrap });
      const up = [
        'up',
        '--detach',
        '--no-deps',
        '--force-recreate',
        '--wait',
        '--wait-timeout',
        '150',
        SERVICE.app,
      ];
      const result = await host.run([...argv, ...up], {
        timeoutMs: 180_000,
        onLine: (line) => host.progress(line),
      });
      if (result.code !== 0)
        throw new ChangeError(
          'timeout',
          `CoreCube is not healthy again: ${lines(result.stderr).at(-1) ?? result.code}`,
          `See docker compose logs ${SERVICE.app}.`,
          lines(result.stderr).slice(-15),
        );
    },
  };
}
