import type { Finding } from '../../core/report.ts';
import { actual, attention, bySection, findingsOf, STATES, stateOf, tally } from '../state.ts';
import { driftText, seen } from '../text.ts';
import { duration, heading, html, type Markup, said } from './markup.ts';
import { badge, labels, type Part, rowId, terms } from './part.ts';

/** What needs attention, worst first, with all that is known about it. */
export function attentionList(part: Part): Markup {
  const { level, id, report } = part;
  const findings = attention(report);
  return html`<section aria-labelledby="${labels(part, 'attention')}">
${heading(level, findings.length === 0 ? 'Nothing needs attention' : 'What needs attention first', `${id}attention`)}
${findings.length === 0 && html`<p>Every control that was looked at is proved or does not apply.</p>`}
${findings.map((finding) => item(finding, part))}
</section>
`;
}

function item(finding: Finding, part: Part): Markup {
  const state = stateOf(finding);
  const verdict = actual(finding);
  const { drift, exception } = finding;
  return html`<article class="item ${state}">
${heading(part.level + 1, finding.title)}
<p class="meta">${badge(finding)} <span>${finding.severity}</span> <a href="#${rowId(part, finding)}"><code>${finding.control}</code></a></p>
${terms([
  [verdict.is === 'fail' ? 'Seen' : verdict.is === 'attest' ? 'To say' : 'Why', said(seen(verdict))],
  ['Expected', verdict.is === 'fail' ? said(verdict.expected) : undefined],
  ['Cause', verdict.is === 'fail' && verdict.cause ? said(verdict.cause) : undefined],
  ['Drift', drift ? said(driftText(drift)) : undefined],
  [
    'Waived',
    exception
      ? html`by ${said(exception.owner)} until ${exception.expires}: ${said(exception.reason)}`
      : undefined,
  ],
  ['Waived', finding.waived && !exception ? said(seen(finding.verdict)) : undefined],
  ['Instead', exception ? said(exception.compensating) : undefined],
  ['Threat', finding.threat],
  ['Fix', html`${finding.remedy}${finding.manual && ' Only a person can do this.'}`],
  ['Impact', finding.impact],
])}
${drift?.diff && diffBlock(drift.diff)}
</article>
`;
}

/** A unified diff; each line keeps the sign that says what its colour repeats. */
export function diffBlock(diff: string): Markup {
  const kind = (line: string) =>
    /^(\+\+\+|---|@@)/.test(line)
      ? 'head'
      : line.startsWith('+')
        ? 'added'
        : line.startsWith('-')
          ? 'removed'
          : 'same';
  const lines = diff.replace(/\n$/, '').split('\n');
  return html`<pre class="diff"><code>${lines.map((line, i) => html`${i > 0 && '\n'}<span class="${kind(line)}">${line}</span>`)}</code></pre>
`;
}

/** Every control with its evidence, by section of the guide. */
export function controlTables(part: Part): Markup {
  const { level, id, report, context } = part;
  const sections = bySection(findingsOf(report), context.sections);
  return html`<section aria-labelledby="${labels(part, 'controls')}">
${heading(level, 'Every control, and what was seen', `${id}controls`)}
${sections.length === 0 && html`<p>No control was looked at.</p>`}
${sections.map(
  ({
    id: section,
    title,
    findings,
  }) => html`<section class="guide" aria-labelledby="${labels(part, `s-${section.replace(/\s/g, '-')}`)}">
${heading(level + 1, html`${title} <span class="sum">${summary(findings)}</span>`, `${id}s-${section.replace(/\s/g, '-')}`)}
<table class="controls">
<thead><tr><th scope="col">State</th><th scope="col">Control</th><th scope="col">Seen</th><th scope="col">Look</th></tr></thead>
<tbody>
${findings.map((finding) => row(finding, part))}</tbody>
</table>
</section>
`,
)}
</section>
`;
}

function summary(findings: readonly Finding[]): string {
  const t = [tally(findings, 'required'), tally(findings, 'advised')];
  const sum = (of: (one: (typeof t)[number]) => number) => t.reduce((n, one) => n + of(one), 0);
  const apply = sum((one) => one.applicable);
  return apply === 0 ? STATES.skip.word : `${sum((one) => one.proved)} of ${apply} proved`;
}

function row(finding: Finding, part: Part): Markup {
  const verdict = actual(finding);
  const { control, title, severity, threat, remedy, impact, refs, duration: took, manual } = finding;
  return html`<tr id="${rowId(part, finding)}">
<td>${badge(finding)}</td>
<th scope="row">${title} <span class="meta"><code>${control}</code>${severity === 'advised' && html` <span>advised</span>`}</span></th>
<td>${said(seen(verdict))}${verdict.is === 'fail' && html`<br><span class="dim">expected: ${said(verdict.expected)}</span>`}
<details><summary>Threat and fix<span class="hidden"> of ${control}</span></summary>${terms([
    ['Threat', threat],
    ['Fix', html`${remedy}${manual && ' Only a person can do this.'}`],
    ['Impact', impact],
    ['References', refs.join('; ')],
  ])}</details></td>
<td class="took">${duration(took)}</td>
</tr>
`;
}
