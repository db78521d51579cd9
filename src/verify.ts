/** Verify: proves every control of one or several installs and changes nothing there but its own evidence. */
import { resolve } from 'node:path';
import type { Arguments } from './args.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { deploy } from './deploy.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import { readOutputs, writeOutputs } from './outputs.ts';
import { type Prepared, prepare, textStyle } from './prepare.ts';
import type { World } from './world.ts';

/**
 * Verifies the installs that are named, side by side; repairs with `--fix`.
 * @throws {UsageError} with every problem of the input, of all installs at once
 */
export async function verify(args: Arguments, world: World): Promise<ExitCode> {
  if (args.on('fix')) return deploy(args, world);
  const { product } = world;
  const dirs = args.operands.length > 0 ? args.operands : [args.text('dir') ?? product.defaultDir];
  const outputs = readOutputs(args);
  const prepared = await Promise.all(
    dirs.map((dir) => prepare(args, world, { mode: 'verify', dir: resolve(dir), isPerson: false })),
  );
  const problems: Problem[] = [...outputs.problems, ...prepared.flatMap((p) => p.problems)];
  if (problems.length > 0) throw new UsageError(problems);

  const cancel = world.cancelOnSignals(() => world.stderr.write('\nStopping.\n'));
  try {
    const text = outputs.usesStdout ? world.stderr : world.stdout;
    const { signal } = cancel.controller;
    const many = prepared.length > 1;
    const reports = await Promise.all(
      prepared.map(async (one) => {
        const lines: string[] = [];
        // Several installs are looked at side by side and told one after the other.
        const write = (line: string) => void (many ? lines.push(line) : text.write(redact(line)));
        const report = await verifyOne(one, { args, world, write, signal, stream: text });
        return { report, lines };
      }),
    );
    for (const { report, lines } of many ? reports : [])
      text.write(redact(`${report.dir}\n${lines.join('')}\n`));
    const all = reports.map(({ report }) => report);
    await writeOutputs(outputs, all, world, textStyle(args, world, text));
    return worst(all);
  } finally {
    cancel.dispose();
  }
}

interface Look {
  readonly args: Arguments;
  readonly world: World;
  readonly signal: AbortSignal;
  readonly stream: NodeJS.WriteStream;
  write(text: string): void;
}

async function verifyOne(install: Prepared, look: Look): Promise<Report> {
  const { args, world, signal } = look;
  const { product } = world;
  const source = world.createHost(install.dir, false, install.raw);
  return run({
    mode: 'verify',
    steps: product.steps,
    questions: product.questions,
    known: install.known,
    host: source,
    frontend: scriptFrontend({
      consent: 'none',
      style: textStyle(args, world, look.stream),
      write: look.write,
      keep: () => [],
    }),
    skip: new Set(args.list('skip')),
    signal,
    tool: { name: product.name, version: product.version },
    dir: install.dir,
  });
}

/** The exit code of several installs: the one that asks for the most attention. */
const SEVERITY: readonly ExitCode[] = [EXIT.bug, EXIT.cancelled, EXIT.failing, EXIT.notSeen, EXIT.proved];
const worst = (reports: readonly Report[]): ExitCode =>
  SEVERITY.find((code) => reports.some((report) => report.exit === code)) ?? EXIT.bug;
