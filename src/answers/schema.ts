import { Document } from 'yaml';
import type { Answered, Question, QuestionTable } from '../core/question.ts';
import { envName, flagName } from './names.ts';

/** The JSON Schema (draft 2020-12) of the answers file, for editors. The questions' parsers stay the judge. */
export function answersSchema(table: QuestionTable, title: string): object {
  const value = (q: Question<unknown>) => ({
    type: q.pattern === '^[0-9]+$' ? ['integer', 'string'] : 'string',
    ...(q.choices ? { enum: q.choices } : {}),
    ...(q.pattern ? { pattern: q.pattern } : {}),
    ...(q.kind === 'secret' ? { pattern: '^(generate|file:/.+|env:[A-Z_][A-Z0-9_]*)$' } : {}),
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    additionalProperties: false,
    required: Object.entries(table)
      .filter(([, q]) => q.default === undefined && !q.optional && !q.when)
      .map(([id]) => id),
    properties: Object.fromEntries(
      Object.entries(table).map(([id, q]) => [
        id,
        {
          description: `${q.title} ${q.help}`,
          ...(q.kind === 'list' ? { anyOf: [{ type: 'array', items: value(q) }, value(q)] } : value(q)),
          ...(q.default === undefined ? {} : { default: q.default }),
          examples: [q.example],
        },
      ]),
    ),
    allOf: Object.entries(table)
      .filter(([, q]) => q.when && q.default === undefined && !q.optional)
      .map(([id, q]) => {
        const on = q.when as NonNullable<typeof q.when>;
        const isDefault = on.is.includes(String(table[on.question]?.default));
        return {
          if: {
            properties: { [on.question]: { enum: on.is } },
            ...(isDefault ? {} : { required: [on.question] }),
          },
          // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword
          then: { required: [id] },
        };
      }),
  };
}

/** A commented answers file with every key: the required ones to be filled in, the others as comments. */
export function exampleAnswers(table: QuestionTable, heading: readonly string[], schemaFile: string): string {
  const out = [`# yaml-language-server: $schema=${schemaFile}`, ...heading.map((line) => `## ${line}`)];
  for (const [id, q] of Object.entries(table)) {
    const optional = q.default !== undefined || q.optional || q.when;
    const line = new Document({ [id]: q.example }).toString({ lineWidth: 0 }).trimEnd();
    const condition = q.when ? ` Only when ${q.when.question} is ${q.when.is.join(' or ')}.` : '';
    const fallback = q.default === undefined ? '' : ` Default: ${JSON.stringify(q.default)}.`;
    out.push('', ...wrap(`${q.title} ${q.help}${condition}${fallback}`, 98).map((l) => `## ${l}`));
    out.push(...line.split('\n').map((l) => (optional ? `# ${l}` : l)));
  }
  return `${out.join('\n')}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The answers of a finished run, to be read again by the next one. References stay references; values never. */
export function renderSavedAnswers(
  answers: ReadonlyMap<string, Answered>,
  table: QuestionTable,
  heading: string,
): string {
  const saved: Record<string, unknown> = {};
  for (const id of Object.keys(table)) {
    const raw = answers.get(id)?.raw;
    if (raw !== undefined && !table[id]?.transient) saved[id] = raw;
  }
  const document = new Document(saved);
  document.commentBefore = ` ${heading}`;
  return document.toString({ lineWidth: 0 });
}

/** A row per question for the README: key, flag, variable, default, what it is. */
export function answersTable(table: QuestionTable, prefix: string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = Object.entries(table).map(([id, q]) => {
    const given = q.kind === 'secret' ? `\`${envName(prefix, id)}_FILE\`` : `\`--${flagName(id)}\``;
    const fallback =
      q.default !== undefined
        ? `\`${Array.isArray(q.default) ? q.default.join(', ') || '[]' : q.default}\``
        : q.optional
          ? 'none'
          : q.when
            ? `needed when \`${q.when.question}\` is ${q.when.is.join(' or ')}`
            : 'needed';
    return `| \`${id}\` | ${given} | ${cell(fallback)} | ${cell(q.title)} |`;
  });
  return ['| key | flag or variable | default | question |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
