/** The watch on a clock of its own: no test waits. */
import { describe, expect, it } from 'vitest';
import type { Finding, Report } from '../src/core/report.ts';
import type { Verdict } from '../src/core/step.ts';
import { DEFAULT_EVERY, parseEvery, type WatchOptions, watch } from '../src/watch.ts';
import { finding, report, VERDICT } from './evidence/reports.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-11-26T10:00:00Z');

/** A time that only the watch's own sleeping and the looks' duration move on. */
class Time {
  at = START;
  readonly slept: number[] = [];
  now = () => this.at;
  sleep = async (milliseconds: number, signal: AbortSignal) => {
    if (signal.aborted) return;
    this.slept.push(milliseconds);
    this.at += milliseconds;
  };
}

type Look = Report | Error | ((time: Time) => Report);

/** Runs the given looks, one a turn, then cancels as Ctrl+C does: during a look. */
async function watched(looks: readonly Look[], change: Partial<WatchOptions> = {}) {
  const time = new Time();
  const cancel = new AbortController();
  const starts: number[] = [];
  let text = '';
  let under = 0;
  const left = [...looks];
  const code = await watch({
    every: 5 * MINUTE,
    signal: cancel.signal,
    clock: time,
    write: (written) => {
      text += written;
    },
    async verifyOnce() {
      expect(++under).toBe(1);
      try {
        await Promise.resolve();
        const look = left.shift();
        if (look === undefined) {
          cancel.abort();
          return report([], { exit: 130, verdict: 'Cancelled.' });
        }
        starts.push((time.at - START) / MINUTE);
        if (look instanceof Error) throw look;
        return typeof look === 'function' ? look(time) : look;
      } finally {
        under -= 1;
      }
    },
    ...change,
  });
  expect(text.endsWith('\n')).toBe(true);
  return { code, lines: text.split('\n').slice(0, -1), starts, time };
}

const GOOD = 'Every required control that applies is proved (2).';
const good = (more: readonly Finding[] = []) =>
  report([finding('a.one', VERDICT.pass), finding('a.two', VERDICT.pass), ...more], { verdict: GOOD });
const bad = report(
  [finding('a.one', VERDICT.pass), finding('a.two', VERDICT.fail, { impact: 'a restart' })],
  {
    exit: 1,
    verdict: '1 required control fails.',
  },
);

describe('the watch', () => {
  it('tells the first verdict, then only what changed, and ends with 130 and the last verdict', async () => {
    const { code, lines } = await watched([good(), good(), bad, bad, good()]);
    expect(code).toBe(130);
    expect(lines).toEqual([
      `2026-11-26T10:00:00Z  exit 0: ${GOOD}`,
      '2026-11-26T10:10:00Z  failing (was proved): the title of a.two [a.two]. seen: it does not hold; expected: it to hold; fix: remedy; impact: a restart',
      '2026-11-26T10:10:00Z  exit 1: 1 required control fails.',
      '2026-11-26T10:20:00Z  proved (was failing): the title of a.two [a.two]. it holds',
      `2026-11-26T10:20:00Z  exit 0: ${GOOD}`,
      `2026-11-26T10:25:00Z  watch ended after 5 looks. ${GOOD}`,
    ]);
  });

  it('of a first look that is not good tells everything that is not', async () => {
    const first = report([finding('a.one', VERDICT.pass), finding('a.two', VERDICT.unknown)], { exit: 3 });
    const { lines } = await watched([first]);
    expect(lines[0]).toContain('not seen: the title of a.two [a.two]. no answer');
    expect(lines.join()).not.toContain('a.one');
  });

  it('a waived control that was not seen and fails now', async () => {
    const waived = (verdict: Verdict) =>
      report([finding('a.two', VERDICT.skip, { waived: verdict })], { verdict: GOOD });
    const { lines } = await watched([waived(VERDICT.unknown), waived(VERDICT.fail)]);
    expect(lines.join('\n')).toContain(
      'waived while failing (was waived while not seen): the title of a.two [a.two]',
    );
  });

  it('a control that appears, goes, is waived; and a run that stops early', async () => {
    const waived = finding('a.two', VERDICT.skip, { waived: VERDICT.fail });
    const stopped = { step: 'Preflight', reason: 'the engine does not answer' };
    const { lines } = await watched([
      good(),
      good([finding('a.new', VERDICT.fail)]),
      good(),
      report([finding('a.one', VERDICT.pass), waived], { verdict: GOOD }),
      report([], { exit: 3, verdict: 'The run stopped before its last step.', stopped }),
    ]);
    const said = lines.map((line) => line.slice(22));
    expect(said).toContain(
      'failing: the title of a.new [a.new]. seen: it does not hold; expected: it to hold; fix: remedy',
    );
    expect(said).toContain('not looked at (was failing): the title of a.new [a.new]');
    expect(said).toContain(
      'waived while failing (was proved): the title of a.two [a.two]. seen: it does not hold; expected: it to hold; fix: remedy',
    );
    expect(said).toContain('not looked at (was waived while failing): the title of a.two [a.two]');
    expect(said).toContain('stopped at Preflight: the engine does not answer');
    expect(said).toContain('exit 3: The run stopped before its last step.');
  });

  it('a look that throws is not seen, said once, and the watch goes on', async () => {
    const broken = new Error('the answers file is gone');
    const { lines } = await watched([good(), broken, broken, good(), broken]);
    expect(lines.map((line) => line.slice(22))).toEqual([
      `exit 0: ${GOOD}`,
      'not seen: the answers file is gone',
      'seen again',
      'not seen: the answers file is gone',
      `watch ended after 5 looks. The last look saw nothing (the answers file is gone). Before it, at 2026-11-26T10:00:01.000Z: ${GOOD}`,
    ]);
  });

  it('is silent while nothing changes, but for a line an hour', async () => {
    const { lines } = await watched(Array.from({ length: 26 }, () => good()));
    expect(lines).toEqual([
      `2026-11-26T10:00:00Z  exit 0: ${GOOD}`,
      `2026-11-26T11:00:00Z  still watching, 13 looks so far. ${GOOD}`,
      `2026-11-26T12:00:00Z  still watching, 25 looks so far. ${GOOD}`,
      `2026-11-26T12:10:00Z  watch ended after 26 looks. ${GOOD}`,
    ]);
  });

  it('looks on its grid: a slow look lets its turns pass, and none overlaps', async () => {
    const slow = (minutes: number) => (time: Time) => {
      time.at += minutes * MINUTE;
      return good();
    };
    const { starts } = await watched([slow(1), slow(7), slow(0), slow(5), good()]);
    expect(starts).toEqual([0, 5, 15, 20, 30]);
  });

  it('hands each look on with whether it changed anything, and tells what that throws', async () => {
    const changed: boolean[] = [];
    const { lines, code } = await watched([good(), good(), bad], {
      async afterLook(look) {
        changed.push(look.changed);
        if (look.report === bad) throw new Error('no space is left');
      },
    });
    expect(changed).toEqual([true, false, true]);
    expect(lines.join('\n')).toContain('no space is left');
    expect(code).toBe(130);
  });

  it('that is cancelled while it waits, ends at once, on the real clock', async () => {
    const cancel = new AbortController();
    let text = '';
    const code = await watch({
      every: 3_600_000,
      signal: cancel.signal,
      verifyOnce: async () => good(),
      afterLook: async () => void setImmediate(() => cancel.abort()),
      write: (written) => {
        text += written;
      },
    });
    expect(code).toBe(130);
    expect(text).toMatch(/watch ended after 1 look\. Every required/);
  });

  it('that is cancelled before the first look says so', async () => {
    const { code, lines } = await watched([]);
    expect(code).toBe(130);
    expect(lines[0]).toMatch(/watch ended after 0 looks\. Nothing was looked at\./);
  });
});

describe('--watch', () => {
  it.each([
    ['10s', 10_000],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    [DEFAULT_EVERY, 300_000],
  ])('%s', (text, every) => expect(parseEvery(text)).toBe(every));
  it.each(['', '5', '9s', '0m', '8d', '-5m', '5 m', '1.5h', 'often'])('refuses %j', (text) => {
    expect(() => parseEvery(text)).toThrow(/interval|out of range/);
  });
});
