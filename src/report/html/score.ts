import type { Report } from '../../core/report.ts';
import type { Severity } from '../../core/step.ts';
import { bySection, findingsOf, STATES, type State, type Tally, tally } from '../state.ts';
import { heading, html, type Markup } from './markup.ts';
import { labels, type Part } from './part.ts';

const COLUMNS: readonly (readonly [keyof Tally, string, State | 'sum'])[] = [
  ['proved', 'Proved', 'pass'],
  ['failing', 'Failing', 'fail'],
  ['notSeen', 'Not seen', 'unknown'],
  ['open', 'Open', 'attest'],
  ['waived', 'Waived', 'waived'],
  ['applicable', 'Apply', 'sum'],
  ['notApplicable', 'Do not apply', 'skip'],
];

/** The score: one sentence, one bar, and the rule it follows. */
export function score(part: Part): Markup {
  const { report, level, id } = part;
  const required = tally(findingsOf(report), 'required');
  const missing = report.steps.filter((step) => step.outcome === 'not-reached').length;
  return html`<section aria-labelledby="${labels(part, 'score')}">
${heading(level, 'Score', `${id}score`)}
<p class="score"><strong>${required.proved}</strong> of <strong>${required.applicable}</strong> required controls that apply are proved.</p>
${bar(required)}
<p class="rule">The rule: a control counts as proved only when it was looked at and holds. Failing, not seen, open and waived ones count in full against the score. What does not apply here is in neither number. Advised controls are counted apart. <a href="#${id}sums">Add it up by section.</a></p>
${missing > 0 && html`<p class="rule">${missing} ${missing === 1 ? 'step was' : 'steps were'} not reached; their controls are in no number here.</p>`}
${report.selection && html`<p class="rule">Only ${report.selection.looked} of ${report.selection.of} controls were looked at (${selectionText(report.selection)}); the others are in no number here.</p>`}
</section>
`;
}

/** The tables that the score can be added up from by hand. */
export function sums(part: Part): Markup {
  const { report, context, level, id } = part;
  const findings = findingsOf(report);
  const table = (severity: Severity) => {
    const of = findings.filter((f) => f.severity === severity);
    const rows = bySection(of, context.sections).map(
      (section) => [section.title, tally(section.findings, severity)] as const,
    );
    return of.length > 0 && scoreTable(severity, rows, tally(findings, severity), id);
  };
  return html`<section aria-labelledby="${labels(part, 'sums')}">
${heading(level, 'The score by section of the guide', `${id}sums`)}
${table('required')}${table('advised')}
</section>
`;
}

function selectionText({ only, sections, severity }: NonNullable<Report['selection']>): string {
  const parts = [
    only.length > 0 ? `only ${only.join(', ')}` : '',
    sections.length > 0 ? `sections ${sections.join(', ')}` : '',
    severity ? `severity ${severity}` : '',
  ].filter(Boolean);
  return parts.join('; ') || 'a part';
}

function scoreTable(
  severity: Severity,
  rows: readonly (readonly [string, Tally])[],
  total: Tally,
  id: string,
): Markup {
  const cells = (t: Tally) =>
    COLUMNS.map(([key, , kind]) => html`<td class="${t[key] === 0 ? 'zero' : kind}">${t[key]}</td>`);
  return html`<table class="sums" id="${id}${severity}">
<caption>${severity === 'required' ? 'Required' : 'Advised'} controls: proved + failing + not seen + open + waived = apply</caption>
<thead><tr><th scope="col">Section</th>${COLUMNS.map(([, label]) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>
${rows.map(([title, t]) => html`<tr><th scope="row">${title}</th>${cells(t)}</tr>\n`)}</tbody>
<tfoot><tr><th scope="row">All sections</th>${cells(total)}</tr></tfoot>
</table>
`;
}

/** Shares of the controls that apply, in the order of the table; the table says the same in numbers. */
function bar(t: Tally): Markup {
  const shares = COLUMNS.filter(([, , kind]) => kind !== 'sum' && kind !== 'skip').map(
    ([key, , kind]) => [kind as State, t[key]] as const,
  );
  const shown = shares.filter(([, n]) => n > 0);
  const said = shown.map(([state, n]) => `${n} ${STATES[state].word}`).join(', ');
  let x = 0;
  const parts = shown.map(([state, n]) => {
    const width = (n / t.applicable) * 1000;
    const part = html`<rect class="${state}" x="${x.toFixed(2)}" y="0" width="${Math.max(2, width - 3).toFixed(2)}" height="10"/>`;
    x += width;
    return part;
  });
  return html`<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${said || 'nothing applies'}">${parts}</svg>
<p class="legend">${shown.map(([state, n]) => html`<span class="${state}"><span aria-hidden="true">${STATES[state].glyph}</span> ${n} ${STATES[state].word}</span> `)}</p>`;
}
