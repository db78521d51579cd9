/** What this install remembers of itself: journal, last apply's report. Memory dates and narrows a cause; it is never the truth. */
import { createHash } from 'node:crypto';
import type { HostReader } from '../../src/core/host.ts';
import type { RawAnswer } from '../../src/core/question.ts';
import { type QuestionId, questions } from '../questions.ts';
import { PATH } from '../shared/layout.ts';

/** A file as this tool wrote it last. */
export interface Written {
  /** SHA-256 of its content, hex. */
  readonly sha256: string;
  /** The version that wrote it. */
  readonly version: string;
  readonly at: Date;
}

/** The last apply that ran to its end, as its report tells. */
export interface LastApply {
  readonly at: Date;
  readonly version: string;
  /** Controls that were proved at its end. */
  readonly held: ReadonlySet<string>;
  /** Answers as they were shown, by question; secrets and what was not answered are left out. */
  readonly answers: ReadonlyMap<string, RawAnswer>;
}

export interface Memory {
  /** What was written last, by path relative to the install directory. */
  readonly written: ReadonlyMap<string, Written>;
  /** When each change was last made, by its id. */
  readonly made: ReadonlyMap<string, Date>;
  /** The journal is whole from its first line on: what it does not record did not happen here. */
  readonly isWhole: boolean;
  /** When an apply began that never came to its end; undefined when the last one did. */
  readonly unfinished?: Date;
  /** Runs that wrote and came to their end. */
  readonly runs: readonly { readonly from: Date; readonly to: Date }[];
  /** When everything was last known to be as it should: the end of the last apply that proved all, or its report. */
  readonly settled?: Date;
  readonly last?: LastApply;
}

/** SHA-256 of a text, hex. */
export const fingerprint = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Read once per snapshot. A missing or torn journal or report is no memory, never an error. */
export function memoryOf(host: HostReader): Promise<Memory> {
  return host.once('drift memory', async () => {
    const [journal, report, complete] = await Promise.all(
      [PATH.journal, PATH.reportJson, PATH.reportComplete].map((path) =>
        host.readText(path).catch(() => undefined),
      ),
    );
    // The one of a run that stopped early says little of what held.
    const last = lastApply(report) ?? lastApply(complete);
    const { proved, ...rest } = journalOf(journal);
    const [settled] = [proved, last?.at].filter((date) => date !== undefined).sort((a, b) => +b - +a);
    return { ...rest, ...(settled ? { settled } : {}), ...(last ? { last } : {}) };
  });
}

type Entry = Readonly<Record<string, unknown>>;

/** A value when it is an object; memory may hold anything. */
const asEntry = (value: unknown): Entry | undefined =>
  typeof value === 'object' && value !== null ? (value as Entry) : undefined;

function parsed(text: string): Entry | undefined {
  try {
    return asEntry(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const dateOf = (value: unknown): Date | undefined => {
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
};

function journalOf(text: string | undefined): Omit<Memory, 'last' | 'settled'> & { readonly proved?: Date } {
  const written = new Map<string, Written>();
  const made = new Map<string, Date>();
  const lines = (text ?? '').split('\n').filter((line) => line !== '');
  const entries = lines.map(parsed);
  const runs: { from: Date; to: Date }[] = [];
  let unfinished: Date | undefined;
  let proved: Date | undefined;
  for (const entry of entries) {
    const at = dateOf(entry?.time);
    if (!entry || !at) continue;
    const writes = entry.mode === 'apply' || entry.mode === 'files';
    if (entry.event === 'run-start' && writes) unfinished = at;
    if (entry.event === 'run-end' && writes) {
      if (unfinished) runs.push({ from: unfinished, to: at });
      if (entry.mode === 'apply' && entry.exit === 0) proved = at;
      unfinished = undefined;
    }
    if (entry.event === 'change-done' && typeof entry.change === 'string') made.set(entry.change, at);
    const { path, sha256, version } = entry;
    if (entry.event !== 'wrote' || typeof path !== 'string') continue;
    if (typeof sha256 === 'string' && typeof version === 'string') written.set(path, { sha256, version, at });
  }
  const isWhole = entries[0]?.event === 'run-start' && entries.every((entry) => entry !== undefined);
  return {
    written,
    made,
    isWhole,
    runs,
    ...(unfinished ? { unfinished } : {}),
    ...(proved ? { proved } : {}),
  };
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function lastApply(text: string | undefined): LastApply | undefined {
  const report = text === undefined ? undefined : parsed(text);
  const at = dateOf(report?.finishedAt);
  const version = asEntry(report?.tool)?.version;
  if (!report || !at || report.mode !== 'apply' || report.stopped || typeof version !== 'string')
    return undefined;
  const findings = asList(report.steps).flatMap((step) => asList(asEntry(step)?.findings));
  const held = findings.flatMap((finding) => {
    const { control, verdict } = asEntry(finding) ?? {};
    return typeof control === 'string' && asEntry(verdict)?.is === 'pass' ? [control] : [];
  });
  const answers = asList(report.answers).flatMap((answer): [string, RawAnswer][] => {
    const { question, value } = asEntry(answer) ?? {};
    if (typeof question !== 'string' || typeof value !== 'string' || !(question in questions)) return [];
    if (value === '(none)' || value === '[secret]') return [];
    const isList = questions[question as QuestionId].kind === 'list';
    return [[question, isList ? value.split(', ').filter((item) => item !== '') : value]];
  });
  return { at, version, held: new Set(held), answers: new Map(answers) };
}

/** `2026-11-24 10:48 UTC`. */
export const when = (date: Date): string => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
