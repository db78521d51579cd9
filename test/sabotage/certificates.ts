/** Certificates that must not be taken. */
import { readFile } from 'node:fs/promises';
import { Secret } from '../../src/core/secret.ts';
import { createAuthority, issueServerCertificate } from '../../steps/shared/certificates.ts';
import type { Install } from '../e2e/support.ts';

interface Pair {
  readonly certificate: string;
  readonly key: string;
}
const NAMES = { dns: ['pgvector', 'localhost'], addresses: ['127.0.0.1'] };
const pair = ({ certificate, key }: { certificate: string; key: Secret }): Pair => ({
  certificate,
  key: key.reveal(),
});

/** A certificate of the install's own authority that ran out long ago. */
export async function expiredCertificate(install: Install): Promise<Pair> {
  const authority = {
    certificate: await readFile(install.path('secrets/pg_ca.crt'), 'utf8'),
    key: new Secret(await readFile(install.path('secrets/pg_ca.key'), 'utf8')),
  };
  return pair(await issueServerCertificate(authority, NAMES, new Date('2021-01-01T00:00:00Z')));
}

/** A valid certificate for the right names, of an authority that nobody has named. */
export async function foreignCertificate(): Promise<Pair> {
  const now = new Date();
  return pair(await issueServerCertificate(await createAuthority('somebody else', now), NAMES, now));
}
