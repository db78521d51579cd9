/** The pictures in docs/screens, from the real tool on real containers. `scripts/screens.mjs` runs this. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BedHost, createHost, ensureBed } from '../test/bed/index.ts';
import type { ThemeName } from '../test/terminal/palette.ts';
import { svgOf } from '../test/terminal/picture.ts';
import { Terminal } from '../test/terminal/terminal.ts';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'docs/screens');
const LONG = { timeoutMs: 180_000 };
const DOMAIN = 'corecube.test';
const PLACE = '/srv';
const ANSWERS = `image: corecube/corecube:v2
domain: ${DOMAIN}
tls: internal
adminRanges: [198.51.100.7/32]
adminEmail: operator@corecube.test
adminPassword: generate
database: bundled
`;

interface Size {
  readonly columns: number;
  readonly rows: number;
  readonly theme: ThemeName;
}
const DARK: Size = { columns: 80, rows: 24, theme: 'dark' };

/** Draws what is on the screen now. */
async function shot(terminal: Terminal, size: Size, name: string): Promise<void> {
  await terminal.settled();
  const { columns, rows, theme } = size;
  const svg = svgOf(terminal.cells(), columns, rows, {
    theme,
    title: 'create-corecube-secure',
    cursor: terminal.cursor(),
  });
  await writeFile(join(folder, `${name}.svg`), svg);
  console.log(`docs/screens/${name}.svg ${(svg.length / 1000).toFixed(1)} kB`);
}

/** Runs the whole story once and draws every screen on the way. */
export async function drawScreens(): Promise<void> {
  await ensureBed();
  await mkdir(folder, { recursive: true });
  const base = await mkdtemp(join(tmpdir(), 'ccs-screens-'));
  const host = await createHost('screens');
  try {
    await writeFile(join(base, 'answers.yaml'), ANSWERS);
    // In the host the folder has a name like an operator's; on this machine it is a temporary one.
    const mounted = await host.run(['mount', '--bind', base, PLACE]);
    if (mounted.exitCode !== 0) throw new Error(`mount: ${mounted.stderr}`);
    await questions(host, PLACE);
    await install(host, PLACE);
    await repair(host, PLACE);
    await failure(host, PLACE);
  } finally {
    await Terminal.closeAll();
    await host.destroy();
    await rm(base, { recursive: true, force: true });
  }
}

const start = (host: BedHost, dir: string, size: Size, args: readonly string[] = []) =>
  Terminal.startIn(host, [process.execPath, join(root, 'dist/bin.cjs'), '--dir', dir, ...args], {
    columns: size.columns,
    rows: size.rows,
    env: { LANG: 'C.UTF-8', SSH_CONNECTION: '198.51.100.7 51022 198.51.100.1 22' },
  });

async function answer(terminal: Terminal, title: string, text: string): Promise<void> {
  await terminal.waitFor(title, LONG);
  if (text !== '') await terminal.typeByKey(text);
  // Enter that arrives together with text counts as pasted: it waits until the text is drawn.
  await terminal.waitFor(text, LONG);
  await terminal.settled();
  terminal.press('enter');
}

async function questions(host: BedHost, base: string): Promise<void> {
  for (const [size, suffix] of [
    [DARK, ''],
    [{ columns: 80, rows: 24, theme: 'light' }, '-light'],
    [{ columns: 40, rows: 24, theme: 'dark' }, '-40-columns'],
  ] as const) {
    const terminal = start(host, join(base, 'questions'), size);
    await answer(terminal, 'Which CoreCube image', 'corecube/corecube:v2');
    await answer(terminal, 'Under which name', DOMAIN);
    await answer(terminal, '› internal', '');
    await terminal.waitFor('198.51.100.7', LONG);
    await terminal.typeByKey(', 10.0.0.0/33');
    await shot(terminal, size, `question${suffix}`);
    if (suffix === '') {
      for (let i = 0; i < ', 10.0.0.0/33'.length; i++) terminal.press('backspace');
      terminal.press('enter');
      await answer(terminal, 'Which e-mail address', 'operator@corecube.test');
      await terminal.waitFor('› generate');
      terminal.press('down');
      await terminal.waitFor('› type');
      terminal.press('enter');
      await terminal.waitFor('12 characters or more');
      await terminal.typeByKey('Correct1');
      await shot(terminal, size, 'password');
    }
    terminal.press('ctrl+c');
    await terminal.exit;
  }
}

async function install(host: BedHost, base: string): Promise<void> {
  const terminal = start(host, join(base, 'corecube'), DARK, ['--answers', join(base, 'answers.yaml')]);
  for (;;) {
    const seen = await terminal.waitFor(/a apply|Where is the copy of the encryption key/, LONG);
    if (!seen.includes('a apply')) break;
    if (seen.includes('● Encryption key')) await shot(terminal, DARK, 'review');
    if (seen.includes('● Compose file')) {
      terminal.type('d');
      await terminal.waitFor('close the diff');
      await shot(terminal, DARK, 'diff');
      terminal.type('d');
      await terminal.waitFor('full diff');
    }
    const heading = seen.split('\n').findLast((line) => line.includes('●')) ?? '';
    const isDatabase = seen.includes('● Database');
    terminal.type('a');
    if (isDatabase) {
      await terminal.waitFor(/◌ Start pgvector[\s\S]* \d s\n/, LONG);
      await shot(terminal, DARK, 'working');
    }
    await terminal.waitFor((text) => !(text.includes(heading) && text.includes('a apply')), LONG);
  }
  await answer(terminal, 'Where is the copy of the encryption key', 'safe of office 2, J. Doe');
  await answer(terminal, 'On which encrypted medium', 'LUKS volume backup01, J. Doe');
  await terminal.waitFor('q quit', LONG);
  await shot(terminal, DARK, 'end');
  terminal.type('q');
  await terminal.exit;
}

async function repair(host: BedHost, base: string): Promise<void> {
  await host.run(['chmod', '644', join(base, 'corecube/secrets/encryption_key')]);
  const size: Size = { columns: 100, rows: 34, theme: 'dark' };
  const terminal = start(host, join(base, 'corecube'), size);
  await terminal.waitFor('f repair this', LONG);
  await shot(terminal, size, 'drift');
  terminal.type('q');
  await terminal.exit;
}

async function failure(host: BedHost, base: string): Promise<void> {
  const args = ['--answers', join(base, 'answers.yaml'), '--project-name', 'second'];
  const terminal = start(host, join(base, 'second'), DARK, args);
  await terminal.waitFor('r look again', LONG);
  await shot(terminal, DARK, 'failure');
  terminal.press('ctrl+c');
  await terminal.exit;
}
