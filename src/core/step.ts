import type { Host, HostReader } from './host.ts';

/** What a look at one control gave. `unknown` never counts as good. */
export type Verdict =
  | { readonly is: 'pass'; readonly observed: string }
  | { readonly is: 'fail'; readonly observed: string; readonly expected: string; readonly cause?: string }
  | {
      readonly is: 'unknown';
      readonly because: string;
      /** This control cannot be seen until that control of the same step holds (for example: not started yet). */
      readonly awaits?: string;
    }
  | { readonly is: 'attest'; readonly ask: string }
  | { readonly is: 'skip'; readonly because: string };

export const pass = (observed: string): Verdict => ({ is: 'pass', observed });
export const fail = (observed: string, expected: string, cause?: string): Verdict =>
  cause === undefined ? { is: 'fail', observed, expected } : { is: 'fail', observed, expected, cause };
export const unknown = (because: string, awaits?: string): Verdict =>
  awaits === undefined ? { is: 'unknown', because } : { is: 'unknown', because, awaits };
export const attest = (ask: string): Verdict => ({ is: 'attest', ask });
export const skip = (because: string): Verdict => ({ is: 'skip', because });

/** `required` decides the exit code; `advised` is shown and counted apart. */
export type Severity = 'required' | 'advised';

export interface InspectContext<A> {
  readonly host: HostReader;
  readonly answers: A;
  readonly signal: AbortSignal;
}

/** One statement about the host that is true when it passes, and the way to look. */
export interface Control<A = unknown> {
  /** `area.property`, stable forever: reports, waivers and tests use it. */
  readonly id: string;
  /** A statement that is true when the control passes. */
  readonly title: string;
  readonly severity: Severity;
  /** Id of a section of the hardening guide, or `operation`. */
  readonly section: string;
  /** CIS, RFC or vendor references. */
  readonly refs?: readonly string[];
  /** How it is looked at: one sentence, present tense, its limits included. */
  readonly how: string;
  /** What happens to the operator when it does not hold. */
  readonly threat: string;
  readonly remedy: string;
  /** What the remedy costs: a restart, a lockout, nothing. */
  readonly impact: string;
  /** The step's plan cannot repair this: a person must. A required one that fails stops the step before it changes anything. */
  readonly manual?: true;
  /** `--skip` refuses this one: waiving it could lose data. */
  readonly unwaivable?: true;
  /** Milliseconds; 20,000 unless told. */
  readonly timeoutMs?: number;
  inspect(context: InspectContext<A>): Promise<Verdict>;
}

/** One thing to do, described before it is done. */
export interface Change {
  readonly id: string;
  readonly summary: string;
  /** Unified diff, SQL or calls; never a secret's content. */
  readonly diff?: string;
  readonly irreversible?: true;
  /** What it interrupts or rotates, one sentence: `verify --fix` asks before it. */
  readonly disrupts?: string;
  /**
   * Right whatever else of this install is not as it should be, as the access to a file that is there: it is made too
   * after something else was left for want of consent.
   */
  readonly standsAlone?: true;
  /** Writes files only and needs no engine: `--files-only` makes it too. */
  readonly offline?: true;
  apply(host: Host): Promise<void>;
}

export interface PlanContext<A> extends InspectContext<A> {
  /** Ids of the step's controls that do not hold now. */
  readonly failing: ReadonlySet<string>;
}

/** A list of controls that must hold and a plan that says how to make them hold. Definitions are constants. */
export interface Step<K extends string = string, A = unknown> {
  /** A noun. */
  readonly id: string;
  readonly title: string;
  /** One or two sentences for the operator: why this step exists. */
  readonly why: string;
  readonly needs: readonly K[];
  readonly controls: readonly Control<A>[];
  /** Absent: the step only looks. */
  plan?(context: PlanContext<A>): Promise<readonly Change[]>;
}

/** A step with its answer types erased, as the engine sees it. */
// biome-ignore lint/suspicious/noExplicitAny: the engine hands each step exactly the answers it declared
export type AnyStep = Step<string, any>;
