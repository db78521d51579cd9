/** The encryption key as the running CoreCube has it: proved from inside the container and in the data volume. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { type Container, containerOf, docker, execIn, isSteady } from '../shared/docker.ts';
import { HELPER_LABEL, KEY_IN_CONTAINER, PATH, SERVICE, UID, VOLUME } from '../shared/layout.ts';

type Needed = Pick<Answers, 'projectName'>;
const UP = `running.${SERVICE.app}-up`;
const SECTION = 'encryption-key-management';
const PATHS = Object.values(KEY_IN_CONTAINER);

/** Runs the look in the running CoreCube, or says that it does not run: one that crashes answers nothing, or by chance. */
async function inside(
  host: HostReader,
  project: string,
  look: (container: Container) => Promise<Verdict>,
): Promise<Verdict> {
  const container = await containerOf(host, project, SERVICE.app);
  return container && isSteady(container)
    ? look(container)
    : unknown(`${SERVICE.app} does not run, or is not healthy`, UP);
}

/** 126 and 127: the program could not be run at all, so nothing was learned about the file. */
const couldNotRun = (code: number) => code === 126 || code === 127;

/**
 * SHA-256 of the key at each place where CoreCube's uid can read it; of 256 random bits a digest gives nothing away.
 * `missing` says why it is not known of each place whether it can be read.
 */
function digestsInside(
  host: HostReader,
  container: Container,
): Promise<{ digests: ReadonlyMap<string, string>; missing?: string }> {
  return host.once(`key digests ${container.Id}`, async () => {
    const user = `${UID.app}:${UID.app}`;
    const look = await execIn(host, container, ['sha256sum', ...PATHS], { user });
    if (couldNotRun(look.code))
      return { digests: new Map(), missing: 'the image has no sha256sum to look with' };
    const rows = [...look.stdout.matchAll(/^([0-9a-f]{64})\s+\*?(\S+)$/gm)];
    const digests = new Map(rows.map(([, digest = '', path = '']) => [path, digest]));
    // A place that was read has a digest, and one that was refused a reason. Neither: the command itself was cut short.
    const reasons = look.stderr
      .split('\n')
      .filter((line) => /permission denied|no such file|directory/i.test(line));
    const untold = PATHS.filter((path) => !digests.has(path) && !reasons.some((line) => line.includes(path)));
    return untold.length === 0
      ? { digests }
      : { digests, missing: `sha256sum ended with ${look.code}: ${look.stderr.trim() || 'no word'}` };
  });
}

export const keyControls: readonly Control<Needed>[] = [
  {
    id: 'key.readable-inside',
    title: 'CoreCube can read the key where both generations look for it',
    severity: 'required',
    section: SECTION,
    how: "Runs sha256sum as CoreCube's uid inside its container at both places of the key.",
    threat: 'A key that cannot be read is replaced by a throw-away key, silently.',
    remedy: `Apply recreates the container; check the owner of ${PATH.key}.`,
    impact: 'A restart of CoreCube.',
    inspect: ({ host, answers }) =>
      inside(host, answers.projectName, async (container) => {
        const { digests, missing } = await digestsInside(host, container);
        if (missing) return unknown(missing);
        const unread = PATHS.filter((path) => !digests.has(path));
        return unread.length === 0
          ? pass(`uid ${UID.app} reads ${PATHS.join(' and ')}`)
          : fail(`uid ${UID.app} cannot read ${unread.join(' and ')}`, 'readable at both places');
      }),
  },
  {
    id: 'key.unreadable-by-others',
    title: 'Another uid in the container cannot read the key',
    severity: 'required',
    section: SECTION,
    refs: ['CWE-732'],
    how: 'Tries to open the key as uid 65534 inside the container with wc -c, which would print a size and no key.',
    threat: 'Any process in the container would have the key.',
    remedy: `chmod 600 ${PATH.key}`,
    impact: 'None for CoreCube; whoever else read the key no longer can.',
    inspect: ({ host, answers }) =>
      inside(host, answers.projectName, async (container) => {
        // wc -c opens the file and prints a number: the key itself never comes out.
        const look = await execIn(host, container, ['wc', '-c', ...PATHS], { user: '65534:65534' });
        if (couldNotRun(look.code)) return unknown('the image has no wc to look with');
        const read = PATHS.filter((path) => new RegExp(`^\\s*\\d+ ${path}$`, 'm').test(look.stdout));
        if (read.length > 0) return fail(`uid 65534 reads ${read.join(' and ')}`, 'permission denied');
        const denied = look.stderr.match(/permission denied/gi)?.length ?? 0;
        return denied >= PATHS.length
          ? pass('tried as uid 65534: permission denied')
          : unknown(`the attempt ended otherwise: ${look.stderr.trim()}`);
      }),
  },
  {
    id: 'key.same-inside',
    title: 'The key inside the container is the key of this install',
    severity: 'required',
    section: SECTION,
    how: "Compares SHA-256 digests of the key, taken inside the container, with the digest of the install's key file, and looks for another key in ENCRYPTION_KEY.",
    threat: 'CoreCube would encrypt under another key than the one that is backed up.',
    remedy: 'Apply recreates the container, so that it mounts the file that is there now.',
    impact: 'A restart of CoreCube.',
    inspect: ({ host, answers }) =>
      inside(host, answers.projectName, async (container) => {
        const key = await host.readSecret(PATH.key);
        if (!key) return unknown(`${PATH.key} is not there to compare with`);
        const digest = createHash('sha256').update(key.reveal()).digest('hex');
        // Guide v2 takes this variable before any file.
        const inline = container.Config.Env?.find((e) => e.startsWith('ENCRYPTION_KEY='))?.slice(15);
        if (inline && inline.toLowerCase() !== key.reveal().trim().toLowerCase())
          return fail('another key in the variable ENCRYPTION_KEY', `the content of ${PATH.key}`);
        const { digests, missing } = await digestsInside(host, container);
        if (missing) return unknown(missing);
        const different = PATHS.filter((path) => digests.has(path) && digests.get(path) !== digest);
        if (different.length > 0) {
          return fail(`another content at ${different.join(' and ')}`, `the content of ${PATH.key}`);
        }
        return digests.size === PATHS.length
          ? pass(`the same content at ${PATHS.join(' and ')}`)
          : unknown('it cannot be read inside', 'key.readable-inside');
      }),
  },
  {
    id: 'key.none-of-its-own',
    title: 'CoreCube has written no key of its own into the data volume',
    severity: 'required',
    section: SECTION,
    how: "Lists files with content and a key's name at the top of the data volume, directly or through a helper container.",
    threat:
      'A key beside the data it protects protects nothing, and is lost with the volume; and it shows that the given key is not used.',
    remedy: `Keep a copy of the found key: credentials may be encrypted under it. Then see which key the server uses before anything is redeployed.`,
    impact: 'None by itself.',
    manual: true,
    inspect: ({ host, answers }) =>
      inside(host, answers.projectName, async (container) => {
        const found = await keyFilesInVolume(host, `${answers.projectName}_${VOLUME.data}`, container.Image);
        return found.length === 0
          ? pass('the volume holds no key file with content')
          : fail(`the volume holds ${found.join(', ')}`, 'no key in the volume');
      }),
  },
];

/**
 * Names at the top of a volume as this host sees it; undefined where it does not: a driver may name no place at all, and
 * what is mounted in the engine's own namespace only is an empty directory here.
 */
export async function listed(host: HostReader, place: string): Promise<readonly string[] | undefined> {
  const names = place.startsWith('/') ? await host.list(place).catch(() => undefined) : undefined;
  return names?.length === 0 ? undefined : names;
}

/**
 * Names of key files with content in the data volume itself. The mounted key leaves an empty file of that name
 * there (its mount point), which does not count. Looks directly where this user may, else through a container.
 */
async function keyFilesInVolume(host: HostReader, volume: string, image: string): Promise<readonly string[]> {
  const isKey = (name: string) => /encryption|\.key$/i.test(name);
  const inspected = await docker(host, ['volume', 'inspect', '--format', '{{.Mountpoint}}', volume]);
  if (inspected.code !== 0)
    throw new Error(`the volume ${volume} cannot be looked at: ${inspected.stderr.trim()}`);
  const place = inspected.stdout.trim();
  const names = await listed(host, place);
  if (names) {
    const sizes = await Promise.all(
      names
        .filter(isKey)
        .map(async (name) => ({ name, size: (await host.stat(join(place, name)))?.size ?? 0 })),
    );
    return sizes.filter((f) => f.size > 0).map((f) => `${f.name} (${f.size} bytes)`);
  }
  const options = [
    '--rm',
    '--network',
    'none',
    '--read-only',
    '--pull',
    'never',
    '--label',
    `${HELPER_LABEL}=look`,
    '--user',
    '0:0',
    '--cap-drop',
    'ALL',
    '--cap-add',
    'DAC_READ_SEARCH',
  ];
  const look = await docker(host, [
    'run',
    ...options,
    '--volume',
    `${volume}:/look:ro`,
    '--entrypoint',
    'find',
    image,
    '/look',
    '-maxdepth',
    '1',
    '-type',
    'f',
    '-size',
    '+0c',
  ]);
  if (look.code !== 0) throw new Error(`the volume ${volume} cannot be looked at: ${look.stderr.trim()}`);
  return look.stdout
    .split('\n')
    .map((line) => line.replace('/look/', ''))
    .filter((name) => name !== '' && isKey(name));
}
