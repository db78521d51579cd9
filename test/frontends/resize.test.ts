/** After any resize the screen shows one whole frame, and what stays above it is there once. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from './bundle.ts';
import { closeAll, expectWhole, KINDS, MUTE, type Open, type Screen } from './resize-bed.ts';

type Situation = 'question' | 'step' | 'list';
type Size = readonly [columns: number, rows: number];

let driver: Awaited<ReturnType<typeof bundleProgram>>;
beforeAll(async () => {
  driver = await bundleProgram('test/frontends/resize-driver.ts');
});
afterEach(closeAll);
afterAll(() => driver?.dispose());

const begin = async (open: Open, situation: Situation, records: number, [columns, rows]: Size) => {
  const screen = await open([process.execPath, driver.file, situation, String(records)], columns, rows);
  await screen.until((text) => expect(text).toMatch(/enter accept|a apply|ctrl\+c stop/));
  await screen.quiet();
  return screen;
};

/** What a fresh start shows at a size. */
const frames = new Map<string, Promise<string>>();
const frameAt = (situation: Situation, size: Size): Promise<string> => {
  const name = `${situation} ${size.join('x')}`;
  const made =
    frames.get(name) ??
    (async () => {
      const screen = await begin(KINDS['xterm.js'] as Open, situation, 0, size);
      const text = await screen.screen();
      await screen.close();
      return text;
    })();
  frames.set(name, made);
  return made;
};

/** A program that has finished some steps, and what is above its frame for good. */
async function started(open: Open, situation: Situation, records: number, size: Size) {
  const screen = await begin(open, situation, records, size);
  const frame = await frameAt(situation, size);
  let kept = '';
  await screen.until((_, scrollback) => {
    expect(scrollback.endsWith(frame.trimStart())).toBe(true);
    kept = scrollback.slice(0, -frame.trimStart().length);
  });
  return { screen, kept };
}

/** The frame is whole now, and stays so. */
async function whole(screen: Screen, situation: Situation, size: Size, kept: string) {
  const frame = await frameAt(situation, size);
  const judge = (text: string, scrollback: string) => expectWhole(text, scrollback, frame, kept);
  await screen.until(judge);
  await screen.quiet();
  await screen.until(judge);
}

const WALKS: Readonly<Record<string, readonly Size[]>> = {
  'narrower and back': [
    [40, 24],
    [100, 24],
  ],
  'narrower step by step': [
    [90, 30],
    [70, 30],
    [50, 30],
    [40, 30],
    [55, 30],
    [80, 30],
    [120, 30],
  ],
  'shorter and back': [
    [100, 10],
    [100, 30],
  ],
  'both and back': [
    [40, 12],
    [100, 30],
    [60, 10],
    [100, 30],
  ],
};

describe.each(Object.entries(KINDS))('in %s', (_kind, open) => {
  describe.each(['question', 'step', 'list'] as const)('%s', (situation) => {
    it.each(Object.entries(WALKS))('%s', { timeout: 60_000 }, async (_name, sizes) => {
      const { screen, kept } = await started(open, situation, 8, [100, 24]);
      for (const size of sizes) {
        await screen.resize(...size);
        await whole(screen, situation, size, kept);
      }
    });
  });
});
