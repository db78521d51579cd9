/** Laws that hold for every screen, at every size. */
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import type { State } from '../../../src/frontends/tui/model/state.ts';
import type { Canvas, Line } from '../../../src/frontends/tui/view/lines.ts';
import { drawEntry } from '../../../src/frontends/tui/view/records.ts';
import { bindingsOf, drawScreen } from '../../../src/frontends/tui/view/screen.ts';
import { canvases, context, records, sections, states } from './screen-states.ts';

const names = Object.keys(states);
const textOf = (line: Line) => line.map((part) => part.text).join('');
/** Drawn once: every law looks at the same lines. */
const drawn = new Map<string, Line[]>();
function draw(name: string, canvas: Canvas): Line[] {
  const id = at(name, canvas);
  const lines = drawn.get(id) ?? drawScreen(states[name] as State, canvas, sections);
  drawn.set(id, lines);
  return lines;
}
const at = (name: string, { columns, rows, unicode }: Canvas) =>
  `${name} at ${columns}x${rows}${unicode ? '' : ' ASCII'}`;
/** The first state and size at which something is wrong with the drawn lines; undefined when nothing is. */
function firstWrong(wrong: (lines: Line[], canvas: Canvas, name: string) => unknown): string | undefined {
  for (const canvas of canvases) {
    for (const name of names) {
      const found = wrong(draw(name, canvas), canvas, name);
      if (found) return `${at(name, canvas)}: ${JSON.stringify(found)}`;
    }
    for (const [i, entry] of records.entries()) {
      const id = at(`record ${i}`, canvas);
      const lines = drawn.get(id) ?? drawEntry(entry, canvas, context);
      drawn.set(id, lines);
      const found = wrong(lines, { ...canvas, rows: 10_000 }, `record ${i} ${entry.is}`);
      if (found) return `${at(`record ${i} ${entry.is}`, canvas)}: ${JSON.stringify(found)}`;
    }
  }
  return undefined;
}

// Some thousand drawings, made by whichever law comes first; other tests may have the processors meanwhile.
describe('every screen', { timeout: 90_000 }, () => {
  it('is never as tall as the terminal', () => {
    expect(firstWrong((lines, { rows }) => lines.length > rows - 1 && lines.length)).toBeUndefined();
  });

  it('has no line wider than the terminal, and no text beyond column 78', () => {
    expect(
      firstWrong((lines, { columns }) =>
        lines.map(textOf).find((l) => stringWidth(l) > Math.min(columns, 78)),
      ),
    ).toBeUndefined();
  });

  it('says something', () => {
    expect(firstWrong((lines) => lines.map(textOf).join('').trim() === '')).toBeUndefined();
  });

  it('holds no control character, whatever the host said', () => {
    expect(
      firstWrong((lines) => lines.map(textOf).find((l) => /\p{Cc}|\[31m|0;title/u.test(l))),
    ).toBeUndefined();
  });

  it('is ASCII where the terminal has nothing else', () => {
    expect(
      firstWrong(
        (lines, { unicode }) =>
          !unicode &&
          lines.map((l) => textOf(l).replace(/[漢字]|\u{1f600}/gu, '')).find((l) => /[^\x20-\x7e]/.test(l)),
      ),
    ).toBeUndefined();
  });
});

/** What stands on the screen as one text, gaps and line breaks made alike. */
const flat = (text: string) => text.replace(/\s+/g, ' ').trim();
const shown = (lines: readonly Line[]) => flat(lines.map(textOf).join(' '));

describe('what an operator must see', () => {
  it('the cursor, wherever something is typed', () => {
    const typed = names.filter((name) =>
      draw(name, canvases.at(-1) as Canvas).some((l) => l.some((p) => p.inverse)),
    );
    expect(typed.length).toBeGreaterThan(60);
    expect(
      firstWrong((lines, _, name) => typed.includes(name) && !lines.some((l) => l.some((p) => p.inverse))),
    ).toBeUndefined();
  });

  it('why an answer was refused, and why it is asked', () => {
    expect(
      firstWrong((lines, _, name) => {
        const panel = states[name]?.panel;
        if (panel?.is !== 'question' || name.startsWith('evil')) return false;
        const { notice, showWhy, asking } = panel.question;
        const text = shown(lines).replaceAll(' ', '');
        const missing = [notice?.text, showWhy ? asking.question.threat : undefined].filter(
          (part) => part !== undefined && !text.includes(part.replace(/\s/g, '')),
        );
        return missing.length > 0 && missing;
      }),
    ).toBeUndefined();
  });

  it('which answer is picked', () => {
    for (const name of ['picker', 'picker in a failure'])
      for (const canvas of canvases) {
        const { panel, ...rest } = states[name] as State;
        for (const selected of [0, 3, 9, rest.answers.length - 2, rest.answers.length - 1]) {
          if (panel?.is !== 'review' && panel?.is !== 'failure') throw new Error('no picker');
          const lines = drawScreen({ ...rest, panel: { ...panel, pick: { selected } } }, canvas, sections);
          const here = rest.answers.filter((a) => a.value !== '(none)')[selected]?.question;
          if (here === undefined) continue;
          const bold = lines.flat().filter((part) => part.bold && part.tone === 'accent');
          expect(bold.map((p) => p.text).join(), at(`${name} ${selected}`, canvas)).toContain(here);
        }
      }
  });

  it('where the step stands, and the keys that matter by a name that can be read', () => {
    for (const canvas of canvases)
      for (const name of names) {
        const bar = draw(name, canvas).slice(-3).flat();
        const where = at(name, canvas);
        for (const part of bar.filter((p) => p.bold)) expect(part.text.trim(), where).not.toBe('');
        const text = shown(draw(name, canvas));
        for (const { hint, important } of bindingsOf(states[name] as State))
          if (hint !== undefined && important) expect(text, where).toContain(hint);
      }
  });

  it('one hint bar on a narrow terminal, every hint on a wide one', () => {
    const wide = canvases.filter((c) => c.columns >= 80);
    for (const canvas of wide)
      for (const name of names) {
        const text = shown(draw(name, canvas).slice(-3));
        for (const { hint } of bindingsOf(states[name] as State))
          if (hint !== undefined) expect(text, at(name, canvas)).toContain(hint);
      }
  });
});
