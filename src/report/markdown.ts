import { stripVTControlCharacters } from 'node:util';
import { count, type Finding, type Report } from '../core/report.ts';
import { attention, exitText } from './state.ts';
import { driftText, seen } from './text.ts';

const WORDS = {
  pass: 'proved',
  fail: 'failing',
  unknown: 'not seen',
  attest: 'open',
  skip: 'does not apply',
} as const;

/** The report as Markdown, for people: verdict, counts, what needs attention, then every control. Ends with a line break. */
export function renderMarkdown(report: Report, sections: Readonly<Record<string, string>>): string {
  const open = attention(report);
  const counts = (['required', 'advised'] as const).map((severity) => {
    const c = count(report, severity);
    return `| ${severity} | ${c.proved} | ${c.failing} | ${c.notSeen} | ${c.open} | ${c.waived} | ${c.skipped} |`;
  });
  return `${[
    `# ${text(report.verdict)}`,
    '',
    `${report.tool.name} ${report.tool.version}, ${report.mode} of ${code(report.dir)}, ${report.finishedAt}. Exit code ${report.exit}: ${text(exitText(report))}.`,
    '',
    '| | proved | failing | not seen | open | waived | does not apply |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...counts,
    '',
    ...(report.stopped ? [...stopped(report.stopped), ''] : []),
    ...(report.delta ? [...delta(report.delta), ''] : []),
    ...(open.length > 0 ? ['## To look at', '', ...open.flatMap(detail)] : []),
    ...report.steps.flatMap((step) => [
      `## ${text(step.title)}`,
      '',
      ...step.changes.map((change) => `- ${change.status}: ${text(change.summary)}`),
      ...(step.changes.length > 0 ? [''] : []),
      ...(step.findings.length > 0
        ? [
            '| control | statement | verdict | seen | guide section |',
            '| --- | --- | --- | --- | --- |',
            ...step.findings.map((finding) => row(finding, sections)),
          ]
        : ['Not looked at.']),
      '',
    ]),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

/** One report as it is; several as parts of one document, each headed by its directory. */
export function renderMarkdownOf(
  reports: readonly Report[],
  sections: Readonly<Record<string, string>>,
): string {
  const [first, ...others] = reports;
  if (first && others.length === 0) return renderMarkdown(first, sections);
  const part = (report: Report) =>
    renderMarkdown(report, sections)
      .split('\n')
      // Headings are the only lines that begin so: everything of a report is escaped.
      .map((line) => (/^#+ /.test(line) ? `#${line}` : line))
      .join('\n');
  return [`# ${reports.length} installs`, '', ...reports.map(part)].join('\n');
}

/** On one line, and harmless for a terminal that shows the file. */
const plain = (raw: string) =>
  stripVTControlCharacters(raw)
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '');

/** Text made harmless inside Markdown: no markup and no line breaks of its own. */
const text = (raw: string) => plain(raw).replace(/([\\`*_[\]<>|~&])/g, '\\$1');

/** Text as code, which knows no escapes. */
const code = (raw: string) => `\`${plain(raw).replaceAll('`', "'").replaceAll('|', '/')}\``;

/** Lines as they are, in a fence that is longer than any run of backticks in them. */
function block(raw: string, language: string): string[] {
  const lines = raw.split('\n').map((line) => stripVTControlCharacters(line).replace(/(?!\t)\p{Cc}/gu, ''));
  const longest = Math.max(2, ...[...raw.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...lines, fence];
}

const stopped = ({ step, reason, fix }: NonNullable<Report['stopped']>) => [
  `It stopped at ${text(step)}: ${text(reason)}`,
  ...(fix ? ['', `Fix: ${text(fix)}`] : []),
];

const delta = (since: NonNullable<Report['delta']>) =>
  [
    `Since ${text(since.since)}:`,
    ...(['new', 'fixed', 'open'] as const).map(
      (kind) => `- ${kind === 'open' ? 'still open' : kind}: ${since[kind].map(code).join(', ') || 'none'}`,
    ),
  ].flatMap((line, i) => (i === 1 ? ['', line] : [line]));

const word = (finding: Finding) => (finding.waived ? 'waived' : WORDS[finding.verdict.is]);

const row = (finding: Finding, sections: Readonly<Record<string, string>>) =>
  `| ${code(finding.control)} | ${text(finding.title)} | ${word(finding)} | ${text(seen(finding.verdict))} | ${text(sections[finding.section] ?? finding.section)} |`;

function detail(finding: Finding): string[] {
  const { verdict } = finding;
  return [
    `### ${text(finding.title)}`,
    '',
    `- control: ${code(finding.control)} (${finding.severity}), ${word(finding)}`,
    `- seen: ${text(seen(verdict))}`,
    ...(verdict.is === 'fail' ? [`- expected: ${text(verdict.expected)}`] : []),
    ...(verdict.is === 'fail' && verdict.cause ? [`- cause: ${text(verdict.cause)}`] : []),
    ...(finding.drift ? [`- drift: ${text(driftText(finding.drift))}`] : []),
    ...(finding.exception
      ? [
          `- waived by ${text(finding.exception.owner)} until ${text(finding.exception.expires)}: ${text(finding.exception.reason)}`,
          `- instead: ${text(finding.exception.compensating)}`,
        ]
      : []),
    `- threat: ${text(finding.threat)}`,
    `- fix: ${text(finding.remedy)}`,
    ...(finding.impact ? [`- impact: ${text(finding.impact)}`] : []),
    ...(finding.drift?.diff ? ['', ...block(finding.drift.diff, 'diff')] : []),
    '',
  ];
}
