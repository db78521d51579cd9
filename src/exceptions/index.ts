/** Waivers of a file as the engine takes them, and the verdict about the file itself. */
import { basename } from 'node:path';
import { closest } from '../answers/names.ts';
import type { Problem } from '../core/errors.ts';
import type { Exceptions } from '../core/hooks.ts';
import type { FileStat } from '../core/host.ts';
import type { Exception, Finding } from '../core/report.ts';
import { redact } from '../core/secret.ts';
import { type AnyStep, fail, pass, type Verdict } from '../core/step.ts';
import { ALLOWED, CURRENT, type Described, ENDING, KNOWN, SOON_DAYS, USED, waiversStep } from './controls.ts';
import { dayOf, daysFrom, inDays } from './days.ts';
import { parseWaivers } from './file.ts';

interface Against {
  /** All controls of the product, whatever a run is limited to. */
  readonly steps: readonly AnyStep[];
  /** "Today" is this moment's date in UTC. */
  readonly now: Date;
  /** The run looks at a part of all controls: only waivers of what was looked at are judged. */
  readonly isPartial: boolean;
}

/**
 * The waivers that hold today, and what is to be said about the others. A waiver holds through its last day (UTC);
 * one that has expired, or of a control that is unknown or must not be waived, excepts nothing and is a finding.
 */
export function createExceptions(waivers: readonly Exception[], against: Against): Exceptions {
  const { steps, now, isPartial } = against;
  const today = dayOf(now);
  const controls = new Map(steps.flatMap((step) => step.controls.map((c) => [c.id, c] as const)));
  const ids = [...controls.keys()];
  // What judges the file is not excepted by the file.
  const itself = waiversStep.controls.map(({ id }) => id);
  const allowed = (w: Exception) => !controls.get(w.control)?.unwaivable && !itself.includes(w.control);
  const isOver = (w: Exception) => w.expires < today;
  const holding = waivers.filter((w) => controls.has(w.control) && allowed(w) && !isOver(w));
  return {
    waivers: new Map(holding.map((w) => [w.control, w])),
    step: { id: waiversStep.id, title: waiversStep.title, why: waiversStep.why },
    judge(findings) {
      const looked = new Map(findings.map((f) => [f.control, f]));
      const judged = isPartial ? waivers.filter((w) => looked.has(w.control)) : waivers;
      const now = (w: Exception) => looked.get(w.control);
      const held = judged.filter((w) => holding.includes(w));
      const verdicts: readonly (readonly [Described, Verdict])[] = [
        ...(isPartial ? [] : [[KNOWN, known(judged, ids, itself)] as const]),
        [CURRENT, current(judged, isOver, today, now)],
        [ALLOWED, mayBe(judged, allowed)],
        [USED, used(held, now)],
        [ENDING, ending(held, today)],
      ];
      const all = verdicts.map(([control, verdict]) => toFinding(control, verdict));
      // Of a part nothing is claimed about the file as a whole: only what is wrong is said.
      return isPartial ? all.filter((finding) => finding.verdict.is !== 'pass') : all;
    },
  };
}

/** A list for `observed`: nothing is left out, since each entry is somebody's decision. */
const listed = (entries: readonly string[]): string => entries.join('; ');
const counted = (n: number): string => `${n} ${n === 1 ? 'waiver' : 'waivers'}`;

function known(waivers: readonly Exception[], ids: readonly string[], itself: readonly string[]): Verdict {
  const strange = waivers.filter((w) => !ids.includes(w.control) && !itself.includes(w.control));
  if (strange.length === 0)
    return pass(waivers.length === 0 ? 'the file holds no waiver' : listed(waivers.map((w) => w.control)));
  return fail(
    listed(
      strange.map((w) => {
        const near = closest(w.control, ids);
        return `there is no control ${w.control}${near === undefined ? '' : `, did you mean ${near}`} (${w.where}, ${w.owner})`;
      }),
    ),
    'ids that the command controls lists',
  );
}

function current(
  waivers: readonly Exception[],
  isOver: (w: Exception) => boolean,
  today: string,
  now: (w: Exception) => Finding | undefined,
): Verdict {
  const over = waivers.filter(isOver);
  if (over.length === 0) return pass(`${counted(waivers.length)}, none ended before ${today} (UTC)`);
  return fail(
    listed(
      over.map(
        (w) =>
          `${w.control} ended on ${w.expires}, ${inDays(daysFrom(w.expires, today))} ago (${w.where}, ${w.owner})${itsControl(now(w))}`,
      ),
    ),
    `an end on ${today} (UTC) or later, or no waiver`,
  );
}

/** What an expired waiver leaves behind: decides which of the two remedies it is. */
function itsControl(finding: Finding | undefined): string {
  if (finding === undefined) return '';
  const words = {
    pass: 'its control is proved, so it can go',
    fail: 'its control fails',
    unknown: 'its control was not seen',
    attest: 'its control is open',
    skip: finding.waived
      ? 'its control is waived otherwise in this run'
      : 'its control does not apply, so it can go',
  } as const;
  return `: ${words[finding.verdict.is]}`;
}

function mayBe(waivers: readonly Exception[], allowed: (w: Exception) => boolean): Verdict {
  const firm = waivers.filter((w) => !allowed(w));
  if (firm.length === 0) return pass(`${counted(waivers.length)}, each of a control that may be waived`);
  return fail(
    listed(firm.map((w) => `${w.control} cannot be waived (${w.where}, ${w.owner})`)),
    'no waiver of a control that protects data from being lost or waivers from being forged, or that judges the waivers',
  );
}

/** A waiver is used when its control's verdict is waived in this run, be it by the file or by name. */
function used(held: readonly Exception[], now: (w: Exception) => Finding | undefined): Verdict {
  const idle = held.flatMap((w) => {
    const finding = now(w);
    if (finding === undefined || finding.waived !== undefined) return [];
    const why = { pass: 'is proved', skip: 'does not apply', fail: '', unknown: '', attest: '' }[
      finding.verdict.is
    ];
    return why === '' ? [] : [`${w.control} ${why} (${w.where}, ${w.owner}, until ${w.expires})`];
  });
  if (idle.length > 0) return fail(listed(idle), 'only waivers of controls that do not hold');
  const inUse = held.filter((w) => now(w) !== undefined);
  return pass(
    inUse.length === 0
      ? 'no waiver of the file holds'
      : listed(inUse.map((w) => `${w.control} until ${w.expires} (${w.owner})`)),
  );
}

function ending(held: readonly Exception[], today: string): Verdict {
  const left = (w: Exception) => daysFrom(today, w.expires);
  const soon = held.filter((w) => left(w) <= SOON_DAYS);
  if (soon.length > 0)
    return fail(
      listed(soon.map((w) => `${w.control} ends ${inWords(left(w))} (${w.expires}; ${w.where}, ${w.owner})`)),
      `more than ${SOON_DAYS} days left on ${today} (UTC)`,
    );
  if (held.length === 0) return pass('no waiver of the file holds');
  const next = held.reduce((a, b) => (b.expires < a.expires ? b : a));
  return pass(`the next to end is ${next.control}, in ${inDays(left(next))} (${next.expires})`);
}

const inWords = (days: number): string => (days === 0 ? 'today' : `in ${inDays(days)}`);

function toFinding(control: Described, verdict: Verdict): Finding {
  const { id, title, severity, section, refs = [], threat, remedy, impact } = control;
  const clean = Object.fromEntries(
    Object.entries(verdict).map(([key, value]) => [key, redact(String(value))]),
  ) as Verdict;
  return {
    control: id,
    title,
    step: waiversStep.id,
    severity,
    section,
    refs,
    threat,
    remedy,
    ...(impact === undefined ? {} : { impact }),
    manual: true,
    verdict: clean,
    duration: 0,
  };
}

/** Where the waivers of a run come from. */
export interface WaiverSource extends Against {
  /** `--waivers`; must exist when it is given. */
  readonly file: string | undefined;
  /** Taken when nothing is given and it exists; reports call it by its last part. */
  readonly standard: string;
  /** Reads a text file; rejects with an errno code. */
  read(path: string, what?: 'plain'): Promise<string>;
  /** Of the path itself, no link followed. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The user that runs this; undefined where the system knows none. */
  readonly uid: number | undefined;
}

/** Write permission of the group and of others (chmod(1)). */
const FOREIGN_WRITE = 0o022;

/**
 * Why a file is not believed: whoever can write it silences a control that fails (CWE-732). The standard file is not refused
 * but judged, by a control of the product, so that everything else is still looked at; where only a part is looked at, that
 * control is not, and it is refused as one that was named.
 */
async function unsafe(path: string, source: WaiverSource): Promise<Problem | undefined> {
  const stat = await source.stat(path);
  if (stat === undefined) return undefined;
  const problem = (seen: string, fix: string): Problem => ({
    where: source.file === undefined ? path : '--waivers',
    seen: source.file === undefined ? `a file that ${seen}` : `${path} ${seen}`,
    expected: 'a plain file that only root or the user who runs this can write',
    fix,
  });
  if (stat.kind !== 'file') return problem(`is a ${stat.kind}`, 'name the file itself');
  if ((stat.mode & FOREIGN_WRITE) !== 0)
    return problem(
      `has mode 0${stat.mode.toString(8)}, so that others may have written it`,
      `read it and remove what its owners have not decided, then: chmod go-w ${path}`,
    );
  if (source.uid !== undefined && stat.uid !== 0 && stat.uid !== source.uid)
    return problem(
      `belongs to uid ${stat.uid}`,
      'read it, then give it to root or to the user who runs this (chown)',
    );
  return undefined;
}

/** The waivers of the file that was named, else of the standard one; none, and nothing changes, where that is absent. */
export async function gatherExceptions(
  source: WaiverSource,
): Promise<{ readonly exceptions?: Exceptions; readonly problems: readonly Problem[] }> {
  const { file, standard } = source;
  let text: string;
  try {
    text = file === undefined ? await source.read(standard, 'plain') : await source.read(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (file === undefined && (code === 'ENOENT' || code === 'ENOTDIR')) return { problems: [] };
    const problem = {
      where: file === undefined ? standard : '--waivers',
      seen: file === undefined ? (code ?? message) : `${file}: ${code ?? message}`,
      expected: 'a readable file of waivers',
      fix: 'correct the path, or make the file readable for the user that runs this',
    };
    return { problems: [problem] };
  }
  const isJudged = file === undefined && !source.isPartial;
  const refused = isJudged ? undefined : await unsafe(file ?? standard, source);
  if (refused) return { problems: [refused] };
  const ids = source.steps.flatMap((step) => step.controls.map((c) => c.id));
  const { waivers, problems } = parseWaivers(text, file ?? basename(standard), ids, source.now);
  return problems.length > 0 ? { problems } : { exceptions: createExceptions(waivers, source), problems };
}
