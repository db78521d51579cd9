import { inspect } from 'node:util';

/**
 * Every secret of this process, so that any text that leaves it can be searched for them. Values shorter
 * than 8 characters are left out: replacing them would shred ordinary words.
 */
const known = new Map<string, string>();

/** What a secret prints as, everywhere. */
export const MASK = '[secret]';

/** A value that refuses to be printed: string conversion, JSON and `console.log` all give `[secret]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    remember(value);
  }

  /** The plain value. Call it only where the value leaves for its destination (a file, a socket, stdin). */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

function remember(value: string): void {
  for (const part of [value, ...value.split(/\r?\n/)]) {
    if (part.trim().length < 8) continue;
    known.set(part, MASK);
    known.set(encodeURIComponent(part), MASK);
    known.set(JSON.stringify(part).slice(1, -1), MASK);
    known.set(Buffer.from(part).toString('base64'), MASK);
  }
}

/**
 * Replaces every secret this process has seen (plain, percent-encoded, JSON-escaped, base64) by `[secret]`.
 * Guarantees nothing about secrets the process never held.
 */
export function redact(text: string): string {
  let out = text;
  for (const [value, mask] of known) {
    if (out.includes(value)) out = out.replaceAll(value, mask);
  }
  return out;
}
