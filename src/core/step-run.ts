import { act, describe } from './act.ts';
import { whatBlocks } from './blocking.ts';
import type { RunInput } from './engine.ts';
import { Cancelled, EXIT } from './errors.ts';
import { declinedStop, harmlessPart } from './harmless.ts';
import { explainAll } from './hooks.ts';
import type { HostReader } from './host.ts';
import { inspectAll, type LookEvent } from './inspect.ts';
import type { Given } from './interview.ts';
import { fillNeeds } from './needs.ts';
import type { Answered } from './question.ts';
import type { ChangeReport, Exception, Finding, Report, StepReport } from './report.ts';
import { redact } from './secret.ts';
import type { AnyStep, Change } from './step.ts';

/** Why a run ends before its last step. */
export type Stop = NonNullable<Report['stopped']> & {
  readonly exit?: Report['exit'];
  /** `failure`: somebody may repair it by hand or waive it, and the step is looked at again. */
  readonly kind: 'failure' | 'cancel' | 'decline' | 'save' | 'bug';
};

/** What a run carries from step to step. */
export interface Running {
  reader: HostReader;
  readonly given: Given;
  readonly answers: Map<string, Answered>;
  /** Looks that were started ahead, by step id, with what they have shown so far. */
  readonly ahead: Map<string, Ahead>;
  /** Waived control ids, each with who waived it and why. */
  readonly waivers: Map<string, string | Exception>;
  /** Changes made so far by step id: a step that is run again keeps them in its report. */
  readonly done: Map<string, readonly ChangeReport[]>;
  /** The first step of which something was left for want of consent; the run goes on, and ends as declined. */
  left?: Stop | undefined;
  /** Milliseconds spent waiting for a person. */
  waited: number;
}
export interface Ahead {
  readonly findings: Promise<readonly Finding[]>;
  /** Shows what was seen so far, and from then on as it comes. */
  readonly showTo: (show: (event: LookEvent) => void) => void;
}

export interface StepResult {
  readonly report: Omit<StepReport, 'duration'>;
  readonly stop?: Stop;
  /** The question that a person wants to answer anew. */
  readonly restart?: string;
}

/** Runs one step; what fails in an apply is put to the front end, which may have it looked at again or waived. */
export async function runStep(step: AnyStep, input: RunInput, running: Running): Promise<StepResult> {
  for (;;) {
    const result = await tryStep(step, input, running);
    if (result.stop?.kind !== 'failure' || (input.mode !== 'apply' && input.mode !== 'files')) return result;
    const decision = await decideOnFailure(step, input, running, result);
    if (input.signal.aborted) return cancelledAs(result);
    switch (decision.is) {
      case 'retry':
        break;
      case 'waive': {
        // Without a reason, or of what must not be waived, it is none: the step is looked at again and asks again.
        const allowed = waivable(step, failing(result.report.findings));
        const controls = decision.controls.filter((id) => allowed.includes(id));
        const reason = redact(decision.reason.trim());
        if (controls.length === 0 || reason === '') break;
        for (const id of controls) running.waivers.set(id, `for this run by the operator (${reason})`);
        await input.host.journal.append({ event: 'waived', step: step.id, controls, reason });
        break;
      }
      case 'change':
        return { ...result, restart: decision.question };
      case 'save':
        return { report: result.report, stop: { ...result.stop, kind: 'save' } };
      default:
        return result;
    }
    running.reader = input.host.snapshot(input.signal);
  }
}

const cancelledAs = (result: StepResult): StepResult => ({
  report: { ...result.report, outcome: 'stopped' },
  stop: { step: result.report.id, reason: 'cancelled', exit: EXIT.cancelled, kind: 'cancel' },
});

const failing = (findings: readonly Finding[]): Finding[] =>
  findings.filter(
    (f) => f.severity === 'required' && (f.verdict.is === 'fail' || f.verdict.is === 'unknown'),
  );

/** Ids of the findings that may be waived by name. */
function waivable(step: AnyStep, findings: readonly Finding[]): string[] {
  const firm = new Set(step.controls.filter((c) => c.unwaivable).map((c) => c.id));
  return findings.map((f) => f.control).filter((id) => !firm.has(id));
}

function decideOnFailure(step: AnyStep, input: RunInput, running: Running, result: StepResult) {
  const { reason = '', fix, log } = result.stop ?? {};
  const findings = failing(result.report.findings);
  return input.frontend.decide({
    is: 'failure',
    step: { id: step.id, title: step.title },
    reason,
    findings,
    ...(fix === undefined ? {} : { fix }),
    ...(log === undefined ? {} : { log }),
    waivable: waivable(step, findings),
    done: [...running.done.values()].flat().map((change) => change.summary),
  });
}

async function tryStep(step: AnyStep, input: RunInput, running: Running): Promise<StepResult> {
  const earlier = running.done.get(step.id) ?? [];
  const report = (
    outcome: StepReport['outcome'],
    findings: readonly Finding[],
    changes: readonly ChangeReport[],
  ) => ({ id: step.id, title: step.title, outcome, findings, changes: [...earlier, ...changes] });
  const stop = (
    findings: readonly Finding[],
    changes: readonly ChangeReport[],
    reason: string,
    extra: Partial<Stop> = {},
    outcome: StepReport['outcome'] = 'stopped',
  ): StepResult => ({
    report: report(outcome, findings, changes),
    stop: { step: step.id, reason, kind: 'failure', ...extra },
  });
  const cancelled = (findings: readonly Finding[], changes: readonly ChangeReport[] = []) =>
    stop(findings, changes, 'cancelled', { exit: EXIT.cancelled, kind: 'cancel' });
  const saved = (findings: readonly Finding[], changes: readonly ChangeReport[] = []) =>
    stop(findings, changes, 'the answers are saved', { exit: EXIT.failing, kind: 'save' }, 'declined');

  if (input.signal.aborted) return cancelled([]);
  let answers: Record<string, unknown> | 'save';
  try {
    const asking = { ...input, reader: running.reader };
    answers = await fillNeeds(step, asking, running.given, running.answers, input.mode === 'apply');
  } catch (error) {
    if (error instanceof Cancelled) return cancelled([]);
    throw error;
  }
  if (answers === 'save') return saved([]);
  const look = (phase: 'before' | 'after') => {
    const show = (event: LookEvent) => input.frontend.emit({ ...event, step: step.id, phase });
    const ahead = running.ahead.get(step.id);
    if (!ahead) {
      const context = { host: running.reader, answers, signal: input.signal };
      return inspectAll(step, context, running.waivers, show);
    }
    ahead.showTo(show);
    return ahead.findings;
  };

  let findings = await look('before');
  if (input.signal.aborted) return cancelled(findings);
  if (input.mode === 'verify') {
    const context = { host: running.reader, answers: running.answers, signal: input.signal };
    if (input.explain) findings = await explainAll(findings, input.explain, context);
    return { report: report('looked', findings, []) };
  }

  const blocking = whatBlocks(step, findings, input.mode);
  if (blocking && input.mode !== 'plan') return stop(findings, [], blocking);
  const broken = findings.filter((f) => f.verdict.is === 'fail' || f.verdict.is === 'unknown');
  if (broken.length === 0 || !step.plan || (blocking && input.mode === 'plan')) {
    const outcome = earlier.length > 0 ? 'applied' : step.plan ? 'held' : 'looked';
    return { report: report(outcome, findings, []) };
  }

  const names = new Set(broken.map((f) => f.control));
  let plan: readonly Change[];
  try {
    plan = await step.plan({ host: running.reader, answers, signal: input.signal, failing: names });
  } catch (error) {
    const reason = `cannot be planned now: ${redact(error instanceof Error ? error.message : String(error))}`;
    if (input.mode === 'apply') return stop(findings, [], reason, { exit: EXIT.notSeen });
    // Writing files without an engine goes on: what this step would change needs one.
    const status = input.mode === 'files' ? 'not-reached' : 'planned';
    const later: ChangeReport = { id: `${step.id}.later`, summary: reason, status };
    if (input.mode === 'files') return { report: report('held', findings, [later]) };
    input.frontend.emit({ type: 'plan', step: step.id, changes: [later] });
    return { report: report('planned', findings, [later]) };
  }
  if (input.mode === 'files') plan = plan.filter((change) => change.offline);
  const changes = plan.map((change) => describe(change, 'planned'));
  if (plan.length === 0) {
    const repairable = broken.filter((f) => f.severity === 'required' && !f.manual);
    // What was left before may be what would repair it: that is no bug of this step.
    if (repairable.length === 0 || input.mode !== 'apply' || running.left)
      return { report: report(earlier.length > 0 ? 'applied' : 'held', findings, changes) };
    const ids = repairable.map((f) => f.control).join(', ');
    const reason = `the step has no change that repairs ${ids}; this is a bug of the step`;
    return stop(findings, changes, reason, { exit: EXIT.bug, kind: 'bug' });
  }
  input.frontend.emit({ type: 'plan', step: step.id, changes });
  if (input.mode === 'plan') return { report: report('planned', findings, changes) };

  const name = { id: step.id, title: step.title };
  const free = harmlessPart(plan, running.left !== undefined);
  const decision = await input.frontend.decide({
    is: 'changes',
    step: name,
    changes,
    harmless: free.map((change) => change.id),
    findings: broken,
  });
  const agreed = decision.is === 'apply' ? plan : decision.is === 'harmless' ? free : [];
  const left = plan.slice(agreed.length).map((change) => describe(change, 'declined'));
  if (decision.is !== 'apply' && decision.is !== 'harmless') {
    if (decision.is === 'change') return { report: report('held', findings, []), restart: decision.question };
    await input.host.journal.append({ event: 'declined', step: step.id });
    if (input.signal.aborted) return cancelled(findings, left);
    if (decision.is === 'save') return saved(findings, left);
    const { reason, ...declined } = declinedStop(step);
    return stop(findings, left, reason, declined, 'declined');
  }
  if (left.length > 0) {
    await input.host.journal.append({ event: 'declined', step: step.id });
    running.left ??= declinedStop(step);
    if (agreed.length === 0) return { report: report('declined', findings, left) };
  }
  const acted = await act(step, agreed, input);
  running.done.set(step.id, [...earlier, ...acted.changes.filter((change) => change.status === 'done')]);
  running.reader = input.host.snapshot(input.signal);
  if (acted.failure)
    return stop(findings, [...acted.changes, ...left], acted.failure.reason, {
      ...acted.failure,
      exit: EXIT.notSeen,
    });
  // Looks are not taken any more once the run is cancelled, so there is nothing to judge the last change by.
  if (acted.cancelled || input.signal.aborted) return cancelled(findings, [...acted.changes, ...left]);

  findings = await look('after');
  if (left.length > 0) return { report: report('declined', findings, [...acted.changes, ...left]) };
  const still = failing(findings);
  if (still.length > 0 && input.mode === 'apply') {
    const reason = `after the changes, ${still.map((f) => f.control).join(', ')} still ${still.length === 1 ? 'does' : 'do'} not hold`;
    return stop(findings, acted.changes, reason);
  }
  return { report: report('applied', findings, acted.changes) };
}
