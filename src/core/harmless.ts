import { EXIT } from './errors.ts';
import type { Change } from './step.ts';
import type { Stop } from './step-run.ts';

/**
 * What of a plan may be made without consent: its beginning, up to the first change that interrupts, rotates or cannot be
 * undone, for what comes after may build on that one. Once something was left, later steps make only what stands alone.
 */
export function harmlessPart(plan: readonly Change[], wasLeft: boolean): readonly Change[] {
  const end = plan.findIndex(
    (change) =>
      change.disrupts !== undefined || change.irreversible === true || (wasLeft && !change.standsAlone),
  );
  return end === -1 ? plan : plan.slice(0, end);
}

/**
 * How a run ends that left something for want of consent. What a later step could not see or hold follows from that and
 * stands in its findings; a change that failed, a cancel and a bug are told as what they are.
 */
export function endAfterLeaving(left: Stop | undefined, stopped: Stop | undefined): Stop | undefined {
  if (!left) return stopped;
  return stopped && (stopped.kind !== 'failure' || stopped.exit !== undefined) ? stopped : left;
}

/** The stop of a step whose changes were declined. */
export const declinedStop = (step: { readonly id: string; readonly title: string }): Stop => ({
  step: step.id,
  reason: `the changes of ${step.title} were declined`,
  exit: EXIT.failing,
  kind: 'decline',
});
