/** `explain CONTROL...`: what a control is, and what it is on this host where there is an install. */
import { resolve } from 'node:path';
import { flagOptions } from './answers/layers.ts';
import type { Arguments } from './args.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, UsageError } from './core/errors.ts';
import type { Frontend } from './core/frontend.ts';
import { printable } from './core/printable.ts';
import type { Product } from './core/product.ts';
import { redact } from './core/secret.ts';
import { explainControl, explainProblems, type SeenHere } from './explain.ts';
import { type Prepared, prepare } from './prepare.ts';
import { selectControls } from './select.ts';
import type { World } from './world.ts';

/** Shows nothing while it looks: the explanation is the output. */
const silent: Frontend = {
  interactive: false,
  ask: async () => ({ is: 'cancel' }),
  decide: async () => ({ is: 'stop' }),
  emit: () => {},
};

/** Explains each control; with an install in the directory, also what is seen of it now. @throws {UsageError} */
export async function explain(args: Arguments, world: World): Promise<ExitCode> {
  const { product } = world;
  const dir = await world.realPath(resolve(args.text('dir') ?? product.defaultDir));
  const problems = explainProblems(args.operands, product);
  const prepared = await prepare(args, world, { mode: 'verify', dir, isPerson: false });
  const isInstall = prepared.hasSaved || args.text('answers') !== undefined;
  if (isInstall || isAsked(args, product)) problems.push(...prepared.problems);
  if (problems.length > 0) throw new UsageError(problems);
  const texts: string[] = [];
  for (const id of args.operands) {
    const here = isInstall ? await lookAt(id, prepared, world) : undefined;
    texts.push(explainControl(id, product, here, world.stdout.columns ?? 80));
  }
  world.stdout.write(printable(redact(texts.join('\n'))));
  return EXIT.proved;
}

/** Something about an install was said: then one is meant, and its absence is told. */
const isAsked = (args: Arguments, { questions }: Product): boolean =>
  (['dir', 'waivers'] as const).some((flag) => args.text(flag) !== undefined) ||
  Object.keys(flagOptions(questions)).some((flag) => args.raw[flag] !== undefined);

/** Looks at this control alone, and asks its step what apply would do; undefined for what no install has (waivers). */
async function lookAt(id: string, install: Prepared, world: World): Promise<SeenHere | undefined> {
  const { product } = world;
  const { steps } = selectControls(product.steps, product.sections, { only: [id], sections: [] });
  const [step] = steps;
  if (!step) return undefined;
  const cancel = world.cancelOnSignals(() => {});
  try {
    const common = {
      questions: product.questions,
      known: install.known,
      host: world.createHost(install.dir, false, install.raw),
      frontend: silent,
      skip: new Set<string>(),
      explain: product.explainDrift,
      ...(install.exceptions ? { exceptions: install.exceptions } : {}),
      signal: cancel.controller.signal,
      tool: { name: product.name, version: product.version },
      dir: install.dir,
    };
    const report = await run({ ...common, mode: 'verify', steps: [step] });
    const finding = report.steps.flatMap((s) => s.findings).find((f) => f.control === id);
    if (!finding) return undefined;
    if (finding.verdict.is !== 'fail' || finding.manual) return { finding, dir: install.dir };
    const plan = await run({ ...common, mode: 'plan', steps: [step] });
    return { finding, dir: install.dir, changes: plan.steps.flatMap((s) => s.changes) };
  } finally {
    cancel.dispose();
  }
}
