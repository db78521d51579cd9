/** The least that a host must bring: the one place for versions and sizes. */
export const MINIMUM = {
  /** Engine API 1.41: what the oldest supported Debian brings. */
  engine: '20.10',
  /** `up --wait --wait-timeout`, absolute secret targets, and `config --format json` of a merged model. */
  compose: '2.20',
  /** MiB free. Below `hard` an image does not unpack; below `soft` a database runs full within weeks. */
  disk: { hard: 2 * 1024, soft: 10 * 1024 },
  /** MiB. `hard`: three containers do not start together below it. `soft`: room for queries and uploads. The kernel keeps some. */
  memory: { hard: 900, soft: 3_700 },
} as const;

/** The leading numbers of a version: `20.10.24+dfsg1` is [20, 10, 24]; undefined when there are none. */
export function versionNumbers(text: string): readonly number[] | undefined {
  const match = /^v?(?:\d+:)?(\d+(?:\.\d+)*)/.exec(text.trim());
  return match?.[1]?.split('.').map(Number);
}

/** True when `version` is at least `minimum`; a version without numbers is not. */
export function atLeast(version: string, minimum: string): boolean {
  const have = versionNumbers(version);
  const want = versionNumbers(minimum) ?? [];
  if (have === undefined) return false;
  for (const [i, number] of want.entries()) {
    const other = have[i] ?? 0;
    if (other !== number) return other > number;
  }
  return true;
}
