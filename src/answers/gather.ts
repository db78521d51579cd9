import type { KnownAnswer, KnownAnswers } from '../core/answers.ts';
import type { Problem } from '../core/errors.ts';
import type { QuestionTable } from '../core/question.ts';
import { parseAnswersFile } from './file.ts';
import { fromEnvironment, fromFlags, mergeLayers } from './layers.ts';

export interface Sources {
  readonly table: QuestionTable;
  /** Command-line values by flag name. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** Prefix of the environment variables. */
  readonly prefix: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--answers`. */
  readonly file: string | undefined;
  /** The saved answers of the last run, absolute. */
  readonly saved: string;
  /** Reads a text file; rejects with an errno code. */
  read(path: string, what?: 'plain'): Promise<string>;
}

export interface Gathered {
  readonly known: KnownAnswers;
  /** A finished run has left its answers here. */
  readonly hasSaved: boolean;
  readonly problems: readonly Problem[];
}

/** All layers of answers, strongest first: flag, environment, answers file, saved answers. Every problem is listed. */
export async function gatherAnswers(sources: Sources): Promise<Gathered> {
  const { table, file } = sources;
  const problems: Problem[] = [];
  const layers: ReadonlyMap<string, KnownAnswer>[] = [fromFlags(table, sources.flags)];
  const environment = fromEnvironment(table, sources.prefix, sources.env);
  problems.push(...environment.problems);
  layers.push(environment.known);
  if (file !== undefined) {
    const text = await sources.read(file).catch((error: NodeJS.ErrnoException) => {
      problems.push({
        where: '--answers',
        seen: `${file}: ${error.code ?? error.message}`,
        expected: 'a readable file',
        fix: 'write one from the output of example',
      });
    });
    if (text !== undefined) {
      const parsed = parseAnswersFile(text, file, table);
      problems.push(...parsed.problems);
      layers.push(parsed.known);
    }
  }
  const saved = await sources.read(sources.saved, 'plain').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return;
    problems.push({
      where: sources.saved,
      seen: error.code ?? error.message,
      expected: 'a readable file',
      fix: 'run as the user who made the install',
    });
  });
  if (saved !== undefined) {
    const parsed = parseAnswersFile(saved, sources.saved, table, 'saved answers');
    problems.push(...parsed.problems);
    layers.push(parsed.known);
  }
  return { known: mergeLayers(layers), hasSaved: saved !== undefined, problems };
}
