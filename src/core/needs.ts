import { type KnownAnswers, parseAnswer, resolveOne } from './answers.ts';
import { Cancelled, UsageError } from './errors.ts';
import type { Frontend } from './frontend.ts';
import type { Answered, Question, QuestionTable } from './question.ts';
import type { AnyStep } from './step.ts';

export interface NeedsInput {
  readonly questions: QuestionTable;
  readonly known: KnownAnswers;
  readonly frontend: Frontend;
}

/** Fills the answers that a step declared: what is known first, then the front end. */
export async function fillNeeds(
  step: AnyStep,
  input: NeedsInput,
  answers: Map<string, Answered>,
): Promise<Record<string, unknown>> {
  const raw = (id: string) => answers.get(id)?.raw ?? input.known.get(id)?.raw;
  for (const id of step.needs) {
    if (answers.has(id)) continue;
    const question = input.questions[id];
    if (!question) throw new Error(`step ${step.id} needs the unknown question ${id}`);
    const resolved = resolveOne(id, question, input.questions, input.known, raw);
    if (resolved !== 'missing' && 'problem' in resolved) throw new UsageError([resolved.problem]);
    answers.set(id, resolved === 'missing' ? await askUntilUsable(id, question, input.frontend) : resolved);
  }
  return Object.fromEntries(step.needs.map((id) => [id, answers.get(id)?.value]));
}

/** Asks until the parser takes the answer. A secret's raw text is not kept: it must not reach a report. */
async function askUntilUsable(
  id: string,
  question: Question<unknown>,
  frontend: Frontend,
): Promise<Answered> {
  for (let problem: string | undefined; ; ) {
    const text = await frontend.ask(id, question, problem);
    if (text === undefined) throw new Cancelled(`no answer for ${id}`);
    const parsed = parseAnswer(question, text, id);
    if ('value' in parsed) {
      return { value: parsed.value, raw: question.kind === 'secret' ? undefined : text, source: 'prompt' };
    }
    problem = `${parsed.problem.seen}; expected ${parsed.problem.expected}. ${parsed.problem.fix}`;
  }
}
