/** What must hold of a file of waivers, as controls: they are judged from the findings and not looked at on the host. */
import type { Control, Step } from '../core/step.ts';
import { MAX_DAYS } from './file.ts';

/** Days before its end from which on a waiver is named, so that its owner can decide in time. */
export const SOON_DAYS = 14;

/** A control as it is listed and explained; how it is judged is another matter. */
export type Described = Omit<Control, 'inspect'>;

const shared = { section: 'operation', manual: true } as const;
const refs = ['NIST SP 800-53 CA-5', 'NIST SP 800-53 RA-7'];

export const KNOWN: Described = {
  ...shared,
  id: 'waivers.known',
  title: 'Every waiver is of a control that exists',
  severity: 'required',
  how: 'Looks up the control of every waiver among all controls of this version.',
  threat: 'A mistyped waiver excepts nothing, and whoever wrote it believes that the risk is taken care of.',
  remedy: 'Correct the id, or remove the waiver when this version has no such control any more.',
  impact: 'A corrected waiver begins to hold.',
};

export const CURRENT: Described = {
  ...shared,
  id: 'waivers.current',
  title: 'No waiver has expired',
  severity: 'required',
  refs,
  how: 'Compares the end of every waiver with the date in UTC; on its last day it still holds.',
  threat: 'A risk that was accepted for a while has become a permanent one that nobody decided about.',
  remedy: `Repair the control and remove its waiver; or let its owner decide anew and write a new end, at most ${MAX_DAYS} days ahead.`,
  impact: 'None; an expired waiver excepts nothing already.',
};

export const ALLOWED: Described = {
  ...shared,
  id: 'waivers.allowed',
  title: 'Every waiver is of a control that may be waived',
  severity: 'required',
  how: 'Looks up whether the control of every waiver may be waived at all.',
  threat:
    'The waiver has no effect: where the control fails, data is about to be lost, or the waivers themselves cannot be relied on.',
  remedy: 'Remove the waiver and repair the control.',
  impact: 'None; the waiver excepts nothing already.',
};

export const USED: Described = {
  ...shared,
  id: 'waivers.used',
  title: 'Every waiver that holds is still needed',
  severity: 'advised',
  refs,
  how: 'Looks for the waived verdict of every waiver that holds: one whose control is proved, or does not apply, excepts nothing.',
  threat: 'A waiver that is left behind excuses the next failure of its control without anybody deciding so.',
  remedy: 'Remove the waiver.',
  impact: 'The control counts again when it fails.',
};

export const ENDING: Described = {
  ...shared,
  id: 'waivers.not-ending-soon',
  title: `No waiver that holds ends within ${SOON_DAYS} days`,
  severity: 'advised',
  how: 'Compares the end of every waiver that holds with the date in UTC.',
  threat: 'On the day after its end the control fails the run, and who can decide may be away.',
  remedy: `Repair the control before that day; or let the owner decide anew and write a new end, at most ${MAX_DAYS} days ahead.`,
  impact: 'None.',
};

/** The step about the file, in the order in which its findings come. */
export const waiversStep: Pick<Step, 'id' | 'title' | 'why'> & { readonly controls: readonly Described[] } = {
  id: 'waivers',
  title: 'Waivers',
  why: 'A waiver is a risk that somebody takes. It is worth what its owner, its reason and its end are worth, so the file is judged like everything else.',
  controls: [KNOWN, CURRENT, ALLOWED, USED, ENDING],
};
