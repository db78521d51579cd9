import { describe, expect, it } from 'vitest';
import { chooseFrontend, type Surroundings } from '../../src/frontends/choose.ts';

const terminal: Surroundings = {
  stdinTTY: true,
  stdoutTTY: true,
  env: { TERM: 'xterm-256color' },
  plain: false,
  scripted: false,
};

describe('the front end', () => {
  it.each<[string, Partial<Surroundings>, 'tui' | 'line' | 'script']>([
    ['a terminal', {}, 'tui'],
    ['a terminal of 16 colours', { env: { TERM: 'linux' } }, 'tui'],
    ['no colour wanted', { env: { TERM: 'xterm', NO_COLOR: '1' } }, 'tui'],
    ['--plain', { plain: true }, 'line'],
    ['ACCESSIBLE', { env: { TERM: 'xterm', ACCESSIBLE: '1' } }, 'line'],
    ['ACCESSIBLE switched off', { env: { TERM: 'xterm', ACCESSIBLE: '0' } }, 'tui'],
    ['ACCESSIBLE empty', { env: { TERM: 'xterm', ACCESSIBLE: '' } }, 'tui'],
    ['a terminal that cannot repaint', { env: { TERM: 'dumb' } }, 'line'],
    ['no TERM', { env: {} }, 'line'],
    ['an empty TERM', { env: { TERM: '' } }, 'line'],
    ['output into tee', { stdoutTTY: false }, 'line'],
    ['answers from a pipe', { stdinTTY: false }, 'script'],
    ['nothing but pipes', { stdinTTY: false, stdoutTTY: false }, 'script'],
    ['a pipeline with a terminal', { env: { TERM: 'xterm', CI: 'true' } }, 'script'],
    ['a pipeline that says 1', { env: { TERM: 'xterm', CI: '1' } }, 'script'],
    ['CI switched off', { env: { TERM: 'xterm', CI: 'false' } }, 'tui'],
    ['CI set to 0', { env: { TERM: 'xterm', CI: '0' } }, 'tui'],
    ['a variable that only begins like it', { env: { TERM: 'xterm', CI_: 'x', CIRCLE: '1' } }, 'tui'],
    ['--yes', { scripted: true }, 'script'],
    ['--yes beside --plain', { scripted: true, plain: true }, 'script'],
    ['--plain from a pipe', { plain: true, stdinTTY: false }, 'script'],
    ['--plain in a pipeline', { plain: true, env: { TERM: 'xterm', CI: 'true' } }, 'script'],
    ['a screen reader in a pipe', { env: { ACCESSIBLE: 'yes' }, stdoutTTY: false }, 'line'],
  ])('%s: %o is %s', (_, more, expected) => {
    expect(chooseFrontend({ ...terminal, ...more })).toBe(expected);
  });

  it('asks nobody who cannot answer, in any surroundings', () => {
    const bools = [true, false];
    let seen = 0;
    for (const stdinTTY of bools)
      for (const stdoutTTY of bools)
        for (const plain of bools)
          for (const scripted of bools)
            for (const CI of [undefined, 'true'])
              for (const TERM of [undefined, 'dumb', 'xterm']) {
                const kind = chooseFrontend({ stdinTTY, stdoutTTY, plain, scripted, env: { CI, TERM } });
                if (scripted || !stdinTTY || CI) expect(kind).toBe('script');
                else if (!stdoutTTY || plain || TERM !== 'xterm') expect(kind).toBe('line');
                else expect(kind).toBe('tui');
                seen += 1;
              }
    expect(seen).toBe(96);
  });
});
