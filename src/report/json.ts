import type { Report } from '../core/report.ts';

/** The report as JSON, schema 1; the other formats are rendered from the same value. Ends with a line break. */
export function renderJson(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
