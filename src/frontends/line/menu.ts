import { sentence } from './speech.ts';
import type { Terminal } from './terminal.ts';

/** Numbered choices; whoever answers types a number. Nothing is chosen by Enter alone. */
export async function choose<T>(
  terminal: Terminal,
  items: readonly (readonly [T, string])[],
  message = 'Your choice:',
): Promise<T> {
  for (const [at, [, text]] of items.entries()) terminal.say(sentence(`${at + 1}. ${text}`), 2);
  for (;;) {
    const picked = items[numberOf(await terminal.read(message), items.length) - 1];
    if (picked) return picked[0];
    terminal.say(`Type a number from 1 to ${items.length}.`);
  }
}

/** The number that was typed, 0 when it is none of the list. */
export function numberOf(text: string, count: number): number {
  const n = /^\d{1,3}\.?$/.test(text) ? Number.parseInt(text, 10) : 0;
  return n <= count ? n : 0;
}
