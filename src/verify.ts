/** Verify: proves every control of one or several installs and changes nothing there but its own evidence. */
import { resolve } from 'node:path';
import type { Arguments } from './args.ts';
import { EXIT, type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { SharedLooks } from './core/host.ts';
import { redact } from './core/secret.ts';

import { renderEvidence, renderEvidenceJson } from './evidence/render.ts';
import type { EvidenceResult } from './evidence/result.ts';
import { fix } from './fix.ts';
import { keepRecord, type LookOptions, lookOnce, readLookOptions } from './look.ts';
import { type Outputs, ownFileProblems, readOutputs, writeOutputs } from './outputs.ts';
import { type Prepared, prepare, textStyle } from './prepare.ts';
import { renderProblems } from './problems.ts';
import { watch } from './watch.ts';
import type { World } from './world.ts';

/**
 * Verifies the installs that are named, side by side; repairs with `--fix`, repeats with `--watch`, proves what was kept
 * with `--evidence`.
 * @throws {UsageError} with every problem of the input, of all installs at once
 */
export async function verify(args: Arguments, world: World): Promise<ExitCode> {
  const dirs = await realDirectories(args, world);
  const problems = flagProblems(args, dirs);
  if (args.mode === 'verify --evidence') {
    if (problems.length > 0) throw new UsageError(problems);
    return proveEvidence(args, world, dirs);
  }
  const [dir = ''] = dirs;
  if (args.mode === 'verify --fix') return fix(args, world, { dir, problems });
  const outputs = readOutputs(args);
  const look = readLookOptions(args, world.product);
  const prepared = await Promise.all(
    dirs.map((dir) => prepare(args, world, { mode: 'verify', dir, isPerson: false })),
  );
  problems.push(
    ...outputs.problems,
    ...(await ownFileProblems(outputs, dirs, world)),
    ...look.problems,
    ...prepared.flatMap((p) => p.problems),
  );
  if (problems.length > 0) throw new UsageError(problems);
  const cancel = world.cancelOnSignals(() => world.stderr.write('\nStopping.\n'));
  try {
    const { signal } = cancel.controller;
    const bed: Bed = { args, world, outputs, look, signal };
    const [one] = prepared;
    return look.every !== undefined && one
      ? await watchInstall(one, look.every, bed)
      : await verifyAll(prepared, bed);
  } finally {
    cancel.dispose();
  }
}

interface Bed {
  readonly args: Arguments;
  readonly world: World;
  readonly outputs: Outputs;
  readonly look: LookOptions;
  readonly signal: AbortSignal;
}

/** The directories that a command line names, each once. */
export const directories = (args: Arguments, { product }: Pick<World, 'product'>): readonly string[] => {
  const named = args.operands.length > 0 ? args.operands : [args.text('dir') ?? product.defaultDir];
  return [...new Set(named.map((dir) => resolve(dir)))];
};

/** The same by their own names, links followed: a second look at the same place proves nothing more. */
const realDirectories = async (args: Arguments, world: World): Promise<readonly string[]> => [
  ...new Set(await Promise.all(directories(args, world).map((dir) => world.realPath(dir)))),
];

/** Flags and directories that do not go together, and a hash that is none. */
export function flagProblems(args: Arguments, dirs: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const one = 'one install at a time';
  if (args.operands.length > 0 && args.text('dir') !== undefined)
    problems.push({
      where: '--dir',
      seen: 'directories by both --dir and words',
      expected: 'one of the two',
      fix: 'leave --dir out',
    });
  for (const flag of ['fix', 'watch', 'expect'] as const)
    if (dirs.length > 1 && (args.on(flag) || args.text(flag) !== undefined))
      problems.push({
        where: `--${flag}`,
        seen: `${dirs.length} directories`,
        expected: one,
        fix: 'name one',
      });
  const expect = args.text('expect');
  if (expect !== undefined && !/^[0-9a-f]{64}$/.test(expect))
    problems.push({
      where: '--expect',
      seen: `${expect.length} characters that are no hash`,
      expected: '64 characters 0-9 a-f, as a verify prints them',
      fix: 'copy the whole hash',
    });
  return problems;
}

async function verifyAll(installs: readonly Prepared[], bed: Bed): Promise<ExitCode> {
  const { args, world, outputs, look, signal } = bed;
  const text = outputs.usesStdout ? world.stderr : world.stdout;
  const style = textStyle(args, world, text);
  const many = installs.length > 1;
  const machine: SharedLooks = new Map();
  const told = await Promise.all(
    installs.map(async (install) => {
      const lines: string[] = [];
      // Several installs are looked at side by side and told one after the other.
      const write = (line: string) => void (many ? lines.push(line) : text.write(redact(line)));
      const report = await lookOnce(install, { args, world, look, style, signal, machine, write });
      if (report.exit === EXIT.cancelled) return { report, lines, exit: report.exit };
      const record = await keepRecord(report, world, look);
      write(record.text);
      // Proof that was asked for and is not there is something that nobody will see later.
      const exit = report.exit === EXIT.proved && !record.asAsked ? EXIT.notSeen : report.exit;
      return { report, lines, exit };
    }),
  );
  for (const { report, lines } of many ? told : [])
    text.write(redact(`== ${report.dir}\n${lines.join('')}\n`));
  const reports = told.map(({ report }) => report);
  const isWritten = await writeOutputs(outputs, reports, world, args);
  const exit = told.map((one) => one.exit).reduce((a, b) => (worse(b, a) ? b : a));
  return exit === EXIT.proved && !isWritten ? EXIT.notSeen : exit;
}

/** Looks again and again; what changed is told and kept as evidence, and files of reports are made anew each time. */
function watchInstall(install: Prepared, every: number, bed: Bed): Promise<ExitCode> {
  const { args, world, outputs, look, signal } = bed;
  const text = outputs.usesStdout ? world.stderr : world.stdout;
  const style = textStyle(args, world, text);
  return watch({
    every,
    signal,
    write: (line) => void text.write(redact(line)),
    async verifyOnce(running) {
      // Answers, waivers and the day that decides which of them hold may have changed since the look before.
      const now = await prepare(args, world, { mode: 'verify', dir: install.dir, isPerson: false });
      if (now.problems.length > 0) throw new Error(renderProblems(now.problems));
      return lookOnce(now, { args, world, look, style, signal: running, write: () => {} });
    },
    async afterLook({ report, changed }) {
      if (changed) text.write(redact((await keepRecord(report, world, look)).text));
      await writeOutputs(outputs, [report], world, args);
    },
  });
}

/** `--evidence`: proves the chain of what earlier verifies kept. */
async function proveEvidence(args: Arguments, world: World, dirs: readonly string[]): Promise<ExitCode> {
  const { verifyEvidence } = await import('./evidence/chain.ts');
  const signers = args.text('signers');
  const expect = args.text('expect');
  const results: EvidenceResult[] = [];
  for (const dir of dirs) {
    const store = world.evidence(resolve(dir, world.product.paths.evidence));
    const result = await verifyEvidence(store, {
      dir,
      signatures: world.signatureCheck(signers === undefined ? undefined : resolve(signers)),
      ...(expect === undefined ? {} : { expect }),
    });
    results.push(result);
    if (args.on('json')) continue;
    const head = dirs.length > 1 ? `== ${dir}\n` : '';
    world.stdout.write(redact(`${head}${renderEvidence(result)}${dirs.length > 1 ? '\n' : ''}`));
  }
  if (args.on('json')) world.stdout.write(redact(renderEvidenceJson(results)));
  return results.map(({ exit }) => exit).reduce((a, b) => (worse(b, a) ? b : a));
}

/** Exit codes from the one that asks for the most attention to the one that asks for none. */
const ATTENTION: readonly ExitCode[] = [EXIT.bug, EXIT.cancelled, EXIT.failing, EXIT.notSeen, EXIT.proved];
const worse = (a: ExitCode, b: ExitCode): boolean => ATTENTION.indexOf(a) < ATTENTION.indexOf(b);
