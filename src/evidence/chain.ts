import { EXIT } from '../core/errors.ts';
import { type EvidenceRecord, GENESIS, readRecord, signedText } from './record.ts';
import { CannotRead, type EvidenceStore, type SignatureCheck } from './store.ts';

/** Where the chain does not hold. Lines count from 1. */
export interface Break {
  readonly line: number;
  readonly seen: string;
  readonly expected: string;
}

/** What a look at the evidence gave; the text and the JSON of `verify --evidence` are made of it. */
export interface EvidenceResult {
  readonly schema: 1;
  readonly file: string;
  /** Whole records. */
  readonly records: number;
  readonly first?: Place;
  /** The last whole record. Its hash is what to keep elsewhere. */
  readonly last?: Place;
  readonly breaks: readonly Break[];
  /** What could not be looked at. */
  readonly notSeen: readonly { readonly line?: number; readonly because: string }[];
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
  /** The hash that the operator kept elsewhere. */
  readonly anchor?: { readonly hash: string; readonly sequence?: number };
  readonly exit: 0 | 1 | 3;
  readonly verdict: string;
}

export interface Place {
  readonly line: number;
  readonly sequence: number;
  readonly time: string;
  readonly hash: string;
}

/** Breaks that are kept; a file of another kind would have one in every line. */
const MOST_BREAKS = 100;
const MORE = `There are more breaks than the ${MOST_BREAKS} that are listed.`;
/** Signatures that are checked at once: each is two short processes. */
const AT_ONCE = 4;

const short = (hash: string) => `${hash.slice(0, 12)}…`;

/**
 * Proves the chain from the first record to the last: every line is what was sealed, follows the one before, in time too,
 * and every signature is good. What was cut off at the end cannot be seen from the file alone: `expect` is the anchor for that.
 * @param expect the hash of a record, kept elsewhere
 */
export async function verifyEvidence(
  store: EvidenceStore,
  options: { readonly signatures: SignatureCheck; readonly expect?: string },
): Promise<EvidenceResult> {
  const chain = new Chain(options.expect, store.now());
  const signatures = new Signatures(options.signatures);
  try {
    const lines = await store.lines();
    if (!lines) chain.missing = true;
    for await (const line of lines ?? []) {
      if (!line.finished) {
        chain.unfinished(line.number, line.bytes.length);
        continue;
      }
      const record = chain.take(line.number, line.bytes);
      if (record) await signatures.take(line.number, record);
    }
    chain.notices.push(...(await store.notices()));
  } catch (error) {
    if (!(error instanceof CannotRead)) throw error;
    chain.notSeen.push({ because: error.message });
  }
  await signatures.settle();
  return judge(store.path, chain, signatures, options.expect);
}

class Chain {
  readonly breaks: Break[] = [];
  readonly notSeen: { line?: number; because: string }[] = [];
  readonly notices: string[] = [];
  records = 0;
  /** There is no file. */
  missing = false;
  first: Place | undefined;
  last: Place | undefined;
  anchored: number | undefined;
  readonly #expect: string | undefined;
  readonly #now: Date;
  /** What the next line must follow; `unknown` after a line that says nothing about its place. */
  #before: { line: number; sequence: number; hash: string; time: string | undefined } | 'unknown' = {
    line: 0,
    sequence: 0,
    hash: GENESIS,
    time: undefined,
  };

  constructor(expect: string | undefined, now: Date) {
    this.#expect = expect;
    this.#now = now;
  }

  unfinished(line: number, bytes: number): void {
    this.notices.push(
      `Line ${line} was never finished (${bytes} bytes): an append was interrupted, or is under way. The next verify sets it aside.`,
    );
  }

  take(line: number, bytes: Uint8Array): EvidenceRecord | undefined {
    const read = readRecord(bytes);
    if (read.is === 'record') {
      this.#follow(line, read.record);
      return read.record;
    }
    if (read.is === 'foreign') {
      this.notSeen.push({ line, because: read.because });
      this.#before = 'unknown';
      return undefined;
    }
    this.#broken({ line, seen: read.seen, expected: read.expected });
    // The next line is measured against what this one claims, so that one break is not told twice.
    this.#before = read.claims ? { line, ...read.claims, time: undefined } : 'unknown';
    return undefined;
  }

  #broken(found: Break): void {
    if (this.breaks.length < MOST_BREAKS) this.breaks.push(found);
    else if (this.breaks.length === MOST_BREAKS && !this.notices.includes(MORE)) this.notices.push(MORE);
  }

  #follow(line: number, record: EvidenceRecord): void {
    const before = this.#before;
    const { sequence, previous, hash, time } = record;
    if (before !== 'unknown') {
      const isNext = sequence === before.sequence + 1;
      if (!isNext || previous !== before.hash) {
        const after =
          before.line === 0
            ? 'the first record (1, after no other)'
            : `record ${before.sequence + 1}, which follows line ${before.line} (${short(before.hash)})`;
        const what = isNext
          ? `record ${sequence}, which follows ${short(previous)}`
          : `record ${sequence} (it follows ${short(previous)})`;
        const cause = isNext
          ? `line ${before.line} was written anew after this one was appended`
          : sequence > before.sequence + 1
            ? `${sequence - before.sequence - 1} before it taken away or moved`
            : 'moved, or copied from elsewhere';
        this.#broken({ line, seen: `${what}: ${cause}`, expected: after });
      } else if (before.time !== undefined) this.#clock(line, record, before.time);
    }
    if (Date.parse(time) > this.#now.getTime() + 60_000)
      this.notices.push(`Line ${line} is dated ${time}, which is in the future of this host's clock.`);
    this.#before = { line, sequence, hash, time };
    const place = { line, sequence, time, hash };
    this.records += 1;
    this.first ??= place;
    this.last = place;
    if (this.#expect === hash) this.anchored = sequence;
  }

  /** Time may go back only where the record itself says that the clock was behind. */
  #clock(line: number, record: EvidenceRecord, before: string): void {
    const behind = Math.max(0, Date.parse(before) - Date.parse(record.time));
    const told = record.clockBehind ?? 0;
    if (behind !== told)
      this.#broken({
        line,
        seen: `the time ${record.time}${told > 0 ? ` and a clock ${told} ms behind` : ''}`,
        expected: `a time not before ${before}, or a clock ${behind} ms behind`,
      });
    else if (behind > 0)
      this.notices.push(
        `Line ${line}: this host's clock was ${(behind / 1000).toFixed(0)} s behind the record before; it had been set back.`,
      );
  }
}

class Signatures {
  good = 0;
  unsigned = 0;
  upTo: number | undefined;
  readonly by: Record<string, number> = {};
  readonly breaks: Break[] = [];
  readonly notSeen: { line: number; because: string }[] = [];
  readonly hasSigners: boolean;
  readonly #check: SignatureCheck;
  readonly #running = new Set<Promise<void>>();

  constructor(check: SignatureCheck) {
    this.#check = check;
    this.hasSigners = check.hasSigners;
  }

  async take(line: number, record: EvidenceRecord): Promise<void> {
    if (record.signature === undefined) {
      this.unsigned += 1;
      return;
    }
    const looking = this.#look(line, record, record.signature).finally(() => this.#running.delete(looking));
    this.#running.add(looking);
    if (this.#running.size >= AT_ONCE) await Promise.race(this.#running);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #look(line: number, record: EvidenceRecord, signature: string): Promise<void> {
    const found = await this.#check.check({
      text: signedText(record),
      signature,
      time: new Date(record.time),
    });
    if (found.is === 'good') {
      this.good += 1;
      this.by[found.by] = (this.by[found.by] ?? 0) + 1;
      this.upTo = Math.max(this.upTo ?? 0, record.sequence);
    } else if (found.is === 'bad') this.breaks.push({ line, seen: found.seen, expected: found.expected });
    else this.notSeen.push({ line, because: found.because });
  }
}

function judge(
  file: string,
  chain: Chain,
  signatures: Signatures,
  expect: string | undefined,
): EvidenceResult {
  const breaks = [...chain.breaks, ...signatures.breaks];
  const notSeen: { line?: number; because: string }[] = [...chain.notSeen, ...signatures.notSeen];
  if (expect !== undefined && chain.anchored === undefined) {
    if (chain.notSeen.length > 0)
      notSeen.push({ because: `whether the record with the hash ${expect} is among what could not be read` });
    else
      breaks.push({
        line: chain.last?.line ?? 0,
        seen: chain.missing ? 'no file' : `${chain.records} records, none with the hash ${expect}`,
        expected:
          'the record whose hash was kept elsewhere: it was taken away, or the chain was written anew',
      });
  }
  breaks.sort((a, b) => a.line - b.line);
  if (breaks.length === 0 && chain.missing)
    notSeen.push({ because: 'there is no such file: no verify has kept evidence here' });
  else if (breaks.length === 0 && chain.records === 0 && notSeen.length === 0)
    notSeen.push({ because: 'the file holds no record' });
  const last = chain.last;
  if (signatures.hasSigners && last && breaks.length === 0 && (signatures.upTo ?? 0) < last.sequence)
    notSeen.push({
      because:
        signatures.upTo === undefined
          ? 'no record is signed, so nobody on the list of signers vouches for any'
          : `records ${signatures.upTo + 1} to ${last.sequence} come after the last signature, so nobody vouches for them`,
    });
  const exit = breaks.length > 0 ? EXIT.failing : notSeen.length > 0 ? EXIT.notSeen : EXIT.proved;
  return {
    schema: 1,
    file,
    records: chain.records,
    ...(chain.first ? { first: chain.first } : {}),
    ...(last ? { last } : {}),
    breaks,
    notSeen,
    notices: chain.notices,
    signatures: {
      checked: signatures.hasSigners ? 'signers' : 'integrity',
      good: signatures.good,
      unsigned: signatures.unsigned,
      by: signatures.by,
      ...(signatures.upTo === undefined ? {} : { upTo: signatures.upTo }),
    },
    ...(expect === undefined
      ? {}
      : { anchor: { hash: expect, ...(chain.anchored === undefined ? {} : { sequence: chain.anchored }) } }),
    exit,
    verdict: verdictOf(exit, chain, breaks),
  };
}

function verdictOf(exit: 0 | 1 | 3, chain: Chain, breaks: readonly Break[]): string {
  const n = `${chain.records} ${chain.records === 1 ? 'record' : 'records'}`;
  if (exit === EXIT.proved) return `The evidence is one unbroken chain of ${n}.`;
  if (exit === EXIT.notSeen)
    return `The evidence is not proved: ${n} read, and something could not be looked at.`;
  return `The evidence is broken at ${breaks.length === 1 ? 'one place' : `${breaks.length} places`}, first in line ${breaks[0]?.line ?? 0}.`;
}
