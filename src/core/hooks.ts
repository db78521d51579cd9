import type { HostReader } from './host.ts';
import type { Answered } from './question.ts';
import type { Drift, Exception, Finding, Report, StepReport } from './report.ts';

/** What a failing control is explained with: the same eyes that looked, and every answer. */
export interface DriftContext {
  readonly host: HostReader;
  readonly answers: ReadonlyMap<string, Answered>;
  readonly signal: AbortSignal;
}

/** Says which link broke between answers, files and what runs; undefined when that cannot be told. Only looks. */
export type DriftExplainer = (finding: Finding, context: DriftContext) => Promise<Drift | undefined>;

/** The operator's file of waivers, and what is to be said about the file itself once everything was looked at. */
export interface Exceptions {
  /** Those that hold today, by control id. */
  readonly waivers: ReadonlyMap<string, Exception>;
  /** How the findings about the file are headed. */
  readonly step: { readonly id: string; readonly title: string; readonly why: string };
  /** Expired, unused and unknown waivers; in an order of its own. */
  judge(findings: readonly Finding[]): readonly Finding[];
}

/** The last touch on a report before anybody sees it: what only a look back can tell. */
export type Complete = (report: Report) => Promise<Report>;

/** Findings with the link that broke, where it can be told. An explanation that breaks explains nothing. */
export async function explainAll(
  findings: readonly Finding[],
  explain: DriftExplainer,
  context: DriftContext,
): Promise<readonly Finding[]> {
  return Promise.all(
    findings.map(async (finding) => {
      if (finding.verdict.is !== 'fail') return finding;
      const drift = await explain(finding, context).catch(() => undefined);
      return drift === undefined ? finding : { ...finding, drift };
    }),
  );
}

/** The report of the step about the file of waivers. */
export function judgeExceptions(exceptions: Exceptions, steps: readonly StepReport[]): StepReport {
  const findings = exceptions.judge(steps.flatMap((step) => step.findings));
  const { id, title } = exceptions.step;
  return { id, title, outcome: 'looked', findings, changes: [], duration: 0 };
}
