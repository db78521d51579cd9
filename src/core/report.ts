import type { ExitCode } from './errors.ts';
import type { Severity, Verdict } from './step.ts';

export type { Severity } from './step.ts';

/** `files`: an apply that makes only the changes that need no engine. */
export type Mode = 'apply' | 'plan' | 'verify' | 'files';

/**
 * Which link is broken between what was answered, the files made of it and what runs: a file was edited by hand; it was
 * edited and what runs has not followed; what runs was changed and the file was not; this tool, an image or the answers
 * moved on and the install has not; it was never made.
 */
export type DriftLink =
  | 'edited-by-hand'
  | 'edited-not-applied'
  | 'changed-at-run-time'
  | 'changed-by-update'
  | 'never-applied';

/** Why a control that once held does not hold any more. */
export interface Drift {
  readonly link: DriftLink;
  /** One sentence: which file or object, against what. */
  readonly detail: string;
  /** Unified diff from what should be to what is; never of a secret. */
  readonly diff?: string;
}

/** A waiver from the operator's file: owned, explained and ending. */
export interface Exception {
  readonly control: string;
  readonly reason: string;
  readonly owner: string;
  /** What protects instead. */
  readonly compensating: string;
  /** The last day it holds, ISO 8601 (`2027-01-31`). */
  readonly expires: string;
  /** `waivers.yaml:3:5`. */
  readonly where: string;
}

/** What changed since an earlier verify of the same install, by control id. */
export interface Delta {
  /** When the earlier verify ended, ISO 8601. */
  readonly since: string;
  /** Good then, not good now (or looked at for the first time). */
  readonly new: readonly string[];
  /** Not good then, good now. */
  readonly fixed: readonly string[];
  /** Not good then, and still not. */
  readonly open: readonly string[];
}

/** What decides the exit code besides the verdicts. */
export interface ExitPolicy {
  /** `advised`: an advised control counts like a required one. */
  readonly failOn: Severity;
  /** Exit 0 whatever was found: the caller reads the report. */
  readonly exitZero: boolean;
}

/** What a verify was limited to; absent: everything was looked at. */
export interface Selection {
  /** Control ids, or beginnings of them such as `tls.*`. */
  readonly only: readonly string[];
  /** Ids of sections of the guide. */
  readonly sections: readonly string[];
  readonly severity?: Severity;
  /** Controls looked at, and how many there are. */
  readonly looked: number;
  readonly of: number;
}

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
  /** The file's waiver, when it is one. */
  readonly exception?: Exception;
  /** Of a failing control, in verify: which link broke. Absent when that cannot be told. */
  readonly drift?: Drift;
}

export interface ChangeReport {
  readonly id: string;
  readonly summary: string;
  readonly diff?: string;
  readonly irreversible?: true;
  /** What it interrupts or rotates. */
  readonly disrupts?: string;
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

/** Where a look from another machine was taken from, and at what: what makes its report evidence. */
export interface OutsideLook {
  /** The origin that was looked at. */
  readonly target: string;
  /** SHA-256 fingerprints of the root certificates that were trusted instead of the machine's own, when some were. */
  readonly roots?: readonly string[];
  /**
   * Every address of its name that was tried, with the source address of the socket where one was answered, and the SHA-256
   * fingerprint of the certificate that was served there.
   */
  readonly addresses: readonly {
    readonly address: string;
    readonly from?: string;
    readonly certificate?: string;
  }[];
}

/** The one result of a run; every format is rendered from it. */
export interface Report {
  readonly schema: 2;
  readonly tool: { readonly name: string; readonly version: string };
  readonly mode: Mode;
  readonly dir: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exit: ExitCode;
  /** What else decided `exit`; absent: required controls count, and nothing was forced. */
  readonly policy?: ExitPolicy;
  /** The verdict in one sentence, by what was found: a forced exit code does not change it. */
  readonly verdict: string;
  /** Why the run ended before the last step, when it did. */
  readonly stopped?: {
    readonly step: string;
    readonly reason: string;
    readonly fix?: string;
    readonly log?: readonly string[];
  };
  readonly selection?: Selection;
  readonly delta?: Delta;
  /** Set by `probe`: this report can be handed to a verify. */
  readonly outside?: OutsideLook;
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
