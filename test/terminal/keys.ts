/** What a terminal sends for a key. */

const ESC = '\u001b';

/** Keys with a fixed meaning; arrows and Home/End differ while a program asks for application keys. */
const NAMED = {
  enter: '\r',
  escape: ESC,
  tab: '\t',
  'shift+tab': `${ESC}[Z`,
  backspace: '\u007f',
  space: ' ',
  delete: `${ESC}[3~`,
  insert: `${ESC}[2~`,
  pageup: `${ESC}[5~`,
  pagedown: `${ESC}[6~`,
  'ctrl+left': `${ESC}[1;5D`,
  'ctrl+right': `${ESC}[1;5C`,
} as const;

/** Final letters of the keys that follow the cursor key mode. */
const CURSOR = { up: 'A', down: 'B', right: 'C', left: 'D', end: 'F', home: 'H' } as const;

type Letter =
  | 'a'
  | 'b'
  | 'c'
  | 'd'
  | 'e'
  | 'f'
  | 'g'
  | 'h'
  | 'i'
  | 'j'
  | 'k'
  | 'l'
  | 'm'
  | 'n'
  | 'o'
  | 'p'
  | 'q'
  | 'r'
  | 's'
  | 't'
  | 'u'
  | 'v'
  | 'w'
  | 'x'
  | 'y'
  | 'z';

/** A key by name: `enter`, `up`, `ctrl+c`, `alt+b`. Plain characters are typed, not pressed. */
export type Key = keyof typeof NAMED | keyof typeof CURSOR | `ctrl+${Letter | '\\'}` | `alt+${Letter}`;

/** The bytes of a key, in the cursor key mode the program has chosen. */
export function keyBytes(key: Key, applicationCursor: boolean): string {
  if (key in NAMED) return NAMED[key as keyof typeof NAMED];
  if (key in CURSOR) return `${ESC}${applicationCursor ? 'O' : '['}${CURSOR[key as keyof typeof CURSOR]}`;
  const letter = key.slice(key.indexOf('+') + 1);
  if (key.startsWith('alt+')) return ESC + letter;
  // A control key is its letter without the upper three bits.
  return String.fromCharCode(letter.charCodeAt(0) & 0x1f);
}

/** A paste as terminals send it: line ends become returns; in bracketed mode the text cannot end the bracket itself. */
export function pasteBytes(text: string, bracketed: boolean): string {
  const lines = text.replace(/\r?\n/g, '\r');
  return bracketed ? `${ESC}[200~${lines.replaceAll(ESC, '')}${ESC}[201~` : lines;
}
