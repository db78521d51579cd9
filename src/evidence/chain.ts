import { EXIT } from '../core/errors.ts';
import { type EvidenceRecord, GENESIS, readRecord } from './record.ts';
import {
  type Break,
  type EvidenceResult,
  type Found,
  inPlace,
  inWords,
  type NotSeen,
  type Place,
  type Spot,
} from './result.ts';
import { Signatures } from './signatures.ts';
import { CannotRead, type EvidenceLine, type EvidenceStore, type SignatureCheck } from './store.ts';

/** Breaks that are kept; a file of another kind would have one in every line. */
const MOST_BREAKS = 100;
const MORE = `There are more breaks than the ${MOST_BREAKS} that are listed.`;
const short = (hash: string) => `${hash.slice(0, 12)}…`;

/**
 * Proves the chain from the first record to the last: every line is what was sealed, follows the one before, in time too,
 * and every signature is good. The chain goes across files. What was cut off at the end cannot be seen from the files alone:
 * `expect` is the anchor for that. Files may also be moved away from the beginning: then the chain is proved from the record
 * on whose predecessor `expect` names.
 * @param expect the hash of a record, kept elsewhere
 * @param dir the install that it is asked about: a chain of another one proves nothing about it
 */
export async function verifyEvidence(
  store: EvidenceStore,
  options: { readonly signatures: SignatureCheck; readonly expect?: string; readonly dir?: string },
): Promise<EvidenceResult> {
  const chain = new Chain(options.expect, store.now());
  const signatures = new Signatures(options.signatures);
  try {
    const lines = await store.lines();
    if (!lines) chain.missing = true;
    let order = 0;
    for await (const { number, segment, finished, bytes } of lines ?? []) {
      const spot = { line: number, ...(segment ? { segment: segment.name } : {}), order: order++ };
      chain.enter(segment);
      if (!finished) {
        chain.unfinished(spot, bytes.length);
        continue;
      }
      const record = chain.take(spot, bytes);
      if (record) await signatures.take(spot, record);
    }
    chain.leave();
    chain.notices.push(...(await store.notices()));
  } catch (error) {
    if (!(error instanceof CannotRead)) throw error;
    chain.notSeen.push({ because: error.message });
  }
  await signatures.settle();
  chain.belongsTo(options.dir, store.host);
  return judge(store.path, chain, signatures, options.expect);
}

class Chain {
  readonly breaks: Found[] = [];
  readonly notSeen: NotSeen[] = [];
  readonly notices: string[] = [];
  readonly files = new Set<string>();
  /** What the records are about, in their order, each run of the same once. */
  readonly about: { readonly dir: string; readonly host: string; upTo: number }[] = [];
  records = 0;
  /** There is no file. */
  missing = false;
  first: Place | undefined;
  last: Place | undefined;
  anchored: number | undefined;
  readonly #expect: string | undefined;
  readonly #now: Date;
  /** What the next line must follow; `unknown` after a line that says nothing about its place. */
  #before: { at: Spot | undefined; sequence: number; hash: string; time: string | undefined } | 'unknown' = {
    at: undefined,
    sequence: 0,
    hash: GENESIS,
    time: undefined,
  };
  #segment: EvidenceLine['segment'];

  constructor(expect: string | undefined, now: Date) {
    this.#expect = expect;
    this.#now = now;
  }

  /** Told before each line in which file it is. */
  enter(segment: EvidenceLine['segment']): void {
    if (segment?.name !== this.#segment?.name) this.leave();
    this.#segment = segment;
    this.files.add(segment?.name ?? '');
  }

  /** A closed file ends with the record that its name says: what was cut off at its end shows, also where nothing follows. */
  leave(): void {
    const before = this.#before;
    const closed = this.#segment;
    if (
      closed &&
      before !== 'unknown' &&
      before.at?.segment === closed.name &&
      before.sequence !== closed.upTo
    )
      this.#broken({
        ...before.at,
        seen: `the file ends with record ${before.sequence}`,
        expected: `record ${closed.upTo}, as its name says`,
      });
    this.#segment = undefined;
  }

  unfinished(at: Spot, bytes: number): void {
    if (this.#segment) {
      // A file is closed only behind a whole record. What follows is not held against this one a second time.
      this.#before = 'unknown';
      this.#broken({ ...at, seen: `a line that is cut off (${bytes} bytes)`, expected: 'a whole record' });
      return;
    }
    this.notices.push(
      `Line ${at.line} was never finished (${bytes} bytes): an append was interrupted, or is under way. The next verify sets it aside.`,
    );
  }

  take(at: Spot, bytes: Uint8Array): EvidenceRecord | undefined {
    const read = readRecord(bytes);
    if (read.is === 'record') {
      this.#follow(at, read.record);
      return read.record;
    }
    if (read.is === 'foreign') {
      this.notSeen.push({ ...inPlace(at), because: read.because });
      this.#before = 'unknown';
      return undefined;
    }
    this.#broken({ ...at, seen: read.seen, expected: read.expected });
    // The next line is measured against what this one claims, so that one break is not told twice.
    this.#before = read.claims ? { at, ...read.claims, time: undefined } : 'unknown';
    return undefined;
  }

  /** Records of another directory or host are told; where the last one is, nothing was kept about this one since. */
  belongsTo(dir: string | undefined, host: string): void {
    const last = this.about.at(-1);
    if (dir === undefined || last === undefined) return;
    if (last.dir !== dir)
      this.notSeen.push({
        because: `the last record is about ${last.dir} on ${last.host}, not about ${dir}: the next verify here keeps one`,
      });
    // A host may be renamed, and evidence is read on other machines too: told, and judged by whoever reads it.
    else if (last.host !== host)
      this.notices.push(
        `The last record is about ${dir} on ${last.host}, and this host is ${host}: unless it was renamed, or the evidence was brought here to be read, it is that of another install.`,
      );
    let from = 1;
    for (const { dir: other, host: name, upTo } of this.about) {
      if (other !== last.dir || name !== last.host)
        this.notices.push(
          `${from === upTo ? `Record ${upTo} is` : `Records ${from} to ${upTo} are`} about ${other} on ${name}.`,
        );
      from = upTo + 1;
    }
  }

  #broken(found: Found): void {
    if (this.breaks.length < MOST_BREAKS) this.breaks.push(found);
    else if (this.breaks.length === MOST_BREAKS && !this.notices.includes(MORE)) this.notices.push(MORE);
  }

  #follow(at: Spot, record: EvidenceRecord): void {
    const before = this.#before;
    const { sequence, previous, hash, time } = record;
    // What came before was moved away by somebody who kept its last hash.
    const isAnchored = this.first === undefined && sequence > 1 && previous === this.#expect;
    if (isAnchored) this.anchored = sequence - 1;
    else if (before !== 'unknown') {
      const isNext = sequence === before.sequence + 1;
      if (!isNext || previous !== before.hash) {
        const after =
          before.at === undefined
            ? 'the first record (1, after no other)'
            : `record ${before.sequence + 1}, which follows ${inWords(before.at)} (${short(before.hash)})`;
        const what = isNext
          ? `record ${sequence}, which follows ${short(previous)}`
          : `record ${sequence} (it follows ${short(previous)})`;
        const cause = isNext
          ? `${before.at ? inWords(before.at) : 'what it follows'} was written anew after this one was appended`
          : sequence > before.sequence + 1
            ? `${sequence - before.sequence - 1} before it taken away or moved`
            : 'moved, or copied from elsewhere';
        this.#broken({ ...at, seen: `${what}: ${cause}`, expected: after });
      } else if (before.time !== undefined) this.#clock(at, record, before.time);
    }
    if (Date.parse(time) > this.#now.getTime() + 60_000)
      this.notices.push(
        `In ${inWords(at)}, the record is dated ${time}, in the future of this host's clock.`,
      );
    const about = this.about.at(-1);
    if (about?.dir === record.dir && about.host === record.host) about.upTo = sequence;
    else this.about.push({ dir: record.dir, host: record.host, upTo: sequence });
    this.#before = { at, sequence, hash, time };
    const place = { ...inPlace(at), sequence, time, hash };
    this.records += 1;
    this.first ??= place;
    this.last = place;
    if (this.#expect === hash) this.anchored = sequence;
  }

  /** Time may go back only where the record itself says that the clock was behind. */
  #clock(at: Spot, record: EvidenceRecord, before: string): void {
    const behind = Math.max(0, Date.parse(before) - Date.parse(record.time));
    const told = record.clockBehind ?? 0;
    if (behind !== told)
      this.#broken({
        ...at,
        seen: `the time ${record.time}${told > 0 ? ` and a clock ${told} ms behind` : ''}`,
        expected: `a time not before ${before}, or a clock ${behind} ms behind`,
      });
    else if (behind > 0)
      this.notices.push(
        `L${inWords(at).slice(1)}: this host's clock was ${(behind / 1000).toFixed(0)} s behind the record before; it had been set back.`,
      );
  }
}

function judge(
  file: string,
  chain: Chain,
  signatures: Signatures,
  expect: string | undefined,
): EvidenceResult {
  const all: Found[] = [...chain.breaks, ...signatures.breaks];
  const notSeen: NotSeen[] = [...chain.notSeen, ...signatures.notSeen];
  if (expect !== undefined && chain.anchored === undefined) {
    if (chain.notSeen.length > 0)
      notSeen.push({ because: `whether the record with the hash ${expect} is among what could not be read` });
    else
      all.push({
        line: chain.last?.line ?? 0,
        ...(chain.last?.segment === undefined ? {} : { segment: chain.last.segment }),
        order: Number.MAX_SAFE_INTEGER,
        seen: chain.missing ? 'no file' : `${chain.records} records, none with the hash ${expect}`,
        expected:
          'the record whose hash was kept elsewhere: it was taken away, or the chain was written anew',
      });
  }
  const breaks = all.sort((a, b) => a.order - b.order).map(({ order: _, ...found }): Break => found);
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
    files: chain.files.size,
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
  return `The evidence is broken at ${breaks.length === 1 ? 'one place' : `${breaks.length} places`}, first in ${inWords(breaks[0] ?? { line: 0 })}.`;
}
