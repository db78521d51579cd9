/**
 * What of ours stands directly above the cursor, as the terminal has it after a resize. A live region is drawn over
 * itself; a resize can put a part of it out of reach, above the first row of the screen, and a later one can bring that
 * part back. So what was written is remembered from the oldest line that is not to stay.
 */
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { graphemesOf } from './model/text-input.ts';

/** One line that was written and ended with a line break. */
export interface Written {
  readonly text: string;
  /** It stays for good: where it has to be erased with what is above it, it is written again. */
  readonly stays: boolean;
  /** Its end was erased: some terminals take what is written below for its continuation. */
  readonly isCut?: true;
}

/** How the terminal treats what is on its screen when its width changes. */
export interface Habits {
  /** Lines that have become too long go on in the next row: most do, xterm does not. Undefined: nobody knows. */
  readonly rewraps: boolean | undefined;
  /** The row below a cut line is taken for its continuation although it was erased in between, as tmux does. */
  readonly joins: boolean;
}

/** What is to be done before the live region can be drawn anew. */
export interface Lift {
  /** Rows to go up; everything from there on is erased. */
  readonly up: number;
  /** Lines that were erased and stay: they are written again. */
  readonly again: readonly string[];
  /** What is still above, out of reach. */
  readonly above: readonly Written[];
}

const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** The rows that a terminal of so many columns breaks a line into; an empty line has one. */
export function rowsOf(text: string, columns: number): string[] {
  const plain = stripVTControlCharacters(text);
  const rows: string[] = [];
  let row = '';
  let room = columns;
  for (const part of isPlain(plain) ? plain : graphemesOf(plain)) {
    const width = isPlain(part) ? part.length : stringWidth(part);
    if (width > room && row !== '') {
      rows.push(row);
      row = '';
      room = columns;
    }
    row += part;
    room -= width;
  }
  return [...rows, row];
}

/**
 * How much of what we wrote is on the screen and goes; undefined where that cannot be known.
 * @param lines everything from the oldest line that is not to stay to the last one above the cursor
 * @param visible rows of the screen above the cursor's
 * @param columns the terminal's width now
 */
export function lift(
  lines: readonly Written[],
  visible: number,
  columns: number,
  habits: Habits,
): Lift | undefined {
  const isTooLong = ({ text }: Written) => stringWidth(text) > columns;
  if (habits.rewraps === undefined && lines.some(isTooLong)) return undefined;
  const rows = lines.map(({ text }) => (habits.rewraps ? rowsOf(text, columns) : [text]));
  const heights = rows.map((parts) => parts.length);
  if (habits.rewraps && habits.joins)
    for (const [i, line] of lines.entries()) {
      const next = lines[i + 1];
      if (line.isCut && next) {
        const joined = rowsOf(stripVTControlCharacters(line.text) + next.text, columns).length;
        heights[i + 1] = Math.max(0, joined - (heights[i] ?? 0));
      }
    }
  let up = 0;
  let first = lines.length;
  while (first > 0 && up + (heights[first - 1] ?? 0) <= visible) up += heights[--first] ?? 0;
  // A line of which only the end is in reach: its end goes, unless the line stays.
  const broken = lines[first - 1];
  const above = lines.slice(0, first);
  if (broken && !broken.stays && visible > up) {
    const left = (heights[first - 1] ?? 0) - (visible - up);
    up = visible;
    above[first - 1] = {
      text: (rows[first - 1] ?? []).slice(0, left).join(''),
      stays: false,
      isCut: true,
    };
  } else {
    // What stays and has nothing above it that goes is left alone.
    while (lines[first]?.stays) {
      up -= heights[first] ?? 0;
      above.push(lines[first++] as Written);
    }
  }
  return {
    up,
    again: lines.slice(first).flatMap(({ text, stays }) => (stays ? [text] : [])),
    above: fromDoomed(above),
  };
}

/** Lines are remembered from the first one that does not stay; nobody scrolls back further than this. */
const MOST = 2000;

/** Without the lines at the top that stay: nothing above them is ours to erase. */
export function fromDoomed(lines: readonly Written[]): readonly Written[] {
  const first = lines.findIndex(({ stays }) => !stays);
  return first < 0 ? [] : lines.slice(Math.max(first, lines.length - MOST));
}
