/** What changed since an earlier verify: every pair of verdicts, and which earlier verify is compared with. */
import { describe, expect, it } from 'vitest';
import type { Finding, Report } from '../../src/core/report.ts';
import { deltaOf, earlierRecord, parseSince, renderDelta } from '../../src/evidence/delta.ts';
import { type EvidenceRecord, makeRecord, seal } from '../../src/evidence/record.ts';
import { CannotRead, type EvidenceStore } from '../../src/evidence/store.ts';
import { finding, report, VERDICT } from './reports.ts';

const sealed = (of: Report, before?: EvidenceRecord) =>
  seal(makeRecord(of, { before, now: new Date(of.finishedAt), host: 'here' }), undefined);
const recordOf = (findings: readonly Finding[], change: Partial<Report> = {}) =>
  sealed(report(findings, change)).record;

/** A finding of `a.one` in words; `waived fail`: a waiver turned a failing one into skip. */
function seen(state: string): Finding {
  const is = state.replace('waived ', '') as keyof typeof VERDICT;
  return state.startsWith('waived')
    ? finding('a.one', VERDICT.skip, { waived: VERDICT[is] })
    : finding('a.one', VERDICT[is]);
}

describe('the delta', () => {
  const GOOD = ['pass', 'skip'];
  const NOT_GOOD = ['fail', 'unknown', 'attest', 'waived fail', 'waived unknown'];
  const pairs = [...GOOD, ...NOT_GOOD].flatMap((was) =>
    [...GOOD, ...NOT_GOOD].map((is) => [was, is] as const),
  );

  it.each(pairs)('%s, then %s', (was, is) => {
    const delta = deltaOf(report([seen(is)]), recordOf([seen(was)]));
    const [wasGood, isGood] = [GOOD.includes(was), GOOD.includes(is)];
    expect(delta).toEqual({
      since: '2026-11-26T10:00:01.000Z',
      new: wasGood && !isGood ? ['a.one'] : [],
      fixed: !wasGood && isGood ? ['a.one'] : [],
      open: !wasGood && !isGood ? ['a.one'] : [],
    });
  });

  it('compares only what both looked at; what a full look did not know is new when it is not good', () => {
    const before = [finding('a.one', VERDICT.fail), finding('a.gone', VERDICT.fail)];
    const now = report([
      finding('a.one', VERDICT.fail),
      finding('a.added', VERDICT.fail),
      finding('a.good', VERDICT.pass),
    ]);
    expect(deltaOf(now, recordOf(before))).toMatchObject({ new: ['a.added'], fixed: [], open: ['a.one'] });
    const selection = { only: ['a.one'], sections: [], looked: 1, of: 9 };
    expect(deltaOf(now, recordOf(before, { selection }))).toMatchObject({ new: [], open: ['a.one'] });
    const stopped = { step: 'step', reason: 'no engine' };
    expect(deltaOf(now, recordOf(before, { stopped }))).toMatchObject({ new: [] });
  });

  it('of an id that stands for several findings asks that all are good', () => {
    const both = [finding('waivers.owned', VERDICT.pass), finding('waivers.owned', VERDICT.fail)];
    expect(deltaOf(report(both), recordOf([both[0]!]))).toMatchObject({ new: ['waivers.owned'] });
    expect(deltaOf(report([both[0]!]), recordOf(both.toReversed()))).toMatchObject({
      fixed: ['waivers.owned'],
    });
  });

  it('is told with titles, and says why there is none', () => {
    const now = report([
      finding('a.one', VERDICT.fail),
      finding('a.two', VERDICT.skip, { waived: VERDICT.fail }),
    ]);
    const before = recordOf([finding('a.one', VERDICT.pass), finding('a.two', VERDICT.pass)]);
    expect(renderDelta(now, deltaOf(now, before))).toBe(
      [
        'Since the verify of 2026-11-26T10:00:01.000Z: 2 new, 0 fixed, 0 still open.',
        '  new    the title of a.one [a.one]',
        '  new    the title of a.two [a.two], waived',
      ].join('\n'),
    );
    expect(deltaOf(now, undefined)).toBeUndefined();
    expect(renderDelta(now, undefined, 'no earlier full verify is in x')).toBe(
      'Nothing to compare with: no earlier full verify is in x.',
    );
  });
});

describe('the earlier verify', () => {
  const at = (time: string, change: Partial<Report> = {}) =>
    report([finding('a.one', VERDICT.pass)], { finishedAt: time, ...change });

  function storeOf(lines: readonly string[]): EvidenceStore {
    const never = () => Promise.reject(new Error('not asked for'));
    return {
      path: '/srv/evidence.jsonl',
      host: 'here',
      now: () => new Date(),
      exclusively: never,
      lines: never,
      notices: never,
      linesFromEnd: async () =>
        (async function* () {
          for (const line of lines.toReversed()) yield Buffer.from(line);
        })(),
    };
  }
  const chain = (reports: readonly Report[]) => {
    let before: EvidenceRecord | undefined;
    return reports.map((one) => {
      const made = sealed(one, before);
      before = made.record;
      return made.line;
    });
  };
  const find = async (lines: readonly string[], since: 'last' | Date) => {
    const found = await earlierRecord(storeOf(lines), since, '/srv/install');
    return found.is === 'record' ? found.record.sequence : found.because;
  };

  it('is the last that was full, or the last that had ended by then', async () => {
    const lines = chain([
      at('2026-11-20T10:00:00.000Z'),
      at('2026-11-21T10:00:00.000Z'),
      at('2026-11-22T10:00:00.000Z', { selection: { only: ['a.*'], sections: [], looked: 1, of: 2 } }),
      at('2026-11-23T10:00:00.000Z', { stopped: { step: 'step', reason: 'no engine' } }),
      at('2026-11-24T10:00:00.000Z', { dir: '/srv/another' }),
      at('2026-11-25T10:00:00.000Z', { mode: 'apply' }),
    ]);
    expect(await find(lines, 'last')).toBe(2);
    expect(await find(lines, new Date('2026-11-21T10:00:00Z'))).toBe(2);
    expect(await find(lines, new Date('2026-11-21T09:59:59Z'))).toBe(1);
    expect(await find(lines, new Date('2026-11-19T00:00:00Z'))).toMatch(
      /no full verify that ended by 2026-11-19/,
    );
  });

  it('is none where there is none, where a record is damaged, and where it cannot be read', async () => {
    expect(await find([], 'last')).toMatch(/no earlier full verify/);
    const lines = chain([at('2026-11-20T10:00:00.000Z'), at('2026-11-21T10:00:00.000Z')]);
    expect(await find(lines.with(1, lines[1]!.replace('it holds', 'it helps')), 'last')).toMatch(
      /not what was sealed/,
    );
    const unreadable = { ...storeOf([]), linesFromEnd: () => Promise.reject(new CannotRead('locked')) };
    expect(await earlierRecord(unreadable, 'last', '/srv/install')).toEqual({
      is: 'none',
      because: 'locked',
    });
  });
});

describe('--since', () => {
  const now = new Date('2026-11-26T12:00:00Z');
  it.each([
    ['90s', '2026-11-26T11:58:30.000Z'],
    ['30m', '2026-11-26T11:30:00.000Z'],
    ['24h', '2026-11-25T12:00:00.000Z'],
    ['7d', '2026-11-19T12:00:00.000Z'],
    ['2w', '2026-11-12T12:00:00.000Z'],
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20T08:00Z', '2026-11-20T08:00:00.000Z'],
    ['2026-11-20T08:00:30.5+02:00', '2026-11-20T06:00:30.500Z'],
  ])('%s', (text, time) => {
    expect((parseSince(text, now) as Date).toISOString()).toBe(time);
  });
  it('last', () => expect(parseSince('last', now)).toBe('last'));
  it.each([
    '',
    'yesterday',
    '24',
    '24 h',
    '-1h',
    '2026-02-30',
    '2026-13-01',
    '20.11.2026',
    '2026-11-27',
    '1e3h',
  ])('refuses %j', (text) => expect(() => parseSince(text, now)).toThrow(/point in time|still to come/));
});
