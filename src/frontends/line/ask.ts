import type { Asking, Reply } from '../../core/frontend.ts';
import type { AnswerSource, Question, RawAnswer } from '../../core/question.ts';
import type { PersonOptions } from '../person.ts';
import { numberOf } from './menu.ts';
import { askSecret } from './secrets.ts';
import { plural, sentence } from './speech.ts';
import type { Terminal } from './terminal.ts';

/** Where a filled-in answer came from, said in brackets. */
const SOURCES: Readonly<Record<AnswerSource, string>> = {
  flag: 'given on the command line',
  environment: 'from the environment',
  'answers file': 'from the answers file',
  'saved answers': 'saved by the last run',
  'this host': 'this host',
  prompt: 'your earlier answer',
  default: 'the default',
};

export const textOf = (raw: RawAnswer): string =>
  typeof raw === 'string' ? raw : raw.length === 0 ? 'none' : raw.join(', ');

type Sections = PersonOptions['product']['sections'];

/** What every prompt of one question needs. */
export interface Talk {
  readonly terminal: Terminal;
  readonly asking: Asking;
  readonly sections: Sections;
}

/** Puts questions; remembers what Enter stood for, because a refused answer must not become the new default. */
export function createAsk(terminal: Terminal, sections: Sections): (asking: Asking) => Promise<Reply> {
  let last: Asking | undefined;
  return (next) => {
    const { initial, ...rest } = next;
    const kept = next.problem !== undefined && last?.id === next.id ? last.initial : initial;
    const asking: Asking = kept ? { ...rest, initial: kept } : rest;
    last = asking;
    const talk: Talk = { terminal, asking, sections };
    return terminal.converse<Reply>(
      () => {
        introduce(talk);
        return asking.question.kind === 'secret' ? askSecret(talk) : askText(talk);
      },
      { is: 'cancel' },
    );
  };
}

/** The problem of the last try, the title and, the first time, why it is asked. */
function introduce({ terminal, asking }: Talk): void {
  const { question, index, total, problem } = asking;
  terminal.gap();
  if (problem !== undefined) terminal.say(sentence(`This answer cannot be used: ${problem}`));
  terminal.say(`Question ${index} of ${total}. ${question.title}`);
  if (problem === undefined) terminal.say(question.help);
}

/** One line that may be a command: `?` is answered here, the others become the reply. */
export async function readOrCommand(
  talk: Talk,
  message: string,
): Promise<string | Exclude<Reply, { is: 'answer' }>> {
  const { terminal, asking, sections } = talk;
  for (;;) {
    const text = await terminal.read(message);
    switch (text.toLowerCase()) {
      case '?':
        terminal.say(sentence(`Why this is asked: ${asking.question.threat ?? asking.question.help}`));
        terminal.say(
          sentence(`Section of the guide: ${sections[asking.question.section] ?? asking.question.section}`),
        );
        terminal.say(commands(asking));
        break;
      case 'back':
        if (asking.canGoBack) return { is: 'back' };
        terminal.say('This is the first question; there is nothing to go back to.');
        break;
      case 'save':
        return { is: 'save' };
      case 'quit':
        return { is: 'cancel' };
      default:
        return text;
    }
  }
}

const commands = (asking: Asking): string =>
  `Commands: ${asking.canGoBack ? 'back for the question before, ' : ''}save to stop here and keep the answers, quit to stop without keeping them.`;

async function askText(talk: Talk): Promise<Reply> {
  const { terminal, asking } = talk;
  const { question, initial } = asking;
  const options = optionsOf(asking);
  for (const [at, { text }] of options.entries())
    terminal.say(sentence(`${isNumeric(question) ? '' : `${at + 1}. `}${text}`), 2);
  if (question.kind === 'list') terminal.say('Separate several with commas.');
  if (options.length > 0 && !isNumeric(question))
    terminal.say(
      question.kind === 'choice'
        ? 'Type a number.'
        : 'Type a number from the list, or an answer of your own.',
    );
  if (initial) terminal.say(sentence(`Press Enter for ${textOf(initial.raw)} (${SOURCES[initial.source]})`));
  else if (question.optional) terminal.say('Press Enter to leave it open.');
  if (initial && question.optional) terminal.say('Type none to leave it open.');

  for (;;) {
    const typed = await readOrCommand(talk, 'Your answer:');
    if (typeof typed !== 'string') return typed;
    if (typed === '') {
      if (initial) return taken(talk, initial.raw);
      if (question.optional) return { is: 'answer' };
      terminal.say('An answer is needed here.');
    } else if (question.optional && typed.toLowerCase() === 'none') {
      return { is: 'answer' };
    } else {
      const raw = read(question, typed, options);
      if (raw !== undefined) return textOf(raw) === typed ? { is: 'answer', raw } : taken(talk, raw);
      terminal.say(`There is no such number; the list has ${plural(options.length, 'entry', 'entries')}.`);
    }
  }
}

/** Says what a number or Enter stood for. */
function taken({ terminal }: Talk, raw: RawAnswer): Reply {
  terminal.say(sentence(`Taken: ${textOf(raw)}`));
  return { is: 'answer', raw };
}

interface Option {
  readonly raw: RawAnswer;
  readonly text: string;
}

/** Choices with what each means and why this host suggests one; suggestions otherwise. */
function optionsOf({ question, suggestions }: Asking): Option[] {
  if (!question.choices) {
    return suggestions.map(({ value, because }) => ({
      raw: value,
      text: `${textOf(value)}, because ${because}`,
    }));
  }
  return question.choices.map((choice, at) => {
    const help = question.choiceHelp?.[at];
    const because = suggestions.find(({ value }) => value === choice)?.because;
    return {
      raw: choice,
      text: `${choice}${help ? `: ${help}` : ''}${because ? `. Suggested, because ${because}` : ''}`,
    };
  });
}

/** A number is the answer itself where numbers are asked for. */
const isNumeric = (question: Question<unknown>): boolean =>
  question.pattern !== undefined && new RegExp(question.pattern).test('1');

/** What was typed as an answer; undefined for a number that names nothing. */
function read(question: Question<unknown>, typed: string, options: readonly Option[]): RawAnswer | undefined {
  const pick = (text: string): RawAnswer | undefined => {
    if (options.length === 0 || isNumeric(question) || !/^\d{1,3}\.?$/.test(text)) return text;
    return options[numberOf(text, options.length) - 1]?.raw;
  };
  if (question.kind !== 'list') return pick(typed);
  const items: string[] = [];
  for (const part of typed.split(',').map((p) => p.trim())) {
    if (part === '') continue;
    const picked = pick(part);
    if (picked === undefined) return undefined;
    items.push(...(typeof picked === 'string' ? [picked] : picked));
  }
  return items;
}
