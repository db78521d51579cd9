import type { Finding } from '../core/report.ts';
import { actual } from './state.ts';
import { seen } from './text.ts';

/** A file of an install that a finding is about, and a line of it where one is really known. */
interface Place {
  /** Relative to the install directory, `/` between folders. */
  readonly file: string;
  /** First changed line of the file as it is; from a diff, never guessed. */
  readonly line?: number;
}

/** A file name of a deployment inside a sentence: nothing that could as well be a host or a route. */
const NAMED = /(?<![\w./-])(?:[\w-]+\/)*(?:[\w.-]+\.(?:ya?ml|conf)|\.env)(?![\w/-])/g;

/**
 * The file that the texts of a finding name: the one its diff is of, or one of the install's files, or a path below the
 * install directory. Undefined when they name none: the finding is about what runs.
 */
export function placeOf(finding: Finding, dir: string, files: readonly string[]): Place | undefined {
  const fromDiff = finding.drift?.diff === undefined ? undefined : placeOfDiff(finding.drift.diff, dir);
  if (fromDiff) return fromDiff;
  const verdict = actual(finding);
  const texts = [
    finding.drift?.detail ?? '',
    seen(verdict),
    verdict.is === 'fail' ? `${verdict.expected} ${verdict.cause ?? ''}` : '',
    finding.title,
  ];
  for (const text of texts) {
    const file = fileIn(text, dir, files);
    if (file !== undefined) return { file };
  }
  return undefined;
}

function fileIn(text: string, dir: string, files: readonly string[]): string | undefined {
  const at: { readonly file: string; readonly index: number }[] = [];
  const begin = text.indexOf(`${dir}/`);
  if (begin >= 0) {
    const file = /^[\w./-]*\w/.exec(text.slice(begin + dir.length + 1))?.[0];
    if (file !== undefined && isInside(file)) at.push({ file, index: begin });
  }
  for (const file of files) {
    const index = text.indexOf(file);
    const [before, after] = [text[index - 1] ?? ' ', text[index + file.length] ?? ' '];
    if (index >= 0 && !/[\w./-]/.test(before) && !/[\w/-]/.test(after)) at.push({ file, index });
  }
  for (const match of text.matchAll(NAMED))
    if (isInside(match[0])) at.push({ file: match[0], index: match.index });
  // The first that is named; of two at one place the longer name.
  return at.sort((a, b) => a.index - b.index || b.file.length - a.file.length)[0]?.file;
}

function placeOfDiff(diff: string, dir: string): Place | undefined {
  const name = /^\+\+\+ ([^\t\n]+)/m.exec(diff)?.[1] ?? /^--- ([^\t\n]+)/m.exec(diff)?.[1];
  if (name === undefined) return undefined;
  const file = name.startsWith(`${dir}/`) ? name.slice(dir.length + 1) : name.replace(/^[ab]\//, '');
  if (!isInside(file)) return undefined;
  const line = lineOfDiff(diff);
  return line === undefined ? { file } : { file, line };
}

/** The first line of the new side that a unified diff adds, or at which it removes. */
function lineOfDiff(diff: string): number | undefined {
  const rows = diff.split('\n');
  const start = rows.findIndex((row) => row.startsWith('@@ '));
  let line = Number(/^@@ -\d+(?:,\d+)? \+(\d+)/.exec(rows[start] ?? '')?.[1] ?? Number.NaN);
  if (Number.isNaN(line)) return undefined;
  for (const row of rows.slice(start + 1)) {
    if (row.startsWith('+') || row.startsWith('-')) return Math.max(1, line);
    line += 1;
  }
  return undefined;
}

const isInside = (file: string): boolean =>
  file !== '' && !file.startsWith('/') && !file.split('/').some((part) => part === '..' || part === '');
