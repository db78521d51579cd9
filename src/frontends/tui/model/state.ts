import type { Decision, Proposal, Reply } from '../../../core/frontend.ts';
import type { AnswerReport, Finding, Mode, Report, StepReport } from '../../../core/report.ts';
import type { QuestionPanel } from './question.ts';
import type { TextInput } from './text-input.ts';

/** A line block that stays in the scrollback for good once it is drawn. */
export type Entry =
  | { readonly is: 'header'; readonly mode: Mode; readonly dir: string }
  | { readonly is: 'note'; readonly text: string }
  | { readonly is: 'answer'; readonly title: string; readonly value: string }
  /** `told`: a look just before has shown what is advised. */
  | { readonly is: 'step'; readonly step: StepReport; readonly told?: true }
  | { readonly is: 'every-control'; readonly report: Report }
  | { readonly is: 'end'; readonly report: Report };

/** An answer as the scrollback will keep it. */
export interface Given {
  readonly id: string;
  readonly entry: Extract<Entry, { is: 'answer' }>;
}

/** A control of the current step; no finding: not looked at yet. */
export interface ControlLine {
  readonly id: string;
  readonly title: string;
  readonly finding?: Finding;
  /** How many were seen before it: what was seen last is shown. */
  readonly order?: number;
}

export interface ChangeLine {
  readonly id: string;
  readonly summary: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  /** When it began, milliseconds since the epoch; 0 while it waits. */
  readonly since: number;
}

/** The step that is open now. */
export interface CurrentStep {
  readonly id: string;
  readonly title: string;
  readonly why: string;
  readonly index: number;
  readonly total: number;
  readonly phase: 'before' | 'after';
  readonly controls: readonly ControlLine[];
  readonly changes: readonly ChangeLine[];
  /** The last line of what is being waited for. */
  readonly progress?: string;
  /** When the current look or change began, milliseconds since the epoch. */
  readonly since: number;
}

/** A list of answers of which one is to be given anew. */
export interface AnswerPicker {
  readonly selected: number;
}

/** What is asked of the operator now. */
export type Panel =
  | { readonly is: 'question'; readonly question: QuestionPanel }
  | {
      readonly is: 'review';
      readonly proposal: Extract<Proposal, { is: 'changes' }>;
      /** First line shown. */
      readonly from: number;
      readonly showDiff?: true;
      /** Irreversible changes still to be named, and what was typed. */
      readonly confirm?: { readonly ids: readonly string[]; readonly typed: TextInput };
      readonly pick?: AnswerPicker;
    }
  | {
      readonly is: 'failure';
      readonly proposal: Extract<Proposal, { is: 'failure' }>;
      readonly selected: number;
      /** First line shown. */
      readonly from: number;
      /** Set when the same step failed before: when it was looked at again, milliseconds since the epoch. */
      readonly again?: number;
      readonly showLog?: true;
      readonly reason?: TextInput;
      readonly pick?: AnswerPicker;
    }
  | {
      readonly is: 'drift';
      readonly proposal: Extract<Proposal, { is: 'drift' }>;
      readonly everyControl?: true;
    }
  | {
      readonly is: 'end';
      readonly report: Report;
      /** Index of the reveal whose text is on the screen, and the text itself: never in the scrollback. */
      readonly revealed?: { readonly index: number; readonly text: string };
      readonly everyControl?: true;
    };

export interface State {
  readonly records: readonly Entry[];
  readonly steps: readonly { readonly id: string; readonly title: string }[];
  readonly answers: readonly AnswerReport[];
  readonly current?: CurrentStep;
  readonly panel?: Panel;
  readonly mode: Mode;
  readonly stopping: boolean;
  /** Nothing is drawn: the terminal belongs to the shell until the run is continued. */
  readonly away?: true;
  /** Answers given so far, in the order asked. They go to the scrollback once all are settled: an earlier one may change. */
  readonly given: readonly Given[];
  /** The step whose failure was shown last. */
  readonly failedStep?: string;
  readonly reveals: readonly { readonly label: string; readonly path: string }[];
}

/** What the outside has to do after a state change. */
export type Effect =
  | { readonly do: 'reply'; readonly reply: Reply }
  | { readonly do: 'decide'; readonly decision: Decision }
  | { readonly do: 'cancel' }
  | { readonly do: 'suspend' }
  | { readonly do: 'reveal'; readonly index: number }
  | { readonly do: 'leave' };

export interface Update {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export const initialState = (reveals: State['reveals']): State => ({
  records: [],
  steps: [],
  answers: [],
  mode: 'apply',
  stopping: false,
  given: [],
  reveals,
});
