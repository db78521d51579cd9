/** Whether a volume that is there already knows the password that is kept here, without starting a server on it. */
import type { HostReader } from '../../src/core/host.ts';
import type { Secret } from '../../src/core/secret.ts';
import { fail, unknown, type Verdict } from '../../src/core/step.ts';
import { docker } from '../shared/docker.ts';
import { DATABASE, HELPER_LABEL, PATH, UID, VOLUME } from '../shared/layout.ts';
import { verifiersIn, verifies } from '../shared/scram.ts';
import { type Needed, UP } from './ground.ts';

/** PostgreSQL's file of pg_authid (a shared catalog, relation 1260) and the file that says a cluster was made. */
const FILES = ['/volume/PG_VERSION', '/volume/global/1260'];

/**
 * For a database that does not run. A volume without a cluster is none; a cluster whose superuser has another password
 * fails; one that fits, and one that cannot be read this way, awaits the start.
 */
export async function volumePassword(
  host: HostReader,
  answers: Needed,
  password: Secret | undefined,
): Promise<Verdict> {
  const volume = `${answers.projectName}_${VOLUME.database}`;
  const found = await docker(host, ['volume', 'inspect', '--format', '{{.Name}}', volume]);
  if (found.code !== 0) {
    if (/no such volume/i.test(found.stderr)) return unknown('there is no database yet', UP);
    throw new Error(`the volume ${volume} cannot be looked at: ${found.stderr.trim()}`);
  }
  const catalog = await readCluster(host, volume, answers.postgresImage);
  if (catalog === 'none') return unknown(`the volume ${volume} holds no database yet`, UP);
  if (!password)
    return fail(
      `the volume ${volume} holds a database, and ${PATH.databaseSuperuserPassword} is not there`,
      'the file with the password that it was made with',
    );
  if (catalog === undefined) return unknown(`the volume ${volume} holds a database that does not run`, UP);
  // A row is the name (64 bytes, padded), then flags, then the verifier. Old rows may still be there: any may fit.
  const mine = catalog
    .split(`${DATABASE.superuser}\0`)
    .slice(1)
    .flatMap((row) => verifiersIn(row.slice(0, 400)).slice(0, 1));
  if (mine.length === 0 || mine.some((verifier) => verifies(password, verifier)))
    return unknown(`the volume ${volume} holds a database that does not run`, UP);
  return fail(
    `the database in the volume ${volume} was made with another superuser password`,
    `the one in ${PATH.databaseSuperuserPassword}`,
  );
}

/** The bytes of pg_authid as text; `none` for a volume without a cluster; undefined when they cannot be read. */
async function readCluster(
  host: HostReader,
  volume: string,
  image: string | undefined,
): Promise<string | 'none' | undefined> {
  if (image === undefined) return undefined;
  const result = await docker(host, [
    ...['run', '--rm', '--pull', 'never', '--label', `${HELPER_LABEL}=volume-look`, '--network', 'none'],
    ...['--read-only', '--user', `${UID.database}:${UID.database}`, '--cap-drop', 'ALL'],
    ...[
      '--security-opt',
      'no-new-privileges:true',
      '--mount',
      `type=volume,source=${volume},target=/volume,readonly`,
    ],
    ...['--entrypoint', 'cat', image, ...FILES],
  ]);
  if (result.code === 0) return result.stdout;
  const absent = (result.stderr.match(/No such file or directory/g) ?? []).length;
  return absent === FILES.length && result.stdout === '' ? 'none' : undefined;
}
