// `npm run bench`: ratios measured in one run. With --check a missed bound is a failure. Bounds are ratios and sizes;
// absolute times are printed for people. --no-stack leaves out what needs a running install; --ten also makes ten
// installs on one host, which takes some minutes, and verifies them in one call.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureMany } from './bench-many.mjs';
import { importTypeScript } from './import-typescript.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const check = process.argv.includes('--check');
const withStack = !process.argv.includes('--no-stack');
const tool = join(root, 'dist/bin.cjs');
const rows = [];
let missed = 0;
/** One line of the result; `bound` is the largest good value, or undefined when the figure is only for people. */
const row = (name, value, unit, bound) => {
  const bad = bound !== undefined && value > bound;
  if (bad) missed += 1;
  rows.push(
    `${name.padEnd(52)} ${value.toFixed(unit === 'kB' ? 0 : 2).padStart(8)} ${unit.padEnd(5)} ${bound === undefined ? '' : `bound ${bound}${bad ? '  MISSED' : ''}`}`,
  );
};
const run = (command, args, options = {}) => {
  const began = process.hrtime.bigint();
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  return { ...result, ms: Number(process.hrtime.bigint() - began) / 1e6 };
};
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
/** Pairs A and B run by run, so that the ratio holds when the machine's speed drifts. */
const ratio = (a, b, runs) => {
  const pairs = Array.from({ length: runs }, () => [a(), b()]);
  return { ratio: median(pairs.map(([x, y]) => x / y)), ms: median(pairs.map(([x]) => x)) };
};

const bare = () => run(process.execPath, ['-e', '0']).ms;
run(process.execPath, [tool, '--version']);
const version = ratio(() => run(process.execPath, [tool, '--version']).ms, bare, 15);
row('--version / node -e 0', version.ratio, 'x', 1.5);

const work = mkdtempSync(join(tmpdir(), 'ccs-bench-'));
const answers = join(work, 'answers.yaml');
const write = (more) =>
  writeFileSync(
    answers,
    `image: corecube/corecube:v2\nrelease: v2\ndomain: corecube.test\ntls: internal\nadminRanges: [198.51.100.7/32]\nadminEmail: operator@corecube.test\nkeyBackup: a benchmark, its key protects nothing\ndumpEncryption: a benchmark, it makes no dumps\n${more}`,
  );
write('projectName: ccs-bench-empty\n');
const dry = () =>
  run(process.execPath, [tool, '--dry-run', '--answers', answers, '--dir', join(work, 'empty')]);
const first = dry();
if (first.status !== 4)
  throw new Error(`--dry-run ended with ${first.status}: ${first.stdout}${first.stderr}`);
const dryRun = ratio(() => dry().ms, bare, 5);
row('--dry-run, empty directory / node -e 0', dryRun.ratio, 'x');
row('--dry-run, empty directory (goal: 1 s)', dryRun.ms / 1000, 's');

const pack = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']).stdout);
const packed = Array.isArray(pack) ? pack[0] : Object.values(pack)[0];
row('packed tarball', packed.size / 1000, 'kB', 700);

const { measureEngine } = await importTypeScript('scripts/bench-engine.ts');
row('engine, 1,000 controls that answer at once, processor', await measureEngine(1000, 9), 'ms', 50);

const { measureWizard } = await importTypeScript('scripts/bench-wizard.ts');
const wizard = await measureWizard(tool, 9, 200);
row('wizard, first frame / node -e 0 (goal: 3.5)', median(wizard.starts.map(([a, b]) => a / b)), 'x');
row(
  'wizard, key press to repaint, p99 (goal: 30 ms)',
  wizard.repaints[Math.floor(wizard.repaints.length * 0.99)],
  'ms',
);
row('wizard, key press to repaint, median', median(wizard.repaints), 'ms');
row('wizard, written per key press', wizard.bytesPerKey / 1000, 'kB');
row('wizard, processor while a question waits', wizard.idleCpu, '%', 2);

if (withStack) {
  const bed = (...args) => run('bash', [join(root, 'test/bed/host.sh'), 'bench', ...args]);
  try {
    const up = bed('up');
    if (up.status !== 0) throw new Error(`no bench host: ${up.stdout}${up.stderr}`);
    const dir = join(work, 'install');
    mkdirSync(dir);
    write('projectName: ccs-bench\n');
    const apply = bed('exec', process.execPath, tool, '--yes', '--answers', answers, '--dir', dir);
    if (apply.status !== 0)
      throw new Error(`apply ended with ${apply.status}:\n${apply.stdout}${apply.stderr}`);
    row('apply, fresh', apply.ms / 1000, 's');
    const again = bed('exec', process.execPath, tool, '--yes', '--answers', answers, '--dir', dir);
    row('apply, nothing to do', again.ms / 1000, 's');
    const looks = Array.from({ length: 3 }, () => {
      const result = bed('exec', process.execPath, tool, 'verify', '--json', '--dir', dir);
      if (result.status !== 0) throw new Error(`verify ended with ${result.status}:\n${result.stderr}`);
      const report = JSON.parse(result.stdout);
      const findings = report.steps.flatMap((s) => s.findings);
      const slowest = findings.reduce((a, b) => (a.duration > b.duration ? a : b));
      const whole = Date.parse(report.finishedAt) - Date.parse(report.startedAt);
      return { ms: result.ms, whole, slowest };
    });
    const best = looks.reduce((a, b) => (a.whole <= b.whole ? a : b));
    row(`verify / its slowest probe (${best.slowest.control})`, best.whole / best.slowest.duration, 'x', 1.5);
    row('verify, whole process (goal: 3 s)', median(looks.map((l) => l.ms)) / 1000, 's');
    // From outside, with a name server that knows the name. The authority of the certificate is unknown there, so the
    // exit code is not 0; what counts is that everything was looked at.
    const names = run('bash', [join(root, 'test/bed/acme.sh'), 'bench', 'up']);
    if (names.status !== 0) throw new Error(`no name server: ${names.stdout}${names.stderr}`);
    const probes = Array.from({ length: 3 }, () => {
      const result = bed('client', '2', process.execPath, tool, 'probe', 'https://corecube.test', '--json');
      const findings = JSON.parse(result.stdout).steps.flatMap((s) => s.findings);
      if (findings.length < 10 || findings.some((f) => f.verdict.is === 'unknown'))
        throw new Error(`probe ended with ${result.status}:\n${result.stderr}`);
      return result.ms;
    });
    row('probe, whole process (goal: 3 s)', median(probes) / 1000, 's');
    if (process.argv.includes('--ten')) {
      const count = 10;
      const {
        ratio: times,
        one,
        all,
        servers,
      } = measureMany({ bed, tool, work, answers, write, count, runs: 3 });
      row('verify, ten installs / one (goal: 2)', times, 'x');
      row('verify, ten installs, whole process', all.wall, 's');
      row(
        'verify, ten installs, their containers alone on these cores',
        servers / availableParallelism(),
        's',
      );
      row('verify, one install, processor of the tool', one.cpu, 's');
      row('verify, each further install, processor of the tool', (all.cpu - one.cpu) / (count - 1), 's');
    }
  } finally {
    bed('down');
  }
}
rmSync(work, { recursive: true, force: true });
console.log(rows.join('\n'));
if (missed > 0) {
  console.log(`${missed} ${missed === 1 ? 'bound' : 'bounds'} missed`);
  if (check) process.exitCode = 1;
}
