import { describe, expect, it } from 'vitest';
import {
  cleanPaste,
  type Edit,
  edit,
  graphemesOf,
  type TextInput,
  textInput,
  textOf,
} from '../../../src/frontends/tui/model/text-input.ts';
import { random } from './random.ts';

const FAMILY = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}';
const FLAG = '\u{1f1e9}\u{1f1ea}';
const ACCENT = 'e\u0301';

const insert = (text: string): Edit => ({ do: 'insert', text });
const apply = (start: TextInput, ...actions: (Edit | Exclude<Edit['do'], 'insert'>)[]) =>
  actions.reduce<TextInput>(
    (input, action) => edit(input, typeof action === 'string' ? ({ do: action } as Edit) : action),
    start,
  );
/** The text with a bar where the cursor is. */
const shown = ({ graphemes, cursor }: TextInput) =>
  `${graphemes.slice(0, cursor).join('')}|${graphemes.slice(cursor).join('')}`;

describe('text input', () => {
  it.each([
    ['a combining accent', ACCENT],
    ['a family joined by ZWJ', FAMILY],
    ['a flag of two regional indicators', FLAG],
    ['a wide character', '漢'],
    ['a skin tone', '\u{1f44b}\u{1f3fd}'],
  ])('%s is one character for the cursor, for backspace and for delete', (_, one) => {
    const all = textInput(`a${one}b`);
    expect(all.graphemes).toEqual(['a', one, 'b']);
    expect(shown(apply(all, 'left', 'left'))).toBe(`a|${one}b`);
    expect(shown(apply(all, 'left', 'backspace'))).toBe('a|b');
    expect(shown(apply(all, 'home', 'right', 'delete'))).toBe('a|b');
  });

  it.each([
    ['an accent', ['e', '\u0301'], 1],
    ['a family', [...FAMILY], 1],
    ['a flag', [...FLAG], 1],
    ['two flags', [...FLAG, ...FLAG], 2],
  ])('%s that is typed code point by code point grows together', (_, points, count) => {
    const input = apply(textInput(), ...points.map(insert));
    expect(input).toEqual({ graphemes: graphemesOf(points.join('')), cursor: count });
    expect(apply(textInput('ab'), 'left', ...points.map(insert)).cursor).toBe(count + 1);
  });

  it('what grows together only because of an edit is one character, too', () => {
    const [first = '', second = ''] = FLAG;
    const flag = apply(textInput('x'), insert(second), 'home', insert(first), 'delete');
    expect(flag).toEqual({ graphemes: [`${first}${second}`], cursor: 1 });
    expect(shown(apply(textInput('\u{1f467}'), 'home', insert('\u{1f468}\u200d')))).toBe(
      '\u{1f468}\u200d\u{1f467}|',
    );
    expect(shown(apply(textInput('e'), insert('x'), insert('\u0301'), 'left', 'backspace'))).toBe('|x\u0301');
  });

  it.each<[Exclude<Edit['do'], 'insert'>, string]>([
    ['home', '|one two three'],
    ['end', 'one two three|'],
    ['left', 'one tw|o three'],
    ['right', 'one two |three'],
    ['backspace', 'one tw| three'],
    ['delete', 'one two|three'],
    ['delete-to-start', '| three'],
    ['delete-to-end', 'one two|'],
    ['delete-word', 'one | three'],
  ])('%s in the middle', (action, expected) => {
    const middle = { ...textInput('one two three'), cursor: 7 };
    expect(shown(apply(middle, action))).toBe(expected);
  });

  it('nothing happens beyond either end', () => {
    const start = apply(textInput('ab'), 'home');
    for (const action of ['left', 'backspace', 'delete-to-start', 'delete-word', 'home'] as const)
      expect(shown(apply(start, action)), action).toBe('|ab');
    for (const action of ['right', 'delete', 'delete-to-end', 'end'] as const)
      expect(shown(apply(textInput('ab'), action)), action).toBe('ab|');
    for (const action of ['left', 'right', 'backspace', 'delete', 'delete-word', 'delete-to-end'] as const)
      expect(shown(apply(textInput(), action)), action).toBe('|');
  });

  it('deletes a word with the spaces after it', () => {
    expect(shown(apply(textInput('10.0.0.0/8, 192.168.0.0/16  '), 'delete-word'))).toBe('10.0.0.0/8, |');
    expect(shown(apply(textInput('   '), 'delete-word'))).toBe('|');
  });

  it('inserts where the cursor is and stays behind what was inserted', () => {
    expect(shown(apply(textInput('ad'), 'left', insert('bc')))).toBe('abc|d');
    expect(shown(apply(textInput('漢'), 'home', insert('字')))).toBe('字|漢');
  });

  it('the edited value is not touched', () => {
    const input = textInput('abc');
    const before = JSON.stringify(input);
    apply(input, 'backspace');
    apply(input, 'home', insert('x'), 'delete-to-end');
    expect(JSON.stringify(input)).toBe(before);
  });
});

/** The same editing done on an array of characters that never grow together, as plainly as it can be said. */
function naive(chars: string[], at: number, action: Edit): [string[], number] {
  const before = chars.slice(0, at);
  const after = chars.slice(at);
  switch (action.do) {
    case 'insert':
      return [[...before, ...action.text, ...after], at + [...action.text].length];
    case 'left':
      return [chars, at === 0 ? 0 : at - 1];
    case 'right':
      return [chars, at === chars.length ? at : at + 1];
    case 'home':
      return [chars, 0];
    case 'end':
      return [chars, chars.length];
    case 'backspace':
      return at === 0 ? [chars, 0] : [[...before.slice(0, -1), ...after], at - 1];
    case 'delete':
      return [[...before, ...after.slice(1)], at];
    case 'delete-to-start':
      return [after, 0];
    case 'delete-to-end':
      return [before, at];
    case 'delete-word': {
      const left = [...before.join('').replace(/[^ ]* *$/, '')];
      return [[...left, ...after], left.length];
    }
  }
}

const KINDS = [
  'insert',
  'insert',
  'insert',
  'left',
  'right',
  'home',
  'end',
  'backspace',
  'delete',
  'delete-to-start',
  'delete-to-end',
  'delete-word',
] as const;
const edits = (seed: number, alphabet: readonly string[]): Edit[] => {
  const { below, pick } = random(seed);
  return Array.from({ length: 60 }, (): Edit => {
    const kind = pick(KINDS);
    // The three that empty a text are rarer, or nothing would ever grow.
    if (kind.startsWith('delete-') && below(3) > 0) return { do: 'right' };
    const text = () => Array.from({ length: 1 + below(4) }, () => pick(alphabet)).join('');
    return kind === 'insert' ? { do: kind, text: text() } : ({ do: kind } as Edit);
  });
};
const seeds = Array.from({ length: 200 }, (_, i) => i + 1);

describe('any sequence of edits', () => {
  it('does what a naive editor does, where characters do not grow together', () => {
    let longest = 0;
    for (const seed of seeds) {
      let input = textInput();
      let model: [string[], number] = [[], 0];
      for (const action of edits(seed, ['a', 'b', ' ', ',', '漢', '\u{1f600}'])) {
        input = edit(input, action);
        model = naive(...model, action);
        const [chars, at] = model;
        expect([textOf(input), input.cursor], `seed ${seed}`).toEqual([chars.join(''), at]);
      }
      longest = Math.max(longest, input.graphemes.length);
    }
    expect(longest).toBeGreaterThan(10);
  });

  it('never leaves the cursor outside the text or inside a character', () => {
    const pieces = ['a', ' ', 'e', '\u0301', '\u200d', '\u{1f468}', '\u{1f467}', '\u{1f1e9}', '\u{1f1ea}'];
    for (const seed of seeds) {
      let input = textInput();
      for (const action of edits(seed, pieces)) {
        input = edit(input, action);
        expect(input.cursor).toBeGreaterThanOrEqual(0);
        expect(input.cursor).toBeLessThanOrEqual(input.graphemes.length);
        expect(input.graphemes, `seed ${seed}`).toEqual(graphemesOf(textOf(input)));
      }
    }
  });
});

describe('a paste', () => {
  it.each<[string, string, string, string, number]>([
    ['one line', 'abc', ' ', 'abc', 1],
    ['a line break at the end', 'abc\n', ' ', 'abc', 1],
    ['CRLF inside and at both ends', '\r\n\r\na\r\nb\r\n', ', ', 'a, b', 2],
    ['a lone carriage return', 'a\rb', ' ', 'a b', 2],
    ['a tab', 'a\tb', ' ', 'ab', 1],
    ['control characters', 'a\u0000b\u0003c\u007fd\u009be', ' ', 'abcde', 1],
    ['a colour', '\u001b[31mred\u001b[0m', ' ', 'red', 1],
    ['a title and its end', '\u001b]0;title\u0007text', ' ', 'text', 1],
    ['nothing but line breaks', '\r\n\n\r', ' ', '', 1],
    ['no text for a line break', 'a\nb', '', 'ab', 2],
  ])('%s', (_, pasted, lineBreak, text, lines) => {
    expect(cleanPaste(pasted, lineBreak)).toEqual({ text, lines });
  });

  it('4 kB of lines becomes one line without a control character', () => {
    const line = '10.1.2.0/24 \u001b[1mbold\u001b[0m\t';
    const { text, lines } = cleanPaste(`${line}\r\n`.repeat(160), ', ');
    expect(lines).toBe(160);
    expect(text.length).toBeGreaterThan(2000);
    expect(text).not.toMatch(/\p{Cc}/u);
    expect(text.split(', ')).toHaveLength(160);
    expect(text).not.toContain('[1m');
  });
});
