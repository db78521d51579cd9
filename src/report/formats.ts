import type { Report } from '../core/report.ts';
import { printableReport } from './printable.ts';
import type { TextStyle } from './text.ts';

/** A way to write reports down. */
export type Format = 'text' | 'json' | 'sarif' | 'sarif-full' | 'junit' | 'markdown' | 'html' | 'prometheus';

interface FormatInfo {
  /** Of a file that holds it, without a dot. */
  readonly extension: string;
  /** RFC 6838 media type. */
  readonly mediaType: string;
  /** One sentence for the help text. */
  readonly description: string;
}

/** Every format; the order is the order of the help text. */
export const FORMATS: Readonly<Record<Format, FormatInfo>> = {
  text: {
    extension: 'txt',
    mediaType: 'text/plain',
    description: 'Sentences for a terminal: each step, what needs attention, the verdict.',
  },
  json: {
    extension: 'json',
    mediaType: 'application/json',
    description: 'Everything, by the published schema (`schema report`); several installs are an array.',
  },
  sarif: {
    extension: 'sarif',
    mediaType: 'application/sarif+json',
    description:
      'SARIF 2.1.0 with what needs attention only, for code scanning that shows each result as an alert.',
  },
  'sarif-full': {
    extension: 'sarif',
    mediaType: 'application/sarif+json',
    description: 'SARIF 2.1.0 with a result for every control, the proved ones too.',
  },
  junit: {
    extension: 'xml',
    mediaType: 'application/xml',
    description: 'JUnit XML for build servers: red exactly when the exit code says so.',
  },
  markdown: {
    extension: 'md',
    mediaType: 'text/markdown',
    description: 'For a wiki or a ticket: the verdict, the counts, what needs attention, every control.',
  },
  html: {
    extension: 'html',
    mediaType: 'text/html',
    description: 'One page for people and auditors: score, evidence, waivers, sign-off; it prints, too.',
  },
  prometheus: {
    extension: 'prom',
    mediaType: 'text/plain',
    description: 'Metrics for the textfile collector of the Prometheus node exporter.',
  },
};

/** What a rendering needs besides the reports. */
export interface ReportContext {
  /** Titles of the guide's sections by id, in the guide's order. */
  readonly sections: Readonly<Record<string, string>>;
  /** When the rendering is made: waivers are dated against it. */
  readonly now: Date;
  /** For `text`. */
  readonly style: TextStyle;
  /** Files of an install, relative to its directory: SARIF points a result at the one that its texts name. */
  readonly files?: readonly string[];
}

/**
 * The reports in a format; ends with a line break. Pure: the same input gives the same text. Each renderer is loaded
 * when it is first asked for. No character of the result is one that a terminal acts on, but the colours of `text`.
 * Texts of the reports are expected to be redacted.
 * @throws {RangeError} without a report
 */
export async function render(
  format: Format,
  reports: readonly Report[],
  context: ReportContext,
): Promise<string> {
  if (reports.length === 0) throw new RangeError('there is no report to render');
  // JSON keeps every character, escaped; the others write unprintable ones out.
  if (format === 'json') return (await import('./json.ts')).renderJsonOf(reports);
  const clean = reports.map(printableReport);
  switch (format) {
    case 'text':
      return (await import('./plain-text.ts')).renderText(clean, context.style);
    case 'sarif':
    case 'sarif-full':
      return (await import('./sarif.ts')).renderSarif(clean, context, format === 'sarif-full');
    case 'junit':
      return (await import('./junit.ts')).renderJunit(clean);
    case 'markdown':
      return (await import('./markdown.ts')).renderMarkdownOf(clean, context.sections);
    case 'html':
      return (await import('./html/page.ts')).renderHtml(clean, context);
    case 'prometheus':
      return (await import('./prometheus.ts')).renderPrometheus(clean);
  }
}
