import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Key } from '../../../src/frontends/tui/keys.ts';
import { type Terminal, takeTerminal } from '../../../src/frontends/tui/terminal.ts';

const ESC = '\u001b';
const PASTE = { on: `${ESC}[200~`, off: `${ESC}[201~` };

/** A terminal whose both ends are in this process. */
function open() {
  const input = new PassThrough() as PassThrough & NodeJS.ReadStream;
  const output = new PassThrough() as PassThrough & NodeJS.WriteStream;
  const raw: boolean[] = [];
  input.setRawMode = (mode) => {
    raw.push(mode);
    return input;
  };
  const keys: Key[] = [];
  const ends: string[] = [];
  let heard: (() => void) | undefined;
  const terminal = takeTerminal({
    input,
    output,
    onKey: (key) => {
      keys.push(key);
      heard?.();
    },
    onEnd: () => ends.push('end'),
    onResume: () => ends.push('resume'),
  });
  opened.push(terminal);
  return {
    terminal,
    input,
    raw,
    keys,
    ends,
    names: () => keys.map((key) => key.name),
    /** Node 26 reads a chunk at a time, older ones all that is there. */
    written: () => {
      let text = '';
      for (let chunk = output.read(); chunk !== null; chunk = output.read()) text += String(chunk);
      return text;
    },
    /** Each chunk as one read of the terminal, all of them before anything else of this process runs. */
    arrive: async (...chunks: (string | Buffer)[]) => {
      for (const chunk of chunks) input.emit('data', Buffer.from(chunk));
      await turn();
    },
    /** Resolves once that many keys have come. */
    count: (n: number) =>
      new Promise<void>((resolve) => {
        heard = () => keys.length >= n && resolve();
        heard();
      }),
  };
}
const opened: Terminal[] = [];
afterEach(() => {
  for (const terminal of opened.splice(0)) terminal.release();
});

describe('keys as Node reads them', () => {
  it.each<[string, string, string]>([
    ['a letter', 'a', 'a'],
    ['a capital letter', 'A', 'A'],
    ['a digit', '7', '7'],
    ['a question mark', '?', '?'],
    ['a wide character', '漢', '漢'],
    ['an emoji', '\u{1f600}', '\u{1f600}'],
    ['the space bar', ' ', ' '],
  ])('%s writes itself', async (_, sent, name) => {
    const { arrive, keys } = open();
    await arrive(sent);
    expect(keys).toEqual([{ name, text: name }]);
  });

  it.each<[string, string]>([
    ['\r', 'enter'],
    ['\n', 'enter'],
    ['\t', 'tab'],
    ['\u007f', 'backspace'],
    ['\b', 'backspace'],
    [`${ESC}[A`, 'up'],
    [`${ESC}OB`, 'down'],
    [`${ESC}[C`, 'right'],
    [`${ESC}[D`, 'left'],
    [`${ESC}[H`, 'home'],
    [`${ESC}OF`, 'end'],
    [`${ESC}[1~`, 'home'],
    [`${ESC}[4~`, 'end'],
    [`${ESC}[3~`, 'delete'],
    [`${ESC}[5~`, 'pageup'],
    [`${ESC}[6~`, 'pagedown'],
    [`${ESC}OP`, 'f1'],
    [`${ESC}[11~`, 'f1'],
    ['\u0001', 'ctrl+a'],
    ['\u0003', 'ctrl+c'],
    ['\u0005', 'ctrl+e'],
    ['\u000b', 'ctrl+k'],
    ['\u0013', 'ctrl+s'],
    ['\u0015', 'ctrl+u'],
    ['\u0017', 'ctrl+w'],
    ['\u001a', 'ctrl+z'],
    [`${ESC}b`, 'alt+b'],
    [`${ESC}[1;5D`, 'ctrl+left'],
  ])('%j is %s and writes nothing', async (sent, name) => {
    const { arrive, keys } = open();
    await arrive(sent);
    expect(keys).toEqual([{ name, text: '' }]);
  });

  it.each([`${ESC}[99~`, `${ESC}[25~`, '\u0000', '\u001c'])(
    'what is not known (%j) writes nothing',
    async (sent) => {
      const { arrive, keys } = open();
      await arrive(sent, 'x');
      expect(keys.slice(0, -1).map((key) => key.text)).toEqual(keys.slice(0, -1).map(() => ''));
      expect(keys.at(-1)).toEqual({ name: 'x', text: 'x' });
    },
  );

  it('Escape alone is known soon, and after it the next key is itself again', async () => {
    const { arrive, count, names } = open();
    await arrive(ESC);
    await count(1);
    await arrive('a');
    expect(names()).toEqual(['escape', 'a']);
  });

  it.each([[[ESC, '\u0003']], [[`${ESC}\u0003`]]])(
    'Escape and Ctrl+C at once (%j) cancels',
    async (chunks) => {
      const { arrive, names } = open();
      await arrive(...chunks);
      expect(names()).toEqual(['ctrl+c']);
    },
  );

  it('an arrow key and Enter that arrive together are two keys', async () => {
    const { arrive, names } = open();
    await arrive(`${ESC}[B\r`);
    expect(names()).toEqual(['down', 'enter']);
  });
});

describe('keys that a slow line brought together', () => {
  it.each([
    ['y\r', ['y', 'enter']],
    ['11\r', ['1', '1', 'enter']],
  ])('%j are still keys', async (sent, expected) => {
    const { arrive, names } = open();
    await arrive(sent);
    expect(names()).toEqual(expected);
  });
});

describe('a paste', () => {
  const text = `one\r\ntwo\tthree ${'x'.repeat(4096)}\nlast\n`;

  it('between brackets is one key, however it is cut', async () => {
    const whole = `a${PASTE.on}${text}${PASTE.off}b`;
    for (const size of [1, 7, 100, 4095, whole.length]) {
      const { arrive, keys, names } = open();
      const chunks: string[] = [];
      // The bracket itself is one write of the terminal.
      chunks.push(`a${PASTE.on}`);
      const inside = `${text}`;
      for (let at = 0; at < inside.length; at += size) chunks.push(inside.slice(at, at + size));
      await arrive(...chunks, `${PASTE.off}b`);
      expect(names(), `cut at ${size}`).toEqual(['a', 'paste', 'b']);
      expect(keys[1]?.text).toBe(text);
    }
  });

  it('between brackets keeps what looks like keys from being pressed', async () => {
    const { arrive, keys } = open();
    await arrive(`${PASTE.on}\u0003${ESC}[A\r${PASTE.off}`);
    expect(keys.map((key) => key.name)).toEqual(['paste']);
  });

  it.each<[string, (string | Buffer)[], string]>([
    ['one chunk', ['one\ntwo\n'], 'one\ntwo\n'],
    ['a line and its end', ['secret\r'], 'secret\r'],
    ['nothing but line breaks', ['\r\r'], '\r\r'],
    ['two chunks at once', ['one\ntwo', 'three\nfour'], 'one\ntwothree\nfour'],
    ['a last line break apart', ['one\ntwo', '\n'], 'one\ntwo\n'],
    ['the rest of a line apart', ['one\ntw', 'o'], 'one\ntwo'],
    ['colours in it', [`${ESC}[31mone${ESC}[0m\ntwo\n`], `${ESC}[31mone${ESC}[0m\ntwo\n`],
    [
      'a character cut in two',
      [Buffer.from('a\né').subarray(0, 3), Buffer.from('é\n').subarray(1)],
      'a\né\n',
    ],
  ])('without brackets, %s: one paste and no Enter', async (_, chunks, pasted) => {
    const { arrive, keys } = open();
    await arrive(...chunks);
    expect(keys).toEqual([{ name: 'paste', text: pasted }]);
  });

  it('without brackets comes before what is typed after it', async () => {
    const { arrive, names } = open();
    await arrive('one\ntwo', `${ESC}[A`);
    await arrive('x');
    expect(names()).toEqual(['paste', 'up', 'x']);
  });

  it('a Ctrl+C behind typed lines still stops', async () => {
    const { arrive, names } = open();
    await arrive('one\r\u0003');
    expect(names()).toContain('ctrl+c');
    expect(names()).not.toContain('enter');
  });
});

describe('the terminal', () => {
  it('is taken raw with paste brackets, and given back with both undone and the cursor on', () => {
    const { terminal, raw, written } = open();
    expect([raw, written()]).toEqual([[true], `${ESC}[?2004h`]);
    terminal.release();
    expect(raw).toEqual([true, false]);
    expect(written()).toBe(`${ESC}[?2004l${ESC}[?25h`);
  });

  it('is given back once, however often it is asked for, and listens no more', async () => {
    const { terminal, raw, written, keys, input, ends, arrive } = open();
    const listening = process.listenerCount('exit');
    terminal.release();
    written();
    terminal.release();
    expect([raw, written()]).toEqual([[true, false], '']);
    expect(process.listenerCount('exit')).toBe(listening - 1);
    await arrive('a', 'b\nc');
    input.emit('end');
    expect([keys, ends]).toEqual([[], []]);
  });

  it('a paste that is under way when it is given back is dropped', async () => {
    const { terminal, input, keys } = open();
    input.emit('data', Buffer.from('one\ntwo'));
    terminal.release();
    await turn();
    expect(keys).toEqual([]);
  });

  it('the other end may be gone when it is given back', () => {
    const { terminal, input } = open();
    input.setRawMode = () => {
      throw new Error('EIO');
    };
    expect(() => terminal.release()).not.toThrow();
  });

  it.each(['end', 'error'])('%s of the input is the end', (event) => {
    const { input, ends } = open();
    input.emit(event, new Error('EIO'));
    expect(ends).toEqual(['end']);
  });

  it('is given back while the process is stopped, and taken and painted again after', () => {
    const { terminal, raw, written, ends } = open();
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      written();
      terminal.suspend();
      expect([raw, written()]).toEqual([[true, false], `${ESC}[?2004l${ESC}[?25h`]);
      expect(kill).toHaveBeenCalledWith(process.pid, 'SIGTSTP');
      process.emit('SIGCONT');
      expect([raw, written(), ends]).toEqual([[true, false, true], `${ESC}[?2004h`, ['resume']]);
    } finally {
      kill.mockRestore();
    }
  });

  it('given back for good while stopped, it is not taken again', () => {
    const { terminal, raw, ends } = open();
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      terminal.suspend();
      terminal.release();
      process.emit('SIGCONT');
      expect([raw, ends]).toEqual([[true, false], []]);
    } finally {
      kill.mockRestore();
    }
  });
});
