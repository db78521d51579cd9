/** What a TLS client gets: which protocol versions, and whose certificate. */
import { join } from 'node:path';
import type { TlsResult, TlsVersion } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { IN_CADDY } from '../shared/caddy.ts';
import { type Container, execIn } from '../shared/docker.ts';
import { PATH } from '../shared/layout.ts';
import { PUBLIC_ACME } from './acme.ts';
import { chainOf, leastRemaining } from './certificate-files.ts';
import {
  because,
  type Context,
  type Endpoint,
  lastLine,
  type ProxyAnswers,
  type Site,
  whenUp,
} from './look.ts';

/** The shared handshake under the proxy's own name; `ca` is the private authority's root when there is one. */
export function handshake(context: Context, https: Endpoint, ca?: string): Promise<TlsResult> {
  const { host, answers } = context;
  const look = () =>
    host.tls({ ...https, serverName: answers.domain, ...(ca === undefined ? {} : { ca }), timeoutMs: 5_000 });
  return host.once(
    `proxy handshake ${https.host}:${https.port} ${ca === undefined ? 'system' : 'own root'}`,
    look,
  );
}

/**
 * The root of Caddy's private authority: from the volume where the host can see it, else through the container. Undefined
 * when there is none.
 * @throws when it cannot be looked at
 */
export async function internalRoot(
  { host }: Pick<Context, 'host'>,
  container: Container,
): Promise<string | undefined> {
  const volume = container.Mounts.find((m) => m.Destination === '/data')?.Source;
  if (volume !== undefined) {
    const path = join(volume, IN_CADDY.internalRoot.slice('/data/'.length));
    const pem = await host.readText(path).catch(() => undefined);
    if (pem !== undefined) return pem;
  }
  const result = await execIn(host, container, ['cat', IN_CADDY.internalRoot]);
  if (result.code === 0) return result.stdout;
  if (result.code === 1 && /no such file or directory/i.test(result.stderr)) return undefined;
  throw new Error(
    `the root of Caddy's private authority cannot be read: ${lastLine(result.stderr) || `cat ended with ${result.code}`}`,
  );
}

function covers(names: string, domain: string): boolean {
  const parent = domain.slice(domain.indexOf('.') + 1);
  const list = names.split(',').map((n) => n.trim().replace(/^DNS:/, '').toLowerCase());
  return list.includes(domain) || list.includes(`*.${parent}`);
}

type Leaf = Extract<TlsResult, { readonly ok: true }>['certificate'];

/** What is wrong with a served certificate whoever issued it: its names, its dates; undefined when nothing is. */
export function leafFault(
  { names, validFrom, validTo }: Leaf,
  domain: string,
  at: Date,
  causeOfAge: string,
): Verdict | undefined {
  if (!covers(names, domain)) return fail(`the certificate is for ${names}`, `a certificate for ${domain}`);
  const now = at.getTime();
  if (validFrom.getTime() > now || validTo.getTime() <= now) {
    const span = `${validFrom.toISOString()} to ${validTo.toISOString()}`;
    return fail(`the certificate is valid from ${span}`, 'a certificate that is valid now');
  }
  if (validTo.getTime() - now < leastRemaining(validFrom, validTo))
    return fail(`the certificate runs out on ${validTo.toISOString()}`, 'renewed in time', causeOfAge);
  return undefined;
}

/** No answer at all, as opposed to one of the server: the network between may be cut, or nothing listens. Nothing was seen. */
const isSilent = (refusal: Extract<TlsResult, { ok: false }>): boolean =>
  /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ECONNREFUSED/.test(refusal.code);

/** What is served, judged by where it should come from; undefined when it is right. Used by the wait for ACME too. */
export async function certificateFault(
  context: Context,
  https: Endpoint,
  container: Container,
  shake: (ca?: string) => Promise<TlsResult> = (ca) => handshake(context, https, ca),
): Promise<Verdict | undefined> {
  const { host, answers } = context;
  const root = answers.tls === 'internal' ? await internalRoot(context, container) : undefined;
  if (answers.tls === 'internal' && root === undefined) {
    return fail("Caddy's private authority has no root certificate", `a root in ${IN_CADDY.internalRoot}`);
  }
  const seen = await shake(root);
  if (!seen.ok && isSilent(seen))
    return unknown(`no certificate was seen: ${because(seen.message)}`, 'proxy.up');
  if (!seen.ok)
    return fail(`no certificate for ${answers.domain}: ${because(seen.message)}`, 'a completed handshake');
  const { certificate } = seen;
  const cause =
    answers.tls === 'files' ? 'the files were not renewed' : 'Caddy does not succeed in renewing it';
  const fault = leafFault(certificate, answers.domain, host.now(), cause);
  if (fault) return fault;
  if (answers.tls === 'internal') {
    return seen.trusted
      ? undefined
      : fail(`issued by ${certificate.issuer}`, "issued by Caddy's private authority");
  }
  if (answers.tls === 'files') {
    const file = await host.readText(PATH.tlsCertificate);
    const leaf = file === undefined ? undefined : chainOf(file)[0];
    if (!leaf) return fail(`${PATH.tlsCertificate} holds no certificate`, 'the certificate that is served');
    if (leaf.fingerprint256 !== certificate.fingerprint256) {
      return fail(
        'another certificate than the one in the install is served',
        'the certificate of the files',
      );
    }
    return undefined;
  }
  if (answers.acmeDirectory === PUBLIC_ACME && !seen.trusted) {
    return fail(
      `issued by ${certificate.issuer}: ${seen.trustError ?? 'not trusted'}`,
      'trusted by the system',
    );
  }
  if (/Caddy Local Authority/i.test(certificate.issuer)) {
    return fail(`issued by ${certificate.issuer}`, `issued through ${answers.acmeDirectory}`);
  }
  return undefined;
}

const certificate: Control<ProxyAnswers> = {
  id: 'tls.certificate',
  title: 'The certificate that is served is the right one, valid, and not about to run out',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 5280 section 6', 'RFC 6125'],
  how: "Makes a TLS handshake under the domain's name and checks name, dates, issuer and, for your own certificate, the fingerprint.",
  threat: 'Clients refuse the connection, or somebody in between reads every key and every answer.',
  remedy: "Apply again; with ACME look at the proxy's log for the authority's reason.",
  impact: 'A restart of the proxy may be needed: open streams end. An authority counts failed orders.',
  inspect: (context) =>
    whenUp(context, async ({ https, container }) => {
      const fault = await certificateFault(context, https, container);
      if (fault) return fault;
      const seen = await handshake(context, https);
      if (!seen.ok) return unknown(`the handshake failed this time: ${because(seen.message)}`);
      const { issuer, validTo } = seen.certificate;
      return pass(`issued by ${issuer.replaceAll('\n', ', ')}, valid until ${validTo.toISOString()}`);
    }),
};

const trusted: Control<ProxyAnswers> = {
  id: 'tls.trusted-by-clients',
  title: 'Clients trust the certificate without being told to',
  severity: 'advised',
  section: 'tls',
  how: "Makes a TLS handshake and verifies the chain with this host's trust store; skipped where the authority is Caddy's own.",
  threat: 'People and programs are told to switch verification off, and then nothing is verified any more.',
  remedy:
    'Use the production ACME directory, or a certificate of an authority that your clients already know.',
  impact: 'A new certificate is ordered; an authority limits how many it issues for a name in a week.',
  async inspect(context) {
    if (context.answers.tls === 'internal')
      return skip("the private authority is on purpose: clients must be given Caddy's root certificate");
    return whenUp(context, async ({ https }) => {
      const seen = await handshake(context, https);
      if (!seen.ok) return unknown(`no handshake: ${because(seen.message)}`);
      if (seen.trusted) return pass("this host's trust store accepts the chain");
      return fail(
        `${seen.trustError ?? 'not trusted'} (issued by ${seen.certificate.issuer})`,
        'a publicly trusted chain',
      );
    });
  },
};

/** A refusal by the server, as opposed to a client that cannot even offer the version. */
export const refusedByServer = (result: TlsResult): boolean =>
  !result.ok && /alert|protocol.?version|handshake.?failure/i.test(`${result.code} ${result.message}`);

/** Tries one version and no other. */
const handshakeWith = ({ host, answers }: Site, at: Endpoint, version: TlsVersion): Promise<TlsResult> =>
  host.tls({ ...at, serverName: answers.domain, min: version, max: version, timeoutMs: 5_000 });

/** Tries TLS 1.0 and 1.1 at one place: both must end with an alert of the server. */
export async function tryOldVersions(site: Site, at: Endpoint): Promise<Verdict> {
  const versions: TlsVersion[] = ['TLSv1', 'TLSv1.1'];
  const results = await Promise.all(versions.map((version) => handshakeWith(site, at, version)));
  for (const [index, result] of results.entries()) {
    if (result.ok) return fail(`a handshake with ${result.protocol} succeeds`, 'refused');
    if (!refusedByServer(result)) {
      return unknown(`${versions[index]} could not be tried: ${because(result.message) || result.code}`);
    }
  }
  return pass('both handshakes end with an alert');
}

/**
 * Tries one version at one place: it must be accepted.
 * @param awaits the control that must hold before silence there means anything
 */
export async function tryVersion(
  site: Site,
  at: Endpoint,
  version: TlsVersion,
  awaits?: string,
): Promise<Verdict> {
  const result = await handshakeWith(site, at, version);
  if (result.ok) return pass(`${result.protocol} with ${result.cipher}`);
  if (isSilent(result)) return unknown(`no answer: ${because(result.message)}`, awaits);
  if (/no.?(protocols|ciphers).?available/i.test(`${result.code} ${result.message}`)) {
    return unknown(`${version} cannot be tried from here: ${because(result.message)}`);
  }
  return fail(`no handshake: ${because(result.message) || result.code}`, `a handshake with ${version}`);
}

const oldRefused: Control<ProxyAnswers> = {
  id: 'tls.1-1-refused',
  title: 'TLS 1.0 and 1.1 are refused',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 8996'],
  how: "Tries a handshake that offers TLS 1.0 only and one that offers TLS 1.1 only; both must end with the server's alert.",
  threat: 'An attacker in between talks both sides down to a version with broken protection.',
  remedy: 'Apply again: the Caddyfile allows TLS 1.2 and 1.3 only.',
  impact: 'Clients that know only TLS 1.0 or 1.1 can no longer connect.',
  inspect: (context) => whenUp(context, ({ https }) => tryOldVersions(context, https)),
};

const accepted = (
  id: string,
  version: TlsVersion,
  refs: readonly string[],
  threat: string,
): Control<ProxyAnswers> => ({
  id,
  title: `${version.replace('v', ' ')} is accepted`,
  severity: 'required',
  section: 'tls',
  refs,
  how: `Makes a handshake that offers ${version.replace('v', ' ')} only, under the domain's name.`,
  threat,
  remedy: 'Apply again: the Caddyfile allows TLS 1.2 and 1.3.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  inspect: (context) => whenUp(context, ({ https }) => tryVersion(context, https, version, 'proxy.up')),
});

export const tlsControls: readonly Control<ProxyAnswers>[] = [
  certificate,
  trusted,
  oldRefused,
  accepted(
    'tls.1-2-accepted',
    'TLSv1.2',
    ['RFC 9325 section 3.1.1'],
    'Older clients in good order cannot connect.',
  ),
  accepted(
    'tls.1-3-accepted',
    'TLSv1.3',
    ['RFC 8446', 'RFC 9325 section 3.1.1'],
    'Clients that insist on TLS 1.3 cannot connect, and handshakes take longer.',
  ),
];
