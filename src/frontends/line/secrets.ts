import { AnswerError } from '../../core/errors.ts';
import type { Reply } from '../../core/frontend.ts';
import type { Question } from '../../core/question.ts';
import { Secret } from '../../core/secret.ts';
import { readOrCommand, type Talk } from './ask.ts';
import { numberOf } from './menu.ts';
import { sentence } from './speech.ts';

type Way = 'generate' | 'type' | 'reference';
const WAYS: Readonly<Record<Way, string>> = {
  generate: 'Generate one and keep it in a file that only its owner reads.',
  type: 'Type my own; nothing is shown while I type.',
  reference: 'Name a file or an environment variable that holds it.',
};

/** Asks where a secret comes from; the secret itself is typed without echo, twice. */
export async function askSecret(talk: Talk): Promise<Reply> {
  const { terminal, asking } = talk;
  const { question, initial } = asking;
  const ways = waysOf(question);
  for (;;) {
    let way = ways[0];
    if (ways.length > 1) {
      for (const [at, each] of ways.entries()) terminal.say(`${at + 1}. ${WAYS[each]}`, 2);
      if (asking.hasEntered) terminal.say('Press Enter to keep the one you entered before.');
      else if (initial) terminal.say(sentence(`Press Enter for ${said(initial.raw)}`));
      const typed = await readOrCommand(talk, 'Your choice:');
      if (typeof typed !== 'string') return typed;
      if (typed === '' && asking.hasEntered) return { is: 'keep' };
      if (typed === '' && initial) {
        terminal.say(sentence(`Taken: ${said(initial.raw)}`));
        return { is: 'answer', raw: initial.raw };
      }
      way = ways[numberOf(typed, ways.length) - 1];
      if (!way) {
        // Not repeated: it may be the secret itself.
        new Secret(typed);
        terminal.say(`Type a number from 1 to ${ways.length}.`);
        continue;
      }
    }
    if (way === 'generate') return { is: 'answer', raw: 'generate' };
    const reply = way === 'type' ? await typeTwice(talk) : await nameIt(talk, ways.length > 1);
    if (reply) return reply;
  }
}

const said = (raw: unknown): string => (raw === 'generate' ? 'a generated one' : String(raw));

function waysOf(question: Question<unknown>): Way[] {
  const ways: Way[] = takes(question, 'generate') ? ['generate'] : [];
  if (question.parseSecret) ways.push('type');
  return [...ways, 'reference'];
}

function takes(question: Question<unknown>, raw: string): boolean {
  try {
    question.parse(raw);
    return true;
  } catch (error) {
    if (error instanceof AnswerError) return false;
    throw error;
  }
}

/** @returns undefined when the operator wants another way */
async function nameIt(talk: Talk, isOneOfSeveral: boolean): Promise<Reply | undefined> {
  const { terminal, asking } = talk;
  terminal.say(
    'Name it as file:/absolute/path or env:NAME. It is read from there; do not type the secret here.',
  );
  if (asking.initial && !isOneOfSeveral)
    terminal.say(sentence(`Press Enter for ${said(asking.initial.raw)}`));
  if (isOneOfSeveral) terminal.say('Press Enter alone for another way.');
  for (;;) {
    const typed = await readOrCommand(talk, 'Kept in:');
    if (typeof typed !== 'string') return typed;
    if (typed !== '') return { is: 'answer', raw: typed };
    if (isOneOfSeveral) return undefined;
    if (asking.initial) return { is: 'answer', raw: asking.initial.raw };
    terminal.say('An answer is needed here.');
  }
}

/** @returns undefined when the operator wants another way */
async function typeTwice(talk: Talk): Promise<Reply | undefined> {
  const { terminal, asking } = talk;
  const rules = asking.question.rules ?? [];
  if (rules.length > 0) terminal.say(sentence(`It needs ${rules.map(({ rule }) => rule).join(', ')}`));
  terminal.say('Nothing is shown while you type. Press Enter alone for another way.');
  for (;;) {
    const first = await terminal.readHidden('Type it, without echo:');
    if (first === '') return undefined;
    const secret = new Secret(first);
    const broken = rules.filter((rule) => !rule.met(first));
    if (broken.length > 0) {
      for (const { rule } of broken) terminal.say(sentence(`Not met: ${rule}`));
      continue;
    }
    if ((await terminal.readHidden('Type it again, without echo:')) === first)
      return { is: 'answer', raw: secret };
    terminal.say('The two entries differ. Type both again.');
  }
}
