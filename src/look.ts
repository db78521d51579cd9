/** One look at one install: what it is limited to, what decides its exit code, what it is compared with, what is kept of it. */
import { resolve } from 'node:path';
import type { Arguments } from './args.ts';
import { run } from './core/engine.ts';
import { AnswerError, type Problem } from './core/errors.ts';
import type { SharedLooks } from './core/host.ts';
import type { Product } from './core/product.ts';
import type { ExitPolicy, Report, Selection } from './core/report.ts';
import type { AnyStep } from './core/step.ts';
import { appendEvidence, renderKept } from './evidence/append.ts';
import {
  deltaOf,
  type Earlier,
  earlierRecord,
  parseSince,
  renderDelta,
  type Since,
} from './evidence/delta.ts';
import { scriptFrontend } from './frontends/script/script.ts';
import type { Prepared } from './prepare.ts';
import type { TextStyle } from './report/text.ts';
import { selectControls } from './select.ts';
import { parseEvery } from './watch.ts';
import type { World } from './world.ts';

/** The flags of a look, read. */
export interface LookOptions {
  readonly steps: readonly AnyStep[];
  readonly selection: Selection | undefined;
  readonly policy: ExitPolicy;
  readonly since: Since | undefined;
  /** Milliseconds between looks, with `--watch`. */
  readonly every: number | undefined;
  /** Absolute path of the SSH key that signs the record. */
  readonly signKey: string | undefined;
  readonly problems: readonly Problem[];
}

/** Reads the flags; everything wrong with them is listed. */
export function readLookOptions(args: Arguments, product: Product): LookOptions {
  const problems: Problem[] = [];
  const read = <T>(flag: 'since' | 'watch', parse: (text: string) => T): T | undefined => {
    const text = args.text(flag);
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      problems.push({
        where: `--${flag}`,
        seen: error.message,
        expected: error.expected,
        fix: error.fix,
      });
      return undefined;
    }
  };
  const since = read('since', (text) => parseSince(text, new Date()));
  const every = read('watch', parseEvery);
  const selected = selectControls(product.steps, product.sections, {
    only: args.values('only'),
    sections: args.values('section'),
    severity: args.text('severity'),
  });
  const signKey = args.text('sign-key');
  const policy = readPolicy(args, problems);
  return {
    steps: selected.steps,
    selection: selected.selection,
    policy,
    since,
    every,
    signKey: signKey === undefined ? undefined : resolve(signKey),
    problems: [...problems, ...selected.problems],
  };
}

/** `--fail-on` and `--exit-zero`; what is wrong with them is added to `problems`. */
export function readPolicy(args: Arguments, problems: Problem[]): ExitPolicy {
  const failOn = args.text('fail-on') ?? 'required';
  if (failOn !== 'required' && failOn !== 'advised')
    problems.push({
      where: `--fail-on ${failOn}`,
      seen: 'an unknown severity',
      expected: 'required or advised',
      fix: 'choose one of the two',
    });
  return { failOn: failOn === 'advised' ? 'advised' : 'required', exitZero: args.on('exit-zero') };
}

interface LookWorld {
  readonly args: Arguments;
  readonly world: World;
  readonly look: LookOptions;
  readonly style: TextStyle;
  readonly signal: AbortSignal;
  /** What the installs of one call share about the machine. */
  readonly machine?: SharedLooks;
  write(text: string): void;
  /** What to compare with; left out: what the kept evidence gives. */
  readonly earlier?: Earlier | undefined;
}

/** The record that `--since` asks for; undefined when nothing is compared. */
export async function earlierOf(
  dir: string,
  look: Pick<LookOptions, 'since'>,
  world: World,
): Promise<Earlier | undefined> {
  if (look.since === undefined) return undefined;
  return earlierRecord(world.evidence(resolve(dir, world.product.paths.evidence)), look.since, dir);
}

/** The report with what changed since the earlier record, where there is one. */
export function compareWith(report: Report, earlier: Earlier | undefined): Report {
  const delta = deltaOf(report, earlier?.is === 'record' ? earlier.record : undefined);
  return delta === undefined ? report : { ...report, delta };
}

/** Looks at one install and tells it as it goes. Changes nothing. */
export async function lookOnce(install: Prepared, at: LookWorld): Promise<Report> {
  const { args, world, look, signal, write } = at;
  const { product } = world;
  let noDelta = '';
  const report = await run({
    mode: 'verify',
    steps: look.steps,
    questions: product.questions,
    known: install.known,
    host: world.createHost(install.dir, false, install.raw, at.machine),
    frontend: scriptFrontend({ consent: 'none', style: at.style, write, keep: () => [] }),
    skip: new Set(args.list('skip')),
    explain: product.explainDrift,
    policy: look.policy,
    ...(install.exceptions ? { exceptions: install.exceptions } : {}),
    ...(look.selection ? { selection: look.selection } : {}),
    async complete(judged) {
      const earlier = at.earlier ?? (await earlierOf(install.dir, look, world));
      if (earlier?.is === 'none') noDelta = earlier.because;
      return compareWith(judged, earlier);
    },
    signal,
    tool: { name: product.name, version: product.version },
    dir: install.dir,
  });
  if (look.since !== undefined) write(`\n${renderDelta(report, report.delta, noDelta).trimEnd()}\n`);
  return report;
}

/** What became of a look's record: for the operator, and whether it is as it was asked for. */
export interface Record {
  readonly text: string;
  /** False when a signature was asked for and is not there, and when the chain that it belongs to is damaged. */
  readonly asAsked: boolean;
}

/** Appends the record of a look to the install's evidence; what cannot be kept is told and stops nothing. */
export async function keepRecord(report: Report, world: World, look: LookOptions): Promise<Record> {
  const store = world.evidence(resolve(report.dir, world.product.paths.evidence));
  const signer = look.signKey === undefined ? undefined : world.signer(look.signKey);
  const kept = await appendEvidence(store, report, signer);
  return {
    text: `\n${renderKept(kept).trimEnd()}\n`,
    asAsked: kept.kept ? signer === undefined || kept.signed : signer === undefined && !kept.damaged,
  };
}
