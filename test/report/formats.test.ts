/** What holds for every format: it is described, loaded when asked for, and harmless whatever a host said. */
import { readFile } from 'node:fs/promises';
import { parse } from 'node-html-parser';
import { describe, expect, it } from 'vitest';
import { printable } from '../../src/core/printable.ts';
import type { Report } from '../../src/core/report.ts';
import { FORMATS, type Format, render } from '../../src/report/formats.ts';
import { bare, context, full } from './fixture.ts';
import { htmlProblems, junit, junitProblems, reportProblems, samples, sarif } from './validators.ts';

const formats = Object.keys(FORMATS) as Format[];

const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060-\u2069\ufeff\uffff]/;

/** What a hostile host may say: markup of every format, terminal commands, text that reorders or hides text. */
const EVIL =
  '</script></style></title><img src=x onerror=alert(1)>"\'`]]>--><!-- &amp; &#x1b;[31m \u001b]0;owned\u0007\u001b[2J \u009b31m \r\n# x {a="b"} 1\n\u202egnp.exe\u202c \u2066\u200b\ufeff\u0000\u007f\uffff \ud800 \u2028 end';
/** Every text of a report that a host, a file or a person can have written. */
const FREE = new Set([
  'observed',
  'expected',
  'cause',
  'because',
  'ask',
  'reason',
  'fix',
  'error',
  'summary',
  'diff',
  'detail',
  'owner',
  'compensating',
  'where',
  'value',
  'verdict',
  'title',
  'threat',
  'remedy',
  'impact',
  'log',
  'dir',
]);
function poison(value: unknown, key = '', text = EVIL): unknown {
  if (typeof value === 'string') return FREE.has(key) ? (key === 'dir' ? `/srv/${text}` : text) : value;
  if (Array.isArray(value)) return value.map((v) => poison(v, key, text));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, poison(v, k, text)]));
}
const hostile = poison(full) as Report;
const harmless = poison(full, '', 'x') as Report;

describe('every format', () => {
  it.each(formats)('%s is described, ends with one line break and is the same each time', async (format) => {
    const { extension, mediaType, description } = FORMATS[format];
    expect(extension).toMatch(/^[a-z]+$/);
    expect(mediaType).toMatch(/^[a-z]+\/[a-z+]+$/);
    expect(description).toMatch(/^[A-Z][^!]{20,120}\.$/);
    for (const reports of [[full], [full, bare]]) {
      const first = await render(format, reports, context);
      expect(first).toMatch(/[^\n]\n$/);
      expect(await render(format, reports, context)).toBe(first);
      // Every install is told.
      for (const { dir } of reports.length > 1 ? reports : []) expect(first).toContain(dir);
    }
  });

  it.each(formats)('%s holds no character that a terminal or a reader acts on', async (format) => {
    const text = await render(format, [hostile, hostile], context);
    expect(text).not.toMatch(UNPRINTABLE);
    // No half of a surrogate pair: it survives UTF-8.
    expect(new TextDecoder().decode(new TextEncoder().encode(text))).toBe(text);
    expect(text).toContain('owned');
  });

  it('JSON keeps what was said, to the letter', async () => {
    expect(JSON.parse(await render('json', [hostile], context))).toEqual(hostile);
    expect(reportProblems(hostile)).toEqual([]);
  });

  it('SARIF, JUnit and Prometheus stay valid', async () => {
    for (const format of ['sarif', 'sarif-full'] as const) sarif(await render(format, [hostile], context));
    const xml = await render('junit', [hostile], context);
    expect(await junitProblems(xml)).toEqual([]);
    expect((await junit(xml)).testsuite?.[0]?.name).toBe(printable(EVIL));
    const all = samples(await render('prometheus', [hostile], context));
    expect(all[0]?.labels.dir).toBe(printable(`/srv/${EVIL}`));
    expect(all).toHaveLength(samples(await render('prometheus', [harmless], context)).length);
  });

  it('the page has the same elements whatever the host said, and shows it as text', async () => {
    const html = await render('html', [hostile], context);
    expect(await htmlProblems(html)).toEqual([]);
    const elements = (text: string) =>
      parse(text)
        .querySelectorAll('*')
        // A diff has a span for each of its lines.
        .filter((n) => n.closest('pre') === null)
        .map((n) => `${n.tagName} ${Object.keys(n.attributes).join()}`);
    expect(elements(html)).toEqual(elements(await render('html', [harmless], context)));
    expect(parse(html).querySelector('article.item bdi')?.textContent).toBe(printable(EVIL));
  });

  it('there is none without a report', async () => {
    await expect(render('html', [], context)).rejects.toThrow(RangeError);
  });

  it('a renderer is loaded when it is asked for', async () => {
    const source = await readFile(new URL('../../src/report/formats.ts', import.meta.url), 'utf8');
    const loaded = [...source.matchAll(/^import (type )?.* from '(.*)';$/gm)].filter(([, isType]) => !isType);
    expect(loaded.map((m) => m[2])).toEqual(['./printable.ts']);
  });
});

describe('what is written out', () => {
  it.each([
    ['\u001b[31mred\u001b[0m', '\\x1b[31mred\\x1b[0m'],
    ['a\tb\nc', 'a\tb\nc'],
    ['\u202efdp.exe', '\\u202efdp.exe'],
    ['\ud83d\ude00 \ud83d', '\ud83d\ude00 \\ud83d'],
    ['\u0085\u009b', '\\x85\\x9b'],
    ['日本語 العربية', '日本語 العربية'],
  ])('%j', (text, shown) => expect(printable(text)).toBe(shown));
});
