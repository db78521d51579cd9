// `node scripts/sample-report.mjs FORMAT REPORT.json... > OUT`: renders reports of `verify --json` in another format.
// With `html` and a last argument `--picture OUT.png` Chromium draws the page, as docs/report/report.png is made.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { importTypeScript } from './import-typescript.mjs';

const [format, ...rest] = process.argv.slice(2);
const at = rest.indexOf('--picture');
const picture = at < 0 ? undefined : rest[at + 1];
const files = at < 0 ? rest : rest.slice(0, at);
const { render, sections } = await importTypeScript('scripts/sample-report.ts');
if (!format || files.length === 0)
  throw new Error('usage: sample-report.mjs FORMAT REPORT.json... [--picture OUT.png]');
const reports = await Promise.all(files.map(async (file) => JSON.parse(await readFile(file, 'utf8'))));
const text = await render(format, reports, {
  sections,
  now: new Date(reports[0].finishedAt),
  style: { colour: false, unicode: true, width: 80, verbose: false, planning: false },
});
if (picture === undefined) process.stdout.write(text);
else {
  const folder = await mkdtemp(join(tmpdir(), 'report-'));
  const page = join(folder, 'report.html');
  await writeFile(page, text);
  const size = (process.env.REPORT_SIZE ?? '1200x1500').replace('x', ',');
  await promisify(execFile)('chromium', [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    `--user-data-dir=${join(folder, 'profile')}`,
    `--window-size=${size}`,
    `--screenshot=${picture}`,
    ...(process.env.REPORT_DARK ? ['--blink-settings=preferredColorScheme=0'] : []),
    pathToFileURL(page).href,
  ]);
  await rm(folder, { recursive: true, force: true });
}
