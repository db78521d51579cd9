import { describe, expect, it } from 'vitest';
import { run } from '../../src/core/engine.ts';
import { ChangeError } from '../../src/core/errors.ts';
import type { Report } from '../../src/core/report.ts';
import { Secret } from '../../src/core/secret.ts';
import { type AnyStep, fail } from '../../src/core/step.ts';
import { renderMarkdown, renderMarkdownOf } from '../../src/report/markdown.ts';
import { product } from '../../steps/index.ts';
import { blindHost } from '../fakes/blind-host.ts';
import { finding, report, stepOf, stepReport } from '../frontends/tui/state-bed.ts';
import { full } from './fixture.ts';

const render = (r: Report) => renderMarkdown(r, product.sections);
const lines = (r: Report) => render(r).split('\n');
/** Cells of a table row; an escaped bar is text. */
const cells = (row: string) => row.slice(1, -1).split(/(?<!\\)\|/);

const EVIL =
  '# heading\n- item | cell <script>alert(1)</script> [link](javascript:x) ![i](x) `code` **bold** __b__ \\| &lt; ~~x~~ \u001b[31mred\u0007';
const evil = finding(
  stepOf('compose'),
  0,
  { is: 'fail', observed: EVIL, expected: EVIL, cause: EVIL },
  { title: EVIL, threat: EVIL, remedy: EVIL, impact: EVIL, section: EVIL },
);
const hostile = report('apply', {
  dir: '/srv/`x` | <b>\n# y',
  steps: [
    stepReport('compose', {
      title: EVIL,
      findings: [evil],
      changes: [{ id: 'x', summary: EVIL, status: 'failed' }],
    }),
  ],
  stopped: { step: 'compose', reason: EVIL, fix: EVIL, log: [EVIL] },
});

/** The structure of a report: headings with their level, tables as rows of cells, list items. */
function structure(text: string) {
  const all = text.split('\n');
  const tables: string[][][] = [];
  for (const [i, line] of all.entries()) {
    if (!line.startsWith('|')) continue;
    if (!all[i - 1]?.startsWith('|')) tables.push([]);
    tables.at(-1)?.push(cells(line));
  }
  return {
    headings: all.filter((l) => l.startsWith('#')).map((l) => l.replace(/^(#+) .*/, '$1').length),
    tables,
    items: all.filter((l) => l.startsWith('- ')).length,
  };
}

describe('the report in Markdown', () => {
  it.each([
    ['a report of everything', report('verify')],
    ['a report of a hostile host', hostile],
    ['a report of nothing', report('apply', { steps: [stepReport('compose', { findings: [] })] })],
  ])('%s has one title, sections below it, and tables whose rows all have as many cells', (_, r) => {
    const { headings, tables } = structure(render(r));
    expect(headings[0]).toBe(1);
    expect(headings.filter((level) => level === 1)).toHaveLength(1);
    for (const [i, level] of headings.entries())
      if (i > 0) expect(level - (headings[i - 1] ?? 0)).toBeLessThanOrEqual(1);
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) {
      expect(table[1]?.every((cell) => /^ --- $/.test(cell))).toBe(true);
      expect(new Set(table.map((row) => row.length)).size).toBe(1);
    }
    expect(render(r)).toMatch(/[^\n]\n$/);
  });

  it('every control and every change stands in it, under its step', () => {
    const r = report('verify');
    const text = render(r);
    for (const step of r.steps) {
      const part = text.slice(text.indexOf(`\n## ${step.title}\n`)).split('\n## ')[1] ?? '';
      for (const f of step.findings) expect(part).toContain(`| \`${f.control}\` |`);
    }
    const { tables } = structure(text);
    const rows = tables.slice(1).reduce((n, table) => n + table.length - 2, 0);
    expect(rows).toBe(r.steps.flatMap((s) => s.findings).length);
  });

  it('what the host said is text: no markup, no line of its own, nothing for a terminal', () => {
    const benign = JSON.parse(
      JSON.stringify(hostile).replaceAll(JSON.stringify(EVIL).slice(1, -1), 'x'),
    ) as Report;
    const got = structure(render(hostile));
    const want = structure(render(benign));
    expect([got.headings, got.items]).toEqual([want.headings, want.items]);
    expect(got.tables.map((t) => t.length)).toEqual(want.tables.map((t) => t.length));
    for (const line of lines(hostile)) {
      expect(line).not.toMatch(/\p{Cc}/u);
      // Inside code nothing is markup.
      expect(line.replace(/(?<!\\)`[^`]*`/g, '')).not.toMatch(
        /(?<!\\)<(script|b)|(?<!\\)\[link|(?<!\\)\*\*|(?<!\\)__b|(?<!\\)~~|(?<!\\)&lt;/,
      );
    }
  });

  it('says why it stopped, what to do, and what failed for what cause', () => {
    const text = render(
      report('apply', {
        steps: [
          stepReport('compose', {
            findings: [
              { ...evil, verdict: { is: 'fail', observed: 'o', expected: 'e', cause: 'another server' } },
            ],
          }),
        ],
        stopped: { step: 'compose', reason: 'it did not start', fix: 'start it' },
      }),
    );
    expect(text).toMatch(/It stopped at compose: it did not start\n/);
    expect(text).toContain('start it');
    expect(text).toContain('- cause: another server');
  });

  it('tells drift with its diff as code, waivers with their owner, and what changed', () => {
    const text = render(full);
    for (const part of [
      '- drift: edited by hand: compose.yaml against what this tool wrote',
      '- waived by J. Doe, platform team until 2027-01-31: The plug-in writes',
      '- instead: A file watch',
      '- fixed: `area.pass-required`',
      '```diff\n',
      '\n-    read_only: true',
    ])
      expect(text).toContain(part);
  });

  it('several installs are parts of one document', () => {
    const text = renderMarkdownOf([full, { ...full, dir: '/srv/other' }], product.sections);
    const { headings } = structure(text);
    expect(headings.filter((level) => level === 1)).toHaveLength(1);
    expect(headings.filter((level) => level === 2)).toHaveLength(2);
    expect(text).toContain('/srv/other');
    expect(renderMarkdownOf([full], product.sections)).toBe(render(full));
  });

  it('holds no secret: it is redacted before it gets here', async () => {
    const secret = new Secret('s3cret-canary-of-markdown');
    const step: AnyStep = {
      id: 'x',
      title: 'X',
      why: 'w',
      needs: [],
      controls: [
        {
          id: 'x.on',
          title: 'it is on',
          severity: 'required',
          section: 'operation',
          how: 'It looks.',
          threat: 't',
          remedy: 'r',
          impact: 'i',
          inspect: async () => fail(`saw ${secret.reveal()}`, 'nothing', `because ${secret.reveal()}`),
        },
      ],
      plan: async () => [
        {
          id: 'x.do',
          summary: `write ${secret.reveal()}`,
          diff: `+${secret.reveal()}`,
          apply: () =>
            Promise.reject(new ChangeError('command', `said ${secret.reveal()}`, `use ${secret.reveal()}`)),
        },
      ],
    };
    const result = await run({
      mode: 'apply',
      steps: [step],
      questions: {},
      known: new Map(),
      host: blindHost(),
      frontend: {
        interactive: false,
        ask: async () => ({ is: 'cancel' }),
        decide: async (p) => ({ is: p.is === 'changes' ? 'apply' : 'stop' }),
        emit: () => {},
      },
      skip: new Set(),
      signal: new AbortController().signal,
      tool: { name: 't', version: '0' },
      dir: '/nowhere',
    });
    const text = render(result);
    expect(text).toContain('secret');
    expect(text).not.toContain('canary');
  });
});
