/** What the last apply reported of this install: a memory, never the truth about the host. */
import type { HostReader } from '../../src/core/host.ts';
import { PATH } from './layout.ts';

interface Told {
  readonly steps?: readonly {
    readonly findings?: readonly {
      readonly control?: unknown;
      readonly verdict?: { readonly is?: unknown; readonly observed?: unknown };
    }[];
  }[];
  readonly answers?: readonly { readonly question?: unknown; readonly value?: unknown }[];
}

/** What the first of the reports tells that has it: one of a run that stopped early may not. */
async function told<T>(host: HostReader, read: (report: Told) => T | undefined): Promise<T | undefined> {
  for (const path of [PATH.reportComplete, PATH.reportJson]) {
    const text = await host.readText(path).catch(() => undefined);
    try {
      const found = text === undefined ? undefined : read(JSON.parse(text) as Told);
      if (found !== undefined) return found;
    } catch {
      // A torn report, or one of another shape, remembers nothing.
    }
  }
  return undefined;
}

/** The name that the install had. */
export const appliedName = (host: HostReader): Promise<string | undefined> =>
  told(host, ({ answers }) => {
    const name = answers?.find(({ question }) => question === 'projectName')?.value;
    return typeof name === 'string' ? name : undefined;
  });

/** What a control saw when it held. */
export const heldAs = (host: HostReader, id: string): Promise<string | undefined> =>
  told(host, ({ steps }) => {
    const verdict = steps
      ?.flatMap((step) => step.findings ?? [])
      .find(({ control }) => control === id)?.verdict;
    return verdict?.is === 'pass' && typeof verdict.observed === 'string' ? verdict.observed : undefined;
  });
