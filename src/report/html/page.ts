import { EXIT } from '../../core/errors.ts';
import type { Report } from '../../core/report.ts';
import { foundExit } from '../../core/verdict.ts';
import type { ReportContext } from '../formats.ts';
import { attention, exitText, findingsOf, tally } from '../state.ts';
import { attentionList, controlTables } from './controls.ts';
import { answers, changes, delta, reading, signOff, waivers } from './extras.ts';
import { cssString, duration, heading, html, Markup, moment, said } from './markup.ts';
import { labels, type Part, terms } from './part.ts';
import { score, sums } from './score.ts';
import { STYLE } from './style.ts';

/** Nothing is loaded and nothing runs, whatever a hostile host got into a text (CSP level 3). */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * Reports as one standalone page: no script, no remote asset; light, dark and printed. Every text is escaped.
 * @param reports made printable (printable.ts), at least one
 */
export function renderHtml(reports: readonly Report[], context: ReportContext): string {
  const [first] = reports;
  if (!first) throw new RangeError('there is no report to render');
  const isOne = reports.length === 1;
  const parts = reports.map(
    (report, i): Part => ({ report, context, level: isOne ? 2 : 3, id: isOne ? '' : `i${i + 1}-` }),
  );
  const title = isOne
    ? `${WORDS[tone(first)].word}: ${first.dir}`
    : `${reports.filter((r) => foundExit(r) === EXIT.proved).length} of ${reports.length} installs proved`;
  const foot = `${first.tool.name} ${first.tool.version}, ${isOne ? first.dir : `${reports.length} installs`}, ${first.finishedAt}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>
${new Markup(STYLE)}
@page { @bottom-left { content: ${new Markup(cssString(foot))}; font-size: 8pt; } @bottom-right { content: counter(page) " / " counter(pages); font-size: 8pt; } }
</style>
</head>
<body>
${isOne ? parts.map(single) : several(parts, title)}
<footer>
<p>Made by ${first.tool.name} ${first.tool.version}, ${moment(context.now.toISOString())}. This page loads nothing and runs nothing.</p>
</footer>
</body>
</html>
`;
  return page.text;
}

const WORDS = {
  good: { word: 'Proved', glyph: '✓' },
  bad: { word: 'Not proved', glyph: '✗' },
  unclear: { word: 'Not seen', glyph: '?' },
  pending: { word: 'Changes to make', glyph: '~' },
} as const;

function tone(report: Report): keyof typeof WORDS {
  const exit = foundExit(report);
  if (exit === EXIT.proved) return 'good';
  if (exit === EXIT.notSeen || exit === EXIT.cancelled) return 'unclear';
  return exit === EXIT.changesPending ? 'pending' : 'bad';
}

function single(part: Part): Markup {
  return html`<header>
<p class="tool">${part.report.tool.name}</p>
${heading(1, verdict(part))}
${facts(part)}
${contents(part)}
</header>
<main>
${body(part)}
${reading(part.level)}
${signOff(part)}
</main>`;
}

function several(parts: readonly Part[], title: string): Markup {
  const row = (part: Part) => {
    const { report, id } = part;
    const t = tally(findingsOf(report), 'required');
    return html`<tr><th scope="row"><a href="#${id}top"><code>${report.dir}</code></a></th><td data-label="Verdict">${verdict(part)}</td><td data-label="Score">${t.proved} of ${t.applicable}</td></tr>\n`;
  };
  return html`<header>
<p class="tool">${parts[0]?.report.tool.name}</p>
${heading(1, title)}
</header>
<main>
<section aria-labelledby="installs">
${heading(2, 'Installs', 'installs')}
<table class="rows">
<thead><tr><th scope="col">Install</th><th scope="col">Verdict</th><th scope="col">Required, proved</th></tr></thead>
<tbody>
${parts.map(row)}</tbody>
</table>
</section>
${parts.map(
  (part) => html`<article class="install" aria-labelledby="${part.id}top">
${heading(2, html`<code>${part.report.dir}</code>`, `${part.id}top`)}
<p class="verdict">${verdict(part)}</p>
${facts(part)}
${body(part)}
${signOff(part)}
</article>
`,
)}
${reading(2)}
</main>`;
}

/** Everything about one install but its head and its sign-off. */
const body = (part: Part): Markup =>
  html`${part.report.stopped && stopped(part, part.report.stopped)}${score(part)}${attentionList(part)}${delta(part)}${waivers(part)}${changes(part)}${sums(part)}${controlTables(part)}${answers(part)}`;

function verdict({ report }: Part): Markup {
  const is = tone(report);
  const { word, glyph } = WORDS[is];
  return html`<span class="tone ${is}"><span aria-hidden="true">${glyph}</span> ${word}</span> ${said(report.verdict)}`;
}

function facts({ report }: Part): Markup {
  const took = Date.parse(report.finishedAt) - Date.parse(report.startedAt);
  return html`<div class="facts">${terms([
    ['Install', html`<code>${report.dir}</code>`],
    ['When', html`${moment(report.startedAt)}, in ${duration(took)}`],
    ['What', `${report.mode} by ${report.tool.name} ${report.tool.version}`],
    ['Exit code', `${report.exit}: ${exitText(report)}`],
  ])}</div>`;
}

function contents(part: Part): Markup {
  const { report } = part;
  const links: readonly (readonly [string, string, boolean])[] = [
    ['score', 'Score', true],
    ['attention', `Needs attention (${attention(report).length})`, true],
    ['delta', 'Since the last verify', report.delta !== undefined],
    ['waivers', 'Waivers', findingsOf(report).some((f) => f.waived)],
    ['changes', 'Changes', report.steps.some((s) => s.changes.length > 0)],
    ['sums', 'Score by section', true],
    ['controls', 'Every control', true],
    ['answers', 'Answers', report.answers.length > 0],
    ['reading', 'How to read this', true],
    ['sign', 'Sign-off', true],
  ];
  return html`<nav aria-label="Contents"><ul>${links.map(([id, label, is]) => is && html`<li><a href="#${id}">${label}</a></li>`)}</ul></nav>`;
}

function stopped(part: Part, { step, reason, fix, log }: NonNullable<Report['stopped']>): Markup {
  return html`<section class="item unknown" aria-labelledby="${labels(part, 'stopped')}">
${heading(part.level, `The run stopped at ${step}`, `${part.id}stopped`)}
${terms([
  ['Why', said(reason)],
  ['Fix', fix === undefined ? undefined : said(fix)],
])}
${log && log.length > 0 && html`<pre class="diff"><code>${log.join('\n')}</code></pre>`}
</section>
`;
}
