/** The running CoreCube as its database sees it: whether its tables can be there, and its own sessions. */
import type { HostReader, SqlConnection, SqlResult } from '../../src/core/host.ts';
import { unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { addressOn, type Container, containerOf, isSteady } from '../shared/docker.ts';
import { APP_PORT, DATABASE, NETWORK, SERVICE } from '../shared/layout.ts';
import type { ReleaseAnswers } from '../shared/release.ts';
import { asRole, asSuperuser, type GroundAnswers, ROLE_KEYS, ROLE_NAME, rows } from './ground.ts';

export type Needed = GroundAnswers & ReleaseAnswers & Pick<Answers, 'database'>;

/** The services step's control that says whether CoreCube runs: what is looked at here exists only then. */
export const APP_UP = 'running.corecube-up';
/** A container with yesterday's URLs cannot log in; this control of the services step says so. */
export const APP_CURRENT = 'running.current';

/** What the database step's controls say already is only repeated here: it awaits nothing of the services step. */
export const elsewhere = (verdict: Verdict): Verdict =>
  verdict.is === 'unknown' ? unknown(verdict.because, `running.${SERVICE.database}-up`) : verdict;

/** CoreCube's container, when its migrations are over. */
export async function runningApp(
  host: HostReader,
  answers: Needed,
): Promise<{ app: Container } | { verdict: Verdict }> {
  const app = await containerOf(host, answers.projectName, SERVICE.app);
  // Its migrations may still be under way, or have failed.
  if (!app || !isSteady(app)) return { verdict: unknown('CoreCube does not run, or is not healthy', APP_UP) };
  return { app };
}

const SESSIONS = `SELECT a.usename::text AS name, host(a.client_addr) AS address, s.ssl, s.version
  FROM pg_stat_activity a JOIN pg_stat_ssl s ON s.pid = a.pid
  WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.application_name <> 'secure-setup'`;

/** In the form of a key (`cc_` and 43 of base62; API overview), so that it is looked up, and never one that was given out. */
const NO_KEY = `cc_${'SecureSetupProbe'.padEnd(43, '0')}`;
/** How often CoreCube is asked before it is said that no session was seen. */
const ATTEMPTS = 3;

export interface Session {
  readonly name: string;
  readonly address: string | null;
  readonly ssl: boolean;
  readonly version: string | null;
}

/** CoreCube's own sessions, after one request that makes it ask its database; shared within a snapshot. */
export function sessions(
  host: HostReader,
  answers: Needed,
): Promise<readonly Session[] | { verdict: Verdict }> {
  return host.once('app sessions', async () => {
    const found = await runningApp(host, answers);
    if ('verdict' in found) return found;
    const { app } = found;
    const inside = addressOn(app, answers.projectName, NETWORK.internal);
    const front = addressOn(app, answers.projectName, NETWORK.edge) ?? inside;
    const eyes = await observers(host, answers);
    if ('verdict' in eyes) return eyes;
    let own: readonly Session[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      // Pools let idle connections go: a request with a key that nobody has makes CoreCube look one up.
      if (front)
        await host.http({
          method: 'GET',
          origin: `http://${front}:${APP_PORT}`,
          path: '/v1/models',
          headers: { authorization: `Bearer ${NO_KEY}` },
          timeoutMs: 5_000,
        });
      const looks = await Promise.all(eyes.map((eye) => host.sql(eye, [{ text: SESSIONS }])));
      const all = looks.flatMap(([result]) => rows(result as SqlResult, 'its sessions'));
      own = (all as unknown as readonly Session[]).filter((session) =>
        answers.database === 'bundled'
          ? session.address === inside
          : (Object.values(ROLE_NAME) as string[]).includes(session.name),
      );
      if (own.some((session) => session.name === DATABASE.app)) break;
    }
    return own.length > 0
      ? own
      : { verdict: unknown('CoreCube has no database session open now; look again', APP_CURRENT) };
  });
}

/**
 * Who looks at the sessions. The superuser of the bundled database sees all. An external server sees this host's address,
 * so that roles tell CoreCube's sessions apart, and its admin need not be a superuser: then only the roles themselves
 * are shown whether their sessions are encrypted.
 */
async function observers(
  host: HostReader,
  answers: Needed,
): Promise<readonly SqlConnection[] | { verdict: Verdict }> {
  const reaches =
    answers.database === 'bundled'
      ? [await asSuperuser(host, answers)]
      : await Promise.all(ROLE_KEYS.map((role) => asRole(host, answers, role)));
  const refused = reaches.find((reach) => reach.verdict);
  if (refused?.verdict) return { verdict: elsewhere(refused.verdict) };
  return reaches.flatMap((reach) => reach.connection ?? []);
}
