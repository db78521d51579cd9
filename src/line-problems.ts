/** Everything that is wrong with a command line, told at once: what does not fit beside values that are not usable. */
import { resolve } from 'node:path';
import { fromFlags } from './answers/layers.ts';
import { type Arguments, inOrder } from './args.ts';
import { resolveAll } from './core/answers.ts';
import { type Problem, UsageError } from './core/errors.ts';
import { explainProblems } from './explain.ts';
import { readLookOptions, readPolicy } from './look.ts';
import { readOutputs } from './outputs.ts';
import { probeAnswers } from './probe.ts';
import { argumentProblems } from './problems.ts';
import { controlsText, exampleText, scheduleFor, schemaText } from './texts.ts';
import { directories, flagProblems } from './verify.ts';
import type { World } from './world.ts';

/** What a command line is judged by. */
export type LineWorld = Pick<World, 'product' | 'command'>;

/**
 * Everything wrong with a command line that has a problem already, in the order of the line: its words, its flags, and
 * the values of the flags that are right where they stand. Only the line is judged: no file and no variable is read.
 */
export function lineProblems(args: Arguments, world: LineWorld): readonly Problem[] {
  const flagOf = ({ where }: Problem) => where.split(' ')[0];
  const told = new Set(args.problems.map(flagOf));
  // Whoever leaves a flag out leaves its value out too.
  const values = valueProblems(args, world).filter((problem) => !told.has(flagOf(problem)));
  return inOrder(args, [...args.problems, ...values]);
}

function valueProblems(args: Arguments, world: LineWorld): readonly Problem[] {
  const { product } = world;
  const [word = ''] = args.operands;
  switch (args.command) {
    case 'schema':
      return thrown(() => schemaText(word || 'answers', product));
    case 'example':
      return thrown(() => exampleText(word || 'answers', product));
    case 'controls':
      return thrown(() => controlsText(args, product));
    case 'schedule':
      return word === '' ? [] : thrown(() => scheduleFor(args, world));
    case 'explain':
      return [...explainProblems(args.operands, product), ...ofRun(args, world, args.text('dir'))];
    case 'probe':
      return [
        ...readOutputs(args).problems,
        ...policyProblems(args),
        ...(word === '' ? [] : probeAnswers(word, textsOf(args), product).resolved.problems),
      ];
    case 'verify': {
      const dirs = directories(args, world);
      return [
        ...flagProblems(args, dirs),
        ...readOutputs(args).problems,
        ...readLookOptions(args, product).problems,
        ...ofRun(args, world, ...dirs),
      ];
    }
    default:
      return ofRun(args, world, args.text('dir'));
  }
}

/** Waivers, directories and answers of a run. */
function ofRun(args: Arguments, { product }: LineWorld, ...dirs: readonly (string | undefined)[]): Problem[] {
  // Whether there is an install, and somebody to ask, is not told by the line.
  const at = { mode: 'plan', product, isPerson: true, hasSaved: true } as const;
  const known = fromFlags(product.questions, textsOf(args));
  return [
    ...dirs.flatMap((dir) => argumentProblems(args, { ...at, dir: resolve(dir ?? product.defaultDir) })),
    ...resolveAll(product.questions, [...known.keys()], known).problems,
  ];
}

function policyProblems(args: Arguments): Problem[] {
  const problems: Problem[] = [];
  readPolicy(args, problems);
  return problems;
}

/** The flags that have all the values they need; one without a value is a problem of its own. */
const textsOf = (args: Arguments): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(args.raw).filter(([, value]) => [value].flat().every((text) => typeof text === 'string')),
  );

/** What a text that depends on nothing but the line is refused for. */
function thrown(make: () => string): readonly Problem[] {
  try {
    make();
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.problems;
    throw error;
  }
}
