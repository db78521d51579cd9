/** What stays in the scrollback: one quiet line for what is done, more only where somebody should look. */
import { EXIT } from '../../../core/errors.ts';
import { count, type Report, type StepReport } from '../../../core/report.ts';
import type { Verdict } from '../../../core/step.ts';
import { foundExit } from '../../../core/verdict.ts';
import { attention, needsAttention } from '../../../report/state.ts';
import type { Entry } from '../model/state.ts';
import { findingDetail, findingRow } from './finding.ts';
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
  type Tone,
  textWidth,
  truncate,
} from './lines.ts';

/** Findings that the end shows in full; the rest have one row each. */
const IN_FULL = 5;

/** What the operator can rely on, said before anything is asked. */
const PROMISE = 'Nothing is changed before you have seen it and agreed to it.';

/** What the records need besides the state. */
export interface RecordContext {
  readonly product: { readonly name: string; readonly version: string };
  keep(report: Report): readonly (readonly [string, string])[];
  readonly reportFile: string;
}

/** @param before what was drawn last: a blank row stands between groups, none inside of one */
export function drawEntry(
  entry: Entry,
  canvas: Canvas,
  context: RecordContext,
  before?: Entry['is'],
): Line[] {
  const lines = drawRecord(entry, canvas, context);
  const goesOn = before === entry.is && (entry.is === 'answer' || entry.is === 'step');
  return goesOn || before === undefined ? lines : [blank, ...lines];
}

function drawRecord(entry: Entry, canvas: Canvas, context: RecordContext): Line[] {
  switch (entry.is) {
    case 'header':
      return [
        blank,
        ...spread(
          [span('  '), bold(context.product.name)],
          [quiet(`${context.product.version}   ${truncate(entry.dir, 40, canvas.unicode)}`)],
          canvas,
        ),
        ...paragraph(PROMISE, 2, canvas, 'quiet'),
      ];
    case 'note':
      return paragraph(entry.text, 2, canvas);
    case 'answer':
      return answerLine(entry.title, entry.value, canvas);
    case 'step':
      return stepRecord(entry.step, entry.told === true, canvas);
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
function stepRecord(step: StepReport, isTold: boolean, canvas: Canvas): Line[] {
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
  const isSeen = is('pass') > 0 || !step.findings.some(needsAttention);
  const mark = isBad
    ? span(sign('failing', canvas), 'bad')
    : isSeen
      ? span(sign('proved', canvas), 'good')
      : span(sign('unseen', canvas), 'open');
  const took = step.duration >= 1000 ? [quiet(`${(step.duration / 1000).toFixed(1)} s`)] : [];
  const name = canvas.columns < 60 ? step.title : padded(step.title, 23);
  const head = [span('  '), mark, span(` ${name} `)];
  const whole = [...head, quiet(said || step.outcome)];
  const isShort = lineWidth(whole) + (took.length > 0 ? lineWidth(took) + 2 : 0) <= textWidth(canvas);
  return [
    ...spread(isShort ? whole : head, took, canvas),
    ...(isShort ? [] : paragraph(said || step.outcome, 4, canvas, 'quiet')),
    ...step.findings
      .filter((finding) => needsAttention(finding) && !(isTold && finding.severity === 'advised'))
      .flatMap((finding) => findingRow(finding, canvas)),
  ];
}

function everyControl(report: Report, canvas: Canvas): Line[] {
  return report.steps.flatMap((step, i) => [
    ...(i === 0 ? [] : [blank]),
    [span('  '), bold(step.title)] as Line,
    ...step.findings.flatMap((finding) => findingRow(finding, canvas)),
  ]);
}

/** The verdict, the counts, what is open, and what to keep. */
function endRecord(report: Report, canvas: Canvas, context: RecordContext): Line[] {
  const isLook = report.mode === 'verify';
  const counts = report.steps.some((step) => step.findings.length > 0) ? countsLines(report, canvas) : [];
  // A run that walked through the steps has shown each finding already; a look at an install has not.
  if (isLook) {
    const found = attentionLines(report, canvas);
    return [...found, ...(found.length > 0 ? [blank] : []), ...counts, blank, ...verdict(report, canvas)];
  }
  const lines: Line[] = [...verdict(report, canvas), blank];
  if (report.stopped) lines.push(...stopped(report, canvas), ...(counts.length > 0 ? [blank] : []));
  else if (foundExit(report) !== EXIT.proved) {
    const found = attentionLines(report, canvas);
    if (found.length > 0) lines.push(...found, blank);
  }
  lines.push(...counts);
  if (!report.stopped) {
    lines.push(blank, [span('  '), bold('Keep these')]);
    const keep = context.keep(report);
    const column = Math.max(...keep.map(([label]) => label.length));
    for (const [label, text] of keep) lines.push(...keepLines(label.padEnd(column), text, canvas));
    const took = Date.parse(report.finishedAt) - Date.parse(report.startedAt);
    const file = [span('  '), quiet(`report  ${context.reportFile}`)];
    lines.push(
      blank,
      ...(lineWidth(file) + 10 > textWidth(canvas)
        ? [
            ...labelled('report', context.reportFile, 2, canvas),
            ...labelled('took', elapsed(took), 2, canvas),
          ]
        : spread(file, [quiet(elapsed(took))], canvas)),
    );
  }
  return lines;
}

/**
 * What somebody should look at. What matters most comes last, in full: on a terminal that is where the eye is, and the
 * keys are below it.
 */
function attentionLines(report: Report, canvas: Canvas): Line[] {
  const all = attention(report);
  const whole = all.filter((finding) => finding.severity === 'required').slice(0, IN_FULL);
  const rest = all.filter((finding) => !whole.includes(finding));
  const rows = rest.toReversed().flatMap((finding) => findingRow(finding, canvas));
  return [
    ...rows,
    ...whole
      .toReversed()
      .flatMap((finding, i) => [
        ...(i === 0 && rows.length === 0 ? [] : [blank]),
        ...findingDetail(finding, canvas),
      ]),
  ];
}

/** A path stands alone on its line, to be copied, and what it means below it; a command is not broken where it need not be. */
function keepLines(label: string, text: string, canvas: Canvas): Line[] {
  const [, path, first = '', rest = ''] = /^(\/\S*): (.)(.*)$/s.exec(text) ?? [];
  if (path !== undefined) return labelled(label, `${path}\n${first.toUpperCase()}${rest}`, 4, canvas);
  const beside = labelled(label, text, 4, canvas);
  const below = paragraph(text, 6, canvas);
  return beside.length > below.length ? [[span('    '), quiet(label.trim())], ...below] : beside;
}

const verdict = (report: Report, canvas: Canvas): Line[] =>
  paragraph(report.verdict, 2, canvas).map(([indent = span(''), text = span('')]) => [
    indent,
    bold(text.text, verdictTone(report)),
  ]);

/** An attestation that is open is no failure, and is not drawn as one. */
function verdictTone(report: Report): Tone {
  if (foundExit(report) === EXIT.proved) return 'good';
  const { failing, notSeen } = count(report, 'required');
  return failing + notSeen === 0 && !report.stopped ? 'open' : 'bad';
}

const COUNTED = [
  ['proved', 'proved', 'good'],
  ['failing', 'failing', 'bad'],
  ['notSeen', 'not seen', 'open'],
  ['open', 'open', 'open'],
  ['waived', 'waived', 'open'],
] as const;

/** Required and advised below each other, number below number; what nobody has is left out. */
function countsLines(report: Report, canvas: Canvas): Line[] {
  const rows = (['required', 'advised'] as const).map((severity) => ({
    severity,
    counts: count(report, severity),
  }));
  const columns = COUNTED.filter(([key], i) => i < 3 || rows.some(({ counts }) => counts[key] > 0)).map(
    ([key, word, tone]) => ({
      key,
      word,
      tone,
      width: Math.max(...rows.map(({ counts }) => String(counts[key]).length)),
    }),
  );
  return rows.flatMap(({ severity, counts }) => {
    const head: Line = [span('    '), span(severity.padEnd(8))];
    const parts = columns.map(({ key, word, tone, width }): Line => {
      const n = counts[key];
      return [span(`   ${String(n).padStart(width)} `, n > 0 ? tone : 'quiet'), quiet(word)];
    });
    const whole = [...head, ...parts.flat()];
    if (isNarrow(canvas) || lineWidth(whole) > textWidth(canvas))
      return [head, ...parts.map((part): Line => [span('    '), ...part])];
    return [whole];
  });
}

/** Why it ended early, what was done and stays, and what was not done. */
function stopped(report: Report, canvas: Canvas): Line[] {
  const { step = '', reason = '', fix } = report.stopped ?? {};
  const title = report.steps.find((s) => s.id === step)?.title ?? step;
  const changes = report.steps.flatMap((s) => s.changes);
  const later = report.steps.filter((s) => s.outcome === 'not-reached').map((s) => s.title);
  const isBegun = later.length < report.steps.length;
  // The verdict says that it was cancelled; where there was nothing to stop, no more is to be said.
  const where =
    report.exit !== EXIT.cancelled
      ? `It stopped at ${title}: ${reason}.`
      : isBegun
        ? `It stopped at ${title}.`
        : 'No step was begun.';
  const lines: Line[] = paragraph(where, 2, canvas);
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
  if (later.length > 0 && isBegun)
    lines.push(blank, ...paragraph(`Not looked at: ${later.join(', ')}.`, 2, canvas, 'quiet'));
  return lines;
}
