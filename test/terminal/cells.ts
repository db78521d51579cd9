/** A terminal's contents cell by cell, with colours: what a picture is drawn from. */
import type { IBufferCell } from '@xterm/headless';
import type { Emulator } from './xterm.ts';

/** Palette number 0 to 255, or a colour of its own. */
export type Colour = number | `#${string}`;

/** One place of the grid. */
export interface Cell {
  /** The character with its combining marks; empty where nothing was written and behind a wide character. */
  readonly text: string;
  /** Columns taken; 0 behind a wide character. */
  readonly width: number;
  /** Undefined: the terminal's own text colour. */
  readonly foreground: Colour | undefined;
  /** Undefined: the terminal's own background. */
  readonly background: Colour | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strikethrough: boolean;
}

/** Rows that are visible, or all rows with what has scrolled away. */
export type Extent = 'screen' | 'scrollback';

function colour(isDefault: boolean, isRgb: boolean, value: number): Colour | undefined {
  if (isDefault) return undefined;
  return isRgb ? `#${value.toString(16).padStart(6, '0')}` : value;
}

function cellOf(cell: IBufferCell): Cell {
  const hidden = cell.isInvisible() !== 0;
  return {
    text: hidden ? '' : cell.getChars(),
    width: cell.getWidth(),
    foreground: colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
    background: colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    italic: cell.isItalic() !== 0,
    underline: cell.isUnderline() !== 0,
    inverse: cell.isInverse() !== 0,
    strikethrough: cell.isStrikethrough() !== 0,
  };
}

/** Rows of cells, top first; every row has as many cells as the terminal has columns. */
export function cellsOf(xterm: Emulator, extent: Extent = 'screen'): Cell[][] {
  const buffer = xterm.buffer.active;
  const first = extent === 'screen' ? buffer.baseY : 0;
  return Array.from({ length: buffer.baseY + xterm.rows - first }, (_, y) => {
    const line = buffer.getLine(first + y);
    return Array.from({ length: xterm.cols }, (_, x) => cellOf(line?.getCell(x) ?? buffer.getNullCell()));
  });
}

/** The text of the rows, without blanks at line ends and without blank lines at the end. */
export function textOf(xterm: Emulator, extent: Extent): string {
  const buffer = xterm.buffer.active;
  const lines: string[] = [];
  for (let y = extent === 'screen' ? buffer.baseY : 0; y < buffer.baseY + xterm.rows; y++) {
    const line = buffer.getLine(y);
    // History is read for its words: a line the terminal had to break is one line again.
    // A terminal that does not break lines anew may keep what is beyond its edge, unseen.
    const text = line?.translateToString(false, 0, xterm.cols) ?? '';
    if (extent === 'scrollback' && line?.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}
