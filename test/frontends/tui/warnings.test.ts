import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { holdWarnings } from '../../../src/frontends/tui/warnings.ts';

let release: (() => void) | undefined;
afterEach(() => release?.());

it('holds what Node says until the screen is given back, and tells it once', async () => {
  const heard: Error[] = [];
  const listener = (warning: Error) => void heard.push(warning);
  process.on('warning', listener);
  const written: string[] = [];
  release = holdWarnings((text) => written.push(text));
  process.emitWarning('a canary of a leak', 'MaxListenersExceededWarning');
  await turn();
  expect(heard).toEqual([]);
  expect(written).toEqual([]);
  release();
  release();
  expect(written).toEqual(['MaxListenersExceededWarning: a canary of a leak\n']);
  process.emitWarning('afterwards');
  await turn();
  expect(heard.map((w) => w.message)).toEqual(['afterwards']);
  process.off('warning', listener);
});
