/** The live region: derived from the state and nothing else, and never as tall as the terminal. */

import { needsAttention } from '../../../report/state.ts';
import type { Binding } from '../keys.ts';
import { decisionBindings } from '../model/decisions.ts';
import { questionBindings } from '../model/question.ts';
import type { ChangeLine, ControlLine, CurrentStep, State } from '../model/state.ts';
import { controlLine, seenOf, signOf } from './finding.ts';
import {
  blank,
  bold,
  type Canvas,
  elapsed,
  type Line,
  lineWidth,
  paragraph,
  quiet,
  sign,
  span,
  spread,
  textWidth,
  truncate,
  wrap,
} from './lines.ts';
import { drawEnd, drawFailure, drawReview } from './panels.ts';
import { drawQuestion } from './question.ts';

/** A wait shorter than this is not worth a number, in milliseconds. */
const NOTICEABLE = 2000;

/** The rows of the live region. */
export function drawScreen(state: State, canvas: Canvas, sections: Readonly<Record<string, string>>): Line[] {
  if (state.away) return [];
  const bar = hintBar(bindingsOf(state), state, canvas);
  // One row is left for the cursor; Ink repaints the whole terminal when the region is as tall as it is.
  const rows = Math.max(6, canvas.rows - 2 - bar.length - 1);
  const body = drawBody(state, canvas, sections, rows);
  const steps = state.panel?.is === 'question' || body.length === 0 ? [] : upcoming(state, canvas);
  const room = rows - (steps.length > 0 ? steps.length + 1 : 0);
  const shown =
    body.length <= room
      ? [...body, ...(steps.length > 0 ? [blank, ...steps] : [])]
      : body.slice(0, Math.max(room, rows));
  if (shown.length === 0) return bar.length === 0 ? [] : [blank, ...bar];
  return [blank, ...shown, blank, ...bar];
}

function drawBody(
  state: State,
  canvas: Canvas,
  sections: Readonly<Record<string, string>>,
  rows: number,
): Line[] {
  const { panel } = state;
  switch (panel?.is) {
    case 'question':
      return drawQuestion(panel.question, canvas, sections, rows, soFar(state));
    case 'review':
      return drawReview(panel, state, canvas, rows);
    case 'failure':
      return drawFailure(panel, state, canvas, rows);
    case 'end':
      return drawEnd(panel, state, canvas);
    case 'drift':
      return [];
    default:
      return state.current ? drawStep(state.current, state, canvas, rows) : starting(state, canvas);
  }
}

/** Values of the answers so far, in order; they may still change. */
const soFar = (state: State): readonly string[] => state.given.map(({ entry }) => entry.value);

const starting = (state: State, canvas: Canvas): Line[] =>
  state.records.length === 0 || state.records.at(-1)?.is === 'end'
    ? []
    : [[span('  '), span(sign('working', canvas), 'accent'), quiet(' looking at this host')]];

function drawStep(step: CurrentStep, state: State, canvas: Canvas, rows: number): Line[] {
  const head: Line[] = [
    ...spread(
      [span('  '), span(sign('here', canvas), 'accent'), span(' '), bold(step.title)],
      [quiet(`step ${step.index + 1} of ${step.total}`)],
      canvas,
    ),
    ...(rows > 10 ? paragraph(step.why, 4, canvas, 'quiet') : []),
    ...(step.controls.length + step.changes.length > 0 ? [blank] : []),
  ];
  const tail: Line[] = state.stopping
    ? [blank, ...paragraph('Stopping: the change under way is finished first.', 4, canvas, 'open')]
    : [];
  const room = rows - head.length - tail.length;
  const isJudging = state.mode === 'verify' || step.phase === 'after';
  const body =
    step.changes.length > 0 ? drawChanges(step, canvas, room) : drawControls(step, isJudging, canvas, room);
  return [...head, ...body, ...tail];
}

/** Changes in their order, each in its place; the one under way in full, with what it says and how long it takes. */
function drawChanges(step: CurrentStep, canvas: Canvas, rows: number): Line[] {
  const drawn = step.changes.map((change) =>
    change.state === 'running' ? runningChange(change, step, canvas) : [restingChange(change, canvas)],
  );
  const lines = drawn.flat();
  if (lines.length <= rows) return lines;
  // What is under way stays in view: what is done goes first, then what is still to come.
  const at = step.changes.findIndex((change) => change.state === 'running' || change.state === 'waiting');
  const until = at < 0 ? lines.length : drawn.slice(0, at + 1).flat().length;
  const room = Math.max(2, rows);
  const from = Math.min(Math.max(0, until - room), lines.length - room);
  return lines.slice(from, from + room);
}

function runningChange(change: ChangeLine, step: CurrentStep, canvas: Canvas): Line[] {
  const waited = canvas.now - change.since;
  const time = waited >= NOTICEABLE ? elapsed(waited) : '';
  const head = [span('    '), span(sign('working', canvas), 'accent'), span(' ')];
  const [first = '', ...rest] = wrap(change.summary, textWidth(canvas) - lineWidth(head));
  const room = textWidth(canvas) - 6 - (time === '' ? 0 : time.length + 2);
  const said = [span('      '), quiet(truncate(step.progress ?? '', room, canvas.unicode))];
  return [
    [...head, span(first)],
    ...rest.map((text): Line => [span('      '), span(text)]),
    // Its row stays empty until something is said, so that nothing below jumps.
    ...spread(said, time === '' ? [] : [quiet(time)], canvas),
  ];
}

function restingChange(change: ChangeLine, canvas: Canvas): Line {
  const mark =
    change.state === 'done'
      ? span(sign('proved', canvas), 'good')
      : change.state === 'failed'
        ? span(sign('failing', canvas), 'bad')
        : span(sign('waiting', canvas), 'quiet');
  const summary = truncate(change.summary, textWidth(canvas) - 9, canvas.unicode);
  return [span('    '), mark, span(' '), quiet(summary)];
}

/** Of the controls that are in order, so many are shown when there is no room for all: those seen last. */
const LATEST = 3;

/**
 * Every control in its place while there is room; else those that matter, what was proved last, and a count of the rest.
 * @param isJudging false: a look before the changes, where what does not hold yet is no failure
 */
function drawControls(step: CurrentStep, isJudging: boolean, canvas: Canvas, rows: number): Line[] {
  const waited = canvas.now - step.since;
  const draw = (line: ControlLine) => lookLine(line, step, isJudging, canvas);
  const all = step.controls.flatMap(draw);
  const pending = step.controls.filter((line) => !line.finding).length;
  const waiting: Line[] =
    pending > 0 && waited >= NOTICEABLE
      ? [
          blank,
          ...paragraph(`${elapsed(waited)} so far; ${pending} still being looked at`, 4, canvas, 'quiet'),
        ]
      : [];
  if (all.length + waiting.length <= rows) return [...all, ...waiting];
  const room = Math.max(1, rows - 1 - waiting.length);
  const matters = step.controls.filter((line) => !line.finding || needsAttention(line.finding));
  const good = step.controls.filter((line) => !matters.includes(line));
  const latest = good
    .filter((line) => line.finding?.verdict.is === 'pass')
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .slice(-LATEST);
  const proved = room > 3 * LATEST ? latest.flatMap(draw) : [];
  // What does not hold comes before what is not known yet.
  const news = [...matters.filter((line) => line.finding), ...matters.filter((line) => !line.finding)];
  const shown = [...proved, ...(isJudging ? news : news.reverse()).flatMap(draw)].slice(0, room);
  return [
    [
      span('    '),
      good.length > 0 ? span(sign('proved', canvas), 'good') : span(sign('waiting', canvas), 'quiet'),
      quiet(` ${good.length} of ${step.controls.length} looked at and in order`),
    ],
    ...shown,
    ...waiting,
  ];
}

function lookLine(line: ControlLine, step: CurrentStep, isJudging: boolean, canvas: Canvas): Line[] {
  const { finding, title } = line;
  if (!finding)
    return withWord(
      title,
      span(sign('working', canvas), 'accent'),
      step.phase === 'after' ? 'trying again' : 'looking',
      canvas,
    );
  const { is } = finding.verdict;
  if (isJudging || finding.waived || (is !== 'fail' && is !== 'unknown'))
    return controlLine(title, signOf(finding, canvas), seenOf(finding), canvas);
  const mark = span(sign('waiting', canvas), 'quiet');
  const rows = controlLine(title, mark, `not yet: ${seenOf(finding)}`, canvas);
  return rows.some((row) => row.some(({ text }) => text.startsWith('not yet')))
    ? rows
    : withWord(title, mark, 'not yet', canvas);
}

/** A control on one row with a word at the right edge, where there is room for it. */
function withWord(title: string, mark: Line[number], word: string, canvas: Canvas): Line[] {
  const [row = []] = controlLine(title, mark, '', canvas);
  const isWide = lineWidth(row) + word.length + 2 <= textWidth(canvas);
  return isWide ? spread(row, [quiet(word)], canvas) : [row];
}

/** The steps still to come, on one dim row. */
function upcoming(state: State, canvas: Canvas): Line[] {
  const { current } = state;
  if (!current) return [];
  const rest = state.steps.slice(current.index + 1).map((step) => step.title);
  if (rest.length === 0) return [];
  const dot = sign('bullet', canvas);
  const width = textWidth(canvas) - 2;
  let text = '';
  for (const [i, title] of rest.entries()) {
    const left = rest.length - i;
    const next = `${text}${text === '' ? '' : '  '}${dot} ${title}`;
    const more = left > 1 ? `  ${dot} and ${left - 1} more` : '';
    if (next.length + more.length > width) {
      const tail = `${text === '' ? '' : '  '}${dot} ${text === '' ? '' : 'and '}${left} more`;
      return [[span('  '), quiet(text + tail)]];
    }
    text = next;
  }
  return [[span('  '), quiet(text)]];
}

/** The keys that do something now. */
export function bindingsOf(state: State): readonly Binding[] {
  const { panel } = state;
  const own: readonly Binding[] = !panel
    ? []
    : panel.is === 'question'
      ? questionBindings(panel.question)
      : decisionBindings(panel, state);
  const hasEnded = !panel && !state.current && state.records.at(-1)?.is === 'end';
  // One way to stop is enough to be told.
  if (own.some(({ verb }) => verb === 'stop')) return own;
  const isOver = panel?.is === 'end' || panel?.is === 'drift' || state.stopping || hasEnded;
  const isIdle = !panel && !state.current && state.records.length === 0;
  return isOver || isIdle ? own : [...own, { keys: ['ctrl+c'], verb: 'cancel', hint: 'stop' }];
}

const KEY_NAMES: Readonly<Record<string, string>> = { escape: 'esc', up: '↑↓', ' ': 'space' };

function hintBar(bindings: readonly Binding[], state: State, canvas: Canvas): Line[] {
  const shown = bindings.filter((b) => b.hint !== undefined);
  if (shown.length === 0) {
    const isRevealed = state.panel?.is === 'end' && state.panel.revealed;
    return isRevealed ? [[span('  '), bold('any key'), quiet(' hides it')]] : [];
  }
  const draw = (list: readonly Binding[]): Line => {
    const parts = list.flatMap((binding, i) => {
      const key = binding.keys[0] ?? '';
      const name = key === 'up' && !canvas.unicode ? 'up/down' : (KEY_NAMES[key] ?? key);
      return [span(i === 0 ? '  ' : '   '), bold(name), quiet(` ${binding.hint}`)];
    });
    return parts;
  };
  const full = draw(shown);
  if (lineWidth(full) <= Math.min(canvas.columns - 1, textWidth(canvas) + 2)) return [full];
  const few = shown.filter((b) => b.important);
  const line = draw(few.length > 0 ? few.slice(0, 3) : shown.slice(0, 3));
  if (canvas.columns < 60) return [line];
  // As many rows as it takes, each as full as can be.
  const rows: Binding[][] = [[]];
  for (const b of shown) {
    const row = rows.at(-1) ?? [];
    if (row.length > 0 && lineWidth(draw([...row, b])) > textWidth(canvas)) rows.push([b]);
    else row.push(b);
  }
  return rows.map(draw);
}
