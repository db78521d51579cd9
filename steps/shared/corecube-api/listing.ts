/** A list answer of an API that is not ours: its rows, and whether they are all there are. */
import { isRecord, plain, type Row } from './fields.ts';
import type { Operation } from './openapi.ts';

/** A list answer as rows. `complete` is false when there is more, and when a list in pages does not say that there is none. */
export interface Listing {
  readonly rows: readonly Row[];
  readonly complete: boolean;
}

/** What else tells of further pages: the answer's headers, and the operation's own parameters. */
export interface Paging {
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly pages?: Operation['pages'];
}

const TOTAL =
  /^total(_(count|items|results|records|entries|elements|rows|size|(api_)?keys|users|connections|connectors))?$/;
const REMAINING = /^remaining(_(count|items|results|records|entries|elements|rows))?$/;
const COUNT = /^count$/;
const PAGES = /^(total_pages|page_count|num_pages|pages|last_page)$/;
const NEXT =
  /^(next(_(cursor|page|token|page_token|url|link|offset))?|cursor|has_(more|next)(_page)?|more|(is_)?truncated)$/;
const SIZE = /^(limit|per_page|page_size)$/;

/** Undefined: it is no list of records, or holds more than one list. */
export function listing(json: unknown, { headers = [], pages }: Paging = {}): Listing | undefined {
  const lists = Array.isArray(json)
    ? [json]
    : isRecord(json)
      ? Object.values(json).filter(Array.isArray)
      : [];
  const [items] = lists as readonly (readonly unknown[])[];
  // An item that is no record has not been read: leaving it out would make a shorter list of it.
  if (items === undefined || lists.length !== 1 || !items.every(isRecord)) return undefined;
  const rows = items as readonly Row[];
  const said = isRecord(json) ? around(json, 2) : [];
  const of = (name: RegExp) => said.filter(([key]) => name.test(key)).map(([, value]) => value);
  const numbers = (name: RegExp) => of(name).flatMap(numberOf);
  const totals = [...numbers(TOTAL), ...headers.flatMap(totalOf)];
  // Beside the list alone: deeper inside, what remains may be of a limit in number.
  const remaining = isRecord(json) ? around(json, 0).filter(([key]) => REMAINING.test(key)) : [];
  const isLink = headers.some(([name, value]) => name === 'link' && /\brel="?next\b/i.test(value));
  const isMore =
    isLink ||
    of(NEXT).some((value) => value !== undefined && value !== null && value !== false && value !== '') ||
    [...totals, ...numbers(COUNT)].some((count) => count > rows.length) ||
    remaining.flatMap(([, value]) => numberOf(value)).some((count) => count > 0) ||
    numbers(PAGES).some((count) => count > 1);
  if (isMore) return { rows, complete: false };
  const isTold = totals.length > 0 || numbers(PAGES).length > 0 || of(NEXT).length > 0;
  // A full page that says nothing of a next one may be the first of several.
  const sizes = [...numbers(SIZE), ...(pages === undefined ? [] : [pages.size ?? 0])];
  return { rows, complete: isTold || rows.length === 0 || sizes.every((size) => rows.length < size) };
}

/** A number, which some servers write as a text. */
const numberOf = (value: unknown): readonly number[] =>
  typeof value === 'number'
    ? [value]
    : typeof value === 'string' && /^\d{1,15}$/.test(value)
      ? [Number(value)]
      : [];

/** What a header says of the number of all rows: `X-Total-Count: 200`, `Content-Range: items 0-99/200`. */
const totalOf = ([name, value]: readonly [string, string]): readonly number[] =>
  /^(x-)?total(-count)?$/i.test(name)
    ? numberOf(value.trim())
    : /^content-range$/i.test(name)
      ? numberOf(/\/(\d+)\s*$/.exec(value)?.[1])
      : [];

/** Fields beside the list, those of the records among them included, under their plain names. */
const around = (json: Row, depth: number): readonly (readonly [string, unknown])[] =>
  Object.entries(json).flatMap(([name, value]) => [
    [plain(name), value] as const,
    ...(depth > 0 && isRecord(value) ? around(value, depth - 1) : []),
  ]);
