import type { Report } from '../core/report.ts';
import { printableJson } from './printable.ts';

/**
 * The report as JSON, schema 2; the other formats are rendered from the same value. Control characters are escaped, so
 * that it can be shown on a terminal. Ends with a line break.
 */
export function renderJson(report: Report): string {
  return `${printableJson(report)}\n`;
}

/** One report as an object, several as an array. */
export function renderJsonOf(reports: readonly Report[]): string {
  const [first, ...others] = reports;
  return first && others.length === 0 ? renderJson(first) : `${printableJson(reports)}\n`;
}
