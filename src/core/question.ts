import type { HostReader } from './host.ts';
import type { Secret } from './secret.ts';

/** An answer before it is parsed: one text, or a list of texts (a YAML list, or a flag split at commas). */
export type RawAnswer = string | readonly string[];

/** Where an answer came from, strongest first. */
export type AnswerSource =
  | 'flag'
  | 'environment'
  | 'answers file'
  | 'saved answers'
  | 'this host'
  | 'prompt'
  | 'default';

/** A value that this host suggests, with why, as a sentence the operator reads. */
export interface Suggestion {
  readonly value: RawAnswer;
  readonly because: string;
}

/** One rule that a secret must meet, shown live while it is typed. */
export interface SecretRule {
  readonly rule: string;
  met(text: string): boolean;
}

/** One question: its wording, default and parser. Flags, environment, prompts, schema and docs derive from it. */
export interface Question<T> {
  /** The question as asked, one sentence. */
  readonly title: string;
  /** Why it is asked and what it changes. */
  readonly help: string;
  /** What goes wrong when it is answered carelessly; shown when the operator asks why. */
  readonly threat?: string;
  /** The guide's section that asks for it, or `operation` where the guide is silent. */
  readonly section: string;
  readonly kind: 'text' | 'list' | 'choice' | 'secret' | 'file';
  readonly choices?: readonly string[];
  /** A commented example value for the documentation and the schema. */
  readonly example: RawAnswer;
  /** A fixed default; absent means that the operator must answer, unless `optional`. */
  readonly default?: RawAnswer;
  /** No answer is an answer: `parse` is not called and the value is undefined. */
  readonly optional?: true;
  /** Holds for the run it is given to: it is never saved with the answers of an install. */
  readonly transient?: true;
  /** Asked only when this holds for the raw answers given so far; otherwise the value is undefined. */
  readonly when?: { readonly question: string; readonly is: readonly string[] };
  /**
   * When a person is asked although there is a default or no need: `start` with the other questions, `step` when the
   * step that needs it is reached (what it asks for does not exist earlier). Left out: the default is taken.
   */
  readonly ask?: 'start' | 'step';
  /** What each choice means, in the order of `choices`. */
  readonly choiceHelp?: readonly string[];
  /** What this host suggests; a look that fails suggests nothing. The first one fills the answer in when `prefill`. */
  suggest?(host: HostReader, raw: (id: string) => RawAnswer | undefined): Promise<readonly Suggestion[]>;
  readonly prefill?: true;
  /** Rules of a secret that a person types here, and its parser. Absent: only references are taken. */
  readonly rules?: readonly SecretRule[];
  parseSecret?(secret: Secret): T;
  /** JSON Schema fragment for one raw value; `kind` gives the rest. */
  readonly pattern?: string;
  /**
   * The only validator and the injection guard.
   * @throws {AnswerError} (core/errors.ts) with what was expected and how to fix it
   */
  parse(raw: RawAnswer): T;
}

/** Declares a question, keeping its exact type so that `ValueOf` can read it. */
export function question<const Q extends Question<unknown>>(definition: Q): Q {
  return definition;
}

/** The value type that a question's parser gives; `undefined` is added where it may be left out. */
export type ValueOf<Q> = Q extends { parse(raw: RawAnswer): infer T }
  ? Q extends { readonly optional: true } | { readonly when: object }
    ? T | undefined
    : T
  : never;

export type QuestionTable = Readonly<Record<string, Question<unknown>>>;

/** A parsed answer with its source. */
export interface Answered {
  readonly value: unknown;
  readonly raw: RawAnswer | undefined;
  readonly source: AnswerSource;
}
