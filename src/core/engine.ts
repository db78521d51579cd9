import { act, describe } from './act.ts';
import type { KnownAnswers } from './answers.ts';
import { whatBlocks } from './blocking.ts';
import { Cancelled, EXIT } from './errors.ts';
import type { Frontend } from './frontend.ts';
import type { HostReader, HostSource } from './host.ts';
import { inspectAll, type LookEvent } from './inspect.ts';
import { fillNeeds } from './needs.ts';
import type { Answered, QuestionTable, RawAnswer } from './question.ts';
import type { ChangeReport, Finding, Mode, Report, StepReport } from './report.ts';
import { redact } from './secret.ts';
import type { AnyStep, Change } from './step.ts';
import { exitCode, verdictSentence } from './verdict.ts';

export interface RunInput {
  readonly mode: Mode;
  readonly steps: readonly AnyStep[];
  readonly questions: QuestionTable;
  readonly known: KnownAnswers;
  readonly host: HostSource;
  readonly frontend: Frontend;
  /** Control ids waived with `--skip`. */
  readonly skip: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly tool: { readonly name: string; readonly version: string };
  readonly dir: string;
  /** Called once all answers of a finished apply are known, so that they can be saved without secrets. */
  readonly save?: (answers: ReadonlyMap<string, Answered>) => Promise<void>;
}

type Stop = NonNullable<Report['stopped']> & { readonly exit?: Report['exit'] };
type Running = {
  reader: HostReader;
  readonly answers: Map<string, Answered>;
  /** Looks that were started ahead, by step id, with what they have shown so far. */
  readonly ahead: Map<string, Ahead>;
};
interface Ahead {
  readonly findings: Promise<readonly Finding[]>;
  /** Shows what was seen so far, and from then on as it comes. */
  readonly showTo: (show: (event: LookEvent) => void) => void;
}

/**
 * The one loop behind every mode and front end: look, plan, ask, act, look again, step by step.
 * A step whose controls hold is left alone. A thrown or timed-out look is `unknown`; nothing is done where
 * something required could not be seen.
 * @throws {UsageError} when an answer is not usable and nobody can be asked
 */
export async function run(input: RunInput): Promise<Report> {
  const { frontend, steps, mode } = input;
  const startedAt = new Date();
  const reports: StepReport[] = [];
  const running: Running = {
    reader: input.host.snapshot(input.signal),
    answers: new Map(),
    ahead: new Map(),
  };
  let stopped: Stop | undefined;
  frontend.emit({
    type: 'run-start',
    mode,
    dir: input.dir,
    steps: steps.map(({ id, title }) => ({ id, title })),
  });
  await input.host.journal.append({ event: 'run-start', mode });
  if (mode === 'verify') await lookAhead(input, running);
  for (const [index, step] of steps.entries()) {
    if (stopped) {
      reports.push({
        id: step.id,
        title: step.title,
        outcome: 'not-reached',
        findings: [],
        changes: [],
        duration: 0,
      });
      continue;
    }
    frontend.emit({
      type: 'step-start',
      step: step.id,
      title: step.title,
      why: step.why,
      index,
      total: steps.length,
    });
    const began = performance.now();
    const result = await runStep(step, input, running);
    const report: StepReport = { ...result.report, duration: Math.round(performance.now() - began) };
    reports.push(report);
    stopped = result.stop;
    frontend.emit({ type: 'step-end', step: step.id, report });
  }
  if ((mode === 'apply' || mode === 'files') && !stopped) await input.save?.(running.answers);
  const { exit: forced, ...reason } = stopped ?? {};
  const exit = forced ?? exitCode(mode, reports, stopped !== undefined);
  const report: Report = {
    schema: 1,
    tool: input.tool,
    mode,
    dir: input.dir,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    exit,
    verdict: verdictSentence(mode, exit, reports),
    ...(stopped ? { stopped: reason as NonNullable<Report['stopped']> } : {}),
    answers: [...running.answers].map(([question, a]) => ({
      question,
      value: redact(show(a.raw)),
      source: a.source,
    })),
    steps: reports,
  };
  await input.host.journal.append({ event: 'run-end', mode, exit });
  frontend.emit({ type: 'run-end', report });
  return report;
}

/**
 * Verify changes nothing, so all steps are looked at side by side; they are shown in order. Answers are filled
 * first, because a person may have to be asked.
 */
async function lookAhead(input: RunInput, running: Running): Promise<void> {
  for (const step of input.steps) await fillNeeds(step, input, running.answers);
  for (const step of input.steps) {
    const answers = Object.fromEntries(step.needs.map((id) => [id, running.answers.get(id)?.value]));
    const events: LookEvent[] = [];
    const context = { host: running.reader, answers, signal: input.signal };
    let show: ((event: LookEvent) => void) | undefined;
    const findings = inspectAll(step, context, input.skip, (event) => {
      if (show) show(event);
      else events.push(event);
    });
    const showTo = (next: (event: LookEvent) => void) => {
      for (const event of events.splice(0)) next(event);
      show = next;
    };
    running.ahead.set(step.id, { findings, showTo });
  }
}

const show = (raw: RawAnswer | undefined): string =>
  raw === undefined ? '(none)' : typeof raw === 'string' ? raw : raw.join(', ');

interface StepResult {
  readonly report: Omit<StepReport, 'duration'>;
  readonly stop?: Stop;
}

async function runStep(step: AnyStep, input: RunInput, running: Running): Promise<StepResult> {
  const base = { id: step.id, title: step.title };
  const stop = (
    findings: readonly Finding[],
    changes: readonly ChangeReport[],
    reason: string,
    extra: Omit<Stop, 'step' | 'reason'> = {},
    outcome: StepReport['outcome'] = 'stopped',
  ): StepResult => ({
    report: { ...base, outcome, findings, changes },
    stop: { step: step.id, reason, ...extra },
  });
  const cancelled = (findings: readonly Finding[], changes: readonly ChangeReport[] = []) =>
    stop(findings, changes, 'cancelled', { exit: EXIT.cancelled });

  if (input.signal.aborted) return cancelled([]);
  let answers: Record<string, unknown>;
  try {
    answers = await fillNeeds(step, input, running.answers);
  } catch (error) {
    if (error instanceof Cancelled) return cancelled([]);
    throw error;
  }
  const look = (phase: 'before' | 'after') => {
    const show = (event: LookEvent) => input.frontend.emit({ ...event, step: step.id, phase });
    const ahead = running.ahead.get(step.id);
    if (!ahead) {
      return inspectAll(step, { host: running.reader, answers, signal: input.signal }, input.skip, show);
    }
    ahead.showTo(show);
    return ahead.findings;
  };

  let findings = await look('before');
  if (input.signal.aborted) return cancelled(findings);
  if (input.mode === 'verify') return { report: { ...base, outcome: 'looked', findings, changes: [] } };

  const blocking = whatBlocks(step, findings, input.mode);
  if (blocking && input.mode !== 'plan') return stop(findings, [], blocking);
  const broken = findings.filter((f) => f.verdict.is === 'fail' || f.verdict.is === 'unknown');
  if (broken.length === 0 || !step.plan || (blocking && input.mode === 'plan')) {
    return { report: { ...base, outcome: step.plan ? 'held' : 'looked', findings, changes: [] } };
  }

  const failing = new Set(broken.map((f) => f.control));
  let plan: readonly Change[];
  try {
    plan = await step.plan({ host: running.reader, answers, signal: input.signal, failing });
  } catch (error) {
    const reason = `cannot be planned now: ${redact(error instanceof Error ? error.message : String(error))}`;
    if (input.mode === 'apply') return stop(findings, [], reason, { exit: EXIT.notSeen });
    // Writing files without an engine goes on: what this step would change needs one.
    const status = input.mode === 'files' ? 'not-reached' : 'planned';
    const later: ChangeReport = { id: `${step.id}.later`, summary: reason, status };
    if (input.mode === 'files') return { report: { ...base, outcome: 'held', findings, changes: [later] } };
    input.frontend.emit({ type: 'plan', step: step.id, changes: [later] });
    return { report: { ...base, outcome: 'planned', findings, changes: [later] } };
  }
  if (input.mode === 'files') plan = plan.filter((change) => change.offline);
  const changes = plan.map((change) => describe(change, 'planned'));
  if (plan.length === 0) {
    const repairable = broken.filter((f) => f.severity === 'required' && !f.manual);
    if (repairable.length === 0 || input.mode !== 'apply')
      return { report: { ...base, outcome: 'held', findings, changes } };
    const ids = repairable.map((f) => f.control).join(', ');
    return stop(findings, changes, `the step has no change that repairs ${ids}; this is a bug of the step`, {
      exit: EXIT.bug,
    });
  }
  input.frontend.emit({ type: 'plan', step: step.id, changes });
  if (input.mode === 'plan') return { report: { ...base, outcome: 'planned', findings, changes } };

  const decision = await input.frontend.approve({ id: step.id, title: step.title }, changes);
  if (decision !== 'apply') {
    await input.host.journal.append({ event: 'declined', step: step.id });
    const declined = plan.map((change) => describe(change, 'declined'));
    if (input.signal.aborted) return cancelled(findings, declined);
    return stop(
      findings,
      declined,
      `the changes of ${step.title} were declined`,
      { exit: EXIT.failing },
      'declined',
    );
  }
  const acted = await act(step, plan, input);
  running.reader = input.host.snapshot(input.signal);
  if (acted.failure)
    return stop(findings, acted.changes, acted.failure.reason, { ...acted.failure, exit: EXIT.notSeen });
  // Looks are not taken any more once the run is cancelled, so there is nothing to judge the last change by.
  if (acted.cancelled || input.signal.aborted) return cancelled(findings, acted.changes);

  findings = await look('after');
  const still = findings.filter(
    (f) => f.severity === 'required' && (f.verdict.is === 'fail' || f.verdict.is === 'unknown'),
  );
  if (still.length > 0 && input.mode === 'apply') {
    const reason = `after the changes, ${still.map((f) => f.control).join(', ')} still ${still.length === 1 ? 'does' : 'do'} not hold`;
    return stop(findings, acted.changes, reason);
  }
  return { report: { ...base, outcome: 'applied', findings, changes: acted.changes } };
}
