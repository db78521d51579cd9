import { stripVTControlCharacters } from 'node:util';
import type { Finding } from '../../core/report.ts';
import { needsAttention } from '../../report/state.ts';
import { driftText, seen, type TextStyle, wrap } from '../../report/text.ts';

/** Text columns of everything but what is shown exactly: diffs and log lines. */
export const columnsOf = (style: TextStyle): number => Math.max(20, Math.min(style.width, 76));

const LOOKALIKES: Readonly<Record<string, string>> = {
  '\u2018': "'",
  '\u2019': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u2013': '-',
  '\u2014': '-',
  '\u2026': '...',
  '\u2192': '->',
  '\u00a0': ' ',
  '\u2265': '>=',
  '\u2264': '<=',
};

/**
 * What may reach the terminal: no escape sequence and no control character whoever wrote the text (a container's log
 * is full of colour), and ASCII only unless the terminal has more.
 */
export function plain(text: string, unicode: boolean): string {
  const bare = stripVTControlCharacters(text)
    .replaceAll('\t', '  ')
    .replace(/[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/gu, '');
  if (unicode) return bare;
  return [...bare.normalize('NFC')]
    .map((c) => LOOKALIKES[c] ?? (c > '~' ? (/^[ -~]/.exec(c.normalize('NFKD'))?.[0] ?? '?') : c))
    .join('');
}

/** Wrapped lines, each below the first indented like it. */
export const paragraph = (text: string, width: number, indent = 0): string =>
  wrap(text, width - indent)
    .map((line) => (line === '' ? '' : ' '.repeat(indent) + line))
    .join('\n');

/** A text as a sentence: it ends with a stop, so that a voice pauses there. */
export const sentence = (text: string): string =>
  /[.?:]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `1 change`, `4 changes`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

const WORDS = {
  pass: 'Proved',
  fail: 'Failing',
  unknown: 'Not seen',
  attest: 'Open',
  skip: 'Does not apply',
} as const;

export const wordOf = (finding: Finding): string => (finding.waived ? 'Waived' : WORDS[finding.verdict.is]);

/** True when a look gave nothing good. */
export const doesNotHold = (f: Finding): boolean => f.verdict.is === 'fail' || f.verdict.is === 'unknown';

/** `Proved: a plaintext connection is refused.` */
export const headline = (f: Finding): string =>
  sentence(`${wordOf(f)}${f.severity === 'advised' ? ', advised' : ''}: ${f.title}`);

/** What was seen and what to do, one sentence per line. */
export function details(finding: Finding): string[] {
  const { verdict } = finding;
  const rows: (readonly [string, string | undefined])[] = [
    [
      verdict.is === 'attest'
        ? 'To be said by you'
        : verdict.is === 'pass' || verdict.is === 'fail'
          ? 'Seen'
          : 'Why',
      seen(verdict),
    ],
  ];
  if (verdict.is === 'fail') rows.push(['Expected', verdict.expected], ['Cause', verdict.cause]);
  if (finding.drift) rows.push(['Drift', driftText(finding.drift)]);
  if (needsAttention(finding) && !finding.waived)
    rows.push(['Fix', finding.remedy], ['Impact', finding.impact]);
  return rows.flatMap(([label, text]) => (text ? [sentence(`${label}: ${text}`)] : []));
}
