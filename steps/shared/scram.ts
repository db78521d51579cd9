/** SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677), computed here so that a password never travels to the server. */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../src/core/secret.ts';

/** RFC 7677 asks for 4096 at least; PostgreSQL's own default is 4096. Passwords made here carry 240 random bits. */
const ITERATIONS = 4096;

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
  const salted = pbkdf2Sync(plain, salt, iterations, 32, 'sha256');
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
