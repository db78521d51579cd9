/** What a text may hold that others wrote (a server, a file, a host) and that a terminal, a browser or a viewer will show. */

/**
 * What no reader should act on: C0 and C1 controls but tab and line feed, marks that reorder or hide text (Unicode
 * Technical Report 36, 2.1; CVE-2021-42574), line separators, halves of surrogate pairs, and what XML 1.0 forbids.
 */
const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A run of what ends or moves a line: one space in a text of one line. */
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** The text with every unprintable character, a single UTF-16 unit, replaced. */
export const replaceUnprintable = (text: string, by: (character: string) => string): string =>
  text.replace(UNPRINTABLE, by);

const writeOut = (character: string): string => {
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
};

/** The text with every character that a terminal, a browser or a viewer could act on written out: `\x1b`, `\u202e`. */
export const printable = (text: string): string => replaceUnprintable(text, writeOut);

/**
 * One printable line of at most `longest` UTF-16 units: breaks become spaces, what is unprintable is written out, and no
 * character is cut in half.
 */
export const printableLine = (text: string, longest: number): string =>
  printable(text.replace(BREAKS, ' '))
    .slice(0, longest)
    .replace(/[\ud800-\udbff]$/, '');

/** True for what `printableLine` leaves as it is. */
export const isPrintableLine = (text: string, longest: number): boolean =>
  printableLine(text, longest) === text;
