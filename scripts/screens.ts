/** The pictures in docs/screens: which program, in which terminal, after which keys. `scripts/screens.mjs` runs this. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CommandLine } from '../test/bed/index.ts';
import { personEnv } from '../test/terminal/environment.ts';
import type { ThemeName } from '../test/terminal/palette.ts';
import { svgOf } from '../test/terminal/picture.ts';
import { Terminal } from '../test/terminal/terminal.ts';

/** One picture. */
interface Scenario {
  /** File name without its ending. */
  readonly name: string;
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
  readonly theme: ThemeName;
  /** What runs: arguments, or a command line prepared when its turn comes, such as one inside a test host. */
  readonly argv: readonly string[] | (() => Promise<CommandLine>);
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the person does until the screen is worth a picture. */
  steps(terminal: Terminal): Promise<unknown>;
  /** Undoes what `argv` prepared, also after a failure. */
  cleanUp?(): Promise<void>;
  /** Leaves out blank rows at the end; for programs that print and end. */
  readonly crop?: boolean;
}

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'docs/screens');

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'help',
    title: 'create-corecube-secure --help',
    columns: 100,
    rows: 50,
    theme: 'dark',
    argv: ['node', 'dist/bin.cjs', '--help'],
    steps: (terminal) => terminal.exit,
    crop: true,
  },
];

async function draw(scenario: Scenario): Promise<string> {
  const { columns, rows, theme, title, env = {} } = scenario;
  const line =
    typeof scenario.argv === 'function'
      ? await scenario.argv()
      : { file: scenario.argv[0] as string, args: scenario.argv.slice(1), env: process.env, cwd: root };
  const terminal = Terminal.start([line.file, ...line.args], {
    columns,
    rows,
    cwd: line.cwd,
    env: personEnv(env, line.env),
  });
  try {
    await scenario.steps(terminal);
    const used = scenario.crop ? terminal.screen().split('\n').length : rows;
    const cursor = terminal.cursor();
    return svgOf(terminal.cells(), columns, used, { theme, title, cursor });
  } finally {
    await terminal.close();
    await scenario.cleanUp?.();
  }
}

/** Draws the named pictures, or all. */
export async function drawScreens(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new Error(`no such screen: ${unknown.join(', ')}`);
  await mkdir(folder, { recursive: true });
  for (const scenario of SCENARIOS) {
    if (names.length > 0 && !names.includes(scenario.name)) continue;
    const svg = await draw(scenario);
    await writeFile(join(folder, `${scenario.name}.svg`), svg);
    console.log(`docs/screens/${scenario.name}.svg ${(svg.length / 1000).toFixed(1)} kB`);
  }
}
