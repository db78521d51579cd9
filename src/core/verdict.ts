import { EXIT, type ExitCode } from './errors.ts';
import { count, type ExitPolicy, type Mode, type Report, type Selection, type StepReport } from './report.ts';
import type { Severity } from './step.ts';

/**
 * The exit code that a run's findings and changes give; the same in every output format.
 * @param failOn `advised`: advised controls count like required ones
 * @param selection the part that was asked for; where nothing of it applies, nothing is proved
 */
export function exitCode(
  mode: Mode,
  steps: readonly StepReport[],
  stopped: boolean,
  failOn: Severity = 'required',
  selection?: Selection,
): ExitCode {
  const required = count({ steps }, 'required');
  if (mode === 'plan') {
    if (steps.some((s) => s.changes.some((c) => c.status === 'planned'))) return EXIT.changesPending;
  }
  // Files were written and nothing runs: whatever fails now was not looked at in earnest.
  if (mode === 'files')
    return required.failing + required.notSeen > 0 || stopped ? EXIT.notSeen : EXIT.proved;
  const advised = failOn === 'advised' ? count({ steps }, 'advised') : { failing: 0, notSeen: 0, open: 0 };
  if (required.failing + advised.failing > 0) return EXIT.failing;
  if (required.notSeen + advised.notSeen > 0 || stopped) return EXIT.notSeen;
  if (required.open + advised.open > 0) return EXIT.failing;
  return selection !== undefined && nothingApplies(steps) ? EXIT.notSeen : EXIT.proved;
}

/** Whoever asks for a part and gets a look at nothing has no proof. What was waived was decided by somebody. */
const nothingApplies = (steps: readonly StepReport[]): boolean =>
  steps.every((step) => step.findings.every((f) => f.verdict.is === 'skip' && f.waived === undefined));

/** The exit code that a run ends with: `--exit-zero` makes 0 of whatever was found, never of a cancel or a bug. */
export const finalExit = (found: ExitCode, policy: ExitPolicy | undefined): ExitCode =>
  policy?.exitZero && found !== EXIT.cancelled && found !== EXIT.bug ? EXIT.proved : found;

/**
 * The exit code that a finished report's findings give by its own policy: with `exitZero` a run ends with 0 whatever it
 * found, and what is shown (colours, words, offers) follows what was found.
 */
export const foundExit = (
  report: Pick<Report, 'exit' | 'mode' | 'steps' | 'stopped' | 'policy' | 'selection'>,
): ExitCode =>
  report.exit === EXIT.proved
    ? exitCode(
        report.mode,
        report.steps,
        report.stopped !== undefined,
        report.policy?.failOn,
        report.selection,
      )
    : report.exit;

/**
 * The verdict in one sentence, for the end screen and every report. Of a verify that repaired first it says what was changed.
 */
export function verdictSentence(
  mode: Mode,
  exit: ExitCode,
  steps: readonly StepReport[],
  selection?: Selection,
): string {
  const required = count({ steps }, 'required');
  const advised = count({ steps }, 'advised');
  const planned = steps.reduce((n, s) => n + s.changes.filter((c) => c.status === 'planned').length, 0);
  const done = steps.reduce((n, s) => n + s.changes.filter((c) => c.status === 'done').length, 0);
  const changed =
    done === 0 ? 'Nothing was changed.' : `${done} ${done === 1 ? 'change was' : 'changes were'} made.`;
  if (mode === 'files' && exit === EXIT.notSeen && !steps.some((s) => s.outcome === 'stopped')) {
    return `What needs no engine is written; nothing was started, so ${required.failing + required.notSeen} required controls are not proved. ${changed}`;
  }
  const part = selection
    ? ` Only ${selection.looked} of ${selection.of} controls ${selection.looked === 1 ? 'was' : 'were'} looked at.`
    : '';
  const tail =
    mode === 'apply'
      ? ` ${changed}`
      : mode === 'plan'
        ? ' Nothing was changed.'
        : done > 0
          ? ` ${changed}`
          : part;
  const waived =
    required.waived > 0
      ? ` ${required.waived} required ${required.waived === 1 ? 'control is' : 'controls are'} waived by name.`
      : '';
  switch (exit) {
    case EXIT.proved:
      return `Every required control that applies is proved (${required.proved}).${waived}${tail}`;
    case EXIT.failing:
      return required.failing > 0
        ? `${required.failing} required ${required.failing === 1 ? 'control fails' : 'controls fail'}.${waived}${tail}`
        : required.open > 0
          ? `No required control fails, and ${required.open} ${required.open === 1 ? 'attestation is' : 'attestations are'} open.${waived}${tail}`
          : advised.failing + advised.open > 0
            ? `Every required control that applies is proved (${required.proved}); ${advised.failing + advised.open} advised ${advised.failing + advised.open === 1 ? 'control does' : 'controls do'} not hold.${waived}${tail}`
            : `The changes were declined.${tail}`;
    case EXIT.notSeen:
      if (selection !== undefined && nothingApplies(steps))
        return `Nothing of what was asked for applies here, so nothing is proved.${tail}`;
      return required.notSeen > 0
        ? `${required.notSeen} required ${required.notSeen === 1 ? 'control' : 'controls'} could not be looked at, so nothing is claimed about ${required.notSeen === 1 ? 'it' : 'them'}.${waived}${tail}`
        : steps.some((s) => s.outcome === 'stopped' || s.outcome === 'not-reached')
          ? `The run stopped before its last step.${waived}${tail}`
          : `Every required control that applies is proved (${required.proved}); ${advised.notSeen} advised ${advised.notSeen === 1 ? 'control was' : 'controls were'} not seen.${waived}${tail}`;
    case EXIT.changesPending:
      return `${planned} ${planned === 1 ? 'change' : 'changes'} to make.${tail}`;
    case EXIT.cancelled:
      return `Cancelled.${tail}`;
    default:
      return `A step has no way to repair what it found; this is a bug of this tool.${tail}`;
  }
}
