import { createTwoFilesPatch } from 'diff';

/** A unified diff of two versions of a file, three lines of context, without the library's banner lines. */
export function unifiedDiff(path: string, before: string | undefined, after: string): string {
  const patch = createTwoFilesPatch(
    before === undefined ? '/dev/null' : path,
    path,
    before ?? '',
    after,
    '',
    '',
    { context: 3 },
  );
  return patch.slice(patch.indexOf('--- ')).replaceAll('\t\n', '\n').trimEnd();
}
