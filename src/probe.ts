/** The look from another machine: no install, no Docker, nothing written; its JSON is evidence for a verify. */
import { fromFlags } from './answers/layers.ts';
import { flagName } from './answers/names.ts';
import type { Arguments } from './args.ts';
import { type KnownAnswer, resolveAll } from './core/answers.ts';
import { run } from './core/engine.ts';
import { type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { Frontend } from './core/frontend.ts';
import type { HostReader, HostSource } from './core/host.ts';
import type { Product } from './core/product.ts';
import type { Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { type Outside, textStyle } from './deploy.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import { renderJson } from './report/json.ts';

/** What a probe needs of the world. */
export interface ProbeWorld {
  readonly product: Product;
  /** Its `dir` is where relative paths begin; nothing is written there. */
  readonly host: HostSource;
  readonly frontend: Frontend;
  readonly signal: AbortSignal;
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
  const words = Object.fromEntries(Object.entries(flags).map(([k, v]) => [k, v === true ? 'yes' : v]));
  const { target: _, ...asFlags } = questions;
  const known = new Map<string, KnownAnswer>([
    ...fromFlags(asFlags, words),
    ['target', { raw: url, source: 'flag', where: 'probe' }],
  ]);
  const ids = [...new Set(steps.flatMap((step) => step.needs))];
  const resolved = resolveAll(questions, ids, known);
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

/** Flags that say how the result is shown. */
const SHOWING = ['json', 'plain', 'verbose'];

/** The command: the text or, with `--json`, the report on standard output. @throws {UsageError} */
export async function probe(
  args: Arguments,
  outside: Pick<Outside, 'product' | 'env' | 'stdout' | 'stderr' | 'createHost' | 'cancelOnSignals'>,
): Promise<ExitCode> {
  const { product } = outside;
  if (args.operand === undefined)
    throw new UsageError([
      {
        where: 'probe',
        seen: 'no address',
        expected: 'https://NAME or https://NAME:PORT',
        fix: 'name what is looked at',
      },
    ]);
  const read = [...SHOWING, ...Object.keys(product.outside.questions).map(flagName)];
  const ignored = Object.keys(args.values).filter((flag) => !read.includes(flag));
  if (ignored.length > 0)
    throw new UsageError(
      ignored.map((flag) => ({
        where: `--${flag}`,
        seen: 'it beside probe',
        expected: read.map((name) => `--${name}`).join(' '),
        fix: 'leave it out: a probe knows no install',
      })),
    );
  const style = textStyle(args, outside);
  const stream = args.json ? outside.stderr : outside.stdout;
  const write = (text: string) => void stream.write(redact(text));
  const script = scriptFrontend({ yes: false, style, write, keep: () => [] });
  const frontend: Frontend = {
    ...script,
    emit(event) {
      // What is about to be done to somebody's host is said before it is done.
      if (event.type === 'step-start') write(`${event.why}\n\n`);
      script.emit(event);
    },
  };
  const cancel = outside.cancelOnSignals(() => outside.stderr.write('\nStopping.\n'));
  try {
    const { signal } = cancel.controller;
    const host = outside.createHost(process.cwd(), false, () => undefined);
    const report = await runProbe(args.operand, args.values, { product, host, frontend, signal });
    if (args.json) outside.stdout.write(redact(renderJson(report)));
    return report.exit;
  } finally {
    cancel.dispose();
  }
}
