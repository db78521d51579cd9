import { ChangeError } from './errors.ts';
import type { Frontend } from './frontend.ts';
import type { HostSource } from './host.ts';
import { masked } from './masked.ts';
import type { ChangeReport } from './report.ts';
import { redact } from './secret.ts';
import type { AnyStep, Change } from './step.ts';

/** A change as the reports show it, redacted; its diff is of public files that others have written to as well. */
export const describe = (change: Change, status: ChangeReport['status'], error?: string): ChangeReport => ({
  id: change.id,
  summary: redact(change.summary),
  ...(change.diff === undefined ? {} : { diff: masked(change.diff) }),
  ...(change.irreversible ? { irreversible: true as const } : {}),
  ...(change.disrupts === undefined ? {} : { disrupts: change.disrupts }),
  status,
  ...(error === undefined ? {} : { error }),
});

interface ActInput {
  readonly host: HostSource;
  readonly frontend: Frontend;
  readonly signal: AbortSignal;
}

export interface Acted {
  readonly changes: ChangeReport[];
  readonly cancelled?: true;
  readonly failure?: { readonly reason: string; readonly fix?: string; readonly log?: readonly string[] };
}

/** Makes the changes one by one, each journalled before and after; the first failure ends it. Undoes nothing. */
export async function act(step: AnyStep, plan: readonly Change[], input: ActInput): Promise<Acted> {
  const changes: ChangeReport[] = [];
  const { journal } = input.host;
  for (const [at, change] of plan.entries()) {
    const rest = () => plan.slice(at + (changes.length > at ? 1 : 0)).map((c) => describe(c, 'not-reached'));
    if (input.signal.aborted) return { changes: [...changes, ...rest()], cancelled: true };
    const entry = { step: step.id, change: change.id };
    await journal.append({ event: 'change-start', ...entry, summary: redact(change.summary) });
    input.frontend.emit({ type: 'change-start', ...entry, summary: redact(change.summary) });
    try {
      const host = input.host.writer(input.signal, (text) =>
        input.frontend.emit({ type: 'progress', step: step.id, text: redact(text) }),
      );
      await change.apply(host);
    } catch (thrown) {
      const error = redact(thrown instanceof Error ? thrown.message : String(thrown));
      const fix = thrown instanceof ChangeError ? redact(thrown.fix) : undefined;
      const log = thrown instanceof ChangeError ? thrown.log.map(redact) : undefined;
      const details = { ...(fix === undefined ? {} : { fix }), ...(log === undefined ? {} : { log }) };
      await journal.append({ event: 'change-failed', ...entry, error });
      changes.push(describe(change, 'failed', error));
      if (input.signal.aborted) return { changes: [...changes, ...rest()], cancelled: true };
      input.frontend.emit({ type: 'change-failed', ...entry, error, ...details });
      return {
        changes: [...changes, ...rest()],
        failure: { reason: `${change.id} failed: ${error}`, ...details },
      };
    }
    await journal.append({ event: 'change-done', ...entry });
    input.frontend.emit({ type: 'change-done', ...entry });
    changes.push(describe(change, 'done'));
  }
  return { changes };
}
