/** `verify --fix`: looks, repairs what failed when that is agreed to, and looks again at everything. */
import type { Arguments } from './args.ts';
import { EXIT, type ExitCode, type Problem } from './core/errors.ts';
import { printableLine } from './core/printable.ts';
import type { Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { finalExit, foundExit, verdictSentence } from './core/verdict.ts';
import { deploy, type Repair } from './deploy.ts';
import { type Earlier, renderDelta } from './evidence/delta.ts';
import { compareWith, earlierOf, keepRecord, lookOnce, readLookOptions } from './look.ts';
import { ownFileProblems, readOutputs, writeOutputs } from './outputs.ts';
import { textStyle } from './prepare.ts';
import { printableReport } from './report/printable.ts';
import { renderEnd } from './report/text.ts';
import type { World } from './world.ts';

/**
 * Repairs one install. Every flag of a verify means the same here; reports, exit code, signature and what is told of
 * `--since` are those of the last look. Evidence is kept of the first look and of the one after the repair: what was
 * found, and what it came to.
 * @throws {UsageError} with every problem of the input; nothing has been changed then
 */
export async function fix(
  args: Arguments,
  world: World,
  given: { readonly dir: string; readonly problems: readonly Problem[] },
): Promise<ExitCode> {
  const outputs = readOutputs(args);
  const look = readLookOptions(args, world.product);
  const stream = outputs.usesStdout ? world.stderr : world.stdout;
  const style = textStyle(args, world, stream);
  // A terminal that a person is asked on is not written to by anybody else.
  const told: string[] = [];
  let earlier: Earlier | undefined;
  let isKept = true;

  const keep = async (report: Report): Promise<void> => {
    const record = await keepRecord(report, world, look);
    told.push(record.text);
    isKept &&= record.asAsked;
  };
  const repair: Repair = {
    dir: given.dir,
    problems: [
      ...given.problems,
      ...outputs.problems,
      ...(await ownFileProblems(outputs, [given.dir], world)),
      ...look.problems,
    ],
    usesStdout: outputs.usesStdout,
    policy: look.policy,
    async looked(report) {
      // Both looks are compared with what was kept before the first of them.
      earlier = await earlierOf(report.dir, look, world);
      const compared = compareWith(report, earlier);
      if (report.exit !== EXIT.cancelled) await keep(report);
      return compared;
    },
    async finish(install, first, repaired, signal) {
      let last = first;
      if (repaired) {
        last = repaired;
        if (repaired.exit !== EXIT.cancelled && repaired.steps.some((s) => s.changes.some(isTried))) {
          stream.write('\nLooking again at everything.\n');
          const seen: string[] = [];
          const write = (text: string) => void seen.push(text);
          const after = await lookOnce(install, { args, world, look, style, signal, write, earlier });
          if (after.exit !== EXIT.cancelled) await keep(after);
          last = afterRepair(first, repaired, after);
          // The repair has shown its own looks; only what it has not seen is shown in full.
          if (foundExit(repaired) === EXIT.proved && foundExit(after) !== EXIT.proved)
            stream.write(redact(seen.join('')));
          else {
            const { exit, verdict } = last;
            stream.write(redact(`${renderEnd(printableReport({ ...after, exit, verdict }), style)}\n`));
          }
        } else if (repaired.exit !== EXIT.cancelled) last = afterRepair(first, repaired, first);
      }
      if (look.since !== undefined && earlier && last.exit !== EXIT.cancelled)
        told.unshift(
          `\n${renderDelta(last, last.delta, earlier.is === 'none' ? earlier.because : '').trimEnd()}\n`,
        );
      for (const text of told) stream.write(redact(text));
      const isWritten = await writeOutputs(outputs, [last], world, args);
      // Proof that was asked for and is not there is something that nobody will see later.
      return last.exit === EXIT.proved && !(isKept && isWritten) ? EXIT.notSeen : last.exit;
    },
  };
  return deploy(args, world, repair);
}

/** UTF-16 units of a reason that stand in the verdict: it is one sentence. */
const LONGEST_REASON = 1_000;

const isTried = ({ status }: { readonly status: string }) => status === 'done' || status === 'failed';

/**
 * What a repair came to, as one report: the findings of the look after it, and the changes of the repair at their steps.
 * A repair that did not come to its end is no success, whatever was found then.
 */
function afterRepair(first: Report, repaired: Report, after: Report): Report {
  const made = new Map(repaired.steps.map((step) => [step.id, step.changes]));
  const steps = after.steps.map((step) => ({ ...step, changes: made.get(step.id) ?? [] }));
  const { stopped, policy } = repaired;
  const found = foundExit({ ...after, steps });
  const ended = foundExit(repaired);
  const decides = ended === EXIT.proved || found === EXIT.cancelled ? found : ended;
  const end = stopped && !after.stopped ? { stopped } : {};
  const rest = stopped
    ? ` The repair stopped at ${stopped.step}: ${printableLine(stopped.reason, LONGEST_REASON)}.`
    : '';
  return {
    ...after,
    startedAt: first.startedAt,
    exit: finalExit(decides, policy),
    verdict: `${verdictSentence('verify', found, steps)}${rest}`,
    ...end,
    steps,
  };
}
