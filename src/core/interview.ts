import { isIrrelevant, type KnownAnswers, parseAnswer } from './answers.ts';
import { Cancelled, refusal } from './errors.ts';
import type { Asking, Frontend } from './frontend.ts';
import type { HostReader } from './host.ts';
import type { Answered, Question, QuestionTable, RawAnswer, Suggestion } from './question.ts';
import { Secret } from './secret.ts';
import type { AnyStep } from './step.ts';

export interface InterviewInput {
  readonly steps: readonly AnyStep[];
  readonly questions: QuestionTable;
  readonly known: KnownAnswers;
  readonly frontend: Frontend;
  /** For suggestions only. */
  readonly reader: HostReader;
}

/** Answers that a person gave in this run, by question; they go before everything known. */
export type Given = Map<string, Answered>;

/** The raw answer as far as it is known now: given by a person, else known beforehand. */
export const rawOf = (input: Pick<InterviewInput, 'known'>, given: Given) => (id: string) =>
  given.get(id)?.raw ?? input.known.get(id)?.raw;

/**
 * Asks everything that a person should answer before the first step, in the order of the table. Going back keeps
 * later answers; an answer that closes or opens a question changes what follows.
 * @throws {Cancelled} when the operator gives up
 */
export async function interview(input: InterviewInput, given: Given): Promise<'done' | 'save'> {
  const needed = new Set(input.steps.flatMap((step) => step.needs));
  const raw = rawOf(input, given);
  const answered: string[] = [...given.keys()];
  for (;;) {
    const open = Object.entries(input.questions).filter(
      ([id, q]) =>
        needed.has(id) &&
        !input.known.has(id) &&
        !isIrrelevant(q, input.questions, raw) &&
        (q.ask === 'start' || (q.default === undefined && !q.optional)),
    );
    const next = open.find(([id]) => !answered.includes(id));
    if (!next) return 'done';
    const before = answered.filter((id) => open.some(([o]) => o === id));
    const place = { index: before.length + 1, total: open.length, canGoBack: before.length > 0 };
    const reply = await askOne(next[0], next[1], input, given, place);
    if (reply === 'save') return 'save';
    if (reply === 'back') {
      const last = before.at(-1);
      if (last !== undefined) answered.splice(answered.indexOf(last), 1);
    } else {
      given.set(next[0], reply);
      answered.push(next[0]);
    }
  }
}

/**
 * Puts one question until its parser takes the answer.
 * @throws {Cancelled} when the operator gives up
 */
export async function askOne(
  id: string,
  question: Question<unknown>,
  input: InterviewInput,
  given: Given,
  place: Pick<Asking, 'index' | 'total' | 'canGoBack'>,
): Promise<Answered | 'back' | 'save'> {
  const earlier = given.get(id);
  const hasEntered = earlier !== undefined && earlier.raw === undefined && earlier.value !== undefined;
  const suggestions = await suggest(question, input, given);
  let initial = initialOf(id, question, input, given, suggestions);
  for (let problem: string | undefined; ; ) {
    const reply = await input.frontend.ask({
      id,
      question,
      ...place,
      suggestions,
      ...(initial ? { initial } : {}),
      ...(hasEntered ? { hasEntered } : {}),
      ...(problem === undefined ? {} : { problem }),
    });
    if (reply.is === 'cancel') throw new Cancelled(`no answer for ${id}`);
    if (reply.is === 'keep') {
      if (hasEntered) return earlier;
      continue;
    }
    if (reply.is === 'back' && !place.canGoBack) continue;
    if (reply.is === 'back' || reply.is === 'save') return reply.is;
    if (reply.raw === undefined && question.optional)
      return { value: undefined, raw: undefined, source: 'prompt' };
    const parsed = parse(question, reply.raw ?? '', id);
    if ('value' in parsed) return parsed;
    problem = parsed.problem;
    // What was typed stays to be corrected; a secret does not.
    if (reply.raw !== undefined && !(reply.raw instanceof Secret) && question.kind !== 'secret')
      initial = { raw: reply.raw, source: 'prompt' };
  }
}

/** A secret's raw text is not kept: it must not reach a report. */
function parse(
  question: Question<unknown>,
  raw: RawAnswer | Secret,
  id: string,
): Answered | { problem: string } {
  if (raw instanceof Secret) {
    if (!question.parseSecret) return { problem: 'a secret is not typed here; name where it is kept' };
    const broken = (question.rules ?? []).filter((rule) => !rule.met(raw.reveal()));
    if (broken.length > 0) return { problem: `not met: ${broken.map((rule) => rule.rule).join(', ')}` };
    return { value: question.parseSecret(raw), raw: undefined, source: 'prompt' };
  }
  const parsed = parseAnswer(question, raw, id);
  if ('value' in parsed) return { value: parsed.value, raw, source: 'prompt' };
  return { problem: refusal(parsed.problem.seen, parsed.problem) };
}

function initialOf(
  id: string,
  question: Question<unknown>,
  input: InterviewInput,
  given: Given,
  suggestions: readonly Suggestion[],
): Asking['initial'] {
  const earlier = given.get(id);
  if (earlier) return earlier.raw === undefined ? undefined : { raw: earlier.raw, source: 'prompt' };
  const known = input.known.get(id);
  if (known) return known;
  const first = suggestions[0];
  if (question.prefill && first) return { raw: first.value, source: 'this host' };
  return question.default === undefined ? undefined : { raw: question.default, source: 'default' };
}

/** A suggestion is a help, never a need: a look that fails gives none. */
async function suggest(
  question: Question<unknown>,
  input: InterviewInput,
  given: Given,
): Promise<readonly Suggestion[]> {
  if (!question.suggest) return [];
  return question.suggest(input.reader, rawOf(input, given)).catch(() => []);
}
