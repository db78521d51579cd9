/** Single breakages of a healthy install: what is done, what must turn because of it, and how it is put right. */
import type { DriftLink } from '../../src/core/report.ts';
import type { Install, Release } from '../e2e/support.ts';

export interface Sabotage {
  /** What is broken, as a sentence without a full stop; unique in the table. */
  readonly name: string;
  break(install: Install): Promise<unknown>;
  /** Controls that must turn, with the verdict they must turn to. Every other control must stay as it was. */
  readonly turns: Readonly<Record<string, 'fail' | 'unknown' | 'skip'>>;
  /**
   * For what takes sight away: the only controls that can still be proved, or beginnings such as `compose.*`. Every other one that passed before must turn to
   * `unknown`, controls that are added later included; `turns` comes on top.
   */
  readonly stillSeen?: readonly string[];
  /** Controls that may be `unknown` or as before: how long the engine's resolver takes to give up decides. Never `fail`. */
  readonly mayBeUnseen?: readonly string[];
  /** What the two generations do not share: controls that turn on one of them only. */
  readonly onlyV1?: readonly string[];
  readonly onlyV2?: readonly string[];
  /** The row makes sense on this generation only. */
  readonly release?: Release;
  /** Exit code of verify; 1 unless told (advised controls alone: 0; nothing failing but something unseen: 3). */
  readonly exit?: 0 | 1 | 3;
  /**
   * Which link each failing control must name as broken: one for all of them, or by control id. Where ids are given, a
   * control that is not among them must name none: `{}` says that nothing is claimed, because no file, answer or running
   * part of the install was changed, or because nobody could tell.
   */
  readonly drift: DriftLink | Readonly<Record<string, DriftLink>>;
  /**
   * The service whose container the row makes anew from a changed copy of the files. A next row that does the same to this
   * container leaves nothing of it, so that `undo` waits until another row comes.
   */
  readonly remakes?: string;
  /**
   * Puts it right by hand. Without `undo` apply must repair it by itself. With it apply is not run: what a person must do
   * is done, and the next row's look shows whether everything is as it was.
   */
  undo?(install: Install): Promise<unknown>;
}

/** Ids that all turn to `fail`. */
export const fail = (...ids: readonly string[]): Record<string, 'fail'> =>
  Object.fromEntries(ids.map((id) => [id, 'fail' as const]));
/** Ids that all turn to `unknown`. */
export const unseen = (...ids: readonly string[]): Record<string, 'unknown'> =>
  Object.fromEntries(ids.map((id) => [id, 'unknown' as const]));
