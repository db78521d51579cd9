import type { Finding } from '../../core/report.ts';
import { findingsOf, STATES, type State } from '../state.ts';
import { seen } from '../text.ts';
import { diffBlock } from './controls.ts';
import { heading, html, type Markup, moment, said } from './markup.ts';
import { labels, type Part, rowId, terms } from './part.ts';

const DAY = 86_400_000;

/** Waivers with who answers for them until when; nothing without waivers. */
export function waivers(part: Part): Markup | false {
  const { level, id, report, context } = part;
  const waived = findingsOf(report).filter((f) => f.waived);
  if (waived.length === 0) return false;
  const left = (expires: string): string => {
    // It holds to the end of its last day.
    const days = Math.floor((Date.parse(`${expires}T00:00:00Z`) + DAY - context.now.getTime()) / DAY);
    if (Number.isNaN(days)) return '';
    return days < 0 ? 'ended' : days === 0 ? 'ends today' : `${days} ${days === 1 ? 'day' : 'days'} left`;
  };
  const row = (finding: Finding) => {
    const { exception } = finding;
    const control = html`<th scope="row">${finding.title} <span class="meta"><a href="#${rowId(part, finding)}"><code>${finding.control}</code></a></span></th>`;
    if (!exception)
      return html`<tr>${control}<td colspan="4" data-label="For this run">${said(seen(finding.verdict))}</td></tr>\n`;
    return html`<tr>${control}<td data-label="Owner">${said(exception.owner)}</td><td data-label="Reason">${said(exception.reason)}</td><td data-label="Instead">${said(exception.compensating)}</td><td data-label="Until">${exception.expires} <span class="meta">${left(exception.expires)}, <code>${exception.where}</code></span></td></tr>\n`;
  };
  return html`<section aria-labelledby="${labels(part, 'waivers')}">
${heading(level, 'Waivers', `${id}waivers`)}
<table class="rows">
<thead><tr><th scope="col">Control</th><th scope="col">Owner</th><th scope="col">Reason</th><th scope="col">What protects instead</th><th scope="col">Until</th></tr></thead>
<tbody>
${waived.map(row)}</tbody>
</table>
</section>
`;
}

/** What changed since the verify before; nothing when that was not asked for. */
export function delta(part: Part): Markup | false {
  const { level, id, report } = part;
  const since = report.delta;
  if (!since) return false;
  const byId = new Map(findingsOf(report).map((f) => [f.control, f]));
  const entry = (control: string) => {
    const finding = byId.get(control);
    return html`<li>${finding ? html`<a href="#${rowId(part, finding)}">${finding.title}</a> ` : ''}<code>${control}</code></li>`;
  };
  const list = (label: string, controls: readonly string[]): readonly [string, Markup] => [
    label,
    controls.length === 0 ? html`none` : html`<ul>${controls.map(entry)}</ul>`,
  ];
  return html`<section aria-labelledby="${labels(part, 'delta')}">
${heading(level, html`Since ${moment(since.since)}`, `${id}delta`)}
${terms([list('New', since.new), list('Fixed', since.fixed), list('Still open', since.open)])}
</section>
`;
}

/** Changes of an apply or a dry run; nothing in a verify. */
export function changes(part: Part): Markup | false {
  const { level, id, report } = part;
  const all = report.steps.flatMap((step) => step.changes);
  if (all.length === 0) return false;
  return html`<section aria-labelledby="${labels(part, 'changes')}">
${heading(level, 'Changes', `${id}changes`)}
<ul class="changes">
${all.map(
  (change) =>
    html`<li>${said(change.summary)} <span class="meta">${change.status}${change.irreversible && ', cannot be undone'}</span>${change.error && html`<br>${said(change.error)}`}${change.diff && html`<details><summary>Diff<span class="hidden"> of ${change.id}</span></summary>${diffBlock(change.diff)}</details>`}</li>\n`,
)}</ul>
</section>
`;
}

/** The answers in force. */
export function answers(part: Part): Markup | false {
  const { level, id, report } = part;
  if (report.answers.length === 0) return false;
  return html`<section aria-labelledby="${labels(part, 'answers')}">
${heading(level, 'Answers in force', `${id}answers`)}
<table class="rows answers">
<thead><tr><th scope="col">Question</th><th scope="col">Answer</th><th scope="col">Where it came from</th></tr></thead>
<tbody>
${report.answers.map((a) => html`<tr><th scope="row"><code>${a.question}</code></th><td data-label="Answer">${said(a.value)}</td><td data-label="From">${a.source}</td></tr>\n`)}</tbody>
</table>
</section>
`;
}

/** What the words mean, and what this report cannot say. */
export function reading(level: number): Markup {
  const order: readonly State[] = ['pass', 'fail', 'unknown', 'attest', 'waived', 'skip'];
  return html`<section aria-labelledby="reading">
${heading(level, 'How to read this', 'reading')}
<dl class="states">${order.map((state) => html`<div><dt><span class="state ${state}"><span aria-hidden="true">${STATES[state].glyph}</span> ${STATES[state].word}</span></dt><dd>${STATES[state].means}.</dd></div>`)}</dl>
<p>A report says what was seen at one moment. “Look” is how long looking took, waiting for looks that several controls share included.</p>
</section>
`;
}

/** Lines for those who answer for the verdict. */
export function signOff(part: Part): Markup {
  const { level, id, report } = part;
  const person = (role: string) => html`<tr><th scope="row">${role}</th><td></td><td></td><td></td></tr>\n`;
  return html`<section class="sign" aria-labelledby="${labels(part, 'sign')}">
${heading(level, 'Sign-off', `${id}sign`)}
<p>About the report of <code>${report.dir}</code> that ended ${moment(report.finishedAt)}: ${said(report.verdict)}</p>
<ul class="boxes"><li>accepted as it stands</li><li>accepted with what is waived, open and not seen above</li><li>not accepted</li></ul>
<table>
<thead><tr><th scope="col">For</th><th scope="col">Name</th><th scope="col">Date</th><th scope="col">Signature</th></tr></thead>
<tbody>
${person('The operator')}${person('The auditor')}</tbody>
</table>
</section>
`;
}
