/** The live region: derived from the state and nothing else, and never as tall as the terminal. */

import type { Binding } from '../keys.ts';
import { decisionBindings } from '../model/decisions.ts';
import { questionBindings } from '../model/question.ts';
import type { ControlLine, CurrentStep, State } from '../model/state.ts';
import { controlRow, findingRow, needsAttention } from './finding.ts';
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
} from './lines.ts';
import { drawEnd, drawFailure, drawReview } from './panels.ts';
import { drawQuestion } from './question.ts';

/** A wait shorter than this is not worth a number, in milliseconds. */
const NOTICEABLE = 2000;

/** The rows of the live region. */
export function drawScreen(state: State, canvas: Canvas, sections: Readonly<Record<string, string>>): Line[] {
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
  return shown.length === 0 && bar.length === 0 ? [] : [blank, ...shown, blank, ...bar];
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
      return drawQuestion(panel.question, canvas, sections, rows);
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
    blank,
  ];
  const tail: Line[] = state.stopping
    ? [blank, ...paragraph('Stopping: the change under way is finished first.', 4, canvas, 'open')]
    : [];
  const room = rows - head.length - tail.length;
  const isActing = step.changes.some((change) => change.state === 'running');
  const body = isActing ? drawChanges(step, canvas, room) : drawControls(step, canvas, room);
  return [...head, ...body, ...tail];
}

function drawChanges(step: CurrentStep, canvas: Canvas, rows: number): Line[] {
  const lines = step.changes.flatMap((change): Line[] => {
    const mark =
      change.state === 'done'
        ? span(sign('proved', canvas), 'good')
        : change.state === 'failed'
          ? span(sign('failing', canvas), 'bad')
          : span(sign('working', canvas), 'accent');
    const running = change.state === 'running';
    const waited = canvas.now - change.since;
    const right = running && waited >= NOTICEABLE ? [quiet(elapsed(waited))] : [];
    const summary = truncate(change.summary, textWidth(canvas) - 18, canvas.unicode);
    const row = spread(
      [span('    '), mark, span(' '), running ? span(summary) : quiet(summary)],
      right,
      canvas,
    );
    return running && step.progress !== undefined
      ? [...row, [span('      '), quiet(truncate(step.progress, textWidth(canvas) - 6, canvas.unicode))]]
      : row;
  });
  return lines.slice(-Math.max(2, rows));
}

/** Every control in its place while there is room; else those that matter, and a count of the rest. */
function drawControls(step: CurrentStep, canvas: Canvas, rows: number): Line[] {
  const waited = canvas.now - step.since;
  const all = step.controls.flatMap((line) => controlLine(line, step, canvas));
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
  const shown = matters.flatMap((line) => controlLine(line, step, canvas)).slice(0, room);
  const good = step.controls.length - matters.length;
  return [
    [
      span('    '),
      span(sign('proved', canvas), 'good'),
      quiet(` ${good} of ${step.controls.length} looked at and in order`),
    ],
    ...shown,
    ...waiting,
  ];
}

function controlLine(line: ControlLine, step: CurrentStep, canvas: Canvas): Line[] {
  if (line.finding) return findingRow(line.finding, canvas);
  const right = step.phase === 'after' ? 'trying again' : 'looking';
  return controlRow(
    line.title,
    span(sign('working', canvas), 'accent'),
    canvas.columns < 60 ? '' : right,
    canvas,
  );
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
  const isOver = panel?.is === 'end' || panel?.is === 'drift' || state.stopping || hasEnded;
  const isIdle = !panel && !state.current && state.records.length === 0;
  return isOver || isIdle ? own : [...own, { keys: ['ctrl+c'], verb: 'cancel', hint: 'stop' }];
}

const KEY_NAMES: Readonly<Record<string, string>> = { escape: 'esc', up: '↑↓', ' ': 'space' };

function hintBar(bindings: readonly Binding[], state: State, canvas: Canvas): Line[] {
  const shown = bindings.filter((b) => b.hint !== undefined);
  if (shown.length === 0) {
    const isRevealed = state.panel?.is === 'end' && state.panel.revealed;
    return isRevealed ? [[span('  '), bold('any key'), quiet(' hide it')]] : [];
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
