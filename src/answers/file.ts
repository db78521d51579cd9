import { isMap, isScalar, isSeq, type Node } from 'yaml';
import type { KnownAnswer } from '../core/answers.ts';
import type { Problem } from '../core/errors.ts';
import type { AnswerSource, Question, QuestionTable, RawAnswer } from '../core/question.ts';
import { Secret } from '../core/secret.ts';
import { closest } from './names.ts';
import { firstProblems, isIndirect, isNothing, readYaml } from './yaml.ts';

const KIND = {
  what: 'an answers file',
  flag: '--answers',
  expected: 'YAML, one `key: value` per question',
  fix: 'compare with `example`',
} as const;

export interface ParsedFile {
  readonly known: Map<string, KnownAnswer>;
  readonly problems: Problem[];
}

/**
 * Reads a YAML answers file. Every problem is collected with its line and column: syntax, unknown and repeated
 * keys, values of the wrong shape, aliases and tags. Scalars are taken as they are written, so `1.10` and `08`
 * stay what they look like. The values' own grammars are checked later, by the questions.
 */
export function parseAnswersFile(
  text: string,
  name: string,
  table: QuestionTable,
  source: AnswerSource = 'answers file',
): ParsedFile {
  const known = new Map<string, KnownAnswer>();
  const problems: Problem[] = [];
  const { root, at, ...read } = readYaml(text, name, KIND);
  problems.push(...firstProblems(read.problems, name, KIND));
  if (root === null) return { known, problems };
  if (!isMap(root)) {
    problems.push({
      where: at(0),
      seen: 'no `key: value` lines',
      expected: 'a YAML map',
      fix: 'compare with `example`',
    });
    return { known, problems };
  }
  const ids = Object.keys(table);
  for (const pair of root.items) {
    const key = pair.key as Node;
    const where = at(key.range?.[0]);
    const id = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    const question = id === undefined || !Object.hasOwn(table, id) ? undefined : table[id];
    if (id === undefined || !question) {
      const seen =
        id === undefined ? 'a key that is not text' : `the unknown key ${JSON.stringify(id.slice(0, 60))}`;
      const near = id === undefined ? undefined : closest(id, ids);
      problems.push({
        where,
        seen,
        expected: 'a key of the schema',
        fix: near ? `did you mean ${near}` : 'see `schema` for all keys',
      });
      continue;
    }
    const value = toRaw(pair.value as Node | null, question);
    const valueAt = at((pair.value as Node | null)?.range?.[0] ?? key.range?.[0]);
    if ('seen' in value) problems.push({ where: valueAt, ...value });
    else known.set(id, { raw: value.raw, source, where: `${valueAt} (${id})` });
  }
  return { known, problems };
}

function toRaw(node: Node | null, question: Question<unknown>): { raw: RawAnswer } | Omit<Problem, 'where'> {
  const expected = question.kind === 'list' ? 'a list of texts' : 'one text';
  const fix = `for example ${JSON.stringify(question.example)}`;
  if (isNothing(node)) return { seen: 'no value', expected, fix: `${fix}, or leave the line out` };
  if (isIndirect(node)) return { seen: 'a YAML alias or tag', expected, fix: 'write the value itself' };
  if (isScalar(node)) return { raw: scalarText(node, question) };
  if (isSeq(node)) {
    if (question.kind !== 'list') return { seen: 'a list', expected, fix };
    const items = node.items as Node[];
    if (items.every((item) => isScalar(item) && item.value !== null && item.tag === undefined)) {
      return { raw: items.map((item) => scalarText(item, question)) };
    }
    return { seen: 'a list with something other than text in it', expected, fix };
  }
  return { seen: 'a map', expected, fix };
}

function scalarText(node: Node, question: Question<unknown>): string {
  const scalar = node as { value: unknown; source?: string };
  const text = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value));
  // A password pasted where a reference belongs must not come back in any message.
  if (question.kind === 'secret' && !/^(generate$|file:|env:)/.test(text)) new Secret(text);
  return text;
}
