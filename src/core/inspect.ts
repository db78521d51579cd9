import type { Exception, Finding } from './report.ts';
import { redact } from './secret.ts';
import type { AnyStep, Control, InspectContext, Verdict } from './step.ts';

/** How long a look may take before it counts as not seen, in milliseconds. */
const LOOK_TIMEOUT = 20_000;

/** Ids of waived controls, each with who waived it and why: `with --skip key.mode`, or a waiver of the file. */
export type Waivers = ReadonlyMap<string, string | Exception>;

const describeWaiver = (waiver: string | Exception): string =>
  typeof waiver === 'string'
    ? waiver
    : `by ${waiver.owner} until ${waiver.expires} (${waiver.reason}; instead: ${waiver.compensating})`;

/** What `inspectAll` tells while it looks. */
export type LookEvent =
  | { type: 'looking'; controls: readonly { readonly id: string; readonly title: string }[] }
  | { type: 'finding'; finding: Finding };

/** Looks at every control of a step side by side. Findings come back in declaration order, redacted. */
export async function inspectAll(
  step: AnyStep,
  context: InspectContext<unknown>,
  waivers: Waivers,
  emit: (event: LookEvent) => void,
): Promise<readonly Finding[]> {
  emit({ type: 'looking', controls: step.controls.map(({ id, title }) => ({ id, title })) });
  return Promise.all(
    step.controls.map(async (control) => {
      const began = performance.now();
      const verdict = await inspectOne(control, context);
      const finding = toFinding(step, control, verdict, waivers, Math.round(performance.now() - began));
      emit({ type: 'finding', finding });
      return finding;
    }),
  );
}

/** A probe that throws or does not come back is `unknown`: never pass, never fail. */
async function inspectOne(control: Control<unknown>, context: InspectContext<unknown>): Promise<Verdict> {
  const limit = control.timeoutMs ?? LOOK_TIMEOUT;
  const timeout = new AbortController();
  const signal = AbortSignal.any([context.signal, timeout.signal]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Verdict>((resolve) => {
    timer = setTimeout(() => {
      timeout.abort();
      resolve({ is: 'unknown', because: `the look took longer than ${limit / 1000} s` });
    }, limit);
  });
  try {
    return await Promise.race([control.inspect({ ...context, signal }), late]);
  } catch (error) {
    return { is: 'unknown', because: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

function clean(verdict: Verdict): Verdict {
  return Object.fromEntries(
    Object.entries(verdict).map(([k, v]) => [k, typeof v === 'string' ? redact(v) : v]),
  ) as Verdict;
}

const describeVerdict = (v: Verdict): string =>
  v.is === 'fail'
    ? `fails: ${v.observed}`
    : v.is === 'unknown'
      ? `not seen: ${v.because}`
      : v.is === 'attest'
        ? `open: ${v.ask}`
        : v.is;

function toFinding(
  step: AnyStep,
  control: Control<unknown>,
  raw: Verdict,
  waivers: Waivers,
  duration: number,
): Finding {
  const seen = clean(raw);
  const waiver = control.unwaivable ? undefined : waivers.get(control.id);
  const waived = waiver !== undefined && seen.is !== 'pass' && seen.is !== 'skip';
  return {
    duration,
    control: control.id,
    title: control.title,
    step: step.id,
    severity: control.severity,
    section: control.section,
    refs: control.refs ?? [],
    threat: control.threat,
    remedy: control.remedy,
    impact: control.impact,
    ...(control.manual ? { manual: true as const } : {}),
    verdict: waived
      ? { is: 'skip', because: redact(`waived ${describeWaiver(waiver)}; it ${describeVerdict(seen)}`) }
      : seen,
    ...(waived ? { waived: seen } : {}),
    ...(waived && typeof waiver === 'object' ? { exception: waiver } : {}),
  };
}
