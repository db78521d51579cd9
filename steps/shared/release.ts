/** Which documentation generation an image follows: by answer, by what this install recorded, else by rehearsal. */
import { parseDocument } from 'yaml';
import type { HostReader, Rehearsal } from '../../src/core/host.ts';
import type { Answers } from '../questions.ts';
import { image } from './docker.ts';
import { withoutPin } from './images.ts';
import { KEY_IN_CONTAINER, PATH, RELEASE_LABEL, SERVICE, UID } from './layout.ts';

export type ReleaseAnswers = Pick<Answers, 'release' | 'image' | 'projectName'>;

/** `ambiguous`: the image did not tell, the operator must. `unavailable`: the image is not on this host. */
export interface ReleaseFinding {
  readonly release: 'v1' | 'v2' | 'ambiguous' | 'unavailable';
  /** What was seen, in one sentence. */
  readonly evidence: string;
}

/** A name that can never resolve (RFC 6761), so that an attempt to reach it is told apart from any other trouble. */
const NOWHERE = 'rehearsal.invalid';
/** Milliseconds. An image that still runs then has decided what it does. */
const DEADLINE = 15_000;

/** Shared within a snapshot; a rehearsal starts the image at most once. */
export function releaseOf(host: HostReader, answers: ReleaseAnswers): Promise<ReleaseFinding> {
  return host.once(`release ${answers.image}`, async () => {
    if (answers.release !== 'auto')
      return { release: answers.release, evidence: `the answer says ${answers.release}` };
    const recorded = await recordedRelease(host, answers.image);
    if (recorded)
      return { release: recorded, evidence: `${PATH.compose} was written for ${recorded} and this image` };
    if (!(await image(host, answers.image)))
      return { release: 'unavailable', evidence: `${answers.image} is not on this host yet` };
    return judge(await rehearse(host, answers.image));
  });
}

/** The generation, or an error that says what the operator must answer; for plans, which cannot go on without it. */
export async function knownRelease(host: HostReader, answers: ReleaseAnswers): Promise<'v1' | 'v2'> {
  const { release, evidence } = await releaseOf(host, answers);
  if (release === 'v1' || release === 'v2') return release;
  throw new Error(`the documentation generation is not known (${evidence}); answer release: v1 or v2`);
}

async function recordedRelease(host: HostReader, reference: string): Promise<'v1' | 'v2' | undefined> {
  const text = await host.readText(PATH.compose);
  if (text === undefined) return undefined;
  const document = parseDocument(text);
  const label = document.getIn(['services', SERVICE.app, 'labels', RELEASE_LABEL]);
  const written = document.getIn(['services', SERVICE.app, 'image']);
  if (typeof written !== 'string' || withoutPin(written) !== withoutPin(reference)) return undefined;
  return label === 'v1' || label === 'v2' ? label : undefined;
}

function rehearse(host: HostReader, reference: string): Promise<Rehearsal> {
  return host.rehearse({
    image: reference,
    uid: UID.app,
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
  });
}

/**
 * v2 demands PGVECTOR_APP_URL (environment reference) and, because it ignores ENCRYPTION_KEY_FILE, writes a key of its
 * own. v1 does neither and goes on to the database. Whatever fits neither picture is a question, not a guess.
 */
export function judge({ log, files, ended, code }: Rehearsal): ReleaseFinding {
  const demands = /PGVECTOR_APP_URL/.test(log);
  const ownKey = files.some((file) => file.name === 'encryption.key');
  // The name may be masked in the log; a look-up that fails is as telling, since no other name was given.
  const reached = log.includes(NOWHERE) || /EAI_AGAIN|ENOTFOUND|getaddrinfo|translate host name/.test(log);
  const key = ownKey
    ? 'wrote a key of its own although the key file variable was set'
    : 'wrote no key of its own';
  if (demands)
    return { release: 'v2', evidence: `rehearsed without network: it demands PGVECTOR_APP_URL and ${key}` };
  if (!ownKey && reached) {
    return {
      release: 'v1',
      evidence: `rehearsed without network: it ${key}, does not ask for PGVECTOR_APP_URL, and went on to the database`,
    };
  }
  const end = ended === 'exited' ? `ended with ${code}` : `was still running after ${DEADLINE / 1000} s`;
  const last = log.trim().split('\n').at(-1)?.slice(0, 160) ?? '';
  return {
    release: 'ambiguous',
    evidence: `rehearsed without network: it ${key}, asked for no PGVECTOR_APP_URL, ${reached ? 'tried' : 'did not try'} the database, and ${end}${last ? `; its last line: ${last}` : ''}`,
  };
}
