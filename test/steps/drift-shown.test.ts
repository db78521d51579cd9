/** The link that broke, in every place where people read a finding. */
import { describe, expect, it } from 'vitest';
import type { DriftLink } from '../../src/core/report.ts';
import { details } from '../../src/frontends/line/speech.ts';
import { findingDetail } from '../../src/frontends/tui/view/finding.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import { renderFinding, type TextStyle } from '../../src/report/text.ts';
import { product } from '../../steps/index.ts';
import { finding, report, stepOf, stepReport } from '../frontends/tui/state-bed.ts';

const DIFF = '--- a\n+++ a\n@@ -1 +1 @@\n-# wanted\n+```found\u001b[31m\u0007';
const drifted = (link: DriftLink) =>
  finding(
    stepOf('compose'),
    0,
    { is: 'fail', observed: 'seen', expected: 'else' },
    { drift: { link, detail: 'compose.yaml says a where this tool writes b.', diff: DIFF } },
  );
const style: TextStyle = { colour: false, unicode: true, width: 80, verbose: false, planning: false };
const words = [
  ['edited-by-hand', 'edited by hand'],
  ['edited-not-applied', 'edited, not applied'],
  ['changed-at-run-time', 'changed at run time'],
  ['changed-by-update', 'changed by an update'],
  ['never-applied', 'never applied'],
] as const satisfies readonly (readonly [DriftLink, string])[];

describe.each(words)('%s', (link, word) => {
  const sentence = `${word}: compose.yaml says a where this tool writes b.`;
  const flat = (lines: readonly string[]) => lines.join(' ').replace(/\s+/g, ' ');

  it('is one row of the text, with the diff only when everything is shown', () => {
    const shown = renderFinding(drifted(link), style);
    expect(flat(shown)).toContain(`drift ${sentence}`);
    expect(shown.join('\n')).not.toContain('# wanted');
    const verbose = renderFinding(drifted(link), { ...style, verbose: true });
    expect(verbose).toContain(`${' '.repeat(16)}-# wanted`);
    expect(verbose).toContain(`${' '.repeat(16)}+\`\`\`found`);
  });

  it('is one item of the Markdown, the diff in a fence that its own backticks cannot close', () => {
    const findings = [drifted(link)];
    const text = renderMarkdown(
      report('verify', { steps: [stepReport('compose', { findings })] }),
      product.sections,
    );
    expect(text).toContain(`- drift: ${sentence}\n`);
    expect(text).toContain('\n````diff\n--- a\n+++ a\n@@ -1 +1 @@\n-# wanted\n+```found\n````\n');
  });

  it('is said in both wizards', () => {
    expect(details(drifted(link))).toContain(`Drift: ${sentence}`);
    const canvas = { columns: 80, rows: 24, unicode: true, now: 0 };
    const lines = findingDetail(drifted(link), canvas).map((line) => line.map((span) => span.text).join(''));
    expect(flat(lines)).toContain(`drift ${sentence}`);
  });
});
