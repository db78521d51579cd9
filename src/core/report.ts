import type { ExitCode } from './errors.ts';
import type { Severity, Verdict } from './step.ts';

/** `files`: an apply that makes only the changes that need no engine. */
export type Mode = 'apply' | 'plan' | 'verify' | 'files';

/** A control with what was seen. */
export interface Finding {
  readonly control: string;
  readonly title: string;
  readonly step: string;
  readonly severity: Severity;
  readonly section: string;
  readonly refs: readonly string[];
  readonly threat: string;
  readonly remedy: string;
  readonly impact?: string;
  /** Only a person can repair it. */
  readonly manual?: true;
  readonly verdict: Verdict;
  /** Milliseconds the look took, waiting for shared looks included. */
  readonly duration: number;
  /** Set when a waiver turned this verdict into `skip`. */
  readonly waived?: Verdict;
}

export interface ChangeReport {
  readonly id: string;
  readonly summary: string;
  readonly diff?: string;
  readonly irreversible?: true;
  readonly status: 'planned' | 'done' | 'failed' | 'declined' | 'not-reached';
  readonly error?: string;
}

export interface StepReport {
  readonly id: string;
  readonly title: string;
  /** `held`: nothing to do. `applied`: changed and proved. `stopped`: the run ended here. */
  readonly outcome: 'held' | 'applied' | 'planned' | 'declined' | 'stopped' | 'looked' | 'not-reached';
  readonly findings: readonly Finding[];
  readonly changes: readonly ChangeReport[];
  /** Milliseconds. */
  readonly duration: number;
}

/** One answer as shown: never a secret. */
export interface AnswerReport {
  readonly question: string;
  readonly value: string;
  readonly source: string;
}

/** The one result of a run; every format is rendered from it. */
export interface Report {
  readonly schema: 1;
  readonly tool: { readonly name: string; readonly version: string };
  readonly mode: Mode;
  readonly dir: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exit: ExitCode;
  /** The verdict in one sentence. */
  readonly verdict: string;
  /** Why the run ended before the last step, when it did. */
  readonly stopped?: {
    readonly step: string;
    readonly reason: string;
    readonly fix?: string;
    readonly log?: readonly string[];
  };
  readonly answers: readonly AnswerReport[];
  readonly steps: readonly StepReport[];
}

/** Counts per severity, for the verdict and the reports. */
export function count(report: Pick<Report, 'steps'>, severity: Severity) {
  const findings = report.steps.flatMap((s) => s.findings).filter((f) => f.severity === severity);
  const of = (is: Verdict['is']) => findings.filter((f) => f.verdict.is === is).length;
  return {
    total: findings.length,
    proved: of('pass'),
    failing: of('fail'),
    notSeen: of('unknown'),
    open: of('attest'),
    skipped: findings.filter((f) => f.verdict.is === 'skip' && !f.waived).length,
    waived: findings.filter((f) => f.waived).length,
  };
}
