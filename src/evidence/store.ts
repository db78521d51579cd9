/** The ports of the evidence: where records are kept, who signs them, and who checks signatures. */

/**
 * Files of records, one a line: one that is appended to and, before it, those that are full and closed. The chain goes
 * across them. Everything that touches the disk is behind this; nothing of it removes a record.
 */
export interface EvidenceStore {
  /** The file that is appended to, absolute. */
  readonly path: string;
  /** Name of this host, for the records. */
  readonly host: string;
  now(): Date;
  /**
   * Runs `work` while nobody else appends: other processes wait for it. A lock whose process is gone is taken over.
   * @throws {CannotKeep} when the file cannot be written by this user, or is not a file that may be trusted with evidence
   */
  exclusively<T>(work: (file: OpenEvidence) => Promise<T>): Promise<T>;
  /**
   * Every line of all files from the first, without its line break. Undefined when there is no file.
   * @throws {CannotRead} also while it is walked through
   */
  lines(): Promise<AsyncIterable<EvidenceLine> | undefined>;
  /**
   * Finished lines of all files from the last, without their line breaks. Undefined when there is no file.
   * @throws {CannotRead} also while it is walked through
   */
  linesFromEnd(): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** What is to be said about the file itself: who may write it, and unfinished lines that were set aside. */
  notices(): Promise<readonly string[]>;
}

export interface EvidenceLine {
  /** From 1, in its file. */
  readonly number: number;
  /** The closed file it is in, and the record that this file ends with by its name; absent: the one that is appended to. */
  readonly segment?: { readonly name: string; readonly upTo: number };
  readonly bytes: Uint8Array;
  /** False: the file ends in the middle of this line. */
  readonly finished: boolean;
}

/** The file while it is ours. */
export interface OpenEvidence {
  /**
   * The last finished line, of a closed file where this one has none, and what stands behind its line break.
   * @throws {CannotKeep} when the last closed file does not end with a whole line
   */
  tail(): Promise<{
    readonly last: Uint8Array | undefined;
    readonly torn: Uint8Array | undefined;
    /** The closed file that `last` is in; absent: this one. */
    readonly closed?: string;
  }>;
  /** Whether a line of this many bytes would make the file too large; never of an empty file. */
  isFullFor(bytes: number): Promise<boolean>;
  /** Closes the file behind its last record, under a name that says which one that is; the next append begins a new file. */
  close(upTo: number): Promise<void>;
  /** Appends a line with its line break; it is on the disk afterwards. What could not be written whole is taken back. */
  append(line: string): Promise<void>;
  /** Writes the line break that a whole record lacks. */
  finish(): Promise<void>;
  /** Keeps an unfinished line in a file beside, then takes it off. @returns the name of that file */
  setAside(torn: Uint8Array): Promise<string>;
}

/** Why a record could not be kept; the message is for the operator, what to do included. */
export class CannotKeep extends Error {
  override readonly name = 'CannotKeep';
}

/** What was kept before is damaged, so that nothing is appended to it any more. */
export class CannotContinue extends CannotKeep {
  override readonly name = 'CannotKeep';
}

/** Why the evidence could not be read; the message is for the operator. */
export class CannotRead extends Error {
  override readonly name = 'CannotRead';
}

export interface Signer {
  /** Signs with an SSH key. A failure is a value: the record is kept without a signature then, and says so. */
  sign(
    text: string,
  ): Promise<
    { readonly ok: true; readonly signature: string } | { readonly ok: false; readonly because: string }
  >;
}

export interface SignatureCheck {
  /** Whether there is a list of signers; without one a signature shows only that nothing was altered since. */
  readonly hasSigners: boolean;
  check(signed: {
    readonly text: string;
    readonly signature: string;
    readonly time: Date;
  }): Promise<SignatureVerdict>;
}

export type SignatureVerdict =
  /** `by`: a principal of the list of signers, or the key's fingerprint without one. */
  | { readonly is: 'good'; readonly by: string }
  | { readonly is: 'bad'; readonly seen: string; readonly expected: string }
  | { readonly is: 'unknown'; readonly because: string };
