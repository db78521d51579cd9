/** What needs attention comes in one order, whoever shows it: the pages from the worst on, the terminals towards it. */
import { expect, it } from 'vitest';
import type { Finding, Report } from '../../src/core/report.ts';
import { Narrator } from '../../src/frontends/line/narrate.ts';
import type { Terminal } from '../../src/frontends/line/terminal.ts';
import type { PersonOptions } from '../../src/frontends/person.ts';
import { drawEntry } from '../../src/frontends/tui/view/records.ts';
import { renderHtml } from '../../src/report/html/page.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { attention } from '../../src/report/state.ts';
import { allFindings, context, judged } from './fixture.ts';

/** Every kind of finding twice, the mild ones first, under titles that stand on one line. */
const found: readonly Finding[] = ['a', 'b'].flatMap((copy) =>
  allFindings.toReversed().map((finding, i) => ({
    ...finding,
    control: `${finding.control}.${copy}`,
    title: `${copy}${String(i).padStart(2, '0')} is so`,
  })),
);
const report = judged(found);
const expected = attention(report).map((finding) => finding.title);

/** The titles of what needs attention in the order in which a text names each for the first time. */
const orderIn = (text: string): readonly string[] =>
  expected.filter((title) => text.includes(title)).sort((a, b) => text.indexOf(a) - text.indexOf(b));

function spoken(told: Report): string {
  const said: string[] = [];
  const terminal = { say: (text: string) => said.push(text), gap: () => {} } as unknown as Terminal;
  const style = { ...context.style, verbose: false };
  const narrator = new Narrator(terminal, {
    style,
    keep: () => [],
    reportFile: '',
  } as unknown as PersonOptions);
  narrator.tell({ type: 'run-end', report: told });
  return said.join('\n');
}

const drawn = (told: Report): string =>
  drawEntry(
    { is: 'end', report: told },
    { columns: 100, rows: 60, unicode: true, now: 0 },
    { product: { name: 'x', version: '1' }, keep: () => [], reportFile: '' },
  )
    .map((line) => line.map((part) => part.text).join(''))
    .join('\n');

it('is required before advised, worst before mild, and as listed among equals', () => {
  const key = ({ severity, verdict, waived }: Finding) => `${severity} ${waived ? 'waived' : verdict.is}`;
  const list = attention(report);
  expect([...new Set(list.map(key))]).toEqual(
    ['required', 'advised'].flatMap((s) => ['fail', 'unknown', 'attest', 'waived'].map((is) => `${s} ${is}`)),
  );
  for (const kind of new Set(list.map(key))) {
    const equals = list.filter((finding) => key(finding) === kind);
    expect(equals).toEqual(found.filter((finding) => equals.includes(finding)));
  }
  expect(expected.length).toBeGreaterThan(16);
});

it('is the order of the page and of Markdown', () => {
  expect(orderIn(renderHtml([report], context))).toEqual(expected);
  expect(orderIn(renderMarkdown(report, context.sections))).toEqual(expected);
});

it('is the order of line mode, from its end', () =>
  expect(orderIn(spoken(report))).toEqual(expected.toReversed()));

it('is the order of the wizard, from its end', () =>
  expect(orderIn(drawn(report))).toEqual(expected.toReversed()));
