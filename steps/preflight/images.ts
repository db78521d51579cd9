/** The images: here, made for this processor, and of a known documentation generation. */

import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import { type Change, fail, pass, unknown } from '../../src/core/step.ts';
import { imagesOf } from '../compose/render.ts';
import { composeDocument } from '../shared/compose-file.ts';
import { type Image, image } from '../shared/docker.ts';
import { engine } from '../shared/engine.ts';
import { withoutPin } from '../shared/images.ts';
import { releaseOf } from '../shared/release.ts';
import { rememberedPin } from '../shared/remembered-pins.ts';
import { ID, type Needed, type PreflightControl, withEngine } from './common.ts';

interface Wanted {
  /** What is pulled and run: the pin of an earlier run, else the answer. */
  readonly reference: string;
  readonly local: Image | undefined;
}

/** What each service shall run. A pin that an earlier run made for the same answer is kept; needs no engine. */
async function references(host: HostReader, answers: Needed): Promise<readonly string[]> {
  const document = await composeDocument(host);
  return Promise.all(
    Object.entries(imagesOf(answers)).map(async ([service, answer]) => {
      const written = document?.getIn(['services', service, 'image']);
      if (typeof written === 'string' && written.includes('@') && withoutPin(written) === answer)
        return written;
      return (await rememberedPin(host, answers.projectName, service, answer))?.reference ?? answer;
    }),
  );
}

/** Every image of the answers with what is here of it. Shared within a snapshot. */
function wanted(host: HostReader, answers: Needed): Promise<readonly Wanted[]> {
  return host.once('wanted images', async () =>
    Promise.all(
      (await references(host, answers)).map(async (reference) => ({
        reference,
        local: await image(host, reference),
      })),
    ),
  );
}

const present: PreflightControl = {
  id: ID.images,
  title: 'Every image is on this host',
  severity: 'required',
  section: 'docker-security',
  refs: ['CIS Docker 4.2'],
  how: 'Asks the engine for each image by the reference that is to run.',
  threat: 'What is not here cannot be rehearsed, pinned or started.',
  remedy: 'Approve the change that pulls them, or bring them with docker load.',
  impact: 'Disk space and network traffic.',
  inspect: ({ host, answers }) =>
    withEngine(host, async () => {
      const all = await wanted(host, answers);
      const absent = all.filter((w) => w.local === undefined).map((w) => w.reference);
      return absent.length === 0
        ? pass(all.map((w) => w.reference).join(', '))
        : fail(`not on this host: ${absent.join(', ')}`, 'all of them local');
    }),
};

/** Docker's names of the processors, by the kernel's names that `docker info` gives. */
const ARCHITECTURE: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm',
  armv6l: 'arm',
  i686: '386',
  i386: '386',
};

const architecture: PreflightControl = {
  id: 'docker.architecture',
  title: "The images are made for this host's processor",
  severity: 'required',
  section: 'docker-security',
  manual: true,
  how: "Compares the architecture and operating system of each local image with the engine's own.",
  threat:
    'An image for another processor does not start, or runs in an emulation that is slow and differs in what it isolates.',
  remedy: 'Use an image that is published for this processor, or a host with the processor of the image.',
  impact: 'None.',
  inspect: ({ host, answers }) =>
    withEngine(host, async (info) => {
      const mine = ARCHITECTURE[info.Architecture] ?? info.Architecture;
      const here = (await wanted(host, answers)).filter((w) => w.local !== undefined);
      const other = here.filter((w) => w.local?.Architecture !== mine || w.local.Os !== 'linux');
      if (other.length > 0)
        return fail(
          other.map((w) => `${w.reference} is for ${w.local?.Os}/${w.local?.Architecture}`).join(', '),
          `linux/${mine}`,
        );
      if (here.length < Object.keys(imagesOf(answers)).length)
        return unknown('not all images are on this host yet', ID.images);
      return pass(`linux/${mine}`);
    }),
};

const releaseKnown: PreflightControl = {
  id: 'release.known',
  title: 'The documentation generation of the image is known',
  severity: 'required',
  section: 'encryption-key-management',
  manual: true,
  how: 'Takes the answer, else what compose.yaml records for this image, else starts the image once without network and data and reads what it does.',
  threat:
    'PGVECTOR_URL is the least privileged connection in guide v1 and the most privileged one in v2, and v2 ignores the key file: a wrong guess hands out rights or loses credentials.',
  remedy:
    'Ask where you got the image which hardening guide belongs to it, and answer --release v1 or --release v2.',
  impact: 'None.',
  // A rehearsal may take its whole deadline, on a slow machine with a slow removal after it.
  timeoutMs: 45_000,
  async inspect({ host, answers }) {
    if (answers.release === 'auto' && (await engine(host)).state !== 'ready')
      return withEngine(host, () => unknown('Docker Engine does not answer', ID.reachable));
    const found = await releaseOf(host, answers);
    switch (found.release) {
      case 'unavailable':
        return unknown(found.evidence, ID.images);
      case 'ambiguous':
        return fail(found.evidence, 'the answer release: v1 or v2, because the image does not tell');
      default:
        return pass(`guide ${found.release}: ${found.evidence}`);
    }
  },
};

export const imageControls: readonly PreflightControl[] = [present, architecture, releaseKnown];

/** One change that pulls what is not here; images that are here are never pulled anew, so a tag does not move by itself. */
export function pullImages(references: readonly string[]): Change {
  return {
    id: 'preflight.pull-images',
    summary: `Pull ${references.join(', ')}`,
    async apply(host) {
      for (const reference of references) if (!(await image(host, reference))) await pull(host, reference);
    },
  };
}

/** References that the plan pulls: all of them while there is no engine to ask. */
export async function absentImages(host: HostReader, answers: Needed): Promise<readonly string[]> {
  if ((await engine(host)).state !== 'ready') return [...new Set(await references(host, answers))];
  const absent = (await wanted(host, answers)).filter((w) => w.local === undefined);
  return [...new Set(absent.map((w) => w.reference))];
}

/** Milliseconds. A large image over a slow line; Docker itself gives up on a line that is silent. */
const PULL_DEADLINE = 30 * 60_000;

/**
 * What a person wants to know of a pull: how many of its layers are here. Docker's own lines name layers by a hash.
 * @returns for each line that `docker pull` writes without a terminal, what is to be said
 */
export function layerCount(reference: string): (line: string) => string {
  const layers = new Map<string, boolean>();
  return (line) => {
    const [, layer, state = ''] = /^([0-9a-f]{12}): (.*)$/.exec(line.trim()) ?? [];
    if (layer === undefined) return line;
    layers.set(layer, (layers.get(layer) ?? false) || /^(Pull complete|Already exists)/.test(state));
    const here = [...layers.values()].filter(Boolean).length;
    return `${reference}: ${here} of ${layers.size} ${layers.size === 1 ? 'layer is' : 'layers are'} here`;
  };
}

async function pull(host: Host, reference: string): Promise<void> {
  host.progress(`pulling ${reference}`);
  const told = layerCount(reference);
  const result = await host.run(['docker', 'pull', reference], {
    timeoutMs: PULL_DEADLINE,
    onLine: (line) => host.progress(told(line)),
  });
  if (result.code === 0) return;
  const lines = `${result.stdout}\n${result.stderr}`
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean);
  const said = lines.at(-1) ?? `docker pull ended with ${result.code}`;
  throw new ChangeError(
    'image',
    `${reference} cannot be pulled: ${said}`,
    remedyFor(said, reference),
    lines.slice(-15),
  );
}

/** What to do about a pull that failed, by the words of the registry. */
export function remedyFor(said: string, reference: string): string {
  const load = `or bring the image with docker load, and run this again`;
  if (/manifest unknown|not found|does not exist/i.test(said) && !/no such host/i.test(said))
    return `Check the name and the tag of ${reference}; if the repository is private, docker login first.`;
  if (/unauthorized|denied|authentication required|no basic auth/i.test(said))
    return `Log in to the registry of ${reference} with docker login as the user who runs this, ${load}.`;
  if (/toomanyrequests|rate limit/i.test(said))
    return `Log in with docker login, or wait until the limit is over, ${load}.`;
  if (/no space left/i.test(said)) return 'Free disk space (docker system df), then run this again.';
  if (/no matching manifest|exec format|platform/i.test(said))
    return `The registry has no ${reference} for this processor; choose another tag or another host.`;
  if (/x509|certificate/i.test(said))
    return `The registry's certificate is not trusted; put its authority into /etc/docker/certs.d, ${load}.`;
  if (/server gave HTTP response to HTTPS client/i.test(said))
    return `The registry speaks plain HTTP; give it a certificate, ${load}.`;
  if (
    /no such host|server misbehaving|dial tcp|proxyconnect|timeout|timed out|refused|unreachable|EOF|deadline|reset|canceled|no end after/i.test(
      said,
    )
  )
    return `Check name resolution, proxy and firewall between this host and the registry, ${load}.`;
  return `Correct what Docker says, ${load}.`;
}
