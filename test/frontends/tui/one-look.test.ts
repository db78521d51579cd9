/** What an operator reads at a glance: whole statements, each answer once, nothing that accuses or threatens wrongly. */
import { describe, expect, it } from 'vitest';
import type { ChangeReport, Report } from '../../../src/core/report.ts';
import type { State } from '../../../src/frontends/tui/model/state.ts';
import { onAsk } from '../../../src/frontends/tui/model/update.ts';
import { controlLine, controlRows, findingRow } from '../../../src/frontends/tui/view/finding.ts';
import { type Canvas, chop, type Line, span } from '../../../src/frontends/tui/view/lines.ts';
import { drawEntry } from '../../../src/frontends/tui/view/records.ts';
import { drawScreen } from '../../../src/frontends/tui/view/screen.ts';
import { product } from '../../../steps/index.ts';
import { asking, typing } from './question-bed.ts';
import { canvases, context, sections } from './screen-states.ts';
import {
  finding,
  after as having,
  inStep,
  NOW,
  pressAll,
  propose,
  proposeChanges,
  report,
  start,
  stepOf,
  stepReport,
} from './state-bed.ts';

const canvas: Canvas = { columns: 80, rows: 24, unicode: true, now: NOW };
const rows = (lines: readonly Line[]) => lines.map((line) => line.map((part) => part.text).join(''));
const text = (lines: readonly Line[]) => rows(lines).join('\n');
const flat = (lines: readonly Line[]) => rows(lines).join(' ').replace(/\s+/g, ' ');
const screen = (state: State, at: Canvas = canvas) => drawScreen(state, at, sections);
const tones = (lines: readonly Line[], part: string) =>
  lines.flat().flatMap((p) => (p.text.includes(part) ? [p.tone] : []));

describe('a control', () => {
  const all = product.steps.flatMap((step) => step.controls.map((_, i) => [step, i] as const));

  it('stands in the scrollback with nothing cut off, at every width', () => {
    for (const at of canvases.filter((c) => c.rows === 24))
      for (const [step, i] of all) {
        const seen = 'what was seen there, in as many words as it takes to say it, and a few more';
        const drawn = flat(findingRow(finding(step, i, { is: 'pass', observed: seen }), at));
        expect(drawn).toContain(step.controls[i]?.title);
        expect(drawn).toContain(seen);
      }
  });

  it('is named whole while it is looked at, where a row can hold its name', () => {
    for (const [step, i] of all) {
      const { title } = step.controls[i] as { title: string };
      if (title.length > 70) continue;
      expect(text(controlLine(title, span('◌'), 'looking', canvas)), title).toContain(title);
    }
  });

  it('has statement and observation in two columns where both fit', () => {
    const mark = span('✓');
    expect(rows(controlRows('it is so', mark, 'seen', canvas))).toEqual([
      `    ✓ it is so${' '.repeat(30)}seen`,
    ]);
    expect(rows(controlRows('x'.repeat(50), mark, 'seen', canvas))).toEqual([
      `    ✓ ${'x'.repeat(50)}`,
      '        seen',
    ]);
  });
});

describe('a look before the changes', () => {
  const step = stepOf('compose');
  const short = step.controls.findIndex(({ title }) => title.length < 36);
  const look = (mode: 'apply' | 'verify') =>
    having(inStep('compose', 0, start(mode)), {
      type: 'finding',
      step: 'compose',
      phase: 'before',
      finding: finding(step, short, { is: 'fail', observed: 'no file', expected: 'a file' }),
    });

  it('accuses nobody: what is not made yet is not failing', () => {
    const wide = { ...canvas, rows: 60 };
    const fresh = screen(look('apply'), wide);
    expect(flat(fresh)).toContain('not yet: no file');
    expect(flat(fresh)).not.toContain('✗');
    expect(flat(screen(look('verify'), wide))).toContain('✗');
  });

  it('calls nothing good where nothing is', () => {
    const line = screen(inStep('compose', 0)).find((l) => text([l]).includes('0 of '));
    expect(line?.map((part) => part.text).join('')).not.toContain('✓');
  });

  it('shows what was proved last, with what was seen', () => {
    const seen = step.controls
      .slice(0, 9)
      .map((_, i) => finding(step, i, { is: 'pass', observed: `saw ${i}` }));
    const state = having(
      inStep('compose', 0),
      ...seen.map((f) => ({ type: 'finding', step: 'compose', phase: 'before', finding: f }) as const),
    );
    const titles = flat(screen(state));
    for (const [i, control] of step.controls.slice(0, 9).entries())
      expect(titles.includes(control.title), control.title).toBe(i >= 6);
  });
});

describe('answers', () => {
  const first = pressAll(onAsk(start(), asking('domain')), typing('a.intern.org'), 'enter').state;
  const again = pressAll(onAsk(first, asking('domain')), typing('b.intern.org'), 'enter').state;

  it('stay out of the scrollback while an earlier one can change, and stand there once', () => {
    expect(first.records).toEqual(start().records);
    const settled = having(again, { type: 'answers', answers: [] });
    expect(settled.records.filter(({ is }) => is === 'answer')).toEqual([
      { is: 'answer', title: product.questions.domain?.title, value: 'b.intern.org' },
    ]);
    expect(having(settled, { type: 'answers', answers: [] }).records).toEqual(settled.records);
  });

  it('are seen meanwhile', () => {
    const next = flat(screen(onAsk(again, asking('tls'))));
    expect(next).toContain('so far b.intern.org');
    expect(next).not.toContain('a.intern.org');
  });

  it('are kept in the scrollback when the run ends among the questions', () => {
    const ended = having(again, { type: 'run-end', report: report('apply', { exit: 130, steps: [] }) });
    expect(ended.records.map(({ is }) => is)).toEqual(['header', 'answer', 'end']);
  });

  it('given inside a step are settled at once', () => {
    const state = pressAll(onAsk(inStep('upkeep', 0), asking('keyBackup')), typing('a safe'), 'enter').state;
    expect(state.records.at(-1)).toMatchObject({ is: 'answer', value: 'a safe' });
  });
});

describe('a question', () => {
  it('says what could stand there, and what Enter does with nothing', () => {
    expect(flat(screen(onAsk(start(), asking('domain'))))).toContain('for example corecube.mycompany.org');
    expect(flat(screen(onAsk(start(), asking('keyBackup'))))).toContain('enter leaves it out');
  });

  it('says which choice is the default, and which was chosen before', () => {
    const opened = (source: 'default' | 'prompt') =>
      flat(screen(onAsk(start(), asking('database', { initial: { raw: 'bundled', source } }))));
    expect(opened('default')).toContain('(the default)');
    expect(opened('prompt')).toContain('(your earlier answer)');
  });

  it('is refused in the row below what was typed, before and after Enter', () => {
    const suggestions = [{ value: 'corecube.intern.org', because: 'this host calls itself so' }];
    const typed = pressAll(onAsk(start(), asking('domain', { suggestions })), typing('x.example.com')).state;
    const row = (state: State) => rows(screen(state)).findIndex((line) => line.includes('reserved'));
    expect(row(typed)).toBeGreaterThan(0);
    expect(row(pressAll(typed, 'enter').state)).toBe(row(typed));
    expect(rows(screen(typed))[row(typed) - 1]).toContain('x.example.com');
  });

  it('offers no suggestion that stands in the input already', () => {
    const suggestions = [{ value: ['198.51.100.7/32'], because: 'you are connected from there' }];
    const initial = { raw: ['198.51.100.7/32'], source: 'this host' } as const;
    const state = onAsk(start(), asking('adminRanges', { suggestions, initial }));
    expect(flat(screen(state))).not.toContain('take it');
    expect(flat(screen(pressAll(state, 'ctrl+u').state))).toContain('take it');
  });
});

describe('a review', () => {
  const disrupting: ChangeReport = {
    id: 'x',
    summary: 'recreate it',
    disrupts: 'It is away for some seconds.',
    status: 'planned',
  };

  it('says where the run is, how much, and that nothing is done', () => {
    const drawn = flat(screen(propose(proposeChanges([disrupting]))));
    const at = product.steps.findIndex(({ id }) => id === 'compose') + 1;
    expect(drawn).toContain(`step ${at} of ${product.steps.length}`);
    expect(drawn).toContain('1 change; nothing of this is done yet');
  });

  it('says what a change interrupts, where something runs', () => {
    const looked = having(start('verify'), { type: 'run-end', report: report('verify') });
    const state = (from: State) => propose(proposeChanges([disrupting]), inStep('compose', 3, from));
    expect(flat(screen(state(start())))).not.toContain('away for some seconds');
    expect(flat(screen(state(looked)))).toContain('away for some seconds');
  });

  it('takes a comment of SQL for no removed line', () => {
    const sql = '-- as the superuser\nCREATE ROLE a;';
    const state = propose(proposeChanges([{ id: 'x', summary: 's', diff: sql, status: 'planned' }]));
    expect(flat(screen(state))).not.toMatch(/\+\d|-\d/);
    expect(tones(screen(pressAll(state, 'd').state), '-- as')).toEqual([undefined]);
  });

  it('says one way to stop, on one row of keys', () => {
    const drawn = rows(screen(propose(proposeChanges())));
    expect(drawn.at(-1)).toContain('a apply');
    expect(drawn.at(-1)).toContain('esc stop here');
    expect(drawn.at(-1)).not.toContain('ctrl+c');
  });

  it('breaks long lines at words; what goes on is indented', () => {
    expect(chop('+  a line of words that is long', 16, 3)).toEqual([
      '+  a line of',
      '      words that',
      '      is long',
    ]);
    expect(chop('x'.repeat(20), 16, 3)).toEqual(['x'.repeat(16), '   xxxx']);
    expect(chop('as it is', 5)).toEqual(['as it', ' is']);
  });
});

describe('changes under way', () => {
  it('are all there from the start; the one that runs is said in full, its time beside what it says', () => {
    const summary = `start it ${'and wait '.repeat(12)}until it is healthy`;
    const begun = having(
      inStep('compose', 0),
      {
        type: 'plan',
        step: 'compose',
        changes: [
          { id: 'a', summary, status: 'planned' },
          { id: 'b', summary: 'the last one', status: 'planned' },
        ],
      },
      { type: 'change-start', step: 'compose', change: 'a', summary },
      { type: 'progress', step: 'compose', text: 'waiting' },
    );
    const drawn = screen(begun);
    expect(flat(drawn)).toContain(summary);
    expect(flat(drawn)).toContain('the last one');
    expect(rows(drawn).find((line) => line.includes('waiting '))).toMatch(/ {2}1 min 1 s$/);
  });
});

describe('the end', () => {
  const last = (r: Report) => drawEntry({ is: 'end', report: r }, canvas, context);

  it('of a look: what fails stands above the verdict, what is advised before that', () => {
    const step = stepOf('preflight');
    const findings = [
      finding(
        step,
        0,
        { is: 'fail', observed: 'bad', expected: 'good' },
        { severity: 'required', title: 'needed' },
      ),
      finding(step, 1, { is: 'unknown', because: 'dark' }, { severity: 'advised', title: 'advice' }),
    ];
    const drawn = text(last(report('verify', { steps: [stepReport('preflight', { findings })] })));
    const places = ['advice', 'needed', 'required ', '1 required control fails'].map((part) =>
      drawn.indexOf(part),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThanOrEqual(0);
    expect(drawn.trimEnd().endsWith('1 required control fails.')).toBe(true);
  });

  it('with nothing but an open attestation is not drawn as a failure', () => {
    const step = stepOf('upkeep');
    const open = finding(step, 0, { is: 'attest', ask: 'where?' }, { severity: 'required' });
    const r = report('apply', { exit: 1, steps: [stepReport('upkeep', { findings: [open] })] });
    expect(tones(last(r), 'No required control fails')).toEqual(['open']);
    const bad = report('apply', {
      exit: 1,
      steps: [
        stepReport('upkeep', {
          findings: [{ ...open, verdict: { is: 'fail', observed: 'a', expected: 'b' } }],
        }),
      ],
    });
    expect(tones(last(bad), '1 required control fails')).toEqual(['bad']);
  });

  it('counts below each other, number below number', () => {
    const [required = '', advised = ''] = rows(last(report('verify'))).filter((line) =>
      /^ {4}(required|advised)/.test(line),
    );
    expect(required.indexOf('proved')).toBe(advised.indexOf('proved'));
    expect(required.indexOf('not seen')).toBe(advised.indexOf('not seen'));
  });

  it('leaves paths and commands whole, to be copied', () => {
    const dir = '/srv/a-folder/corecube';
    const keep: typeof context.keep = () => [
      ['key', `${dir}/key: without it all is lost`],
      ['check again', `npx create-corecube-secure verify --dir ${dir}`],
    ];
    const drawn = drawEntry({ is: 'end', report: report('apply', { exit: 0 }) }, canvas, {
      ...context,
      keep,
    });
    const lines = rows(drawn).map((line) => line.trim());
    expect(lines).toContain(`npx create-corecube-secure verify --dir ${dir}`);
    expect(lines.find((line) => line.startsWith('key'))).toMatch(new RegExp(`${dir}/key$`));
    expect(lines).toContain('Without it all is lost');
  });

  it('a step of which nothing was seen has no tick', () => {
    const step = stepOf('outside-view');
    const unseen = finding(step, 0, { is: 'unknown', because: 'no look' }, { severity: 'advised' });
    const entry = {
      is: 'step',
      step: stepReport('outside-view', { findings: [unseen], outcome: 'held' }),
    } as const;
    expect(text(drawEntry(entry, canvas, context))).toMatch(/^ {2}\? /);
  });

  it('a cancel among the questions says only that', () => {
    const r = report('apply', {
      exit: 130,
      verdict: 'Cancelled. Nothing was changed.',
      stopped: { step: 'preflight', reason: 'cancelled' },
      steps: product.steps.map(({ id }) => stepReport(id, { outcome: 'not-reached', findings: [] })),
    });
    expect(flat(last(r)).trim()).toBe('Cancelled. Nothing was changed. No step was begun.');
  });
});

it('Ctrl+C at the choice after a look says that nothing was changed', () => {
  const state = propose({ is: 'drift', report: report('verify') }, start('verify'));
  const { state: cancelled, effects } = pressAll(state, 'ctrl+c');
  expect(effects).toEqual([{ do: 'cancel' }]);
  expect(cancelled.records.at(-1)).toEqual({ is: 'note', text: 'Cancelled. Nothing was changed.' });
});

it('nothing is drawn while the terminal is the shell’s', () => {
  expect(screen({ ...inStep('compose', 2), away: true })).toEqual([]);
});
