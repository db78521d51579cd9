import type { Report } from '../core/report.ts';
import { renderEnd, renderStep, type TextStyle } from './text.ts';

/** Reports as sentences for a terminal, as a run shows them; with several, each is headed by its directory. */
export function renderText(reports: readonly Report[], style: TextStyle): string {
  const one = (report: Report) => [
    ...(reports.length > 1 ? [report.dir, ''] : []),
    ...report.steps.map((step, index) => renderStep(step, { index, total: report.steps.length }, style)),
    renderEnd(report, style),
    '',
  ];
  return reports.map((report) => one(report).join('\n')).join('\n');
}
