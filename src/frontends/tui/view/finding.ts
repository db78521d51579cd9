import type { Finding } from '../../../core/report.ts';
import type { Verdict } from '../../../core/step.ts';
import { driftText, seen } from '../../../report/text.ts';
import {
  type Canvas,
  isNarrow,
  type Line,
  labelled,
  lineWidth,
  padded,
  paragraph,
  quiet,
  sign,
  span,
  type Tone,
  textWidth,
  truncate,
} from './lines.ts';

const LOOKS: Readonly<Record<Verdict['is'] | 'waived', readonly [Parameters<typeof sign>[0], Tone, string]>> =
  {
    pass: ['proved', 'good', 'proved'],
    fail: ['failing', 'bad', 'failing'],
    unknown: ['unseen', 'open', 'not seen'],
    attest: ['open', 'open', 'open'],
    skip: ['skipped', 'quiet', 'does not apply'],
    waived: ['waived', 'open', 'waived'],
  };
const lookOf = (finding: Finding) => LOOKS[finding.waived ? 'waived' : finding.verdict.is];

/** The word for a finding's verdict. */
export const wordOf = (finding: Finding): string => lookOf(finding)[2];

/** The sign of a finding in its colour. */
export function signOf(finding: Finding, canvas: Canvas): Line[number] {
  const [name, tone] = lookOf(finding);
  return span(sign(name, canvas), tone);
}

/** Where what was seen begins, when the statement leaves room beside it. */
const COLUMN = 44;
/** Fewer columns than this say nothing of what was seen. */
const LEAST = 20;

/** True when statement and observation both stand whole on one row, in two columns. */
const fitsOneRow = (head: Line, title: string, right: string, canvas: Canvas): boolean =>
  !isNarrow(canvas) &&
  lineWidth([...head, span(title)]) < COLUMN &&
  lineWidth([span(right)]) <= textWidth(canvas) - COLUMN;

/**
 * One control on one row, two where the screen is narrow: while it is looked at. The statement comes first; what was
 * seen takes what is left of the row.
 */
export function controlLine(title: string, mark: Line[number], right: string, canvas: Canvas): Line[] {
  const width = textWidth(canvas);
  const head: Line = [span('    '), mark, span(' ')];
  const room = width - lineWidth(head);
  if (isNarrow(canvas)) {
    const rows: Line[] = [[...head, span(truncate(title, room, canvas.unicode))]];
    if (right !== '') rows.push([span('      '), quiet(truncate(right, width - 6, canvas.unicode))]);
    return rows;
  }
  const left = truncate(title, room, canvas.unicode);
  const column = Math.max(COLUMN, lineWidth([...head, span(left)]) + 2);
  if (right === '' || width - column < Math.min(LEAST, right.length)) return [[...head, span(left)]];
  return [
    [
      ...head,
      span(padded(left, column - lineWidth(head))),
      quiet(truncate(right, width - column, canvas.unicode)),
    ],
  ];
}

/** One control with nothing cut off: statement and observation beside each other where both fit, else below. */
export function controlRows(title: string, mark: Line[number], right: string, canvas: Canvas): Line[] {
  const head: Line = [span('    '), mark, span(' ')];
  if (right !== '' && fitsOneRow(head, title, right, canvas)) return controlLine(title, mark, right, canvas);
  const [first = [], ...rest] = paragraph(title, lineWidth(head), canvas);
  return [
    [...head, ...first.slice(1)],
    ...rest,
    ...(right === '' ? [] : paragraph(right, lineWidth(head) + 2, canvas, 'quiet')),
  ];
}

/** A finding whole: what stays in the scrollback. */
export const findingRow = (finding: Finding, canvas: Canvas): Line[] =>
  controlRows(finding.title, signOf(finding, canvas), seenOf(finding), canvas);

/** What was seen, on one line. */
export const seenOf = (finding: Finding): string => seen(finding.verdict).replace(/\s+/g, ' ').trim();

/** A finding in full: what was seen, what was expected, why, how to repair it, and what the repair costs. */
export function findingDetail(finding: Finding, canvas: Canvas): Line[] {
  const { verdict } = finding;
  const advised = finding.severity === 'advised' ? ' (advised)' : '';
  const lines: Line[] = [];
  const [first = [], ...rest] = paragraph(`${finding.title}${advised}`, 6, canvas);
  lines.push([span('    '), signOf(finding, canvas), span(' '), ...first.slice(1)], ...rest);
  const row = (label: string, text: string) => lines.push(...labelled(label, text, 8, canvas));
  row(verdict.is === 'fail' ? 'seen' : verdict.is === 'attest' ? 'open' : 'why', seen(verdict));
  if (verdict.is === 'fail') {
    row('expected', verdict.expected);
    if (verdict.cause) row('cause', verdict.cause);
  }
  if (finding.drift) row('drift', driftText(finding.drift));
  if (!finding.waived) {
    row('fix', finding.remedy);
    if (finding.impact) row('impact', finding.impact);
  }
  row('control', finding.control);
  return lines;
}
