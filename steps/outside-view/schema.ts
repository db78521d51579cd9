/** What a handed-in look must be: the JSON report of a probe, read as something a stranger wrote. */
import { isIP } from 'node:net';
import * as v from 'valibot';
import type { Problem } from '../../src/core/errors.ts';
import { isPrintableLine } from '../../src/core/printable.ts';

/** Characters of one text of a verdict that are kept: what a foreign server says is not for us to bound otherwise. */
export const LONGEST = 2_000;

/** Largest file that is read as a look, in characters; a real one has about 20,000. */
const LARGEST = 512 * 1024;

/** Printable text on one line: nothing that moves a cursor or a line reaches a terminal by way of this file. */
const line = (longest: number) =>
  v.pipe(
    v.string(),
    v.check(
      (text) => isPrintableLine(text, longest),
      `one line of printable text of at most ${longest} characters`,
    ),
  );
const time = v.pipe(v.string(), v.isoTimestamp('a time such as 2026-11-26T10:00:00.000Z'));
const address = v.pipe(
  v.string(),
  v.check((text) => isIP(text) !== 0, 'an IP address'),
);
const fingerprint = v.pipe(v.string(), v.regex(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/, 'a SHA-256 fingerprint'));
const text = line(LONGEST);

const verdict = v.variant('is', [
  v.strictObject({ is: v.literal('pass'), observed: text }),
  v.strictObject({ is: v.literal('fail'), observed: text, expected: text, cause: v.optional(text) }),
  v.strictObject({ is: v.literal('unknown'), because: text, awaits: v.optional(text) }),
  v.strictObject({ is: v.literal('skip'), because: text }),
]);

/**
 * Strict in all that is read of it. What else a report holds (titles, remedies, times) is left alone: a verify says it
 * in its own words.
 */
const probeReport = (tool: string, step: string) =>
  v.object({
    // 2 added what decided the exit code, which is not read here.
    schema: v.picklist([1, 2]),
    tool: v.object({ name: v.literal(tool), version: line(40) }),
    mode: v.literal('verify'),
    startedAt: time,
    finishedAt: time,
    stopped: v.optional(v.never('a look that came to its end')),
    selection: v.optional(v.never('a look at every control')),
    outside: v.strictObject({
      target: line(300),
      roots: v.optional(v.pipe(v.array(fingerprint), v.maxLength(200, 'at most 200 roots'))),
      addresses: v.pipe(
        // A look of an older version does not tell which certificates it met.
        v.array(v.strictObject({ address, from: v.optional(address), certificate: v.optional(fingerprint) })),
        v.minLength(1, 'at least one address'),
        v.maxLength(8, 'at most 8 addresses'),
      ),
    }),
    answers: v.pipe(
      v.array(v.object({ question: line(80), value: line(10_000) })),
      v.maxLength(40, 'at most 40 answers'),
    ),
    steps: v.tuple([
      v.object({
        id: v.literal(step),
        findings: v.pipe(
          v.array(v.object({ control: line(80), verdict, waived: v.optional(v.never('no waiver')) })),
          v.maxLength(200, 'at most 200 findings'),
        ),
      }),
    ]),
  });
export type ProbeReport = v.InferOutput<ReturnType<typeof probeReport>>;

/** Reads the text of a file. @returns the report, or everything that is wrong with it (at most 5, the rest counted) */
export function readProbe(
  content: string,
  where: string,
  tool: string,
  step: string,
): { readonly report: ProbeReport } | { readonly problem: Problem } {
  const fix = `take a new look on another machine: npx ${tool} probe https://NAME --json > probe.json`;
  const expected = 'the JSON report of probe, unchanged';
  if (content.length > LARGEST)
    return { problem: { where, seen: `${content.length} characters`, expected, fix } };
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    return { problem: { where, seen: content.trim() === '' ? 'an empty file' : 'no JSON', expected, fix } };
  }
  const parsed = v.safeParse(probeReport(tool, step), json);
  if (parsed.success) return { report: parsed.output };
  const told = parsed.issues.slice(0, 5).map((issue) => {
    const at = v.getDotPath(issue) ?? 'the whole file';
    // Never the value: it is a stranger's, and may be long.
    const kind = issue.input === undefined ? 'is missing' : `is ${describe(issue.input)}`;
    return `${at} ${kind}, expected ${issue.expected ?? issue.message}`;
  });
  const more = parsed.issues.length > told.length ? `; and ${parsed.issues.length - told.length} more` : '';
  return { problem: { where, seen: `${told.join('; ')}${more}`, expected, fix } };
}

const describe = (input: unknown): string =>
  input === null
    ? 'null'
    : Array.isArray(input)
      ? `a list of ${input.length}`
      : typeof input === 'object'
        ? 'an object'
        : typeof input === 'string'
          ? 'another text'
          : `a ${typeof input}`;
