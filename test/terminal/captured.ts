/** Pictures of output that was captured from a program: `scripts/screenshot.mjs`. */
import { cellsOf, textOf } from './cells.ts';
import { svgOf } from './picture.ts';
import { emulator } from './xterm.ts';

/** The picture of all rows the text takes in a terminal of that width. */
export async function pictureOf(text: string, columns: number, title: string): Promise<string> {
  // As many rows as the text may take at most: each line, and what a terminal breaks off from long ones.
  const rows = text.split('\n').reduce((sum, line) => sum + 1 + Math.floor(line.length / columns), 0);
  const xterm = emulator(columns, rows, { convertEol: true });
  await new Promise<void>((done) => xterm.write(text, done));
  return svgOf(cellsOf(xterm), columns, textOf(xterm, 'screen').split('\n').length, { title });
}
