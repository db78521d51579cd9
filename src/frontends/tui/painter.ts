import { fromDoomed, type Habits, lift, rowsOf, type Written } from './trail.ts';

/** Control sequences: ECMA-48 (CUU, EL, ED), DEC private modes 25 (cursor) and 2026 (synchronized output). */
const up = (rows: number) => (rows > 0 ? `\u001b[${rows}A` : '');
const ERASE_LINE_END = '\u001b[K';
/**
 * Erases `rows` rows from the cursor's, at whose start it is, and what is below them; the cursor stays. Its own row goes
 * first: tmux keeps a whole screen that is erased from its first place in the scrollback.
 */
const erase = (rows: number) => ERASE_LINE_END + (rows > 1 ? '\n\u001b[J\u001b[A' : '');
const HOME = '\u001b[H';
const CURSOR_OFF = '\u001b[?25l';
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';

/** Scrolls what is above the cursor into the scrollback and goes to the first row. */
const emptyScreen = (rows: number) => `${'\n'.repeat(Math.max(0, rows - 1))}${HOME}`;

/** A size is believed when no other follows within so many milliseconds: a window that is dragged has dozens. */
const SETTLE = 60;
/** Whoever drags on sees the new size at least this often, in milliseconds. */
const SETTLE_AT_MOST = 1000;
/**
 * What was written so many milliseconds before we hear of a resize may have been on its way when it happened, and then
 * it landed elsewhere. At least this; twice the time of an answer where that is longer.
 */
const ON_ITS_WAY = 300;
/** tmux tells of a resize at most four times a second; so long, in milliseconds, a size that differs is waited for. */
const TOLD_LATE = 300;

/** Frames that follow each other faster than this, in milliseconds, are not all shown. The first one is, at once. */
const FRAME = 16;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Where the cursor is and what the terminal does with what is on the screen. */
export interface Place {
  readonly habits: Habits;
  /** The cursor's row on the screen, from 1. */
  readonly row: number;
  /** How wide the terminal is, which programs may be told of later. */
  readonly columns: number;
}

export interface PainterOptions {
  write(text: string): void;
  /** The terminal's size at this moment. */
  measure(): Size;
  /** Asks the terminal; undefined where it does not answer. */
  locate(): Promise<Place | undefined>;
  /** The size that counts from now on; calls `paint` with what fits it before it returns. */
  onSize(size: Size): void;
}

export interface Painter {
  /** The size that frames are to be drawn for. */
  readonly size: Size;
  /**
   * Shows `live` as the last thing on the terminal, above it every line of `kept` that was not printed yet. Rows must
   * be narrower than the terminal. What did not change is not written again.
   * @param isFleeting nothing of the live region may get into the scrollback, whatever that costs above it
   */
  paint(kept: readonly string[], live: readonly string[], isFleeting?: boolean): void;
  /** The terminal has, or may have, another size. */
  resized(): void;
  /** Erases the live region: the terminal belongs to somebody else until `enter`. */
  leave(): void;
  /** Draws below whatever was written meanwhile. */
  enter(): void;
  /** Resolves when what was painted last is on the terminal, and no answer of it is on its way. */
  settled(): Promise<void>;
}

interface Frame {
  readonly kept: readonly string[];
  readonly live: readonly string[];
  readonly isFleeting: boolean;
}

/** Resizes that follow each other. */
interface Settling {
  /** When the terminal was looked at last, or when the first resize came; milliseconds since the process began. */
  since: number;
  timer?: NodeJS.Timeout;
  /** A resize has come after the last look. */
  isDue: boolean;
  looks: number;
  /** A size that we were not told of was waited for. */
  isWaited: boolean;
  readonly ended: Promise<void>;
  end(): void;
}

/**
 * The only one who writes to the terminal while the wizard runs. What is above the live region is never touched, and
 * the scrollback is never cleared. After a resize it erases exactly the rows that the last frame takes then: terminals
 * break its lines anew, or do not, and move it by as many rows as they like. So the terminal is asked where the cursor
 * is, which ends every frame, and nothing is written until it has answered. Where the rows cannot be known (a terminal
 * that does not answer, a frame that was on its way) nothing is erased: the screen is scrolled away, and the frame
 * begins on an empty one.
 */
export function createPainter({ write, measure, locate, onSize }: PainterOptions): Painter {
  let size = measure();
  /** Rows of the live region on the terminal; the cursor is at the start of the row below them. */
  let shown: readonly string[] = [];
  /** From the oldest row of a former frame that is out of reach to the last line above the live region. */
  let above: readonly Written[] = [];
  let printed = 0;
  let wanted: Frame = { kept: [], live: [], isFleeting: false };
  let isFleeting = false;
  /** Rows of former frames may be above this one, nobody knows how many. */
  let isLost = false;
  /** The longest that an answer has taken, in milliseconds. */
  let delay = 0;
  let isHidden = false;
  let isAway = false;

  /** When something was written last, milliseconds since the process began. */
  let sent = Number.NEGATIVE_INFINITY;
  let next: NodeJS.Timeout | undefined;
  const send = (text: string) => {
    clearTimeout(next);
    next = undefined;
    if (text === '') return;
    sent = performance.now();
    const hide = isHidden ? '' : CURSOR_OFF;
    isHidden = true;
    write(BEGIN + hide + text + END);
  };
  /** The text that makes the terminal show `lines` where the live region is; the live ones are its last. */
  const replace = (lines: readonly string[], live: readonly string[]): string => {
    const isSame = shown.length === lines.length && lines.every((line, i) => line === shown[i]);
    if (isSame) return '';
    const found = lines.findIndex((line, i) => line !== shown[i]);
    const first = found < 0 ? lines.length : found;
    const text = lines
      .slice(first)
      .map((line, i) => (line === shown[first + i] ? '\n' : `${line}${ERASE_LINE_END}\n`));
    const rest = lines.length < shown.length ? erase(shown.length - lines.length + 1) : '';
    const moved = up(shown.length - first);
    shown = live;
    return moved + text.join('') + rest;
  };
  const flush = () => {
    const news = wanted.kept.slice(printed);
    printed = wanted.kept.length;
    isFleeting = wanted.isFleeting;
    // A frame as tall as the terminal would scroll its own first row away.
    const live = wanted.live.slice(0, Math.max(0, size.rows - 1));
    const text = replace([...news, ...live], live);
    if (above.length > 0) above = fromDoomed([...above, ...news.map(stays)]);
    return text;
  };

  /** Undefined when the size is settled. */
  let settling: Settling | undefined;
  const settle = async (mine: Settling) => {
    mine.looks += 1;
    const look = mine.looks;
    mine.isDue = false;
    mine.since = performance.now();
    size = measure();
    onSize(size);
    const place = await locate();
    if (place) delay = Math.max(delay, performance.now() - mine.since);
    // Another resize came meanwhile and is settled later, or the terminal was given away.
    if (settling !== mine || mine.isDue || mine.looks !== look) return;
    if (place && place.columns !== size.columns && !mine.isWaited) {
      mine.isWaited = true;
      mine.timer = setTimeout(() => void settle(mine), TOLD_LATE);
      return;
    }
    const columns = place?.columns ?? size.columns;
    const lines = [...above, ...shown.map((text): Written => ({ text, stays: false }))];
    const gone = place && !isLost ? lift(lines, place.row - 1, columns, place.habits) : undefined;
    isLost ||= gone === undefined;
    above = gone?.above ?? [];
    const again = gone?.again ?? [];
    if (above.length > 0) above = [...above, ...again.map(stays)];
    // As if the terminal broke its lines anew: then it is all of the frame, or more than that.
    const wiped = isFleeting ? lift(lines, size.rows - 1, columns, BREAKING) : undefined;
    const rows = (gone ?? wiped)?.up ?? 0;
    const erased = `\r${up(rows)}${rows > 0 ? erase(rows + 1) : ''}`;
    shown = [];
    settling = undefined;
    const [from, news] = [gone && place ? place.row - rows : 1, wanted.kept.slice(printed)];
    send(erased + (gone ? '' : emptyScreen(size.rows)) + again.map((line) => `${line}\n`).join('') + flush());
    const written = [...again, ...news, ...shown].reduce((n, line) => n + rowsOf(line, columns).length, from);
    if (place) confirming = confirm(Math.min(size.rows, written));
    mine.end();
  };
  /** What was just painted was painted on a terminal of the size we know: then it has arrived, where it should. */
  const confirm = async (row: number) => {
    const painted = sent;
    const place = await locate();
    if (!settling && painted === sent && place?.columns === size.columns && place.row === row)
      sent = Number.NEGATIVE_INFINITY;
  };
  let confirming = Promise.resolve();
  const stop = () => {
    clearTimeout(settling?.timer);
    settling?.end();
    settling = undefined;
  };

  return {
    get size() {
      return size;
    },
    paint(kept, live, isFleeting = false) {
      wanted = { kept, live, isFleeting };
      if (isAway || settling || next !== undefined) return;
      const rest = sent + FRAME - performance.now();
      if (rest <= 0) send(flush());
      else next = setTimeout(() => send(flush()), rest);
    },
    resized() {
      if (isAway) return;
      clearTimeout(next);
      next = undefined;
      if (!settling) {
        let end = () => {};
        const ended = new Promise<void>((resolve) => {
          end = resolve;
        });
        const now = performance.now();
        isLost ||= now - sent < Math.max(ON_ITS_WAY, 2 * delay);
        settling = { since: now, isDue: true, looks: 0, isWaited: false, ended, end };
      }
      const mine = settling;
      clearTimeout(mine.timer);
      mine.isDue = true;
      mine.isWaited = false;
      const left = mine.since + SETTLE_AT_MOST - performance.now();
      mine.timer = setTimeout(() => void settle(mine), Math.max(0, Math.min(SETTLE, left)));
    },
    leave() {
      if (isAway) return;
      clearTimeout(next);
      next = undefined;
      stop();
      isAway = true;
      if (shown.length > 0) write(`\r${up(shown.length)}${erase(shown.length + 1)}`);
      shown = [];
      above = [];
    },
    enter() {
      isAway = false;
      isHidden = false;
      isLost = false;
      size = measure();
      onSize(size);
      send(flush());
    },
    async settled() {
      while (settling) await settling.ended;
      await confirming;
      if (next !== undefined) send(flush());
    },
  };
}

const BREAKING: Habits = { rewraps: true, joins: false };

const stays = (text: string): Written => ({ text, stays: true });
