import type { QuestionTable } from './question.ts';
import type { AnyStep } from './step.ts';

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
  readonly paths: {
    readonly answers: string;
    readonly journal: string;
    readonly backups: string;
    readonly lock: string;
    /** Written after every apply. */
    readonly reportMarkdown: string;
    readonly reportJson: string;
    /** One record of every verify, chained by hash. */
    readonly evidence: string;
  };
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
