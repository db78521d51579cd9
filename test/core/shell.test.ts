import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from '../../src/core/shell.ts';

it.each([
  ['/srv/corecube', '/srv/corecube'],
  ['/x/Größe mit Blank', "'/x/Größe mit Blank'"],
  ["it's", "'it'\\''s'"],
  ['a;b$(c)`d`', "'a;b$(c)`d`'"],
  ['', "''"],
])('quotes %j only where a shell needs it, and the shell reads it back', (text, word) => {
  expect(shellWord(text)).toBe(word);
  expect(execFileSync('sh', ['-c', `printf %s ${word}`], { encoding: 'utf8' })).toBe(text);
});
