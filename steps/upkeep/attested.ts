/** What an answer in words says of itself: that nothing is done yet, or that it names no place apart. Never more than its words say. */
import { resolve } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';
import { dockerInfo } from '../shared/engine.ts';
import { PATH, VOLUME } from '../shared/layout.ts';

/** A whole answer without a statement, and beginnings that put it off. "No. 3 of the safes" is none of them. */
const OPEN = [
  /^(?:no(?:ne|pe)?|nothing|nowhere|never|unknown|tbd|todo|fixme|n\/?a|not applicable|later|pending)?[\s.,:;?_-]*$/i,
  /^(?:no(?:ne|pe)?|nothing|nowhere)\s*[,;(-]/i,
  /^(?:no(?:ne|pe)?|nothing|nowhere)\s+(?:yet|so far|for now|at the moment|as of now)\b/i,
  /^(?:todo|tbd|fixme|to do|to be (?:done|made|decided)|not (?:yet|done|made)|no (?:copy|backup|dumps?)(?: yet)?\s*$)\b/i,
];
/** True for an answer that says that there is nothing to attest yet. */
export const isOpen = (answer: string): boolean => OPEN.some((words) => words.test(answer.trim()));

const UNENCRYPTED = /\b(?:(?:not|never|isn't|aren't)\s+(?:yet\s+)?encrypted|unencrypted|no encryption)\b/gi;
/** What encrypts, by its usual names: a sentence that names one speaks of something else as not encrypted. */
const ENCRYPTS = /encrypt|crypt|luks|gpg|pgp|\bage\b|bitlocker|filevault|\bkms\b|\bsse\b|opal/i;
/** True for an answer that denies what it is to attest, and names nothing that encrypts beside. */
export const deniesEncryption = (answer: string): boolean =>
  answer.search(UNENCRYPTED) >= 0 && !ENCRYPTS.test(answer.replace(UNENCRYPTED, ''));

/**
 * What an answer in words names that is no place apart: this install's directory, the engine's own storage, a volume of this
 * project, a file of this host, or nothing but a path. Undefined when it names none. What the words do not tell stays the
 * operator's statement.
 */
export async function besideTheData(
  host: HostReader,
  project: string,
  answer: string,
): Promise<string | undefined> {
  const root = (await dockerInfo(host).catch(() => undefined))?.DockerRootDir ?? '/var/lib/docker';
  // A path begins with a slash, or with dots and a slash; the slashes of an address such as https:// do not count.
  const named = answer.replaceAll('file://', '').match(/(?<![\w:/.])\.{0,2}\/[^\s,;:"'()]*/g) ?? [];
  const paths = named.map((path) => resolve(host.dir, path));
  const inside = [host.dir, root].flatMap((dir) =>
    paths.filter((path) => path === dir || path.startsWith(`${dir}/`)),
  );
  if (inside[0] !== undefined) return inside[0];
  if (answer.includes(PATH.key)) return PATH.key;
  const volume = Object.values(VOLUME)
    .map((name) => `${project}_${name}`)
    .find((name) => answer.includes(name));
  if (volume !== undefined) return volume;
  if (/^\/\S*$/.test(answer.trim())) return `${answer.trim()}, a path without another host`;
  for (const path of paths)
    if ((await host.stat(path).catch(() => undefined))?.kind === 'file')
      return `${path}, a file of this host`;
  return undefined;
}
