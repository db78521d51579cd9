// `npm test`: installs what the tests need (npm packages, then the test bed's Debian packages, engine and images),
// runs every check and every test, and ends with the plain line `N passed, N failed`. Nothing is skipped: a
// component that cannot be had is a failure.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
const unitOnly = process.argv.includes('--unit');
let passed = 0;
let failed = 0;
const failures = [];

/** Runs one command as one test. */
function stage(name, command, args, env = {}) {
  const began = Date.now();
  console.log(`\n== ${name}`);
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ok = result.status === 0;
  console.log(
    `== ${name}: ${ok ? 'ok' : `failed (${result.error?.message ?? result.signal ?? result.status})`}, ${((Date.now() - began) / 1000).toFixed(0)} s`,
  );
  return ok;
}
const judge = (name, ok) => {
  if (ok) passed += 1;
  else {
    failed += 1;
    failures.push(name);
  }
  return ok;
};
const bin = (name) => join(root, 'node_modules/.bin', name);

/** Runs one Vitest project and counts its tests; a run without tests is a failure. */
function vitest(project) {
  const file = join(root, `node_modules/.vitest-${project}.json`);
  rmSync(file, { force: true });
  const ok = stage(`vitest ${project}`, bin('vitest'), [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${file}`,
  ]);
  const json = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (!json || json.numTotalTests === 0) return judge(`vitest ${project} ran no test`, false);
  passed += json.numPassedTests;
  failed += json.numFailedTests;
  for (const suite of json.testResults) {
    for (const test of suite.assertionResults) if (test.status === 'failed') failures.push(test.fullName);
  }
  const notRun = json.numPendingTests + (json.numTodoTests ?? 0);
  if (notRun > 0) judge(`vitest ${project} skipped ${notRun} tests`, false);
  if (!ok && json.numFailedTests === 0) judge(`vitest ${project}`, false);
  return ok;
}

const installed = existsSync(bin('vitest')) || stage('npm ci', 'npm', ['ci', '--no-audit', '--no-fund']);
if (judge('npm ci', installed)) {
  judge('format and lint', stage('format and lint', bin('biome'), ['ci', '--error-on-warnings', '.']));
  judge('types', stage('types', bin('tsc'), ['-p', 'tsconfig.json']));
  judge('dead code', stage('dead code', bin('knip'), []));
  const built = judge('build', stage('build', process.execPath, ['scripts/build.mjs']));
  judge('documents', stage('documents', process.execPath, ['scripts/docs.mjs', '--check']));
  vitest('unit');
  if (!unitOnly && built) {
    const bed = judge(
      'test bed',
      stage('test bed', 'bash', ['test/bed/install.sh']) &&
        stage('test bed images', 'bash', ['test/bed/images.sh', 'build']),
    );
    if (bed) vitest('e2e');
    judge('benchmark', stage('benchmark', process.execPath, ['scripts/bench.mjs', '--check']));
  }
}
for (const name of failures) console.log(`failed: ${name}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
