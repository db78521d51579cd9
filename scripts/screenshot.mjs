// `node scripts/screenshot.mjs OUT.svg COLUMNS TITLE < captured output`: draws what a terminal showed (text with SGR
// colours) as an SVG picture. The text comes from a real run; nothing is made up here.
import { readFileSync, writeFileSync } from 'node:fs';

const [out, columns = '80', title = 'terminal'] = process.argv.slice(2);
if (!out) throw new Error('usage: screenshot.mjs OUT.svg [COLUMNS] [TITLE] < output');
const width = Number(columns);
const text = readFileSync(0, 'utf8').replace(/\n+$/, '');

const COLOURS = { 31: '#f7768e', 32: '#9ece6a', 33: '#e0af68', 36: '#7dcfff' };
const CELL = 8.4;
const LINE = 19;
const PAD = 20;
const escapeXml = (s) => s.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Lines of {text, style} runs; lines longer than the terminal wrap as the terminal does. */
const lines = [];
let style = {};
for (const source of text.split('\n')) {
  let line = [];
  let used = 0;
  const flush = () => {
    lines.push(line);
    line = [];
    used = 0;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
  for (const part of source.split(/(\u001b\[[0-9;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const sgr = /^\u001b\[([0-9;]*)m$/.exec(part);
    if (sgr) {
      for (const code of (sgr[1] || '0').split(';').map(Number)) {
        if (code === 0) style = {};
        else if (code === 1) style = { ...style, bold: true };
        else if (code === 2) style = { ...style, dim: true };
        else if (COLOURS[code]) style = { ...style, colour: COLOURS[code] };
      }
      continue;
    }
    let rest = part;
    while (used + rest.length > width) {
      line.push({ text: rest.slice(0, width - used), at: used, style });
      rest = rest.slice(width - used);
      flush();
    }
    if (rest) line.push({ text: rest, at: used, style });
    used += rest.length;
  }
  flush();
}
const height = lines.length * LINE + PAD * 2 + 28;
const rows = lines.flatMap((line, y) =>
  line
    .filter((run) => run.text.trim() !== '')
    .map((run) => {
      const lead = run.text.length - run.text.trimStart().length;
      const attributes = [
        `x="${(PAD + (run.at + lead) * CELL).toFixed(1)}"`,
        `y="${PAD + 28 + (y + 0.75) * LINE}"`,
        `textLength="${(run.text.trim().length * CELL).toFixed(1)}"`,
        run.style.colour ? `fill="${run.style.colour}"` : run.style.dim ? 'fill="#7a83a6"' : '',
        run.style.bold ? 'font-weight="700"' : '',
      ];
      return `<text ${attributes.filter(Boolean).join(' ')}>${escapeXml(run.text.trim())}</text>`;
    }),
);
const w = Math.ceil(width * CELL + PAD * 2);
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${height}" width="${w}" height="${height}" role="img" aria-label="${escapeXml(title)}">
<rect width="100%" height="100%" rx="8" fill="#1a1b26"/>
<text x="${w / 2}" y="24" text-anchor="middle" font-family="sans-serif" font-size="12" fill="#7a83a6">${escapeXml(title)}</text>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" fill="#c0caf5" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>
`,
);
