/** Characters of one text of a verdict that are kept. */
export const LONGEST = 2_000;

/** Whatever moves a cursor, ends a line or turns the direction of writing (C0, C1, U+2028, U+2029, bidirectional controls). */
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/u;

/** True for one line of printable text that is not too long. */
export const isPrintable = (text: string, longest = LONGEST): boolean =>
  text.length <= longest && !CONTROLS.test(text);

/** One line of printable text: what a foreign server says reaches a terminal and a file. */
export const printable = (text: string): string =>
  text.replaceAll(new RegExp(CONTROLS, 'gu'), ' ').slice(0, LONGEST);
