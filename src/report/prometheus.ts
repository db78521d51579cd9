import type { Finding, Report } from '../core/report.ts';
import { findingsOf, STATES, type State, stateOf } from './state.ts';

/** What `control_status` says: the higher the worse, and nothing that was not seen is below an alert at 3. */
export const STATUS: Readonly<Record<State, number>> = {
  pass: 0,
  skip: 1,
  waived: 2,
  attest: 3,
  unknown: 4,
  fail: 5,
};

type Labels = Readonly<Record<string, string>>;
interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/**
 * Reports as metrics for the textfile collector of node_exporter (Prometheus text format 0.0.4), a `dir` label for each
 * install. Samples carry no timestamp, as the collector demands; when the run ended is a metric of its own. Alert on
 * `control_status >= 3`, and on a run that is too long ago: a file nobody writes any more says the same forever.
 *
 * @param given made printable (printable.ts)
 */
export function renderPrometheus(given: readonly Report[]): string {
  // The last of an install counts: a series that occurs twice makes the collector refuse the whole file.
  const reports = [...new Map(given.map((report) => [report.dir, report])).values()];
  const prefix = (reports[0]?.tool.name ?? '').replace(/[^A-Za-z0-9]+/g, '_').replace(/^(?=\d)/, '_');
  const metric = (name: string, help: string, samples: (report: Report) => readonly Sample[]): string => {
    const rows = reports.flatMap((report) =>
      samples(report).map(({ labels, value }) => {
        const shown = Object.entries({ dir: report.dir, ...labels });
        return `${prefix}_${name}{${shown.map(([k, v]) => `${k}="${escapeLabel(v)}"`).join(',')}} ${value}`;
      }),
    );
    if (rows.length === 0) return '';
    const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    return `# HELP ${prefix}_${name} ${text}\n# TYPE ${prefix}_${name} gauge\n${rows.join('\n')}\n`;
  };
  const one = (value: number, labels: Labels = {}): readonly Sample[] => [{ labels, value }];
  const states = Object.keys(STATES) as State[];
  const legend = states.map((state) => `${STATUS[state]} ${STATES[state].word}`).join(', ');
  return [
    metric('info', 'Version that made the last run and what it ran; always 1.', (r) =>
      one(1, { version: r.tool.version, mode: r.mode }),
    ),
    metric('exit_code', 'Exit code of the last run; see control_status for what was found.', (r) =>
      one(r.exit),
    ),
    metric('last_run_timestamp_seconds', 'When the last run ended, in Unix time.', (r) =>
      one(Date.parse(r.finishedAt) / 1000),
    ),
    metric('last_run_duration_seconds', 'How long the last run took.', (r) =>
      one((Date.parse(r.finishedAt) - Date.parse(r.startedAt)) / 1000),
    ),
    metric('stopped', '1 when the last run ended before its last step, so that controls are missing.', (r) =>
      one(r.stopped ? 1 : 0),
    ),
    metric('controls', 'Number of controls by severity and status.', (r) =>
      (['required', 'advised'] as const).flatMap((severity) =>
        states.map((state) => ({
          labels: { severity, status: STATES[state].word.replaceAll(' ', '_') },
          value: findingsOf(r).filter((f) => f.severity === severity && stateOf(f) === state).length,
        })),
      ),
    ),
    metric('control_status', `State of a control: ${legend}.`, (r) =>
      worstOf(findingsOf(r)).map((f) => ({
        labels: { control: f.control, section: f.section, severity: f.severity },
        value: STATUS[stateOf(f)],
      })),
    ),
    metric('waiver_end_timestamp_seconds', 'When a waiver ends: the end of its last day in UTC.', (r) =>
      worstOf(findingsOf(r)).flatMap(({ control, exception }) => {
        const day = Date.parse(`${exception?.expires}T00:00:00Z`);
        return exception && !Number.isNaN(day)
          ? [{ labels: { control, owner: exception.owner }, value: day / 1000 + 86_400 }]
          : [];
      }),
    ),
  ].join('');
}

/** One finding for each control, for the same reason. */
function worstOf(findings: readonly Finding[]): readonly Finding[] {
  const worst = new Map<string, Finding>();
  for (const finding of findings) {
    const other = worst.get(finding.control);
    if (!other || STATUS[stateOf(other)] < STATUS[stateOf(finding)]) worst.set(finding.control, finding);
  }
  return [...worst.values()];
}

const escapeLabel = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
