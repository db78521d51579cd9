import { generateKeyPairSync, sign } from 'node:crypto';

const tlv = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'hex') : p)));
  const size = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: readonly (Buffer | string)[]) => tlv(0x30, ...parts);
/** What may be wrong with a certificate; nothing is unless told. */
export interface Flaws {
  /** Bits of an RSA key; P-256 unless told. */
  readonly rsa?: number;
  readonly hash?: 'sha1' | 'sha256';
  /** The one purpose of its extended key usage; it has none unless told. */
  readonly purpose?: 'clientAuth' | 'serverAuth';
}
const SIGNATURES = {
  ec: { sha1: '06072a8648ce3d0401', sha256: '06082a8648ce3d040302' },
  rsa: { sha1: '06092a864886f70d0101050500', sha256: '06092a864886f70d01010b0500' },
} as const;
const PURPOSES = { serverAuth: '06082b06010505070301', clientAuth: '06082b06010505070302' } as const;
const generalizedTime = (date: Date) =>
  tlv(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`));
const commonName = (name: string) =>
  sequence(tlv(0x31, sequence('0603550403', tlv(0x0c, Buffer.from(name)))));

/** A certificate for one DNS name (RFC 5280), signed by its own key, with that key: enough to be judged by the tests. */
export function tinyCertificate(
  dns: string,
  from: Date,
  to: Date,
  { rsa, hash = 'sha256', purpose }: Flaws = {},
): { pem: string; key: string } {
  const { publicKey, privateKey } =
    rsa === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: rsa });
  const signature = sequence(SIGNATURES[rsa === undefined ? 'ec' : 'rsa'][hash]);
  const names = tlv(0x04, sequence(tlv(0x82, Buffer.from(dns))));
  const body = sequence(
    tlv(0xa0, '020102'),
    '020101',
    signature,
    // Another name than its own: a root is judged by other rules.
    commonName('issuer'),
    sequence(generalizedTime(from), generalizedTime(to)),
    commonName(dns),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(
      0xa3,
      sequence(
        sequence('0603551d11', names),
        ...(purpose === undefined ? [] : [sequence('0603551d25', tlv(0x04, sequence(PURPOSES[purpose])))]),
      ),
    ),
  );
  const der = sequence(body, signature, tlv(0x03, '00', sign(hash, body, privateKey)));
  // No empty line at the end, whatever the length: signatures differ in theirs, and a PEM with one cannot be read.
  const lines = der
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n');
  return {
    pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
