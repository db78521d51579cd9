import { AnswerError, type Problem } from './errors.ts';
import type { Answered, AnswerSource, Question, QuestionTable, RawAnswer } from './question.ts';

/** A raw answer with its source and, from a file, its place (`answers.yaml:12:3`). */
export interface KnownAnswer {
  readonly raw: RawAnswer;
  readonly source: AnswerSource;
  readonly where: string;
}

/** The answers known before anybody is asked, already merged by precedence. */
export type KnownAnswers = ReadonlyMap<string, KnownAnswer>;

/** True when the question does not apply, given the raw answers so far (unknown ones count by their default). */
export function isIrrelevant(
  question: Question<unknown>,
  table: QuestionTable,
  raw: (id: string) => RawAnswer | undefined,
): boolean {
  if (!question.when) return false;
  const on = table[question.when.question];
  if (on === undefined)
    throw new Error(`question condition names the unknown question ${question.when.question}`);
  if (isIrrelevant(on, table, raw)) return true;
  const value = raw(question.when.question) ?? on.default;
  return typeof value !== 'string' || !question.when.is.includes(value);
}

/** Parses one raw answer; an `AnswerError` becomes a problem that says where it stands. Anything else throws. */
export function parseAnswer(
  question: Question<unknown>,
  raw: RawAnswer,
  where: string,
): { value: unknown } | { problem: Problem } {
  try {
    return { value: question.parse(raw) };
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    return { problem: { where, seen: error.message, expected: error.expected, fix: error.fix } };
  }
}

/**
 * Resolves every question that the steps can reach without a person. Lists all problems and everything that
 * is missing at once, so that a scripted run never discovers a question in the middle.
 */
export function resolveAll(
  table: QuestionTable,
  ids: readonly string[],
  known: KnownAnswers,
): { answers: Map<string, Answered>; missing: string[]; problems: Problem[] } {
  const answers = new Map<string, Answered>();
  const missing: string[] = [];
  const problems: Problem[] = [];
  const raw = (id: string) => known.get(id)?.raw;
  for (const id of ids) {
    const question = table[id];
    if (!question) throw new Error(`a step needs the unknown question ${id}`);
    const resolved = resolveOne(id, question, table, known, raw);
    if (resolved === 'missing') missing.push(id);
    else if ('problem' in resolved) problems.push(resolved.problem);
    else answers.set(id, resolved);
  }
  return { answers, missing, problems };
}

/** Resolves one question from what is known, else its default; `missing` when a person must be asked. */
export function resolveOne(
  id: string,
  question: Question<unknown>,
  table: QuestionTable,
  known: KnownAnswers,
  raw: (id: string) => RawAnswer | undefined,
): Answered | { problem: Problem } | 'missing' {
  const given = known.get(id);
  if (isIrrelevant(question, table, raw)) return { value: undefined, raw: undefined, source: 'default' };
  const text = given?.raw ?? question.default;
  const source = given?.source ?? 'default';
  if (text === undefined)
    return question.optional ? { value: undefined, raw: undefined, source: 'default' } : 'missing';
  const parsed = parseAnswer(question, text, given?.where ?? `the default of ${id}`);
  return 'problem' in parsed ? parsed : { value: parsed.value, raw: text, source };
}
