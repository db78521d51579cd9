/** Panels on which the operator decides. */
import type { ChangeReport } from '../../../core/report.ts';
import { changeable, selectedFinding } from '../model/decisions.ts';
import type { AnswerPicker, Panel, State } from '../model/state.ts';
import { findingDetail, signOf } from './finding.ts';
import {
  blank,
  bold,
  type Canvas,
  chop,
  clipped,
  isNarrow,
  type Line,
  labelled,
  paragraph,
  quiet,
  shortened,
  sign,
  span,
  spread,
  type Tone,
  textWidth,
  truncate,
  wrap,
} from './lines.ts';
import { inputLine } from './question.ts';

type Of<Is extends Panel['is']> = Extract<Panel, { is: Is }>;

/** What would be changed. `rows`: how many lines there is room for. */
export function drawReview(panel: Of<'review'>, state: State, canvas: Canvas, rows: number): Line[] {
  const { changes, step } = panel.proposal;
  const { current } = state;
  // What no change of the plan can repair does not wait for it.
  const waiting = panel.proposal.findings.filter((f) => f.severity === 'required' && !f.manual).length;
  const said = [
    `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`,
    'nothing of this is done yet',
    ...(waiting === 0 ? [] : [waiting === 1 ? '1 control waits for it' : `${waiting} controls wait for it`]),
  ];
  const head = [
    ...spread(
      [span('  '), span(sign('here', canvas), 'accent'), span(' '), bold(step.title)],
      current === undefined ? [] : [quiet(`step ${current.index + 1} of ${current.total}`)],
      canvas,
    ),
    ...paragraph(said.join('; '), 4, canvas, 'quiet'),
  ];
  const room = rows - head.length - 1;
  if (panel.pick) return [...head, blank, ...drawPicker(panel.pick, state, canvas, room)];
  if (panel.confirm) {
    const [id = ''] = panel.confirm.ids;
    const change = changes.find((c) => c.id === id);
    const what = paragraph(change?.summary ?? id, 4, canvas);
    const asked = [
      blank,
      ...paragraph(`Type ${id} to confirm it.`, 4, canvas),
      inputLine(panel.confirm.typed, false, canvas),
    ];
    return [
      ...head,
      blank,
      ...paragraph('This cannot be undone:', 4, canvas),
      ...shortened(what, room - 1 - asked.length, canvas),
      ...asked,
    ];
  }
  const body = panel.showDiff
    ? diffLines(changes, canvas)
    : changes.flatMap((change) => summaryLines(change, isInstalled(state), canvas));
  return [...head, blank, ...scrolled(body, panel.from, room)];
}

/** A look came before: something runs that can be interrupted. A first install interrupts nothing. */
const isInstalled = (state: State): boolean => state.records.some(({ is }) => is === 'end');

function summaryLines(change: ChangeReport, isRunning: boolean, canvas: Canvas): Line[] {
  const counts = diffCounts(change);
  const mark = change.irreversible ? span('!', 'open') : span(sign('change', canvas), 'accent');
  const room = textWidth(canvas) - 8 - (counts === '' ? 0 : counts.length + 3);
  const [first = '', ...rest] = wrap(change.summary, room);
  return [
    ...spread([span('    '), mark, span(` ${first}`)], counts === '' ? [] : [quiet(counts)], canvas),
    ...rest.map((text): Line => [span('      '), span(text)]),
    ...(change.disrupts === undefined || !isRunning ? [] : paragraph(change.disrupts, 6, canvas, 'open')),
    ...(change.irreversible ? paragraph('cannot be undone; it asks for its name', 6, canvas, 'open') : []),
  ];
}

/** `+4 -1`, or nothing when the change has no unified diff. */
function diffCounts(change: ChangeReport): string {
  // In SQL and in calls a line that begins with a hyphen is no line taken away.
  if (!isUnified(change)) return '';
  const rows = (change.diff ?? '').split('\n');
  const added = rows.filter((row) => /^\+(?!\+\+)/.test(row)).length;
  const removed = rows.filter((row) => /^-(?!--)/.test(row)).length;
  return added + removed === 0 ? '' : removed === 0 ? `+${added}` : `+${added} -${removed}`;
}

const isUnified = ({ diff = '' }: ChangeReport): boolean => /^@@ /m.test(diff);

function diffLines(changes: readonly ChangeReport[], canvas: Canvas): Line[] {
  return changes.flatMap((change): Line[] => [
    ...paragraph(change.summary, 4, canvas).map((line) =>
      line.map((part) => ({ ...part, bold: true as const })),
    ),
    ...(change.diff ?? '(no file, statement or call to show)')
      .split('\n')
      .flatMap((row) => diffRow(row, isUnified(change), canvas)),
    blank,
  ]);
}

function diffRow(row: string, isUnified: boolean, canvas: Canvas): Line[] {
  const tone: Tone | undefined = !isUnified
    ? undefined
    : /^(\+\+\+|---|@@)/.test(row)
      ? 'quiet'
      : row.startsWith('+')
        ? 'added'
        : row.startsWith('-')
          ? 'removed'
          : undefined;
  return chop(row, textWidth(canvas) - 6, 3).map((text) => [span('      '), span(text, tone)]);
}

/** A window of `rows` lines; the last one says how much is below. */
function scrolled(lines: readonly Line[], from: number, rows: number): Line[] {
  const room = Math.max(3, rows);
  if (lines.length <= room) return [...lines];
  const start = Math.min(from, lines.length - room + 1);
  const below = lines.length - start - room + 1;
  return [
    ...lines.slice(start, start + room - 1),
    [
      span('    '),
      quiet(
        below > 0
          ? `${below} more ${below === 1 ? 'line' : 'lines'} below (space)`
          : `end of ${lines.length} lines`,
      ),
    ],
  ];
}

/** Where an answer came from, as a person says it; the others say it themselves. */
const SOURCES: Readonly<Record<string, string>> = {
  prompt: 'your answer',
  default: 'the default',
  flag: 'the command line',
};

function drawPicker(pick: AnswerPicker, state: State, canvas: Canvas, rows: number): Line[] {
  const answers = changeable(state);
  const asked = paragraph(
    'Which answer shall change? The run starts over with it; what holds is left alone.',
    4,
    canvas,
  );
  const room = Math.max(3, rows - asked.length - 1);
  const from = Math.max(0, Math.min(pick.selected - Math.floor(room / 2), answers.length - room));
  const width = textWidth(canvas) - 6;
  return [
    ...asked,
    blank,
    ...answers.slice(from, from + room).map(({ question, value, source }, i): Line => {
      const here = from + i === pick.selected;
      const said = value || '(empty)';
      const text = truncate(
        isNarrow(canvas)
          ? `${question}: ${said}`
          : `${question.padEnd(20)} ${said}  (${SOURCES[source] ?? source})`,
        width,
        canvas.unicode,
      );
      return [
        span('    '),
        here ? span(sign('prompt', canvas), 'accent') : span(' '),
        span(' '),
        here ? bold(text, 'accent') : quiet(text),
      ];
    }),
  ];
}

/** What failed, and what can be done about it. */
export function drawFailure(panel: Of<'failure'>, state: State, canvas: Canvas, rows: number): Line[] {
  const { proposal } = panel;
  const { step, findings, reason, fix, log } = proposal;
  const { current } = state;
  const title = clipped(
    [span('  '), span(sign('failing', canvas), 'bad'), span(' '), bold(step.title, 'bad')],
    canvas,
  );
  const place = current === undefined ? [] : [quiet(`step ${current.index + 1} of ${current.total}`)];
  const head = spread(title, place, canvas);
  if (panel.pick) return [...head, blank, ...drawPicker(panel.pick, state, canvas, rows - 2)];
  const finding = selectedFinding(panel);
  if (panel.reason && finding) {
    const asked = [
      blank,
      ...paragraph('Why may this stay as it is? The reason stands in the report.', 4, canvas),
      inputLine(panel.reason, false, canvas),
    ];
    const detail = findingDetail(finding, canvas);
    return [...head, blank, ...shortened(detail, rows - head.length - 1 - asked.length, canvas), ...asked];
  }
  if (panel.showLog && log)
    return [
      ...head,
      blank,
      ...scrolled(
        log.flatMap((text) =>
          wrap(text, textWidth(canvas) - 4).map((part): Line => [span('    '), quiet(part)]),
        ),
        Number.POSITIVE_INFINITY,
        rows - 2,
      ),
    ];
  const others = findings.filter((f) => f !== finding);
  const body: Line[] = [
    ...(finding && reason.startsWith(finding.control) ? [] : paragraph(reason, 4, canvas)),
    ...(fix === undefined ? [] : labelled('fix', fix, 4, canvas)),
    ...(finding ? findingDetail(finding, canvas) : []),
    ...others.map(
      (f): Line => [
        span('    '),
        signOf(f, canvas),
        quiet(` ${truncate(f.title, textWidth(canvas) - 8, canvas.unicode)}`),
      ],
    ),
  ];
  const done =
    proposal.done.length === 0
      ? 'Nothing has been changed.'
      : `${proposal.done.length} ${proposal.done.length === 1 ? 'change was made before and stays' : 'changes were made before and stay'} in place.`;
  const foot =
    panel.again === undefined
      ? done
      : `Looked again at ${new Date(panel.again).toTimeString().slice(0, 8)}: it still is so.`;
  const last = paragraph(foot, 4, canvas, 'quiet');
  const gap = rows > 12 ? [blank] : [];
  const room = rows - head.length - gap.length - 1 - last.length;
  return [...head, ...gap, ...scrolled(body, panel.from, room), blank, ...last];
}

/** The end: what was revealed is here and nowhere else. */
export function drawEnd(panel: Of<'end'>, state: State, canvas: Canvas): Line[] {
  if (!panel.revealed) return [];
  const { label, path } = state.reveals[panel.revealed.index] ?? { label: '', path: '' };
  return [
    [span('  '), bold(`The ${label}`)],
    ...wrap(panel.revealed.text, textWidth(canvas) - 4).map(
      (part): Line => [span('    '), span(part, 'accent')],
    ),
    blank,
    ...paragraph(`It is kept in ${path}. Any key wipes it from the screen.`, 4, canvas, 'quiet'),
  ];
}
