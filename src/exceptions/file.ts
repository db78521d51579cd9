/** The operator's file of waivers: a YAML list, each entry owned, explained and ending. */
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { closest } from '../answers/names.ts';
import { firstProblems, isIndirect, isNothing, readYaml } from '../answers/yaml.ts';
import type { Problem } from '../core/errors.ts';
import type { Exception } from '../core/report.ts';
import { dayOf, daysAfter, daysFrom, inDays, isDay } from './days.ts';

/** Every key of a waiver, all needed; the order of the example. */
export const FIELDS = ['control', 'reason', 'owner', 'compensating', 'expires'] as const;
type Field = (typeof FIELDS)[number];

/**
 * Days that a waiver may be ahead. A year, a leap day included: compensating controls are reviewed at least yearly
 * (PCI DSS 4.0.1, appendix B), and a waiver without an end is none.
 */
export const MAX_DAYS = 366;
/** A text longer than this explains nothing (characters). */
export const MAX_TEXT = 1_000;
/** The form of a control id; the same as the law of the steps. */
export const CONTROL_ID = '^[a-z0-9-]+\\.[a-z0-9-]+$';

const KIND = {
  what: 'a file of waivers',
  flag: '--waivers',
  expected: 'YAML, a list with one entry per waiver',
  fix: `begin each waiver with "- control: ID", and give ${FIELDS.slice(1).join(', ')} below it`,
} as const;

/** What each key is for. */
export const MEANING: Readonly<Record<Field, string>> = {
  control: 'the id of one control',
  reason: 'why it cannot hold now',
  owner: 'the person who answers for it',
  compensating: 'what protects instead',
  expires: 'the last day it holds, as YYYY-MM-DD',
};

export interface ParsedWaivers {
  /** In the order of the file; only entries without a problem. */
  readonly waivers: readonly Exception[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the file. Every problem comes at once, with line and column. What depends on the host or on this version of
 * the tool is no problem of the file but a finding: a waiver that has expired, is not needed, or is of a control that
 * does not exist.
 * @param file as it is to be called in problems and reports
 * @param controls ids of all controls, for "did you mean"
 * @param now the days that a waiver may be ahead are counted from this day, in UTC
 */
export function parseWaivers(
  text: string,
  file: string,
  controls: readonly string[],
  now: Date,
): ParsedWaivers {
  const { root, at, problems } = readYaml(text, file, KIND);
  if (root === null) return { waivers: [], problems: firstProblems(problems, file, KIND) };
  if (!isSeq(root) || isIndirect(root)) {
    const seen = isMap(root) ? 'keys where the list should begin' : 'no list';
    problems.push({ where: at(root.range?.[0]), seen, expected: KIND.expected, fix: KIND.fix });
    return { waivers: [], problems };
  }
  const today = dayOf(now);
  const waivers: Exception[] = [];
  const first = new Map<string, string>();
  for (const item of root.items as (Node | null)[]) {
    const where = at(item?.range?.[0] ?? root.range?.[0]);
    if (item === null || !isMap(item) || isIndirect(item)) {
      problems.push({ where, seen: 'an entry that is no waiver', expected: KIND.expected, fix: KIND.fix });
      continue;
    }
    const entry = readEntry(item, where, at, { controls, today });
    problems.push(...entry.problems);
    const { control } = entry.values;
    if (control !== undefined) {
      const other = first.get(control);
      if (other !== undefined)
        problems.push({
          where,
          seen: `a second waiver of ${control}; the first is at ${other}`,
          expected: 'one waiver for each control',
          fix: 'keep the one that holds, and remove the other',
        });
      else first.set(control, where);
    }
    if (entry.problems.length === 0) waivers.push({ ...(entry.values as Record<Field, string>), where });
  }
  return { waivers, problems: firstProblems(problems, file, KIND) };
}

interface Against {
  readonly controls: readonly string[];
  readonly today: string;
}
interface Entry {
  readonly values: Partial<Record<Field, string>>;
  readonly problems: readonly Problem[];
}

function readEntry(
  map: YAMLMap,
  where: string,
  at: (offset: number | undefined) => string,
  against: Against,
): Entry {
  const values: Partial<Record<Field, string>> = {};
  const problems: Problem[] = [];
  const given = new Set<string>();
  for (const pair of map.items) {
    const key = pair.key as Node;
    const name = isScalar(key) && !isIndirect(key) ? String(key.value) : undefined;
    if (name === undefined || !isField(name)) {
      const near = name === undefined ? undefined : closest(name, FIELDS);
      problems.push({
        where: at(key?.range?.[0]),
        seen:
          name === undefined
            ? 'a key that is not text'
            : `the unknown key ${JSON.stringify(name.slice(0, 60))}`,
        expected: FIELDS.join(', '),
        fix: near === undefined ? 'remove it' : `did you mean ${near}`,
      });
      continue;
    }
    given.add(name);
    const node = pair.value as Node | null;
    const value = readValue(name, node, against);
    if (typeof value === 'string') values[name] = value;
    else problems.push({ where: at(node?.range?.[0] ?? key.range?.[0]), ...value });
  }
  const missing = FIELDS.filter((field) => !given.has(field)).map((field) => {
    return { where, seen: `no ${field}`, expected: MEANING[field], fix: `add ${field}` };
  });
  return { values, problems: [...missing, ...problems] };
}

const isField = (name: string): name is Field => (FIELDS as readonly string[]).includes(name);

/** The value as one line of text, or what is wrong with it. */
function readValue(field: Field, node: Node | null, against: Against): string | Omit<Problem, 'where'> {
  const expected = MEANING[field];
  if (isNothing(node)) return { seen: `no ${field}`, expected, fix: `fill in ${field}` };
  if (isIndirect(node))
    return { seen: 'a YAML alias or tag', expected, fix: 'write the value itself, for each waiver anew' };
  if (!isScalar(node)) return { seen: isSeq(node) ? 'a list' : 'a map', expected, fix: 'write one text' };
  const raw = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  const text = raw.replace(/\s+/g, ' ').trim();
  // It is shown on terminals and in reports of every kind: nothing in it may steer them or reorder what is read.
  if (/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text))
    return { seen: 'a control character', expected: 'plain text', fix: `write ${field} anew` };
  // Letters of Hangul that fill a place and are not shown: an owner of them is nobody.
  if (/[\u115f\u1160\u3164\uffa0]/.test(text))
    return { seen: 'a letter that is not shown', expected, fix: `write ${field} anew` };
  if (field === 'control') return readControl(text, against.controls);
  if (field === 'expires') return readExpiry(text, against.today);
  if (!/\p{L}/u.test(text)) return { seen: `no word in ${field}`, expected, fix: `fill in ${field}` };
  if (text.length > MAX_TEXT)
    return {
      seen: `${text.length} characters`,
      expected: `at most ${MAX_TEXT}`,
      fix: 'name a document instead',
    };
  return text;
}

function readControl(text: string, controls: readonly string[]): string | Omit<Problem, 'where'> {
  const expected = MEANING.control;
  if (text.length <= 80 && new RegExp(CONTROL_ID).test(text)) return text;
  if (text.includes('*'))
    return { seen: JSON.stringify(text.slice(0, 60)), expected, fix: 'write one entry for each control' };
  const near = closest(text.slice(0, 80), controls);
  return {
    seen: JSON.stringify(text.slice(0, 60)),
    expected,
    fix: near === undefined ? 'see the command controls' : `did you mean ${near}`,
  };
}

function readExpiry(text: string, today: string): string | Omit<Problem, 'where'> {
  const fix = `for example ${daysAfter(today, 180)}`;
  if (!isDay(text))
    return { seen: JSON.stringify(text.slice(0, 60)), expected: 'a day of the calendar, as YYYY-MM-DD', fix };
  const ahead = daysFrom(today, text);
  if (ahead > MAX_DAYS)
    return {
      seen: `${text}, ${inDays(ahead)} ahead`,
      expected: `at most ${inDays(MAX_DAYS)} ahead, until ${daysAfter(today, MAX_DAYS)} (UTC): a waiver without an end is none`,
      fix: `choose an earlier day and decide anew then, ${fix}`,
    };
  return text;
}
