/** What holds, what does not, and what is said about the file: on findings as the engine gives them, run by the engine. */
import { describe, expect, it } from 'vitest';
import { run } from '../../src/core/engine.ts';
import type { FileStat } from '../../src/core/host.ts';
import type { Exception, Report } from '../../src/core/report.ts';
import { Secret } from '../../src/core/secret.ts';
import {
  type AnyStep,
  attest,
  type Control,
  fail,
  pass,
  skip,
  unknown,
  type Verdict,
} from '../../src/core/step.ts';
import { waiversStep } from '../../src/exceptions/controls.ts';
import { createExceptions, gatherExceptions } from '../../src/exceptions/index.ts';
import { selectControls } from '../../src/select.ts';
import { steps } from '../../steps/index.ts';
import { sections } from '../../steps/questions.ts';
import { blindHost } from '../fakes/blind-host.ts';

const NOW = new Date('2026-11-26T23:59:59Z');

const control = (id: string, verdict: Verdict, more: Partial<Control> = {}): Control => ({
  id,
  title: `${id} holds`,
  severity: 'required',
  section: 'operation',
  how: 'Looks at the fixture.',
  threat: 't',
  remedy: 'r',
  impact: 'i',
  inspect: async () => verdict,
  ...more,
});
/** One control for each verdict, and one that must not be waived. */
const step: AnyStep = {
  id: 'all',
  title: 'All',
  why: 'w',
  needs: [],
  controls: [
    control('is.good', pass('good')),
    control('is.bad', fail('bad', 'good', 'a cause')),
    control('is.unseen', unknown('dark')),
    control('is.open', attest('is it?')),
    control('is.elsewhere', skip('not here')),
    control('is.firm', fail('lost', 'there'), { unwaivable: true }),
  ],
};
const waiver = (id: string, change: Partial<Exception> = {}): Exception => ({
  control: id,
  reason: 'The vendor fixes it in May',
  owner: 'Jo Doe',
  compensating: 'A guard',
  expires: '2027-05-31',
  where: 'waivers.yaml:1:3',
  ...change,
});

async function verify(
  waivers: readonly Exception[] | undefined,
  options: { only?: string[]; skip?: string[]; now?: Date } = {},
): Promise<Report> {
  const { only = [], skip: skipped = [], now = NOW } = options;
  const { steps, selection, problems } = selectControls([step], sections, { only, sections: [] });
  expect(problems).toEqual([]);
  const against = { steps: [step], now, isPartial: selection !== undefined };
  return run({
    mode: 'verify',
    steps,
    questions: {},
    known: new Map(),
    host: blindHost(),
    frontend: {
      interactive: false,
      ask: async () => ({ is: 'cancel' }),
      decide: async () => ({ is: 'apply' }),
      emit: () => {},
    },
    skip: new Set(skipped),
    signal: new AbortController().signal,
    tool: { name: 't', version: '0' },
    dir: '/nowhere',
    ...(waivers ? { exceptions: createExceptions(waivers, against) } : {}),
    ...(selection ? { selection } : {}),
  });
}
const about = (report: Report, id: string) =>
  report.steps.flatMap((s) => s.findings).find((f) => f.control === id);
const verdicts = (report: Report) =>
  Object.fromEntries(
    (report.steps.find((s) => s.id === 'waivers')?.findings ?? []).map((f) => [
      f.control.replace('waivers.', ''),
      f.verdict.is,
    ]),
  );
const FINE = { known: 'pass', current: 'pass', allowed: 'pass', used: 'pass', 'not-ending-soon': 'pass' };

describe('a waiver that holds', () => {
  it('turns what fails, what was not seen and what is open into waived, with what was seen kept', async () => {
    const report = await verify(['is.bad', 'is.unseen', 'is.open'].map((id) => waiver(id)));
    for (const [id, is] of [
      ['is.bad', 'fail'],
      ['is.unseen', 'unknown'],
      ['is.open', 'attest'],
    ] as const) {
      expect(about(report, id)).toMatchObject({
        verdict: { is: 'skip' },
        waived: { is },
        exception: { owner: 'Jo Doe', control: id },
      });
    }
    expect(verdicts(report)).toEqual(FINE);
  });

  it('holds through its last day in UTC, and not a second longer', async () => {
    const last = { expires: '2026-11-26' };
    const held = await verify([waiver('is.bad', last)], { now: new Date('2026-11-26T23:59:59.999Z') });
    const over = await verify([waiver('is.bad', last)], { now: new Date('2026-11-27T00:00:00Z') });
    expect([about(held, 'is.bad')?.waived?.is, about(over, 'is.bad')?.verdict.is]).toEqual(['fail', 'fail']);
    expect([about(held, 'is.bad')?.verdict.is, about(over, 'is.bad')?.waived]).toEqual(['skip', undefined]);
    expect(verdicts(held)).toEqual({ ...FINE, 'not-ending-soon': 'fail' });
    expect(about(held, 'waivers.not-ending-soon')?.verdict).toMatchObject({
      observed: expect.stringContaining('is.bad ends today (2026-11-26'),
    });
    expect(verdicts(over)).toEqual({ ...FINE, current: 'fail' });
  });

  it('is named from 14 days before its end', async () => {
    const soon = async (expires: string) =>
      verdicts(await verify([waiver('is.bad', { expires })]))['not-ending-soon'];
    expect([await soon('2026-12-10'), await soon('2026-12-11')]).toEqual(['fail', 'pass']);
  });

  it('gives way to one that is given by name for this run, and is not unused then', async () => {
    const report = await verify([waiver('is.bad')], { skip: ['is.bad'] });
    const finding = about(report, 'is.bad');
    expect([finding?.exception, finding?.verdict]).toMatchObject([
      undefined,
      { because: expect.stringContaining('--skip is.bad') },
    ]);
    expect(verdicts(report).used).toBe('pass');
  });
});

describe('a waiver that does not hold', () => {
  it('has expired: its control fails, and so does the run, which says who and since when', async () => {
    const report = await verify([waiver('is.bad', { expires: '2026-11-25' })]);
    expect(about(report, 'is.bad')).not.toHaveProperty('waived');
    expect(about(report, 'waivers.current')).toMatchObject({
      severity: 'required',
      section: 'operation',
      verdict: {
        is: 'fail',
        observed: 'is.bad ended on 2026-11-25, 1 day ago (waivers.yaml:1:3, Jo Doe): its control fails',
        expected: 'an end on 2026-11-26 (UTC) or later, or no waiver',
      },
    });
    // What has expired is not also unused, and does not end soon.
    expect(verdicts(report)).toEqual({ ...FINE, current: 'fail' });
  });

  it.each([
    ['is.good', 'is proved, so it can go'],
    ['is.unseen', 'was not seen'],
    ['is.open', 'is open'],
    ['is.elsewhere', 'does not apply, so it can go'],
  ])('says of an expired one whether it can go: %s', async (id, words) => {
    const report = await verify([waiver(id, { expires: '2026-01-01' })]);
    expect(about(report, 'waivers.current')?.verdict).toMatchObject({
      observed: expect.stringMatching(new RegExp(`: its control ${words}$`)),
    });
  });

  it('is of a control that does not exist', async () => {
    const report = await verify([waiver('is.baad'), waiver('nothing.like-it')]);
    expect(about(report, 'waivers.known')).toMatchObject({
      severity: 'required',
      verdict: {
        is: 'fail',
        observed:
          'there is no control is.baad, did you mean is.bad (waivers.yaml:1:3, Jo Doe); there is no control nothing.like-it (waivers.yaml:1:3, Jo Doe)',
      },
    });
    expect(verdicts(report)).toEqual({ ...FINE, known: 'fail' });
    expect(about(report, 'is.bad')?.verdict.is).toBe('fail');
  });

  it('is of a control that judges the waivers: it exists, and cannot be waived', async () => {
    const report = await verify([waiver('waivers.current')]);
    expect(verdicts(report)).toEqual({ ...FINE, allowed: 'fail' });
    expect(about(report, 'waivers.allowed')?.verdict).toMatchObject({
      observed: expect.stringMatching(/^waivers\.current cannot be waived/),
    });
  });

  it('is of a control that must not be waived: no effect, and said', async () => {
    const report = await verify([waiver('is.firm')]);
    expect(about(report, 'is.firm')).toMatchObject({ verdict: { is: 'fail' } });
    expect(about(report, 'is.firm')?.waived).toBeUndefined();
    expect(verdicts(report)).toEqual({ ...FINE, allowed: 'fail' });
    expect(about(report, 'waivers.allowed')?.severity).toBe('required');
    // Not even for whoever asks the waivers and not the engine.
    const against = { steps: [step], now: NOW, isPartial: false };
    const given = [
      waiver('is.firm'),
      waiver('is.bad'),
      waiver('is.gone'),
      waiver('is.open', { expires: '2026-11-25' }),
    ];
    expect([...createExceptions(given, against).waivers.keys()]).toEqual(['is.bad']);
  });

  it('is of a judge of the waivers themselves: known, and not to be waived', async () => {
    const report = await verify([waiver('waivers.current')]);
    expect(verdicts(report)).toEqual({ ...FINE, allowed: 'fail' });
    expect(about(report, 'waivers.allowed')?.verdict).toMatchObject({
      observed: expect.stringContaining('waivers.current cannot be waived'),
    });
  });

  it.each([
    ['is.good', 'is.good is proved'],
    ['is.elsewhere', 'is.elsewhere does not apply'],
  ])('is not needed, which is advice: %s', async (id, words) => {
    const report = await verify([waiver(id)]);
    expect(about(report, id)?.waived).toBeUndefined();
    expect(about(report, 'waivers.used')).toMatchObject({
      severity: 'advised',
      verdict: { is: 'fail', observed: `${words} (waivers.yaml:1:3, Jo Doe, until 2027-05-31)` },
    });
    expect(verdicts(report)).toEqual({ ...FINE, used: 'fail' });
  });
});

describe('the verdict of a run', () => {
  const good = ['is.unseen', 'is.open', 'is.bad'].map((id) => waiver(id));
  const only = ['is.good', 'is.bad', 'is.unseen', 'is.open', 'is.elsewhere'];

  it('is that every required control is proved or waived, by count', async () => {
    const report = await verify(good, { only });
    expect([report.exit, report.verdict]).toEqual([
      0,
      expect.stringContaining('3 required controls are waived'),
    ]);
  });

  it('is failing when nothing but a waiver has expired', async () => {
    const report = await verify([...good, waiver('is.good', { expires: '2026-11-01' })], { only });
    expect([report.exit, verdicts(report).current]).toEqual([1, 'fail']);
  });

  it('is what it was without a file', async () => {
    const report = await verify(undefined);
    expect([report.steps.map((s) => s.id), report.exit]).toEqual([['all'], 1]);
  });

  it('counts an empty file as looked at', async () => expect(verdicts(await verify([]))).toEqual(FINE));

  it('holds no secret that a waiver or a host has brought', async () => {
    const secret = new Secret('canary-in-a-waiver-1');
    const report = await verify([waiver('is.gone', { owner: `Jo ${secret.reveal()}` })]);
    expect(JSON.stringify(about(report, 'waivers.known'))).not.toContain(secret.reveal());
  });
});

describe('a run that looks at a part', () => {
  it('judges the waivers of what was looked at, and is silent about the others', async () => {
    const waivers = [
      waiver('is.good'),
      waiver('is.bad', { expires: '2026-01-01' }),
      waiver('is.gone'),
      waiver('is.firm'),
    ];
    for (const [only, said] of [
      ['is.open', {}],
      ['is.good', { used: 'fail' }],
      ['is.bad', { current: 'fail' }],
      ['is.firm', { allowed: 'fail' }],
    ] as const)
      expect([only, verdicts(await verify(waivers, { only: [only] }))]).toEqual([only, said]);
    // What is limited to a control that holds stays good, whatever else the file says.
    expect((await verify(waivers, { only: ['is.good'] })).exit).toBe(0);
  });
});

describe('gathering', () => {
  const failing = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));
  const plain: FileStat = { kind: 'file', mode: 0o644, uid: 1000, gid: 1000, size: 9 };
  const source = (
    read: (path: string) => Promise<string>,
    file?: string,
    stat: Partial<FileStat> = {},
    isPartial = false,
  ) =>
    gatherExceptions({
      file,
      standard: '/srv/x/waivers.yaml',
      read,
      stat: async () => ({ ...plain, ...stat }),
      uid: 1000,
      steps: [step],
      now: NOW,
      isPartial,
    });
  const TEXT =
    '- control: is.bad\n  reason: why\n  owner: Jo\n  compensating: guard\n  expires: 2027-01-01\n';

  it('takes the standard file when it is there, and nothing when it is not', async () => {
    const read: string[] = [];
    const found = await source(async (path) => {
      read.push(path);
      return TEXT;
    });
    expect([found.problems, read]).toEqual([[], ['/srv/x/waivers.yaml']]);
    expect(found.exceptions?.waivers.get('is.bad')?.where).toBe('waivers.yaml:1:3');
    expect(await source(() => failing('ENOENT'))).toEqual({ problems: [] });
    expect(await source(() => failing('ENOTDIR'))).toEqual({ problems: [] });
  });

  it('does not believe a file that was named and that others can write', async () => {
    const named = (stat: Partial<FileStat>) => source(async () => TEXT, '/etc/w.yaml', stat);
    for (const [stat, seen] of [
      [{ mode: 0o664 }, 'has mode 0664, so that others may have written it'],
      [{ mode: 0o602 }, 'has mode 0602, so that others may have written it'],
      [{ kind: 'symlink', mode: 0o777 }, 'is a symlink'],
      [{ uid: 1001 }, 'belongs to uid 1001'],
    ] as const) {
      const { exceptions, problems } = await named(stat);
      expect(exceptions).toBeUndefined();
      expect(problems).toMatchObject([{ where: '--waivers', seen: `/etc/w.yaml ${seen}` }]);
    }
    for (const stat of [{}, { uid: 0 }, { mode: 0o600 }])
      expect((await named(stat)).exceptions?.waivers.size).toBe(1);
  });

  it('believes a standard file that others can write only where a control of it is looked at as well', async () => {
    const open = { mode: 0o666 };
    expect((await source(async () => TEXT, undefined, open)).exceptions?.waivers.size).toBe(1);
    const part = await source(async () => TEXT, undefined, open, true);
    expect(part.exceptions).toBeUndefined();
    expect(part.problems).toMatchObject([
      { where: '/srv/x/waivers.yaml', seen: 'a file that has mode 0666, so that others may have written it' },
    ]);
    expect((await source(async () => TEXT, undefined, {}, true)).exceptions?.waivers.size).toBe(1);
  });

  it('insists on the file that was named, and on being able to read the standard one', async () => {
    const named = await source(() => failing('ENOENT'), 'mine.yaml');
    expect(named.problems).toMatchObject([{ where: '--waivers', seen: 'mine.yaml: ENOENT' }]);
    const closed = await source(() => failing('EACCES'));
    expect(closed.problems).toMatchObject([{ where: '/srv/x/waivers.yaml', seen: 'EACCES' }]);
    expect([named.exceptions, closed.exceptions]).toEqual([undefined, undefined]);
  });

  it('takes no waiver of a file with a problem', async () => {
    const found = await source(async () => `${TEXT}- control: is.open\n`, 'mine.yaml');
    expect([found.exceptions, found.problems.length]).toEqual([undefined, 4]);
    expect(found.problems[0]?.where).toBe('mine.yaml:6:3');
  });
});

describe('the controls about waivers', () => {
  it('are statements with all that a control needs, under ids of their own', () => {
    const taken = steps.flatMap((s) => [s.id, ...s.controls.map((c) => c.id)]);
    const own = [waiversStep.id, ...waiversStep.controls.map((c) => c.id)];
    expect(taken.filter((id) => own.includes(id))).toEqual([]);
    expect(new Set(waiversStep.controls.map((c) => c.id)).size).toBe(waiversStep.controls.length);
    for (const { id, title, section, threat, remedy, how } of waiversStep.controls) {
      expect(id).toMatch(/^waivers\.[a-z-]+$/);
      expect(title, id).toMatch(/^\S.{8,120}[^.!?]$/);
      expect(how, id).toMatch(/^[A-Z][a-z]+s \S.{20,200}\.$/);
      expect([section in sections, threat.length > 10, remedy.length > 10]).toEqual([true, true, true]);
    }
  });

  it('are all that is said about a file', async () => {
    const report = await verify([]);
    expect(report.steps.at(-1)?.findings.map((f) => f.control)).toEqual(
      waiversStep.controls.map((c) => c.id),
    );
  });
});
