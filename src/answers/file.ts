import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { KnownAnswer } from '../core/answers.ts';
import type { Problem } from '../core/errors.ts';
import type { AnswerSource, Question, QuestionTable, RawAnswer } from '../core/question.ts';
import { Secret } from '../core/secret.ts';
import { closest } from './names.ts';

/** An answers file larger than this is not one (bytes). */
const MAX_SIZE = 1_000_000;

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
  if (text.length > MAX_SIZE) {
    problems.push({
      where: name,
      seen: `${text.length} bytes`,
      expected: 'an answers file',
      fix: 'name the right file with --answers',
    });
    return { known, problems };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    schema: 'core',
    version: '1.2',
  });
  const at = (offset: number | undefined) => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${name}:${line}:${col}`;
  };
  for (const error of [...document.errors, ...document.warnings]) {
    problems.push({
      where: at(error.pos[0]),
      seen: error.message.split('\n')[0] ?? 'not YAML',
      expected: 'YAML, one `key: value` per question',
      fix: 'compare with `example`',
    });
  }
  if (problems.length > 0) return { known, problems };
  const root = document.contents;
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
  if (node === null || (isScalar(node) && node.value === null))
    return { seen: 'no value', expected, fix: `${fix}, or leave the line out` };
  if (isAlias(node) || node.tag !== undefined)
    return { seen: 'a YAML alias or tag', expected, fix: 'write the value itself' };
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
