/** From arguments to a finished apply or dry run: front end, host, and what is written once somebody has agreed. */
import { resolve } from 'node:path';
import { renderSavedAnswers } from './answers/schema.ts';
import type { Arguments } from './args.ts';
import { withConsent } from './consent.ts';
import type { KnownAnswer } from './core/answers.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, UsageError } from './core/errors.ts';
import type { Frontend } from './core/frontend.ts';
import type { Product } from './core/product.ts';
import type { Mode, Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { chooseFrontend } from './frontends/choose.ts';
import type { PersonFrontend, PersonOptions } from './frontends/person.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import { prepare, textStyle } from './prepare.ts';
import { renderJson } from './report/json.ts';
import { renderMarkdown } from './report/markdown.ts';
import type { World } from './world.ts';

/**
 * Deploys, shows what would be done, or repairs an existing install (`verify --fix`).
 * @throws {UsageError} with every problem of the input; nothing has been changed then
 */
export async function deploy(args: Arguments, world: World): Promise<ExitCode> {
  const { product } = world;
  const isRepair = args.command === 'verify';
  const mode: Mode = args.on('dry-run') ? 'plan' : args.on('files-only') ? 'files' : 'apply';
  const dir = resolve(args.operands[0] ?? args.text('dir') ?? product.defaultDir);
  const kind = chooseFrontend({
    stdinTTY: world.stdin.isTTY === true,
    stdoutTTY: world.stdout.isTTY === true,
    env: world.env,
    plain: args.on('plain'),
    scripted: args.on('yes') || args.on('json') || mode === 'plan',
  });
  const prepared = await prepare(args, world, { mode, dir, isPerson: kind !== 'script' && !isRepair });
  if (prepared.problems.length > 0) throw new UsageError(prepared.problems);

  const isWriting = mode === 'apply' || mode === 'files';
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
  const frontend = await openFrontend(kind, args, world, {
    product,
    style: textStyle(args, world, args.on('json') ? world.stderr : world.stdout),
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
  });
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
        if ((await writer.readText(product.paths.answers)) !== text)
          await writer.writeFile(product.paths.answers, text, { mode: 0o600 });
      },
    });
    if (which !== 'apply' || !consent.isGiven()) return report;
    // Never kept twice: the report is what this tool saw last, not something of the operator's.
    const writer = source.writer(new AbortController().signal, () => {});
    const options = { mode: 0o600, backup: false } as const;
    const markdown = redact(renderMarkdown(report, product.sections));
    await writer.writeFile(product.paths.reportMarkdown, markdown, options);
    await writer.writeFile(product.paths.reportJson, redact(renderJson(report)), options);
    return report;
  };
  try {
    if (kind === 'script' && isWriting && !isRepair) await consent.give();
    const isKnown = prepared.hasSaved && prepared.missing.length === 0;
    const opensWithTruth = isRepair || (frontend.interactive && mode === 'apply' && isKnown);
    const report = opensWithTruth
      ? await reopen(frontend, settled(prepared.known, product), runIn, signal)
      : await runIn(mode, prepared.known);
    await frontend.close();
    if (args.on('json')) world.stdout.write(redact(renderJson(report)));
    return report.exit;
  } finally {
    await frontend.close();
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
): Promise<Report> {
  const report = await runIn('verify', known);
  if (report.exit === EXIT.cancelled) return report;
  const decision = await frontend.decide({ is: 'drift', report });
  // Ctrl+C is a cancel here as well; quitting hands over what the look found.
  if (signal.aborted) return { ...report, exit: EXIT.cancelled };
  return decision.is === 'apply' ? runIn('apply', known) : report;
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
  args: Arguments,
  world: World,
  options: PersonOptions,
): Promise<PersonFrontend> {
  switch (kind) {
    case 'tui':
      return (await import('./frontends/tui/index.tsx')).tuiFrontend(options);
    case 'line':
      return (await import('./frontends/line/index.ts')).lineFrontend(options);
    case 'script': {
      const stream = args.on('json') ? world.stderr : world.stdout;
      const script = scriptFrontend({
        consent: args.on('yes') ? 'all' : args.on('fix') ? 'harmless' : 'none',
        style: options.style,
        write: (text) => void stream.write(redact(text)),
        keep: options.keep,
      });
      return { ...script, close: async () => {} };
    }
  }
}
