import type { Finding, Report, StepReport } from '../core/report.ts';
import type { Severity, Verdict } from '../core/step.ts';
import { actual } from './state.ts';
import { driftText, seen } from './text.ts';

/**
 * Reports as JUnit XML (the schema of Jenkins' xUnit plugin, junit-10.xsd): a suite per step, a case per control.
 *
 * A build is red exactly when what was found says so (`foundExit`, core/verdict.ts): a control that counts is a `failure` when it
 * fails or is an open attestation, and an `error` when it could not be seen. An advised control that does not hold
 * does not count unless the report's policy says so; it is then `skipped` with what is wrong, never a plain pass. A run
 * that stopped early has one more case, an `error`, in the suite of the step it stopped at. An exit code that was forced
 * to 0 changes nothing here: red is what was found.
 *
 * @param reports made printable (printable.ts)
 */
export function renderJunit(reports: readonly Report[]): string {
  const many = reports.length > 1;
  const suites = reports.flatMap((report) =>
    report.steps.map((step) => suite(step, report, many ? `${report.dir}: ` : '')),
  );
  const sum = (of: (s: Suite) => number) => suites.reduce((n, s) => n + of(s), 0);
  const attributes = {
    name: reports[0]?.tool.name ?? '',
    tests: sum((s) => s.cases.length),
    failures: sum((s) => s.failures),
    errors: sum((s) => s.errors),
    time: seconds(reports.reduce((n, r) => n + Date.parse(r.finishedAt) - Date.parse(r.startedAt), 0)),
  };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(
    'testsuites',
    attributes,
    suites.map((s) => s.xml),
  )}\n`;
}

interface Suite {
  readonly xml: string;
  readonly cases: readonly Case[];
  readonly failures: number;
  readonly errors: number;
}

interface Case {
  readonly name: string;
  readonly className: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcome?: {
    readonly is: 'failure' | 'error' | 'skipped';
    readonly type: string;
    readonly message: string;
  };
  /** What the case came to, for people. */
  readonly text: string;
}

function suite(step: StepReport, report: Report, prefix: string): Suite {
  const className = `${prefix}${step.id}`;
  const failOn = report.policy?.failOn ?? 'required';
  const cases = step.findings.map((finding) => toCase(finding, className, failOn));
  if (report.stopped?.step === step.id) cases.push(stopCase(report.stopped, className));
  // Stopped where no step of the report is: no way to lose that.
  else if (
    report.stopped &&
    !report.steps.some((s) => s.id === report.stopped?.step) &&
    step === report.steps.at(-1)
  )
    cases.push(stopCase(report.stopped, className));
  const of = (is: string) => cases.filter((c) => c.outcome?.is === is).length;
  const failures = of('failure');
  const errors = of('error');
  const attributes = {
    name: `${prefix}${step.title}`,
    tests: cases.length,
    failures,
    errors,
    skipped: of('skipped'),
    time: seconds(step.duration),
    timestamp: report.startedAt.replace(/\.\d+Z$/, ''),
  };
  const properties = element('properties', {}, [
    ...Object.entries({
      'tool.version': report.tool.version,
      mode: report.mode,
      dir: report.dir,
      'step.outcome': step.outcome,
      exit: String(report.exit),
      verdict: report.verdict,
    }).map(([name, value]) => element('property', { name, value })),
  ]);
  return {
    xml: element('testsuite', attributes, [properties, ...cases.map(caseXml)]),
    cases,
    failures,
    errors,
  };
}

function toCase(finding: Finding, className: string, failOn: Severity): Case {
  const counts = finding.severity === 'required' || failOn === 'advised';
  const outcome = outcomeOf(finding, counts);
  return {
    name: `${finding.control}: ${finding.title}`,
    className,
    duration: finding.duration,
    ...(outcome ? { outcome } : {}),
    text: explain(finding),
  };
}

const PROBLEMS = {
  fail: { is: 'failure', type: 'failing' },
  attest: { is: 'failure', type: 'attestation' },
  unknown: { is: 'error', type: 'not-seen' },
} as const;

function outcomeOf(finding: Finding, counts: boolean): Case['outcome'] {
  const { verdict } = finding;
  if (verdict.is === 'pass') return undefined;
  if (finding.waived) return { is: 'skipped', type: 'waived', message: seen(verdict) };
  if (verdict.is === 'skip')
    return { is: 'skipped', type: 'not-applicable', message: `does not apply: ${seen(verdict)}` };
  const { is, type } = PROBLEMS[verdict.is];
  if (counts) return { is, type, message: headline(verdict) };
  return { is: 'skipped', type: `advised-${type}`, message: `advised, and ${headline(verdict)}` };
}

const headline = (verdict: Verdict): string =>
  verdict.is === 'fail'
    ? `failing: seen ${verdict.observed}; expected ${verdict.expected}`
    : verdict.is === 'unknown'
      ? `not seen: ${verdict.because}`
      : `open: ${seen(verdict)}`;

function explain(finding: Finding): string {
  const verdict = actual(finding);
  if (verdict.is === 'pass') return `seen      ${verdict.observed}`;
  return [
    `${verdict.is === 'fail' ? 'seen    ' : verdict.is === 'attest' ? 'open    ' : 'why     '}  ${seen(verdict)}`,
    ...(verdict.is === 'fail' ? [`expected  ${verdict.expected}`] : []),
    ...(verdict.is === 'fail' && verdict.cause ? [`cause     ${verdict.cause}`] : []),
    ...(finding.drift ? [`drift     ${driftText(finding.drift)}`] : []),
    ...(verdict.is === 'skip' ? [] : [`fix       ${finding.remedy}`]),
    ...(verdict.is !== 'skip' && finding.impact ? [`impact    ${finding.impact}`] : []),
    ...(verdict.is === 'skip' ? [] : [`threat    ${finding.threat}`]),
    ...(finding.drift?.diff ? ['', finding.drift.diff] : []),
  ].join('\n');
}

const stopCase = (stopped: NonNullable<Report['stopped']>, className: string): Case => ({
  name: 'the run reaches its last step',
  className,
  duration: 0,
  outcome: { is: 'error', type: 'stopped', message: `the run stopped here: ${stopped.reason}` },
  text: [stopped.reason, ...(stopped.fix ? [`fix  ${stopped.fix}`] : []), ...(stopped.log ?? [])].join('\n'),
});

function caseXml({ name, className, duration, outcome, text }: Case): string {
  const attributes = { name, classname: className, time: seconds(duration) };
  if (!outcome) return element('testcase', attributes, [element('system-out', {}, text)]);
  const { is, type, message } = outcome;
  return element('testcase', attributes, [element(is, { message, type }, text)]);
}

/** Milliseconds as the decimal seconds of JUnit. */
const seconds = (milliseconds: number): string => (Math.max(0, milliseconds) / 1000).toFixed(3);

const escapeXml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // A parser makes blanks of them in an attribute (XML 1.0, 3.3.3).
    .replaceAll('\t', '&#9;')
    .replaceAll('\n', '&#10;');

function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: string | readonly string[] = [],
): string {
  const open = `<${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('')}`;
  if (typeof content === 'string')
    return `${open}>${escapeXml(content).replaceAll('&#10;', '\n').replaceAll('&#9;', '\t')}</${name}>`;
  if (content.length === 0) return `${open}/>`;
  return `${open}>\n${content.join('\n')}\n</${name}>`;
}
