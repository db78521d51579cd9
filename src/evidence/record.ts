import {
  type AnswerReport,
  count,
  type ExitPolicy,
  type Finding,
  type Mode,
  type Report,
} from '../core/report.ts';
import { redact } from '../core/secret.ts';
import type { Severity, Verdict } from '../core/step.ts';
import { canonicalJson, type Json, sha256 } from './canonical.ts';

/** `previous` of the first record. */
export const GENESIS = '0'.repeat(64);

/** One control as it was seen. Observations are redacted before they come here, and again when the record is made. */
export interface EvidencedControl {
  readonly control: string;
  readonly severity: Severity;
  readonly verdict: Verdict;
  /** What was seen, when a waiver turned it into `skip`. */
  readonly waived?: Verdict;
  /** The file's waiver: who accepts this, until when. */
  readonly exception?: { readonly owner: string; readonly reason: string; readonly expires: string };
}

type Counts = ReturnType<typeof count>;

/** The unfinished last line of an interrupted append, kept beside the file when this record was appended. */
export interface Healed {
  readonly bytes: number;
  readonly sha256: string;
  /** File name, beside the evidence. */
  readonly keptAs: string;
}

/** What one verify saw, and its place in the chain. Times are ISO 8601, UTC. */
export interface EvidenceRecord {
  readonly version: 1;
  /** From 1, without gaps. */
  readonly sequence: number;
  /** `hash` of the record before; zeros for the first. */
  readonly previous: string;
  /** When the record was appended. Never before the previous record's, unless `clockBehind` says so. */
  readonly time: string;
  /** Milliseconds by which this host's clock was behind the previous record's time. */
  readonly clockBehind?: number;
  readonly healed?: Healed;
  readonly host: string;
  readonly tool: { readonly name: string; readonly version: string };
  readonly dir: string;
  readonly mode: Mode;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** What the verify was limited to; absent: everything was looked at. */
  readonly selection?: NonNullable<Report['selection']>;
  /** Where and why it ended early, when it did. */
  readonly stopped?: { readonly step: string; readonly reason: string };
  readonly exit: number;
  /** What else decided `exit`, when it was anything but the required controls alone. */
  readonly policy?: ExitPolicy;
  readonly verdict: string;
  readonly counts: { readonly required: Counts; readonly advised: Counts };
  /** SHA-256 of the canonical JSON of every answer as shown (never a secret): says whether the same was declared. */
  readonly answers: string;
  readonly controls: readonly EvidencedControl[];
  /** Armored SSH signature (`ssh-keygen -Y`) over the canonical JSON of all members but `hash` and `signature`. */
  readonly signature?: string;
  /** SHA-256 of the canonical JSON of all other members, the signature included. */
  readonly hash: string;
}

/** A record before it is signed and sealed. */
export type Unsealed = Omit<EvidenceRecord, 'hash' | 'signature'>;

/** The record of a report that follows `before`. */
export function makeRecord(
  report: Report,
  at: {
    readonly before: Pick<EvidenceRecord, 'sequence' | 'hash' | 'time'> | undefined;
    readonly now: Date;
    readonly host: string;
    readonly healed?: Healed | undefined;
  },
): Unsealed {
  const { before, now } = at;
  const behind = before === undefined ? 0 : Date.parse(before.time) - now.getTime();
  const record: Unsealed = {
    version: 1,
    sequence: (before?.sequence ?? 0) + 1,
    previous: before?.hash ?? GENESIS,
    time: now.toISOString(),
    ...(behind > 0 ? { clockBehind: behind } : {}),
    ...(at.healed ? { healed: at.healed } : {}),
    host: at.host,
    tool: report.tool,
    dir: report.dir,
    mode: report.mode,
    startedAt: report.startedAt,
    finishedAt: report.finishedAt,
    ...(report.selection ? { selection: report.selection } : {}),
    ...(report.stopped ? { stopped: { step: report.stopped.step, reason: report.stopped.reason } } : {}),
    exit: report.exit,
    ...(report.policy?.exitZero || report.policy?.failOn === 'advised' ? { policy: report.policy } : {}),
    verdict: report.verdict,
    counts: { required: count(report, 'required'), advised: count(report, 'advised') },
    answers: answersHash(report.answers),
    controls: report.steps.flatMap((step) => step.findings.map(evidenced)),
  };
  return clean(record) as unknown as Unsealed;
}

function answersHash(answers: readonly AnswerReport[]): string {
  return sha256(canonicalJson(clean(Object.fromEntries(answers.map((a) => [a.question, a.value])))));
}

function evidenced(finding: Finding): EvidencedControl {
  const { exception } = finding;
  return {
    control: finding.control,
    severity: finding.severity,
    verdict: finding.verdict,
    ...(finding.waived ? { waived: finding.waived } : {}),
    ...(exception
      ? { exception: { owner: exception.owner, reason: exception.reason, expires: exception.expires } }
      : {}),
  };
}

/** Every text redacted, and what is no Unicode (a character cut in half) replaced, so that it can be hashed for good. */
function clean(value: unknown): Json {
  if (typeof value === 'string') return redact(value).replaceAll(/\p{Surrogate}/gu, '\ufffd');
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, member]) =>
        member === undefined ? [] : [[name, clean(member)]],
      ),
    );
  return value as Json;
}

/** The bytes that are signed. */
export function signedText(record: Unsealed | EvidenceRecord): string {
  return canonicalJson({
    ...(record as unknown as Record<string, Json>),
    hash: undefined,
    signature: undefined,
  });
}

/** The finished record and its line, without the line break. */
export function seal(
  record: Unsealed,
  signature: string | undefined,
): { readonly record: EvidenceRecord; readonly line: string } {
  const whole = signature === undefined ? record : { ...record, signature };
  const hash = sha256(canonicalJson(whole as unknown as Json));
  const sealed: EvidenceRecord = { ...whole, hash };
  return { record: sealed, line: canonicalJson(sealed as unknown as Json) };
}

/** What a line of the evidence is. */
export type Read =
  | { readonly is: 'record'; readonly record: EvidenceRecord }
  /** Something of it can be told: then where it claims to stand in the chain. */
  | {
      readonly is: 'broken';
      readonly seen: string;
      readonly expected: string;
      readonly claims?: { readonly sequence: number; readonly hash: string };
    }
  /** Written by a later version of this tool: nothing is said about it. */
  | { readonly is: 'foreign'; readonly because: string };

const HEX = /^[0-9a-f]{64}$/;

/** Reads one line (no line break) and proves that it is what was sealed: canonical, complete and of this hash. */
export function readRecord(bytes: Uint8Array): Read {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return { is: 'broken', seen: 'a line that is no JSON', expected: 'a record as JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { is: 'broken', seen: 'JSON that is no object', expected: 'a record' };
  const record = value as Record<string, Json>;
  const hash = String(record.hash);
  const claims =
    Number.isSafeInteger(record.sequence) && HEX.test(hash)
      ? { claims: { sequence: record.sequence as number, hash } }
      : {};
  if (canonicalOf(record) !== text)
    return {
      is: 'broken',
      seen: 'a line that is not in canonical form',
      expected: 'canonical JSON (RFC 8785), as this tool writes it',
      ...claims,
    };
  const own = sha256(canonicalJson({ ...record, hash: undefined }));
  if (own !== hash)
    return {
      is: 'broken',
      seen: `content with the hash ${own}`,
      expected: `the hash ${HEX.test(hash) ? hash : '(none)'} that the record states`,
      ...claims,
    };
  if (record.version !== 1) {
    const version = Number.isSafeInteger(record.version)
      ? `version ${record.version}`
      : 'a version without a number';
    return { is: 'foreign', because: `it is of ${version}, and this tool knows version 1` };
  }
  const lacking = lacks(record);
  if (lacking !== undefined)
    return {
      is: 'broken',
      seen: `a record without a usable ${lacking}`,
      expected: 'a whole record',
      ...claims,
    };
  return { is: 'record', record: value as EvidenceRecord };
}

function canonicalOf(record: Record<string, Json>): string | undefined {
  try {
    return canonicalJson(record);
  } catch {
    return undefined;
  }
}

const isTime = (value: unknown) =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) && !Number.isNaN(Date.parse(value));

/** The first member that is not as version 1 has it; only what the chain, the delta and the text rest on. */
function lacks(record: Record<string, Json>): string | undefined {
  const usable: Readonly<Record<string, boolean>> = {
    sequence: Number.isSafeInteger(record.sequence) && (record.sequence as number) > 0,
    previous: HEX.test(String(record.previous)),
    time: isTime(record.time),
    finishedAt: isTime(record.finishedAt),
    clockBehind: record.clockBehind === undefined || Number.isSafeInteger(record.clockBehind),
    exit: Number.isSafeInteger(record.exit),
    verdict: typeof record.verdict === 'string',
    signature: record.signature === undefined || typeof record.signature === 'string',
    controls:
      Array.isArray(record.controls) &&
      record.controls.every((c) => {
        const control = c as {
          control?: unknown;
          verdict?: { is?: unknown };
          waived?: { is?: unknown };
        } | null;
        return (
          typeof control?.control === 'string' &&
          typeof control.verdict?.is === 'string' &&
          (control.waived === undefined || typeof control.waived?.is === 'string')
        );
      }),
  };
  return Object.keys(usable).find((name) => !usable[name]);
}
