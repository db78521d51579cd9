/** Where the look is taken from and what it reaches: every address of the name, each with its way there. */
import ipaddr from 'ipaddr.js';
import type { HttpResult, TlsResult } from '../../src/core/host.ts';
import type { OutsideLook } from '../../src/core/report.ts';
import { type InspectContext, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { ask, type Endpoint, type Site } from '../reverse-proxy/look.ts';
import { publicOrigin } from '../shared/caddy.ts';
import { fingerprintsIn } from '../shared/certificates.ts';
import type { ProbeAnswers, Target } from './answers.ts';

export type Look = InspectContext<ProbeAnswers>;

/** More addresses than these are not tried: a look is no flood. */
const MOST_ADDRESSES = 8;

/** An address at which the HTTPS port answers. */
export interface Reached {
  readonly is: 'reached';
  readonly address: string;
  readonly https: Endpoint;
  readonly http: Endpoint;
  /** The source address of the socket; undefined when no request was answered. */
  readonly from: string | undefined;
  /** The handshake against the roots that are to be trusted. */
  readonly shake: TlsResult;
  /** `GET /v1/models` without a key. */
  readonly models: HttpResult;
}
export type Route =
  | Reached
  /** An address of this machine, or of a service on it: what is seen there is not what others see. */
  | { readonly is: 'own'; readonly address: string; readonly because: string }
  /** Nothing answers there. */
  | { readonly is: 'dead'; readonly address: string; readonly because: string }
  /** This machine has no way there. */
  | { readonly is: 'unroutable'; readonly address: string; readonly because: string };

export interface Survey {
  readonly routes: readonly { readonly address: string; readonly route: Promise<Route> }[];
  /** Families whose addresses the resolver did not tell, each with why: there may be more addresses than are known. */
  readonly untold: readonly { readonly family: 4 | 6; readonly because: string }[];
  /** Why known addresses are not tried; undefined when all are. */
  readonly untried: string | undefined;
}

/** The address in one form, without zone and IPv4 mapping. */
export const plainAddress = (address: string): string =>
  ipaddr.process(address.replace(/%.*$/, '')).toString();

const isSpecial = (address: string) => ['loopback', 'unspecified'].includes(ipaddr.process(address).range());

export const originOf = (target: Target): string =>
  publicOrigin({ domain: target.host, httpsPort: target.port });

/** What requests under the target's own name must know. */
export const siteOf = ({ host, answers, signal }: Look): Site & { readonly signal: AbortSignal } => ({
  host,
  signal,
  answers: { domain: answers.target.host, httpsPort: answers.target.port },
});

/** The addresses of the name as this machine resolves it, and a way to each; shared by all controls. */
export function survey(context: Look): Promise<Survey> {
  const { host, answers } = context;
  return host.once('outside survey', async () => {
    const untold: Survey['untold'][number][] = [];
    const found = await Promise.all(
      ([4, 6] as const).map((family) =>
        host.resolve(answers.target.host, family).catch((error: unknown): readonly string[] => {
          const why = error instanceof Error ? error.message : String(error);
          const because = `whether ${answers.target.host} has IPv${family} addresses is not known: ${why}`;
          untold.push({ family, because });
          return [];
        }),
      ),
    );
    const addresses = [...new Set(found.flat().map(plainAddress))];
    const beyond = addresses.slice(MOST_ADDRESSES);
    return {
      routes: addresses
        .slice(0, MOST_ADDRESSES)
        .map((address) => ({ address, route: routeTo(context, address) })),
      untold,
      untried:
        beyond.length === 0
          ? undefined
          : `the name has ${addresses.length} addresses, and ${MOST_ADDRESSES} are tried: ${beyond.join(', ')} were not`,
    };
  });
}

/** errno values that say that nothing answers there (connect(2)). */
const DEAD: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ETIMEDOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached (no host answers there)',
  EHOSTDOWN: 'is down',
};
/** errno values that say that this machine has no way there. */
const UNROUTABLE = ['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETDOWN', 'EACCES', 'EPERM'];

async function routeTo(context: Look, address: string): Promise<Route> {
  const { host, answers } = context;
  const { port } = answers.target;
  const own = host.addresses().find((a) => plainAddress(a.address) === address);
  if (own || isSpecial(address)) {
    const where = own ? `on ${own.interface}` : 'which never leaves the machine';
    const fooled = `${address} is an address of this machine (${where}): loopback and Docker's address translation show this machine something else than others see`;
    return { is: 'own', address, because: fooled };
  }
  const https = { host: address, port };
  const ca = await rootOf(context);
  const shake = await host.tls({
    ...https,
    serverName: answers.target.host,
    timeoutMs: 2_000,
    ...(ca === undefined ? {} : { ca }),
  });
  if (!shake.ok) {
    const dead = DEAD[shake.code];
    if (dead !== undefined) return { is: 'dead', address, because: `port ${port} ${dead}` };
    if (UNROUTABLE.includes(shake.code))
      return { is: 'unroutable', address, because: `this machine has no way to it (${shake.code})` };
  } else {
    const here = (await ownCertificates(context)).get(shake.certificate.fingerprint256);
    if (here !== undefined) {
      const fooled = `${here} of this machine serves the same certificate as ${address}: this is the machine that is to be looked at, and the way there leads back to it (NAT)`;
      return { is: 'own', address, because: fooled };
    }
  }
  const models = await ask(siteOf(context), https, '/v1/models');
  const from = models.ok && models.localAddress !== '' ? plainAddress(models.localAddress) : undefined;
  return {
    is: 'reached',
    address,
    https,
    http: { host: address, port: answers.httpPort },
    from,
    shake,
    models,
  };
}

/**
 * The root to be trusted; undefined: this machine's own store.
 * @throws {Error} when the file is not there
 */
async function rootOf({ host, answers }: Look): Promise<string | undefined> {
  if (answers.ca === undefined) return undefined;
  const pem = await host.readText(answers.ca);
  if (pem === undefined) throw new Error(`${answers.ca} does not exist`);
  return pem;
}

/** Certificates that this machine itself serves on the target's port under its name, with the address of each. */
function ownCertificates({ host, answers }: Look): Promise<ReadonlyMap<string, string>> {
  return host.once('outside own certificates', async () => {
    const own = host
      .addresses()
      .filter((a) => !/^(docker|br-|veth|cni|virbr)/.test(a.interface) && !/^fe80:/i.test(a.address))
      .slice(0, 16);
    const looks = await Promise.all(
      own.map(async ({ address }) => {
        const at = { host: address, port: answers.target.port };
        const seen = await host.tls({ ...at, serverName: answers.target.host, timeoutMs: 1_000 });
        return seen.ok ? ([[seen.certificate.fingerprint256, address]] as const) : [];
      }),
    );
    return new Map(looks.flat());
  });
}

/**
 * One verdict for all known addresses: what fails at one fails, what is not seen at one is not proved. Addresses at which
 * nothing answers serve nothing and are judged by `outside.addresses-answer`; when none answers, nothing is proved. Where
 * the resolver is silent about one family, what the other shows is judged and says so: that there may be more addresses
 * is what `outside.addresses-answer` has not seen.
 */
export async function everywhere(context: Look, look: (at: Reached) => Promise<Verdict>): Promise<Verdict> {
  return combine(context, async (route) => {
    if (route.is === 'dead') return undefined;
    if (route.is !== 'reached') return unknown(route.because);
    return look(route);
  });
}

/** As `everywhere`, but the look decides about every kind of route; undefined leaves the address out. */
export async function combine(
  context: Look,
  look: (route: Route) => Promise<Verdict | undefined>,
): Promise<Verdict> {
  const { routes, untold, untried } = await survey(context);
  const seen = await Promise.all(
    routes.map(async ({ address, route }) => ({ address, verdict: await look(await route) })),
  );
  const judged = seen.flatMap(({ address, verdict }) => (verdict ? [{ address, verdict }] : []));
  const fails = judged.flatMap(({ address, verdict: v }) => (v.is === 'fail' ? [{ address, v }] : []));
  const [first] = fails;
  if (first) {
    const observed = together(fails.map(({ address, v }) => ({ address, text: v.observed })));
    const { expected, cause } = first.v;
    return { is: 'fail', observed, expected, ...(cause === undefined ? {} : { cause }) };
  }
  const hidden = judged.flatMap(({ address, verdict: v }) =>
    v.is === 'unknown' ? [{ address, text: v.because }] : [],
  );
  const missing = untold.map(({ because }) => because);
  if (hidden.length > 0 || untried !== undefined)
    return unknown(
      [...(hidden.length > 0 ? [together(hidden)] : []), ...missing, ...(untried ? [untried] : [])].join(
        '; ',
      ),
    );
  const passes = judged.flatMap(({ address, verdict: v }) =>
    v.is === 'pass' ? [{ address, text: v.observed }] : [],
  );
  if (passes.length === 0 || passes.length < judged.length)
    return unknown(
      [
        ...(routes.length > 0
          ? [
              `no address of ${context.answers.target.host} answers: ${routes.map((r) => r.address).join(', ')}`,
            ]
          : missing.length === 0
            ? [`${context.answers.target.host} has no address, as this machine resolves it`]
            : []),
        ...missing,
      ].join('; '),
    );
  return pass([together(passes), ...missing].join('; '));
}

/** `198.51.100.1 and 2001:db8::1: text`, the same text said once. */
function together(rows: readonly { readonly address: string; readonly text: string }[]): string {
  const by = new Map<string, string[]>();
  for (const { address, text } of rows) by.set(text, [...(by.get(text) ?? []), address]);
  return [...by]
    .map(([text, addresses]) =>
      text.startsWith(addresses[0] ?? ' ') ? text : `${addresses.join(' and ')}: ${text}`,
    )
    .join('; ');
}

/** What makes the report evidence: the target, every address that was tried, and the source address of each socket. */
export async function describeLook(context: Look): Promise<OutsideLook> {
  const { routes } = await survey(context);
  const seen = await Promise.all(routes.map(({ route }) => route.catch(() => undefined)));
  const roots = fingerprintsIn((await rootOf(context)) ?? '');
  return {
    target: originOf(context.answers.target),
    ...(roots.length === 0 ? {} : { roots }),
    addresses: routes.map(({ address }, index) => {
      const route = seen[index];
      if (route?.is !== 'reached') return { address };
      const { from, shake } = route;
      return {
        address,
        ...(from === undefined ? {} : { from }),
        ...(shake.ok ? { certificate: shake.certificate.fingerprint256 } : {}),
      };
    }),
  };
}
