/** No flag is taken and ignored: in every mode each one either does something or is refused with words. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flagOptions } from '../src/answers/layers.ts';
import { FLAGS, type FlagName, goesWith, insteadOf, MODES, type ModeName } from '../src/commands.ts';
import { UsageError } from '../src/core/errors.ts';
import { helpText } from '../src/help.ts';
import { product } from '../steps/index.ts';
import { FlagsBed, type Toy } from './flags-bed.ts';

/** A command line of each mode that is complete without any more flag. */
const LINES: Readonly<Record<ModeName, readonly string[]>> = {
  apply: ['--yes'],
  'apply --dry-run': ['--dry-run'],
  'apply --files-only': ['--files-only', '--yes'],
  verify: ['verify'],
  'verify --evidence': ['verify', '--evidence'],
  'verify --fix': ['verify', '--fix'],
  'verify --watch': ['verify', '--watch', '1h'],
  probe: ['probe', 'https://app.example'],
  explain: ['explain', 'toy.on'],
  controls: ['controls'],
  schedule: ['schedule', 'cron'],
  schema: ['schema'],
  example: ['example'],
};
/** A value of each flag that takes one. */
const VALUES: Readonly<Partial<Record<FlagName, string>>> = {
  dir: 'install',
  answers: '/answers.yaml',
  format: 'junit=/out.prom',
  skip: 'toy.on',
  waivers: '/waivers.yaml',
  only: 'toy.on',
  section: 'operation',
  severity: 'required',
  'fail-on': 'advised',
  since: 'last',
  watch: '1h',
  'sign-key': '/key',
  signers: '/signers',
  expect: '0'.repeat(64),
  ca: '/ca.pem',
};
const modes = Object.keys(MODES) as ModeName[];
const flags = Object.keys(FLAGS) as FlagName[];
const answerFlags = Object.keys(flagOptions(product.questions));
const outsideFlags = Object.keys(flagOptions(product.outside.questions));

let bed: FlagsBed;
beforeEach(async () => {
  bed = await FlagsBed.create();
});
afterEach(() => bed.remove());

/** The mode's command line with the flag in it, once. */
function withFlag(mode: ModeName, flag: FlagName): readonly string[] {
  const line = LINES[mode];
  if (line.includes(`--${flag}`)) return line;
  if (FLAGS[flag].type === 'boolean') return [...line, `--${flag}`];
  const value = VALUES[flag];
  if (value === undefined) throw new Error(`no value to try --${flag} with`);
  if (flag === 'dir') return [...line, '--dir', join(bed.dir, value)];
  return [...line, `--${flag}`, mode === 'schedule' ? value.replace('junit', 'prometheus') : value];
}

describe.each(modes)('%s', (mode) => {
  const spec = MODES[mode];

  it('is what its command line means', () => {
    expect(bed.args(LINES[mode])).toMatchObject({ mode, command: spec.command, problems: [] });
  });

  it('reads every flag that it takes', async () => {
    for (const flag of flags.filter((name) => goesWith(name, mode))) {
      // They end every command before it begins.
      if (flag === 'help' || flag === 'version') continue;
      const argv = withFlag(mode, flag);
      expect(bed.args(argv).problems, argv.join(' ')).toEqual([]);
      const toy: Toy = { on: mode !== 'verify --fix', tidy: true };
      const read = await bed.run(argv, toy).then(
        (ran) => ran.read,
        (error: unknown) => {
          // The host of a probe is blind, so that the file of an authority cannot be read: it was asked for.
          if (mode === 'probe' && flag === 'ca' && error instanceof UsageError)
            return new Set(error.problems.map((problem) => problem.where.slice(2)));
          throw error;
        },
      );
      expect([...read], argv.join(' ')).toContain(flag);
    }
  });

  it('refuses every other flag with one problem that says what to do', () => {
    for (const flag of flags.filter((name) => !goesWith(name, mode))) {
      const argv = withFlag(mode, flag);
      const args = bed.args(argv);
      // A flag that makes another mode of the same command is that mode; then this mode's own flag is refused.
      const own: string | undefined = 'flag' in spec ? spec.flag : undefined;
      const refused = args.mode === mode ? flag : own;
      if (refused === undefined) continue;
      expect(args.problems, argv.join(' ')).toEqual([
        {
          where: `--${refused}`,
          seen: `it beside ${args.mode}`,
          expected: expect.stringMatching(/^it with \w/),
          fix: insteadOf(refused as FlagName, args.mode),
        },
      ]);
    }
  });

  it('takes answers as flags, or refuses them', () => {
    for (const name of answerFlags) {
      const problems = bed.args([...LINES[mode], `--${name}`, 'x']).problems.map(({ where }) => where);
      const takes = spec.answers === 'all' || (spec.answers === 'outside' && outsideFlags.includes(name));
      expect(problems, name).toEqual(takes ? [] : [`--${name}`]);
    }
  });
});

describe('the table of flags', () => {
  it('has a mode for every flag, and advice only where the flag is refused', () => {
    for (const flag of flags) {
      expect(
        modes.some((mode) => goesWith(flag, mode)),
        flag,
      ).toBe(true);
      const { instead = {} } = FLAGS[flag] as { instead?: Partial<Record<ModeName, string>> };
      for (const mode of Object.keys(instead) as ModeName[])
        expect(goesWith(flag, mode), `${flag} in ${mode}`).toBe(false);
    }
  });

  it('says what to write after every flag that takes a value', () => {
    for (const flag of flags.filter((name) => FLAGS[name].type === 'string'))
      expect(bed.args(['verify', `--${flag}`]).problems, flag).toContainEqual(
        expect.objectContaining({
          where: `--${flag}`,
          seen: 'no value',
          fix: expect.not.stringContaining('VALUE'),
        }),
      );
  });

  it('is what the help knows', () => {
    const help = helpText(product);
    const shown = new Set([...help.matchAll(/--([a-z][a-z-]*)/g)].map((match) => match[1] as string));
    expect(flags.filter((flag) => !shown.has(flag))).toEqual([]);
    expect(
      [...shown].filter((name) => !(flags as string[]).includes(name) && !answerFlags.includes(name)),
    ).toEqual([]);
  });

  it('fits a terminal of 80 columns in the help, but for what this tool is and its exit codes', () => {
    const [, body = ''] = helpText(product).split('\nUsage\n');
    const [text = ''] = body.split('\nExit codes\n');
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('refuses all that does not fit at once', () => {
    const { problems } = bed.args([
      'verify',
      '--fix',
      '--only',
      'a.b',
      '--watch',
      '5m',
      '--signers',
      'x',
      '--inside',
    ]);
    expect(problems.map(({ where }) => where)).toEqual(['--only', '--watch', '--signers', '--inside']);
  });
});

describe('verify --fix', () => {
  const fix = (toy: Toy, ...more: readonly string[]) => bed.run(['verify', '--fix', ...more], toy);
  const json = async (toy: Toy, ...more: readonly string[]) => {
    const ran = await fix(toy, '--json', ...more);
    return { ...ran, report: JSON.parse(ran.stdout) };
  };

  it('reports what it changed and what was found after it, in every format', async () => {
    const toy = { on: false, tidy: true };
    const ran = await fix(toy, '--format', 'json=/r.json', '--format', 'html=/r.html');
    expect([ran.code, toy.on]).toEqual([0, true]);
    const report = JSON.parse(ran.files.get('/r.json') ?? '');
    expect(report).toMatchObject({ mode: 'verify', exit: 0 });
    expect(report.verdict).toContain('proved (1). 1 change was made.');
    expect(report.steps[0]).toMatchObject({
      outcome: 'looked',
      changes: [{ status: 'done', summary: 'turn toy.on up' }],
      findings: [{ verdict: { is: 'pass' } }, { verdict: { is: 'pass' } }],
    });
    expect(ran.files.get('/r.html')).toContain('turn toy.on up');
    expect(ran.stdout).toContain('Looking again at everything.');
  });

  it('writes one report to standard output, and everything else to standard error', async () => {
    const { report, stderr } = await json({ on: false, tidy: true });
    expect(report.exit).toBe(0);
    expect(stderr).toContain('Evidence kept: record 2');
  });

  it('keeps evidence of what was found, and of what it came to', async () => {
    await fix({ on: false, tidy: true });
    expect((await bed.records()).map(({ exit }) => exit)).toEqual([1, 0]);
    await fix({ on: true, tidy: true });
    expect(await bed.records()).toHaveLength(3);
  });

  it('compares both looks with what was kept before the first', async () => {
    await bed.run(['verify'], { on: false, tidy: true });
    const { report, stderr } = await json({ on: false, tidy: true }, '--since', 'last');
    expect(report.delta).toMatchObject({ new: [], fixed: ['toy.on'], open: [] });
    expect(stderr).toContain('1 fixed');
  });

  it('says that nothing is kept to compare with', async () => {
    const { stdout } = await fix({ on: false, tidy: true }, '--since', 'last');
    expect(stdout).toContain('no earlier full verify');
  });

  it('repairs an advised control when it counts', async () => {
    const left = { on: true, tidy: false };
    expect([(await fix(left)).code, left.tidy]).toEqual([0, false]);
    expect([(await fix(left, '--fail-on', 'advised')).code, left.tidy]).toEqual([0, true]);
  });

  it('needs consent for what interrupts; --exit-zero repairs all the same, and says what was found', async () => {
    const toy: Toy = { on: false, tidy: true, disrupts: 'It restarts.' };
    const declined = await json(toy);
    expect([declined.code, toy.on]).toEqual([1, false]);
    expect(declined.report.verdict).toContain('1 required control fails.');
    expect(declined.report.verdict).toContain('The repair stopped at toy: the changes of Toy were declined.');
    const zero = await fix(toy, '--exit-zero', '--format', 'markdown=/r.md');
    expect([zero.code, toy.on]).toEqual([0, false]);
    expect(zero.files.get('/r.md')).toContain('by what was found it is 1');
    const agreed = await fix(toy, '--yes', '--exit-zero');
    expect([agreed.code, toy.on]).toEqual([0, true]);
  });

  it('is no success when a change failed, and says so', async () => {
    const { code, report } = await json({ on: false, tidy: true, stuck: true });
    expect(code).toBe(3);
    expect(report.steps[0].changes).toMatchObject([{ status: 'failed', error: 'the switch is stuck' }]);
    expect(report.verdict).toMatch(/^1 required control fails\..* The repair stopped at toy:/);
    expect(report.stopped).toMatchObject({ step: 'toy' });
  });

  it('is not proved where the disk does not take what is kept of it; the verdict stands, and nobody speaks of a bug', async () => {
    const { code, stdout, stderr } = await bed.run(['--yes', '--answers', '/answers.yaml'], {
      on: false,
      tidy: true,
      full: true,
    });
    expect(code).toBe(3);
    expect(stdout).toMatch(/Every required control/);
    expect(stderr).toContain('not kept whole');
    expect(stderr).toMatch(/seen +no space left for a file of some bytes \(ENOSPC\)/);
  });

  it('believes the look after the repair, not the repair', async () => {
    const { code, stdout } = await fix({ on: false, tidy: true, relapses: true });
    expect(code).toBe(1);
    const after = stdout.slice(stdout.indexOf('Looking again'));
    expect(after).toContain('[toy.on]');
    expect(after).toContain('1 required control fails.');
  });

  it('is not seen when a signature was asked for and is not there', async () => {
    const { code, stdout } = await fix({ on: true, tidy: true }, '--sign-key', '/key');
    expect(code).toBe(3);
    expect(stdout).toContain('It is not signed: there is no such key');
  });

  it('lists the problems of all its flags at once', async () => {
    const problems = fix(
      { on: true, tidy: true },
      '--format',
      'pdf',
      '--fail-on',
      'never',
      '--since',
      'then',
    ).catch((error: UsageError) => error.problems.map(({ where }) => where));
    expect(await problems).toEqual(['--format pdf', '--since', '--fail-on never']);
  });
});

describe('verify', () => {
  it('tells a forced exit code from the verdict', async () => {
    const ran = await bed.run(['verify', '--exit-zero'], { on: false, tidy: true });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('1 required control fails.');
    expect(ran.stdout.replace(/\s+/g, ' ')).toContain(
      'Exit code 0: asked for whatever is found (--exit-zero); by what was found it is 1',
    );
    expect(await bed.records()).toMatchObject([{ exit: 0, policy: { failOn: 'required', exitZero: true } }]);
  });

  it('says nothing of a forced exit code when nothing was forced', async () => {
    const ran = await bed.run(['verify', '--exit-zero']);
    expect(ran.stdout).not.toContain('Exit code');
  });

  it('draws for where it goes: colours on a terminal, none with --plain, none in a file', async () => {
    const toy: Toy = { on: false, tidy: true };
    const shown = await bed.run(['verify', '--format', 'text=/r.txt'], toy, true);
    expect(shown.stdout).toContain('\u001b[31m1 required control fails.');
    expect(shown.files.get('/r.txt')).toContain('1 required control fails.');
    expect(shown.files.get('/r.txt')).not.toContain('\u001b');
    expect((await bed.run(['verify', '--plain'], toy, true)).stdout).not.toContain('\u001b');
    // Colours follow what was found, not the exit code that was asked for.
    const zero = await bed.run(['verify', '--exit-zero'], toy, true);
    expect(zero.stdout).toContain('\u001b[31m1 required control fails.');
  });

  it('is not proved where a report that was asked for is not there; the others are', async () => {
    for (const argv of [['verify'], ['verify', '--fix']]) {
      const ran = await bed.run([...argv, '--format', 'html=/nowhere/r.html', '--format', 'json=/r.json']);
      expect([ran.code, [...ran.files.keys()]]).toEqual([3, ['/r.json']]);
      expect(ran.stderr).toContain('/nowhere/r.html: ENOENT');
    }
  });

  it.each([
    [['--format', 'pdf'], '--format pdf: an unknown format'],
    [
      ['--format', 'json', '--format', 'sarif'],
      '--format json and --format sarif: 2 formats on standard output',
    ],
    [['--format', 'json=r', '--format', 'html=./r'], '--format html=./r: a file that another format goes to'],
    [['--only', 'toy'], undefined],
    [['--json', '--format', 'json'], undefined],
  ])('%j: %j', async (more, problem) => {
    const told = await bed.run(['verify', ...more]).then(
      () => undefined,
      (error: UsageError) => error.problems.map(({ where, seen }) => `${where}: ${seen}`).join(),
    );
    expect(told).toBe(problem);
  });

  it('refuses one hash for several chains', async () => {
    const problems = bed
      .run(['verify', '--evidence', '/a', '/b', '--expect', '0'.repeat(64)])
      .catch((error: UsageError) => error.problems.map(({ where, seen }) => `${where}: ${seen}`));
    expect(await problems).toEqual(['--expect: 2 directories']);
  });

  it('looks once at a directory that is named twice', async () => {
    const dir = join(bed.dir, 'install');
    const { stdout } = await bed.run(['verify', '--evidence', dir, `${dir}/`, `${dir}/../install`, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1 });
  });

  it('proves several chains as one JSON document', async () => {
    const { stdout } = await bed.run(['verify', '--evidence', join(bed.dir, 'install'), bed.dir, '--json']);
    expect(JSON.parse(stdout)).toHaveLength(2);
  });
});

describe('where there is no install', () => {
  it.each([[['verify', '/none']], [['verify', '--fix', '/none']], [['explain', 'toy.on', '--dir', '/none']]])(
    '%j says so, and nothing else',
    async (argv) => {
      const problems = bed.run(argv).catch((error: UsageError) => error.problems);
      expect(await problems).toMatchObject([
        { where: '/none', seen: 'no finished install (no saved answers)' },
      ]);
    },
  );
});

describe('schedule', () => {
  it('takes one file of metrics', async () => {
    const two = ['--format', 'prometheus=/a.prom', '--format', 'prometheus=/b.prom'];
    const problems = bed.run(['schedule', 'cron', ...two]).catch((error: UsageError) => error.problems);
    expect(await problems).toMatchObject([{ where: '--format prometheus=/b.prom', seen: 'a second file' }]);
  });
});
