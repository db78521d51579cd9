import { describe, expect, it } from 'vitest';
import type { Mode } from '../../src/core/report.ts';
import { Secret } from '../../src/core/secret.ts';
import { ask, go, switchStep } from './interview-bed.ts';

const back = (n: number) => Array.from({ length: n }, () => ({ is: 'back' }) as const);

describe('questions before the first step', () => {
  const questions = {
    a: ask(),
    b: ask({ kind: 'choice', choices: ['x', 'y'], default: 'x', ask: 'start' }),
    c: ask({ when: { question: 'b', is: ['y'] } }),
    quiet: ask({ default: 'd' }),
    d: ask(),
    unneeded: ask(),
  };
  const { step } = switchStep('s', ['d', 'quiet', 'c', 'b', 'a']);
  /** What each question ended up with. */
  const values = (saved: string[][]) => saved.at(-1)?.sort().join(' ');

  it('come in the order of the table, whatever order a step needs them in', async () => {
    const { order, report, saved } = await go([step], { questions, replies: ['1', 'x', '4'] });
    expect(order).toEqual(['a 1/3 first', 'b 2/3', 'd 3/3']);
    expect([report.exit, values(saved)]).toEqual([0, 'a=1 b=x c= d=4 quiet=d']);
  });

  it('an answer that opens a question changes the total, and one that closes it changes it back', async () => {
    const { order, saved } = await go([step], {
      questions,
      replies: ['1', 'y', '3', ...back(2), 'x', '4'],
    });
    expect(order).toEqual(['a 1/3 first', 'b 2/3', 'c 3/4', 'd 4/4', 'c 3/4', 'b 2/4', 'd 3/3']);
    expect(values(saved)).toBe('a=1 b=x c= d=4 quiet=d');
  });

  it('going back keeps later answers and offers them again', async () => {
    const { asked, saved, left } = await go([step], {
      questions,
      replies: [
        '1',
        'y',
        '3',
        ...back(3),
        'one',
        'y',
        (a) => ({ is: 'answer', raw: a.initial?.raw ?? 'lost' }),
        '4',
      ],
    });
    expect([left, values(saved)]).toEqual([0, 'a=one b=y c=3 d=4 quiet=d']);
    const again = asked.slice(3).map((a) => [a.id, a.initial?.raw, a.initial?.source]);
    expect(again).toEqual([
      ['d', undefined, undefined],
      ['c', '3', 'prompt'],
      ['b', 'y', 'prompt'],
      ['a', '1', 'prompt'],
      ['b', 'y', 'prompt'],
      ['c', '3', 'prompt'],
      ['d', undefined, undefined],
    ]);
  });

  it('there is nothing before the first: back asks the same again', async () => {
    const { order } = await go([step], { questions, replies: [...back(2), '1', 'x', '4'] });
    expect(order.slice(0, 3)).toEqual(['a 1/3 first', 'a 1/3 first', 'a 1/3 first']);
  });

  it('what is known is not asked', async () => {
    const { order } = await go([step], { questions, known: { a: '1', b: 'y', d: '4' }, replies: ['3'] });
    expect(order).toEqual(['c 1/1 first']);
  });

  it('a refused answer is asked again with the reason, and kept to be corrected', async () => {
    const { asked } = await go([step], { questions, replies: ['bad', '1', 'x', '4'] });
    expect(asked[1]).toMatchObject({
      id: 'a',
      problem: 'bad: write good. Expected: something good.',
    });
    expect(asked[1]?.initial).toEqual({ raw: 'bad', source: 'prompt' });
  });

  it('a typed secret that breaks a rule is refused without being repeated', async () => {
    const secret = new Secret('weak-canary-1');
    const table = {
      p: ask({
        kind: 'secret',
        rules: [{ rule: 'longer', met: (t) => t.length > 20 }],
        parseSecret: (s) => ({ from: 'value', s }),
      }),
      a: ask({ kind: 'text' }),
    };
    const good = new Secret('a-much-longer-canary-2');
    const one = switchStep('s', ['p', 'a']).step;
    const { asked, events, report } = await go([one], {
      questions: table,
      replies: [
        { is: 'answer', raw: secret },
        { is: 'answer', raw: good },
        { is: 'answer', raw: new Secret('canary-elsewhere') },
        '1',
      ],
    });
    expect([asked[1]?.problem, asked[1]?.initial]).toEqual(['not met: longer', undefined]);
    expect(asked[3]?.problem).toContain('not typed here');
    expect(report.exit).toBe(0);
    expect(JSON.stringify([asked, events, report])).not.toContain('canary');
  });

  it.each(['answer', 'later'] as const)(
    'cancelled at the %s: 130, nothing done, nothing saved',
    async (when) => {
      const { report, host, saved, proposals } = await go([step], {
        questions,
        replies: when === 'answer' ? [{ is: 'cancel' }] : ['1', 'x', { is: 'cancel' }],
      });
      expect([report.exit, report.steps.map((s) => s.outcome), saved, proposals]).toEqual([
        130,
        ['not-reached'],
        [],
        [],
      ]);
      expect([host.writes, host.journalled]).toEqual([[], ['run-start', 'run-end']]);
    },
  );

  it('saved at a question: exit 1, the answers so far are kept, nothing is done', async () => {
    const { report, saved, host } = await go([step], { questions, replies: ['1', 'y', { is: 'save' }] });
    expect([report.exit, report.stopped?.reason]).toEqual([1, 'the answers are saved']);
    expect(saved).toHaveLength(1);
    expect(saved[0]).toEqual(expect.arrayContaining(['a=1', 'b=y']));
    expect(host.journalled).not.toContain('change-start');
  });

  it('nobody is asked where nobody is', async () => {
    const { asked, report } = await go([step], { questions, known: { a: '1', d: '4' }, interactive: false });
    expect([asked, report.exit]).toEqual([[], 0]);
  });
});

describe('questions of a step', () => {
  const questions = { late: ask({ ask: 'step', optional: true }), a: ask() };
  const first = () => switchStep('first', ['a']);
  const second = () => switchStep('second', ['late']);

  it('are asked when the step is reached, and not before', async () => {
    const [one, two] = [first(), second()];
    let doneBefore = -1;
    const { order, report, saved } = await go([one.step, two.step], {
      questions,
      replies: [
        '1',
        () => {
          doneBefore = one.world.applied;
          return { is: 'answer', raw: 'safe' };
        },
      ],
    });
    expect(order).toEqual(['a 1/1 first', 'late 1/1 first']);
    expect([report.exit, doneBefore, saved[0]]).toEqual([0, 1, expect.arrayContaining(['late=safe'])]);
  });

  it('may be left out, and are not asked when the step is not reached', async () => {
    const out = await go([first().step, second().step], { questions, replies: ['1', { is: 'answer' }] });
    expect([out.report.exit, out.left]).toEqual([0, 0]);
    const stopped = await go([first().step, second().step], {
      questions,
      replies: ['1', 'x'],
      decide: () => ({ is: 'stop' }),
    });
    expect([stopped.order, stopped.left]).toEqual([['a 1/1 first'], 1]);
  });

  it.each<Mode>(['verify', 'plan', 'files'])('are not asked in %s', async (mode) => {
    const { order } = await go([second().step], { questions, mode, replies: ['x'] });
    expect(order).toEqual([]);
  });

  it('cancelled there: 130, and what was done before stays and is saved', async () => {
    const one = first();
    const { report, saved } = await go([one.step, second().step], {
      questions,
      replies: ['1', { is: 'cancel' }],
    });
    expect([report.exit, one.world.applied, saved.length]).toEqual([130, 1, 1]);
    expect(report.steps.map((s) => s.outcome)).toEqual(['applied', 'stopped']);
  });
});
