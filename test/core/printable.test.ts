import { describe, expect, it } from 'vitest';
import { isPrintableLine, printable, printableLine } from '../../src/core/printable.ts';

const ESCAPE = '\u001b[31m';

describe('a printable line', () => {
  it.each([
    ['plain text, äöü, 漢字 and 😀', 'plain text, äöü, 漢字 and 😀'],
    ['two\r\nlines\u2028and\u0085more', 'two lines and more'],
    [`${ESCAPE}red`, '\\x1b[31mred'],
    ['a\u202eb\u200bc', 'a\\u202eb\\u200bc'],
    ['half \ud83d', 'half \\ud83d'],
  ])('%j is %j', (raw, line) => {
    expect(printableLine(raw, 100)).toBe(line);
    expect(isPrintableLine(line, 100)).toBe(true);
    expect(isPrintableLine(raw, 100)).toBe(raw === line);
  });

  it('is cut between characters, and what was cut is printable again', () => {
    expect(printableLine('abc😀', 4)).toBe('abc');
    expect(isPrintableLine(printableLine('abc😀', 4), 4)).toBe(true);
    expect(isPrintableLine('abcde', 4)).toBe(false);
  });

  it('keeps tabs and lines where more than one line may stand', () =>
    expect(printable(`a\tb\n${ESCAPE}`)).toBe('a\tb\n\\x1b[31m'));
});
