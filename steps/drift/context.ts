/** What every rule of the drift's cause is given: the looks, the answers now, the answers before, the memory. */

import { parse } from 'yaml';
import { type KnownAnswer, resolveAll } from '../../src/core/answers.ts';
import { unifiedDiff } from '../../src/core/diff.ts';
import type { DriftContext } from '../../src/core/hooks.ts';
import type { HostReader } from '../../src/core/host.ts';
import { masked } from '../../src/core/masked.ts';
import type { RawAnswer } from '../../src/core/question.ts';
import type { Drift, DriftLink, Finding } from '../../src/core/report.ts';
import { redact } from '../../src/core/secret.ts';
import { type Answers, type QuestionId, questions } from '../questions.ts';
import { PATH } from '../shared/layout.ts';
import { VERSION } from '../shared/version.ts';
import { type LastApply, type Memory, memoryOf } from './memory.ts';

export interface Look {
  readonly host: HostReader;
  readonly answers: Answers;
  readonly raw: ReadonlyMap<string, RawAnswer | undefined>;
  readonly memory: Memory;
}

/** Says which link broke for one failing control; undefined when it cannot be told. */
export type Rule = (look: Look, finding: Finding) => Promise<Drift | undefined>;

export async function lookOf({ host, answers }: DriftContext): Promise<Look> {
  const values = Object.fromEntries([...answers].map(([id, answered]) => [id, answered.value]));
  return {
    host,
    answers: values as Answers,
    raw: new Map([...answers].map(([id, answered]) => [id, answered.raw])),
    memory: await memoryOf(host),
  };
}

/** The last apply, when it proved this control by the same version of this tool: then the same was asked as today. */
export const provedBy = ({ memory }: Look, control: string): LastApply | undefined =>
  memory.last?.version === VERSION && memory.last.held.has(control) ? memory.last : undefined;

/** The first rule that can tell. */
export const firstOf =
  (...rules: readonly Rule[]): Rule =>
  async (look, finding) => {
    for (const rule of rules) {
      const drift = await rule(look, finding);
      if (drift) return drift;
    }
    return undefined;
  };

/** A cause, redacted. */
export const broken = (link: DriftLink, detail: string, diff?: string): Drift => ({
  link,
  detail: redact(detail),
  ...(diff ? { diff: redact(diff) } : {}),
});

/** Answers of an earlier run with what differs from those of today. */
export interface Earlier {
  readonly answers: Answers;
  /** Questions whose answers differ, never empty. */
  readonly differing: readonly string[];
}

const asText = (value: RawAnswer | undefined): string =>
  value === undefined ? '' : typeof value === 'string' ? value : value.join(', ');

/**
 * The answers of the last run where one of `ids` differs from today's: as they were saved, else as the last apply's
 * report shows them. Undefined when none differs as far as can be told.
 */
export async function earlierAnswers(
  { host, raw, memory }: Look,
  ids: readonly QuestionId[],
): Promise<Earlier | undefined> {
  const saved = await host.once('drift saved answers', async () =>
    savedAnswers(await host.readText(PATH.answers)),
  );
  for (const then of [saved, memory.last?.answers]) {
    if (!then || then.size === 0) continue;
    const value = (id: string) => asText(then.get(id) ?? (then.has(id) ? undefined : defaultOf(id)));
    const differing = ids.filter((id) => raw.has(id) && asText(raw.get(id) ?? defaultOf(id)) !== value(id));
    if (differing.length === 0) continue;
    const known = new Map(
      [...then].map(([id, text]): [string, KnownAnswer] => [
        id,
        { raw: text, source: 'saved answers', where: PATH.answers },
      ]),
    );
    const resolved = resolveAll(questions, Object.keys(questions), known);
    if (resolved.problems.length > 0) continue;
    const values = Object.fromEntries([...resolved.answers].map(([id, answered]) => [id, answered.value]));
    return { answers: values as unknown as Answers, differing };
  }
  return undefined;
}

const defaultOf = (id: string): RawAnswer | undefined => {
  const question = questions[id as QuestionId];
  return question && 'default' in question ? question.default : undefined;
};

function savedAnswers(text: string | undefined): ReadonlyMap<string, RawAnswer> {
  const saved: unknown = text === undefined ? undefined : parse(text);
  if (typeof saved !== 'object' || saved === null) return new Map();
  return new Map(
    Object.entries(saved)
      .filter(([id, value]) => id in questions && value !== null && value !== undefined)
      .map(([id, value]) => [id, Array.isArray(value) ? value.map(String) : String(value)]),
  );
}

/** `the answers a and b differ`. */
export const describeDiffering = (ids: readonly string[]): string =>
  `${ids.length === 1 ? 'the answer' : 'the answers'} ${ids.length < 2 ? ids.join('') : `${ids.slice(0, -1).join(', ')} and ${ids.at(-1)}`} ${ids.length === 1 ? 'differs' : 'differ'}`;

/** Unified diff from what should be to what is, without secrets; empty when nothing else differs. */
export function safeDiff(path: string, wanted: string, found: string): string {
  const [before, after] = [masked(wanted), masked(found)];
  return before === after ? '' : unifiedDiff(path, before, after);
}

/** What a diff comes to, in one clause. */
export function describeDiff(path: string, diff: string): string {
  if (diff === '') return `${path} differs from what this tool writes in what is not shown`;
  const lines = diff.split('\n').filter((line) => /^[+-]/.test(line) && !/^(---|\+\+\+)/.test(line));
  const of = (sign: string) =>
    lines.filter((line) => line.startsWith(sign)).map((line) => line.slice(1).trim());
  const [wanted, found] = [of('-'), of('+')];
  if (wanted.length === 1 && found.length === 1) {
    const from = whereDifferent(wanted[0], found[0]);
    return `${path} says ${short(found[0], from)} where this tool writes ${short(wanted[0], from)}`;
  }
  if (wanted.length === 0 && found.length === 1) return `${path} has the added line ${short(found[0])}`;
  if (wanted.length === 1 && found.length === 0) return `${path} lacks the line ${short(wanted[0])}`;
  return `${path} differs from what this tool writes in ${Math.max(wanted.length, found.length)} lines`;
}

const SHOWN = 80;
/** A long line from `from` on. */
const short = (text = '', from = 0): string => {
  if (text.length <= SHOWN) return text;
  const part = from > 0 ? `…${text.slice(from)}` : text;
  return part.length > SHOWN ? `${part.slice(0, SHOWN - 1)}…` : part;
};

/** Where a long pair of lines is worth reading: a little before the first difference, when that is not seen anyway. */
function whereDifferent(a = '', b = ''): number {
  let same = 0;
  while (same < Math.min(a.length, b.length) && a[same] === b[same]) same += 1;
  return same > SHOWN / 2 ? same - SHOWN / 4 : 0;
}
