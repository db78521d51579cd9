import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/core/errors.ts';
import { exitCode, foundExit, verdictSentence } from '../../src/core/verdict.ts';
import { bare, findingWith, judged } from '../report/fixture.ts';

const part = (looked: number) => ({ only: ['key.access'], sections: [], looked, of: 168 });

describe('the verdict', () => {
  it.each([
    [1, 'Only 1 of 168 controls was looked at.'],
    [3, 'Only 3 of 168 controls were looked at.'],
  ])('says how much %i is', (looked, text) =>
    expect(verdictSentence('verify', EXIT.proved, bare.steps, part(looked))).toContain(text),
  );
});

describe('a part in which nothing applies', () => {
  const skipped = findingWith('skip', 'required');
  const { steps } = judged([skipped]);

  it('proves nothing, where all of it would', () => {
    expect(exitCode('verify', steps, false)).toBe(EXIT.proved);
    expect(exitCode('verify', steps, false, 'required', part(1))).toBe(EXIT.notSeen);
    expect(verdictSentence('verify', EXIT.notSeen, steps, part(1))).toMatch(/^Nothing of what was asked for/);
  });

  it('is another thing than a part that somebody waived, or that holds', () => {
    const waived = judged([{ ...skipped, waived: { is: 'fail', observed: 'a', expected: 'b' } }]);
    expect(exitCode('verify', waived.steps, false, 'required', part(1))).toBe(EXIT.proved);
    const held = judged([skipped, findingWith('pass', 'advised')]);
    expect(exitCode('verify', held.steps, false, 'required', part(2))).toBe(EXIT.proved);
  });
});

describe('what was found', () => {
  const failing = judged([findingWith('fail', 'required')]);
  const advised = judged([findingWith('fail', 'advised')]);
  const zero = { exit: EXIT.proved, policy: { failOn: 'required', exitZero: true } } as const;

  it('is not what was asked for', () => {
    expect(foundExit({ ...failing, ...zero })).toBe(EXIT.failing);
    expect(foundExit({ ...judged([findingWith('unknown', 'required')]), ...zero })).toBe(EXIT.notSeen);
    expect(foundExit({ ...bare, ...zero })).toBe(EXIT.proved);
  });

  it('follows the policy of its own report', () => {
    expect(foundExit({ ...advised, ...zero })).toBe(EXIT.proved);
    expect(foundExit({ ...advised, ...zero, policy: { failOn: 'advised', exitZero: true } })).toBe(
      EXIT.failing,
    );
  });

  it('is the exit code itself where nothing was forced', () => {
    for (const exit of Object.values(EXIT).filter((code) => code !== EXIT.proved))
      expect(foundExit({ ...failing, exit })).toBe(exit);
  });
});
