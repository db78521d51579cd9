/** `verify --watch`: looks again and again, and says only what changed. */
import { AnswerError, EXIT, type ExitCode } from './core/errors.ts';
import { printable } from './core/printable.ts';
import type { Finding, Report } from './core/report.ts';
import type { Verdict } from './core/step.ts';

/** The interval when none is given. */
export const DEFAULT_EVERY = '5m';
/** Shorter, and the looks themselves would be the load: each logs in, and attacks the proxy and the database. */
const SHORTEST = 10_000;
const LONGEST = 7 * 24 * 3_600_000;
/** A line that says that the watch is alive, milliseconds. */
const HEARTBEAT = 3_600_000;

/**
 * Reads `30s`, `5m` or `1h`. @returns milliseconds
 * @throws {AnswerError} for anything else, less than ten seconds and more than a week
 */
export function parseEvery(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match?.[2] as 's' | 'm' | 'h' | 'd'];
  const every = Number(match?.[1]) * (unit ?? Number.NaN);
  if (Number.isNaN(every))
    throw new AnswerError(
      `${JSON.stringify(text)} is no interval`,
      'a number with s, m, h or d',
      'write --watch 30s, --watch 5m or --watch 1h',
    );
  if (every < SHORTEST || every > LONGEST)
    throw new AnswerError(
      `${text} is out of range`,
      '10s to 7d',
      'write --watch 30s, --watch 5m or --watch 1h',
    );
  return every;
}

/** Time, so that tests need none of their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

const realClock: Clock = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done, { once: true });
    }),
};

/** How a look compares with the one before; the caller keeps evidence of those that changed something. */
export interface Look {
  readonly report: Report;
  readonly changed: boolean;
}

export interface WatchOptions {
  /** Milliseconds from the start of a look to the start of the next; one that takes longer makes the next wait for its turn. */
  readonly every: number;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** One silent look. Whatever it throws is reported as not seen, and the watch goes on. */
  verifyOnce(signal: AbortSignal): Promise<Report>;
  /** Takes whole lines, with their line breaks. */
  write(text: string): void;
  /** Called after each finished look, before the next; what it throws is reported too. */
  afterLook?(look: Look): Promise<void>;
  readonly clock?: Clock;
}

/**
 * Looks until the signal aborts. Tells the first verdict, then only what changed since the look before, and once an hour that
 * the watch is alive. Looks never overlap.
 * @returns 130: a watch ends only by being cancelled. The last verdict is told.
 */
export async function watch(options: WatchOptions): Promise<ExitCode> {
  const { every, signal, clock = realClock } = options;
  const say = (text: string) =>
    options.write(
      `${new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z')}  ${printable(text.replaceAll(/\s*\n\s*/g, ' '))}\n`,
    );
  let last: Report | undefined;
  let blind: string | undefined;
  let looks = 0;
  const began = clock.now();
  let saidAt = began;

  while (!signal.aborted) {
    const result = await lookOnce(options);
    if (signal.aborted || (!('because' in result) && result.report.exit === EXIT.cancelled)) break;
    looks += 1;
    let lines: readonly string[];
    if ('because' in result) {
      lines = result.because === blind ? [] : [`not seen: ${result.because}`];
      blind = result.because;
    } else {
      const { report } = result;
      const changes = changesOf(last, report);
      lines = [...(blind === undefined ? [] : ['seen again']), ...changes];
      blind = undefined;
      last = report;
      const kept = await settle(() => options.afterLook?.({ report, changed: changes.length > 0 }));
      if (kept !== undefined) lines = [...lines, kept];
    }
    for (const line of lines) say(line);
    if (lines.length > 0) saidAt = clock.now();
    // A clock that was set back must not silence it.
    else if (clock.now() - saidAt >= HEARTBEAT || clock.now() < saidAt) {
      say(`still watching, ${looks} looks so far. ${stateOf(last, blind)}`);
      saidAt = clock.now();
    }
    // On the grid of the first look: one that took longer than the interval lets its turns pass.
    const since = (clock.now() - began) % every;
    await clock.sleep(since < 0 ? -since : every - since, signal);
  }
  say(`watch ended after ${looks} ${looks === 1 ? 'look' : 'looks'}. ${stateOf(last, blind)}`);
  return EXIT.cancelled;
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function lookOnce(options: WatchOptions): Promise<{ report: Report } | { because: string }> {
  try {
    return { report: await options.verifyOnce(options.signal) };
  } catch (error) {
    return { because: reason(error) };
  }
}

/** @returns what it threw, or undefined */
async function settle(work: () => Promise<void> | undefined): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return reason(error);
  }
}

function stateOf(last: Report | undefined, blind: string | undefined): string {
  if (blind !== undefined)
    return `The last look saw nothing (${blind}).${last ? ` Before it, at ${last.finishedAt}: ${last.verdict}` : ''}`;
  return last?.verdict ?? 'Nothing was looked at.';
}

const WORD: Readonly<Record<Verdict['is'], string>> = {
  pass: 'proved',
  fail: 'failing',
  unknown: 'not seen',
  attest: 'open',
  skip: 'does not apply',
};
/** Of a waived control too what it is: one that was not seen and now fails has changed. */
const stateWord = ({ waived, verdict }: Finding) =>
  waived ? `waived while ${WORD[waived.is]}` : WORD[verdict.is];

/** What is said of a control that is not proved: the same words as in every report. */
function seenWords(finding: Finding): string {
  const verdict = finding.waived ?? finding.verdict;
  switch (verdict.is) {
    case 'fail':
      return `seen: ${verdict.observed}; expected: ${verdict.expected}; fix: ${finding.remedy}${finding.impact ? `; impact: ${finding.impact}` : ''}`;
    case 'attest':
      return verdict.ask;
    case 'pass':
      return verdict.observed;
    default:
      return verdict.because;
  }
}

const findingsOf = (report: Report) => report.steps.flatMap((step) => step.findings);

/** By control id; several findings of one id (waivers) are told apart by their order. */
function byControl(report: Report): ReadonlyMap<string, Finding> {
  const all = new Map<string, Finding>();
  for (const finding of findingsOf(report)) {
    let key = finding.control;
    for (let n = 2; all.has(key); n++) key = `${finding.control} (${n})`;
    all.set(key, finding);
  }
  return all;
}

/**
 * One line for each control whose state changed, and the verdict when it did. What was seen is no change by itself (a
 * certificate's days go down). Of the first look: the verdict and everything that is not good.
 */
function changesOf(before: Report | undefined, now: Report): readonly string[] {
  const was = before && byControl(before);
  const is = byControl(now);
  const lines: string[] = [];
  for (const [key, finding] of is) {
    const earlier = was?.get(key);
    const word = stateWord(finding);
    const isGood = finding.verdict.is === 'pass' || (finding.verdict.is === 'skip' && !finding.waived);
    if (earlier ? stateWord(earlier) === word : isGood) continue;
    const from = earlier ? ` (was ${stateWord(earlier)})` : '';
    lines.push(`${word}${from}: ${finding.title} [${finding.control}]. ${seenWords(finding)}`);
  }
  for (const [key, finding] of was ?? [])
    if (!is.has(key))
      lines.push(`not looked at (was ${stateWord(finding)}): ${finding.title} [${finding.control}]`);
  if (now.stopped && before?.stopped?.reason !== now.stopped.reason)
    lines.push(`stopped at ${now.stopped.step}: ${now.stopped.reason}`);
  if (lines.length > 0 || before?.verdict !== now.verdict) lines.push(`exit ${now.exit}: ${now.verdict}`);
  return lines;
}
