import { printable, replaceUnprintable } from '../core/printable.ts';
import type { Report, StepReport } from '../core/report.ts';

/** The report with all its texts made printable; every other value stays as it is. */
export const printableReport = (report: Report): Report => deep(report) as Report;
/** A step with all its texts made printable: what was seen on a host may hold anything. */
export const printableStep = (step: StepReport): StepReport => deep(step) as StepReport;

function deep(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  if (Array.isArray(value)) return value.map(deep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deep(inner)]));
}

/** JSON without a single character that a terminal could act on: what JSON may hold as it is becomes `\u009b`. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return replaceUnprintable(text, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
