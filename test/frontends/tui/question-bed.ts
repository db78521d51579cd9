/** Real questions, opened and typed at as a person would. */
import type { Asking, Reply } from '../../../src/core/frontend.ts';
import type { Question } from '../../../src/core/question.ts';
import type { Key } from '../../../src/frontends/tui/keys.ts';
import {
  onQuestionKey,
  openQuestion,
  type QuestionPanel,
} from '../../../src/frontends/tui/model/question.ts';
import { type QuestionId, questions } from '../../../steps/questions.ts';

export const question = (id: QuestionId): Question<unknown> => questions[id];

/** What the engine would ask: the default is filled in. */
export function asking(id: QuestionId, more: Partial<Asking> = {}): Asking {
  const { default: given } = question(id);
  return {
    id,
    question: question(id),
    index: 2,
    total: 5,
    ...(given === undefined ? {} : { initial: { raw: given, source: 'default' as const } }),
    suggestions: [],
    canGoBack: true,
    ...more,
  };
}

/** A named key, or a text that is typed character by character. */
export const key = (name: string): Key =>
  [...name].length === 1 ? { name, text: name } : { name, text: '' };
export const paste = (text: string): Key => ({ name: 'paste', text });
export const typing = (text: string): Key[] => [...text].map((c) => ({ name: c, text: c }));

/** Presses keys one after the other; ends at a reply. */
export function press(
  panel: QuestionPanel,
  ...keys: (string | Key | readonly Key[])[]
): { panel: QuestionPanel; reply?: Reply } {
  let now: { panel: QuestionPanel; reply?: Reply } = { panel };
  for (const one of keys.flatMap((k) => (typeof k === 'string' ? [key(k)] : k))) {
    if (now.reply) throw new Error(`${one.name} is pressed after the reply`);
    now = onQuestionKey(now.panel, one);
  }
  return now;
}

export const opened = (id: QuestionId, more?: Partial<Asking>): QuestionPanel =>
  openQuestion(asking(id, more));

/** Types a text over whatever is filled in, and presses Enter. */
export const answer = (id: QuestionId, text: string, more?: Partial<Asking>) =>
  press(opened(id, more), 'ctrl+e', 'ctrl+u', typing(text), 'enter');
