import type { KnownAnswer } from './answers.ts';
import type { Question, RawAnswer, Suggestion } from './question.ts';
import type { AnswerReport, ChangeReport, Finding, Mode, Report, StepReport } from './report.ts';
import type { Secret } from './secret.ts';

/** What happens, in order. A front end shows it; the trace of a run is the list of these. */
export type Event =
  | {
      readonly type: 'run-start';
      readonly mode: Mode;
      readonly dir: string;
      readonly steps: readonly { id: string; title: string }[];
    }
  /** All answers that are known now, secrets left out; comes again when one was changed. */
  | { readonly type: 'answers'; readonly answers: readonly AnswerReport[] }
  | {
      readonly type: 'step-start';
      readonly step: string;
      readonly title: string;
      readonly why: string;
      readonly index: number;
      readonly total: number;
    }
  | {
      readonly type: 'looking';
      readonly step: string;
      readonly phase: 'before' | 'after';
      readonly controls: readonly { readonly id: string; readonly title: string }[];
    }
  | {
      readonly type: 'finding';
      readonly step: string;
      readonly phase: 'before' | 'after';
      readonly finding: Finding;
    }
  | { readonly type: 'plan'; readonly step: string; readonly changes: readonly ChangeReport[] }
  | {
      readonly type: 'change-start';
      readonly step: string;
      readonly change: string;
      readonly summary: string;
    }
  | { readonly type: 'progress'; readonly step: string; readonly text: string }
  | { readonly type: 'change-done'; readonly step: string; readonly change: string }
  | {
      readonly type: 'change-failed';
      readonly step: string;
      readonly change: string;
      readonly error: string;
      readonly fix?: string;
      readonly log?: readonly string[];
    }
  | { readonly type: 'step-end'; readonly step: string; readonly report: StepReport }
  | { readonly type: 'run-end'; readonly report: Report };

/** One question put to a person. */
export interface Asking {
  readonly id: string;
  readonly question: Question<unknown>;
  /** Counted from 1; the total changes when an answer opens or closes a question. */
  readonly index: number;
  readonly total: number;
  /** What is filled in already: an earlier answer or the default, and where it came from. */
  readonly initial?: Pick<KnownAnswer, 'raw' | 'source'>;
  /** Why the previous try was refused. */
  readonly problem?: string;
  /** A secret was entered here before and can be kept. */
  readonly hasEntered?: true;
  /** What this host suggests. */
  readonly suggestions: readonly Suggestion[];
  readonly canGoBack: boolean;
}

export type Reply =
  /** No `raw` is "no answer", which an optional question takes. */
  | { readonly is: 'answer'; readonly raw?: RawAnswer | Secret }
  /** The secret that was entered here before (`hasEntered`). */
  | { readonly is: 'keep' }
  | { readonly is: 'back' }
  /** Stop here and keep the answers given so far. */
  | { readonly is: 'save' }
  | { readonly is: 'cancel' };

/** What a person decides on. */
export type Proposal =
  | {
      readonly is: 'changes';
      readonly step: StepName;
      readonly changes: readonly ChangeReport[];
      /** Ids of those that `harmless` makes. */
      readonly harmless: readonly string[];
      /** The controls that do not hold, for which the changes are made. */
      readonly findings: readonly Finding[];
    }
  | {
      readonly is: 'failure';
      readonly step: StepName;
      readonly reason: string;
      /** The required controls that are not good. */
      readonly findings: readonly Finding[];
      readonly fix?: string;
      /** The last lines of what failed, redacted. */
      readonly log?: readonly string[];
      /** Ids that may be waived by name. */
      readonly waivable: readonly string[];
      /** What this run has done so far and leaves in place. */
      readonly done: readonly string[];
    }
  /** An existing install was looked at and something does not hold. */
  | { readonly is: 'drift'; readonly report: Report };

export interface StepName {
  readonly id: string;
  readonly title: string;
}

export type Decision =
  | { readonly is: 'apply' }
  | { readonly is: 'decline' }
  /** Make what neither interrupts nor rotates anything and builds on nothing that is left; leave the rest, and go on. */
  | { readonly is: 'harmless' }
  | { readonly is: 'stop' }
  /** Look again: the operator repaired something by hand. */
  | { readonly is: 'retry' }
  | { readonly is: 'waive'; readonly controls: readonly string[]; readonly reason: string }
  /** Give another answer; the run starts over with it, and steps that hold are left alone. */
  | { readonly is: 'change'; readonly question: string }
  | { readonly is: 'save' };

/** Three verbs, no more: answer, decide, show. */
export interface Frontend {
  /** False: nobody is there; what is not known beforehand is left at its default. */
  readonly interactive: boolean;
  ask(asking: Asking): Promise<Reply>;
  decide(proposal: Proposal): Promise<Decision>;
  emit(event: Event): void;
}
