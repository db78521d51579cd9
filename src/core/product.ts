import type { Problem } from './errors.ts';
import type { DriftExplainer } from './hooks.ts';
import type { HostReader } from './host.ts';
import type { QuestionTable } from './question.ts';
import type { OutsideLook } from './report.ts';
import type { AnyStep, InspectContext } from './step.ts';

/** The look from another machine: a run of its own, without an install. */
export interface OutsideProbe {
  readonly steps: readonly AnyStep[];
  /** Answered on the command line only; `target` is its operand. */
  readonly questions: QuestionTable;
  /** What is wrong with the parsed answers that only this machine can tell, before anything is sent. */
  problems(host: HostReader, answers: Readonly<Record<string, unknown>>): Promise<readonly Problem[]>;
  /** Where the look was taken from; asked of the same eyes, after the steps, and sends nothing more. */
  describe(context: InspectContext<Readonly<Record<string, unknown>>>): Promise<OutsideLook>;
}

/** All that the tool's outer parts know of the product it sets up; the steps' folder exports exactly one. */
export interface Product {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Prefix of the environment variables, without the trailing underscore. */
  readonly envPrefix: string;
  /** Install directory when `--dir` is not given. */
  readonly defaultDir: string;
  readonly steps: readonly AnyStep[];
  readonly questions: QuestionTable;
  readonly sections: Readonly<Record<string, string>>;
  readonly outside: OutsideProbe;
  readonly paths: {
    readonly answers: string;
    readonly journal: string;
    readonly backups: string;
    readonly lock: string;
    /** Written after every apply. */
    readonly reportMarkdown: string;
    readonly reportJson: string;
    /** The last report of an apply that came to its end; there only when a later one stopped early. */
    readonly reportComplete: string;
    /** Files and directories of secrets: nothing in them is ever hashed or shown. */
    readonly secrets: readonly string[];
    /** The operator's waivers, where there is such a file. */
    readonly waivers: string;
    /** One record of every verify, chained by hash. */
    readonly evidence: string;
  };
  /** Which link of a failing control broke. */
  readonly explainDrift: DriftExplainer;
  /** Files of an install that findings speak of, relative to its directory: their names, never what they hold. */
  readonly files: readonly string[];
  /** Secrets of a finished install that the operator may look at once, on a terminal. */
  readonly reveals: readonly { readonly label: string; readonly path: string }[];
  /** Label for rehearsal and helper containers. */
  readonly helperLabel: string;
  /** A local image with a shell and coreutils for work on files that belong to another uid. */
  helperImage(raw: (id: string) => string | undefined): string | undefined;
  /** What the operator must keep, shown at the end of an apply. */
  keep(dir: string, raw: (id: string) => string | undefined): readonly (readonly [string, string])[];
  /** Comment lines on top of the example answers. */
  readonly exampleHeading: readonly string[];
}
