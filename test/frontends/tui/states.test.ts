/** Nothing is told by colour alone, and no secret is told at all. */
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { QuestionPanel } from '../../../src/frontends/tui/model/question.ts';
import type { State } from '../../../src/frontends/tui/model/state.ts';
import { onAsk } from '../../../src/frontends/tui/model/update.ts';
import { findingRow, wordOf } from '../../../src/frontends/tui/view/finding.ts';
import type { Canvas, Line } from '../../../src/frontends/tui/view/lines.ts';
import { drawEntry } from '../../../src/frontends/tui/view/records.ts';
import { drawScreen } from '../../../src/frontends/tui/view/screen.ts';
import { asking, paste, typing } from './question-bed.ts';
import { canvases, context, end, longStep, revealing, sections, states } from './screen-states.ts';
import {
  after,
  finding,
  inStep,
  pressAll,
  propose,
  proposeChanges,
  report,
  start,
  stepOf,
  VERDICTS,
  WAIVED,
} from './state-bed.ts';

const textOf = (lines: readonly Line[]) => lines.map((l) => l.map((p) => p.text).join('')).join('\n');
const screen = (state: State, canvas: Canvas) => textOf(drawScreen(state, canvas, sections));
const plain = canvases.filter((c) => [40, 80].includes(c.columns) && c.rows === 24);

describe.each(plain)('without colour, at $columns columns, Unicode $unicode', (canvas) => {
  const step = stepOf('compose');
  const findings = [
    ...VERDICTS.map((v) => finding(step, 0, v)),
    finding(step, 0, { is: 'attest', ask: 'x' }, WAIVED),
  ];
  const mark = (lines: readonly Line[]) => lines[0]?.[1]?.text;

  it('each verdict, and a control that is still being looked at, has a sign of its own', () => {
    const looking = drawScreen(inStep('compose', 0), canvas, sections).find((l) =>
      l.some((p) => p.text.includes(step.controls[0]?.title.slice(0, 12) ?? '')),
    );
    const marks = [...findings.map((f) => mark(findingRow(f, canvas))), looking?.[1]?.text];
    expect(marks.every((m) => m !== undefined && m.trim() !== '')).toBe(true);
    expect(new Set(marks).size).toBe(marks.length);
    expect(new Set(findings.map(wordOf)).size).toBe(findings.length);
  });

  it('changes that are done, failed and under way differ by their sign', () => {
    const signs = drawScreen(longStep, { ...canvas, rows: 60 }, sections)
      .filter((l) => l[0]?.text === '    ' && l.length > 3)
      .map((l) => l[1]?.text);
    expect(signs.length).toBeGreaterThan(3);
    // Done, failed, under way, and still to come.
    expect(new Set(signs).size).toBe(4);
  });

  it('what cannot be undone says so, in words', () => {
    expect(
      screen(
        propose(proposeChanges([{ id: 'x', summary: 'y', irreversible: true, status: 'planned' }])),
        canvas,
      ),
    ).toContain('cannot be undone');
  });

  it('the highlighted line of a list has a sign', () => {
    for (const name of ['question tls', 'picker', 'picker in a failure', 'secret, how']) {
      const state =
        name === 'secret, how' ? onAsk(start(), asking('adminPassword')) : (states[name] as State);
      expect(
        screen(state, canvas)
          .split('\n')
          .filter((l) => l.startsWith(canvas.unicode ? '    ›' : '    >')),
        name,
      ).toHaveLength(1);
    }
  });

  it('a good and a bad end differ by more than the verdict’s colour', () => {
    const last = (exit: 0 | 1) =>
      textOf(drawEntry({ is: 'end', report: report('verify', { exit }) }, canvas, context))
        .split('\n\n')
        .at(-1);
    expect(last(0)).toContain('proved');
    expect(last(1)).toContain('fail');
    expect(last(1)).not.toContain('proved');
  });

  it('a refusal, a warning while typing and a note differ from plain text only by words that say so', () => {
    const refused = pressAll(onAsk(start(), asking('adminRanges')), typing('10.0.0.0/33'), 'enter').state;
    expect(screen(refused, canvas).replace(/\s+/g, ' ')).toContain('ends at 32');
    const note = pressAll(onAsk(start(), asking('adminRanges')), paste('a\nb')).state;
    expect(screen(note, canvas).replace(/\s+/g, ' ')).toContain('2 lines were pasted');
  });
});

describe('a typed secret', () => {
  const CANARY = 'Canary-7-of-the-wizard';
  const open = () => pressAll(onAsk(start(), asking('adminPassword')), '2', 'enter').state;
  /** Everything that could be on the terminal: the screen at all sizes and what has gone to the scrollback. */
  const visible = (state: State) =>
    canvases
      .flatMap((canvas) => [
        screen(state, canvas),
        ...state.records.map((r) => textOf(drawEntry(r, canvas, context))),
      ])
      .join('\n');

  it.each<[string, Parameters<typeof pressAll>[1][]]>([
    ['while it is typed', [typing(CANARY)]],
    ['pasted', [paste(`${CANARY}\n`)]],
    ['with the cursor inside', [typing(CANARY), 'home', 'right', 'f1']],
    ['at the second entry', [typing(CANARY), 'enter', typing(CANARY)]],
    ['entered differently', [typing(CANARY), 'enter', typing(`${CANARY}x`), 'enter']],
    ['refused', [typing('Canary-7'), 'enter']],
    ['hidden again', [typing(CANARY), 'tab', 'tab']],
  ])('%s: is on no screen', (_, keys) => {
    const { state } = pressAll(open(), ...keys);
    expect(state.panel?.is).toBe('question');
    expect(visible(state)).not.toContain('Canary-7');
    expect(JSON.stringify(state.records)).not.toContain('Canary-7');
  });

  it('shows only while it is asked to be shown', () => {
    const shown = pressAll(open(), typing(CANARY), 'tab').state;
    expect(visible(shown)).toContain(CANARY);
    expect(visible(pressAll(shown, 'tab').state)).not.toContain(CANARY);
  });

  it('given, it is nowhere in the state and in no record', () => {
    const { state, effects } = pressAll(open(), typing(CANARY), 'enter', typing(CANARY), 'enter');
    const reply = effects[0]?.do === 'reply' ? effects[0].reply : undefined;
    expect(reply?.is === 'answer' && reply.raw instanceof Secret && reply.raw.reveal()).toBe(CANARY);
    expect(JSON.stringify([state, effects])).not.toContain('Canary-7');
    expect(visible(state)).not.toContain('Canary-7');
    const settled = after(state, { type: 'answers', answers: [] });
    expect(visible(settled)).toContain('entered here, not shown');
    expect(visible(settled)).not.toContain('Canary-7');
    expect(JSON.stringify(pressAll(open(), typing(CANARY), 'escape').state)).not.toContain('Canary-7');
  });

  it('the length of what is masked is the only thing that is told', () => {
    const { state } = pressAll(open(), typing('漢字abc'));
    const canvas = canvases[0] as Canvas;
    expect(screen(state, canvas)).toContain('*****');
    const panel = state.panel as { question: QuestionPanel };
    expect(panel.question.revealed).not.toBe(true);
  });
});

describe('a secret of the end', () => {
  it('is on the screen until any key is pressed, and never in a record', () => {
    const state = revealing('canary-of-the-end');
    for (const canvas of canvases) expect(screen(state, canvas)).toContain('canary-of-the-end');
    expect(JSON.stringify(state.records)).not.toContain('canary');
    const wiped = pressAll(state, 'x').state;
    expect(JSON.stringify(wiped)).not.toContain('canary');
    for (const canvas of canvases) expect(screen(wiped, canvas)).toBe(screen(end(), canvas));
  });
});
