import { describe, expect, it } from 'vitest';
import { run } from '../../src/core/engine.ts';
import { ChangeError } from '../../src/core/errors.ts';
import type { Event, Frontend } from '../../src/core/frontend.ts';
import type { Mode } from '../../src/core/report.ts';
import { Secret } from '../../src/core/secret.ts';
import {
  type AnyStep,
  type Change,
  type Control,
  fail,
  pass,
  unknown,
  type Verdict,
} from '../../src/core/step.ts';
import { blindHost } from '../fakes/blind-host.ts';

type Look = () => Verdict | Promise<Verdict>;
const control = (id: string, look: Look, more: Partial<Control> = {}): Control => ({
  id,
  title: id,
  severity: 'required',
  section: 'operation',
  how: 'It looks.',
  threat: 't',
  remedy: 'r',
  impact: 'i',
  inspect: async () => look(),
  ...more,
});
const step = (id: string, controls: readonly Control[], plan?: () => readonly Change[]): AnyStep => ({
  id,
  title: id,
  why: 'w',
  needs: [],
  controls,
  ...(plan ? { plan: async () => plan() } : {}),
});

/** A world of one switch: the control holds when it is on; the change turns it on. */
function world(on = false) {
  const state = { on, applied: 0 };
  const look: Look = () => (state.on ? pass('on') : fail('off', 'on'));
  const turnOn: Change = {
    id: 'x.turn-on',
    summary: 'turn on',
    offline: true,
    apply: async () => {
      state.on = true;
      state.applied += 1;
    },
  };
  return { state, look, turnOn, step: step('x', [control('x.on', look)], () => [turnOn]) };
}

async function go(
  steps: readonly AnyStep[],
  options: {
    mode?: Mode;
    decision?: 'apply' | 'decline' | 'stop';
    skip?: string[];
    abort?: AbortController;
  } = {},
) {
  const host = blindHost();
  const events: Event[] = [];
  const frontend: Frontend = {
    interactive: false,
    ask: async () => ({ is: 'cancel' }),
    decide: async (proposal) => ({ is: proposal.is === 'changes' ? (options.decision ?? 'apply') : 'stop' }),
    emit: (event) => void events.push(event),
  };
  const report = await run({
    mode: options.mode ?? 'apply',
    steps,
    questions: {},
    known: new Map(),
    host,
    frontend,
    skip: new Set(options.skip),
    signal: options.abort?.signal ?? new AbortController().signal,
    tool: { name: 't', version: '0' },
    dir: '/nowhere',
  });
  const verdictOf = (id: string) =>
    report.steps.flatMap((s) => s.findings).find((f) => f.control === id)?.verdict;
  return { report, events, host, verdictOf, outcomes: report.steps.map((s) => s.outcome) };
}

describe('engine', () => {
  it('looks, acts and looks again', async () => {
    const w = world();
    const { report, outcomes, events, host } = await go([w.step]);
    expect([report.exit, outcomes, w.state.applied]).toEqual([0, ['applied'], 1]);
    expect(
      events
        .filter((e) => e.type === 'finding')
        .map((e) => e.type === 'finding' && `${e.phase} ${e.finding.verdict.is}`),
    ).toEqual(['before fail', 'after pass']);
    expect(host.journalled).toEqual(['run-start', 'change-start', 'change-done', 'run-end']);
  });

  it('leaves a step alone whose controls hold', async () => {
    const w = world(true);
    const { report, outcomes } = await go([w.step]);
    expect([report.exit, outcomes, w.state.applied]).toEqual([0, ['held'], 0]);
  });

  it('stops when the change did not help: later steps stand on this one', async () => {
    const w = world();
    const useless = step('x', [control('x.on', w.look)], () => [{ ...w.turnOn, apply: async () => {} }]);
    const later = world();
    const { report, outcomes } = await go([useless, { ...later.step, id: 'y' }]);
    expect([report.exit, outcomes, later.state.applied]).toEqual([1, ['stopped', 'not-reached'], 0]);
  });

  it('declining is not success', async () => {
    const w = world();
    const { report, outcomes } = await go([w.step], { decision: 'decline' });
    expect([report.exit, outcomes, w.state.applied]).toEqual([1, ['declined'], 0]);
  });

  it('a look that throws is unknown, and stops an apply', async () => {
    const w = world();
    const broken = control('x.broken', () => Promise.reject(new Error('boom')));
    const { report, verdictOf } = await go([step('x', [broken, control('x.on', w.look)], () => [w.turnOn])]);
    expect([report.exit, w.state.applied]).toEqual([1, 0]);
    expect(verdictOf('x.broken')).toEqual({ is: 'unknown', because: 'boom' });
    expect(report.stopped?.reason).toContain('x.broken could not be looked at');
  });

  it('a look that does not come back is unknown', async () => {
    const slow = control('x.slow', () => new Promise<Verdict>(() => {}), { timeoutMs: 20 });
    const { report, verdictOf } = await go([step('x', [slow])], { mode: 'verify' });
    expect([report.exit, verdictOf('x.slow')?.is]).toEqual([3, 'unknown']);
  });

  it('an unknown that awaits a failing control of the step, also through another, does not stop it', async () => {
    const w = world();
    const awaits = (id: string, on: string) =>
      control(id, () => (w.state.on ? pass('seen') : unknown('not yet', on)));
    const controls = [control('x.on', w.look), awaits('x.next', 'x.on'), awaits('x.third', 'x.next')];
    expect((await go([step('x', controls, () => [w.turnOn])])).report.exit).toBe(0);
  });

  it('a failing manual control stops before anything is changed', async () => {
    const w = world();
    const lost = control('x.lost', () => fail('gone', 'there'), { manual: true });
    const { report } = await go([step('x', [lost, control('x.on', w.look)], () => [w.turnOn])]);
    expect([report.exit, w.state.applied]).toEqual([1, 0]);
  });

  it('an empty plan under a failing control is a bug of the step', async () => {
    const w = world();
    expect((await go([step('x', [control('x.on', w.look)], () => [])])).report.exit).toBe(70);
  });

  it('a failed change ends the run with what was done and the redacted cause', async () => {
    const w = world();
    const secret = new Secret('s3cret-canary-value');
    const bad: Change = {
      id: 'x.bad',
      summary: 'bad',
      apply: () =>
        Promise.reject(
          new ChangeError('command', `it said ${secret.reveal()}`, 'fix it', [`log ${secret.reveal()}`]),
        ),
    };
    const after: Change = { id: 'x.after', summary: 'after', apply: async () => {} };
    const { report, host } = await go([step('x', [control('x.on', w.look)], () => [bad, after])]);
    expect(report.exit).toBe(3);
    expect(report.steps[0]?.changes.map((c) => c.status)).toEqual(['failed', 'not-reached']);
    expect(report.stopped?.fix).toBe('fix it');
    expect(JSON.stringify(report)).not.toContain('canary');
    expect(host.journalled).toContain('change-failed');
  });

  it('cancelled in the middle: the running change is finished, the next is not begun', async () => {
    const w = world();
    const abort = new AbortController();
    const first: Change = {
      ...w.turnOn,
      apply: async (h) => {
        abort.abort();
        await w.turnOn.apply(h);
      },
    };
    const second: Change = {
      id: 'x.second',
      summary: 's',
      apply: async () => {
        throw new Error('must not run');
      },
    };
    const { report } = await go([step('x', [control('x.on', w.look)], () => [first, second])], { abort });
    expect([report.exit, w.state.on]).toEqual([130, true]);
    expect(report.steps[0]?.changes.map((c) => c.status)).toEqual(['done', 'not-reached']);
  });

  it('a dry run plans everything, changes nothing and says that there is something to do', async () => {
    const w = world();
    const other = world();
    const { report, outcomes, host } = await go([w.step, { ...other.step, id: 'y' }], { mode: 'plan' });
    expect([report.exit, outcomes, w.state.applied, host.writes]).toEqual([4, ['planned', 'planned'], 0, []]);
    expect((await go([world(true).step], { mode: 'plan' })).report.exit).toBe(0);
  });

  it('verify looks at all steps side by side, shows them in order, and never plans', async () => {
    let open = 0;
    let most = 0;
    const slow = (id: string) =>
      control(id, async () => {
        most = Math.max(most, ++open);
        await new Promise((done) => setTimeout(done, 30));
        open -= 1;
        return fail('off', 'on');
      });
    const never = () => {
      throw new Error('verify must not plan');
    };
    const { report, events } = await go([step('a', [slow('a.1')], never), step('b', [slow('b.1')], never)], {
      mode: 'verify',
    });
    expect([report.exit, most]).toEqual([1, 2]);
    expect(
      events
        .filter((e) => e.type === 'step-start' || e.type === 'finding' || e.type === 'step-end')
        .map((e) => `${e.type} ${'step' in e ? e.step : ''}`),
    ).toEqual(['step-start a', 'finding a', 'step-end a', 'step-start b', 'finding b', 'step-end b']);
  });

  it('a waiver is named, visible, and never covers what could lose data', async () => {
    const off = () => fail('off', 'on');
    const waived = await go([step('x', [control('x.a', off)])], { mode: 'verify', skip: ['x.a'] });
    expect(waived.report.exit).toBe(0);
    expect(waived.report.verdict).toContain('1 required control is waived');
    expect(waived.verdictOf('x.a')).toMatchObject({ is: 'skip', because: expect.stringContaining('off') });
    const refused = await go([step('x', [control('x.a', off, { unwaivable: true })])], {
      mode: 'verify',
      skip: ['x.a'],
    });
    expect(refused.report.exit).toBe(1);
  });

  it('advised controls and open attestations are told apart', async () => {
    const advised = control('x.a', () => fail('off', 'on'), { severity: 'advised' });
    expect((await go([step('x', [advised])], { mode: 'verify' })).report.exit).toBe(0);
    const open = control('x.b', (): Verdict => ({ is: 'attest', ask: 'who' }));
    expect((await go([step('x', [open])])).report.exit).toBe(1);
  });

  it('files mode says what it could not plan', async () => {
    const w = world();
    const plan = () => {
      throw new Error('the release is not known');
    };
    const { report } = await go([step('x', [control('x.on', w.look)], plan)], { mode: 'files' });
    expect([report.exit, report.steps[0]?.changes[0]?.status]).toEqual([3, 'not-reached']);
    expect(report.steps[0]?.changes[0]?.summary).toContain('the release is not known');
  });

  it('files mode makes the offline changes only, and does not call them proved', async () => {
    const w = world();
    let started = false;
    const start: Change = {
      id: 'x.start',
      summary: 's',
      apply: async () => {
        started = true;
      },
    };
    const running = control('x.running', () => unknown('no engine'));
    const { report } = await go([step('x', [control('x.on', w.look), running], () => [w.turnOn, start])], {
      mode: 'files',
    });
    expect([report.exit, w.state.on, started]).toEqual([3, true, false]);
  });
});
