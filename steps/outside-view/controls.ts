/** Every control of the look from another machine: the probe looks with them, a verify takes its evidence by their ids. */
import { printableLine } from '../../src/core/printable.ts';
import type { Control, Verdict } from '../../src/core/step.ts';
import type { ProbeAnswers } from './answers.ts';
import { encryptionControls } from './encryption.ts';
import { fenceControls } from './fence.ts';
import { portControls } from './ports.ts';
import { LONGEST } from './schema.ts';

const clean = (verdict: Verdict): Verdict =>
  Object.fromEntries(
    Object.entries(verdict).map(([k, v]) => [k, k === 'is' ? v : printableLine(String(v), LONGEST)]),
  ) as Verdict;

export const outsideControls: readonly Control<ProbeAnswers>[] = [
  ...encryptionControls,
  ...fenceControls,
  ...portControls,
].map((control) => ({
  ...control,
  manual: true,
  inspect: async (context) => {
    try {
      return clean(await control.inspect(context));
    } catch (error) {
      throw new Error(printableLine(error instanceof Error ? error.message : String(error), LONGEST));
    }
  },
}));
