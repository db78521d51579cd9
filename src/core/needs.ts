import { isIrrelevant, resolveOne } from './answers.ts';
import { Cancelled, UsageError } from './errors.ts';
import { askOne, type Given, type InterviewInput, rawOf } from './interview.ts';
import type { Answered } from './question.ts';
import type { AnswerReport } from './report.ts';
import { redact } from './secret.ts';
import type { AnyStep } from './step.ts';

/**
 * Fills the answers that a step declared: given by a person, known, default; then the front end, for what is missing
 * and, when `mayAsk`, for what is asked only at its step.
 * @throws {UsageError} when an answer is not usable
 * @throws {Cancelled} when a person gives up
 * @returns `save` when a person wants to stop here and keep the answers
 */
export async function fillNeeds(
  step: AnyStep,
  input: InterviewInput,
  given: Given,
  answers: Map<string, Answered>,
  mayAsk: boolean,
): Promise<Record<string, unknown> | 'save'> {
  for (const id of step.needs) {
    if (answers.has(id)) continue;
    const question = input.questions[id];
    if (!question) throw new Error(`step ${step.id} needs the unknown question ${id}`);
    const answer = resolve(id, input, given);
    const isForHere = mayAsk && question.ask === 'step' && !given.has(id) && !input.known.has(id);
    if (answer !== 'missing' && !(isForHere && input.frontend.interactive)) {
      answers.set(id, answer);
    } else {
      if (!input.frontend.interactive) throw new Cancelled(`no answer for ${id}`);
      const reply = await askOne(id, question, input, given, { index: 1, total: 1, canGoBack: false });
      if (reply === 'save') return 'save';
      if (reply === 'back') throw new Error('there is nothing to go back to');
      given.set(id, reply);
      answers.set(id, reply);
    }
  }
  return Object.fromEntries(step.needs.map((id) => [id, answers.get(id)?.value]));
}

/** @throws {UsageError} when the known answer is not usable */
function resolve(id: string, input: InterviewInput, given: Given): Answered | 'missing' {
  const question = input.questions[id];
  if (!question) throw new Error(`the unknown question ${id} is needed`);
  const raw = rawOf(input, given);
  const own = given.get(id);
  if (own && !isIrrelevant(question, input.questions, raw)) return own;
  const resolved = resolveOne(id, question, input.questions, input.known, raw);
  if (resolved !== 'missing' && 'problem' in resolved) throw new UsageError([resolved.problem]);
  return resolved;
}

/** Every answer that is settled now, for a person to look at; secrets show where they come from at most. */
export function knownNow(input: InterviewInput, given: Given): Map<string, Answered> {
  const answers = new Map<string, Answered>();
  for (const id of new Set(input.steps.flatMap((step) => step.needs))) {
    const answer = resolve(id, input, given);
    if (answer !== 'missing') answers.set(id, answer);
  }
  return answers;
}

/** Answers as the reports and the review show them, redacted. */
export const describeAnswers = (answers: ReadonlyMap<string, Answered>): AnswerReport[] =>
  [...answers].map(([question, { raw, source, value }]) => ({
    question,
    value: redact(
      raw === undefined
        ? value === undefined
          ? '(none)'
          : '[secret]'
        : typeof raw === 'string'
          ? raw
          : raw.join(', '),
    ),
    source,
  }));
