import type { KnownAnswers } from './answers.ts';
import { Cancelled, EXIT } from './errors.ts';
import type { Frontend } from './frontend.ts';
import { endAfterLeaving } from './harmless.ts';
import { type Complete, type DriftExplainer, type Exceptions, judgeExceptions } from './hooks.ts';
import type { HostSource } from './host.ts';
import { inspectAll, type LookEvent } from './inspect.ts';
import { askOne, type InterviewInput, interview } from './interview.ts';
import { describeAnswers, fillNeeds, knownNow } from './needs.ts';
import type { Answered, QuestionTable } from './question.ts';
import type { Exception, ExitPolicy, Mode, Report, Selection, StepReport } from './report.ts';
import type { AnyStep } from './step.ts';
import { type Running, runStep, type Stop } from './step-run.ts';
import { exitCode, finalExit, verdictSentence } from './verdict.ts';

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
  /** The operator's waivers; the findings about them come as the last step. */
  readonly exceptions?: Exceptions;
  /** In verify: which link of a failing control broke. */
  readonly explain?: DriftExplainer;
  readonly policy?: ExitPolicy;
  /** Says that `steps` holds a part of all controls only. */
  readonly selection?: Selection;
  readonly complete?: Complete;
}

/**
 * The one loop behind every mode and front end: ask, look, plan, decide, act, look again, step by step.
 * A step whose controls hold is left alone. A thrown or timed-out look is `unknown`; nothing is done where
 * something required could not be seen.
 * @throws {UsageError} when an answer is not usable and nobody can be asked
 */
export async function run(given: RunInput): Promise<Report> {
  const { steps, mode } = given;
  const startedAt = new Date();
  const running: Running = {
    reader: given.host.snapshot(given.signal),
    given: new Map(),
    answers: new Map(),
    ahead: new Map(),
    waivers: new Map<string, string | Exception>([
      ...(given.exceptions?.waivers ?? []),
      ...[...given.skip].map((id) => [id, `with --skip ${id}`] as const),
    ]),
    done: new Map(),
    waited: 0,
  };
  const input = { ...given, frontend: timed(given.frontend, running) };
  const { frontend } = input;
  frontend.emit({
    type: 'run-start',
    mode,
    dir: input.dir,
    steps: [...steps, ...(given.exceptions ? [given.exceptions.step] : [])].map(({ id, title }) => ({
      id,
      title,
    })),
  });
  await input.host.journal.append({ event: 'run-start', mode });
  let outcome: Outcome = { reports: [], restart: undefined };
  do outcome = await runOnce(input, running, outcome.restart);
  while (outcome.restart !== undefined);

  const { reports, stopped } = outcome;
  if (isSaved(input, running, stopped)) await input.save?.(running.answers);
  const { exit: forced, kind: _, ...reason } = stopped ?? {};
  const { policy, selection } = input;
  const found = forced ?? exitCode(mode, reports, stopped !== undefined, policy?.failOn, selection);
  const exit = finalExit(found, policy);
  const judged: Report = {
    schema: 2,
    tool: input.tool,
    mode,
    dir: input.dir,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    exit,
    ...(policy ? { policy } : {}),
    verdict: verdictSentence(mode, found, reports, selection),
    ...(selection ? { selection } : {}),
    ...(stopped ? { stopped: reason as NonNullable<Report['stopped']> } : {}),
    answers: describeAnswers(running.answers),
    steps: reports,
  };
  const report = (await input.complete?.(judged)) ?? judged;
  await input.host.journal.append({ event: 'run-end', mode, exit });
  frontend.emit({ type: 'run-end', report });
  return report;
}

/** The front end, its waits for a person counted apart: they are no part of what a step takes. */
function timed(frontend: Frontend, running: Running): Frontend {
  const wait = async <T>(answer: Promise<T>): Promise<T> => {
    const began = performance.now();
    try {
      return await answer;
    } finally {
      running.waited += performance.now() - began;
    }
  };
  return {
    interactive: frontend.interactive,
    ask: (asking) => wait(frontend.ask(asking)),
    decide: (proposal) => wait(frontend.decide(proposal)),
    emit: (event) => frontend.emit(event),
  };
}

interface Outcome {
  readonly reports: StepReport[];
  readonly stopped?: Stop;
  /** The question to answer anew before the run starts over. */
  readonly restart: string | undefined;
}

/** A finished run's answers are kept, what a person asked to keep too, and what a person answered once changes were made. */
function isSaved(input: RunInput, running: Running, stopped: Stop | undefined): boolean {
  if (input.mode !== 'apply' && input.mode !== 'files') return false;
  return (
    !stopped ||
    stopped.kind === 'save' ||
    (running.given.size > 0 && [...running.done.values()].flat().length > 0)
  );
}

/** One way through all steps; ends early when an answer is to be changed. */
async function runOnce(input: RunInput, running: Running, change: string | undefined): Promise<Outcome> {
  const { steps, mode, frontend } = input;
  const reports: StepReport[] = [];
  running.answers.clear();
  running.left = undefined;
  let stopped = await askPeople(input, running, change);
  if (mode === 'verify' && !stopped) await lookAhead(input, running);
  const total = steps.length + (input.exceptions ? 1 : 0);
  for (const [index, step] of steps.entries()) {
    const { id, title } = step;
    if (stopped) {
      const changes = running.done.get(id) ?? [];
      reports.push({ id, title, outcome: 'not-reached', findings: [], changes, duration: 0 });
      continue;
    }
    frontend.emit({ type: 'step-start', step: id, title, why: step.why, index, total });
    const began = performance.now();
    const waitedBefore = running.waited;
    const result = await runStep(step, input, running);
    if (result.restart !== undefined) return { reports, restart: result.restart };
    const report: StepReport = {
      ...result.report,
      duration: Math.round(performance.now() - began - (running.waited - waitedBefore)),
    };
    reports.push(report);
    stopped = result.stop;
    frontend.emit({ type: 'step-end', step: id, report });
  }
  if (input.exceptions && !stopped) {
    const { step } = input.exceptions;
    frontend.emit({
      type: 'step-start',
      step: step.id,
      title: step.title,
      why: step.why,
      index: steps.length,
      total,
    });
    const report = judgeExceptions(input.exceptions, reports);
    reports.push(report);
    frontend.emit({ type: 'step-end', step: step.id, report });
  }
  const end = endAfterLeaving(running.left, stopped);
  return { reports, restart: undefined, ...(end ? { stopped: end } : {}) };
}

/** Asks what a person should answer, shows what is settled then, and says why the run ends here when it does. */
async function askPeople(
  input: RunInput,
  running: Running,
  change: string | undefined,
): Promise<Stop | undefined> {
  const asking: InterviewInput = { ...input, reader: running.reader };
  const step = input.steps[0]?.id ?? '';
  try {
    if (change !== undefined) {
      const question = input.questions[change];
      if (!question) throw new Error(`the unknown question ${change} is to be changed`);
      const place = { index: 1, total: 1, canGoBack: true };
      const reply = await askOne(change, question, asking, running.given, place);
      if (typeof reply === 'object') running.given.set(change, reply);
      if (reply === 'save') return savedStop(step);
    }
    if (input.frontend.interactive && (await interview(asking, running.given)) === 'save')
      return savedStop(step);
  } catch (error) {
    if (error instanceof Cancelled)
      return { step, reason: 'cancelled', exit: EXIT.cancelled, kind: 'cancel' };
    throw error;
  } finally {
    for (const [id, answer] of knownNow(asking, running.given)) running.answers.set(id, answer);
    // What is asked only at its step is settled there.
    for (const [id, question] of Object.entries(input.questions))
      if (question.ask === 'step' && !running.given.has(id) && !input.known.has(id))
        running.answers.delete(id);
  }
  input.frontend.emit({ type: 'answers', answers: describeAnswers(running.answers) });
  return undefined;
}

const savedStop = (step: string): Stop => ({
  step,
  reason: 'the answers are saved',
  exit: EXIT.failing,
  kind: 'save',
});

/** Verify changes nothing, so all steps are looked at side by side; they are shown in order. */
async function lookAhead(input: RunInput, running: Running): Promise<void> {
  const asking: InterviewInput = { ...input, reader: running.reader };
  for (const step of input.steps) await fillNeeds(step, asking, running.given, running.answers, false);
  for (const step of input.steps) {
    const answers = Object.fromEntries(step.needs.map((id) => [id, running.answers.get(id)?.value]));
    const events: LookEvent[] = [];
    const context = { host: running.reader, answers, signal: input.signal };
    let show: ((event: LookEvent) => void) | undefined;
    const findings = inspectAll(step, context, running.waivers, (event) => {
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
