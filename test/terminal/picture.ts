/** Draws a terminal's cells as a small SVG without anything from outside: what was on the screen, cell for cell. */
import type { Cell } from './cells.ts';
import { contrast, hexColour, mix, THEMES, type Theme, type ThemeName } from './palette.ts';

export interface PictureOptions {
  readonly theme?: ThemeName;
  /** In the window's title bar, and the picture's name for those who cannot see it. */
  readonly title?: string;
  /** Where the cursor stands, when the program shows it. */
  readonly cursor?: { readonly x: number; readonly y: number; readonly visible: boolean };
}

const FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";
const FONT_SIZE = 14;
const CELL = 8.4;
const LINE = 19;
/** From a row's top to the letters' feet. */
const BASELINE = 14;
const PAD = 20;
const BAR = 36;

const escapeXml = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const px = (value: number) => String(Math.round(value * 10) / 10);

/** A cell as it looks: its colours resolved, its neighbours forgotten. */
interface Look {
  readonly colour: string;
  readonly background: string;
  readonly weight: boolean;
  readonly italic: boolean;
  readonly line: 'underline' | 'line-through' | undefined;
}

function lookOf(cell: Cell, theme: Theme): Look {
  let colour = cell.foreground === undefined ? theme.foreground : hexColour(cell.foreground, theme);
  let background = cell.background === undefined ? theme.background : hexColour(cell.background, theme);
  // A pair of colours that only another scheme can show is not worth a picture nobody can read.
  if (cell.background !== undefined && contrast(colour, background) < 3) {
    const choice = [theme.foreground, theme.background] as const;
    colour = choice.reduce((a, b) => (contrast(a, background) >= contrast(b, background) ? a : b));
  }
  if (cell.inverse) [colour, background] = [background, colour];
  if (cell.dim) colour = mix(colour, background, theme.dimming);
  return {
    colour,
    background,
    weight: cell.bold,
    italic: cell.italic,
    line: cell.underline ? 'underline' : cell.strikethrough ? 'line-through' : undefined,
  };
}

const alike = (a: Look, b: Look) =>
  a.colour === b.colour && a.weight === b.weight && a.italic === b.italic && a.line === b.line;

/** Letters that every monospace font has in its own width; others may come from a font that is wider. */
const isPlain = (text: string) => /^[\u0020-\u024f]$/.test(text);

/** Neighbouring cells that one text element can draw. */
interface Run {
  readonly x: number;
  readonly look: Look;
  readonly plain: boolean;
  text: string;
  cells: number;
}

function runsOf(row: readonly Cell[], looks: readonly Look[]): Run[] {
  const runs: Run[] = [];
  let blanks = 0;
  row.forEach((cell, x) => {
    if (cell.width === 0) return;
    const look = looks[x] as Look;
    const isBlank = cell.text === '' || cell.text === ' ';
    if (isBlank && !look.line) {
      blanks += 1;
      return;
    }
    const text = isBlank ? '\u00a0' : cell.text;
    const last = runs.at(-1);
    // One blank stays inside a run; more would be collapsed, and begin a new one.
    if (last && isPlain(text) && last.plain && alike(last.look, look) && blanks <= 1) {
      last.text += (blanks === 1 ? ' ' : '') + text;
      last.cells += blanks + 1;
    } else if (
      last &&
      blanks === 0 &&
      cell.width === 1 &&
      last.text.endsWith(text) &&
      alike(last.look, look)
    ) {
      // A drawn line is one element, however long.
      last.text += text;
      last.cells += 1;
    } else {
      runs.push({ x, look, plain: isPlain(text), text, cells: cell.width });
    }
    blanks = 0;
  });
  return runs;
}

/** Filled rectangles behind a row's text. */
function backgroundsOf(looks: readonly Look[], top: number, theme: Theme): string[] {
  const found: string[] = [];
  for (let x = 0; x < looks.length; ) {
    const { background } = looks[x] as Look;
    let end = x + 1;
    while (looks[end]?.background === background) end += 1;
    if (background !== theme.background) {
      found.push(
        `<rect x="${px(PAD + x * CELL)}" y="${px(top)}" width="${px((end - x) * CELL)}" height="${LINE}" fill="${background}"/>`,
      );
    }
    x = end;
  }
  return found;
}

/** The picture of a window with `columns` by `rows` cells; rows beyond are left out, missing ones are empty. */
export function svgOf(
  cells: readonly (readonly Cell[])[],
  columns: number,
  rows: number,
  { theme: name = 'dark', title = '', cursor }: PictureOptions = {},
): string {
  const theme = THEMES[name];
  const width = Math.ceil(columns * CELL + PAD * 2);
  const height = BAR + rows * LINE + PAD * 2 - (LINE - FONT_SIZE);
  const classes = new Map<string, string>();
  const classOf = (style: string) => {
    if (!classes.has(style)) classes.set(style, `s${classes.size}`);
    return classes.get(style);
  };
  const drawn = cells.slice(0, rows).flatMap((row, y) => {
    const top = BAR + PAD + y * LINE;
    const looks = row.slice(0, columns).map((cell) => lookOf(cell, theme));
    const texts = runsOf(row.slice(0, columns), looks).map((run) => {
      const { colour, weight, italic, line } = run.look;
      const style = [
        colour === theme.foreground ? '' : `fill:${colour}`,
        weight ? 'font-weight:700' : '',
        italic ? 'font-style:italic' : '',
        line ? `text-decoration:${line}` : '',
      ].filter(Boolean);
      const attributes = [
        ` x="${px(PAD + run.x * CELL)}" y="${px(top + BASELINE)}" textLength="${px(run.cells * CELL)}"`,
        // A glyph from another font is squeezed into its cells.
        run.plain ? '' : ' lengthAdjust="spacingAndGlyphs"',
        style.length > 0 ? ` class="${classOf(style.join(';'))}"` : '',
      ];
      return `<text${attributes.join('')}>${escapeXml(run.text)}</text>`;
    });
    return [...backgroundsOf(looks, top, theme), ...texts];
  });
  if (cursor?.visible && cursor.y < rows) {
    drawn.push(
      `<rect x="${px(PAD + cursor.x * CELL)}" y="${px(BAR + PAD + cursor.y * LINE)}" width="${CELL}" height="${LINE}" fill="${theme.foreground}" opacity=".6"/>`,
    );
  }
  const dots = [0, 1, 2].map(
    (n) => `<circle cx="${PAD + 4 + n * 16}" cy="${BAR / 2}" r="4.5" fill="${theme.edge}"/>`,
  );
  const styles = [...classes].map(([style, id]) => `.${id}{${style}}`).join('');
  const label = escapeXml(title);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"${label ? ` aria-label="${label}"` : ''}>
<style>${styles}</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="9" fill="${theme.background}" stroke="${theme.edge}"/>
<path d="M1 ${BAR}H${width - 1}" stroke="${theme.edge}"/>
${dots.join('')}
<text x="${width / 2}" y="${BAR / 2 + 4.5}" text-anchor="middle" font-family="system-ui,sans-serif" font-size="12.5" fill="${theme.title}">${label}</text>
<g font-family="${FONT}" font-size="${FONT_SIZE}" fill="${theme.foreground}">
${drawn.join('\n')}
</g>
</svg>
`;
}
