/** The list of who may sign, in the format ALLOWED SIGNERS of ssh-keygen(1): what ssh-keygen does not say of it. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

interface Allowed {
  /** `SHA256:…` of the key. */
  readonly fingerprint: string;
  /** Patterns of what it may sign; undefined: everything. */
  readonly namespaces: string | undefined;
}

/** More bytes than a list of people ever has. */
const LARGEST = 1_000_000;
const KEY = /(?:^|[\s,"])(?:ssh-[\w@.-]+|ecdsa-sha2-[\w@.-]+|sk-[\w@.-]+)\s+(AAAA[A-Za-z0-9+/]+=*)/;
const NAMESPACES = /\bnamespaces="([^"]*)"/;

/** The keys of the list, or why it says nothing: a list that cannot be used accuses nobody's signature. */
export async function readSigners(path: string): Promise<readonly Allowed[] | string> {
  const text = await plainText(path);
  if (text === undefined) return `the list of signers ${path} is no plain file`;
  if (text instanceof Error) return `the list of signers ${path} cannot be read (${codeOf(text)})`;
  const allowed = text.split('\n').flatMap((line): Allowed[] => {
    const key = line.trimStart().startsWith('#') ? undefined : KEY.exec(line)?.[1];
    if (key === undefined) return [];
    const hash = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
    return [{ fingerprint: `SHA256:${hash.replace(/=+$/, '')}`, namespaces: NAMESPACES.exec(line)?.[1] }];
  });
  return allowed.length > 0 ? allowed : `the list of signers ${path} holds no key`;
}

/**
 * What the list allows a key for, when that is something else alone; undefined when it says nothing of the key, or allows
 * this namespace to it (at another time, say).
 * @param key as ssh-keygen names it: `ED25519 key SHA256:…`
 */
export function listedFor(
  list: readonly Allowed[] | string,
  key: string,
  namespace: string,
): string | undefined {
  const own = typeof list === 'string' ? [] : list.filter(({ fingerprint }) => key.endsWith(fingerprint));
  const others = own.filter(
    ({ namespaces }) =>
      namespaces !== undefined && !/[*?!]/.test(namespaces) && !namespaces.split(',').includes(namespace),
  );
  return own.length > 0 && others.length === own.length
    ? others.map(({ namespaces }) => namespaces).join(', ')
    : undefined;
}

/** The text of a plain file; a pipe is not waited for. Undefined: it is something else, or too large to be a list. */
async function plainText(path: string): Promise<string | undefined | Error> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      return stat.isFile() && stat.size <= LARGEST ? await file.readFile('utf8') : undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const codeOf = (error: Error) => (error as NodeJS.ErrnoException).code ?? error.message;
