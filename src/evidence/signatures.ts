import { type EvidenceRecord, signedText } from './record.ts';
import { type Found, inPlace, type NotSeen, type Spot } from './result.ts';
import type { SignatureCheck } from './store.ts';

/** Signatures that are checked at once: each is two short processes. */
const AT_ONCE = 4;

/** Checks the signatures of records, a few at once, and counts who signed. */
export class Signatures {
  good = 0;
  unsigned = 0;
  upTo: number | undefined;
  readonly by: Record<string, number> = {};
  readonly breaks: Found[] = [];
  readonly notSeen: NotSeen[] = [];
  readonly hasSigners: boolean;
  readonly #check: SignatureCheck;
  readonly #running = new Set<Promise<void>>();

  constructor(check: SignatureCheck) {
    this.#check = check;
    this.hasSigners = check.hasSigners;
  }

  async take(at: Spot, record: EvidenceRecord): Promise<void> {
    if (record.signature === undefined) {
      this.unsigned += 1;
      return;
    }
    const looking = this.#look(at, record, record.signature).finally(() => this.#running.delete(looking));
    this.#running.add(looking);
    if (this.#running.size >= AT_ONCE) await Promise.race(this.#running);
  }

  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #look(at: Spot, record: EvidenceRecord, signature: string): Promise<void> {
    const found = await this.#check.check({
      text: signedText(record),
      signature,
      time: new Date(record.time),
    });
    if (found.is === 'good') {
      this.good += 1;
      this.by[found.by] = (this.by[found.by] ?? 0) + 1;
      this.upTo = Math.max(this.upTo ?? 0, record.sequence);
    } else if (found.is === 'bad') this.breaks.push({ ...at, seen: found.seen, expected: found.expected });
    else this.notSeen.push({ ...inPlace(at), because: found.because });
  }
}
