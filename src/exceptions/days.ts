/** Calendar days in UTC, as ISO 8601 dates: the same day for everybody who reads a report. */

const DAY = 86_400_000;

/** The date in UTC. */
export const dayOf = (time: Date): string => time.toISOString().slice(0, 10);

/** True for an existing day written as `YYYY-MM-DD`; `2026-02-30` is none. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && dayOf(new Date(time)) === text;
}

/** Days from one day to another; negative when `to` is the earlier one. */
export const daysFrom = (from: string, to: string): number =>
  (Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY;

/** The day that is this many days later. */
export const daysAfter = (day: string, days: number): string =>
  dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY));

/** `1 day`, `3 days`. */
export const inDays = (count: number): string => `${count} ${count === 1 ? 'day' : 'days'}`;
