/** What the painter leaves on an emulated terminal, turn by turn, with a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPainter, type Place } from '../../../src/frontends/tui/painter.ts';
import { textOf } from '../../terminal/cells.ts';
import { type Emulator, emulator } from '../../terminal/xterm.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The emulator reads in its own time, which is that of the test. */
async function parsed(xterm: Emulator): Promise<void> {
  const read = new Promise<void>((done) => xterm.write('', done));
  vi.advanceTimersByTime(1);
  await read;
}

/** A painter before an emulator; `draw` says what is to be shown at a width. */
function open(columns: number, rows: number, draw: (columns: number) => readonly string[]) {
  const xterm = emulator(columns, rows, { convertEol: true });
  const written: string[] = [];
  const kept = Array.from({ length: 4 }, (_, i) => `kept ${i}`);
  let isMute = false;
  const painter = createPainter({
    write: (text) => {
      written.push(text);
      xterm.write(text);
    },
    measure: () => ({ columns: xterm.cols, rows: xterm.rows }),
    async locate(): Promise<Place | undefined> {
      await parsed(xterm);
      const row = xterm.buffer.active.cursorY + 1;
      return isMute ? undefined : { row, columns: xterm.cols, habits: { rewraps: true, joins: false } };
    },
    onSize: (size) => painter.paint(kept, draw(size.columns)),
  });
  painter.paint(kept, draw(columns));
  return {
    painter,
    written,
    mute: () => {
      isMute = true;
    },
    keep: (line: string) => kept.push(line) && painter.paint([...kept], draw(xterm.cols)),
    later: (milliseconds: number) => vi.advanceTimersByTime(milliseconds),
    async resize(width: number, height: number) {
      xterm.resize(width, height);
      painter.resized();
      vi.advanceTimersByTime(60);
      await painter.settled();
      await parsed(xterm);
    },
    async shown() {
      await parsed(xterm);
      return { screen: textOf(xterm, 'screen'), all: textOf(xterm, 'scrollback') };
    },
  };
}

/** Two rows whose lengths follow the width. */
const bar = (columns: number): string[] => ['', '='.repeat(columns - 1), `at ${columns}`];
const KEPT = 'kept 0\nkept 1\nkept 2\nkept 3';
const framed = (columns: number): string => `${KEPT}\n\n${'='.repeat(columns - 1)}\nat ${columns}`;

describe('the painter', () => {
  it('replaces the frame, and nothing above it moves or goes', async () => {
    const { resize, shown, later } = open(60, 20, bar);
    for (const columns of [20, 40, 25, 60]) {
      later(1000);
      await resize(columns, 20);
      expect((await shown()).screen).toBe(framed(columns));
    }
  });

  it('begins on an empty screen when a frame was on its way, and loses nothing', async () => {
    const { resize, shown, keep, later } = open(60, 20, bar);
    keep('kept 4');
    later(20);
    await resize(20, 20);
    const { screen, all } = await shown();
    expect(screen).toBe(`\n${'='.repeat(19)}\nat 20`);
    for (let i = 0; i < 5; i++) expect(all.split(`kept ${i}`)).toHaveLength(2);
  });

  it('knows that a frame has arrived when the terminal says so', async () => {
    const { resize, shown, later } = open(60, 20, bar);
    later(1000);
    await resize(40, 20);
    // No time passes: only the answer tells that nothing is on its way.
    await resize(20, 20);
    expect((await shown()).screen).toBe(framed(20));
  });

  it('begins on an empty screen when the terminal answers nothing', async () => {
    const { resize, shown, later, mute } = open(60, 20, bar);
    mute();
    later(1000);
    await resize(20, 20);
    const { screen, all } = await shown();
    expect(screen).toBe(`\n${'='.repeat(19)}\nat 20`);
    expect(all).toContain(KEPT);
  });

  it('never clears the scrollback, and writes nothing when nothing changed', async () => {
    const { resize, written, painter, later } = open(60, 8, bar);
    for (const [columns, rows] of [
      [20, 4],
      [60, 8],
      [30, 3],
      [60, 20],
    ] as const) {
      later(1000);
      await resize(columns, rows);
    }
    for (const clear of ['\u001b[2J', '\u001b[3J']) expect(written.join('')).not.toContain(clear);
    const count = written.length;
    later(1000);
    painter.paint(
      [0, 1, 2, 3].map((i) => `kept ${i}`),
      bar(60),
    );
    expect(written).toHaveLength(count);
  });

  it('shows the first of many frames at once and the last one of them soon', async () => {
    const xterm = emulator(40, 10, { convertEol: true });
    const written: string[] = [];
    const painter = createPainter({
      write: (text) => void written.push(text),
      measure: () => ({ columns: xterm.cols, rows: xterm.rows }),
      locate: async () => undefined,
      onSize: () => {},
    });
    for (let i = 0; i < 100; i++) painter.paint([], [`frame ${i}`]);
    expect(written).toHaveLength(1);
    vi.advanceTimersByTime(16);
    expect(written).toHaveLength(2);
    expect(written[1]).toContain('frame 99');
  });
});
