/** What a repair without consent makes, and what it leaves. */
import { describe, expect, it } from 'vitest';
import { endAfterLeaving, harmlessPart } from '../../src/core/harmless.ts';
import type { Change } from '../../src/core/step.ts';
import type { Stop } from '../../src/core/step-run.ts';

const change = (id: string, more: Partial<Change> = {}): Change => ({
  id,
  summary: id,
  apply: async () => {},
  ...more,
});
const disrupts = 'It restarts.';
const ids = (changes: readonly Change[]) => changes.map(({ id }) => id);

describe('the harmless part of a plan', () => {
  it.each([
    ['interrupts', { disrupts }],
    ['cannot be undone', { irreversible: true }],
  ] as const)('ends before the first change that %s: what follows may build on it', (_, more) => {
    const plan = [change('a'), change('b', more), change('c', { standsAlone: true })];
    expect(ids(harmlessPart(plan, false))).toEqual(['a']);
  });

  it('is all of it where nothing asks for consent', () => {
    expect(ids(harmlessPart([change('a'), change('b')], false))).toEqual(['a', 'b']);
  });

  it('is only what stands alone once something was left', () => {
    const plan = [change('a', { standsAlone: true }), change('b'), change('c', { standsAlone: true })];
    expect(ids(harmlessPart(plan, true))).toEqual(['a']);
    expect(ids(harmlessPart([change('d', { standsAlone: true, disrupts })], true))).toEqual([]);
  });
});

describe('the end of a run that left something', () => {
  const left: Stop = { step: 'one', reason: 'the changes of One were declined', exit: 1, kind: 'decline' };
  const stop = (more: Partial<Stop>): Stop => ({ step: 'two', reason: 'r', kind: 'failure', ...more });

  it('is the declining, also where a later step could not go on', () => {
    expect(endAfterLeaving(left, undefined)).toBe(left);
    expect(endAfterLeaving(left, stop({}))).toBe(left);
  });

  it.each([{ exit: 3 }, { kind: 'cancel', exit: 130 }, { kind: 'bug' }] as const)(
    'is a change that failed, a cancel or a bug: %j',
    (more) => {
      expect(endAfterLeaving(left, stop(more))).toMatchObject(more);
    },
  );

  it('is what stopped it where nothing was left', () => {
    expect(endAfterLeaving(undefined, undefined)).toBeUndefined();
    expect(endAfterLeaving(undefined, stop({}))?.step).toBe('two');
  });
});
