/** Looking for things in what a program wrote. */

const ESC = '\u001b';
/** Control sequences: CSI, OSC with either ending, and the short ones. */
const ESCAPES = new RegExp(
  `${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)|[ -/]*[0-~])`,
  'g',
);

/** All escape sequences, in order. */
export function escapesIn(raw: string): string[] {
  return raw.match(ESCAPES) ?? [];
}

/** Whether the text has the part, or a match. */
export function contains(text: string, wanted: string | RegExp): boolean {
  // `search` ignores the state that a global expression keeps between two uses.
  return typeof wanted === 'string' ? text.includes(wanted) : text.search(wanted) >= 0;
}
