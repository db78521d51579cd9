import { parseArgs } from 'node:util';
import { flagOptions } from './answers/layers.ts';
import { closest } from './answers/names.ts';
import {
  COMMANDS,
  type Command,
  FLAGS,
  type FlagName,
  goesWith,
  insteadOf,
  MODES,
  type ModeName,
  modeOf,
  OPERANDS,
  valueAfter,
} from './commands.ts';
import type { Problem } from './core/errors.ts';
import type { QuestionTable } from './core/question.ts';
import { Secret } from './core/secret.ts';

/** A parsed command line. */
export interface Arguments {
  readonly command: Command;
  /** What the command does with these flags. */
  readonly mode: ModeName;
  /** The words after the command. */
  readonly operands: readonly string[];
  /** True when the flag was given. */
  on(flag: FlagName): boolean;
  /** The flag's value; undefined when it was not given. */
  text(flag: FlagName): string | undefined;
  /** Every value of a flag that may come more than once, commas split. */
  list(flag: FlagName): readonly string[];
  /** Every value of a flag that may come more than once, as given. */
  values(flag: FlagName): readonly string[];
  /** Every option as parsed, for the questions' flags. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** What is wrong with the words and flags themselves, in their order; values are judged by what reads them. */
  readonly problems: readonly Problem[];
  /** The place on the line of what a problem names (`--format pdf`, `schema x`); infinite where the line does not hold it. */
  place(where: string): number;
}

type Option = { type: 'string' | 'boolean'; multiple?: boolean; short?: string };
type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** Problems in the order of the command line; those of files and of the environment follow in the order they had. */
export const inOrder = ({ place }: Arguments, problems: readonly Problem[]): readonly Problem[] =>
  problems
    .map((problem) => ({ problem, at: place(problem.where) }))
    // Two that the line does not hold compare as NaN, which sort takes for equal.
    .sort((a, b) => a.at - b.at)
    .map(({ problem }) => problem);

/**
 * Reads the command line. Everything wrong with it is collected, nothing is thrown.
 * @param outside the questions of a probe: those of them that are answers too are its only answer flags
 */
export function readArguments(
  argv: readonly string[],
  table: QuestionTable,
  outside: QuestionTable = {},
): Arguments {
  const answers = flagOptions(table);
  const options = { ...answers } as Record<string, Option>;
  for (const [name, { type, ...rest }] of Object.entries(FLAGS)) {
    const { multiple, short } = rest as Omit<Option, 'type'>;
    options[name] = { type, ...(multiple ? { multiple } : {}), ...(short ? { short } : {}) };
  }
  const { values, tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const problems: Problem[] = [];
  const words: string[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'positional') {
      const before = tokens[at - 1];
      // What follows an unknown flag is its value, not a command; it may be a secret and is never repeated.
      if (before?.kind === 'option' && !options[before.name]) new Secret(token.value);
      else words.push(token.value);
    }
    if (token.kind !== 'option') continue;
    const problem = optionProblem(token, options, table, tokens);
    if (problem && !problems.some((p) => p.where === problem.where)) problems.push(problem);
  }
  const { command, operands } = readWords(words, problems);
  const given = new Set(tokens.flatMap((t) => (t.kind === 'option' ? [t.name] : [])));
  const mode = modeOf(command, given);
  problems.push(...misplaced(given, mode, answers, flagOptions(outside)));
  const value = (name: FlagName): readonly string[] =>
    ((Array.isArray(values[name]) ? values[name] : [values[name]]) as unknown[]).filter(
      (v): v is string => typeof v === 'string' && v !== '',
    );
  const read: Arguments = {
    command,
    mode,
    operands,
    on: (flag) => values[flag] === true,
    text: (flag) => value(flag)[0],
    values: value,
    list: (flag) =>
      value(flag)
        .flatMap((v) => v.split(','))
        .map((v) => v.trim())
        .filter(Boolean),
    raw: values,
    problems: [],
    place: (where) => placeOf(where, tokens),
  };
  return { ...read, problems: inOrder(read, problems) };
}

/** Where a flag with this value stands, else the flag, else the last word that is named. */
function placeOf(where: string, tokens: readonly Token[]): number {
  const [named = '', ...rest] = where.split(' and ')[0]?.split(' ') ?? [];
  const options = tokens.filter(
    (token) => token.kind === 'option' && (token.rawName === named || `--${token.name}` === named),
  );
  const withValue = options.find((token) => 'value' in token && token.value === rest.join(' '));
  const words = tokens.filter(
    (token) => token.kind === 'positional' && (token.value === where || token.value === rest.join(' ')),
  );
  return (withValue ?? options[0] ?? words[0])?.index ?? Number.POSITIVE_INFINITY;
}

function optionProblem(
  token: Token & { kind: 'option' },
  options: Readonly<Record<string, Option>>,
  table: QuestionTable,
  tokens: readonly Token[],
): Problem | undefined {
  const option = options[token.name];
  const where = token.rawName;
  if (!option) {
    const plain = token.name.replaceAll('-', '').toLowerCase();
    const secret = Object.entries(table).find(([id, q]) => q.kind === 'secret' && id.toLowerCase() === plain);
    if (secret) {
      return {
        where,
        seen: 'a secret as a flag',
        expected: 'no secret on the command line, where ps shows it',
        fix: `use the answers file (${secret[0]}: file:/path) or the environment variable that ends in _FILE`,
      };
    }
    const near = closest(token.name, Object.keys(options));
    return {
      where,
      seen: 'an unknown flag',
      expected: 'a flag of --help',
      // Of one letter everything short is close.
      fix: near && token.name.length > 1 ? `did you mean --${near}` : 'see --help',
    };
  }
  if (option.type === 'boolean' && token.value !== undefined)
    return { where, seen: 'a value', expected: 'the flag alone', fix: `write ${where}` };
  if (option.type === 'string' && (token.value === undefined || token.value === ''))
    return {
      where,
      seen: 'no value',
      expected: 'a value',
      fix: `write ${where} ${token.name in FLAGS ? valueAfter(token.name as FlagName) : 'VALUE'}`,
    };
  // The parser takes what follows for the value, another flag too: that flag would be lost, and `--dir --yes` a directory.
  if (option.type === 'string' && !token.inlineValue && /^-./.test(token.value ?? ''))
    return {
      where,
      seen: 'a value that begins with a dash, as flags do',
      expected: 'a value',
      fix: `write ${where} ${token.name in FLAGS ? valueAfter(token.name as FlagName) : 'VALUE'}, or ${where}=VALUE when it does begin with one`,
    };
  const times = tokens.filter((t) => t.kind === 'option' && t.name === token.name).length;
  if (option.type === 'string' && !option.multiple && times > 1)
    return { where, seen: 'the flag more than once', expected: 'it once', fix: 'leave one' };
  return undefined;
}

function readWords(
  words: readonly string[],
  problems: Problem[],
): { command: Command; operands: readonly string[] } {
  const [word, ...rest] = words;
  const known = (COMMANDS as readonly string[]).includes(word ?? '');
  const near = word === undefined || known ? undefined : closest(word, COMMANDS);
  // What follows a misspelt command is judged as what was meant: it is refused anyway.
  const command = known ? (word as Command) : ((near as Command | undefined) ?? 'apply');
  if (word !== undefined && !known) {
    problems.push({
      where: word,
      seen: 'an unknown command',
      expected: COMMANDS.join(' | '),
      fix:
        word === 'help' || word === 'version'
          ? `write --${word}`
          : near
            ? `did you mean ${near}`
            : 'see --help',
    });
  }
  const { name, least, most } = OPERANDS[command];
  for (const extra of rest.slice(most)) {
    const expected = most === 0 ? 'flags only' : `at most ${most} after ${command}`;
    problems.push({ where: extra, seen: 'an extra word', expected, fix: 'see --help' });
  }
  if (rest.length < least) {
    const expected = `${command} ${name}`;
    problems.push({ where: command, seen: 'nothing after it', expected, fix: `write ${expected}` });
  }
  return { command, operands: rest.slice(0, most) };
}

/** Flags that do nothing in this mode: taken silently, they would promise what does not happen. */
function misplaced(
  given: ReadonlySet<string>,
  mode: ModeName,
  answers: Readonly<Record<string, unknown>>,
  outside: Readonly<Record<string, unknown>>,
): Problem[] {
  const modes = Object.keys(MODES) as ModeName[];
  const fits = (name: string, on: ModeName): boolean => {
    if (name in FLAGS) return goesWith(name as FlagName, on);
    const takes = MODES[on].answers;
    return takes === 'all' || (takes === 'outside' && name in outside);
  };
  return [...given].flatMap((name): Problem[] => {
    if (fits(name, mode) || !(name in FLAGS || name in answers)) return [];
    const others = modes.filter((other) => fits(name, other)).join(', ');
    const fix = name in FLAGS ? insteadOf(name as FlagName, mode) : 'leave it out';
    return [{ where: `--${name}`, seen: `it beside ${mode}`, expected: `it with ${others}`, fix }];
  });
}
