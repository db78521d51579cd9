/** From arguments to a finished run: answers, front end, host, and what is written once a person has agreed. */
import { resolve } from 'node:path';
import { gatherAnswers } from './answers/gather.ts';
import { renderSavedAnswers } from './answers/schema.ts';
import type { Arguments } from './args.ts';
import { withConsent } from './consent.ts';
import { type KnownAnswer, resolveAll } from './core/answers.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { Frontend } from './core/frontend.ts';
import type { HostSource } from './core/host.ts';
import type { Product } from './core/product.ts';
import type { Mode, Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { appendEvidence, renderKept } from './evidence/append.ts';
import type { EvidenceStore } from './evidence/store.ts';
import { chooseFrontend } from './frontends/choose.ts';
import type { PersonFrontend, PersonOptions } from './frontends/person.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import { argumentProblems, missingProblems } from './problems.ts';
import { renderJson } from './report/json.ts';
import { renderMarkdown } from './report/markdown.ts';
import type { TextStyle } from './report/text.ts';

/** The world outside, handed in by the composition root. */
export interface Outside {
  readonly product: Product;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  read(path: string): Promise<string>;
  /** @param raw answers known so far, by question */
  createHost(dir: string, isWriting: boolean, raw: (id: string) => string | undefined): HostSource;
  /** One writing run per directory, and no traces of a killed one. @returns gives the directory back */
  occupy(dir: string): Promise<() => Promise<void>>;
  /** Where the records of verifies are kept. @param path absolute */
  evidence(path: string): EvidenceStore;
  /** Aborts on a signal; `notice` is called for the first one. */
  cancelOnSignals(notice: () => void): { readonly controller: AbortController; dispose(): void };
}

export async function deploy(args: Arguments, outside: Outside): Promise<ExitCode> {
  const { product } = outside;
  const mode: Mode =
    args.command === 'verify' ? 'verify' : args.dryRun ? 'plan' : args.filesOnly ? 'files' : 'apply';
  const dir = resolve(args.dir ?? product.defaultDir);
  const kind = chooseFrontend({
    stdinTTY: outside.stdin.isTTY === true,
    stdoutTTY: outside.stdout.isTTY === true,
    env: outside.env,
    plain: args.plain,
    scripted: args.yes || args.json || mode === 'verify' || mode === 'plan',
  });
  const gathered = await gatherAnswers({
    table: product.questions,
    flags: args.values,
    prefix: product.envPrefix,
    env: outside.env,
    file: args.answers,
    saved: resolve(dir, product.paths.answers),
    read: outside.read,
  });
  const ids = [...new Set(product.steps.flatMap((step) => step.needs))];
  const resolved = resolveAll(product.questions, ids, gathered.known);
  const problems: Problem[] = [
    ...argumentProblems(args, {
      mode,
      dir,
      product,
      isPerson: kind !== 'script',
      hasSaved: gathered.hasSaved,
    }),
    ...gathered.problems,
    ...resolved.problems,
    ...(kind === 'script' ? missingProblems(resolved.missing, args, mode, product) : []),
  ];
  if (problems.length > 0) throw new UsageError(problems);

  const raw = (id: string) => {
    const value = resolved.answers.get(id)?.raw;
    return typeof value === 'string' ? value : undefined;
  };
  const isWriting = mode === 'apply' || mode === 'files';
  const source = outside.createHost(dir, isWriting, raw);
  const cancel = outside.cancelOnSignals(() => {
    if (kind === 'script') outside.stderr.write('\nStopping: the change under way is finished first.\n');
  });
  const consent = withConsent(source, () => outside.occupy(dir));
  const { signal } = cancel.controller;
  const keep = (report: Report) => {
    const shown = new Map(report.answers.map((a) => [a.question, a.value]));
    return product.keep(dir, (id) => shown.get(id));
  };
  const frontend = await openFrontend(kind, args, outside, {
    product,
    style: textStyle(args, outside),
    input: outside.stdin,
    output: outside.stdout,
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
      skip: new Set(args.skip),
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
    await writer.writeFile(
      product.paths.reportMarkdown,
      redact(renderMarkdown(report, product.sections)),
      options,
    );
    await writer.writeFile(product.paths.reportJson, redact(renderJson(report)), options);
    return report;
  };
  try {
    if (kind === 'script' && isWriting) await consent.give();
    const report =
      frontend.interactive && mode === 'apply' && gathered.hasSaved && resolved.missing.length === 0
        ? await reopen(frontend, settled(gathered.known, product), runIn)
        : await runIn(mode, gathered.known);
    await frontend.close();
    if (args.command === 'verify' && report.exit !== EXIT.cancelled) {
      const kept = await appendEvidence(outside.evidence(resolve(dir, product.paths.evidence)), report);
      (args.json ? outside.stderr : outside.stdout).write(redact(`\n${renderKept(kept)}\n`));
    }
    if (args.json) outside.stdout.write(redact(renderJson(report)));
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
): Promise<Report> {
  const report = await runIn('verify', known);
  if (report.exit === EXIT.cancelled) return report;
  const decision = await frontend.decide({ is: 'drift', report });
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
  outside: Outside,
  options: PersonOptions,
): Promise<PersonFrontend> {
  switch (kind) {
    case 'tui':
      return (await import('./frontends/tui/index.tsx')).tuiFrontend(options);
    case 'line':
      return (await import('./frontends/line/index.ts')).lineFrontend(options);
    case 'script': {
      const stream = args.json ? outside.stderr : outside.stdout;
      const script = scriptFrontend({
        yes: args.yes,
        style: options.style,
        write: (text) => void stream.write(redact(text)),
        keep: options.keep,
      });
      return { ...script, close: async () => {} };
    }
  }
}

function textStyle(args: Arguments, outside: Outside): TextStyle {
  const stream = args.json ? outside.stderr : outside.stdout;
  const { env } = outside;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return {
    colour: stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: /utf-?8/i.test(locale) && env.TERM !== 'linux',
    width: stream.columns ?? 80,
    verbose: args.verbose,
    planning: args.dryRun,
  };
}
