/** What stays in the scrollback: one quiet line for what is done, more only where somebody should look. */
import { EXIT } from '../../../core/errors.ts';
import { count, type Finding, type Report, type StepReport } from '../../../core/report.ts';
import type { Verdict } from '../../../core/step.ts';
import { foundExit } from '../../../core/verdict.ts';
import type { Entry } from '../model/state.ts';
import { findingDetail, findingRow, needsAttention } from './finding.ts';
import {
  blank,
  bold,
  type Canvas,
  elapsed,
  isNarrow,
  type Line,
  labelled,
  lineWidth,
  padded,
  paragraph,
  quiet,
  sign,
  span,
  spread,
  textWidth,
  truncate,
} from './lines.ts';

/** Findings that the end shows in full; the rest have one row each. */
const IN_FULL = 5;

/** What the records need besides the state. */
export interface RecordContext {
  readonly product: { readonly name: string; readonly version: string };
  keep(report: Report): readonly (readonly [string, string])[];
  readonly reportFile: string;
}

export function drawEntry(entry: Entry, canvas: Canvas, context: RecordContext): Line[] {
  switch (entry.is) {
    case 'header':
      return [
        blank,
        ...spread(
          [span('  '), bold(context.product.name)],
          [quiet(`${context.product.version}   ${truncate(entry.dir, 40, canvas.unicode)}`)],
          canvas,
        ),
        blank,
      ];
    case 'answer':
      return answerLine(entry.title, entry.value, canvas);
    case 'step':
      return stepRecord(entry.step, canvas);
    case 'every-control':
      return everyControl(entry.report, canvas);
    case 'end':
      return endRecord(entry.report, canvas, context);
  }
}

function answerLine(title: string, value: string, canvas: Canvas): Line[] {
  const room = textWidth(canvas) - 6;
  return [
    [
      span('  '),
      span(sign('bullet', canvas), 'quiet'),
      span(' '),
      quiet(truncate(title, room, canvas.unicode)),
    ],
    [span('    '), span(truncate(value, room, canvas.unicode))],
  ];
}

/** A finished step: one line, and below it what needs attention. */
function stepRecord(step: StepReport, canvas: Canvas): Line[] {
  const is = (verdict: Verdict['is']) =>
    step.findings.filter((f) => f.verdict.is === verdict && !f.waived).length;
  const done = step.changes.filter((change) => change.status === 'done').length;
  const parts = [
    [is('pass'), 'proved'],
    [is('fail'), 'failing'],
    [is('unknown'), 'not seen'],
    [is('attest'), 'open'],
    [step.findings.filter((f) => f.waived).length, 'waived'],
    [done, done === 1 ? 'change' : 'changes'],
  ] as const;
  const said = parts.flatMap(([n, word]) => (n > 0 ? [`${n} ${word}`] : [])).join(', ');
  const good = step.outcome === 'held' || step.outcome === 'applied' || step.outcome === 'looked';
  const isBad = !good || step.findings.some((f) => f.severity === 'required' && f.verdict.is === 'fail');
  const mark = isBad ? span(sign('failing', canvas), 'bad') : span(sign('proved', canvas), 'good');
  const took = step.duration >= 1000 ? [quiet(`${(step.duration / 1000).toFixed(1)} s`)] : [];
  const name = canvas.columns < 60 ? step.title : padded(step.title, 22);
  const head = [span('  '), mark, span(` ${name} `)];
  const whole = [...head, quiet(said || step.outcome)];
  const isShort = lineWidth(whole) + (took.length > 0 ? lineWidth(took) + 2 : 0) <= textWidth(canvas);
  return [
    ...spread(isShort ? whole : head, took, canvas),
    ...(isShort ? [] : paragraph(said || step.outcome, 4, canvas, 'quiet')),
    ...step.findings.filter(needsAttention).flatMap((finding) => findingRow(finding, canvas)),
  ];
}

function everyControl(report: Report, canvas: Canvas): Line[] {
  return [
    blank,
    ...report.steps.flatMap((step) => [
      [span('  '), bold(step.title)] as Line,
      ...step.findings.flatMap((finding) => findingRow(finding, canvas)),
      blank,
    ]),
  ];
}

/** The verdict, the counts, what is open, and what to keep. */
function endRecord(report: Report, canvas: Canvas, context: RecordContext): Line[] {
  const good = foundExit(report) === EXIT.proved;
  const lines: Line[] = [blank, ...verdict(report, canvas), blank];
  const attention = report.steps
    .flatMap((step) => step.findings)
    .filter(needsAttention)
    .sort((a, b) => urgency(a) - urgency(b));
  // A run that walked through the steps has shown each finding already; a look at an install has not.
  if (report.mode === 'verify' || (!good && !report.stopped)) {
    const first = attention.slice(0, IN_FULL);
    for (const finding of first) lines.push(...findingDetail(finding, canvas), blank);
    for (const finding of attention.slice(IN_FULL)) lines.push(...findingRow(finding, canvas));
    if (attention.length > IN_FULL) lines.push(blank);
  }
  if (report.stopped) lines.push(...stopped(report, canvas));
  if (report.steps.some((step) => step.findings.length > 0))
    lines.push(...countsLines(report, 'required', canvas), ...countsLines(report, 'advised', canvas));
  if (report.mode !== 'verify' && !report.stopped) {
    lines.push(blank, [span('  '), bold('Keep these')]);
    const keep = context.keep(report);
    const column = Math.max(...keep.map(([label]) => label.length));
    for (const [label, text] of keep) lines.push(...labelled(label.padEnd(column), text, 4, canvas));
    const took = Date.parse(report.finishedAt) - Date.parse(report.startedAt);
    const file = [span('  '), quiet(`report  ${context.reportFile}`)];
    lines.push(
      blank,
      ...(lineWidth(file) + 10 > textWidth(canvas)
        ? labelled('report', `${context.reportFile}   ${elapsed(took)}`, 2, canvas)
        : spread(file, [quiet(elapsed(took))], canvas)),
    );
  }
  return lines;
}

/** What fails comes first, then what was not seen, then what is open; advised after required. */
const urgency = (finding: Finding): number =>
  (finding.severity === 'required' ? 0 : 10) +
  ['fail', 'unknown', 'attest', 'skip', 'pass'].indexOf(finding.verdict.is);

const verdict = (report: Report, canvas: Canvas): Line[] =>
  paragraph(report.verdict, 2, canvas).map(([indent = span(''), text = span('')]) => [
    indent,
    bold(text.text, foundExit(report) === EXIT.proved ? 'good' : 'bad'),
  ]);

function countsLines(report: Report, severity: 'required' | 'advised', canvas: Canvas): Line[] {
  const c = count(report, severity);
  const part = (n: number, word: string, tone: 'good' | 'bad' | 'open'): Line => [
    span(`   ${n} `, n > 0 ? tone : 'quiet'),
    quiet(word),
  ];
  const parts = [
    part(c.proved, 'proved', 'good'),
    part(c.failing, 'failing', 'bad'),
    part(c.notSeen, 'not seen', 'open'),
    ...(c.open > 0 ? [part(c.open, 'open', 'open')] : []),
    ...(c.waived > 0 ? [part(c.waived, 'waived', 'open')] : []),
  ];
  const head: Line = [span('    '), span(severity.padEnd(8))];
  const whole = [...head, ...parts.flat()];
  if (isNarrow(canvas) || lineWidth(whole) > textWidth(canvas))
    return [head, ...parts.map((p): Line => [span('    '), ...p])];
  return [whole];
}

/** Why it ended early, what was done and stays, and what was not done. */
function stopped(report: Report, canvas: Canvas): Line[] {
  const { step = '', reason = '', fix } = report.stopped ?? {};
  const title = report.steps.find((s) => s.id === step)?.title ?? step;
  const changes = report.steps.flatMap((s) => s.changes);
  const lines: Line[] = [...paragraph(`It stopped at ${title}: ${reason}.`, 2, canvas)];
  if (fix) lines.push(...labelled('fix', fix, 4, canvas));
  const list = (heading: string, items: readonly string[]) => {
    if (items.length === 0) return;
    lines.push(blank, [span('  '), bold(heading)]);
    for (const item of items)
      lines.push([span('    '), span(truncate(item, textWidth(canvas) - 4, canvas.unicode))]);
  };
  list(
    'Done, and left in place',
    changes.filter((c) => c.status === 'done').map((c) => c.summary),
  );
  list(
    'Not done',
    changes.filter((c) => c.status !== 'done' && c.status !== 'planned').map((c) => c.summary),
  );
  const later = report.steps.filter((s) => s.outcome === 'not-reached').map((s) => s.title);
  if (later.length > 0)
    lines.push(blank, ...paragraph(`Not looked at: ${later.join(', ')}.`, 2, canvas, 'quiet'));
  lines.push(blank);
  return lines;
}
