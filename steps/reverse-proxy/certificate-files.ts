/** Your own certificate (`tls: files`): is it usable, and is it what lies in the install? */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { PATH, UID } from '../shared/layout.ts';
import type { Context, ProxyAnswers } from './look.ts';

/** The certificates of a PEM file, leaf first. */
export function chainOf(pem: string): X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []).map(
    (block) => new X509Certificate(block),
  );
}

/** How many milliseconds of its life a certificate must have left: seven days, or a fifth of a shorter life. */
export function leastRemaining(validFrom: Date, validTo: Date): number {
  return Math.min(7 * 86_400_000, (validTo.getTime() - validFrom.getTime()) / 5);
}

/** Key sizes that clients take at least (RFC 9325, 4.1; CA/Browser Forum, baseline requirements, 6.1.5). */
const LEAST_BITS: Readonly<Record<string, number>> = { rsa: 2048, 'rsa-pss': 2048, ec: 256 };
/** Signature algorithms over SHA-1 or MD5, as object identifiers in DER, in hexadecimal (RFC 8017, RFC 3279). */
const WEAK_SIGNATURES: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'MD5',
  '2a864886f70d010105': 'SHA-1',
  '2b0e03021d': 'SHA-1',
  '2a8648ce3d0401': 'SHA-1',
};
/** Purposes that a server may use it for (RFC 5280, 4.2.1.12): this one, or any. */
const SERVER_PURPOSES: readonly string[] = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'];

/** The object identifier of a certificate's signature: its second part (RFC 5280, 4.1), told by walking over the first. */
function signatureOid({ raw }: X509Certificate): string {
  /** Where the content of the DER element at `at` begins and ends. */
  const element = (at: number): [number, number] => {
    const short = raw[at + 1] as number;
    const more = short < 0x80 ? 0 : short & 0x7f;
    const begin = at + 2 + more;
    return [begin, begin + (more === 0 ? short : raw.readUIntBE(at + 2, more))];
  };
  const [body] = element(0);
  const [algorithm] = element(element(body)[1]);
  const [begin, end] = element(algorithm);
  return raw.subarray(begin, end).toString('hex');
}

/** What clients refuse in a certificate whoever it is for: a short key, a broken signature. */
function weaknesses(certificate: X509Certificate): string[] {
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: details } = certificate.publicKey;
  const least = LEAST_BITS[type];
  // The name of a curve holds its size: prime256v1, secp224r1, brainpoolP384r1.
  const bits = details?.modulusLength ?? Number(/\d{3}/.exec(details?.namedCurve ?? '')?.[0] ?? Number.NaN);
  const hash = WEAK_SIGNATURES[signatureOid(certificate)];
  const isRoot = certificate.checkIssued(certificate);
  return [
    ...(least !== undefined && bits < least ? [`has a key of ${bits} bits, and clients want ${least}`] : []),
    // A root is trusted for being known: nobody looks at its signature.
    ...(hash !== undefined && !isRoot ? [`is signed over ${hash}, which clients refuse`] : []),
  ];
}

/** What is wrong with a certificate chain and its key, in the operator's words; empty when it can be served. */
export function certificateProblems(pem: string, keyPem: string, domain: string, now: Date): string[] {
  let chain: X509Certificate[];
  try {
    chain = chainOf(pem);
  } catch {
    return ['the certificate cannot be parsed'];
  }
  const [leaf] = chain;
  if (!leaf) return ['the certificate file holds no PEM certificate'];
  const problems: string[] = [];
  if (leaf.checkHost(domain) === undefined) {
    problems.push(`the first certificate is for ${leaf.subjectAltName ?? leaf.subject}, not for ${domain}`);
  }
  const from = new Date(leaf.validFrom);
  const to = new Date(leaf.validTo);
  if (now < from) problems.push(`it is not valid before ${from.toISOString()}`);
  if (now >= to) problems.push(`it ran out on ${to.toISOString()}`);
  else if (to.getTime() - now.getTime() < leastRemaining(from, to)) {
    problems.push(`it runs out on ${to.toISOString()}`);
  }
  const { keyUsage: purposes } = leaf;
  // Node's name for the extended key usage; without one every purpose is allowed.
  if (purposes !== undefined && !purposes.some((purpose) => SERVER_PURPOSES.includes(purpose)))
    problems.push('it is not for servers: its extended key usage lacks serverAuth');
  for (const [index, certificate] of chain.entries())
    problems.push(...weaknesses(certificate).map((what) => `certificate ${index + 1} of the chain ${what}`));
  for (const [index, certificate] of chain.slice(0, -1).entries()) {
    const issuer = chain[index + 1] as X509Certificate;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      problems.push(`certificate ${index + 2} of the chain did not issue certificate ${index + 1}`);
    }
  }
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem)))
      problems.push('the key belongs to another certificate');
  } catch {
    problems.push('the key cannot be parsed, or it is protected by a passphrase');
  }
  return problems;
}

/** Source files as answered, else the copies in the install (the sources may be gone after the first run). */
async function pair(host: HostReader, certificate: string, key: string) {
  const [pem, secret] = await Promise.all([host.readText(certificate), host.readSecret(key)]);
  return pem === undefined || secret === undefined ? undefined : { pem, key: secret };
}

export const sources = ({ host, answers }: Pick<Context, 'host' | 'answers'>) =>
  answers.tlsCertificate === undefined || answers.tlsKey === undefined
    ? Promise.resolve(undefined)
    : pair(host, answers.tlsCertificate, answers.tlsKey);
const copies = (host: HostReader) => pair(host, PATH.tlsCertificate, PATH.tlsKey);

const notFiles = (context: Context): Verdict | undefined =>
  context.answers.tls === 'files' ? undefined : skip(`the certificate comes from: ${context.answers.tls}`);

const usable: Control<ProxyAnswers> = {
  id: 'tls.files-usable',
  title: 'Your certificate covers the name, fits its key, is valid and strong enough',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 5280', 'RFC 6125', 'RFC 9325 section 4.1'],
  how: 'Parses the chain and its key and checks name, validity, purpose, issuers, strength of keys and signatures, and that they belong together; only where the certificate is your own.',
  threat: 'Clients refuse the connection, or people learn to click warnings away.',
  remedy:
    'Put a valid chain for a server (leaf first; RSA of 2048 bits or EC of 256, SHA-256) and its unencrypted key where tlsCertificate and tlsKey point.',
  impact: 'A restart of the proxy: open streams end.',
  manual: true,
  async inspect(context) {
    const off = notFiles(context);
    if (off) return off;
    const { host, answers } = context;
    const given = await sources(context);
    const files = given ?? (await copies(host));
    if (!files) {
      return fail(
        `${answers.tlsCertificate} or ${answers.tlsKey} does not exist`,
        'a certificate chain and its key',
      );
    }
    const problems = certificateProblems(files.pem, files.key.reveal(), answers.domain, host.now());
    if (problems.length > 0) return fail(problems.join('; '), `a valid certificate for ${answers.domain}`);
    const leaf = chainOf(files.pem)[0] as X509Certificate;
    const where = given ? '' : '; the files it came from are gone, the copies are judged';
    return pass(`valid until ${new Date(leaf.validTo).toISOString()}${where}`);
  },
};

const copied: Control<ProxyAnswers> = {
  id: 'tls.files-copied',
  title: 'The install holds your certificate, and the key is readable for the proxy only',
  severity: 'required',
  section: 'tls',
  refs: ['CWE-732'],
  how: 'Compares the copies in the install with the files that were named, and reads their mode and owner; only where the certificate is your own.',
  threat: 'A renewed certificate is never served, or others on this host read the key.',
  remedy: 'Apply again: the files are copied and the proxy is restarted.',
  impact: 'A restart of the proxy: open streams end.',
  async inspect(context) {
    const off = notFiles(context);
    if (off) return off;
    const { host } = context;
    const [given, held] = await Promise.all([sources(context), copies(host)]);
    if (!held) return fail('the copies do not exist', `${PATH.tlsCertificate} and ${PATH.tlsKey}`);
    if (given && (given.pem !== held.pem || given.key.reveal() !== held.key.reveal())) {
      return fail(
        'the files you named hold another certificate or key',
        'the same certificate in the install',
      );
    }
    for (const path of [PATH.tlsCertificate, PATH.tlsKey]) {
      const stat = await host.stat(path);
      if (!stat) return unknown(`${path} disappeared while it was looked at`);
      if (stat.kind !== 'file' || stat.mode !== 0o600 || stat.uid !== UID.proxy) {
        const seen = `${path} is a ${stat.kind} with mode 0${stat.mode.toString(8)} owned by ${stat.uid}`;
        return fail(seen, `a file with mode 0600 owned by ${UID.proxy}`);
      }
    }
    const where = given ? 'copied' : 'the files it came from are gone, the copies are there';
    return pass(`${where}, mode 0600, owned by ${UID.proxy}`);
  },
};

export const fileControls: readonly Control<ProxyAnswers>[] = [usable, copied];
