// `node scripts/screenshot.mjs OUT.svg [COLUMNS] [TITLE] < captured output`: draws what a terminal showed (text with
// colours) as an SVG picture. The text comes from a real run; nothing is made up here.
import { readFileSync, writeFileSync } from 'node:fs';
import { importTypeScript } from './import-typescript.mjs';

const [out, columns = '80', title = 'terminal'] = process.argv.slice(2);
if (!out) throw new Error('usage: screenshot.mjs OUT.svg [COLUMNS] [TITLE] < output');
const { pictureOf } = await importTypeScript('test/terminal/captured.ts');
writeFileSync(out, await pictureOf(readFileSync(0, 'utf8'), Number(columns), title));
