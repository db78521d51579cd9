/** What a look at the evidence gives, and how places in it are told. */

/** Where the chain does not hold. Lines count from 1 in each file. */
export interface Break {
  readonly line: number;
  /** The closed file it is in; absent: the one that is appended to. */
  readonly segment?: string;
  readonly seen: string;
  readonly expected: string;
}

/** What a look at the evidence gave; the text and the JSON of `verify --evidence` are made of it. */
export interface EvidenceResult {
  readonly schema: 1;
  /** The file that is appended to. */
  readonly file: string;
  /** How many files the chain goes across. */
  readonly files: number;
  /** Whole records. */
  readonly records: number;
  readonly first?: Place;
  /** The last whole record. Its hash is what to keep elsewhere. */
  readonly last?: Place;
  readonly breaks: readonly Break[];
  /** What could not be looked at. */
  readonly notSeen: readonly {
    readonly line?: number;
    readonly segment?: string;
    readonly because: string;
  }[];
  readonly notices: readonly string[];
  readonly signatures: {
    /** `signers`: against a list of signers. `integrity`: without one, so nobody vouches. */
    readonly checked: 'signers' | 'integrity';
    readonly good: number;
    readonly unsigned: number;
    /** Signer (or fingerprint) and how many records are signed so. */
    readonly by: Readonly<Record<string, number>>;
    /** The last record with a good signature: it vouches for all before it, by the chain. */
    readonly upTo?: number;
  };
  /** The hash that the operator kept elsewhere; its record may also be the last of those that were moved away. */
  readonly anchor?: { readonly hash: string; readonly sequence?: number };
  readonly exit: 0 | 1 | 3;
  readonly verdict: string;
}

export interface Place {
  readonly line: number;
  readonly segment?: string;
  readonly sequence: number;
  readonly time: string;
  readonly hash: string;
}

/** Where a line is, and its place among all lines of all files. */
export interface Spot {
  readonly line: number;
  readonly segment?: string;
  readonly order: number;
}
/** A break with its place among all. */
export type Found = Break & Pick<Spot, 'order'>;
export type NotSeen = EvidenceResult['notSeen'][number];

/** `line 3`, or `line 3 of evidence-0000331.jsonl`. */
export const inWords = ({ line, segment }: { readonly line?: number; readonly segment?: string }): string =>
  `line ${line}${segment === undefined ? '' : ` of ${segment}`}`;
export const inPlace = ({ line, segment }: Spot) => (segment === undefined ? { line } : { line, segment });
