/** Composition root: argv -> mode, answers, front end, host. The only place that sets the exit code. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { product } from '../steps/index.ts';
import { parseAnswersFile } from './answers/file.ts';
import { fromEnvironment, fromFlags, mergeLayers } from './answers/layers.ts';
import { answersSchema, exampleAnswers, renderSavedAnswers } from './answers/schema.ts';
import { type Arguments, readArguments } from './args.ts';
import { type KnownAnswers, resolveAll } from './core/answers.ts';
import { run } from './core/engine.ts';
import { EXIT, type ExitCode, type Problem, UsageError } from './core/errors.ts';
import type { Mode } from './core/report.ts';
import { redact } from './core/secret.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import { helpText } from './help.ts';
import { createHostSource } from './host/index.ts';
import { removeLeftovers } from './host/leftovers.ts';
import { acquireLock } from './host/lock.ts';
import { renderControls } from './report/controls.ts';
import { renderJson } from './report/json.ts';
import type { TextStyle } from './report/text.ts';

const out = (text: string) => void process.stdout.write(redact(text));
const err = (text: string) => void process.stderr.write(redact(text));

async function main(argv: readonly string[]): Promise<ExitCode> {
  const args = readArguments(argv, product.questions);
  if (args.help) return print(helpText(product));
  if (args.version) return print(`${product.version}\n`);
  if (args.problems.length > 0) throw new UsageError(args.problems);
  switch (args.command) {
    case 'schema':
      return print(
        `${JSON.stringify(answersSchema(product.questions, `Answers of ${product.name}`), null, 2)}\n`,
      );
    case 'example':
      return print(exampleAnswers(product.questions, product.exampleHeading, 'answers.schema.json'));
    case 'controls':
      return print(renderControls(product.steps, product.sections));
    default:
      return deploy(args);
  }
}

function print(text: string): ExitCode {
  out(text);
  return EXIT.proved;
}

async function deploy(args: Arguments): Promise<ExitCode> {
  const mode: Mode =
    args.command === 'verify' ? 'verify' : args.dryRun ? 'plan' : args.filesOnly ? 'files' : 'apply';
  const dir = resolve(args.dir ?? product.defaultDir);
  const problems: Problem[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f:$"'\\]/.test(dir)) {
    problems.push({
      where: '--dir',
      seen: JSON.stringify(dir),
      expected: 'a path without : $ quotes and backslashes',
      fix: 'Compose cannot mount such a path; choose another',
    });
  }
  const known = await gatherAnswers(args, dir, problems);
  const ids = [...new Set(product.steps.flatMap((step) => step.needs))];
  const resolved = resolveAll(product.questions, ids, known);
  problems.push(...resolved.problems, ...skipProblems(args.skip));
  const where = args.answers ?? (mode === 'verify' ? product.paths.answers : 'answers');
  for (const id of resolved.missing) {
    const example = JSON.stringify(product.questions[id]?.example);
    problems.push({
      where: `${where} (${id})`,
      seen: 'no answer',
      expected: product.questions[id]?.title ?? id,
      fix: `add ${id}, for example ${example}`,
    });
  }
  const needsConsent = (mode === 'apply' || mode === 'files') && !args.yes;
  if (needsConsent) {
    problems.push({
      where: 'command line',
      seen: 'neither --yes nor --dry-run',
      expected: 'consent to change this host',
      fix: 'look first with --dry-run, then run again with --yes; a terminal alone is not consent',
    });
  }
  if (problems.length > 0) throw new UsageError(problems);

  const raw = (id: string) => {
    const value = resolved.answers.get(id)?.raw;
    return typeof value === 'string' ? value : undefined;
  };
  const cancel = cancelOnSignals();
  const writing = mode === 'apply' || mode === 'files';
  const release = writing ? await acquireLock(dir, product.paths.lock) : undefined;
  try {
    if (release) await removeLeftovers(dir, product.paths);
    const host = createHostSource({
      dir,
      backups: product.paths.backups,
      ...(writing ? { journal: product.paths.journal } : {}),
      helperLabel: product.helperLabel,
      helperImage: () => product.helperImage(raw),
    });
    const report = await run({
      mode,
      steps: product.steps,
      questions: product.questions,
      known,
      host,
      frontend: scriptFrontend({
        yes: args.yes,
        style: textStyle(args),
        write: args.json ? err : out,
        keep: product.keep(dir, raw),
      }),
      skip: new Set(args.skip),
      signal: cancel.signal,
      tool: { name: product.name, version: product.version },
      dir,
      save: async (answers) => {
        const text = renderSavedAnswers(
          answers,
          product.questions,
          `Answers of the last run of ${product.name} ${product.version}; secrets are kept elsewhere.`,
        );
        const writer = host.writer(cancel.signal, () => {});
        if ((await writer.readText(product.paths.answers)) !== text)
          await writer.writeFile(product.paths.answers, text, { mode: 0o600 });
      },
    });
    if (args.json) out(renderJson(report));
    return report.exit;
  } finally {
    await release?.();
    cancel.dispose();
  }
}

/** All layers of answers; problems of the files and the environment are added to `problems`. */
async function gatherAnswers(args: Arguments, dir: string, problems: Problem[]): Promise<KnownAnswers> {
  const table = product.questions;
  const layers = [fromFlags(table, args.values)];
  const environment = fromEnvironment(table, product.envPrefix, process.env);
  problems.push(...environment.problems);
  layers.push(environment.known);
  if (args.answers !== undefined) {
    const text = await readFile(args.answers, 'utf8').catch((error: NodeJS.ErrnoException) => {
      problems.push({
        where: '--answers',
        seen: `${args.answers}: ${error.code ?? error.message}`,
        expected: 'a readable file',
        fix: 'write one from the output of example',
      });
    });
    if (text !== undefined) {
      const parsed = parseAnswersFile(text, args.answers, table);
      problems.push(...parsed.problems);
      layers.push(parsed.known);
    }
  }
  const savedPath = resolve(dir, product.paths.answers);
  const saved = await readFile(savedPath, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') {
      problems.push({
        where: savedPath,
        seen: error.code ?? error.message,
        expected: 'a readable file',
        fix: 'run as the user who made the install',
      });
    }
  });
  if (saved !== undefined) {
    const parsed = parseAnswersFile(saved, savedPath, table, 'saved answers');
    problems.push(...parsed.problems);
    layers.push(parsed.known);
  } else if (args.command === 'verify' && args.answers === undefined) {
    problems.push({
      where: dir,
      seen: 'no finished install (no saved answers)',
      expected: 'the directory of an install',
      fix: 'name it with --dir, or give --answers',
    });
  }
  return mergeLayers(layers);
}

function skipProblems(skip: readonly string[]): Problem[] {
  const controls = new Map(product.steps.flatMap((s) => s.controls.map((c) => [c.id, c] as const)));
  return skip.flatMap((id) => {
    const control = controls.get(id);
    if (!control)
      return [
        {
          where: `--skip ${id}`,
          seen: 'an unknown control',
          expected: 'a control id',
          fix: 'see the command controls',
        },
      ];
    if (control.unwaivable)
      return [
        {
          where: `--skip ${id}`,
          seen: 'a control that cannot be waived',
          expected: 'another one',
          fix: 'waiving it could lose data',
        },
      ];
    return [];
  });
}

function textStyle(args: Arguments): TextStyle {
  const stream = args.json ? process.stderr : process.stdout;
  const { env } = process;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return {
    colour: stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: /utf-?8/i.test(locale),
    width: stream.columns ?? 80,
    verbose: args.verbose,
    planning: args.dryRun,
  };
}

/** The first signal lets the running change finish; what was done is then listed and the exit code is 130. */
function cancelOnSignals(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = () => {
    if (!controller.signal.aborted) err('\nStopping: the change under way is finished first.\n');
    controller.abort();
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Bad input in full: each problem with what was seen, what was expected and how to fix it. */
function renderProblems(problems: readonly Problem[]): string {
  const head = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} with the input; nothing has been changed.\n`;
  return (
    head +
    problems
      .map((p) => `\n${p.where}\n  seen      ${p.seen}\n  expected  ${p.expected}\n  fix       ${p.fix}\n`)
      .join('')
  );
}

// A reader that goes away (`| head`) is no reason to stop in the middle of a change.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

main(process.argv.slice(2)).then(
  // Not by running out of work: a look that was given up (a name server that does not answer) would hold the end back.
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof UsageError) {
      err(renderProblems(error.problems));
      process.exitCode = EXIT.usage;
      return;
    }
    err(
      `This is a bug in ${product.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exitCode = EXIT.bug;
  },
);
