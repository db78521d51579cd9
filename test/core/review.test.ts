/** What a person decides: another answer, another look, a waiver, an end. */
import { describe, expect, it } from 'vitest';
import type { Decision, Proposal } from '../../src/core/frontend.ts';
import type { AnyStep } from '../../src/core/step.ts';
import { ask, control, go, switchStep } from './interview-bed.ts';

const questions = { a: ask(), b: ask({ default: 'b' }) };
/** Applies what is proposed, and decides on failures one after the other. */
const onFailure =
  (...decisions: Decision[]) =>
  (proposal: Proposal): Decision =>
    proposal.is === 'changes' ? { is: 'apply' } : (decisions.shift() ?? { is: 'stop' });
const waive = (controls: string[], reason: string): Decision => ({ is: 'waive', controls, reason });
/** A step that only looks. */
const looks = (id: string, ...controls: AnyStep['controls']): AnyStep => ({
  id,
  title: id,
  why: 'w',
  needs: [],
  controls,
});

describe('an answer that is changed at a review', () => {
  it('is asked again with what it was, and the run starts over; what holds is left alone', async () => {
    const [one, two] = [switchStep('one', ['b']), switchStep('two', ['a'])];
    const { asked, report, proposals, events } = await go([one.step, two.step], {
      questions,
      replies: ['1', '2'],
      decide: (_, at) => (at === 2 ? { is: 'change', question: 'a' } : { is: 'apply' }),
    });
    expect(asked.map((a) => [a.id, a.initial?.raw, a.canGoBack])).toEqual([
      ['a', undefined, false],
      ['a', '1', true],
    ]);
    expect([report.exit, one.world.applied, two.world.applied]).toEqual([0, 1, 1]);
    expect(two.world.set).toBe('{"a":"<2>"}');
    expect(proposals.map((p) => p.is === 'changes' && p.step.id)).toEqual(['one', 'two', 'two']);
    expect(events.filter((e) => e.type === 'step-start').map((e) => e.step)).toEqual([
      'one',
      'two',
      'one',
      'two',
    ]);
    expect(report.steps[0]?.changes.map((c) => c.status)).toEqual(['done']);
  });

  it('an earlier step is done again when the answer was its own, and its report keeps both', async () => {
    const [one, two] = [switchStep('one', ['a']), switchStep('two')];
    const { report } = await go([one.step, two.step], {
      questions,
      replies: ['1', '2'],
      decide: (_, at) => (at === 2 ? { is: 'change', question: 'a' } : { is: 'apply' }),
    });
    expect([report.exit, one.world.applied, one.world.set]).toEqual([0, 2, '{"a":"<2>"}']);
    expect(report.steps[0]?.changes).toHaveLength(2);
  });

  it('one that was only a default can be changed, too, and back leaves it', async () => {
    const one = switchStep('one', ['b']);
    const decide = (_: Proposal, at: number): Decision =>
      at === 1 ? { is: 'change', question: 'b' } : { is: 'apply' };
    const changed = await go([one.step], { questions, replies: ['x'], decide });
    expect([changed.report.exit, one.world.set]).toEqual([0, '{"b":"<x>"}']);
    const kept = switchStep('one', ['b']);
    const same = await go([kept.step], { questions, replies: [{ is: 'back' }], decide });
    expect([same.report.exit, kept.world.set]).toEqual([0, '{"b":"<b>"}']);
  });

  it.each([
    ['cancelled', { is: 'cancel' }, 130, 0],
    ['saved', { is: 'save' }, 1, 1],
  ] as const)('%s while it is asked again: the run ends there', async (_, reply, exit, saves) => {
    const one = switchStep('one', ['a']);
    const { report, saved } = await go([one.step], {
      questions,
      replies: ['1', reply],
      decide: () => ({ is: 'change', question: 'a' }),
    });
    expect([report.exit, one.world.applied, saved.length]).toEqual([exit, 0, saves]);
  });
});

describe('a review', () => {
  it('saved: exit 1, the answers are kept, nothing is done', async () => {
    const one = switchStep('one', ['a']);
    const { report, saved, host } = await go([one.step, switchStep('two').step], {
      questions,
      replies: ['1'],
      decide: () => ({ is: 'save' }),
    });
    expect([report.exit, one.world.applied, saved]).toEqual([1, 0, [['a=1']]]);
    expect(report.steps.map((s) => s.outcome)).toEqual(['declined', 'not-reached']);
    expect(host.journalled).not.toContain('change-start');
  });

  it('stopped: exit 1, and answers are not kept where nothing was done', async () => {
    const one = switchStep('one', ['a']);
    const { report, saved } = await go([one.step], {
      questions,
      replies: ['1'],
      decide: () => ({ is: 'stop' }),
    });
    expect([report.exit, one.world.applied, saved]).toEqual([1, 0, []]);
  });
});

describe('a failure', () => {
  it('is looked at again after a repair by hand, and the run goes on', async () => {
    const world = { repaired: false };
    const two = switchStep('two');
    const seen: string[] = [];
    const broken = looks(
      'one',
      control('one.by-hand', () => world.repaired, { manual: true }),
    );
    const { report, proposals } = await go([broken, two.step], {
      decide: (proposal, at) => {
        if (proposal.is !== 'failure') return { is: 'apply' };
        seen.push(...proposal.findings.map((f) => `${f.control} ${f.verdict.is}`));
        world.repaired = at === 2;
        return { is: 'retry' };
      },
    });
    expect(seen).toEqual(['one.by-hand fail', 'one.by-hand fail']);
    expect([report.exit, report.steps.map((s) => s.outcome), proposals.length]).toEqual([
      0,
      ['looked', 'applied'],
      3,
    ]);
  });

  it('after changes that did not help is looked at again, with what was done still told', async () => {
    const one = switchStep('one');
    const world = { helps: false };
    const step: AnyStep = {
      ...one.step,
      plan: async (context) => {
        const plan = (await one.step.plan?.(context)) ?? [];
        return world.helps ? plan : plan.map((c) => ({ ...c, apply: async () => {} }));
      },
    };
    const { report, proposals } = await go([step], {
      decide: (proposal) => {
        if (proposal.is !== 'failure') return { is: 'apply' };
        world.helps = true;
        return { is: 'retry' };
      },
    });
    const failed = proposals.find((p) => p.is === 'failure');
    expect(failed).toMatchObject({
      done: ['turn one on'],
      reason: expect.stringContaining('still does not hold'),
    });
    expect([report.exit, report.steps[0]?.changes.map((c) => c.status)]).toEqual([0, ['done', 'done']]);
  });

  it('is waived by name: the finding says who and why, and what it is', async () => {
    const broken = looks(
      'one',
      control('one.a', () => false),
    );
    const { report, finding, host } = await go([broken, switchStep('two').step], {
      decide: onFailure(waive(['one.a'], 'rented line, J. Doe')),
    });
    expect(report.exit).toBe(0);
    const verdict = finding('one.a')?.verdict;
    expect(verdict).toMatchObject({
      is: 'skip',
      because: expect.stringContaining('by the operator (rented line, J. Doe)'),
    });
    expect(verdict).toMatchObject({ because: expect.stringContaining('it fails: off') });
    expect(finding('one.a')?.waived).toMatchObject({ is: 'fail', observed: 'off' });
    expect(report.verdict).toContain('1 required control is waived by name');
    expect(host.journalled).toContain('waived');
  });

  it('one waiver leaves the other failure', async () => {
    const both = looks(
      'one',
      control('one.a', () => false),
      control('one.b', () => false),
    );
    const { report, proposals, finding } = await go([both], { decide: onFailure(waive(['one.a'], 'x')) });
    expect(report.exit).toBe(1);
    expect(proposals.map((p) => p.is === 'failure' && p.findings.map((f) => f.control))).toEqual([
      ['one.a', 'one.b'],
      ['one.b'],
    ]);
    expect([finding('one.a')?.waived?.is, finding('one.b')?.waived]).toEqual(['fail', undefined]);
  });

  it.each([
    ['what could lose data', 'one.a', { unwaivable: true } as const],
    ['what does not fail', 'one.good', {}],
    ['what belongs to a later step', 'two.on', {}],
    ['what does not exist', 'one.nothing', {}],
  ])('%s cannot be waived, whatever the front end says', async (_, id, more) => {
    const broken = looks(
      'one',
      control('one.a', () => false, more),
      control('one.good', () => true),
    );
    const { report, proposals, finding, host } = await go([broken, switchStep('two').step], {
      decide: onFailure(waive([id], 'because')),
    });
    expect([report.exit, host.journalled.includes('waived'), proposals.length]).toEqual([1, false, 2]);
    expect(finding(id)?.waived).toBeUndefined();
    const [first] = proposals;
    expect(first?.is === 'failure' && first.waivable).toEqual(id === 'one.a' ? [] : ['one.a']);
  });

  it('no reason is no waiver', async () => {
    const { report, host } = await go(
      [
        looks(
          'one',
          control('one.a', () => false),
        ),
      ],
      {
        decide: onFailure(waive(['one.a'], '  ')),
      },
    );
    expect([report.exit, host.journalled.includes('waived')]).toEqual([1, false]);
  });

  it('is not put to anybody where nothing is changed', async () => {
    const { proposals } = await go(
      [
        looks(
          'one',
          control('one.a', () => false),
        ),
      ],
      { mode: 'verify' },
    );
    expect(proposals).toEqual([]);
  });
});
