/** Exit codes of every mode and output format (design: "Exit codes"). */
export const EXIT = {
  proved: 0,
  failing: 1,
  usage: 2,
  notSeen: 3,
  changesPending: 4,
  bug: 70,
  cancelled: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each exit code means, for `--help`, the README and the reports. */
export const EXIT_MEANING: Readonly<Record<ExitCode, string>> = {
  0: 'every required control is proved',
  1: 'a required control fails or was declined, or an attestation is open',
  2: 'the command line, the answers or the install directory are not usable; all problems are listed and nothing was changed',
  3: 'something required could not be looked at, a change failed, or what is kept of the run could not be written',
  4: '`--dry-run` only: there are changes to make',
  70: 'a bug in this tool',
  130: 'cancelled',
};

/** One thing wrong with the input: where, what was seen, what was expected, how to fix it. */
export interface Problem {
  readonly where: string;
  readonly seen: string;
  readonly expected: string;
  readonly fix: string;
}

/** Input that cannot be used. Carries every problem at once; nothing has been changed when it is thrown. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map((p) => `${p.where}: ${p.seen}; expected ${p.expected}`).join('\n'));
    this.problems = problems;
  }
}

/** An answer that a question's parser refuses. The message says what was expected and how to fix it. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly expected: string;
  readonly fix: string;
  constructor(seen: string, expected: string, fix: string) {
    super(seen);
    this.expected = expected;
    this.fix = fix;
  }
}

/** An answer that is refused, in one line: what was seen, how to put it right, and what is expected. */
export const refusal = (seen: string, { expected, fix }: { expected: string; fix: string }): string =>
  `${seen}: ${fix}. Expected: ${expected}.`;

/** A change that could not be made, classified for the operator. `log` holds the last lines, redacted. */
export class ChangeError extends Error {
  override readonly name = 'ChangeError';
  readonly kind:
    | 'image'
    | 'crash-loop'
    | 'database'
    | 'tls'
    | 'migration'
    | 'timeout'
    | 'command'
    | 'refused';
  readonly fix: string;
  readonly log: readonly string[];
  constructor(kind: ChangeError['kind'], message: string, fix: string, log: readonly string[] = []) {
    super(message);
    this.kind = kind;
    this.fix = fix;
    this.log = log;
  }
}

/** The operator stopped the run (Ctrl+C, SIGTERM, SIGHUP). */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}
