import { generateKeyPairSync, sign } from 'node:crypto';

const tlv = (tag: number, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p, 'hex') : p)));
  const size = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: readonly (Buffer | string)[]) => tlv(0x30, ...parts);
const ECDSA_SHA256 = sequence('06082a8648ce3d040302');
const generalizedTime = (date: Date) =>
  tlv(0x18, Buffer.from(`${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`));
const commonName = (name: string) =>
  sequence(tlv(0x31, sequence('0603550403', tlv(0x0c, Buffer.from(name)))));

/** A self-signed P-256 certificate for one DNS name (RFC 5280), with its key: enough to be judged by the tests. */
export function tinyCertificate(dns: string, from: Date, to: Date): { pem: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = tlv(0x04, sequence(tlv(0x82, Buffer.from(dns))));
  const body = sequence(
    tlv(0xa0, '020102'),
    '020101',
    ECDSA_SHA256,
    commonName(dns),
    sequence(generalizedTime(from), generalizedTime(to)),
    commonName(dns),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(sequence('0603551d11', names))),
  );
  const der = sequence(body, ECDSA_SHA256, tlv(0x03, '00', sign('sha256', body, privateKey)));
  const lines = der.toString('base64').replaceAll(/(.{64})/g, '$1\n');
  return {
    pem: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
