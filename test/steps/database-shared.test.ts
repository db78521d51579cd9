import { createHash, createHmac, randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import {
  certificateProblem,
  createAuthority,
  issueServerCertificate,
  keyMatches,
} from '../../steps/shared/certificates.ts';
import {
  buildConnectionUrl,
  parseConnectionUrl,
  parseEnv,
  renderEnv,
} from '../../steps/shared/connection-urls.ts';
import { scramVerifier } from '../../steps/shared/scram.ts';
import { generateSecret } from '../../steps/shared/secrets.ts';
import { firstSubordinate } from '../../steps/shared/userns.ts';

const hostile = [
  'plain-Password_1',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a password that looks like an interpolation is the point
  'a$b${HOME}$$c$(id)`id`',
  `quote'"and\\back\\\\slash`,
  'p@ss:word/with?every#part&of=a%URL%20',
  ' leading and trailing ',
  '[brackets]{braces}<angles>|;!*()~',
  'umlaut-äöü-日本-😀',
  'tab\tand\nnewline',
  '%25%zz',
];

describe('connection URLs', () => {
  it.each(hostile)('give back the password %j, also through .env', (password) => {
    const parts = {
      user: `o'wner@${password.slice(0, 3)}`,
      password: new Secret(password),
      host: 'pgvector',
      port: 5432,
      database: 'core cube/1',
      parameters: { sslmode: 'verify-full', sslrootcert: '/run/secrets/pg_ca.crt' },
    };
    const url = buildConnectionUrl(parts);
    expect(url.reveal()).toMatch(/^[A-Za-z0-9%:/@?&=._~-]+$/);
    const file = renderEnv(undefined, { PGVECTOR_URL: url.reveal() });
    const back = parseConnectionUrl(new Secret(parseEnv(file).get('PGVECTOR_URL') as string));
    expect(back.password.reveal()).toBe(password);
    expect({ ...back, password: '' }).toEqual({ ...parts, password: '' });
  });

  it('know an IPv6 host and the defaults of libpq', () => {
    const url = buildConnectionUrl({
      user: 'a',
      password: new Secret('b'),
      host: '2001:db8::1',
      port: 6432,
      database: 'd',
      parameters: {},
    });
    expect(url.reveal()).toBe('postgresql://a:b@[2001:db8::1]:6432/d');
    expect(parseConnectionUrl(url)).toMatchObject({ host: '2001:db8::1', port: 6432 });
    expect(parseConnectionUrl(new Secret('postgres://u:p@h'))).toMatchObject({ port: 5432, database: 'u' });
  });

  it.each(['mysql://u:p@h/d', 'postgresql://h/d', 'postgresql://u@h/d', 'nothing', 'postgresql://u:%zz@h/d'])(
    'refuse %s without repeating it',
    (text) => {
      expect(() => parseConnectionUrl(new Secret(text))).toThrow(/^it (is|does|holds)/);
    },
  );
});

describe('.env', () => {
  it('keeps every line that is not its own, once each', () => {
    const before = '# mine\nCOMPOSE_PROFILES=x\nPGVECTOR_URL=old\n\nPGVECTOR_URL=older\nTZ="Europe/Berlin"\n';
    const after = renderEnv(before, { PGVECTOR_URL: 'new', PGVECTOR_APP_URL: 'app' });
    expect(after).toBe(
      '# mine\nCOMPOSE_PROFILES=x\nPGVECTOR_URL=new\n\nTZ="Europe/Berlin"\nPGVECTOR_APP_URL=app\n',
    );
    expect(renderEnv(after, { PGVECTOR_URL: 'new', PGVECTOR_APP_URL: 'app' })).toBe(after);
    expect(parseEnv(after).get('TZ')).toBe('Europe/Berlin');
  });
  it('refuses what Compose would not take literally', () => {
    for (const value of ['a$b', "a'b", 'a b', 'a#b', 'a\\b', 'a"b', 'a\nb'])
      expect(() => renderEnv(undefined, { X: value })).toThrow(/not safe/);
  });
});

describe('SCRAM verifier', () => {
  it('verifies the exchange of RFC 7677, section 3', () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    const verifier = scramVerifier(new Secret('pencil'), salt);
    const match = /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$([^:]+):(.+)$/.exec(verifier);
    const storedKey = Buffer.from(match?.[1] ?? '', 'base64');
    const serverKey = Buffer.from(match?.[2] ?? '', 'base64');
    const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
    const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
    const signature = createHmac('sha256', storedKey).update(authMessage).digest();
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] as number)));
    expect(createHash('sha256').update(clientKey).digest()).toEqual(storedKey);
    expect(createHmac('sha256', serverKey).update(authMessage).digest('base64')).toBe(
      '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    );
  });
  it('refuses what SASLprep would change', () => {
    expect(() => scramVerifier(new Secret('pässword'), new Uint8Array(16))).toThrow(/ASCII/);
  });
});

describe('certificates', () => {
  it('are signed by the authority, for the names, for at most 825 days', async () => {
    const now = new Date();
    const authority = await createAuthority('test authority', now);
    const names = { dns: ['pgvector', 'localhost'], addresses: ['127.0.0.1'] };
    const server = await issueServerCertificate(authority, names, now);
    const leaf = new X509Certificate(server.certificate);
    expect(keyMatches(server.certificate, server.key)).toBe(true);
    expect(keyMatches(authority.certificate, server.key)).toBe(false);
    expect(leaf.subjectAltName).toBe('DNS:pgvector, DNS:localhost, IP Address:127.0.0.1');
    expect(leaf.ca).toBe(false);
    expect(new X509Certificate(authority.certificate).ca).toBe(true);
    const days = (new Date(leaf.validTo).getTime() - new Date(leaf.validFrom).getTime()) / 86_400_000;
    expect(days).toBeLessThanOrEqual(825);
    const look = (name: string, at: Date, ca = authority.certificate) =>
      certificateProblem(server.certificate, ca, name, at, 30);
    expect(look('pgvector', now)).toBeUndefined();
    expect(look('elsewhere', now)).toMatch(/not for the name/);
    expect(look('pgvector', new Date(now.getTime() + 800 * 86_400_000))).toMatch(/runs out/);
    const other = await createAuthority('test authority', now);
    expect(look('pgvector', now, other.certificate)).toMatch(/did not sign/);
    await expect(issueServerCertificate({ ...authority, key: other.key }, names, now)).rejects.toThrow(
      /does not belong/,
    );
  });
});

it('generates 40 characters that need no quoting', () => {
  const secret = generateSecret((length) => randomBytes(length)).reveal();
  expect(secret).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{39}$/);
});

it('reads the first range of /etc/subuid', () => {
  expect(firstSubordinate('me:100000:65536\ndockremap:231072:65536\n', 'dockremap')).toBe(231072);
  expect(() => firstSubordinate('me:100000:65536\n', 'dockremap')).toThrow(/no range/);
});
