import { AnswerError, refusal } from '../../../core/errors.ts';
import type { Asking, Reply } from '../../../core/frontend.ts';
import type { RawAnswer } from '../../../core/question.ts';
import { Secret } from '../../../core/secret.ts';
import type { Binding, Key } from '../keys.ts';
import { cleanPaste, type Edit, edit, type TextInput, textInput, textOf } from './text-input.ts';

/** How a secret is being given. */
export type SecretStage = 'how' | 'type' | 'again' | 'reference';

/** The state of one question on the screen. */
export interface QuestionPanel {
  readonly asking: Asking;
  readonly input: TextInput;
  /** Highlighted choice or suggestion; -1: none. */
  readonly selected: number;
  /** Something was typed: validation speaks up while typing only then. */
  readonly touched: boolean;
  readonly showWhy: boolean;
  /** What is wrong with what was entered, or what happened to a paste. */
  readonly notice?: { readonly text: string; readonly is: 'refused' | 'note' };
  readonly stage?: SecretStage;
  /** The first of the two entries. */
  readonly first?: Secret;
  readonly revealed?: boolean;
  /** It was visible once, so the operator knows what it is: it need not be typed twice. */
  readonly wasSeen?: boolean;
}

type Verb = 'accept' | 'previous' | 'next' | 'take' | 'why' | 'back' | 'save' | 'reveal' | 'leave-stage';

/** The question as it opens. */
export function openQuestion(asking: Asking): QuestionPanel {
  const { question, initial, problem } = asking;
  const raw = initial?.raw;
  const isSecret = question.kind === 'secret';
  const choices = choicesOf(asking);
  // An earlier `file:/path` is the choice `file`.
  const way = asking.hasEntered
    ? 'keep'
    : typeof raw === 'string' && isSecret
      ? raw.replace(/^file:.*/, 'file')
      : raw;
  const chosen = choices?.findIndex((c) => c.value === way) ?? -1;
  return {
    asking,
    input: textInput(isSecret || choices || raw === undefined ? '' : rawText(raw)),
    selected: choices ? Math.max(0, chosen) : -1,
    touched: problem !== undefined,
    showWhy: false,
    ...(problem === undefined ? {} : { notice: { text: problem, is: 'refused' as const } }),
    ...(isSecret ? { stage: 'how' as const } : {}),
  };
}

export const rawText = (raw: RawAnswer): string => (typeof raw === 'string' ? raw : raw.join(', '));

/** What can be chosen with the arrow keys instead of typing; undefined for a text. */
export function choicesOf(
  asking: Asking,
  stage?: SecretStage,
): readonly { readonly value: string; readonly help: string }[] | undefined {
  const { question } = asking;
  if (question.kind === 'secret') {
    if (stage !== undefined && stage !== 'how') return undefined;
    const own = question.parseSecret
      ? [{ value: 'type', help: 'enter one here; it is written to a file that only you can read' }]
      : [];
    const generated =
      question.default === 'generate'
        ? [{ value: 'generate', help: 'a long random one, kept in a file; you can look at it at the end' }]
        : [];
    const kept = asking.hasEntered ? [{ value: 'keep', help: 'the one you entered before' }] : [];
    return [...generated, ...own, { value: 'file', help: 'name a file that holds it' }, ...kept];
  }
  if (question.kind !== 'choice') return undefined;
  return (question.choices ?? []).map((value, i) => ({ value, help: question.choiceHelp?.[i] ?? '' }));
}

/** Suggestions that are news: the only one that stands in the input already is none. */
export function suggestionsOf({ asking, input }: QuestionPanel): Asking['suggestions'] {
  const all = asking.suggestions;
  return all.length === 1 && rawText(all[0]?.value ?? '') === textOf(input) ? [] : all;
}

/** The keys that do something now; everything else is text. */
export function questionBindings(panel: QuestionPanel): Binding<Verb>[] {
  const { asking, stage } = panel;
  const isChoice = choicesOf(asking, stage) !== undefined;
  const typesSecret = stage === 'type' || stage === 'again';
  const list: Binding<Verb>[] = [{ keys: ['enter'], verb: 'accept', hint: 'accept', important: true }];
  if (isChoice)
    list.push({ keys: ['up'], verb: 'previous', hint: 'choose' }, { keys: ['down'], verb: 'next' });
  else if (suggestionsOf(panel).length > 0)
    list.push(
      { keys: ['up'], verb: 'previous', hint: 'suggestions' },
      { keys: ['down'], verb: 'next' },
      { keys: ['tab'], verb: 'take', hint: 'take it' },
    );
  if (typesSecret) list.push({ keys: ['tab'], verb: 'reveal', hint: panel.revealed ? 'hide' : 'show' });
  // A question mark is a character of a password.
  list.push(
    typesSecret
      ? { keys: ['f1'], verb: 'why' }
      : { keys: ['?', 'f1'], verb: 'why', hint: 'why', important: true },
  );
  if (stage !== undefined && stage !== 'how')
    list.push({ keys: ['escape'], verb: 'leave-stage', hint: 'back', important: true });
  else if (asking.canGoBack) list.push({ keys: ['escape'], verb: 'back', hint: 'back', important: true });
  list.push({ keys: ['ctrl+s'], verb: 'save', hint: 'save and quit' });
  return list;
}

const EDITS: Readonly<Record<string, Edit['do'] & string>> = {
  left: 'left',
  right: 'right',
  home: 'home',
  end: 'end',
  'ctrl+a': 'home',
  'ctrl+e': 'end',
  'ctrl+b': 'left',
  'ctrl+f': 'right',
  backspace: 'backspace',
  'ctrl+h': 'backspace',
  delete: 'delete',
  'ctrl+d': 'delete',
  'ctrl+u': 'delete-to-start',
  'ctrl+k': 'delete-to-end',
  'ctrl+w': 'delete-word',
};

/** The edit that a key makes in a text, if any. */
export function editOf(key: Key): Edit | undefined {
  const action = EDITS[key.name];
  if (action !== undefined) return { do: action } as Edit;
  return key.text !== '' && key.name !== 'paste' ? { do: 'insert', text: key.text } : undefined;
}

/** What a key does to the question: a new state, and the reply when it is answered. */
export function onQuestionKey(panel: QuestionPanel, key: Key): { panel: QuestionPanel; reply?: Reply } {
  const verb = questionBindings(panel).find((binding) => binding.keys.includes(key.name))?.verb;
  if (verb !== undefined) return act(panel, verb);
  const choices = choicesOf(panel.asking, panel.stage);
  if (choices) {
    const at = Number(key.name) - 1;
    return choices[at] ? { panel: { ...panel, selected: at } } : { panel };
  }
  if (key.name === 'paste') return { panel: paste(panel, key.text) };
  const action = editOf(key);
  if (!action) return { panel };
  return { panel: changed(panel, edit(panel.input, action)) };
}

/** The panel with another text: what was said about the old one is gone, and what is typed unseen was not seen. */
function changed(panel: QuestionPanel, input: TextInput): QuestionPanel {
  const { notice: _, wasSeen, ...rest } = panel;
  const isSeen = wasSeen && panel.revealed ? { wasSeen } : {};
  return { ...rest, ...isSeen, input, selected: -1, touched: true };
}

function paste(panel: QuestionPanel, pasted: string): QuestionPanel {
  const isList = panel.asking.question.kind === 'list';
  const isSecret = panel.stage === 'type' || panel.stage === 'again';
  const clean = cleanPaste(pasted, isList ? ', ' : isSecret ? '' : ' ');
  return {
    ...changed(panel, edit(panel.input, { do: 'insert', text: clean.text })),
    ...(clean.lines > 1
      ? { notice: { text: `${clean.lines} lines were pasted; they are one line now`, is: 'note' as const } }
      : {}),
  };
}

function act(panel: QuestionPanel, verb: Verb): { panel: QuestionPanel; reply?: Reply } {
  const { asking } = panel;
  switch (verb) {
    case 'why':
      return { panel: { ...panel, showWhy: !panel.showWhy } };
    case 'back':
      return { panel, reply: { is: 'back' } };
    case 'save':
      return { panel, reply: { is: 'save' } };
    case 'reveal':
      return { panel: { ...panel, revealed: !panel.revealed, wasSeen: true } };
    case 'leave-stage': {
      const way = panel.stage === 'reference' ? 'file' : 'type';
      const selected = choicesOf(asking)?.findIndex((c) => c.value === way) ?? 0;
      return { panel: { ...openQuestion(asking), selected } };
    }
    case 'previous':
    case 'next':
      return { panel: move(panel, verb === 'next' ? 1 : -1) };
    case 'take': {
      const suggestion = asking.suggestions[Math.max(0, panel.selected)];
      return { panel: suggestion ? take(panel, rawText(suggestion.value)) : panel };
    }
    case 'accept':
      return accept(panel);
  }
}

function move(panel: QuestionPanel, by: number): QuestionPanel {
  const choices = choicesOf(panel.asking, panel.stage);
  const length = choices ? choices.length : panel.asking.suggestions.length;
  const from = panel.selected === -1 && by < 0 ? length : panel.selected;
  return { ...panel, selected: (from + by + length) % length };
}

/** A suggestion fills a text in; in a list it is added. */
function take(panel: QuestionPanel, value: string): QuestionPanel {
  const now = textOf(panel.input).trim();
  const items = now.split(',').map((item) => item.trim());
  const isList = panel.asking.question.kind === 'list';
  const text = isList && now !== '' ? (items.includes(value) ? now : `${now}, ${value}`) : value;
  const { notice: _, ...rest } = panel;
  return { ...rest, input: textInput(text), touched: true };
}

function accept(panel: QuestionPanel): { panel: QuestionPanel; reply?: Reply } {
  const { asking, stage, selected } = panel;
  const choices = choicesOf(asking, stage);
  const refused = (text: string) => ({ panel: { ...panel, notice: { text, is: 'refused' as const } } });
  if (choices) {
    const value = choices[selected]?.value ?? '';
    if (value === 'keep' && stage !== undefined) return { panel, reply: { is: 'keep' } };
    if (stage === undefined || value === 'generate') return { panel, reply: { is: 'answer', raw: value } };
    const next: SecretStage = value === 'type' ? 'type' : 'reference';
    const { notice: _, ...rest } = panel;
    const raw = asking.initial?.raw;
    const path = value === 'file' && typeof raw === 'string' && raw.startsWith('file:') ? raw.slice(5) : '';
    return { panel: { ...rest, stage: next, input: textInput(path), selected: -1, touched: false } };
  }
  if (stage === 'type' || stage === 'again') return acceptSecret(panel);
  const text = textOf(panel.input).trim();
  if (text === '' && selected >= 0)
    return { panel: take(panel, rawText(asking.suggestions[selected]?.value ?? '')) };
  if (text === '' && asking.question.optional) return { panel, reply: { is: 'answer' } };
  const problem = problemOf(panel);
  if (problem !== undefined) return refused(problem);
  if (stage === 'reference') return { panel, reply: { is: 'answer', raw: `file:${text}` } };
  return { panel, reply: { is: 'answer', raw: asking.question.kind === 'list' ? items(text) : text } };
}

function acceptSecret(panel: QuestionPanel): { panel: QuestionPanel; reply?: Reply } {
  const text = textOf(panel.input);
  const broken = (panel.asking.question.rules ?? []).filter((rule) => !rule.met(text));
  const { notice: _, ...rest } = panel;
  if (panel.stage === 'type') {
    if (broken.length > 0)
      return {
        panel: {
          ...panel,
          touched: true,
          notice: { text: `not met yet: ${broken.map((rule) => rule.rule).join(', ')}`, is: 'refused' },
        },
      };
    const secret = new Secret(text);
    if (panel.wasSeen) return { panel, reply: { is: 'answer', raw: secret } };
    return { panel: { ...rest, stage: 'again', first: secret, input: textInput(), revealed: false } };
  }
  if (panel.first?.reveal() === text) return { panel, reply: { is: 'answer', raw: panel.first } };
  const { first: __, ...anew } = rest;
  return {
    panel: {
      ...anew,
      stage: 'type',
      input: textInput(),
      revealed: false,
      notice: { text: 'the two entries differ; enter it again', is: 'refused' },
    },
  };
}

const items = (text: string): string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** Why what stands in the input is not usable yet; undefined when it is. */
export function problemOf(panel: QuestionPanel): string | undefined {
  const { asking, stage } = panel;
  const text = textOf(panel.input).trim();
  if (choicesOf(asking, stage) || stage === 'type' || stage === 'again') return undefined;
  // Nothing is a list, too; whether it will do is the question's own business.
  if (text === '' && asking.question.kind !== 'list')
    return asking.question.optional ? undefined : 'an answer is needed here';
  try {
    if (stage === 'reference') asking.question.parse(`file:${text}`);
    else asking.question.parse(asking.question.kind === 'list' ? items(text) : text);
    return undefined;
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error;
    return refusal(error.message, error);
  }
}
