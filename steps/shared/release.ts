/** Which documentation generation an image follows: by answer, by what this install recorded, else by rehearsal. */
import type { HostReader, Rehearsal } from '../../src/core/host.ts';
import type { Answers } from '../questions.ts';
import { composeDocument } from './compose-file.ts';
import { image } from './docker.ts';
import { withoutPin } from './images.ts';
import { KEY_IN_CONTAINER, PATH, RELEASE_LABEL, SERVICE, UID } from './layout.ts';
import { rememberedPin } from './remembered-pins.ts';
import { uidShift } from './userns.ts';

export type ReleaseAnswers = Pick<Answers, 'release' | 'image' | 'projectName'>;

/** `ambiguous`: the image did not tell, the operator must. `unavailable`: the image is not on this host. */
export interface ReleaseFinding {
  readonly release: 'v1' | 'v2' | 'ambiguous' | 'unavailable';
  /** What was seen, in one sentence. */
  readonly evidence: string;
}

/** A name that can never resolve (RFC 6761), so that an attempt to reach it is told apart from any other trouble. */
const NOWHERE = 'rehearsal.invalid';
/** Milliseconds. An image that still runs then has shown what it does. */
const DEADLINE = 15_000;

/**
 * The generation and how it is known. Shared within a snapshot, so that a rehearsal starts the image at most once.
 * @throws {DockerUnreachable} when the image must be rehearsed and the engine does not answer
 */
export function releaseOf(host: HostReader, answers: ReleaseAnswers): Promise<ReleaseFinding> {
  return host.once(`release ${answers.release} ${answers.image}`, async () => {
    if (answers.release !== 'auto')
      return { release: answers.release, evidence: `the answer says ${answers.release}` };
    const recorded = await recordedRelease(host, answers);
    if (recorded)
      return { release: recorded, evidence: `${PATH.compose} was written for ${recorded} and this image` };
    const wanted = await heldApp(host, answers);
    if (!(await image(host, wanted)))
      return { release: 'unavailable', evidence: `${wanted} is not on this host yet` };
    return judge(await rehearse(host, wanted));
  });
}

/** The generation, or an error that says what the operator must answer; for plans, which cannot go on without it. */
export async function knownRelease(host: HostReader, answers: ReleaseAnswers): Promise<'v1' | 'v2'> {
  const { release, evidence } = await releaseOf(host, answers);
  if (release === 'v1' || release === 'v2') return release;
  throw new Error(`the documentation generation is not known (${evidence}); answer release: v1 or v2`);
}

/** The image that this install holds CoreCube to, where its compose.yaml does not say; else what the answer names. */
async function heldApp(host: HostReader, { projectName, image: reference }: ReleaseAnswers): Promise<string> {
  const pin = await rememberedPin(host, projectName, SERVICE.app, reference);
  return pin?.by === 'id' ? pin.id : (pin?.reference ?? reference);
}

/** What compose.yaml was written for, as long as it still is about the image that the answer names. */
async function recordedRelease(
  host: HostReader,
  { image: reference, projectName }: ReleaseAnswers,
): Promise<'v1' | 'v2' | undefined> {
  const document = await composeDocument(host);
  if (document === undefined) return undefined;
  const written = document.getIn(['services', SERVICE.app, 'image']);
  if (typeof written !== 'string') return undefined;
  // An answer that names a digest means exactly this image; one that names a tag means what the tag was pinned to.
  if (reference.includes('@') ? written !== reference : withoutPin(written) !== reference) return undefined;
  // A tag alone, which nothing here holds to one image, may name another image than the label was written for.
  const isHeld =
    written.includes('@') ||
    document.getIn(['x-corecube-secure', 'images', SERVICE.app, 'id']) !== undefined ||
    (await rememberedPin(host, projectName, SERVICE.app, reference)) !== undefined;
  if (!isHeld) return undefined;
  const label = document.getIn(['services', SERVICE.app, 'labels', RELEASE_LABEL]);
  return label === 'v1' || label === 'v2' ? label : undefined;
}

async function rehearse(host: HostReader, reference: string): Promise<Rehearsal> {
  return host.rehearse({
    image: reference,
    uid: UID.app,
    hostUid: UID.app + (await uidShift(host)),
    dataDir: '/data',
    // A key of its own for the rehearsal, thrown away with it; nothing is ever encrypted under it.
    files: { [KEY_IN_CONTAINER.v1]: '0'.repeat(63).concat('1') },
    env: {
      ENCRYPTION_KEY_FILE: KEY_IN_CONTAINER.v1,
      DATA_DIR: '/data',
      PGVECTOR_URL: `postgresql://nobody:nothing@${NOWHERE}:5432/none`,
      CUBE_ADMIN_EMAIL: 'rehearsal@rehearsal.invalid',
      CUBE_ADMIN_PASSWORD: 'Rehearsal-only-1',
    },
    deadlineMs: DEADLINE,
    // The key is resolved before the database is tried; retries of a name that never resolves teach nothing.
    decided: (log) => triedDatabase(log),
  });
}

const linesWith = (log: string, word: string) => log.split('\n').filter((line) => line.includes(word));

/** The name may be masked in the log; a look-up that fails is as telling, since no other name was given. */
const triedDatabase = (log: string): boolean =>
  log.includes(NOWHERE) || /EAI_AGAIN|ENOTFOUND|getaddrinfo|translate host name/.test(log);

/**
 * v2 demands PGVECTOR_APP_URL (environment reference) and, because it ignores ENCRYPTION_KEY_FILE, writes a key of its
 * own. v1 reads the key file, does neither of the two, and goes on to the database. Whatever shows marks of both, or
 * of none, is a question and not a guess: PGVECTOR_URL means opposite rights in the two.
 */
export function judge({ log, files, ended, code }: Rehearsal): ReleaseFinding {
  const named = linesWith(log, 'PGVECTOR_APP_URL');
  const optional = named.some((line) => /fall(ing|s)? ?back|optional|instead|default/i.test(line));
  const demands = named.length > 0 && !optional;
  const ownKey = files.some((file) => file.name === 'encryption.key');
  const readsFile = linesWith(log, KEY_IN_CONTAINER.v1).some(
    (line) => !/ignor|unsupported|not supported/i.test(line),
  );
  const tried = triedDatabase(log);

  const v2 = [
    ...(demands ? ['demands PGVECTOR_APP_URL'] : []),
    ...(ownKey ? ['wrote a key of its own although the key file variable was set'] : []),
  ];
  const v1 = [
    ...(readsFile ? ['took the key from the key file'] : []),
    ...(optional ? ['does without PGVECTOR_APP_URL'] : []),
    ...(tried && !demands ? ['went on to the database without PGVECTOR_APP_URL'] : []),
  ];
  const how = 'rehearsed without network and data: it';
  if (v2.length > 0 && v1.length === 0) return { release: 'v2', evidence: `${how} ${v2.join(' and ')}` };
  if (v1.length > 0 && v2.length === 0)
    return { release: 'v1', evidence: `${how} ${[...v1, 'wrote no key of its own'].join(', ')}` };
  if (v1.length > 0)
    return {
      release: 'ambiguous',
      evidence: `${how} shows marks of both generations: it ${[...v2, ...v1].join(', ')}`,
    };
  const end = ended === 'exited' ? `ended with code ${code}` : `was still running after ${DEADLINE / 1000} s`;
  const last = log.trim().split('\n').at(-1)?.slice(0, 160) ?? '';
  return {
    release: 'ambiguous',
    evidence: `${how} neither read the key file, nor wrote a key of its own, nor tried the database, and ${end}${last ? `; its last line: ${last}` : ' without a word'}`,
  };
}
