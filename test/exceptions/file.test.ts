/** The file of waivers against what people write, and against what nobody should be able to do with a small file. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { UsageError } from '../../src/core/errors.ts';
import { dayOf, daysFrom, isDay } from '../../src/exceptions/days.ts';
import { FIELDS, parseWaivers } from '../../src/exceptions/file.ts';
import { exampleWaivers, waiversSchema } from '../../src/exceptions/schema.ts';
import { renderProblems } from '../../src/problems.ts';
import { steps } from '../../steps/index.ts';

const controls = steps.flatMap((s) => s.controls);
const ids = controls.map((c) => c.id);
const NOW = new Date('2026-11-26T10:00:00Z');
const read = (text: string, now = NOW) => parseWaivers(text, 'waivers.yaml', ids, now);

const GOOD = {
  control: 'host.firewall',
  reason: 'Rules in front of the host',
  owner: 'Jo Doe',
  compensating: 'The firewall of the data centre',
  expires: '2027-05-31',
};
const entry = (change: Record<string, string | undefined> = {}): string => {
  const lines = Object.entries({ ...GOOD, ...change }).flatMap(([k, v]) =>
    v === undefined ? [] : `${k}: ${v}`,
  );
  return `- ${lines.join('\n  ')}\n`;
};

describe('a file of waivers', () => {
  it('gives every entry with its place, in the order of the file', () => {
    const { waivers, problems } = read(`# mine\n${entry()}\n${entry({ control: 'host.clock' })}`);
    expect(problems).toEqual([]);
    expect(waivers).toEqual([
      { ...GOOD, where: 'waivers.yaml:2:3' },
      { ...GOOD, control: 'host.clock', where: 'waivers.yaml:8:3' },
    ]);
  });

  it.each(['', '\n', '# nothing yet\n', '---\n', '[]', '~', '\uFEFF# from another system\r\n'])(
    'takes %j as no waiver',
    (text) => expect(read(text)).toEqual({ waivers: [], problems: [] }),
  );

  it('takes other forms of the same: line ends of other systems, a byte order mark, flow, folded text', () => {
    const plain = read(entry()).waivers;
    expect(read(entry().replaceAll('\n', '\r\n')).waivers).toEqual(plain);
    expect(read(`\uFEFF${entry()}`).waivers).toEqual(plain);
    expect(read(JSON.stringify([GOOD])).waivers[0]).toMatchObject(GOOD);
    const folded = entry({ reason: '>\n    Rules in\n    front of the\n    host\n' });
    expect(read(folded)).toEqual({ waivers: plain, problems: [] });
    expect(read(entry({ reason: '|\n    Rules in\n      front of the\n    host' })).waivers).toEqual(plain);
  });

  it('lists every problem at once, each with line, column, expectation and remedy', () => {
    const { waivers, problems } = read(
      [
        '- control: host.clock',
        '  reasn: x',
        '  owner: ""',
        '  compensating: [a]',
        '  expires: 2026-02-30',
        '- control: host.firewall',
        '  reason: ok then',
        '  owner: Jo',
        '  compensating: a wall',
        '  expires: 2028-01-01',
        '- just text',
        '- control: host.firewall',
        '',
      ].join('\n'),
    );
    expect(waivers).toEqual([]);
    expect(problems.map(({ where, seen }) => [where.slice('waivers.yaml:'.length), seen])).toEqual([
      ['1:3', 'no reason'],
      ['2:3', 'the unknown key "reasn"'],
      ['3:10', 'no word in owner'],
      ['4:17', 'a list'],
      ['5:12', '"2026-02-30"'],
      ['10:12', '2028-01-01, 401 days ahead'],
      ['11:3', 'an entry that is no waiver'],
      ['12:3', 'no reason'],
      ['12:3', 'no owner'],
      ['12:3', 'no compensating'],
      ['12:3', 'no expires'],
      ['12:3', 'a second waiver of host.firewall; the first is at waivers.yaml:6:3'],
    ]);
    expect(problems[1]?.fix).toBe('did you mean reason');
    for (const problem of problems) expect(problem.expected.length * problem.fix.length).toBeGreaterThan(0);
    // As it is shown: with exit code 2, and nothing done.
    expect(renderProblems(new UsageError(problems).problems)).toContain('waivers.yaml:5:12');
  });

  it.each(FIELDS)('insists on %s', (field) => {
    for (const text of [undefined, '', '~', '""', "' '", '{}', '[]', '- x']) {
      const { waivers, problems } = read(entry({ [field]: text }));
      expect([field, text, waivers, problems.length > 0]).toEqual([field, text, [], true]);
    }
  });

  it.each(['...', '-', '"-"', '42', '?', '"\\u200b"'])('takes %s for no reason', (text) => {
    expect(read(entry({ reason: text })).waivers).toEqual([]);
  });

  it.each([
    ['tls.*', 'write one entry for each control'],
    ['"*"', 'write one entry for each control'],
    ['host.firewal l', 'did you mean host.firewall'],
    ['Host.Firewall', 'did you mean host.firewall'],
    ['database', 'see the command controls'],
    [`"${'a.'.repeat(5_000)}"`, 'see the command controls'],
  ])('does not take %.20s for a control', (text, fix) => {
    const { waivers, problems } = read(entry({ control: text }));
    expect([waivers, problems.map((p) => p.fix)]).toEqual([[], [fix]]);
    expect(problems[0]?.seen.length).toBeLessThan(70);
  });

  it('leaves a control that does not exist to the findings: an update may have taken it away', () => {
    expect(read(entry({ control: 'host.gone' })).problems).toEqual([]);
  });
});

describe('the end of a waiver', () => {
  it.each([
    '2026-02-30',
    '2027-02-29',
    '2026-13-01',
    '2026-00-10',
    '26-12-01',
    '2026-1-1',
    '20261201',
    '2026-12-01T00:00:00Z',
    '"2026-12-01 "x',
    'tomorrow',
    'never',
    '+002026-12-01',
    '２０２６-12-01',
  ])('is no %s', (text) => expect(read(entry({ expires: text })).waivers).toEqual([]));

  it('is a day that exists, at most 366 days ahead, counted in UTC; one in the past is a finding', () => {
    const ends = (expires: string, now = NOW) => read(entry({ expires }), now).waivers.length === 1;
    expect([ends('2027-11-27'), ends('2027-11-28')]).toEqual([true, false]);
    expect([ends('2028-02-29', new Date('2027-06-01T00:00:00Z')), ends('2001-01-01')]).toEqual([true, true]);
    // The last second of a day in UTC, whatever the day is where the operator lives.
    expect(ends('2027-11-28', new Date('2026-11-26T23:59:59Z'))).toBe(false);
    expect(ends('2027-11-28', new Date('2026-11-27T00:00:00Z'))).toBe(true);
  });

  it('counts days across a leap day and the turn of a year', () => {
    expect([daysFrom('2027-12-31', '2028-03-01'), daysFrom('2026-11-26', '2026-11-25')]).toEqual([61, -1]);
    expect([isDay('2028-02-29'), isDay('2100-02-29'), dayOf(new Date('2026-11-26T23:30:00-05:00'))]).toEqual([
      true,
      false,
      '2026-11-27',
    ]);
  });
});

describe('a hostile file of waivers', () => {
  const bomb = [
    `- control: &a [${'x,'.repeat(100)}x]`,
    ...'bcdefghi'.split('').map((c, i) => `- &${c} [${`*${'abcdefgh'[i]},`.repeat(100)}*${'abcdefgh'[i]}]`),
  ].join('\n');

  it.each([
    ['a bomb of aliases', bomb],
    ['an alias', `${entry()}- &x\n  <<: *x\n`],
    [
      'an alias as text',
      `- control: host.clock\n  reason: &r Some reason\n  owner: *r\n  compensating: *r\n  expires: 2027-01-01\n`,
    ],
    ['a merge key', `- <<: {control: host.clock}\n`],
    ['a tag', entry({ owner: '!!binary Sm8=' })],
    ['a tag of a program', entry({ owner: '!<tag:yaml.org,2002:js/function> f' })],
    ['a tagged entry', `- !x\n  control: host.clock\n`],
    ['a tagged list', `!x\n${entry()}`],
    ['tabs', entry().replaceAll('  ', '\t')],
    ['two documents', `${entry()}---\n${entry({ control: 'host.clock' })}`],
    ['a key twice', entry({ owner: 'Jo\n  owner: Al' })],
    ['a map for a list', 'waivers:\n  - control: host.clock\n'],
    ['one text', 'host.clock'],
    ['a key that is a list', `- [a]: b\n  control: host.clock\n`],
    ['the prototype', `- __proto__: {owner: x}\n  constructor: y\n  control: host.clock\n`],
    ['steering a terminal', entry({ reason: '"a\\e[2Jb"' })],
    ['reordering what is read', entry({ owner: '"Jo \\u202Eeod"' })],
    ['an owner of letters that are not shown', entry({ owner: '"\\u3164\\u3164"' })],
    ['a null byte', entry({ owner: '"Jo\\0"' })],
    ['a long reason', entry({ reason: 'why '.repeat(500) })],
    ['more than a megabyte', entry({ reason: 'x'.repeat(1_000_000) })],
    ['brackets in each other', '['.repeat(5_000) + ']'.repeat(5_000)],
    ['braces in each other', '{a: '.repeat(50_000)],
    ['lists in each other', `${'- '.repeat(50_000)}a`],
    ['maps in each other', Array.from({ length: 1_400 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['keys in each other', '? '.repeat(20_000)],
    ['half a file', entry().slice(0, -20).concat('"')],
  ])('is refused: %s', (_, text) => {
    const began = performance.now();
    const { waivers, problems } = read(text);
    // Of the good entries beside a bad one nothing is used either: a run begins only without problems.
    expect(problems.length).toBeGreaterThan(0);
    expect(waivers.filter((w) => w.control !== 'host.firewall')).toEqual([]);
    expect(JSON.stringify(problems).length).toBeLessThan(20_000);
    expect(JSON.stringify(problems)).not.toMatch(/\\u001b|\\u202e|\\u0000/i);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it.each([
    ['['.repeat(101) + ']'.repeat(101), true],
    ['['.repeat(99) + ']'.repeat(99), false],
    [`${'- '.repeat(101)}a`, true],
    [`${'- '.repeat(99)}a`, false],
    [Array.from({ length: 210 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), true],
    // What looks like nesting inside of a text is none.
    [entry({ reason: `"${'['.repeat(500)} a"` }), false],
    [entry({ reason: `a ${'- '.repeat(300)}` }), false],
    ['[] \n'.repeat(300), false],
  ])('counts levels before it parses: %.12s', (text, isTooDeep) => {
    const seen = read(text).problems.map((p) => p.seen);
    // A parser that recurses through thousands of levels may end the process before it can say so.
    expect(seen.includes('more than 100 levels in each other')).toBe(isTooDeep);
  });

  it('gives the first problems of thousands', () => {
    for (const text of [
      `- ${Array.from({ length: 3_000 }, (_, i) => `k${i}: v`).join('\n  ')}`,
      '- {control: host.clock}\n'.repeat(2_000),
      'a: b\n'.repeat(2_000),
    ]) {
      const { problems } = read(text);
      expect([problems.length, problems[50]?.seen]).toEqual([
        51,
        expect.stringMatching(/^\d+ problems more$/),
      ]);
    }
  });
});

describe('the schema and the example', () => {
  const schema = waiversSchema('Waivers', controls);
  const validate = new Ajv2020({ strict: false, formats: { date: isDay } }).compile(schema);

  it('agree with the reader', () => {
    for (const change of [
      {},
      { control: 'host.gone' },
      { owner: undefined },
      { extra: 'x' },
      { expires: 'soon' },
      { owner: '"1"' },
    ]) {
      const text = entry(change as Record<string, string>);
      const good = read(text).problems.length === 0 && ids.includes(change.control ?? GOOD.control);
      expect([change, validate(parse(text, { schema: 'core' }))]).toEqual([change, good]);
    }
    expect(validate(null)).toBe(true);
  });

  it('offers no control that cannot be waived', () => {
    expect(validate([{ ...GOOD, control: 'key.not-lost' }])).toBe(false);
  });

  it('hold no waiver until the example is filled in, and then one', () => {
    const example = exampleWaivers('waivers.schema.json');
    expect(read(example)).toEqual({ waivers: [], problems: [] });
    const lines = example.split('\n');
    const from = lines.findIndex((line) => line.startsWith('# - '));
    const filled = lines.slice(from).map((line) => line.replace(/^# /, ''));
    const { waivers, problems } = read(filled.join('\n'));
    expect([problems, waivers.map((w) => ids.includes(w.control))]).toEqual([[], [true]]);
  });

  it('are shipped as they are made here', async () => {
    const shipped = (name: string) =>
      readFile(join(resolve(import.meta.dirname, '../../templates'), name), 'utf8');
    expect(await shipped('waivers.example.yaml')).toBe(exampleWaivers('waivers.schema.json'));
    expect(JSON.parse(await shipped('waivers.schema.json')).items).toEqual(
      JSON.parse(JSON.stringify(schema)).items,
    );
  });
});
