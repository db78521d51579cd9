/** The pictures of the documentation: readable colours, exact places, nothing from outside. */
import { afterEach, describe, expect, it } from 'vitest';
import { pictureOf } from './captured.ts';
import { contrast, hexColour, mix, THEMES, type ThemeName } from './palette.ts';
import { svgOf } from './picture.ts';
import { Terminal } from './terminal.ts';

afterEach(Terminal.closeAll);

/** What bash's printf shows, drawn. */
async function draw(format: string, theme: ThemeName = 'dark', columns = 20, rows = 3): Promise<string> {
  const terminal = Terminal.start(['bash', '-c', `printf '${format}'`], { columns, rows });
  await terminal.exit;
  return svgOf(terminal.cells(), columns, rows, { theme, title: 'a <title>' });
}
const texts = (svg: string) =>
  [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"([^>]*)>([^<]*)</g)].map((m) =>
    m.slice(1),
  );

describe('palette', () => {
  it.each(['dark', 'light'] as const)('%s: all text can be read', (name) => {
    const theme = THEMES[name];
    const readable = [theme.foreground, theme.title, ...theme.named];
    readable.push(mix(theme.foreground, theme.background, theme.dimming));
    for (const colour of readable) expect(contrast(colour, theme.background), colour).toBeGreaterThan(4.5);
    expect(theme.named).toHaveLength(16);
  });

  it('knows the 256 colours and colours of their own', () => {
    expect([16, 21, 196, 231, 232, 255].map((n) => hexColour(n, THEMES.dark))).toEqual([
      '#000000',
      '#0000ff',
      '#ff0000',
      '#ffffff',
      '#080808',
      '#eeeeee',
    ]);
    expect(hexColour('#010203', THEMES.dark)).toBe('#010203');
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  });
});

describe('picture', () => {
  it('puts every word into its cells', async () => {
    expect(texts(await draw(String.raw`ab c   d\n\033[2Ce`))).toEqual([
      ['20', '70', '33.6', '', 'ab c'],
      ['78.8', '70', '8.4', '', 'd'],
      ['36.8', '89', '8.4', '', 'e'],
    ]);
  });

  it('keeps glyphs of other fonts inside their cells and draws a rule as one', async () => {
    const squeezed = ' lengthAdjust="spacingAndGlyphs"';
    expect(texts(await draw('✓ ok ───漢a'))).toEqual([
      ['20', '70', '8.4', squeezed, '✓'],
      ['36.8', '70', '16.8', '', 'ok'],
      ['62', '70', '25.2', squeezed, '───'],
      ['87.2', '70', '16.8', squeezed, '漢'],
      ['104', '70', '8.4', '', 'a'],
    ]);
  });

  it('shows colours, weight, lines and reversed text', async () => {
    const { named, foreground, background, dimming } = THEMES.light;
    const svg = await draw(
      String.raw`\033[1;36ma\033[0;2mb\033[0;4mc d\033[0;7mef\033[0;9mg\033[0;3mh`,
      'light',
    );
    expect(svg).toContain(`{fill:${named[6]};font-weight:700}`);
    expect(svg).toContain(`{fill:${mix(foreground, background, dimming)}}`);
    expect(svg).toContain('{text-decoration:underline}');
    expect(svg).toContain('{text-decoration:line-through}');
    expect(svg).toContain('{font-style:italic}');
    expect(svg).toContain(`<rect x="62" y="56" width="16.8" height="19" fill="${foreground}"/>`);
    expect(svg).toContain(`{fill:${background}}`);
    expect(texts(svg).map((t) => t[4])).toEqual(['a', 'b', 'c\u00a0d', 'ef', 'g', 'h']);
  });

  it('keeps text on a coloured ground readable', async () => {
    const svg = await draw(String.raw`\033[44;97mx`, 'light');
    expect(svg).toContain(`fill="${THEMES.light.named[4]}"`);
    expect(svg).toContain(`{fill:${THEMES.light.background}}`);
  });

  it('shows the cursor only when the program does', () => {
    const at = (visible: boolean) => svgOf([], 10, 2, { cursor: { x: 1, y: 1, visible } });
    expect(at(true)).toContain('<rect x="28.4" y="75" width="8.4" height="19"');
    expect(at(false)).not.toContain('opacity');
  });

  it('escapes markup, refers to nothing outside and stays small', async () => {
    const svg = await draw(`<b>&"x"`);
    expect(texts(svg)[0]?.[4]).toBe('&#60;b&#62;&#38;&#34;x&#34;');
    expect(svg).toContain('aria-label="a &#60;title&#62;"');
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|href|<script|<image/);
    const full = await draw(`${'word '.repeat(20)}\\n`.repeat(30), 'dark', 100, 30);
    expect(full.length).toBeLessThan(12_000);
  });

  it('draws captured output with as many rows as it takes', async () => {
    const svg = await pictureOf('\u001b[1mone\u001b[0m\n0123456789ab\n\nend\n', 10, 'captured');
    expect(texts(svg).map((t) => [t[1], t[4]])).toEqual([
      ['70', 'one'],
      ['89', '0123456789'],
      ['108', 'ab'],
      ['146', 'end'],
    ]);
  });
});
