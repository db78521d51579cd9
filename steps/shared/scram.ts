/** What PostgreSQL keeps of a password (RFC 5802, RFC 7677), computed here so that a password never travels to the server. */
import { createHash, createHmac, pbkdf2, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Secret } from '../../src/core/secret.ts';

/** RFC 7677 asks for 4096 at least; PostgreSQL's own default is 4096. Passwords made here carry 240 random bits. */
export const ITERATIONS = 4096;

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/**
 * What PostgreSQL keeps in `pg_authid.rolpassword` and takes in `PASSWORD '…'`:
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 * @param salt 16 random bytes
 * @throws when the password has other characters than ASCII, which SASLprep (RFC 4013) might change
 */
export function scramVerifier(password: Secret | string, salt: Uint8Array, iterations = ITERATIONS): string {
  const plain = typeof password === 'string' ? password : password.reveal();
  if (!/^[\x20-\x7e]+$/.test(plain))
    throw new Error('the password has characters beyond ASCII; take one of letters, digits, _ and -');
  return fromSalted(pbkdf2Sync(plain, salt, iterations, 32, 'sha256'), salt, iterations);
}

function fromSalted(salted: Buffer, salt: Uint8Array, iterations: number): string {
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const server = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${stored}:${server}`;
}

const VERIFIER = /SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/]{43}=):([A-Za-z0-9+/]{43}=)/g;

/** Every verifier that a text holds, in order. */
export const verifiersIn = (text: string): readonly string[] => [...text.matchAll(VERIFIER)].map((m) => m[0]);

/** True when the verifier was made from this password; a plain text is for words that are no secret. */
export function verifies(password: Secret | string, verifier: string): boolean {
  const [match] = [...verifier.matchAll(VERIFIER)];
  if (!match) return false;
  const [, iterations, salt] = match as unknown as [string, string, string];
  const own = scramVerifier(password, Buffer.from(salt, 'base64'), Number(iterations));
  const [a, b] = [Buffer.from(own), Buffer.from(match[0])];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** One verifier and nothing around it. */
const WHOLE = new RegExp(`^${VERIFIER.source}$`);
/** What PostgreSQL keeps under `password_encryption = md5`: `md5` and the MD5 of password and role name, hex (PostgreSQL, 53.5). */
const MD5 = /^md5[0-9a-f]{32}$/;
/** More rounds than these are not tried: a dozen words under them would keep the processor for minutes. */
const MOST_ITERATIONS = 1_000_000;

/**
 * Whether what the server keeps for a role was made from one of these words, which are no secrets. Undefined when that
 * cannot be told: the verifier is of an unknown kind, asks for more than a million rounds, or a word has characters that
 * SASLprep (RFC 4013) might change.
 */
export async function madeFromOne(
  words: readonly string[],
  role: string,
  verifier: string,
): Promise<boolean | undefined> {
  if (MD5.test(verifier))
    return words.some(
      (word) => `md5${createHash('md5').update(`${word}${role}`).digest('hex')}` === verifier,
    );
  const [, rounds = '', salt = ''] = WHOLE.exec(verifier) ?? [];
  const iterations = Number(rounds);
  if (iterations < 1 || iterations > MOST_ITERATIONS) return undefined;
  const plain = words.filter((word) => /^[\x20-\x7e]+$/.test(word));
  const bytes = Buffer.from(salt, 'base64');
  for (const word of plain) {
    const salted = await promisify(pbkdf2)(word, bytes, iterations, 32, 'sha256');
    if (fromSalted(salted, bytes, iterations) === verifier) return true;
  }
  return plain.length === words.length ? false : undefined;
}
