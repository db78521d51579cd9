/** One question id gives the flag, the environment variable and the file key; nothing is named twice. */

/** `adminRanges` -> `admin-ranges`. */
export const flagName = (id: string): string => id.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

/** `adminRanges` -> `PREFIX_ADMIN_RANGES`. */
export const envName = (prefix: string, id: string): string =>
  `${prefix}_${id.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`;

/** The closest of the known names, for "did you mean"; undefined when none is close. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const scored = known.map(
    (candidate) => [distance(name.toLowerCase(), candidate.toLowerCase()), candidate] as const,
  );
  scored.sort((a, b) => a[0] - b[0]);
  const best = scored[0];
  return best && best[0] <= Math.max(2, Math.floor(name.length / 3)) ? best[1] : undefined;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
