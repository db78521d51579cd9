import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import { graphemesOf } from '../model/text-input.ts';

/** One run of text in one style. Colour is a word, never decoration: see `Tone`. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
  readonly bold?: true;
  readonly inverse?: true;
}

/**
 * `accent`: where you are. `good`: proved. `bad`: failing. `open`: not seen, or open. `quiet`: everything secondary.
 * `added` and `removed`: lines of a diff.
 */
export type Tone = 'accent' | 'good' | 'bad' | 'open' | 'quiet' | 'added' | 'removed';

/** One row of the screen. */
export type Line = readonly Span[];

/** What the drawing depends on besides the state. */
export interface Canvas {
  /** Columns and rows of the terminal. */
  readonly columns: number;
  readonly rows: number;
  readonly unicode: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Text is at most this wide, whatever the terminal has. */
const TEXT_WIDTH = 76;
const GUTTER = 2;

/** Columns that text may take, the gutter left out. */
export const textWidth = (canvas: Canvas): number =>
  Math.max(16, Math.min(TEXT_WIDTH, canvas.columns - GUTTER - 1));

/** Too narrow for two columns: the right one goes under its line. */
export const isNarrow = (canvas: Canvas): boolean => textWidth(canvas) < 60;

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);
/** Columns that a text without escape sequences takes. */
const widthOf = (text: string): number => (isAscii(text) ? text.length : stringWidth(text));

/** Text without escape sequences and control characters; a line break or a tab becomes a space. */
export const clean = (text: string): string => (isAscii(text) ? text : stripped(text));

const stripped = (text: string): string =>
  stripVTControlCharacters(text)
    .replace(/[\t\r\n]+/g, ' ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is dropped
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, '');

/** A run of text; whatever the host said, it cannot move the cursor. */
export const span = (text: string, tone?: Tone, more: Pick<Span, 'bold' | 'inverse'> = {}): Span => ({
  text: clean(text),
  ...(tone === undefined ? {} : { tone }),
  ...more,
});
export const quiet = (text: string): Span => span(text, 'quiet');
export const bold = (text: string, tone?: Tone): Span => span(text, tone, { bold: true });
export const blank: Line = [];

export const lineWidth = (line: Line): number => line.reduce((n, part) => n + widthOf(part.text), 0);

/** Cut to `width` columns, with an ellipsis when something is lost. */
export function truncate(text: string, width: number, unicode: boolean): string {
  // No character is wider than two columns or longer than a few code units: what is far beyond is not measured.
  const plain = clean(text.length > 40 * width ? text.slice(0, 40 * width) : text);
  if (widthOf(plain) <= width) return plain;
  const mark = unicode ? '…' : '..';
  let room = Math.max(0, width - mark.length);
  if (isAscii(plain)) return plain.slice(0, room) + mark;
  let out = '';
  for (const grapheme of graphemesOf(plain)) {
    room -= widthOf(grapheme);
    if (room < 0) break;
    out += grapheme;
  }
  return out + mark;
}

/** Wrapped at spaces; a longer word is broken. Control characters cannot come through. */
export const wrap = (text: string, width: number): string[] =>
  text
    .split(/\r?\n/)
    .map(clean)
    .flatMap((line) =>
      isAscii(line)
        ? wrapAscii(line, Math.max(8, width))
        : wrapAnsi(line, Math.max(8, width), { hard: true, trim: true }).split('\n'),
    );

/** The same for what nearly every text is, a hundred times faster: a diff is drawn at every key. */
function wrapAscii(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text.trim();
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    lines.push(rest.slice(0, space > 0 ? space : width).trimEnd());
    rest = rest.slice(space > 0 ? space : width).trimStart();
  }
  return [...lines, rest];
}

/**
 * Broken at the width, its own spaces kept: for text whose indentation has a meaning. At a space where one is near the
 * edge. What goes on is indented by `hang` more than the line itself, so that it is no line of its own.
 */
export function chop(text: string, width: number, hang = 0): string[] {
  const plain = isAscii(text) ? text : clean(text.replaceAll('\t', '  '));
  const own = /^[+-]? */.exec(plain)?.[0].length ?? 0;
  const indent = ' '.repeat(Math.min(own + hang, Math.floor(width / 2)));
  const lines: string[] = [];
  let line = '';
  let room = width;
  for (const grapheme of isAscii(plain) ? plain : graphemesOf(plain)) {
    const needed = widthOf(grapheme);
    if (needed > room) {
      const space = line.lastIndexOf(' ');
      const isNear = hang > 0 && grapheme !== ' ' && space > line.length / 2;
      lines.push(isNear ? line.slice(0, space) : line);
      line = (hang > 0 ? indent : '') + (isNear ? line.slice(space + 1) : '');
      room = width - widthOf(line);
      if (grapheme === ' ' && hang > 0) continue;
    }
    line += grapheme;
    room -= needed;
  }
  return [...lines, line];
}

/** A paragraph, indented. */
export const paragraph = (text: string, indent: number, canvas: Canvas, tone?: Tone): Line[] =>
  wrap(text, textWidth(canvas) - indent).map((line) => [span(' '.repeat(indent)), span(line, tone)]);

/** A left part, and a right part that ends at the text's right edge; under each other when there is no room. */
export function spread(left: Line, right: Line, canvas: Canvas): Line[] {
  const room = textWidth(canvas) - lineWidth(left) - lineWidth(right);
  if (right.length === 0) return [clipped(left, canvas)];
  if (room >= 2) return [[...left, span(' '.repeat(room)), ...right]];
  return [clipped(left, canvas), clipped([span('    '), ...right], canvas)];
}

/** A line that is too long for the text's width, cut; other lines as they are. */
export function clipped(line: Line, canvas: Canvas): Line {
  if (lineWidth(line) <= textWidth(canvas)) return line;
  let room = textWidth(canvas);
  return line.flatMap((part) => {
    if (room <= 0) return [];
    const text = truncate(part.text, room, canvas.unicode);
    room -= text === part.text ? widthOf(text) : room;
    return [{ ...part, text }];
  });
}

/** At most so many lines; the last one says that there is more. */
export const shortened = (lines: readonly Line[], most: number, canvas: Canvas): Line[] =>
  lines.length <= most
    ? [...lines]
    : [...lines.slice(0, Math.max(1, most - 1)), [span('    '), quiet(canvas.unicode ? '…' : '..')]];

/** Padded to a width on the screen, which wide characters fill faster. */
export const padded = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - widthOf(text)));

/** A labelled text, as `seen`, `expected`, `fix`: the label stands apart, the text is wrapped beside it. */
export function labelled(label: string, text: string, indent: number, canvas: Canvas): Line[] {
  if (isNarrow(canvas)) {
    return [[span(' '.repeat(indent)), quiet(label)], ...paragraph(text, indent + 2, canvas)];
  }
  const column = Math.max(11, widthOf(label) + 2);
  return wrap(text, textWidth(canvas) - indent - column).map((part, i) => [
    span(' '.repeat(indent)),
    quiet(padded(i === 0 ? label : '', column)),
    span(part),
  ]);
}

/** Signs with their ASCII twins. */
const SIGNS = {
  proved: ['✓', 'ok'],
  failing: ['✗', 'FAIL'],
  unseen: ['?', '?'],
  open: ['○', '..'],
  skipped: ['·', '-'],
  waived: ['!', '!'],
  working: ['◌', '>>'],
  waiting: ['·', '-'],
  here: ['●', '*'],
  prompt: ['›', '>'],
  change: ['~', '~'],
  bullet: ['·', '-'],
} as const;
export const sign = (name: keyof typeof SIGNS, canvas: Pick<Canvas, 'unicode'>): string =>
  SIGNS[name][canvas.unicode ? 0 : 1];

/** A duration as a person reads it. */
export function elapsed(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
