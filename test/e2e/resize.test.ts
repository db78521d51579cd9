/** After any resize the screen shows one whole frame, and what stays above it is there once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../frontends/bundle.ts';
import { closeAll, expectWhole, KINDS, MUTE, type Open, type Screen } from '../frontends/resize-bed.ts';
import { Terminal } from '../terminal/terminal.ts';

type Situation = 'question' | 'step' | 'list' | 'end';
type Size = readonly [columns: number, rows: number];

let driver: Awaited<ReturnType<typeof bundleProgram>>;
beforeAll(async () => {
  driver = await bundleProgram('test/frontends/resize-driver.ts');
});
// Most of their time is waited: five at once.
afterAll(async () => {
  await closeAll();
  await driver?.dispose();
});

const begin = async (open: Open, situation: Situation, records: number, [columns, rows]: Size) => {
  const screen = await open([process.execPath, driver.file, situation, String(records)], columns, rows);
  await screen.until((text) => expect(text).toMatch(/enter accept|a apply|ctrl\+c stop|q quit/));
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
    [60, 30],
  ],
  'shorter and back': [
    [100, 10],
    [100, 30],
    [40, 12],
    [100, 30],
  ],
};

describe.each(Object.entries(KINDS))('in %s', (_kind, open) => {
  describe.each(['question', 'step', 'list'] as const)('%s', (situation) => {
    it.concurrent.each(Object.entries(WALKS))('%s', { timeout: 60_000 }, async (_name, sizes) => {
      const { screen, kept } = await started(open, situation, 8, [100, 24]);
      for (const size of sizes) {
        await screen.resize(...size);
        await whole(screen, situation, size, kept);
      }
    });
  });
});

describe.each(Object.entries(KINDS))('in %s', (_kind, open) => {
  it.concurrent('a burst of ten, while a step runs', { timeout: 60_000 }, async () => {
    const { screen, kept } = await started(open, 'step', 8, [100, 30]);
    const burst = async (size: (i: number) => Size) => {
      await Promise.all(Array.from({ length: 10 }, (_, i) => screen.resize(...size(i))));
    };
    await burst((i) => [100 - 6 * i, i % 2 === 0 ? 12 : 26]);
    await whole(screen, 'step', [46, 26], kept);
    await burst((i) => [50 + 5 * i, 12 + 2 * i]);
    await whole(screen, 'step', [95, 30], kept);
  });

  it.concurrent('keys that are pressed while it is resized do what they do', {
    timeout: 60_000,
  }, async () => {
    const { screen } = await started(open, 'question', 8, [100, 24]);
    for (const [i, letter] of [...'10.1.2.3'].entries()) {
      await screen.resize(100 - 7 * i, 24 - i);
      await screen.type(letter);
    }
    await screen.until((text) => {
      expect(text).toMatch(/› 10\.1\.2\.3/);
      expect(text.split('Who may open the Admin Console?')).toHaveLength(2);
    });
  });
});

/** What the third one cuts off it shows again behind whatever was written meanwhile, once it is wide enough. */
const REWRAPPING = Object.entries(KINDS).slice(0, 2);

describe.each(REWRAPPING)('in %s', (_kind, open) => {
  it.concurrent('steps that finish while the terminal is small stay once, and nothing of a frame between them', {
    timeout: 60_000,
  }, async () => {
    const { screen, kept } = await started(open, 'step', 8, [100, 30]);
    let all = kept;
    const finish = async (size: Size) => {
      await screen.signal('SIGUSR2');
      // What was printed for a narrow terminal is as it was printed.
      const frame = await frameAt('step', size);
      await screen.until((_, scrollback) => {
        const count = scrollback.split('is not as long').length - 1;
        expect(count).toBe((all.match(/record-\d+/g) ?? []).length + 1);
        expect(scrollback.endsWith(frame.trimStart())).toBe(true);
      });
      const from = (await screen.scrollback()).lastIndexOf('✗ Compose file');
      all += `\n${(await screen.scrollback()).slice(from, -frame.trimStart().length)}`;
    };
    const sizes: readonly Size[] = [
      [46, 12],
      [100, 30],
      [60, 10],
    ];
    for (const size of sizes) {
      await screen.resize(...size);
      await whole(screen, 'step', size, all);
      await finish(size);
      await whole(screen, 'step', size, all);
    }
  });
});

const SHORT: readonly Size[] = [
  [60, 24],
  [100, 24],
  [100, 12],
  [100, 24],
];

describe('what must not stay', () => {
  it.concurrent.each([...Object.entries(KINDS), ['one that answers nothing', MUTE] as const])(
    'a revealed secret is not in the scrollback of %s after resizes',
    { timeout: 60_000 },
    async (_kind, open) => {
      const { screen } = await started(open, 'end', 0, [100, 24]);
      await screen.type('1');
      await screen.until((text) => expect(text).toContain('canary-of-the-end'));
      for (const [columns, rows] of SHORT) {
        await screen.resize(columns, rows);
        await screen.quiet();
      }
      await screen.until((text) => expect(text.split('canary-of-the-end')).toHaveLength(2));
      await screen.type('x');
      await screen.until((_, all) => expect(all).not.toContain('canary'));
    },
  );
});

describe('under a shell', () => {
  it('is drawn for the size that the terminal got while it was stopped', { timeout: 60_000 }, async () => {
    const terminal = Terminal.start(['bash', '--norc', '-i'], { columns: 100, rows: 30 });
    await terminal.waitFor(/^bash-[\d.]+[#$]/);
    terminal.type(`${process.execPath} ${driver.file} question 1\r`);
    await terminal.waitFor('enter accept');
    terminal.press('ctrl+z');
    await terminal.waitFor((text) => /Stopped[\s\S]*bash-[\d.]+[#$]/.test(text) && !text.includes('accept'));
    terminal.resize(60, 24);
    terminal.type('fg\r');
    const frame = await frameAt('question', [60, 24]);
    await terminal.waitFor((text) => text.endsWith(frame.trimEnd()));
    terminal.press('ctrl+c');
    await terminal.waitFor((text) => !text.includes('enter accept'));
  });
});

describe('a terminal that answers nothing', () => {
  it('is drawn anew all the same, and nothing that stays is lost', { timeout: 60_000 }, async () => {
    const { screen, kept } = await started(MUTE, 'question', 8, [100, 24]);
    for (const size of SHORT) {
      await screen.resize(...size);
      await whole(screen, 'question', size, kept);
    }
  });

  it('gets its answer waited for at the end, and no longer than it takes', { timeout: 60_000 }, async () => {
    const { screen } = await started(MUTE, 'question', 1, [100, 24]);
    await screen.resize(60, 24);
    await screen.type('\u0003');
    await screen.until((text) => expect(text).not.toContain('ctrl+c'));
  });
});
