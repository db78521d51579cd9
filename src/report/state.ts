import { EXIT_MEANING } from '../core/errors.ts';
import type { Finding, Report } from '../core/report.ts';
import type { Severity, Verdict } from '../core/step.ts';
import { foundExit } from '../core/verdict.ts';

/** What a control came to in a report: its verdict, or that it was waived. */
export type State = Verdict['is'] | 'waived';

/** States from best to worst, each with the word, the glyph and what it says. Only `pass` is proved. */
export const STATES: Readonly<Record<State, { word: string; glyph: string; means: string }>> = {
  pass: { word: 'proved', glyph: '✓', means: 'looked at, and it holds' },
  skip: { word: 'does not apply', glyph: '·', means: 'there is nothing to look at in this install' },
  waived: {
    word: 'waived',
    glyph: '!',
    means: 'it does not hold, and somebody answers for that until a date',
  },
  attest: { word: 'open', glyph: '○', means: 'only a person can say, and nobody has' },
  unknown: { word: 'not seen', glyph: '?', means: 'it could not be looked at, so nothing is claimed' },
  fail: { word: 'failing', glyph: '✗', means: 'looked at, and it does not hold' },
};

export const stateOf = (finding: Finding): State => (finding.waived ? 'waived' : finding.verdict.is);

export const findingsOf = (report: Pick<Report, 'steps'>): readonly Finding[] =>
  report.steps.flatMap((step) => step.findings);

/** States that a person has to look at, worst first: all that is neither proved nor without an object. */
const WORST_FIRST: readonly State[] = ['fail', 'unknown', 'attest', 'waived'];

/** True for what somebody should look at: failing, not seen, open, waived. */
export const needsAttention = (finding: Finding): boolean => WORST_FIRST.includes(stateOf(finding));

/**
 * What a person has to look at, in the one order that every report and front end shows: required first, then the worst
 * first, then as the controls are listed. A terminal shows it from its end, so that what matters most is next to the eye.
 */
export function attention(report: Pick<Report, 'steps'>): readonly Finding[] {
  const rank = (f: Finding) =>
    WORST_FIRST.indexOf(stateOf(f)) + (f.severity === 'required' ? 0 : WORST_FIRST.length);
  return findingsOf(report)
    .filter(needsAttention)
    .sort((a, b) => rank(a) - rank(b));
}

/** What was really seen: under a waiver, the verdict that it covers. */
export const actual = (finding: Finding): Verdict => finding.waived ?? finding.verdict;

/** Counts of findings by state. `applicable` is all but what does not apply; `total` is all. */
export interface Tally {
  readonly proved: number;
  readonly failing: number;
  readonly notSeen: number;
  readonly open: number;
  readonly waived: number;
  readonly notApplicable: number;
  readonly applicable: number;
  readonly total: number;
}

export function tally(findings: readonly Finding[], severity: Severity): Tally {
  const all = findings.filter((f) => f.severity === severity);
  const of = (state: State) => all.filter((f) => stateOf(f) === state).length;
  const notApplicable = of('skip');
  return {
    proved: of('pass'),
    failing: of('fail'),
    notSeen: of('unknown'),
    open: of('attest'),
    waived: of('waived'),
    notApplicable,
    applicable: all.length - notApplicable,
    total: all.length,
  };
}

/** Findings by section of the guide, in the order of `titles`; sections that nothing belongs to are left out. */
export function bySection(
  findings: readonly Finding[],
  titles: Readonly<Record<string, string>>,
): readonly { readonly id: string; readonly title: string; readonly findings: readonly Finding[] }[] {
  const ids = [...new Set([...Object.keys(titles), ...findings.map((f) => f.section)])];
  return ids
    .map((id) => ({ id, title: titles[id] ?? id, findings: findings.filter((f) => f.section === id) }))
    .filter((section) => section.findings.length > 0);
}

/** What a report's exit code says, without claiming more than the findings do, and what else decided it. */
export function exitText(report: Report): string {
  const found = foundExit(report);
  const meaning = EXIT_MEANING[found].replaceAll('`', '');
  const also = report.policy?.failOn === 'advised' ? '; advised controls count like required ones' : '';
  return found === report.exit
    ? `${meaning}${also}`
    : `asked for whatever is found (--exit-zero); by what was found it is ${found}: ${meaning}${also}`;
}
