/** A handed-in look as evidence about this install: is it whole, of this install, fresh, and really from elsewhere? */
import { AnswerError } from '../../src/core/errors.ts';
import type { HostReader } from '../../src/core/host.ts';
import {
  type Control,
  fail,
  type InspectContext,
  pass,
  skip,
  unknown,
  type Verdict,
} from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { internalRoot } from '../reverse-proxy/tls.ts';
import { IN_CADDY, publicOrigin } from '../shared/caddy.ts';
import { fingerprintsIn } from '../shared/certificates.ts';
import { containerOf } from '../shared/docker.ts';
import { inRange } from '../shared/grammar.ts';
import { PATH, SERVICE } from '../shared/layout.ts';
import { claimedBy, probeQuestions } from './answers.ts';
import { outsideControls } from './controls.ts';
import { type ProbeReport, readProbe } from './schema.ts';
import { plainAddress } from './survey.ts';

/** The tool whose reports are taken; the name of its package. */
export const TOOL = 'create-corecube-secure';
/** Id of the step, in a probe and in a verify. */
export const STEP = 'outside-view';
/** How old a look may be: what reaches the host from outside changes without it (firewalls, records, routers). */
const MAX_AGE_DAYS = 7;
/** How far the two clocks may differ, in milliseconds. */
const CLOCK_SLACK = 5 * 60_000;

export const NEEDS = [
  'outside',
  'domain',
  'httpsPort',
  'httpPort',
  'adminRanges',
  'publicPaths',
  'tls',
  'projectName',
] as const satisfies readonly (keyof Answers)[];
export type ViewAnswers = Pick<Answers, (typeof NEEDS)[number]>;
type Context = InspectContext<ViewAnswers>;

/** A look that counts. */
interface Evidence {
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** `seen from 203.0.113.9 at 2026-11-26T10:00:00.000Z`. */
  readonly source: string;
  readonly version: string;
  readonly addresses: readonly string[];
  /** Addresses that its forged headers claimed. */
  readonly claimed: readonly string[];
  /** A root certificate was given to it. */
  readonly withRoot: boolean;
}
type Judged = Evidence | { readonly unusable: string };

/** The command that takes a look at this install, complete. */
export const probeCommand = (answers: ViewAnswers): string =>
  [
    `npx ${TOOL} probe ${publicOrigin(answers)}`,
    `--admin-ranges ${answers.adminRanges.join(',')}`,
    ...(answers.httpPort === 80 ? [] : [`--http-port ${answers.httpPort}`]),
    ...(answers.publicPaths.length === 0 ? [] : [`--public-paths ${answers.publicPaths.join(',')}`]),
    // Its root is not in any trust store: it must be carried to the other machine.
    ...(answers.tls === 'internal' ? ['--ca root.crt'] : []),
    '--json > probe.json',
  ].join(' ');

/** The handed-in look, judged once for all controls; undefined when none was handed in. */
function evidence(context: Context): Promise<Judged | undefined> {
  const path = context.answers.outside;
  if (path === undefined) return Promise.resolve(undefined);
  return context.host.once(`outside view ${path}`, async () => {
    const content = await context.host.readText(path);
    if (content === undefined) return { unusable: `${path} does not exist` };
    const read = readProbe(content, path, TOOL, STEP);
    if ('problem' in read) {
      const { where, seen, expected, fix } = read.problem;
      return { unusable: `${where}: ${seen}. Expected: ${expected}. Fix: ${fix}` };
    }
    const claimed = claimsIn(read.report);
    if (claimed === undefined)
      return { unusable: `${path}: the ranges that it claimed addresses of are no ranges` };
    const reason = misfit(read.report, context) ?? (await otherMachine(read.report, context));
    return reason === undefined ? asEvidence(read.report, claimed) : { unusable: reason };
  });
}

const answered = (report: ProbeReport, question: string): string | undefined => {
  const value = report.answers.find((a) => a.question === question)?.value;
  return value === '' || value === '(none)' ? undefined : value;
};
const listed = (report: ProbeReport, question: string): readonly string[] | undefined =>
  answered(report, question)?.split(', ');

function asEvidence(report: ProbeReport, claimed: readonly string[]): Evidence {
  const from = sources(report);
  return {
    verdicts: new Map(report.steps[0].findings.map((f) => [f.control, f.verdict as Verdict])),
    source: `seen from ${from.join(' and ')} at ${report.finishedAt}`,
    version: report.tool.version,
    addresses: report.outside.addresses.map((a) => a.address),
    claimed,
    withRoot: answered(report, 'ca') !== undefined,
  };
}

/** The addresses that its forged headers claimed; undefined when its ranges are none. */
function claimsIn(report: ProbeReport): readonly string[] | undefined {
  const ranges = listed(report, 'adminRanges');
  try {
    return claimedBy(ranges === undefined ? undefined : probeQuestions.adminRanges.parse(ranges));
  } catch (error) {
    if (error instanceof AnswerError) return undefined;
    throw error;
  }
}

/** Source addresses of its sockets, each once. */
const sources = (report: ProbeReport): readonly string[] => [
  ...new Set(report.outside.addresses.flatMap((a) => (a.from === undefined ? [] : [plainAddress(a.from)]))),
];

/** Why a well-formed look is no evidence about this install; undefined when it is. */
function misfit(report: ProbeReport, { host, answers }: Context): string | undefined {
  const origin = publicOrigin(answers);
  if (report.outside.target !== origin)
    return `it is a look at ${report.outside.target}, and this is ${origin}`;
  if (answered(report, 'httpPort') !== String(answers.httpPort))
    return `it tried plain HTTP on port ${answered(report, 'httpPort') ?? 'unknown'}, and this install redirects on ${answers.httpPort}: run the probe with --http-port ${answers.httpPort}`;
  const left = (listed(report, 'publicPaths') ?? []).filter((path) => !answers.publicPaths.includes(path));
  if (left.length > 0) return `it left out ${left.join(', ')}, which this install does not make public`;
  return unwhole(report) ?? untimely(report, host.now()) ?? sameHost(report, host);
}

function unwhole(report: ProbeReport): string | undefined {
  const ids = report.steps[0].findings.map((f) => f.control);
  const wanted = outsideControls.map((c) => c.id);
  const missing = wanted.filter((id) => !ids.includes(id));
  const foreign = ids.filter((id) => !wanted.includes(id));
  if (missing.length === 0 && foreign.length === 0 && new Set(ids).size === ids.length) return undefined;
  const what = [
    ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
    ...(foreign.length > 0 ? [`holds ${foreign.length} controls that are not known here`] : []),
    ...(new Set(ids).size < ids.length ? ['holds a control twice'] : []),
  ];
  return `it ${what.join(' and ')}: take it with the version that verifies (it was taken with ${report.tool.version})`;
}

function untimely(report: ProbeReport, now: Date): string | undefined {
  const [began, ended] = [report.startedAt, report.finishedAt].map((t) => new Date(t).getTime()) as [
    number,
    number,
  ];
  if (ended < began) return `it ends at ${report.finishedAt}, before it begins at ${report.startedAt}`;
  if (ended > now.getTime() + CLOCK_SLACK)
    return `it was taken at ${report.finishedAt}, which is in the future: one of the two clocks is wrong`;
  const days = (now.getTime() - began) / 86_400_000;
  return days <= MAX_AGE_DAYS
    ? undefined
    : `it was taken at ${report.finishedAt}, ${Math.floor(days)} days ago; at most ${MAX_AGE_DAYS} days count`;
}

/**
 * Why the certificates that a look has met are not those of this install: it was at another machine of this name, a copy
 * or the one before a move. Undefined where they are, and where that cannot be told: an older version wrote none down, and
 * an authority on the Internet may have issued a new one since.
 */
async function otherMachine(report: ProbeReport, { host, answers }: Context): Promise<string | undefined> {
  const { roots, addresses } = report.outside;
  if (answers.tls === 'internal' && roots !== undefined) {
    const proxy = await containerOf(host, answers.projectName, SERVICE.proxy).catch(() => undefined);
    const own =
      proxy && fingerprintsIn((await internalRoot({ host }, proxy).catch(() => undefined)) ?? '')[0];
    return own === undefined || roots.includes(own)
      ? undefined
      : "the root that it was given with --ca is not the one of this install's private authority";
  }
  if (answers.tls === 'files') {
    const own = fingerprintsIn((await host.readText(PATH.tlsCertificate)) ?? '')[0];
    const other = addresses.find(({ certificate }) => certificate !== undefined && certificate !== own);
    return own === undefined || other === undefined
      ? undefined
      : `at ${other.address} it met another certificate than the one that this install has now: it was taken before a renewal, or at another machine`;
  }
  return undefined;
}

/** Networks that exist on one machine only: an address in one of them is a container beside the install. */
const VIRTUAL = /^(docker|br-|veth|cni|virbr|podman)/;

/** No host at all, this host, or one link only (RFC 6890). */
const NOWHERE = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '::/128', '::1/128', 'fe80::/10'];

function sameHost(report: ProbeReport, host: HostReader): string | undefined {
  const from = sources(report);
  if (from.length === 0) return 'it does not say which address it was taken from, because nothing answered';
  for (const address of from) {
    if (NOWHERE.some((range) => inRange(address, range)))
      return `it was taken from ${address}, an address that no other machine has: take it on another machine`;
    const own = host.addresses().find((a) => plainAddress(a.address) === address);
    if (own)
      return `it was taken on this host itself (${address} is its address on ${own.interface}): take it on another machine`;
    const beside = host
      .addresses()
      .find((a) => VIRTUAL.test(a.interface) && a.cidr !== undefined && isInNetwork(address, a.cidr));
    if (beside)
      return `it was taken from ${address}, which is in this host's own network ${beside.interface}: take it on another machine, not in a container`;
  }
  return undefined;
}

/** `cidr` names an interface's own address, with the length of its network. */
function isInNetwork(address: string, cidr: string): boolean {
  const [own = '', length = ''] = cidr.split('/');
  return inRange(address, `${plainAddress(own)}/${length}`);
}

/** That a look was taken at all: the one thing that is said when none was. */
export const viewTaken: Control<ViewAnswers> = {
  id: 'outside.view',
  title: 'A look from another machine was taken and handed in',
  severity: 'advised',
  section: 'operation',
  refs: ['NIST SP 800-115 section 4'],
  how: 'Reads the file that --outside names and checks that it is whole, recent, of this install and taken from another machine; own and private certificates are compared.',
  threat:
    'From the host itself nobody sees what a firewall, a router or a load balancer in front adds, or what a second address opens.',
  remedy: `Run the probe on another machine outside the allowed ranges, then verify with --outside probe.json. A look counts for ${MAX_AGE_DAYS} days.`,
  impact: 'None: the probe only looks.',
  manual: true,
  async inspect(context) {
    const seen = await evidence(context);
    if (seen === undefined)
      return unknown(`no look was handed in; on another machine: ${probeCommand(context.answers)}`);
    if ('unusable' in seen)
      return unknown(`${seen.unusable}. On another machine: ${probeCommand(context.answers)}`);
    return pass(`${seen.source}, at ${seen.addresses.join(' and ')}, with version ${seen.version}`);
  },
};

const WITHOUT_ROOT = `the look was taken without --ca, so that the private authority of this install was not known there: get its root with docker compose cp ${SERVICE.proxy}:${IN_CADDY.internalRoot} . in the directory of the install, carry it to the other machine and run the probe with --ca root.crt`;

/** What the look has shown about one control, with where and when it was seen. */
export async function shown(id: string, context: Context): Promise<Verdict> {
  const seen = await evidence(context);
  if (seen === undefined) return skip('no look from another machine was handed in (--outside)');
  if ('unusable' in seen) return unknown('the look that was handed in does not count (see outside.view)');
  const verdict = seen.verdicts.get(id);
  const say = (text: string) => `${text} (${seen.source})`;
  switch (verdict?.is) {
    case 'pass': {
      const untried =
        id === 'outside.forged-addresses-refused' ? unclaimed(seen, context.answers) : undefined;
      return untried === undefined ? pass(say(verdict.observed)) : unknown(say(untried));
    }
    case 'fail':
      // Nobody outside knows a private authority that was not handed over.
      if (id === 'outside.certificate-trusted' && context.answers.tls === 'internal' && !seen.withRoot)
        return unknown(say(WITHOUT_ROOT));
      return fail(say(verdict.observed), verdict.expected, verdict.cause);
    case 'unknown':
      return unknown(say(verdict.because));
    case 'skip':
      // A look from outside cannot try what opens inside. Nothing else may be left out.
      return id === 'outside.console-opens-inside'
        ? skip(verdict.because)
        : unknown(say(`the look left it out: ${verdict.because}`));
    default:
      return unknown('the look does not say');
  }
}

/** A forged claim proves something only when it names an address that the fence lets in. */
function unclaimed({ claimed }: Evidence, { adminRanges }: ViewAnswers): string | undefined {
  if (claimed.some((address) => adminRanges.some((range) => inRange(address, range)))) return undefined;
  return `its forged headers claimed ${claimed.join(', ')}, none of which this install lets in: run the probe with --admin-ranges ${adminRanges.join(',')}`;
}
