import { stripVTControlCharacters } from 'node:util';

/** A line of text being edited, as graphemes, so that a cursor never stands inside an accent or an emoji. */
export interface TextInput {
  readonly graphemes: readonly string[];
  /** Between 0 and `graphemes.length`. */
  readonly cursor: number;
}

export type Edit =
  | { readonly do: 'insert'; readonly text: string }
  | {
      readonly do:
        | 'left'
        | 'right'
        | 'home'
        | 'end'
        | 'backspace'
        | 'delete'
        | 'delete-to-start'
        | 'delete-to-end'
        | 'delete-word';
    };

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Splits text into what a reader sees as characters. */
export const graphemesOf = (text: string): string[] => [...segmenter.segment(text)].map((s) => s.segment);

/** An input that holds `text`, the cursor at its end. */
export function textInput(text = ''): TextInput {
  const graphemes = graphemesOf(text);
  return { graphemes, cursor: graphemes.length };
}

export const textOf = (input: TextInput): string => input.graphemes.join('');

/** What the edit leaves. Inserted text must be free of control characters (`cleanPaste`). */
export function edit(input: TextInput, action: Edit): TextInput {
  const { graphemes, cursor } = input;
  const cut = (from: number, to: number) => joined(graphemes.slice(0, from).join(''), graphemes.slice(to));
  switch (action.do) {
    case 'insert':
      return joined(graphemes.slice(0, cursor).join('') + action.text, graphemes.slice(cursor));
    case 'left':
      return { graphemes, cursor: Math.max(0, cursor - 1) };
    case 'right':
      return { graphemes, cursor: Math.min(graphemes.length, cursor + 1) };
    case 'home':
      return { graphemes, cursor: 0 };
    case 'end':
      return { graphemes, cursor: graphemes.length };
    case 'backspace':
      return cursor === 0 ? input : cut(cursor - 1, cursor);
    case 'delete':
      return cursor === graphemes.length ? input : cut(cursor, cursor + 1);
    case 'delete-to-start':
      return cut(0, cursor);
    case 'delete-to-end':
      return cut(cursor, graphemes.length);
    case 'delete-word': {
      let from = cursor;
      while (from > 0 && graphemes[from - 1] === ' ') from -= 1;
      while (from > 0 && graphemes[from - 1] !== ' ') from -= 1;
      return cut(from, cursor);
    }
  }
}

/** Split anew: what an edit brings together can be one character now. The cursor stands behind what touches `before`. */
function joined(before: string, after: readonly string[]): TextInput {
  const graphemes = graphemesOf(before + after.join(''));
  let cursor = 0;
  for (let length = 0; length < before.length; cursor += 1) length += graphemes[cursor]?.length ?? 0;
  return { graphemes, cursor };
}

/**
 * Pasted text made fit for one line: line breaks at the ends are dropped, those inside become `lineBreak`, escape
 * sequences and other control characters vanish. `lines` tells how many lines it had.
 */
export function cleanPaste(text: string, lineBreak: string): { text: string; lines: number } {
  const lines = stripVTControlCharacters(text)
    .replace(/\r\n?/g, '\n')
    .replace(/^\n+|\n+$/g, '')
    .split('\n')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is dropped
    .map((line) => line.replace(/[\u0000-\u001f\u007f-\u009f]/g, ''));
  return { text: lines.join(lineBreak), lines: lines.length };
}
