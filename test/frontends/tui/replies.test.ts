/** What the terminal answers is taken out of what is read, and nothing else is. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReplies } from '../../../src/frontends/tui/replies.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const XTERM_JS = '\u001b[>0;276;0c';
const open = () => {
  const written: string[] = [];
  return { ...createReplies((text) => void written.push(text)), written };
};

describe('answers', () => {
  it('asks what the terminal is once, and where the cursor is each time', async () => {
    const { locate, without, written } = open();
    const first = locate();
    expect(without(`${XTERM_JS}\u001b[7;1R\u001b[7;80R`)).toBe('');
    expect(await first).toEqual({ row: 7, columns: 80, habits: { rewraps: true, joins: false } });
    const second = locate();
    without('\u001b[12;1R\u001b[12;120R');
    expect(await second).toMatchObject({ row: 12, columns: 120, habits: { rewraps: true } });
    const place = '\u001b[6n\u001b[999C\u001b[6n\r';
    expect(written).toEqual([`\u001b[>c${place}`, place]);
  });

  it('comes in pieces, with keys before, between and behind', async () => {
    const { locate, without } = open();
    const place = locate();
    expect(['a\u001b[>0;2', '76;0cb\u001b[1', '2;1R\u001b[12;4', '0Rc\u001b[A'].map(without)).toEqual([
      'a',
      'b',
      '',
      'c\u001b[A',
    ]);
    expect(await place).toMatchObject({ row: 12, columns: 40 });
  });

  it('are no keys, and keys are no answers', () => {
    const { locate, without } = open();
    void locate();
    // F3 with Shift, Alt, Ctrl; arrows; Escape; a paste.
    for (const keys of [
      '\u001b[1;2R',
      '\u001b[1;3R',
      '\u001b[1;5R',
      '\u001bOR',
      '\u001b[A',
      '\u001b',
      '1;1R',
    ])
      expect(without(keys)).toBe(keys);
  });

  it('leaves everything alone before anything was asked', () => {
    expect(open().without(`${XTERM_JS}\u001b[7;1R`)).toBe(`${XTERM_JS}\u001b[7;1R`);
  });

  it('gives up on a terminal that is silent, until it answers after all', async () => {
    const { locate, without, written } = open();
    const place = locate();
    vi.advanceTimersByTime(1000);
    expect(await place).toBeUndefined();
    expect(await locate()).toBeUndefined();
    expect(written).toHaveLength(1);
    // Late, and still not a key.
    expect(without('\u001b[7;1R\u001b[7;80R')).toBe('');
    const again = locate();
    without('\u001b[8;1R\u001b[8;80R');
    expect(await again).toMatchObject({ row: 8 });
  });

  it('gives back what was held when the rest does not come', async () => {
    const { locate, without } = open();
    const place = locate();
    expect(without('\u001b[')).toBe('');
    vi.advanceTimersByTime(1000);
    await place;
    expect(without('A')).toBe('\u001b[A');
  });

  it.each([
    ['xterm', '41;390;0', false],
    ['xterm as a VT340', '19;390;0', false],
    ['PuTTY', '0;136;0', false],
    ['GNU screen', '83;40900;0', false],
    ['tmux', '84;0;0', true],
    ['xterm.js', '0;276;0', true],
    ['VTE', '65;7600;1', true],
    ['kitty', '1;4000;35', true],
    ['iTerm2', '41;2500;0', true],
    ['mosh and Ghostty', '1;10;0', undefined],
  ])('%s breaks lines anew or does not', async (_name, attributes, rewraps) => {
    const { locate, without } = open();
    const place = locate();
    without(`\u001b[>${attributes}c\u001b[1;1R\u001b[1;80R`);
    expect((await place)?.habits.rewraps).toBe(rewraps);
  });

  it('says nothing of a terminal that does not tell what it is', async () => {
    const { locate, without } = open();
    const place = locate();
    without('\u001b[?6c\u001b[3;1R\u001b[3;80R');
    expect((await place)?.habits.rewraps).toBeUndefined();
  });
});
