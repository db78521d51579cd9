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

export const span = (text: string, tone?: Tone, more: Pick<Span, 'bold' | 'inverse'> = {}): Span => ({
  text,
  ...(tone === undefined ? {} : { tone }),
  ...more,
});
export const quiet = (text: string): Span => span(text, 'quiet');
export const bold = (text: string, tone?: Tone): Span => span(text, tone, { bold: true });
export const blank: Line = [];

export const lineWidth = (line: Line): number => line.reduce((n, part) => n + stringWidth(part.text), 0);

/** Cut to `width` columns, with an ellipsis when something is lost. */
export function truncate(text: string, width: number, unicode: boolean): string {
  if (stringWidth(text) <= width) return text;
  const mark = unicode ? '…' : '..';
  const room = Math.max(0, width - mark.length);
  let out = '';
  for (const grapheme of graphemesOf(text)) {
    if (stringWidth(out + grapheme) > room) break;
    out += grapheme;
  }
  return out + mark;
}

/** Wrapped at spaces; a longer word is broken. Control characters cannot come through. */
export function wrap(text: string, width: number): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is dropped
  const clean = text.replace(/\t/g, '  ').replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '');
  return wrapAnsi(clean, Math.max(8, width), { hard: true, trim: true }).split('\n');
}

/** A paragraph, indented. */
export const paragraph = (text: string, indent: number, canvas: Canvas, tone?: Tone): Line[] =>
  wrap(text, textWidth(canvas) - indent).map((line) => [span(' '.repeat(indent)), span(line, tone)]);

/** A left part, and a right part that ends at the text's right edge; under each other when there is no room. */
export function spread(left: Line, right: Line, canvas: Canvas): Line[] {
  const room = textWidth(canvas) - lineWidth(left) - lineWidth(right);
  if (right.length === 0) return [left];
  if (room >= 2) return [[...left, span(' '.repeat(room)), ...right]];
  return [left, [span('    '), ...right]];
}

/** A labelled text, as `seen`, `expected`, `fix`: the label stands apart, the text is wrapped beside it. */
export function labelled(label: string, text: string, indent: number, canvas: Canvas): Line[] {
  if (isNarrow(canvas)) {
    return [[span(' '.repeat(indent)), quiet(label)], ...paragraph(text, indent + 2, canvas)];
  }
  const column = Math.max(11, stringWidth(label) + 2);
  return wrap(text, textWidth(canvas) - indent - column).map((part, i) => [
    span(' '.repeat(indent)),
    quiet((i === 0 ? label : '').padEnd(column)),
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
  working: ['◌', '..'],
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
