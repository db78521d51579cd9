import type { Finding, Mode } from './report.ts';
import type { AnyStep } from './step.ts';

/**
 * Why a step must not be planned and changed now, or undefined. An apply goes on neither over something required
 * that could not be seen nor over what only a person can repair. A dry run stops for the latter only: most of what it
 * cannot see does not exist yet. Writing files without an engine sees little, so only what could lose data stops it.
 */
export function whatBlocks(step: AnyStep, findings: readonly Finding[], mode: Mode): string | undefined {
  for (const finding of findings) {
    if (finding.severity !== 'required') continue;
    const { verdict, control } = finding;
    if (verdict.is === 'fail' && stops(step, finding, mode))
      return `${control} does not hold: ${verdict.observed}`;
    if (
      verdict.is === 'unknown' &&
      mode === 'apply' &&
      !(step.plan && canComeTrue(findings, verdict.awaits))
    ) {
      return `${control} could not be looked at: ${verdict.because}`;
    }
  }
  return undefined;
}

function stops(step: AnyStep, finding: Finding, mode: Mode): boolean {
  if (mode === 'files') return step.controls.find((c) => c.id === finding.control)?.unwaivable === true;
  return finding.manual === true || !step.plan;
}

/** True when what a control waits for, directly or through others, visibly fails, so that the step can repair it. */
function canComeTrue(findings: readonly Finding[], awaits: string | undefined): boolean {
  const seen = new Set<string>();
  for (let id = awaits; id !== undefined && !seen.has(id); ) {
    seen.add(id);
    const verdict = findings.find((f) => f.control === id)?.verdict;
    if (verdict?.is === 'fail') return true;
    id = verdict?.is === 'unknown' ? verdict.awaits : undefined;
  }
  return false;
}
