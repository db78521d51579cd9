import type { KnownAnswer, KnownAnswers } from '../core/answers.ts';
import type { Problem } from '../core/errors.ts';
import type { QuestionTable, RawAnswer } from '../core/question.ts';
import { closest, envName, flagName } from './names.ts';

/** Flags for every question but the secret ones: a secret on the command line shows in `ps`. */
export function flagOptions(table: QuestionTable): Record<string, { type: 'string'; multiple?: boolean }> {
  return Object.fromEntries(
    Object.entries(table)
      .filter(([, q]) => q.kind !== 'secret')
      .map(([id, q]) => [
        flagName(id),
        { type: 'string' as const, ...(q.kind === 'list' ? { multiple: true } : {}) },
      ]),
  );
}

/** Answers given as flags, from parsed command-line values. */
export function fromFlags(
  table: QuestionTable,
  values: Readonly<Record<string, unknown>>,
): Map<string, KnownAnswer> {
  const known = new Map<string, KnownAnswer>();
  for (const [id, question] of Object.entries(table)) {
    const flag = flagName(id);
    const value = values[flag];
    if (value === undefined) continue;
    const raw: RawAnswer = question.kind === 'list' ? splitList(value as string[]) : (value as string);
    known.set(id, { raw, source: 'flag', where: `--${flag}` });
  }
  return known;
}

/**
 * Answers given by environment: `PREFIX_ADMIN_RANGES=a,b`. A secret has only the `_FILE` form. An unknown variable
 * with the prefix is a problem: a misspelt one would be silently ignored otherwise.
 */
export function fromEnvironment(
  table: QuestionTable,
  prefix: string,
  env: Readonly<Record<string, string | undefined>>,
): { known: Map<string, KnownAnswer>; problems: Problem[] } {
  const known = new Map<string, KnownAnswer>();
  const problems: Problem[] = [];
  const names = new Map<string, { id: string; file: boolean }>();
  for (const [id, question] of Object.entries(table)) {
    if (question.kind === 'secret') names.set(`${envName(prefix, id)}_FILE`, { id, file: true });
    else names.set(envName(prefix, id), { id, file: false });
  }
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(`${prefix}_`) || value === undefined) continue;
    const target = names.get(name);
    if (!target) {
      const near = closest(name, [...names.keys()]);
      const fix = near ? `did you mean ${near}` : 'unset it';
      problems.push({
        where: `environment ${name}`,
        seen: 'a variable that no question knows',
        expected: 'a known variable',
        fix,
      });
      continue;
    }
    const list = table[target.id]?.kind === 'list';
    known.set(target.id, {
      raw: target.file ? `file:${value}` : list ? splitList([value]) : value,
      source: 'environment',
      where: `environment ${name}`,
    });
  }
  return { known, problems };
}

const splitList = (values: readonly string[]): string[] =>
  values
    .flatMap((v) => v.split(','))
    .map((v) => v.trim())
    .filter(Boolean);

/** Merges layers; the first that has an answer wins (flag, environment, answers file, saved answers). */
export function mergeLayers(layers: readonly ReadonlyMap<string, KnownAnswer>[]): KnownAnswers {
  const merged = new Map<string, KnownAnswer>();
  for (const layer of layers) for (const [id, answer] of layer) if (!merged.has(id)) merged.set(id, answer);
  return merged;
}
