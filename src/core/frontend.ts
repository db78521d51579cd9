import type { Question, RawAnswer } from './question.ts';
import type { ChangeReport, Finding, Mode, Report, StepReport } from './report.ts';

/** What happens, in order. A front end shows it; the trace of a run is the list of these. */
export type Event =
  | {
      readonly type: 'run-start';
      readonly mode: Mode;
      readonly dir: string;
      readonly steps: readonly { id: string; title: string }[];
    }
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
      readonly controls: readonly string[];
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

/** Three verbs, no more: answer, approve, show. */
export interface Frontend {
  /** The raw answer of a person. `problem` says why the previous try was refused. */
  ask(id: string, question: Question<unknown>, problem?: string): Promise<RawAnswer | undefined>;
  approve(
    step: { id: string; title: string },
    changes: readonly ChangeReport[],
  ): Promise<'apply' | 'decline' | 'stop'>;
  emit(event: Event): void;
}
