import type { Frontend } from './core/frontend.ts';
import type { HostSource, Journal } from './core/host.ts';

/** What must not happen before the operator has agreed to a change: the lock, the journal, any file. */
export interface Consent {
  /** The same host; its journal keeps its entries back until consent is given. */
  readonly host: HostSource;
  /** Agrees once; later calls do nothing. @throws {UsageError} when another run is at work */
  give(): Promise<void>;
  isGiven(): boolean;
  /** Asks the front end, and takes agreeing to a change as consent. */
  decider(frontend: Frontend): Frontend['decide'];
  release(): Promise<void>;
}

/** A wizard that is cancelled before anything was agreed to leaves no trace: not even a lock or an empty folder. */
export function withConsent(source: HostSource, occupy: () => Promise<() => Promise<void>>): Consent {
  const waiting: Parameters<Journal['append']>[0][] = [];
  let given: Promise<() => Promise<void>> | undefined;
  let isGiven = false;
  const give = async () => {
    given ??= occupy();
    await given;
    isGiven = true;
    for (const entry of waiting.splice(0)) await source.journal.append(entry);
  };
  return {
    host: {
      ...source,
      journal: {
        append: async (entry) => {
          if (isGiven) await source.journal.append(entry);
          else waiting.push(entry);
        },
      },
    },
    give,
    isGiven: () => isGiven,
    decider: (frontend) => async (proposal) => {
      const decision = await frontend.decide(proposal);
      const agrees =
        decision.is === 'apply' ||
        (decision.is === 'harmless' && proposal.is === 'changes' && proposal.harmless.length > 0);
      if (agrees && proposal.is === 'changes') await give();
      return decision;
    },
    async release() {
      if (isGiven) await (await given)?.();
    },
  };
}
