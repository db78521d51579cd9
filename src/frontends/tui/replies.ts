import type { Place } from './painter.ts';

/** ECMA-48 DSR 6 asks for the cursor's place, DEC's secondary device attributes (DA2) for the kind of terminal. */
const ASK_PLACE = '\u001b[6n';
/** To the last column, wherever that is, as resize(1) does it; asked there, the place tells the width. */
const ASK_WIDTH = `\u001b[999C${ASK_PLACE}\r`;
const ASK_KIND = '\u001b[>c';
// Columns 2 to 8 are no answer but F3 with Shift, Ctrl or Alt.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the answers begin with an escape
const PLACE = /\u001b\[(\d+);(1|9|\d{2,})R/g;
/** Old kernels answer DA2 as if they were asked for the primary attributes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the answers begin with an escape
const KIND = /\u001b\[([>?])([\d;]*)c/g;
/** The beginning of an answer whose rest comes with the next read; a lone Escape is a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the answers begin with an escape
const BEGUN = /\u001b\[[>?]?[\d;]*$/;

/** How long a terminal may take to answer, in milliseconds: a line over a satellite needs most of it. */
const PATIENCE = 1000;

/** First DA2 parameters of xterm, which follow the terminal it plays; its second is its patch level, below 1000. */
const XTERM = new Set([2, 18, 19, 24, 41]);
const SCREEN = 83;
const TMUX = 84;

/**
 * Whether a terminal breaks its lines anew when it becomes narrower; undefined where nobody knows. Those that do not
 * say what they are (the Linux console, st) are not guessed at, nor is an answer that terminals of both kinds give.
 * @param attributes the answer to DA2
 */
function rewraps(attributes: readonly number[]): boolean | undefined {
  const [kind, version = 0, option = 0] = attributes;
  // mosh cuts them, Ghostty breaks them.
  if (kind === undefined || (kind === 1 && version === 10)) return undefined;
  const isPutty = kind === 0 && version === 136;
  const isXterm = XTERM.has(kind) && version < 1000 && option === 0;
  return !(isPutty || isXterm || kind === SCREEN);
}

export interface Replies {
  /** See `Terminal.locate`. */
  locate(): Promise<Place | undefined>;
  /** Takes the terminal's answers out of what was read. */
  without(text: string): string;
}

/** What the terminal is asked and answers. Nothing is asked before the first `locate`. */
export function createReplies(write: (text: string) => void): Replies {
  let attributes: readonly number[] | undefined;
  let isAsked = false;
  /** It has not answered in time. An answer that comes after all shows that it can. */
  let isMute = false;
  let held = '';
  const waiting: ((row: number | undefined, columns: number) => void)[] = [];
  /** The row of an answer whose other half is still to come. */
  let half: number | undefined;

  const locate = (): Promise<Place | undefined> => {
    if (isMute) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        isMute = true;
        half = undefined;
        answer(undefined, 0);
      }, PATIENCE);
      const answer = (row: number | undefined, columns: number) => {
        clearTimeout(timer);
        const at = waiting.indexOf(answer);
        if (at >= 0) waiting.splice(at, 1);
        const known = attributes ?? [];
        // The terminal answers in order: a kind that is not told before the place is not told at all.
        const habits = { rewraps: rewraps(known), joins: known[0] === TMUX };
        resolve(row === undefined ? undefined : { row, columns, habits });
      };
      waiting.push(answer);
      write((isAsked ? '' : ASK_KIND) + ASK_PLACE + ASK_WIDTH);
      isAsked = true;
    });
  };

  const without = (text: string): string => {
    // Before anything was asked nothing is an answer.
    if (!isAsked) return text;
    const whole = held + text;
    const rest = whole
      .replace(KIND, (_, mark: string, list: string) => {
        if (mark === '>') attributes = list.split(';').map(Number);
        return '';
      })
      .replace(PLACE, (_, row: string, column: string) => {
        isMute = false;
        const first = half;
        half = column === '1' ? Number(row) : undefined;
        if (column !== '1' && first !== undefined) waiting[0]?.(first, Number(column));
        return '';
      });
    held = waiting.length > 0 ? (BEGUN.exec(rest)?.[0] ?? '') : '';
    return held === '' ? rest : rest.slice(0, -held.length);
  };
  return { locate, without };
}
