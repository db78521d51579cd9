/** A private authority and the server certificates it signs (ECDSA P-256, X.509 v3, RFC 5280). */
import { createPrivateKey, createPublicKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { Secret } from '../../src/core/secret.ts';

/** A certificate and its private key, both PEM; the key is PKCS #8. */
export interface Issued {
  readonly certificate: string;
  readonly key: Secret;
}

const DAY = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Clocks of other machines run behind; valid from one hour ago. */
const SKEW = 3_600_000;

/** Years an authority is valid. Replacing it means restarting everything that trusts it. */
const AUTHORITY_YEARS = 10;
/** Days a server certificate is valid: what Apple's and others' clients accept at most. */
const SERVER_DAYS = 825;

/** Loaded only when a certificate is made: it is the largest library of this tool. */
async function library() {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

const newKeys = () =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

async function exportKey(key: webcrypto.CryptoKey): Promise<Secret> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return new Secret(
    createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8' })
      .toString(),
  );
}

/** 127 random bits, positive, never zero (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

/** A new authority: it may sign server certificates, and no further authorities. */
export async function createAuthority(name: string, now: Date): Promise<Issued> {
  const x509 = await library();
  const keys = await newKeys();
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + AUTHORITY_YEARS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    notBefore: new Date(now.getTime() - SKEW),
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

/** What a server certificate is valid for. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly addresses?: readonly string[];
}

/**
 * A server certificate with its own new key, signed by the authority. Never valid beyond its authority.
 * @throws when the authority's key does not belong to its certificate
 */
export async function issueServerCertificate(
  authority: Issued,
  names: ServerNames,
  now: Date,
): Promise<Issued> {
  if (!keyMatches(authority.certificate, authority.key))
    throw new Error('the key of the authority does not belong to its certificate');
  const x509 = await library();
  const issuer = new x509.X509Certificate(authority.certificate);
  const der = createPrivateKey(authority.key.reveal()).export({ format: 'der', type: 'pkcs8' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  const keys = await newKeys();
  const end = Math.min(now.getTime() + SERVER_DAYS * DAY - SKEW, issuer.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${names.dns[0]}`,
    issuer: issuer.subject,
    notBefore: new Date(Math.max(now.getTime() - SKEW, issuer.notBefore.getTime())),
    notAfter: new Date(end),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...names.dns.map((value) => ({ type: 'dns' as const, value })),
        ...(names.addresses ?? []).map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

const PEM_CERTIFICATE =
  /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (X509 |TRUSTED )?CERTIFICATE-----/g;

/** Every certificate of a PEM file, in order, each as it stands there. */
export const certificatesIn = (pem: string): readonly string[] => pem.match(PEM_CERTIFICATE) ?? [];

/** SHA-256 fingerprints of the certificates of a PEM file, in order; what is no certificate is left out. */
export const fingerprintsIn = (pem: string): readonly string[] =>
  certificatesIn(pem).flatMap((text) => {
    try {
      return [new X509Certificate(text).fingerprint256];
    } catch {
      return [];
    }
  });

/** True when the private key is the one that the certificate speaks of; false also when either cannot be read. */
export function keyMatches(certificate: string, key: Secret): boolean {
  try {
    const mine: KeyObject = createPublicKey(createPrivateKey(key.reveal()));
    return new X509Certificate(certificate).publicKey.equals(mine);
  } catch {
    return false;
  }
}

/** What is wrong with a server certificate, in one clause; undefined when it is good for `days` more days. */
export function certificateProblem(
  certificate: string,
  authority: string,
  name: string,
  now: Date,
  days: number,
): string | undefined {
  let leaf: X509Certificate;
  let issuer: X509Certificate;
  try {
    leaf = new X509Certificate(certificate);
    issuer = new X509Certificate(authority);
  } catch {
    return 'it is not a PEM certificate';
  }
  for (const [which, one] of [
    ['it', leaf],
    ['its authority', issuer],
  ] as const) {
    if (new Date(one.validFrom) > now) return `${which} is not valid before ${one.validFrom}`;
    if (new Date(one.validTo).getTime() < now.getTime() + days * DAY)
      return `${which} runs out on ${one.validTo}`;
  }
  if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey))
    return 'the authority of this install did not sign it';
  if (leaf.checkHost(name) === undefined) return `it is not for the name ${name}`;
  return undefined;
}
