import { parseArgs } from 'node:util';
import { flagOptions } from './answers/layers.ts';
import { closest } from './answers/names.ts';
import type { Problem } from './core/errors.ts';
import type { QuestionTable } from './core/question.ts';
import { Secret } from './core/secret.ts';

export type Command = 'apply' | 'verify' | 'probe' | 'schema' | 'example' | 'controls';
const COMMANDS: readonly Command[] = ['apply', 'verify', 'probe', 'schema', 'example', 'controls'];

const GENERAL = {
  dir: { type: 'string' },
  answers: { type: 'string' },
  yes: { type: 'boolean', short: 'y' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  plain: { type: 'boolean' },
  verbose: { type: 'boolean', short: 'v' },
  skip: { type: 'string', multiple: true },
  'files-only': { type: 'boolean' },
  inside: { type: 'boolean' },
  ca: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

export interface Arguments {
  readonly command: Command;
  /** What `probe` looks at, as typed. */
  readonly operand: string | undefined;
  readonly dir: string | undefined;
  readonly answers: string | undefined;
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly plain: boolean;
  readonly verbose: boolean;
  readonly filesOnly: boolean;
  readonly skip: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
  /** Every option as parsed, for the questions' flags. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
}

/** Reads the command line. Everything wrong with it is collected, nothing is thrown. */
export function readArguments(argv: readonly string[], table: QuestionTable): Arguments {
  const options = { ...GENERAL, ...flagOptions(table) } as Record<
    string,
    { type: 'string' | 'boolean'; multiple?: boolean; short?: string }
  >;
  const secretFlags = new Map(
    Object.entries(table)
      .filter(([, q]) => q.kind === 'secret')
      .map(([id]) => [id.toLowerCase(), id]),
  );
  const problems: Problem[] = [];
  const { values, tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const positionals: string[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'positional') {
      const before = tokens[at - 1];
      // What follows an unknown flag is its value, not a command; it may be a secret and is never repeated.
      if (before?.kind === 'option' && !options[before.name]) new Secret(token.value);
      else positionals.push(token.value);
    }
    if (token.kind !== 'option') continue;
    const option = options[token.name];
    const where = token.rawName;
    if (!option) {
      const secret = secretFlags.get(token.name.replaceAll('-', '').toLowerCase());
      const near = closest(token.name, Object.keys(options));
      problems.push(
        secret
          ? {
              where,
              seen: 'a secret as a flag',
              expected: 'no secret on the command line, where ps shows it',
              fix: `use the answers file (${secret}: file:/path) or the environment variable that ends in _FILE`,
            }
          : {
              where,
              seen: 'an unknown flag',
              expected: 'a flag of --help',
              fix: near ? `did you mean --${near}` : 'see --help',
            },
      );
    } else if (option.type === 'boolean' && token.value !== undefined) {
      problems.push({ where, seen: 'a value', expected: 'the flag alone', fix: `write ${where}` });
    } else if (option.type === 'string' && (token.value === undefined || token.value === '')) {
      problems.push({ where, seen: 'no value', expected: 'a value', fix: `write ${where} VALUE` });
    } else if (
      option.type === 'string' &&
      !option.multiple &&
      tokens.filter((t) => t.kind === 'option' && t.name === token.name).length > 1
    ) {
      if (!problems.some((p) => p.where === where))
        problems.push({ where, seen: 'the flag more than once', expected: 'it once', fix: 'leave one' });
    }
  }
  const [word, ...rest] = positionals;
  let command: Command = 'apply';
  if (word !== undefined) {
    if ((COMMANDS as readonly string[]).includes(word)) command = word as Command;
    else {
      const near = closest(word, COMMANDS);
      problems.push({
        where: word,
        seen: 'an unknown command',
        expected: COMMANDS.join(' | '),
        fix: near ? `did you mean ${near}` : 'see --help',
      });
    }
  }
  const operand = command === 'probe' ? rest.shift() : undefined;
  for (const extra of rest)
    problems.push({ where: extra, seen: 'an extra word', expected: 'flags only', fix: 'see --help' });
  const text = (name: string) =>
    typeof values[name] === 'string' && values[name] !== '' ? (values[name] as string) : undefined;
  const on = (name: string) => values[name] === true;
  for (const flag of ['inside', 'ca'])
    if (values[flag] !== undefined && command !== 'probe')
      problems.push({
        where: `--${flag}`,
        seen: `it beside ${command}`,
        expected: 'the command probe',
        fix: 'leave it out',
      });
  if (on('dry-run') && command !== 'apply') {
    problems.push({
      where: '--dry-run',
      seen: `it beside ${command}`,
      expected: 'it alone',
      fix: `${command} changes nothing anyway`,
    });
  }
  return {
    command,
    operand,
    dir: text('dir'),
    answers: text('answers'),
    yes: on('yes'),
    dryRun: on('dry-run'),
    json: on('json'),
    plain: on('plain'),
    verbose: on('verbose'),
    filesOnly: on('files-only'),
    skip: ((values.skip as unknown[] | undefined) ?? [])
      .flatMap((v) => (typeof v === 'string' ? v.split(',') : []))
      .filter(Boolean),
    help: on('help'),
    version: on('version'),
    values,
    problems,
  };
}
