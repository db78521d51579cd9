import { stripVTControlCharacters } from 'node:util';
import { EXIT } from '../core/errors.ts';
import {
  type ChangeReport,
  count,
  type Drift,
  type DriftLink,
  type Finding,
  type Report,
  type StepReport,
} from '../core/report.ts';
import type { Verdict } from '../core/step.ts';
import { foundExit } from '../core/verdict.ts';
import { exitText, needsAttention } from './state.ts';

export interface TextStyle {
  readonly colour: boolean;
  /** False: ASCII only. */
  readonly unicode: boolean;
  /** Columns; text stays within 76 whatever the terminal has. */
  readonly width: number;
  /** Every control with what was seen; otherwise only what needs attention and one line per step. */
  readonly verbose: boolean;
  /** A dry run: what will be done and what only a person can do; what does not exist yet is no finding. */
  readonly planning: boolean;
}

type Mark = { glyph: string; ascii: string; word: string; sgr: string };
const MARKS: Record<Verdict['is'] | 'waived', Mark> = {
  pass: { glyph: '✓', ascii: 'ok', word: 'proved', sgr: '32' },
  fail: { glyph: '✗', ascii: 'FAIL', word: 'failing', sgr: '31' },
  unknown: { glyph: '?', ascii: '?', word: 'not seen', sgr: '33' },
  attest: { glyph: '○', ascii: '..', word: 'open', sgr: '33' },
  skip: { glyph: '·', ascii: '-', word: 'does not apply', sgr: '2' },
  waived: { glyph: '!', ascii: 'WAIVED', word: 'waived', sgr: '33' },
};
/** What a verdict is called in a sentence. */
export const VERDICT_WORDS = Object.fromEntries(
  Object.entries(MARKS).map(([is, { word }]) => [is, word]),
) as Readonly<Record<keyof typeof MARKS, string>>;
const markOf = (f: Finding): Mark => (f.waived ? MARKS.waived : MARKS[f.verdict.is]);

const paint = (style: TextStyle, sgr: string, text: string) =>
  style.colour ? `\u001b[${sgr}m${text}\u001b[0m` : text;
const measure = (style: TextStyle) => Math.max(36, Math.min(style.width, 80) - 2);

/** What was seen, in one text. */
export function seen(verdict: Verdict): string {
  switch (verdict.is) {
    case 'pass':
    case 'fail':
      return verdict.observed;
    case 'attest':
      return verdict.ask;
    default:
      return verdict.because;
  }
}

/** The link that broke, as people say it. */
const LINKS: Readonly<Record<DriftLink, string>> = {
  'edited-by-hand': 'edited by hand',
  'edited-not-applied': 'edited, not applied',
  'changed-at-run-time': 'changed at run time',
  'changed-by-update': 'changed by an update',
  'never-applied': 'never applied',
};

/** Which link broke and what differs from what, in one text. */
export const driftText = (drift: Drift): string => `${LINKS[drift.link]}: ${drift.detail}`;

/** A file's lines as a terminal may show them, whatever somebody wrote into the file. */
const harmless = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => stripVTControlCharacters(line.replaceAll('\t', '  ')).replace(/\p{Cc}/gu, ''));

/** What a step came to, in words: counts only where there is something to count. */
function summarize(step: StepReport, style: TextStyle): string {
  if (step.outcome === 'not-reached') return 'not reached';
  const is = (verdict: Verdict['is']) => step.findings.filter((f) => f.verdict.is === verdict).length;
  const made = (status: ChangeReport['status']) => step.changes.filter((c) => c.status === status).length;
  const counts: readonly (readonly [number, string])[] = style.planning
    ? [
        [made('planned'), made('planned') === 1 ? 'change to make' : 'changes to make'],
        [step.findings.filter((f) => f.manual && f.verdict.is === 'fail').length, 'for you to repair first'],
      ]
    : [
        [is('pass'), 'proved'],
        [is('fail'), 'failing'],
        [is('unknown'), 'not seen'],
        [is('attest'), 'open'],
        [step.findings.filter((f) => f.waived).length, 'waived'],
        [made('done'), 'changed'],
      ];
  const said = counts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return said.length > 0 ? said.join(', ') : 'nothing to do';
}

/** One finished step: a quiet line when all holds, every control that needs attention otherwise. */
export function renderStep(step: StepReport, at: { index: number; total: number }, style: TextStyle): string {
  const head = `Step ${at.index + 1} of ${at.total}, ${step.title}.`;
  const took = step.duration >= 1000 ? `, ${(step.duration / 1000).toFixed(1)} s` : '';
  const lines = [`${paint(style, '1', head)} ${summarize(step, style)}${took}`];
  for (const finding of step.findings) {
    if (isShown(finding, style)) lines.push(...renderFinding(finding, style));
  }
  for (const change of step.changes) {
    if (change.status === 'done') continue;
    lines.push(
      `  ${change.status === 'planned' ? '~' : '-'} ${change.summary}${change.status === 'planned' ? '' : ` (${change.status}${change.error ? `: ${change.error}` : ''})`}`,
    );
    if (change.diff && (style.verbose || style.planning))
      lines.push(...change.diff.split('\n').map((l) => `      ${l}`));
  }
  return lines.join('\n');
}

function isShown(finding: Finding, style: TextStyle): boolean {
  if (style.verbose) return true;
  if (!style.planning) return needsAttention(finding);
  return finding.waived !== undefined || (finding.verdict.is === 'fail' && finding.manual === true);
}

/** How the line with what was seen begins. */
const LABEL = { pass: 'seen', fail: 'seen', unknown: 'why', attest: 'open', skip: 'why' } as const;

/** One control: its title and what was seen; a failure adds what was expected, the fix and what the fix costs. */
export function renderFinding(finding: Finding, style: TextStyle): string[] {
  const mark = markOf(finding);
  const sign = (style.unicode ? mark.glyph : mark.ascii).padEnd(style.unicode ? 1 : 4);
  const advised = finding.severity === 'advised' ? ' (advised)' : '';
  const title = `${finding.title}${advised}`;
  const id = `[${finding.control}]`;
  // The id stays whole, so that it can be copied: where the line has no room left, it has one of its own.
  const fits = sign.length + title.length + id.length + 3 <= measure(style);
  const [first = '', ...more] = fits
    ? [`${title}  ${paint(style, '2', id)}`]
    : wrap(title, measure(style) - 6);
  const lines = [`  ${paint(style, mark.sgr, sign)} ${first}`];
  lines.push(...more.map((line) => `${' '.repeat(6)}${line}`));
  if (!fits) lines.push(`${' '.repeat(6)}${paint(style, '2', id)}`);
  const row = (label: string, text: string) => {
    const [begin = '', ...rest] = wrap(text, measure(style) - 15);
    lines.push(
      `      ${paint(style, '2', label.padEnd(9))} ${begin}`,
      ...rest.map((l) => `${' '.repeat(16)}${l}`),
    );
  };
  const { verdict } = finding;
  if (!needsAttention(finding)) {
    row(LABEL[verdict.is], seen(verdict));
    return lines;
  }
  const { exception, waived } = finding;
  if (exception && waived) {
    row(LABEL[waived.is], seen(waived));
    if (waived.is === 'fail') row('expected', waived.expected);
    row('waived', `by ${exception.owner} until ${exception.expires} (UTC), ${exception.where}`);
    row('reason', exception.reason);
    row('instead', exception.compensating);
    return lines;
  }
  row(LABEL[verdict.is], seen(verdict));
  if (verdict.is === 'fail') {
    row('expected', verdict.expected);
    if (verdict.cause) row('cause', verdict.cause);
  }
  if (finding.drift) {
    row('drift', driftText(finding.drift));
    if (finding.drift.diff && style.verbose)
      lines.push(...harmless(finding.drift.diff).map((line) => `${' '.repeat(16)}${line}`));
  }
  if (!finding.waived) {
    row('fix', finding.remedy);
    if (finding.impact) row('impact', finding.impact);
  }
  return lines;
}

/** The end of a run: the verdict, the counts, why it stopped, and what to keep. */
export function renderEnd(
  report: Report,
  style: TextStyle,
  keep: readonly (readonly [string, string])[] = [],
): string {
  const line = (severity: 'required' | 'advised') => {
    const c = count(report, severity);
    const extra = [
      c.open > 0 ? `${c.open} open` : '',
      c.waived > 0 ? `${c.waived} waived` : '',
      c.skipped > 0 ? `${c.skipped} do not apply` : '',
    ].filter(Boolean);
    return `  ${severity.padEnd(9)} ${c.proved} proved, ${c.failing} failing, ${c.notSeen} not seen${extra.length > 0 ? `, ${extra.join(', ')}` : ''}`;
  };
  const found = foundExit(report);
  const colour = found === EXIT.proved ? '32' : found === EXIT.changesPending ? '36' : '31';
  const lines = ['', paint(style, colour, report.verdict), ''];
  // Whoever reads the exit code only would take it for the verdict.
  if (found !== report.exit)
    lines.push(...wrap(`Exit code ${report.exit}: ${exitText(report)}.`, measure(style)), '');
  if (report.stopped) {
    lines.push(`The run stopped at ${report.stopped.step}: ${report.stopped.reason}`);
    if (report.stopped.fix) lines.push(`  fix  ${report.stopped.fix}`);
    for (const text of report.stopped.log ?? []) lines.push(`  log  ${text}`);
    const done = report.steps.flatMap((s) =>
      s.changes.filter((c) => c.status === 'done').map((c) => c.summary),
    );
    if (done.length > 0) lines.push('  Done before that and left in place:', ...done.map((d) => `    ${d}`));
    const open = report.steps.flatMap((s) =>
      s.outcome === 'not-reached'
        ? [`${s.title} (not looked at)`]
        : s.changes.filter((c) => c.status !== 'done' && c.status !== 'planned').map((c) => c.summary),
    );
    if (open.length > 0) lines.push('  Not done:', ...open.map((d) => `    ${d}`));
    lines.push('');
  }
  if (!style.planning) lines.push(line('required'), line('advised'));
  if (keep.length > 0 && !report.stopped) {
    const label = Math.max(...keep.map(([l]) => l.length));
    lines.push('', 'Keep these');
    for (const [l, text] of keep) {
      const [first = '', ...rest] = wrap(text, measure(style) - label - 4);
      lines.push(`  ${l.padEnd(label)}  ${first}`, ...rest.map((more) => `${' '.repeat(label + 4)}${more}`));
    }
  }
  return lines.join('\n');
}

/** The answers with where each came from, for `--dry-run`. */
export function renderAnswers(report: Report): string {
  const shown = report.answers.filter((a) => a.value !== '(none)');
  const width = Math.max(0, ...shown.map((a) => a.question.length));
  return [
    'Answers',
    ...shown.map((a) => `  ${a.question.padEnd(width)}  ${a.value || '(empty)'}  (${a.source})`),
  ].join('\n');
}

/** Wraps at spaces; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + word.length + 1 > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
