/** The page: valid and accessible by another's judgement, a score that adds up, nothing that loads or runs. */
import { parse } from 'node-html-parser';
import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { render } from '../../src/report/formats.ts';
import { PALETTE } from '../../src/report/html/style.ts';
import { stateOf } from '../../src/report/state.ts';
import { bare, blindReport, context, findingWith, full, fullFinding, judged } from './fixture.ts';
import { htmlProblems } from './validators.ts';

const page = (...reports: Report[]) => render('html', reports, context);
/** The parser keeps what is inside `pre` as text unless told. */
const read = (html: string) => parse(html, { blockTextElements: { script: true, style: true } });
const document = async (...reports: Report[]) => read(await page(...reports));
const text = (node: { textContent: string } | null) => (node?.textContent ?? '').replace(/\s+/g, ' ').trim();
const findings = (report: Report) => report.steps.flatMap((s) => s.findings);

describe('the page', () => {
  it('is valid and accessible HTML, whatever the report holds', async () => {
    const blind = await blindReport();
    const { delta: _d, stopped: _s, selection: _l, ...plain } = full;
    // A report of the engine, cut short: the validator takes seconds for hundreds of rows, and they are all alike.
    const some = { ...blind, steps: blind.steps.slice(0, 2) };
    for (const reports of [[full], [plain], [bare], [some], [judged([])], [full, bare]])
      expect(await htmlProblems(await page(...reports))).toEqual([]);
    // The validator is no fast one.
  }, 60_000);

  it('loads nothing and runs nothing', async () => {
    const html = await page(full, bare);
    const doc = read(html);
    expect(doc.querySelector('meta[http-equiv=Content-Security-Policy]')?.getAttribute('content')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    );
    expect(doc.querySelectorAll('script, iframe, object, embed, form, img, base, [src], [style]')).toEqual(
      [],
    );
    for (const link of doc.querySelectorAll('[href]'))
      expect(link.getAttribute('href')).toMatch(/^(#|data:,$)/);
    expect(text(doc.querySelector('style'))).not.toMatch(/url\(|@import|expression|https?:/);
    for (const node of doc.querySelectorAll('*'))
      for (const name of Object.keys(node.attributes)) expect(name).not.toMatch(/^on/i);
  });

  it('has links that lead somewhere, and every id once', async () => {
    const doc = await document(full, { ...full, dir: '/srv/other' });
    const ids = doc.querySelectorAll('[id]').map((n) => n.id);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = doc.querySelectorAll('a').map((a) => a.getAttribute('href')?.slice(1) as string);
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it.each(['required', 'advised'] as const)(
    'the score of %s controls is the sum of its table',
    async (severity) => {
      for (const report of [full, await blindReport(), bare]) {
        const doc = await document(report);
        const table = doc.querySelector(`#${severity}`);
        const mine = findings(report).filter((f) => f.severity === severity);
        expect(table !== null).toBe(mine.length > 0);
        if (!table) continue;
        const numbers = (row: ReturnType<typeof parse>) =>
          row.querySelectorAll('td').map((cell) => Number(text(cell)));
        const rows = table.querySelectorAll('tbody tr').map((row) => numbers(row as never));
        const total = numbers(table.querySelector('tfoot tr') as never);
        const added = rows.reduce((sum, row) => sum.map((n, i) => n + (row[i] ?? 0)));
        expect(total).toEqual(added);
        for (const [proved, failing, notSeen, open, waived, apply] of [...rows, total] as [
          number,
          number,
          number,
          number,
          number,
          number,
        ][])
          expect(proved + failing + notSeen + open + waived).toBe(apply);
        // Counted again, from the report itself.
        const of = (state: string) => mine.filter((f) => stateOf(f) === state).length;
        expect(total).toEqual([
          of('pass'),
          of('fail'),
          of('unknown'),
          of('attest'),
          of('waived'),
          mine.length - of('skip'),
          of('skip'),
        ]);
        if (severity === 'required')
          expect(text(doc.querySelector('.score'))).toBe(
            `${total[0]} of ${total[5]} required controls that apply are proved.`,
          );
      }
    },
  );

  it('what was not seen never counts as proved', async () => {
    for (const is of ['unknown', 'attest', 'fail'] as const) {
      const doc = await document(judged([findingWith(is, 'required'), findingWith('skip', 'required')]));
      expect(text(doc.querySelector('.score'))).toMatch(/^0 of 1 /);
      expect(text(doc.querySelector('h1'))).not.toMatch(/^✓ Proved/);
    }
    const waived = await document(judged([fullFinding]));
    expect(text(waived.querySelector('.score'))).toMatch(/^0 of 1 /);
  });

  it('says what was found, also when the exit code 0 was asked for', async () => {
    const failing = judged([findingWith('fail', 'required')]);
    const asked = await document({ ...failing, exit: 0, policy: { failOn: 'required', exitZero: true } });
    expect(text(asked.querySelector('h1'))).toMatch(/^✗ Not proved/);
    expect(text(asked.querySelector('.facts'))).toContain(
      '0: asked for whatever is found (--exit-zero); by what was found it is 1',
    );
    expect(text((await document({ ...failing, exit: 0 }, bare)).querySelector('h1'))).toBe(
      '1 of 2 installs proved',
    );
    expect(text((await document(bare)).querySelector('h1'))).toMatch(/^✓ Proved/);
  });

  it('shows every control once with its state in words, what was seen and how long that took', async () => {
    const doc = await document(full);
    const rows = doc.querySelectorAll('.controls tbody tr');
    expect(rows).toHaveLength(findings(full).length);
    for (const finding of findings(full)) {
      const row = doc.getElementById(`c-${finding.control}`);
      const shown = text(row);
      const verdict = finding.waived ?? finding.verdict;
      for (const part of [
        finding.title,
        finding.control,
        finding.threat,
        finding.remedy,
        ...Object.values(verdict).slice(1, 2),
      ])
        expect(shown).toContain(part);
      expect(text(row?.querySelector('.took') ?? null)).toBe(`${finding.duration} ms`);
      expect(text(row?.querySelector('.state') ?? null)).toMatch(
        /(proved|failing|not seen|open|waived|does not apply)$/,
      );
    }
  });

  it('puts what needs attention first, the worst on top, with all that is known', async () => {
    const doc = await document(full);
    const items = doc.querySelectorAll('article.item');
    expect(items.map((i) => text(i.querySelector('.state')))).toEqual([
      '✗ failing',
      '? not seen',
      '○ open',
      '! waived',
      '! waived',
      '! waived',
      '! waived',
      '✗ failing',
      '? not seen',
      '○ open',
      '! waived',
      '! waived',
      '! waived',
    ]);
    const waived = items.map(text).find((t) => t.includes('compose.read-only')) ?? '';
    const { exception, drift } = fullFinding;
    for (const part of [
      exception.owner,
      exception.reason,
      exception.compensating,
      exception.expires,
      drift.detail,
      'changed by hand',
      fullFinding.impact,
      '+ read_only: false',
    ])
      expect(waived).toContain(part);
    const order = doc.querySelectorAll('h2').map(text);
    expect(order.indexOf('What needs attention first')).toBeLessThan(
      order.indexOf('Every control, and what was seen'),
    );
  });

  it('shows waivers with their days left, what changed, what was selected, why it stopped, the answers and the sign-off', async () => {
    const body = text((await document(full)).querySelector('body'));
    for (const part of [
      '66 days left',
      'waivers.yaml:3:5',
      'Since 2026-11-25 10:00:00 UTC',
      'Only 3 of 168 controls were looked at (only tls.*; sections tls; severity required)',
      'The run stopped at compose',
      'line two',
      'app.example',
      'failed, cannot be undone',
      'Signature',
    ])
      expect(body).toContain(part);
    for (const [expires, left] of [
      ['2026-11-26', 'ends today'],
      ['2026-11-27', '1 day left'],
      ['2026-11-25', 'ended'],
    ]) {
      const finding = { ...fullFinding, exception: { ...fullFinding.exception, expires: expires as string } };
      expect(text((await document(judged([finding]))).querySelector('body'))).toContain(left);
    }
  });

  it('several installs are one document with a part for each', async () => {
    const doc = await document(full, bare);
    expect(text(doc.querySelector('h1'))).toBe('1 of 2 installs proved');
    expect(doc.querySelectorAll('article.install h2').map(text)).toEqual([full.dir, bare.dir]);
  });

  it('its colours keep a contrast of 4.5 to 1 on both grounds', () => {
    const luminance = (hex: string) => {
      const [r, g, b] = [1, 3, 5].map((i) => {
        const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a: string, b: string) => {
      const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
      return (high + 0.05) / (low + 0.05);
    };
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    for (const { ground, soft, line: _, ...inks } of Object.values(PALETTE))
      for (const [name, ink] of Object.entries(inks))
        for (const paper of [ground, soft])
          expect(contrast(ink, paper), `${name} on ${paper}`).toBeGreaterThanOrEqual(4.5);
  });
});
