import { createHash } from 'node:crypto';
import type { Log, Notification, ReportingDescriptor, Result, Run } from 'sarif';
import { EXIT } from '../core/errors.ts';
import type { Finding, Report } from '../core/report.ts';
import type { ReportContext } from './formats.ts';
import { printableJson } from './printable.ts';
import { placeOf } from './sarif-place.ts';
import { actual, exitText, findingsOf, stateOf } from './state.ts';
import { driftText, seen } from './text.ts';

/** The OASIS standard's schema (SARIF 2.1.0, appendix C and errata 01). */
const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
/** The install directory: what relative locations start from. */
const BASE = 'INSTALL';
/** What a result is placed at that is about something running: every result needs a file, or code scanning refuses all. */
const DECLARATION = 'compose.yaml';
/** What can come between the tool and a result, by the index that notifications refer to. */
const NOTICES = [
  {
    id: 'control-not-seen',
    short: 'A control could not be looked at.',
    full: 'Nothing is claimed about it: it is neither proved nor failing.',
    help: 'Do what the notification names, then verify again.',
  },
  {
    id: 'run-stopped',
    short: 'The run ended before its last step.',
    full: 'Controls of later steps have no result.',
    help: 'Do what the notification names, then run again.',
  },
] as const;
const noticeOf = ({ id, short, full, help }: (typeof NOTICES)[number]): ReportingDescriptor => ({
  id,
  shortDescription: { text: short },
  fullDescription: { text: full },
  help: { text: help },
});

/**
 * Reports as SARIF 2.1.0, a run for each. Kinds follow 3.27.9: proved `pass`, failing `fail`, not seen `open`, an
 * attestation `review`, what does not apply `notApplicable`; a waiver is an accepted suppression of what it covers.
 *
 * @param isFull a result for every control. Otherwise only for those that are neither proved nor without an object:
 *   GitHub code scanning shows a result of every kind as an alert, also a `pass` (microsoft/PSRule#955).
 * @param reports made printable (printable.ts)
 */
export function renderSarif(reports: readonly Report[], context: ReportContext, isFull: boolean): string {
  const log: Log = { $schema: SCHEMA, version: '2.1.0', runs: reports.map((r) => runOf(r, context, isFull)) };
  return `${printableJson(log)}\n`;
}

function runOf(report: Report, context: ReportContext, isFull: boolean): Run {
  const findings = findingsOf(report);
  const rules = new Map<string, ReportingDescriptor>();
  for (const finding of findings)
    if (!rules.has(finding.control)) rules.set(finding.control, ruleOf(finding, context));
  const indexOf = new Map([...rules.keys()].map((id, index) => [id, index]));
  const shown = isFull ? findings : findings.filter((f) => !['pass', 'skip'].includes(stateOf(f)));
  return {
    tool: {
      driver: {
        name: report.tool.name,
        version: report.tool.version,
        rules: [...rules.values()],
        notifications: NOTICES.map(noticeOf),
      },
    },
    // GitHub takes the part before the last slash as the category: installs do not close each other's alerts.
    automationDetails: { id: `${report.mode}${report.dir}/` },
    originalUriBaseIds: { [BASE]: { uri: fileUri(`${report.dir}/`) } },
    columnKind: 'utf16CodeUnits',
    invocations: [
      {
        executionSuccessful: isComplete(report),
        exitCode: report.exit,
        exitCodeDescription: exitText(report),
        startTimeUtc: report.startedAt,
        endTimeUtc: report.finishedAt,
        toolExecutionNotifications: notificationsOf(report, indexOf),
      },
    ],
    results: shown.map((finding) => resultOf(finding, indexOf.get(finding.control) ?? -1, report, context)),
    properties: {
      verdict: report.verdict,
      mode: report.mode,
      dir: report.dir,
      // Without these results an absent one means nothing.
      results: isFull ? 'every control' : 'every control that is not proved and applies',
      ...(report.selection ? { selection: report.selection } : {}),
      ...(report.delta ? { delta: report.delta } : {}),
    },
  };
}

const isComplete = ({ exit, stopped }: Report): boolean =>
  !stopped && exit !== EXIT.bug && exit !== EXIT.cancelled && exit !== EXIT.usage;

function ruleOf(finding: Finding, context: ReportContext): ReportingDescriptor {
  const { control, title, threat, remedy, impact, severity, section, refs } = finding;
  const helpUri = refs.map(addressOf).find((address) => address !== undefined);
  const help = [remedy, ...(impact ? [`Impact: ${impact}`] : [])];
  const isRequired = severity === 'required';
  return {
    id: control,
    shortDescription: { text: sentence(title) },
    fullDescription: { text: sentence(threat) },
    help: { text: [...help, ...(refs.length > 0 ? [`References: ${refs.join('; ')}.`] : [])].join('\n') },
    ...(helpUri === undefined ? {} : { helpUri }),
    defaultConfiguration: { level: isRequired ? 'error' : 'warning' },
    properties: {
      section,
      sectionTitle: context.sections[section] ?? section,
      severity,
      refs: [...refs],
      tags: ['security', section],
      // GitHub's scale: high from 7.0, medium from 4.0. Ours has two steps, so there are two values.
      'security-severity': isRequired ? '8.0' : '4.0',
      'problem.severity': isRequired ? 'error' : 'warning',
      precision: 'very-high',
    },
  };
}

/** The permanent address of a reference, where its publisher keeps one. */
function addressOf(ref: string): string | undefined {
  const rfc = /^RFC (\d+)/.exec(ref)?.[1];
  if (rfc) return `https://www.rfc-editor.org/rfc/rfc${rfc}`;
  const cwe = /^CWE-(\d+)$/.exec(ref)?.[1];
  if (cwe) return `https://cwe.mitre.org/data/definitions/${cwe}.html`;
  const cve = /^CVE-\d{4}-\d+$/.exec(ref)?.[0];
  return cve ? `https://www.cve.org/CVERecord?id=${cve}` : undefined;
}

const KINDS = {
  pass: 'pass',
  fail: 'fail',
  unknown: 'open',
  attest: 'review',
  skip: 'notApplicable',
} as const;

function resultOf(finding: Finding, ruleIndex: number, report: Report, context: ReportContext): Result {
  const { control, severity, step, exception } = finding;
  const verdict = actual(finding);
  const isFail = verdict.is === 'fail';
  const place = placeOf(finding, report.dir, context.files ?? []);
  const id = createHash('sha256').update(`${report.tool.name}\0${control}`).digest('hex');
  return {
    ruleId: control,
    ruleIndex,
    kind: KINDS[verdict.is],
    // 3.27.10: anything but `none` belongs to `fail`.
    level: isFail ? (severity === 'required' ? 'error' : 'warning') : 'none',
    message: { text: messageOf(finding) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: encodePath(place?.file ?? DECLARATION), uriBaseId: BASE },
          ...(place?.line === undefined ? {} : { region: { startLine: place.line } }),
        },
        logicalLocations: [{ name: control, fullyQualifiedName: `${step}/${control}`, kind: 'member' }],
      },
    ],
    partialFingerprints: {
      'control/v1': id,
      // The only one that GitHub matches by; what it names here is the control, wherever the file's lines move.
      primaryLocationLineHash: `${id.slice(0, 16)}:1`,
    },
    // 3.27.23: all results have the array, or none.
    suppressions: finding.waived
      ? [
          {
            kind: 'external',
            status: 'accepted',
            justification: exception
              ? `${exception.reason} Owner: ${exception.owner}. Instead: ${exception.compensating}. Until ${exception.expires}. (${exception.where})`
              : seen(finding.verdict),
          },
        ]
      : [],
    ...(report.delta ? { baselineState: baselineState(finding, report.delta) } : {}),
    properties: {
      verdict: verdict.is,
      ...(finding.waived ? { waived: true } : {}),
      ...(finding.manual ? { manual: true } : {}),
      ...(finding.drift ? { drift: finding.drift } : {}),
      durationMs: finding.duration,
    },
  };
}

/**
 * 3.27.24 wants a state for every result once one has it. Nothing is `absent`: a control that was fixed still has its
 * result, of another kind.
 */
function baselineState(
  finding: Finding,
  delta: NonNullable<Report['delta']>,
): 'new' | 'updated' | 'unchanged' {
  if (delta.new.includes(finding.control)) return 'new';
  return delta.fixed.includes(finding.control) ? 'updated' : 'unchanged';
}

/** 3.27.11: what was seen, what it risks, what can be done. */
function messageOf(finding: Finding): string {
  const { title, remedy, impact, threat, drift } = finding;
  const verdict = actual(finding);
  const line = (label: string, text: string) => sentence(`${label}: ${text}`);
  const fix = [
    line('Fix', remedy),
    ...(impact ? [line('Impact of the fix', impact)] : []),
    line('Threat', threat),
  ];
  switch (verdict.is) {
    case 'pass':
      return [line('Proved', title), line('Seen', verdict.observed)].join('\n');
    case 'skip':
      return [line('Does not apply', title), line('Why', verdict.because)].join('\n');
    case 'attest':
      return [line('Open', title), line('A person has to say', verdict.ask), ...fix].join('\n');
    case 'unknown':
      return [line('Not seen, so nothing is claimed', title), line('Why', verdict.because), ...fix].join(
        '\n',
      );
    case 'fail':
      return [
        line('Does not hold', title),
        line('Seen', verdict.observed),
        line('Expected', verdict.expected),
        ...(verdict.cause ? [line('Cause', verdict.cause)] : []),
        ...(drift ? [sentence(driftText(drift))] : []),
        ...fix,
      ].join('\n');
  }
}

function notificationsOf(report: Report, indexOf: ReadonlyMap<string, number>): Notification[] {
  const blind = findingsOf(report).flatMap((finding): Notification[] => {
    const verdict = actual(finding);
    if (verdict.is !== 'unknown') return [];
    const { control, severity } = finding;
    return [
      {
        descriptor: { id: NOTICES[0].id, index: 0 },
        associatedRule: { id: control, index: indexOf.get(control) ?? -1 },
        // 3.58.6: an error makes the results incomplete.
        level: severity === 'required' ? 'error' : 'warning',
        message: { text: sentence(`${control} could not be looked at: ${verdict.because}`) },
      },
    ];
  });
  const { stopped } = report;
  if (!stopped) return blind;
  const text = [
    `The run stopped at ${stopped.step}: ${stopped.reason}`,
    ...(stopped.fix ? [stopped.fix] : []),
  ];
  return [
    ...blind,
    {
      descriptor: { id: NOTICES[1].id, index: 1 },
      level: 'error',
      message: { text: text.map(sentence).join('\n') },
    },
  ];
}

const sentence = (text: string): string => (/[.!?:]$/.test(text.trimEnd()) ? text : `${text}.`);

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
const fileUri = (path: string): string => `file://${encodePath(path)}`;
