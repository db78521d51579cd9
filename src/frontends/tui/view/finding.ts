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

/** True for what somebody should look at: failing, not seen, open, waived. */
export const needsAttention = (finding: Finding): boolean =>
  finding.waived !== undefined || !['pass', 'skip'].includes(finding.verdict.is);

/** One control on one row: the statement, and what was seen; on a narrow screen under each other. */
export function controlRow(title: string, mark: Line[number], right: string, canvas: Canvas): Line[] {
  const width = textWidth(canvas);
  if (isNarrow(canvas)) {
    const rows: Line[] = [[span('    '), mark, span(` ${truncate(title, width - 6, canvas.unicode)}`)]];
    if (right !== '') rows.push([span('      '), quiet(truncate(right, width - 6, canvas.unicode))]);
    return rows;
  }
  const column = 44;
  const head: Line = [span('    '), mark, span(' ')];
  const room = column - lineWidth(head);
  const left = truncate(title, right === '' ? width - lineWidth(head) : room - 1, canvas.unicode);
  return [
    [
      ...head,
      span(right === '' ? left : padded(left, room)),
      ...(right === '' ? [] : [quiet(truncate(right, width - column, canvas.unicode))]),
    ],
  ];
}

/** A finding on one row. */
export const findingRow = (finding: Finding, canvas: Canvas): Line[] =>
  controlRow(finding.title, signOf(finding, canvas), oneLine(seen(finding.verdict)), canvas);

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

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
