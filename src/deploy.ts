/** From arguments to a finished apply or dry run: front end, host, and what is written once somebody has agreed. */
import { resolve } from 'node:path';
import { renderSavedAnswers } from './answers/schema.ts';
import type { Arguments } from './args.ts';
import { withConsent } from './consent.ts';
import type { KnownAnswer } from './core/answers.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { Frontend } from './core/frontend.ts';
import type { Host } from './core/host.ts';
import type { Product } from './core/product.ts';
import { refusedBySystem } from './core/refused.ts';
import type { ExitPolicy, Mode, Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { chooseFrontend } from './frontends/choose.ts';
import type { PersonFrontend, PersonOptions } from './frontends/person.ts';
import { type ScriptOptions, scriptFrontend } from './frontends/script/script.ts';
import { type Prepared, prepare, textStyle } from './prepare.ts';
import { problemText } from './problems.ts';
import { renderJson } from './report/json.ts';
import { renderMarkdown } from './report/markdown.ts';
import type { World } from './world.ts';

/** What `verify --fix` makes of a deploy: an existing install is looked at first and repaired only where it fails. */
export interface Repair {
  /** Absolute path of the install directory. */
  readonly dir: string;
  /** What is wrong with the flags that a deploy does not read. */
  readonly problems: readonly Problem[];
  /** A report goes to standard output, so that nobody is asked and everything else goes to standard error. */
  readonly usesStdout: boolean;
  readonly policy: ExitPolicy;
  /** The last touch on the first look's report, before it is shown and decided on. */
  looked(report: Report): Promise<Report>;
  /**
   * Called once the terminal is given back. @returns the exit code
   * @param repaired undefined when nothing was to be repaired, or nobody agreed to it
   */
  finish(
    install: Prepared,
    first: Report,
    repaired: Report | undefined,
    signal: AbortSignal,
  ): Promise<ExitCode>;
}

/**
 * Deploys or shows what would be done; with `repair`, repairs an existing install.
 * @throws {UsageError} with every problem of the input; nothing has been changed then
 */
export async function deploy(args: Arguments, world: World, repair?: Repair): Promise<ExitCode> {
  const { product } = world;
  const mode: Mode = args.on('dry-run') ? 'plan' : args.on('files-only') ? 'files' : 'apply';
  const dir = repair?.dir ?? (await world.realPath(resolve(args.text('dir') ?? product.defaultDir)));
  const usesStdout = repair?.usesStdout ?? args.on('json');
  const text = usesStdout ? world.stderr : world.stdout;
  const kind = chooseFrontend({
    stdinTTY: world.stdin.isTTY === true,
    stdoutTTY: world.stdout.isTTY === true,
    env: world.env,
    plain: args.on('plain'),
    scripted: args.on('yes') || usesStdout || mode === 'plan',
  });
  const prepared = await prepare(args, world, { mode, dir, isPerson: kind !== 'script' && !repair });
  const isWriting = mode === 'apply' || mode === 'files';
  // Before anybody is asked anything: an interview that cannot end well is not begun.
  const noPlace = isWriting ? await world.placeProblem(dir) : undefined;
  const problems = [...(repair?.problems ?? []), ...prepared.problems, ...(noPlace ? [noPlace] : [])];
  if (problems.length > 0) throw new UsageError(problems);

  const source = world.createHost(dir, isWriting, prepared.raw);
  const cancel = world.cancelOnSignals(() => {
    if (kind === 'script') world.stderr.write('\nStopping: the change under way is finished first.\n');
  });
  const consent = withConsent(source, () => world.occupy(dir));
  const { signal } = cancel.controller;
  const keep = (report: Report) => {
    const shown = new Map(report.answers.map((a) => [a.question, a.value]));
    return product.keep(dir, (id) => shown.get(id));
  };
  const consented = args.on('yes') ? 'all' : repair ? 'harmless' : 'none';
  const frontend = await openFrontend(
    kind,
    { consent: consented, text },
    {
      product,
      style: textStyle(args, world, text),
      input: world.stdin,
      output: world.stdout,
      cancel: () => cancel.controller.abort(),
      signal,
      keep,
      reveals: product.reveals.map(({ label, path }) => ({
        label,
        path: resolve(dir, path),
        read: () => source.snapshot(signal).readSecret(path),
      })),
      reportFile: resolve(dir, product.paths.reportMarkdown),
    },
  );
  let unkept: Problem | undefined;
  const runIn = async (which: Mode, known: ReadonlyMap<string, KnownAnswer>) => {
    const report = await run({
      mode: which,
      steps: product.steps,
      questions: product.questions,
      known,
      host: consent.host,
      frontend: { ...frontend, decide: consent.decider(frontend) },
      skip: new Set(args.list('skip')),
      explain: product.explainDrift,
      ...(prepared.exceptions ? { exceptions: prepared.exceptions } : {}),
      ...(repair ? { policy: repair.policy } : {}),
      ...(repair && which === 'verify' ? { complete: repair.looked } : {}),
      signal,
      tool: { name: product.name, version: product.version },
      dir,
      save: async (answers) => {
        await consent.give();
        const text = renderSavedAnswers(
          answers,
          product.questions,
          `Answers of the last run of ${product.name} ${product.version}; secrets are kept elsewhere.`,
        );
        const writer = source.writer(signal, () => {});
        if ((await writer.readText(product.paths.answers)) === text) return;
        await writer.writeFile(product.paths.answers, text, { mode: 0o600 }).catch((error: unknown) => {
          unkept = refusedBySystem(error, dir);
          if (unkept === undefined) throw error;
        });
      },
    });
    if (which !== 'apply' || !consent.isGiven()) return report;
    const refused = await keepReport(
      dir,
      report,
      source.writer(new AbortController().signal, () => {}),
      product,
    );
    unkept ??= refused;
    if (unkept === undefined) return report;
    return report.exit === EXIT.proved ? { ...report, exit: EXIT.notSeen } : report;
  };
  try {
    if (kind === 'script' && isWriting && !repair) await consent.give();
    const isKnown = prepared.hasSaved && prepared.missing.length === 0;
    const opensWithTruth = repair || (frontend.interactive && mode === 'apply' && isKnown);
    if (!opensWithTruth) {
      const report = await runIn(mode, prepared.known);
      await frontend.close();
      if (usesStdout) world.stdout.write(redact(renderJson(report)));
      return report.exit;
    }
    const { first, repaired } = await reopen(frontend, settled(prepared.known, product), runIn, signal);
    await frontend.close();
    return repair ? await repair.finish(prepared, first, repaired, signal) : (repaired ?? first).exit;
  } finally {
    await frontend.close();
    if (unkept)
      world.stderr.write(
        redact(`\nThe answers and the report of this run are not kept whole.\n${problemText(unkept)}`),
      );
    await consent.release();
    cancel.dispose();
  }
}

/** An existing install opens with the truth about it; what does not hold is repaired when the operator says so. */
async function reopen(
  frontend: Frontend,
  known: ReadonlyMap<string, KnownAnswer>,
  runIn: (mode: Mode, known: ReadonlyMap<string, KnownAnswer>) => Promise<Report>,
  signal: AbortSignal,
): Promise<{ readonly first: Report; readonly repaired: Report | undefined }> {
  const first = await runIn('verify', known);
  if (first.exit === EXIT.cancelled) return { first, repaired: undefined };
  const decision = await frontend.decide({ is: 'drift', report: first });
  // Ctrl+C is a cancel here as well; quitting hands over what the look found.
  if (signal.aborted) return { first: { ...first, exit: EXIT.cancelled }, repaired: undefined };
  return { first, repaired: decision.is === 'apply' ? await runIn('apply', known) : undefined };
}

/**
 * Keeps the report of an apply. What it found stands, whether or not the disk takes it.
 * @returns why it is not kept, when the system refuses it
 */
async function keepReport(
  dir: string,
  report: Report,
  writer: Host,
  product: Product,
): Promise<Problem | undefined> {
  const { paths, sections } = product;
  // Never kept twice: the report is what this tool saw last, not something of the operator's.
  const options = { mode: 0o600, backup: false } as const;
  try {
    if (report.stopped) await keepComplete(writer, product, options);
    await writer.writeFile(paths.reportMarkdown, redact(renderMarkdown(report, sections)), options);
    await writer.writeFile(paths.reportJson, redact(renderJson(report)), options);
    // The report that was just written says all that the kept one did.
    if (!report.stopped && (await writer.stat(paths.reportComplete)))
      await writer.removeFile(paths.reportComplete, { backup: false });
    return undefined;
  } catch (error) {
    const refused = refusedBySystem(error, dir);
    if (refused === undefined) throw error;
    return refused;
  }
}

/**
 * A run that stopped early saw little of what held: before its report takes the place of one that came to its end, that
 * one is kept, so that causes of drift can still be told from it.
 */
async function keepComplete(
  writer: Host,
  { paths }: Product,
  options: { readonly mode: number; readonly backup: false },
): Promise<void> {
  const before = await writer.readText(paths.reportJson);
  if (before !== undefined && isComplete(before))
    await writer.writeFile(paths.reportComplete, before, options);
}

/** True for the JSON of an apply that did not stop early; a torn file is none. */
function isComplete(json: string): boolean {
  try {
    const report = JSON.parse(json) as Partial<Report> | null;
    return report?.mode === 'apply' && report.stopped === undefined;
  } catch {
    return false;
  }
}

/** Nothing is asked of an existing install that has a default: it was settled when the install was made. */
function settled(
  known: ReadonlyMap<string, KnownAnswer>,
  product: Product,
): ReadonlyMap<string, KnownAnswer> {
  const all = new Map(known);
  for (const [id, question] of Object.entries(product.questions)) {
    if (question.ask === 'start' && question.default !== undefined && !all.has(id))
      all.set(id, { raw: question.default, source: 'default', where: `the default of ${id}` });
  }
  return all;
}

/** Ink and Inquirer are loaded only by who needs them, and never both. */
async function openFrontend(
  kind: 'tui' | 'line' | 'script',
  script: { readonly consent: ScriptOptions['consent']; readonly text: NodeJS.WriteStream },
  options: PersonOptions,
): Promise<PersonFrontend> {
  switch (kind) {
    case 'tui':
      return (await import('./frontends/tui/index.tsx')).tuiFrontend(options);
    case 'line':
      return (await import('./frontends/line/index.ts')).lineFrontend(options);
    case 'script': {
      const frontend = scriptFrontend({
        consent: script.consent,
        style: options.style,
        write: (text) => void script.text.write(redact(text)),
        keep: options.keep,
      });
      return { ...frontend, close: async () => {} };
    }
  }
}
