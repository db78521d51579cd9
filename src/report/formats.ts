import type { Report } from '../core/report.ts';
import type { TextStyle } from './text.ts';

export type Format = 'json' | 'markdown';
export const FORMATS: Readonly<Record<Format, string>> = { json: 'JSON', markdown: 'Markdown' };
export interface ReportContext {
  readonly sections: Readonly<Record<string, string>>;
  readonly now: Date;
  readonly style: TextStyle;
}
export async function render(
  format: Format,
  reports: readonly Report[],
  context: ReportContext,
): Promise<string> {
  if (format === 'markdown') {
    const { renderMarkdown } = await import('./markdown.ts');
    return reports.map((r) => renderMarkdown(r, context.sections)).join('\n');
  }
  return `${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`;
}
