import type { Report } from '../core/report.ts';

/**
 * What no reader should act on: C0 and C1 controls but tab and line feed, marks that reorder or hide text (Unicode
 * Technical Report 36, 2.1; CVE-2021-42574), line separators, halves of surrogate pairs, and what XML 1.0 forbids.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const writeOut = (character: string): string => {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
};

/** The text with every character that a terminal, a browser or a viewer could act on written out: `\x1b`, `\u202e`. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, writeOut);

/** The report with all its texts made printable; every other value stays as it is. */
export const printableReport = (report: Report): Report => deep(report) as Report;

function deep(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  if (Array.isArray(value)) return value.map(deep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deep(inner)]));
}

/** JSON without a single character that a terminal could act on: what JSON may hold as it is becomes `\u009b`. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
