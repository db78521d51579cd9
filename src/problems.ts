/** What is wrong with the command line as a whole, and how it is said. */
import { closest } from './answers/names.ts';
import type { Arguments } from './args.ts';
import type { Problem } from './core/errors.ts';
import type { Product } from './core/product.ts';
import type { Mode } from './core/report.ts';

export interface Situation {
  readonly mode: Mode;
  /** Absolute. */
  readonly dir: string;
  readonly product: Product;
  /** Somebody is there who can be asked and can agree. */
  readonly isPerson: boolean;
  readonly hasSaved: boolean;
}

/** Every problem that does not lie in a single answer. */
export function argumentProblems(args: Arguments, at: Situation): Problem[] {
  const problems: Problem[] = skipProblems(args.list('skip'), at.product);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f:$"'\\]/.test(at.dir)) {
    problems.push({
      where: '--dir',
      seen: JSON.stringify(at.dir),
      expected: 'a path without : $ quotes and backslashes',
      fix: 'Compose cannot mount such a path; choose another',
    });
  }
  if (lacksInstall(args, at.hasSaved))
    problems.push({
      where: at.dir,
      seen: 'no finished install (no saved answers)',
      expected: 'the directory of an install',
      fix: 'name it with --dir, or give --answers',
    });
  const changes = args.command === 'apply' && (at.mode === 'apply' || at.mode === 'files');
  if (changes && !args.on('yes') && !at.isPerson) {
    problems.push({
      where: 'command line',
      seen: 'neither --yes nor --dry-run, and no terminal to ask on',
      expected: 'consent to change this host',
      fix: 'look first with --dry-run, then run again with --yes --answers FILE; or run it in a terminal for the wizard',
    });
  }
  return problems;
}

/** A command that looks at an install, and there is none. */
export const lacksInstall = (args: Arguments, hasSaved: boolean): boolean =>
  (args.command === 'verify' || args.command === 'explain') &&
  !hasSaved &&
  args.text('answers') === undefined;

/** One problem for every answer that nobody has given and nobody can be asked for. */
export function missingProblems(
  missing: readonly string[],
  args: Arguments,
  mode: Mode,
  product: Product,
): Problem[] {
  const where = args.text('answers') ?? (mode === 'verify' ? product.paths.answers : 'answers');
  return missing.map((id) => ({
    where: `${where} (${id})`,
    seen: 'no answer',
    expected: product.questions[id]?.title ?? id,
    fix: `add ${id}, for example ${JSON.stringify(product.questions[id]?.example)}`,
  }));
}

function skipProblems(skip: readonly string[], product: Product): Problem[] {
  const controls = new Map(product.steps.flatMap((s) => s.controls.map((c) => [c.id, c] as const)));
  return skip.flatMap((id): Problem[] => {
    const control = controls.get(id);
    const where = `--skip ${id}`;
    if (!control) {
      const near = closest(id, [...controls.keys()]);
      const fix = near === undefined ? 'see the command controls' : `did you mean ${near}`;
      return [{ where, seen: 'an unknown control', expected: 'a control id', fix }];
    }
    if (!control.unwaivable) return [];
    const seen = 'a control that cannot be waived';
    return [{ where, seen, expected: 'another one', fix: 'waiving it could lose data' }];
  });
}

/** Bad input in full: each problem with what was seen, what was expected and how to fix it. */
export function renderProblems(problems: readonly Problem[]): string {
  const head = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} with the input; nothing has been changed.\n`;
  return head + problems.map(problemText).join('');
}

/** One problem, with an empty line before it. */
export const problemText = (p: Problem): string =>
  `\n${p.where}\n  seen      ${p.seen}\n  expected  ${p.expected}\n  fix       ${p.fix}\n`;
