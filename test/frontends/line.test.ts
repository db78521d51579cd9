import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from './bundle.ts';
import { Session } from './line-session.ts';

let driver: Awaited<ReturnType<typeof bundleProgram>>;
beforeAll(async () => {
  driver = await bundleProgram('test/frontends/line-driver.ts');
}, 60_000);
afterAll(() => driver.dispose());

const ANSWER = 'Your answer: ';
const CHOICE = 'Your choice: ';
const HIDDEN = 'Type it, without echo: ';
const AGAIN = 'Type it again, without echo: ';
const PASSWORD = 'Correct-horse-7-staple';

const start = (env: Record<string, string> = {}, columns?: number) => new Session(driver.file, env, columns);
type Pair = readonly [prompt: string, line: string];
const QUESTIONS: readonly Pair[] = [
  [ANSWER, '1'],
  [ANSWER, ''],
  [ANSWER, ''],
  [CHOICE, ''],
  [ANSWER, ''],
];

/** What holds of every transcript: no escape byte, ASCII, at most 76 columns, nothing that shouts. */
function expectPlain(session: Session): void {
  expect([...session.bytes].filter((c) => c === '\u001b' || c === '\u009b')).toEqual([]);
  // Backspaces belong to the line editing, as in any terminal.
  expect(session.text).toMatch(/^[\n\b -~]*$/);
  expect(session.text.split('\n').filter((line) => line.length > 76 && !/^Your|^More/.test(line))).toEqual(
    [],
  );
  expect(session.text).not.toMatch(/!|sorry|oops/i);
}

describe('line front end in a terminal', () => {
  it('a whole run, word for word: numbers, defaults, commands, the diff, what is kept', async () => {
    const session = start();
    await session.answer(
      [ANSWER, '?'],
      [ANSWER, 'back'],
      [ANSWER, '7'],
      [ANSWER, '1'],
      [ANSWER, '1, 172.16.0.0/12'],
      [ANSWER, '2'],
      [CHOICE, ''],
      [ANSWER, ''],
      [CHOICE, '9'],
      [CHOICE, '2'],
      [CHOICE, '1'],
      [CHOICE, '1'],
    );
    const end = await session.end();
    expectPlain(session);
    expect(end).toMatchObject({ exit: 0, code: 0, cancelled: false });
    expect(end.replies.map(([, reply]) => reply.raw ?? reply.is)).toEqual([
      'toy.example.com',
      ['198.51.100.7/32', '172.16.0.0/12'],
      'external',
      'generate',
      '8',
      'apply',
      'apply',
    ]);
    expect(session.text).not.toContain('Generated-canary');
    await expect(session.text).toMatchFileSnapshot('golden/line-run.txt');
  });

  it('a failure, word for word: log on demand, look again, waive by name with a reason', async () => {
    const session = start({ ANSWERED: '1', LAME: '1' });
    await session.answer(
      [CHOICE, '1'],
      [CHOICE, '1'],
      // The change did not help.
      [CHOICE, '1'],
      [CHOICE, '5'],
    );
    const end = await session.end();
    expectPlain(session);
    expect(end.replies.map(([, reply]) => reply.is)).toEqual(['apply', 'apply', 'retry', 'stop']);
    await expect(session.text).toMatchFileSnapshot('golden/line-failure.txt');
  });

  it('a waiver needs a name from the list and a reason', async () => {
    const session = start({ ANSWERED: '1', LAME: '1' });
    await session.answer(
      [CHOICE, '1'],
      [CHOICE, '1'],
      [CHOICE, '2'],
      ['Controls to waive: ', 'file.there'],
      ['Controls to waive: ', '1'],
      ['Reason: ', ''],
      ['Reason: ', 'the toy is started by hand'],
    );
    const end = await session.end();
    expectPlain(session);
    expect(end.replies.at(-1)).toEqual([
      'failure',
      { is: 'waive', controls: ['start.runs'], reason: 'the toy is started by hand' },
    ]);
    expect(session.text).toContain('Not in the list: file.there.');
    expect(session.text).toContain('A waiver needs a reason.');
    expect(session.text).toContain('Waived: the toy runs.');
  });

  it('a failed change shows its log on demand, without the colours that are in it', async () => {
    const session = start({ ANSWERED: '1', BROKEN: '1' });
    await session.answer([CHOICE, '1'], [CHOICE, '3'], [CHOICE, '5']);
    const end = await session.end();
    expectPlain(session);
    expect(end.exit).toBe(3);
    expect(session.text).toContain('the disk said no');
    expect(session.text).toContain('  one\n  two\n');
    expect(session.text).toContain('Fix: Free some space.');
  });

  it('going back keeps later answers, and shows the earlier one', async () => {
    const session = start();
    await session.answer(
      [ANSWER, 'first.example.com'],
      [ANSWER, '10.0.0.0/8'],
      [ANSWER, 'back'],
      [ANSWER, 'back'],
      [ANSWER, 'second.example.com'],
      [ANSWER, ''],
      [ANSWER, ''],
      [CHOICE, ''],
      [ANSWER, ''],
      [CHOICE, '5'],
    );
    const end = await session.end();
    expectPlain(session);
    expect(session.text).toContain('Press Enter for 10.0.0.0/8 (your earlier answer).');
    expect(end.replies.flatMap(([, reply]) => (reply.raw ? [reply.raw] : [reply.is]))).toEqual([
      'first.example.com',
      ['10.0.0.0/8'],
      'back',
      'back',
      'second.example.com',
      ['10.0.0.0/8'],
      'bundled',
      'generate',
      '8',
      'stop',
    ]);
  });

  it('a wrong answer is said with how to fix it, and does not become what Enter takes', async () => {
    const session = start();
    await session.answer([ANSWER, '1'], [ANSWER, '10.0.0.0/8, nowhere'], [ANSWER, ''], [ANSWER, 'save']);
    const end = await session.end();
    expectPlain(session);
    expect(session.text).toContain('This answer cannot be used: nowhere: write another one. Expected: an');
    expect(end.replies.map(([, reply]) => reply.raw ?? reply.is)).toEqual([
      'toy.example.com',
      ['10.0.0.0/8', 'nowhere'],
      ['198.51.100.7/32'],
      'save',
    ]);
  });

  it('a typed password is never shown, its rules are, and two entries must agree', async () => {
    const session = start();
    await session.answer(...QUESTIONS.slice(0, 3), [CHOICE, '2'], [HIDDEN, 'short'], [HIDDEN, PASSWORD]);
    await session.answer([AGAIN, 'Another-phrase-8'], [HIDDEN, PASSWORD], [AGAIN, PASSWORD], [ANSWER, '']);
    await session.answer([CHOICE, '3'], ['Answer to change: ', ''], [CHOICE, '5']);
    const end = await session.end();
    expectPlain(session);
    expect(session.text).toContain('Not met: 12 characters or more.');
    expect(session.text).toContain('Not met: a digit.');
    expect(session.text).toContain('The two entries differ. Type both again.');
    expect(session.text).toContain('password: a secret, not shown (you)');
    for (const typed of [PASSWORD, 'short', 'Another-phrase']) expect(session.text).not.toContain(typed);
    expect(session.text).not.toContain('*');
    expect(end.replies[3]).toEqual(['password', { is: 'secret' }]);
  });

  it('a reference to a secret can be named instead, and one can think again', async () => {
    const session = start();
    await session.answer(
      ...QUESTIONS.slice(0, 3),
      [CHOICE, '2'],
      [HIDDEN, ''],
      [CHOICE, '3'],
      ['Kept in: ', ''],
    );
    await session.answer([CHOICE, '3'], ['Kept in: ', 'file:/root/pw'], [ANSWER, 'quit']);
    const end = await session.end();
    expectPlain(session);
    expect(end.replies.slice(3)).toEqual([
      ['password', { is: 'answer', raw: 'file:/root/pw' }],
      ['hours', { is: 'cancel' }],
    ]);
  });

  it('a paste of 4 kB in many lines fills one line, submits nothing and says so', async () => {
    const session = start();
    await session.until(ANSWER);
    const lines = Array.from({ length: 80 }, (_, n) => `line${n}.${'x'.repeat(44)}`);
    session.type(`\u001b[200~${lines.join('\r\n')}\u0007\u0000\u001b[201~`);
    await session.until('More than one line was pasted; only the first is kept. Enter takes it.\n');
    await session.until(`${ANSWER}${lines[0]}`);
    session.type('\r');
    await session.answer([ANSWER, 'quit']);
    const end = await session.end();
    expectPlain(session);
    expect(end.replies).toEqual([
      ['domain', { is: 'answer', raw: lines[0] }],
      ['ranges', { is: 'cancel' }],
    ]);
  });

  it('a paste of 4 kB in one line is taken whole, without its control characters', async () => {
    const session = start();
    await session.until(ANSWER);
    session.type(`a.\u0007\u0001\u200b${'b'.repeat(4096)}`);
    await session.until('b'.repeat(4096));
    session.type('\r');
    await session.answer([ANSWER, 'quit']);
    const end = await session.end();
    expect(end.replies[0]).toEqual(['domain', { is: 'answer', raw: `a.${'b'.repeat(4096)}` }]);
    expect(session.bytes).not.toContain('\u001b');
  });

  it('keys that move a cursor are not heard; backspace, line kill and word kill edit', async () => {
    const session = start();
    await session.until(ANSWER);
    session.type('junk\u0015toy.exXY\u007f\u007fample\u001b[D\u001b[A\u001bOH.com\r');
    await session.answer([ANSWER, 'quit']);
    const end = await session.end();
    expectPlain(session);
    expect(end.replies[0]).toEqual(['domain', { is: 'answer', raw: 'toy.example.com' }]);
  });

  it('what is typed ahead agrees to nothing: only one Enter counts', async () => {
    const session = start({ ANSWERED: '1' });
    await session.until(CHOICE);
    session.type('1\r1\r1\r');
    await session.until('More than one line was pasted');
    session.type('\u00155\u007f5\r');
    const end = await session.end();
    expect(end.replies).toEqual([['changes', { is: 'stop' }]]);
  });

  it('what cannot be undone needs its name', async () => {
    const session = start({ ANSWERED: '1', IRREVERSIBLE: '1' });
    await session.answer(
      [CHOICE, '1'],
      [CHOICE, '1'],
      ['Agreed: ', 'yes'],
      [CHOICE, '1'],
      ['Agreed: ', 'start.up'],
    );
    const end = await session.end();
    expectPlain(session);
    expect(session.text).toContain('Not agreed; nothing has been done.');
    expect(end.exit).toBe(0);
  });

  it('an answer is changed from a review by its number', async () => {
    const session = start();
    await session.answer(
      ...QUESTIONS,
      [CHOICE, '3'],
      ['Answer to change: ', '1'],
      [ANSWER, 'other.example.com'],
    );
    await session.answer([CHOICE, '5']);
    const end = await session.end();
    expectPlain(session);
    expect(session.text).toContain('  1. domain: toy.example.com (you)');
    expect(end.replies.slice(-3)).toEqual([
      ['changes', { is: 'change', question: 'domain' }],
      ['domain', { is: 'answer', raw: 'other.example.com' }],
      ['changes', { is: 'stop' }],
    ]);
  });

  it('verify says a count for each step, what does not hold in full, and asks nothing', async () => {
    const session = start({ ANSWERED: '1', HELD: '1', VERIFY: '1' });
    const end = await session.end();
    expectPlain(session);
    expect([end.exit, end.replies]).toEqual([0, []]);
    expect(session.text).toContain('Both controls hold.\n');
    expect(session.text).not.toContain('Proved:');
    expect(session.text).toContain('Open, advised: a copy of the file is kept apart.\n');
  });

  it('an install that holds is left alone', async () => {
    const session = start({ ANSWERED: '1', HELD: '1' });
    const end = await session.end();
    expectPlain(session);
    expect([end.exit, end.replies]).toEqual([0, []]);
    expect(session.text).toContain('Nothing to do.');
  });

  it('a narrow terminal breaks sentences, not words', async () => {
    const session = start({ UNICODE: '1', ANSWERED: '1' }, 40);
    await session.answer([CHOICE, '5']);
    await session.end();
    expect(session.text.split('\n').filter((line) => line.length > 40)).toEqual([]);
    expect(session.text).toContain('\u2192');
  });

  const SECRET = QUESTIONS.slice(0, 3);
  const LAME = { ANSWERED: '1', LAME: '1' };
  const APPLIED: readonly Pair[] = [
    [CHOICE, '1'],
    [CHOICE, '1'],
  ];
  it.each<[string, Record<string, string>, readonly Pair[], string]>([
    ['a text question', {}, [], ANSWER],
    ['a list question', {}, QUESTIONS.slice(0, 1), ANSWER],
    ['a choice', {}, QUESTIONS.slice(0, 2), ANSWER],
    ['where a secret comes from', {}, SECRET, CHOICE],
    ['a hidden line', {}, [...SECRET, [CHOICE, '2']], HIDDEN],
    ['its repetition', {}, [...SECRET, [CHOICE, '2'], [HIDDEN, PASSWORD]], AGAIN],
    ['a reference', {}, [...SECRET, [CHOICE, '3']], 'Kept in: '],
    ['a review', { ANSWERED: '1' }, [], CHOICE],
    ['the answer to change', { ANSWERED: '1' }, [[CHOICE, '3']], 'Answer to change: '],
    ['what cannot be undone', { ANSWERED: '1', IRREVERSIBLE: '1' }, APPLIED, 'Agreed: '],
    ['a failure', LAME, APPLIED, CHOICE],
    ['the controls to waive', LAME, [...APPLIED, [CHOICE, '2']], 'Controls to waive: '],
    ['the reason', LAME, [...APPLIED, [CHOICE, '2'], ['Controls to waive: ', '1']], 'Reason: '],
  ])('Ctrl+C at %s stops the run and gives the terminal back', async (_, env, pairs, prompt) => {
    const session = start(env);
    await session.answer(...pairs);
    await session.until(prompt);
    session.type('\u0003');
    const end = await session.end();
    expectPlain(session);
    expect(end).toMatchObject({
      exit: 130,
      cancelled: true,
      idle: { paused: true, raw: false, listeners: 0 },
    });
    expect(['cancel', 'stop']).toContain(end.replies.at(-1)?.[1].is);
    expect(session.text).not.toContain(PASSWORD);
  });

  it('Ctrl+D and a terminal that goes away stop the run as well', async () => {
    for (const leave of [(s: Session) => s.type('\u0004'), (s: Session) => s.hangUp()]) {
      const session = start();
      await session.until(ANSWER);
      leave(session);
      expect(await session.end()).toMatchObject({ exit: 130, cancelled: true });
    }
  });
});
