import type { DriftLink, Report } from '../../src/core/report.ts';
import { sabotages } from '../sabotage/table.ts';
import type { Sabotage } from '../sabotage/types.ts';
import { type Install, type Release, verdicts } from './support.ts';

/** The rows of one generation. */
export const rowsFor = (release: Release): readonly Sabotage[] =>
  sabotages.filter((row) => row.release === undefined || row.release === release);

/** What a row must turn on one generation, given what was seen of the healthy install. */
export function turnsOn(
  row: Sabotage,
  release: Release,
  healthy: Readonly<Record<string, string>>,
): Record<string, string> {
  const away = (release === 'v1' ? row.onlyV2 : row.onlyV1) ?? [];
  const named = Object.entries(row.turns).filter(([id]) => !away.includes(id));
  const { stillSeen } = row;
  const isSeen = (id: string) =>
    stillSeen?.some((seen) => (seen.endsWith('*') ? id.startsWith(seen.slice(0, -1)) : id === seen));
  const blind = stillSeen ? Object.entries(healthy).filter(([id, is]) => is === 'pass' && !isSeen(id)) : [];
  return { ...Object.fromEntries(blind.map(([id]) => [id, 'unknown'])), ...Object.fromEntries(named) };
}

/** What differs from the healthy look, by control id; without what a row says may or may not be seen. */
export const turned = (
  report: Report,
  healthy: Readonly<Record<string, string>>,
  row?: Sabotage,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(verdicts(report)).filter(
      ([id, is]) => healthy[id] !== is && !(is === 'unknown' && row?.mayBeUnseen?.includes(id)),
    ),
  );

/** Puts rows right by hand, as late as it can: a container that the next row makes anew anyway is left to that row. */
export class ByHand {
  #owed: Sabotage | undefined;
  readonly #install: Install;

  constructor(install: Install) {
    this.#install = install;
  }

  /** After a row's look. */
  async after(row: Sabotage): Promise<void> {
    if (row.remakes !== undefined) this.#owed = row;
    else await row.undo?.(this.#install);
  }

  /** Before the next row is broken, or before the last look. */
  async before(row?: Sabotage): Promise<void> {
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed && owed.remakes !== row?.remakes) await owed.undo?.(this.#install);
  }
}

/** The links that a row's failing controls must name on one generation; a control without an entry must name none. */
export function linksOn(
  row: Sabotage,
  release: Release,
  healthy: Readonly<Record<string, string>>,
): Record<string, DriftLink> {
  const failing = Object.entries(turnsOn(row, release, healthy)).filter(([, is]) => is === 'fail');
  const { drift } = row;
  const linkOf = (id: string) => (typeof drift === 'string' ? drift : drift[id]);
  return Object.fromEntries(
    failing.flatMap(([id]) => {
      const link = linkOf(id);
      return link === undefined ? [] : [[id, link] as const];
    }),
  );
}

/** The links that a report names, of every control whatever its verdict. */
export const linksIn = (report: Report): Record<string, DriftLink> =>
  Object.fromEntries(
    report.steps.flatMap((s) =>
      s.findings.flatMap((f) => (f.drift ? [[f.control, f.drift.link] as const] : [])),
    ),
  );
