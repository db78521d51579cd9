/** From outside: the addresses of the name, the certificate, the TLS versions, redirects and headers. */
import { type Control, fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { judgeHeaders, judgeHsts, type Sample, tryRedirects } from '../reverse-proxy/answers.ts';
import { ask, because } from '../reverse-proxy/look.ts';
import { leafFault, tryOldVersions, tryVersion } from '../reverse-proxy/tls.ts';
import type { ProbeAnswers } from './answers.ts';
import { combine, everywhere, type Look, type Reached, siteOf, survey } from './survey.ts';

type OutsideControl = Control<ProbeAnswers>;

const addressesAnswer: OutsideControl = {
  id: 'outside.addresses-answer',
  title: 'From another machine, every address of the name answers on the HTTPS port',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 8305', 'RFC 8555'],
  how: 'Resolves the name for IPv4 and IPv6 and opens a connection to the HTTPS port of each address; a family that the resolver does not tell is not seen.',
  threat:
    'An AAAA record at which nothing answers makes clients wait and certificate authorities fail; whoever gets that address later gets the visitors.',
  remedy:
    'Correct or remove the record, or open the HTTPS port in the firewall in front. The proxy listens on IPv4 on purpose: a name needs no AAAA record then.',
  impact: 'IPv6-only clients need a forwarder in front that speaks IPv6.',
  async inspect(context) {
    const { host } = context.answers.target;
    const { routes, untold } = await survey(context);
    if (routes.length === 0 && untold.length === 0)
      return fail(`${host} has no address, as this machine resolves it`, 'at least one address');
    const expected = `every address of ${host} answers on port ${context.answers.target.port}`;
    const known = await combine(context, async (route) => {
      if (route.is === 'dead') return fail(route.because, expected);
      return route.is === 'reached' ? pass('answers') : unknown(route.because);
    });
    // That the known ones answer says nothing about those that the resolver did not tell.
    return known.is === 'pass' && untold.length > 0 ? unknown(known.observed) : known;
  },
};

const certificate: OutsideControl = {
  id: 'outside.certificate',
  title: 'From another machine, the certificate is for the name, valid and not about to run out',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 5280 section 4.1.2.5', 'RFC 6125'],
  how: 'Completes a handshake at each address and compares the name and the dates of the certificate that is served.',
  threat: 'Clients refuse the connection, or people learn to click the warning away.',
  remedy: "Apply again on the host; with ACME look at the proxy's log for the authority's reason.",
  impact: 'A restart of the proxy may be needed: open streams end. An authority counts failed orders.',
  inspect: (context) =>
    everywhere(context, async ({ shake }) => {
      if (!shake.ok) return fail(`no certificate: ${because(shake.message)}`, 'a completed handshake');
      const { target } = context.answers;
      const fault = leafFault(shake.certificate, target.host, context.host.now(), 'it is not renewed');
      if (fault) return fault;
      const { issuer, validTo } = shake.certificate;
      return pass(`issued by ${issuer}, valid until ${validTo.toISOString()}`);
    }),
};

/** What OpenSSL says when a certificate of the chain is not there (X509_verify_cert_error_string). */
const INCOMPLETE = /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/;

const trusted: OutsideControl = {
  id: 'outside.certificate-trusted',
  title: 'From another machine, the certificate chain is complete and trusted',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 5280 section 6', 'RFC 8446 section 4.4.2'],
  how: 'Lets the trust store of the probing machine, or the root given with --ca, judge the chain that is served.',
  threat: 'An untrusted chain cannot be told from somebody in between, who reads every key and every answer.',
  remedy:
    'Serve the chain with its intermediates, issued by an authority that clients know. With a private authority give its root to the probe (--ca FILE) and to every client.',
  impact: 'A restart of the proxy: open streams end.',
  inspect: (context) =>
    everywhere(context, async ({ shake }) => {
      if (!shake.ok) return unknown(`no handshake: ${because(shake.message)}`);
      const roots =
        context.answers.ca === undefined ? "this machine's trust store" : `the root in ${context.answers.ca}`;
      if (shake.trusted) return pass(`${roots} accepts the chain`);
      const reason = shake.trustError ?? 'not trusted';
      const cause = INCOMPLETE.test(reason)
        ? 'the authority is not known here, or an intermediate certificate is not sent'
        : undefined;
      return fail(
        `${reason} (issued by ${shake.certificate.issuer})`,
        `a chain that ${roots} accepts`,
        cause,
      );
    }),
};

const oldRefused: OutsideControl = {
  id: 'outside.tls-1-1-refused',
  title: 'From another machine, TLS 1.0 and 1.1 are refused',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 8996'],
  how: 'Tries a handshake with TLS 1.0 and one with 1.1 at each address; both must end with an alert.',
  threat: 'An attacker in between talks both sides down to a version with broken protection.',
  remedy: 'Apply again on the host; look at a load balancer in front, which ends TLS by its own rules.',
  impact: 'Clients that know only TLS 1.0 or 1.1 can no longer connect.',
  inspect: (context) => everywhere(context, ({ https }) => tryOldVersions(siteOf(context), https)),
};

const accepted = (number: '2' | '3', refs: readonly string[], threat: string): OutsideControl => ({
  id: `outside.tls-1-${number}-accepted`,
  title: `From another machine, TLS 1.${number} is accepted`,
  severity: 'required',
  section: 'tls',
  refs,
  how: `Completes a handshake limited to TLS 1.${number} at each address.`,
  threat,
  remedy: 'Apply again on the host: the Caddyfile allows TLS 1.2 and 1.3.',
  impact: 'On the host the proxy loads its file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    everywhere(context, ({ https }) => tryVersion(siteOf(context), https, `TLSv1.${number}`)),
});

const redirects: OutsideControl = {
  id: 'outside.http-redirects',
  title: 'From another machine, plain HTTP leads to HTTPS or does not answer',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 9110 section 15.4.9'],
  how: 'Sends plain HTTP requests to each address and compares status and location with the HTTPS address.',
  threat: 'API keys and cookies cross the network readable.',
  remedy: 'Apply again on the host; look at what else listens on the HTTP port.',
  impact: 'On the host the proxy loads its file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    everywhere(context, async ({ http }) => {
      const open = await plainHttp(context, http);
      if (open !== 'open') return pass(`port ${http.port} is ${open}: nothing is served over plain HTTP`);
      return tryRedirects(siteOf(context), http);
    }),
};

/** Whether the HTTP port answers; shared. */
export const plainHttp = ({ host }: Look, http: Reached['http']) =>
  host.once(`outside http ${http.host}`, () => host.tcp({ ...http, timeoutMs: 2_000 }));

/** Answers whose headers are judged: public and fenced ones. */
async function samples(context: Look, { https, models }: Reached): Promise<readonly Sample[] | Verdict> {
  const list: Sample[] = [];
  const asked = await Promise.all(
    ['/mcp', '/admin'].map(async (path) => ({ path, answer: await ask(siteOf(context), https, path) })),
  );
  for (const { path, answer } of [{ path: '/v1/models', answer: models }, ...asked]) {
    if (!answer.ok) return unknown(`${path} got no answer: ${because(answer.message)}`);
    list.push({ path: `${path} (${answer.status})`, answer });
  }
  return list;
}

const sampled = (
  context: Look,
  judge: (list: readonly Sample[], at: Reached) => Verdict | Promise<Verdict>,
): Promise<Verdict> =>
  everywhere(context, async (at) => {
    const list = await context.host.once(`outside samples ${at.address}`, () => samples(context, at));
    return 'is' in list ? list : judge(list, at);
  });

const headersOnce: OutsideControl = {
  id: 'outside.headers-once',
  title: 'From another machine, every answer carries each security header exactly once',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 6797 section 8.1', 'RFC 7034', 'OWASP Secure Headers'],
  how: 'Counts each security header on public and refused answers of each address.',
  threat: 'Doubled headers cancel each other out; missing ones allow framing and content sniffing.',
  remedy: 'Apply again on the host; a proxy or load balancer in front must not add its own copies.',
  impact: 'On the host the proxy loads its file without a restart; an open stream may have to connect again.',
  inspect: (context) => sampled(context, judgeHeaders),
};

const hsts: OutsideControl = {
  id: 'outside.hsts',
  title: 'From another machine, browsers are told to use HTTPS only (HSTS)',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 6797'],
  how: 'Reads Strict-Transport-Security on the answers of each address, and looks for it on plain HTTP, where it must not be.',
  threat: 'The first request of a visit goes out unprotected and can be kept that way.',
  remedy: 'Apply again on the host; a proxy or load balancer in front must not remove the header.',
  impact: 'Browsers insist on HTTPS for this name for a year. Other names below it are not touched.',
  inspect: (context) =>
    sampled(context, async (list, { http }) => {
      const open = (await plainHttp(context, http)) === 'open';
      return judgeHsts(siteOf(context), list, open ? http : undefined);
    }),
};

export const encryptionControls: readonly OutsideControl[] = [
  addressesAnswer,
  certificate,
  trusted,
  oldRefused,
  accepted('2', ['RFC 9325 section 3.1.1'], 'Older clients in good order cannot connect.'),
  accepted(
    '3',
    ['RFC 8446', 'RFC 9325 section 3.1.1'],
    'Clients that insist on TLS 1.3 cannot connect, and handshakes take longer.',
  ),
  redirects,
  headersOnce,
  hsts,
];
