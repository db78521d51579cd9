import type { Report } from '../core/report.ts';
import { sha256 } from './canonical.ts';
import { type EvidenceRecord, type Healed, makeRecord, readRecord, seal, signedText } from './record.ts';
import { CannotContinue, CannotKeep, type EvidenceStore, type OpenEvidence, type Signer } from './store.ts';

/** What became of a report's record. */
export type Kept =
  | {
      readonly kept: true;
      readonly path: string;
      readonly sequence: number;
      /** To be kept elsewhere: with it a later look proves that nothing before was taken away. */
      readonly hash: string;
      readonly signed: boolean;
      /** Why it is not signed although that was asked for. */
      readonly unsigned?: string;
      /** The unfinished line of an earlier, interrupted run that was set aside. */
      readonly healed?: Healed;
    }
  | {
      readonly kept: false;
      readonly path: string;
      readonly because: string;
      /** What was kept before is damaged: no verify appends anything until somebody has looked at it. */
      readonly damaged?: true;
    };

/**
 * Appends the record of a verify to the chain. Processes that do so at once wait for each other. Nothing is appended
 * behind a last record that is not whole: then the reason comes back, as when the file cannot be written.
 * @throws only for a bug; what the disk or ssh-keygen refuses is a value
 */
export async function appendEvidence(store: EvidenceStore, report: Report, signer?: Signer): Promise<Kept> {
  const { path } = store;
  try {
    return await store.exclusively(async (file): Promise<Kept> => {
      const { before, healed } = await settleTail(file, path);
      const record = makeRecord(report, { before, now: store.now(), host: store.host, healed });
      const signature = await signer?.sign(signedText(record));
      const sealed = seal(record, signature?.ok ? signature.signature : undefined);
      // Only behind a whole record, so that each closed file can be read by itself.
      if (before && (await file.isFullFor(Buffer.byteLength(sealed.line)))) await file.close(before.sequence);
      await file.append(sealed.line);
      return {
        kept: true,
        path,
        sequence: record.sequence,
        hash: sealed.record.hash,
        signed: signature?.ok === true,
        ...(signature?.ok === false ? { unsigned: signature.because } : {}),
        ...(healed ? { healed } : {}),
      };
    });
  } catch (error) {
    if (!(error instanceof CannotKeep)) throw error;
    const damaged = error instanceof CannotContinue ? { damaged: true as const } : {};
    return { kept: false, path, because: error.message, ...damaged };
  }
}

/** The record to follow, after an append that was interrupted (a power cut) is put right. */
async function settleTail(
  file: OpenEvidence,
  path: string,
): Promise<{ before: EvidenceRecord | undefined; healed: Healed | undefined }> {
  const { last, torn, closed } = await file.tail();
  const before = last === undefined ? undefined : wholeRecord(last, path, closed);
  if (torn === undefined) return { before, healed: undefined };
  const rest = readRecord(torn);
  if (rest.is === 'record' && follows(rest.record, before)) {
    await file.finish();
    return { before: rest.record, healed: undefined };
  }
  const keptAs = await file.setAside(torn);
  return { before, healed: { bytes: torn.length, sha256: sha256(torn), keptAs } };
}

function follows(record: EvidenceRecord, before: EvidenceRecord | undefined): boolean {
  return record.sequence === (before?.sequence ?? 0) + 1 && (!before || record.previous === before.hash);
}

/** @throws {CannotContinue} when the last record is not what was sealed: a chain is never continued over a break */
function wholeRecord(line: Uint8Array, path: string, closed: string | undefined): EvidenceRecord {
  const read = readRecord(line);
  if (read.is === 'record') return read.record;
  const why = read.is === 'foreign' ? read.because : `seen: ${read.seen}; expected: ${read.expected}`;
  throw new CannotContinue(
    closed === undefined
      ? `its last record cannot be continued (${why}). Prove the chain with --evidence, keep the file under another name, and the next verify begins anew: mv ${path} ${path}.broken`
      : `the last record of ${closed} cannot be continued (${why}). Prove the chain with --evidence, keep its files in another directory, and the next verify begins anew.`,
  );
}

/** One or two lines about what became of the record, for the end of a verify. */
export function renderKept(kept: Kept): string {
  if (!kept.kept) return `Evidence not kept in ${kept.path}: ${kept.because}`;
  const lines = [
    `Evidence kept: record ${kept.sequence}, ${kept.signed ? 'signed' : 'not signed'}`,
    `  file  ${kept.path}`,
    `  hash  ${kept.hash}`,
  ];
  if (kept.unsigned !== undefined) lines.push(`  It is not signed: ${kept.unsigned}`);
  if (kept.healed)
    lines.push(
      `  The record before it was never finished (an interrupted run); its ${kept.healed.bytes} bytes are kept in ${kept.healed.keptAs}`,
    );
  return lines.join('\n');
}
