/** Reads out of Caddy's log why a certificate was not issued, in the operator's words. */
import ipaddr from 'ipaddr.js';
import { ChangeError } from '../../src/core/errors.ts';
import { parseJson } from './look.ts';

/** Let's Encrypt's production directory: the only one whose certificates every browser trusts. */
export const PUBLIC_ACME = 'https://acme-v02.api.letsencrypt.org/directory';

/** What is known besides the log. */
export interface AcmeFacts {
  readonly domain: string;
  readonly directory: string;
  /** AAAA records of the domain: the authority prefers IPv6. */
  readonly aaaa: readonly string[];
}

export interface AcmeTrouble {
  readonly cause:
    | 'rate-limit'
    | 'dns'
    | 'ipv6'
    | 'unreachable'
    | 'refused'
    | 'directory'
    | 'account'
    | 'other';
  readonly message: string;
  readonly fix: string;
}

interface Entry {
  readonly level?: string;
  readonly msg?: string;
  readonly error?: string;
  readonly problem?: { readonly type?: string; readonly detail?: string };
}

/** Lines of Caddy's JSON log that tell of trouble with certificates. */
export function certificateErrors(log: string): readonly Entry[] {
  return (
    log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => parseJson(line) as (Entry & { logger?: string }) | undefined)
      .filter((e): e is Entry & { logger?: string } => e?.level === 'error' || e?.msg === 'will retry')
      .filter((e) => /^(tls|http\.acme_client|acme)/.test(e.logger ?? ''))
      // Left over from a configuration that has been replaced meanwhile.
      .filter((e) => !/context canceled/.test(e.error ?? ''))
  );
}

/** How often the authority was asked in vain, by the log. */
export const attempts = (log: string): number =>
  certificateErrors(log).filter((e) => /could not get certificate from issuer/.test(e.msg ?? '')).length;

/** True when Caddy has given up for now and waits before it tries again: there is nothing left to wait for. */
export const gaveUp = (log: string): boolean => certificateErrors(log).some((e) => e.msg === 'will retry');

/** The last reason in the log, classified; undefined when the log names none. */
export function classifyAcme(log: string, facts: AcmeFacts): AcmeTrouble | undefined {
  const errors = certificateErrors(log);
  const text = errors.map(
    (e) => `${e.msg ?? ''} ${e.error ?? ''} ${e.problem?.type ?? ''} ${e.problem?.detail ?? ''}`,
  );
  const all = text.join('\n');
  if (all.trim() === '') return undefined;
  const said =
    errors
      .map((e) => e.problem?.detail ?? e.error ?? '')
      .filter(Boolean)
      .at(-1) ?? '';
  const quoted = said.length > 300 ? `${said.slice(0, 297)}...` : said;
  const trouble = (cause: AcmeTrouble['cause'], message: string, fix: string): AcmeTrouble => ({
    cause,
    message: `${message} The authority says: ${quoted}`,
    fix,
  });
  if (/error:rateLimited|too many (certificates|failed|new|requests)/i.test(all)) {
    return trouble(
      'rate-limit',
      `${facts.domain} or this address has used up the authority's rate limit.`,
      'wait for the time the authority names; rehearse with acmeDirectory: staging, and never remove the volume caddy-data',
    );
  }
  const six = ipv6In(said);
  if (six !== undefined && /error:(connection|unauthorized)|timeout|refused|connect/i.test(all)) {
    const records = facts.aaaa.length > 0 ? facts.aaaa.join(', ') : six;
    return trouble(
      'ipv6',
      `The authority came over IPv6 (AAAA record ${records}), where this proxy does not listen.`,
      `remove the AAAA record of ${facts.domain}, or forward IPv6 to this host's IPv4 address`,
    );
  }
  if (/error:dns|NXDOMAIN|no valid A+ records|DNS problem|could not resolve/i.test(all)) {
    return trouble(
      'dns',
      `The authority cannot resolve ${facts.domain}.`,
      `publish an A record of ${facts.domain} that names this host, wait until it is known, and run this again`,
    );
  }
  if (
    /error:connection|timeout during connect|failed to connect|connection refused|no route to host/i.test(
      all,
    ) &&
    /urn:ietf:params:acme/.test(all)
  ) {
    return trouble(
      'unreachable',
      `The authority does not reach ${facts.domain} on port 80 or 443.`,
      "open both ports in the provider's and the host's firewall, and check that the A record names this host",
    );
  }
  if (/error:(unauthorized|incorrectResponse)/i.test(all)) {
    return trouble(
      'refused',
      `Somebody else answers for ${facts.domain}.`,
      'check that the A record names this host and that no other proxy or CDN stands in front of it',
    );
  }
  if (/error:(caa|rejectedIdentifier)/i.test(all)) {
    return trouble(
      'refused',
      `The authority may not issue for ${facts.domain}.`,
      'correct the CAA record of the domain, or choose another ACME directory',
    );
  }
  if (
    /error:(accountDoesNotExist|invalidContact|unsupportedContact|externalAccountRequired|userActionRequired|badPublicKey)/i.test(
      all,
    )
  ) {
    return trouble(
      'account',
      'The authority refuses the account.',
      'check acmeEmail and what the authority demands of accounts',
    );
  }
  if (
    /no such host|lookup .* on|provisioning client|x509:|dial tcp|network is unreachable|directory/i.test(all)
  ) {
    return trouble(
      'directory',
      `The ACME directory ${facts.directory} cannot be used from the proxy's container.`,
      'let containers resolve and reach it (port 443 outwards); for a private directory name its root in acmeRoot',
    );
  }
  return trouble('other', 'The certificate was not issued.', 'look at what the authority says');
}

/** The first IPv6 address in a text. */
function ipv6In(text: string): string | undefined {
  const tokens = text.match(/[0-9a-f]*:[0-9a-f:.]*/gi) ?? [];
  return tokens.map((t) => t.replace(/:$/, '')).find((t) => t.length > 2 && ipaddr.IPv6.isValid(t));
}

/** The error of a wait that ended without a certificate. */
export function acmeFailure(
  log: string,
  facts: AcmeFacts,
  { seconds, tries }: { readonly seconds: number; readonly tries: number },
): ChangeError {
  const trouble = classifyAcme(log, facts);
  const counted = tries === 0 ? '' : ` (${tries} failed ${tries === 1 ? 'attempt' : 'attempts'} so far)`;
  const counts = facts.directory === PUBLIC_ACME && trouble?.cause !== 'rate-limit';
  const rehearse = counts
    ? '; rehearse with acmeDirectory: staging until it works, because failed attempts count against the rate limit'
    : '';
  const lines = certificateErrors(log).map((e) =>
    `${e.msg ?? ''}: ${e.problem?.detail ?? e.error ?? ''}`.slice(0, 400),
  );
  return new ChangeError(
    trouble ? 'tls' : 'timeout',
    `${trouble?.message ?? `No certificate after ${seconds} s, and the log names no reason.`}${counted}`,
    `${trouble?.fix ?? "look at the proxy's log with docker logs"}${rehearse}`,
    lines.slice(-10),
  );
}
