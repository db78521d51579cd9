/** How many rows of ours are on the screen after a resize, and what becomes of the rest. */
import { describe, expect, it } from 'vitest';
import { lift, type Written } from '../../../src/frontends/tui/trail.ts';

const BREAKS = { rewraps: true, joins: false };
const CUTS = { rewraps: false, joins: false };
const goes = (text: string): Written => ({ text, stays: false });
const keeps = (text: string): Written => ({ text, stays: true });
const long = 'x'.repeat(100);

describe('lift', () => {
  it('counts a line as often as it is broken', () => {
    const lines = [goes(''), goes(long), goes('short')];
    expect(lift(lines, 50, 40, BREAKS)).toEqual({ up: 5, again: [], above: [] });
    expect(lift(lines, 50, 100, BREAKS)).toEqual({ up: 3, again: [], above: [] });
    expect(lift(lines, 50, 40, CUTS)).toEqual({ up: 3, again: [], above: [] });
  });

  it('does not count colours, and breaks before a wide character that has no room', () => {
    expect(lift([goes(`\u001b[32m${'x'.repeat(40)}\u001b[39m`)], 50, 40, BREAKS)?.up).toBe(1);
    expect(lift([goes('漢'.repeat(6))], 50, 5, BREAKS)?.up).toBe(3);
  });

  it('keeps what is above the screen for later, the rest of a broken line too', () => {
    const gone = lift([goes('first'), goes(long), goes('last')], 2, 40, BREAKS);
    expect(gone).toMatchObject({ up: 2, again: [] });
    expect(gone?.above).toEqual([goes('first'), { text: 'x'.repeat(80), stays: false, isCut: true }]);
    // All of it has come back.
    expect(lift([...(gone?.above ?? []), goes('new')], 50, 100, BREAKS)).toEqual({
      up: 3,
      again: [],
      above: [],
    });
  });

  it('takes what follows a cut line for its end where the terminal does', () => {
    const cut: Written = { text: 'x'.repeat(80), stays: false, isCut: true };
    const lines = [goes('first'), cut, goes('y'), goes('z')];
    expect(lift(lines, 50, 100, { rewraps: true, joins: true })?.up).toBe(3);
    expect(lift(lines, 50, 100, BREAKS)?.up).toBe(4);
  });

  it('writes again what stays and stood between', () => {
    const lines = [goes('old'), keeps('a'), keeps('b'), goes('live')];
    expect(lift(lines, 50, 80, BREAKS)).toEqual({ up: 4, again: ['a', 'b'], above: [] });
    expect(lift(lines, 2, 80, BREAKS)).toEqual({
      up: 1,
      again: [],
      above: [goes('old'), keeps('a'), keeps('b')],
    });
  });

  it('does not touch the end of a line that stays and is half out of reach', () => {
    const lines = [goes('old'), keeps(long), goes('live')];
    expect(lift(lines, 2, 40, BREAKS)).toEqual({ up: 1, again: [], above: lines.slice(0, 2) });
  });

  it('does not guess what nobody knows', () => {
    const habits = { rewraps: undefined, joins: false };
    expect(lift([goes(long)], 50, 40, habits)).toBeUndefined();
    expect(lift([goes('short')], 50, 40, habits)?.up).toBe(1);
  });
});
