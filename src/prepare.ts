/** What every run needs before it starts: answers of all layers, and everything that is wrong with them, at once. */
import { type Gathered, gatherAnswers } from './answers/gather.ts';
import type { Arguments } from './args.ts';
import { resolveAll } from './core/answers.ts';
import type { Problem } from './core/errors.ts';
import type { Exceptions } from './core/hooks.ts';
import type { Answered } from './core/question.ts';
import type { Mode } from './core/report.ts';
import { gatherExceptions } from './exceptions/index.ts';
import { argumentProblems, lacksInstall, missingProblems } from './problems.ts';
import type { TextStyle } from './report/text.ts';
import type { World } from './world.ts';

export interface Prepared extends Gathered {
  /** Absolute path of the install directory. */
  readonly dir: string;
  readonly answers: ReadonlyMap<string, Answered>;
  readonly missing: readonly string[];
  /** The operator's file of waivers, where there is one. */
  readonly exceptions: Exceptions | undefined;
  /** The raw answer to a question when it is one text. */
  raw(id: string): string | undefined;
}

/**
 * Gathers the answers for a run on one directory. Throws nothing: `problems` lists all that is wrong.
 * @param dir absolute
 * @param isPerson somebody is there who can be asked for what is missing
 */
export async function prepare(
  args: Arguments,
  world: World,
  at: { readonly mode: Mode; readonly dir: string; readonly isPerson: boolean },
): Promise<Prepared> {
  const { product } = world;
  const gathered = await gatherAnswers({
    table: product.questions,
    flags: args.raw,
    prefix: product.envPrefix,
    env: world.env,
    file: args.text('answers'),
    saved: `${at.dir}/${product.paths.answers}`,
    read: world.read,
  });
  const ids = [...new Set(product.steps.flatMap((step) => step.needs))];
  const resolved = resolveAll(product.questions, ids, gathered.known);
  const waivers = await gatherExceptions({
    file: args.text('waivers'),
    standard: `${at.dir}/${product.paths.waivers}`,
    steps: product.steps,
    now: new Date(),
    isPartial: ['only', 'section', 'severity'].some((flag) => args.text(flag as 'only') !== undefined),
    read: world.read,
    stat: world.stat,
    uid: process.getuid?.(),
  });
  const problems: Problem[] = [
    ...argumentProblems(args, { ...at, product, hasSaved: gathered.hasSaved }),
    ...gathered.problems,
    ...resolved.problems,
    ...waivers.problems,
    // Of what is no install, every answer is missing: that is one problem, not ten.
    ...(at.isPerson || lacksInstall(args, gathered.hasSaved)
      ? []
      : missingProblems(resolved.missing, args, at.mode, product)),
  ];
  return {
    ...gathered,
    problems,
    dir: at.dir,
    answers: resolved.answers,
    missing: resolved.missing,
    exceptions: waivers.exceptions,
    raw: (id) => {
      const value = resolved.answers.get(id)?.raw;
      return typeof value === 'string' ? value : undefined;
    },
  };
}

/** How text is drawn on a stream: colour, glyphs and width as its terminal and the locale allow. */
export function textStyle(args: Arguments, world: World, stream: NodeJS.WriteStream): TextStyle {
  const { env } = world;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return {
    colour: !args.on('plain') && stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: /utf-?8/i.test(locale) && env.TERM !== 'linux',
    width: stream.columns ?? 80,
    verbose: args.on('verbose'),
    planning: args.on('dry-run'),
  };
}
