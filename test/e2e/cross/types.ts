/** What the judges of an install share: an item of a public list, and what a judge makes of it. */

/** `warn`: the item asks for something else than what is there. `not applicable`: what it is about is not there. */
export type Result = 'pass' | 'warn' | 'not applicable';

/** One judgement. `seen` says what it rests on. */
export interface Judged {
  readonly item: string;
  /** A container or a server, where an item is judged for each. */
  readonly subject?: string;
  readonly result: Result;
  readonly seen: string;
}

export const pass = (seen: string) => ({ result: 'pass', seen }) as const;
export const warn = (seen: string) => ({ result: 'warn', seen }) as const;
export const notApplicable = (seen: string) => ({ result: 'not applicable', seen }) as const;
export type Answer = Pick<Judged, 'result' | 'seen'>;

/** `pass` when nothing is wrong. */
export const unless = (wrong: readonly string[], seen: string): Answer =>
  wrong.length === 0 ? pass(seen) : warn(wrong.join('; '));

/** The public lists and tools that an install is held against. */
export type Tool = 'CIS Docker' | 'CIS PostgreSQL' | 'testssl.sh, proxy' | 'testssl.sh, database';

/** Why a warning stays. `on` lists the subjects that it concerns, in order; without subjects it is empty. */
export interface Explained {
  readonly tool: Tool;
  readonly item: string;
  readonly on?: readonly string[];
  readonly why: string;
}
