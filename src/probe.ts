/** The look from another machine: no install, no Docker, nothing written; its JSON is evidence for a verify. */
import { fromFlags } from './answers/layers.ts';
import type { Arguments } from './args.ts';
import { type KnownAnswer, resolveAll } from './core/answers.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { Frontend } from './core/frontend.ts';
import type { HostReader, HostSource } from './core/host.ts';
import type { Product } from './core/product.ts';
import type { ExitPolicy, Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import { readPolicy } from './look.ts';
import { readOutputs, writeOutputs } from './outputs.ts';
import { textStyle } from './prepare.ts';
import type { World } from './world.ts';

/** What a probe needs of the world. */
export interface ProbeWorld {
  readonly product: Product;
  /** Its `dir` is where relative paths begin; nothing is written there. */
  readonly host: HostSource;
  readonly frontend: Frontend;
  readonly signal: AbortSignal;
  readonly policy?: ExitPolicy;
}

/**
 * Looks at `url` from this machine, through the engine, in mode `verify`. The report carries what makes it evidence:
 * the target, its addresses, the source address of each socket, the time and the version.
 * @param url the operand as typed: `https://name` or `https://name:port`
 * @param flags command-line values by flag name; those of the product's probe questions are read, `true` is yes
 * @throws {UsageError} with every problem, before anything is sent
 */
export async function runProbe(
  url: string,
  flags: Readonly<Record<string, unknown>>,
  world: ProbeWorld,
): Promise<Report> {
  const { product, signal } = world;
  const { steps, questions, problems: localProblems, describe } = product.outside;
  const { known, resolved } = probeAnswers(url, flags, product);
  const answers = Object.fromEntries([...resolved.answers].map(([id, answer]) => [id, answer.value]));
  const problems: Problem[] = [...resolved.problems];
  if (problems.length === 0) problems.push(...(await localProblems(world.host.snapshot(signal), answers)));
  if (problems.length > 0) throw new UsageError(problems);

  // The same eyes for the controls and for what is said about the look as a whole: nothing is sent twice.
  let eyes: HostReader | undefined;
  const host: HostSource = {
    journal: world.host.journal,
    snapshot: (signal) => {
      eyes ??= world.host.snapshot(signal);
      return eyes;
    },
    writer: () => {
      throw new Error('a probe writes nothing');
    },
  };
  return run({
    mode: 'verify',
    steps,
    questions,
    known,
    host,
    frontend: world.frontend,
    skip: new Set(),
    ...(world.policy ? { policy: world.policy } : {}),
    signal,
    tool: { name: product.name, version: product.version },
    dir: url,
    // A look that was broken off is no evidence, and nothing more is sent for it.
    complete: async (report) =>
      report.stopped
        ? report
        : { ...report, outside: await describe({ host: host.snapshot(signal), answers, signal }) },
  });
}

/** The answers of a probe as its command line gives them, and everything that is wrong with their values. */
export function probeAnswers(
  url: string,
  flags: Readonly<Record<string, unknown>>,
  { outside: { steps, questions } }: Product,
): { known: ReadonlyMap<string, KnownAnswer>; resolved: ReturnType<typeof resolveAll> } {
  const words = Object.fromEntries(Object.entries(flags).map(([k, v]) => [k, v === true ? 'yes' : v]));
  const { target: _, ...asFlags } = questions;
  const known = new Map<string, KnownAnswer>([
    ...fromFlags(asFlags, words),
    ['target', { raw: url, source: 'flag', where: 'probe' }],
  ]);
  const ids = [...new Set(steps.flatMap((step) => step.needs))];
  return { known, resolved: resolveAll(questions, ids, known) };
}

/** The command: the text or, with `--json` and `--format`, the report in that form. @throws {UsageError} */
export async function probe(args: Arguments, world: World): Promise<ExitCode> {
  const { product } = world;
  const outputs = readOutputs(args);
  const problems: Problem[] = [...outputs.problems];
  const policy = readPolicy(args, problems);
  if (problems.length > 0) throw new UsageError(problems);
  const stream = outputs.usesStdout ? world.stderr : world.stdout;
  const style = textStyle(args, world, stream);
  const write = (text: string) => void stream.write(redact(text));
  const script = scriptFrontend({ consent: 'none', style, write, keep: () => [] });
  const frontend: Frontend = {
    ...script,
    emit(event) {
      // What is about to be done to somebody's host is said before it is done.
      if (event.type === 'step-start') write(`${event.why}\n\n`);
      script.emit(event);
    },
  };
  const cancel = world.cancelOnSignals(() => world.stderr.write('\nStopping.\n'));
  try {
    const { signal } = cancel.controller;
    const host = world.createHost(process.cwd(), false, () => undefined);
    const [url = ''] = args.operands;
    const report = await runProbe(url, args.raw, { product, host, frontend, signal, policy });
    const isWritten = await writeOutputs(outputs, [report], world, args);
    return report.exit === EXIT.proved && !isWritten ? EXIT.notSeen : report.exit;
  } finally {
    cancel.dispose();
  }
}
