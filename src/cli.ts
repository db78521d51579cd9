/** Composition root: argv -> command, the product and the real host. The only place that sets the exit code. */
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { product } from '../steps/index.ts';
import { type Arguments, inOrder, readArguments } from './args.ts';
import { EXIT, type ExitCode, UsageError } from './core/errors.ts';
import { refusedBySystem } from './core/refused.ts';
import { redact } from './core/secret.ts';
import { deploy } from './deploy.ts';
import { explain } from './explain-command.ts';
import { helpText } from './help.ts';
import { fileEvidence } from './host/evidence-store.ts';
import { readPlain, realPath, statFile, writeWhole } from './host/files.ts';
import { createHostSource } from './host/index.ts';
import { removeLeftovers } from './host/leftovers.ts';
import { acquireLock } from './host/lock.ts';
import { noPlace, placeProblem } from './host/place.ts';
import { sshSignatureCheck, sshSigner } from './host/signing.ts';
import { lineProblems } from './line-problems.ts';
import { probe } from './probe.ts';
import { problemText, renderProblems } from './problems.ts';
import { controlsText, exampleText, scheduleFor, schemaText } from './texts.ts';
import { verify } from './verify.ts';
import type { World } from './world.ts';

const err = (text: string) => void process.stderr.write(redact(text));

async function main(argv: readonly string[]): Promise<ExitCode> {
  const args = readArguments(argv, product.questions, product.outside.questions);
  if (args.on('help')) return print(helpText(product));
  if (args.on('version')) return print(`${product.version}\n`);
  if (args.problems.length > 0) throw new UsageError(lineProblems(args, world()));
  try {
    return await command(args);
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(inOrder(args, error.problems)) : error;
  }
}

async function command(args: Arguments): Promise<ExitCode> {
  switch (args.command) {
    case 'schema':
      return print(schemaText(args.operands[0] ?? 'answers', product));
    case 'example':
      return print(exampleText(args.operands[0] ?? 'answers', product));
    case 'controls':
      return print(controlsText(args, product));
    case 'explain':
      return explain(args, world());
    case 'schedule':
      return print(scheduleFor(args, world()));
    case 'probe':
      return probe(args, world());
    case 'verify':
      return verify(args, world());
    default:
      return deploy(args, world());
  }
}

/** What signatures of evidence are made for, so that they are good for nothing else. */
const NAMESPACE = `evidence@${product.name}`;

/** The world outside, as it really is. */
const world = (): World => ({
  product,
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  read: (path, what) => (what === 'plain' ? readPlain(path) : readFile(path, 'utf8')),
  stat: statFile,
  realPath,
  writeReport: (path, text) => writeWhole(path, text),
  createHost: (dir, isWriting, raw, machine) =>
    createHostSource({
      dir,
      backups: product.paths.backups,
      ...(isWriting ? { journal: product.paths.journal } : {}),
      version: product.version,
      secretPaths: product.paths.secrets,
      helperLabel: product.helperLabel,
      helperImage: () => product.helperImage(raw),
      ...(machine ? { machine } : {}),
    }),
  occupy: async (dir) => {
    const release = await acquireLock(dir, product.paths.lock).catch((error: unknown) => {
      throw noPlace(error, dir) ?? error;
    });
    await removeLeftovers(dir, product.paths);
    return release;
  },
  placeProblem: (dir) => placeProblem(dir, [dirname(product.paths.lock)]),
  evidence: (path) => fileEvidence(path),
  signer: (key) => sshSigner(key, NAMESPACE),
  signatureCheck: (signers) => sshSignatureCheck(NAMESPACE, signers),
  command: [process.execPath, realpathSync(process.argv[1] ?? '')],
  cancelOnSignals,
});

function print(text: string): ExitCode {
  process.stdout.write(redact(text));
  return EXIT.proved;
}

/** The first signal lets the running change finish; what was done is then listed and the exit code is 130. */
function cancelOnSignals(notice: () => void): { controller: AbortController; dispose: () => void } {
  const controller = new AbortController();
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = () => {
    if (!controller.signal.aborted) notice();
    controller.abort();
  };
  for (const name of names) process.on(name, onSignal);
  return {
    controller,
    dispose: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

// Neither a reader that goes away (`| head`), nor a terminal that hangs up, nor a full disk under a log is a reason to stop
// in the middle of a change. What nobody reads any more is nobody's loss; what a disk did not take is told at the end.
let unwritten: string | undefined;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') unwritten ??= error.code ?? error.message;
  });
}

/** Ends once all that was written has left: what a pipe has not taken yet would be cut off. */
async function end(code: ExitCode): Promise<never> {
  const left = (stream: NodeJS.WriteStream) => new Promise<void>((done) => stream.write('', () => done()));
  await Promise.all([left(process.stdout), left(process.stderr)]);
  if (unwritten !== undefined) {
    err(`\nNot all of the output could be written: ${unwritten}.\n`);
    await left(process.stderr);
  }
  // Not by running out of work: a look that was given up would hold the end back. No thread does: see host/lookup.ts.
  process.exit(unwritten !== undefined && code === EXIT.proved ? EXIT.notSeen : code);
}

main(process.argv.slice(2)).then(end, (error: unknown) => {
  if (error instanceof UsageError) {
    err(renderProblems(error.problems));
    return end(EXIT.usage);
  }
  const refused = refusedBySystem(error);
  if (refused) {
    err(`The run could not go on; what was begun is finished by the same command.\n${problemText(refused)}`);
    return end(EXIT.notSeen);
  }
  err(
    `This is a bug in ${product.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return end(EXIT.bug);
});
