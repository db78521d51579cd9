import { AnswerError } from '../core/errors.ts';
import type { Delta, Report } from '../core/report.ts';
import type { Verdict } from '../core/step.ts';
import { isDay } from '../exceptions/days.ts';
import { wrap } from '../report/text.ts';
import { type EvidenceRecord, readRecord } from './record.ts';
import { CannotRead, type EvidenceStore } from './store.ts';

/** `--since`: the last look, or the last one that had ended by a point in time. */
export type Since = 'last' | Date;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Reads `last`, a duration back from now (`90m`, `24h`, `7d`), or a date or time in ISO 8601 (a date alone is its
 * midnight in UTC; a time without a zone is this host's).
 * @throws {AnswerError} for anything else, and for a time that is still to come
 */
export function parseSince(text: string, now: Date): Since {
  if (text === 'last') return 'last';
  const duration = /^(\d{1,6})([smhdw])$/.exec(text);
  const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const time = duration
    ? now.getTime() - Number(duration[1]) * (UNITS[duration[2] as string] as number) * 1000
    : iso
      ? Date.parse(text)
      : Number.NaN;
  if (Number.isNaN(time) || (iso && !isDay(text.slice(0, 10))))
    throw new AnswerError(
      `${JSON.stringify(text)} is no point in time`,
      'last, a duration such as 24h or 7d, or a date such as 2026-11-20',
      'write --since last, --since 24h or --since 2026-11-20T08:00:00Z',
    );
  if (time > now.getTime())
    throw new AnswerError(`${text} is still to come`, 'a time in the past', 'name an earlier one');
  return new Date(time);
}

/** The record to compare with, or why there is none. */
export type Earlier =
  | { readonly is: 'record'; readonly record: EvidenceRecord }
  | { readonly is: 'none'; readonly because: string };

/**
 * The last record of a full look (nothing selected, not cut short) of the same install that had ended by `since`. A
 * record that is not what was sealed is not compared with, nor is any before it.
 */
export async function earlierRecord(store: EvidenceStore, since: Since, dir: string): Promise<Earlier> {
  try {
    for await (const bytes of (await store.linesFromEnd()) ?? []) {
      const read = readRecord(bytes);
      if (read.is !== 'record')
        return {
          is: 'none',
          because: `a record in ${store.path} is not what was sealed; see verify --evidence`,
        };
      const { record } = read;
      if (record.mode !== 'verify' || record.selection || record.stopped || record.dir !== dir) continue;
      if (since === 'last' || Date.parse(record.finishedAt) <= since.getTime())
        return { is: 'record', record };
    }
  } catch (error) {
    if (error instanceof CannotRead) return { is: 'none', because: error.message };
    throw error;
  }
  const when =
    since === 'last' ? 'no earlier full verify' : `no full verify that ended by ${since.toISOString()}`;
  return { is: 'none', because: `${when} is in ${store.path}` };
}

/**
 * A waiver repairs nothing: what was seen beneath it counts. So a control that fails and is waived is new or open, not
 * fixed, and one that does not apply is good.
 */
const isGood = (seen: { readonly verdict: Verdict; readonly waived?: Verdict }): boolean => {
  const { is } = seen.waived ?? seen.verdict;
  return is === 'pass' || is === 'skip';
};

/** By control id; of an id that stands for several findings (waivers), all must be good. */
function goodness(
  seen: readonly { readonly control: string; readonly verdict: Verdict; readonly waived?: Verdict }[],
): ReadonlyMap<string, boolean> {
  const good = new Map<string, boolean>();
  for (const one of seen) good.set(one.control, (good.get(one.control) ?? true) && isGood(one));
  return good;
}

/**
 * What changed since an earlier verify. A control that only one of the two looked at is left out, except one that the
 * earlier full look did not know at all: when it is not good, it is new. Undefined without an earlier record.
 */
export function deltaOf(
  current: Pick<Report, 'steps'>,
  earlier: EvidenceRecord | undefined,
): Delta | undefined {
  if (!earlier) return undefined;
  const before = goodness(earlier.controls);
  const now = goodness(current.steps.flatMap((step) => step.findings));
  const isFull = !earlier.selection && !earlier.stopped;
  const ids = (keep: (was: boolean | undefined, is: boolean) => boolean) =>
    [...now].flatMap(([id, is]) => (keep(before.get(id), is) ? [id] : []));
  return {
    since: earlier.finishedAt,
    new: ids((was, is) => !is && (was === true || (was === undefined && isFull))),
    fixed: ids((was, is) => is && was === false),
    open: ids((was, is) => !is && was === false),
  };
}

/** The delta as text, with the controls' titles; `delta` undefined: why there is none. */
export function renderDelta(report: Pick<Report, 'steps'>, delta: Delta | undefined, because = ''): string {
  if (!delta) return `Nothing to compare with: ${because || 'no earlier verify was kept'}.`;
  const findings = new Map(report.steps.flatMap((step) => step.findings.map((f) => [f.control, f] as const)));
  const counts = `${delta.new.length} new, ${delta.fixed.length} fixed, ${delta.open.length} still open`;
  const lines = [`Since the verify of ${delta.since}: ${counts}.`];
  const words = [
    ['new', delta.new],
    ['fixed', delta.fixed],
    ['open', delta.open],
  ] as const;
  for (const [word, ids] of words) {
    for (const id of ids) {
      const finding = findings.get(id);
      const text = `${finding?.title ?? id} [${id}]${finding?.waived ? ', waived' : ''}`;
      const [first = '', ...rest] = wrap(text, 66);
      lines.push(`  ${word.padEnd(5)}  ${first}`, ...rest.map((l) => `${' '.repeat(9)}${l}`));
    }
  }
  return lines.join('\n');
}
