import type { Frontend } from '../core/frontend.ts';
import type { Report } from '../core/report.ts';
import type { Secret } from '../core/secret.ts';
import type { TextStyle } from '../report/text.ts';

/** A secret that the operator may look at once, on a terminal only. */
export interface Reveal {
  readonly label: string;
  /** Where it is kept, absolute: all that is said without a terminal. */
  readonly path: string;
  /** Undefined when it is not kept (any more). */
  read(): Promise<Secret | undefined>;
}

/** What a front end for a person needs besides the engine's calls. */
export interface PersonOptions {
  readonly product: {
    readonly name: string;
    readonly version: string;
    /** Titles of the guide's sections by id. */
    readonly sections: Readonly<Record<string, string>>;
  };
  readonly style: TextStyle;
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** Ctrl+C: the running change finishes, then the run stops. Calling it again is harmless. */
  cancel(): void;
  /** Aborted once the run is cancelled, by a key or by a signal: every open question resolves to `cancel` or `stop`. */
  readonly signal: AbortSignal;
  /** "Keep these" at the end: label and text. */
  keep(report: Report): readonly (readonly [string, string])[];
  readonly reveals: readonly Reveal[];
  /** Where the report of a finished apply is written, absolute. */
  readonly reportFile: string;
}

/** A front end that holds a terminal. */
export interface PersonFrontend extends Frontend {
  /** Waits for what is still shown (the end screen), then gives the terminal back. Safe to call twice. */
  close(): Promise<void>;
}
