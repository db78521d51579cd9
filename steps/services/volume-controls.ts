/** Copies of the encryption key where they must not be: in the volumes, and in other containers. */
import type { CommandResult, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { containerOf, containers, docker, serviceOf } from '../shared/docker.ts';
import { HELPER_LABEL, PATH, SERVICE, VOLUME } from '../shared/layout.ts';
import { ROTATE_KEY } from '../shared/rotation.ts';
import { listed } from './key-controls.ts';

type Needed = Pick<Answers, 'projectName'>;
const UP = `running.${SERVICE.app}-up`;
const SECTION = 'encryption-key-management';
/** Milliseconds. Every file that is searched is read once. */
const SEARCH_DEADLINE = 50_000;
/** Directories of PostgreSQL's tables and of its write-ahead log: too much to be read with every look. */
const NOT_SEARCHED = ['base', 'pg_wal'] as const;

/** How the same 32 bytes are written: hex in either letter case, and base64 (RFC 4648). One per line, nothing else. */
function spellings(key: string): Secret | undefined {
  if (!/^[0-9a-fA-F]{64}$/.test(key)) return key.length < 32 || /\s/.test(key) ? undefined : new Secret(key);
  const base64 = Buffer.from(key, 'hex').toString('base64').replace(/=+$/, '');
  return new Secret(
    [
      ...new Set([
        key,
        key.toLowerCase(),
        key.toUpperCase(),
        base64,
        base64.replaceAll('+', '-').replaceAll('/', '_'),
      ]),
    ].join('\n'),
  );
}

/**
 * Names of files below the volume that hold one of the spellings. The key goes to the search over its standard input;
 * only names come back. Looks directly where this user may, else through a container.
 */
async function filesWith(
  host: HostReader,
  project: string,
  place: string,
  volume: string,
  patterns: Secret,
): Promise<readonly string[]> {
  const options = { input: patterns, timeoutMs: SEARCH_DEADLINE };
  const search = ['--recursive', '--files-with-matches', '--fixed-strings', '--file=-'];
  const without =
    volume === `${project}_${VOLUME.database}` ? NOT_SEARCHED.map((name) => `--exclude-dir=${name}`) : [];
  if ((await listed(host, place)) !== undefined)
    return matches(
      await host.query(['grep', ...search, ...without, '--devices=skip', place], options),
      place,
    );
  const all = await containers(host, project);
  // CoreCube's image is unknown; the database's and the proxy's bring the usual programs.
  const image = [SERVICE.database, SERVICE.proxy, SERVICE.app]
    .map((service) => all.find((c) => serviceOf(c) === service)?.Image)
    .find((id) => id !== undefined);
  if (image === undefined) throw new Error('there is no image to look into the volume with');
  const argv = [
    ...['docker', 'run', '--rm', '--interactive', '--network', 'none', '--read-only', '--pull', 'never'],
    ...['--label', `${HELPER_LABEL}=look`, '--user', '0:0', '--cap-drop', 'ALL'],
    ...['--cap-add', 'DAC_READ_SEARCH', '--security-opt', 'no-new-privileges:true'],
    ...[
      '--volume',
      `${volume}:/look:ro`,
      '--entrypoint',
      'grep',
      image,
      '-r',
      '-l',
      '-F',
      '-f',
      '-',
      ...without,
      '/look',
    ],
  ];
  return matches(await host.query(argv, options), '/look');
}

/** grep ends with 1 when nothing matches, and with 2 after any trouble; a file that was removed meanwhile is none. */
function matches({ code, stdout, stderr }: CommandResult, place: string): readonly string[] {
  const found = stdout
    .split('\n')
    .filter(Boolean)
    .map((path) => path.replace(`${place}/`, ''));
  if (found.length > 0) return found;
  const said = stderr.split('\n').filter(Boolean);
  const gone =
    (code === 1 || code === 2) &&
    said.length > 0 &&
    said.every((line) => /no such file or directory/i.test(line));
  // Some greps end with 1 although they could not read a file, and only say so.
  if ((code === 1 && said.length === 0) || gone) return [];
  throw new Error(`the volume cannot be searched: ${said.at(-1) ?? `grep ended with ${code}`}`);
}

const notInVolume: Control<Needed> = {
  id: 'key.not-in-volume',
  title: 'No file in the volumes of CoreCube, its database and its proxy holds a copy of the encryption key',
  severity: 'required',
  section: SECTION,
  refs: ['NIST SP 800-57 part 1, 5.3'],
  how: `Searches the files in these volumes for the key, in hex of both cases and in base64; what PostgreSQL keeps below ${NOT_SEARCHED.join('/ and ')}/ is left out.`,
  threat: 'Every backup of the volume then holds the key beside what it protects, and protects nothing.',
  remedy: `Move the named file away from the volume. Backups of the volume made since it was there hold the key: destroy them, or ${ROTATE_KEY}.`,
  impact: 'None for what runs.',
  manual: true,
  timeoutMs: SEARCH_DEADLINE + 10_000,
  async inspect({ host, answers }) {
    const key = (await host.readSecret(PATH.key))?.reveal().trim();
    if (!key) return unknown(`${PATH.key} is not there to be searched for`);
    const patterns = spellings(key);
    if (!patterns) return unknown(`${PATH.key} holds nothing that could be searched for`);
    const searched = await Promise.all(
      Object.values(VOLUME).map(async (name) => {
        const volume = `${answers.projectName}_${name}`;
        const place = await placeOf(host, volume);
        if (place === undefined) return undefined;
        return { volume, found: await filesWith(host, answers.projectName, place, volume, patterns) };
      }),
    );
    const there = searched.filter((look) => look !== undefined);
    const copies = there.filter(({ found }) => found.length > 0);
    if (copies.length > 0)
      return fail(
        copies.map(({ volume, found }) => `${volume} holds it in ${found.join(', ')}`).join('; '),
        'no copy in a volume',
      );
    if (searched[0] === undefined) return unknown('there is no data volume yet', UP);
    return pass(`searched ${there.map(({ volume }) => volume).join(', ')}`);
  },
};

/** Where the volume lies, as its driver says; undefined when there is no such volume, an external database's for example. */
async function placeOf(host: HostReader, volume: string): Promise<string | undefined> {
  const seen = await docker(host, ['volume', 'inspect', '--format', '{{.Mountpoint}}', volume]);
  if (seen.code === 0) return seen.stdout.trim();
  if (/no such volume/i.test(seen.stderr)) return undefined;
  throw new Error(`the volume ${volume} cannot be looked at: ${seen.stderr.trim()}`);
}

const onlyCoreCube: Control<Needed> = {
  id: 'key.only-corecube',
  title: 'No other container of the project is handed the encryption key',
  severity: 'required',
  section: SECTION,
  refs: ['CWE-668'],
  how: "Reads the mounts in docker inspect of every other container of the project and looks for the key's file.",
  threat: 'An intruder in the proxy or the database reads every stored credential.',
  remedy: `Remove the key from what is declared for the named container, then apply again; see also compose.key-delivery.`,
  impact: 'The named container is recreated.',
  manual: true,
  async inspect({ host, answers }) {
    if (!(await containerOf(host, answers.projectName, SERVICE.app)))
      return unknown('there is no container yet', UP);
    const others = (await containers(host, answers.projectName)).filter((c) => serviceOf(c) !== SERVICE.app);
    const handed = others.filter(({ Mounts }) =>
      Mounts.some((m) => m.Type === 'bind' && m.Source.endsWith(`/${PATH.key}`)),
    );
    return handed.length === 0
      ? pass(`looked at ${others.length} other containers`)
      : fail(`${handed.map((c) => c.Name.slice(1)).join(', ')} mounts ${PATH.key}`, `${SERVICE.app} only`);
  },
};

export const volumeControls: readonly Control<Needed>[] = [notInVolume, onlyCoreCube];
