/** Proves the terminal itself against small real programs: what it shows, sends, measures and remembers. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { personEnv } from './environment.ts';
import { processStat } from './processes.ts';
import { bash, reader } from './programs.ts';
import { Terminal } from './terminal.ts';

afterEach(Terminal.closeAll);

describe('what is seen', () => {
  it('keeps the screen and what scrolled away, and joins lines only the terminal broke', async () => {
    const terminal = bash('printf "%s" 0123456789ab; echo; seq 1 20', { columns: 10, rows: 5 });
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: null });
    expect(terminal.screen()).toBe('17\n18\n19\n20');
    expect(terminal.scrollback().split('\n').slice(0, 2)).toEqual(['0123456789ab', '1']);
    expect(terminal.raw()).toContain('0123456789ab\r\n1\r\n');
    expect(terminal.bytesWritten).toBe(terminal.raw().length);
  });

  it('follows the cursor and erased text', async () => {
    const terminal = bash(String.raw`printf 'one\ntwo\033[1A\r\033[Jthree'`);
    await terminal.exit;
    expect(terminal.screen()).toBe('three');
    expect(terminal.cursor()).toEqual({ x: 5, y: 0, visible: true });
    expect(terminal.escapeCount()).toBe(2);
    expect(terminal.escapeCount(/J$/)).toBe(1);
  });

  it('knows colours and attributes of each cell', async () => {
    const terminal = bash(
      String.raw`printf 'a\033[1;32mb\033[0;2mc\033[0;7md\033[0;4;38;2;1;2;3me\033[0;48;5;200mf\033[0m漢'`,
    );
    await terminal.exit;
    const [a, b, c, d, e, f, wide, behind] = terminal.cells()[0]!;
    expect(a).toMatchObject({
      text: 'a',
      width: 1,
      foreground: undefined,
      background: undefined,
      bold: false,
    });
    expect(b).toMatchObject({ text: 'b', bold: true, foreground: 2 });
    expect(c).toMatchObject({ text: 'c', dim: true, foreground: undefined });
    expect(d).toMatchObject({ text: 'd', inverse: true });
    expect(e).toMatchObject({ text: 'e', underline: true, foreground: '#010203' });
    expect(f).toMatchObject({ text: 'f', background: 200, underline: false });
    expect(wide).toMatchObject({ text: '漢', width: 2 });
    expect(behind).toMatchObject({ text: '', width: 0 });
  });

  it('loses nothing of a large output at the end', async () => {
    const terminal = bash('seq 1 40000');
    await terminal.exit;
    expect(terminal.raw().endsWith('\r\n40000\r\n')).toBe(true);
    expect(terminal.scrollback().split('\n')).toHaveLength(40_000);
  });

  it('keeps characters whole that arrive in pieces', async () => {
    const terminal = bash(String.raw`printf '\xe2\x9c'; sleep 0.05; printf '\x93 ok'`);
    await terminal.exit;
    expect(terminal.screen()).toBe('✓ ok');
  });

  it('gives programs a terminal of the right size without traces of the test run', async () => {
    const terminal = bash('stty size; tty; echo "[$CI$VITEST$NODE_ENV] $TERM"', {
      columns: 91,
      rows: 33,
      env: personEnv({}, { ...process.env, CI: 'true' }),
    });
    await terminal.exit;
    expect(terminal.screen()).toMatch(/^33 91\n\/dev\/pts\/\d+\n\[\] xterm-256color$/);
  });
});

describe('the window and the line', () => {
  it('tells the program of a new size', async () => {
    const terminal = bash('trap "stty size" WINCH; echo ready; while :; do read -t 1 -r; done');
    await terminal.waitFor('ready');
    terminal.resize(40, 20);
    await terminal.waitFor('20 40');
    expect([terminal.columns, terminal.rows]).toEqual([40, 20]);
  });

  it.each([
    ['SIGTERM', 'program'],
    ['SIGINT', 'foreground'],
  ] as const)('signals: %s to the %s', async (signal, whom) => {
    const terminal = bash('echo ready; exec cat');
    await terminal.waitFor('ready');
    terminal.kill(signal, whom);
    expect(await terminal.exit).toEqual({ exitCode: null, signal });
  });

  it('signals what has the keyboard although a wrapper waits before it', async () => {
    const inner = `trap 'echo inner; exit 5' TERM; echo ready; while :; do read -t 1 -r; done`;
    const terminal = bash(`trap 'echo outer' TERM; bash -c "${inner}"; exit $?`);
    await terminal.waitFor('ready');
    terminal.kill('SIGTERM', 'foreground');
    expect(await terminal.exit).toEqual({ exitCode: 5, signal: null });
    expect(terminal.screen()).toBe('ready\ninner\nouter');
  });

  it('cuts the line as a lost connection does', async () => {
    const terminal = reader();
    await terminal.waitFor('ready');
    terminal.hangUp();
    expect(await terminal.exit).toEqual({ exitCode: null, signal: 'SIGHUP' });
    expect(() => terminal.ttyState()).toThrow('cut');
  });

  it('sees that a program restored the terminal', async () => {
    const terminal = reader('\u001b[?25l\u001b[?2004h');
    await terminal.waitFor('ready');
    expect(terminal.leftBehind()).toEqual([
      'echo',
      'icanon',
      'isig',
      'icrnl',
      'cursorVisible',
      'bracketedPaste',
    ]);
    terminal.type('q');
    await terminal.exit;
    // Node restores the line by itself, but not what was asked for by escape sequences.
    expect(terminal.leftBehind()).toEqual(['cursorVisible', 'bracketedPaste']);
  });

  it('sees what a killed program left behind, and that a reset repairs it', async () => {
    const killed = reader('\u001b[?1049h\u001b[?25l');
    await killed.waitFor('ready');
    killed.kill('SIGKILL');
    expect(await killed.exit).toEqual({ exitCode: null, signal: 'SIGKILL' });
    expect(killed.leftBehind()).toEqual([
      'echo',
      'icanon',
      'isig',
      'icrnl',
      'cursorVisible',
      'alternateScreen',
    ]);

    const reset = bash(String.raw`stty raw -echo; printf '\033[?25l'; printf '\033c'; stty sane`);
    await reset.exit;
    expect(reset.leftBehind()).toEqual([]);
  });

  it('ends although something in the background keeps the terminal open', async () => {
    const terminal = bash('trap "" HUP; sleep 30 & echo started');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: null });
    expect(terminal.screen()).toBe('started');
  });
});

describe('waiting and measuring', () => {
  it('finds text wherever the output was cut', async () => {
    const terminal = bash('for c in h e l l o; do printf $c; sleep 0.01; done; read -r');
    expect(await terminal.waitFor(/h(el)+lo/)).toBe('hello');
    await terminal.waitFor((text) => text.length === 5);
  });

  it('shows the screen when time is up, and does not wait for a program that has ended', async () => {
    const terminal = bash('echo here I am; read -r');
    await terminal.waitFor('am');
    await expect(terminal.waitFor('never', { timeoutMs: 50 })).rejects.toThrow(
      /50 ms passed while waiting for never in the screen:[\s\S]*here I am/,
    );
    const ended = bash('echo over; exit 4');
    await expect(ended.waitFor('never', { timeoutMs: 60_000 })).rejects.toThrow(/ended[\s\S]*4[\s\S]*over/);
  });

  it('looks into the scrollback', async () => {
    const terminal = bash('echo first; seq 1 50; read -r', { rows: 5 });
    await terminal.waitFor('first', { in: 'scrollback' });
    await terminal.waitFor('50');
    expect(terminal.screen()).not.toContain('first');
  });

  it('settles once the output pauses, and gives up on output that never does', async () => {
    const terminal = bash('for i in 1 2 3; do echo $i; sleep 0.02; done; read -r');
    await terminal.settled({ quietMs: 300 });
    expect(terminal.screen()).toBe('1\n2\n3');
    const endless = bash('while :; do echo x; sleep 0.01; done');
    await endless.waitFor('x');
    const began = performance.now();
    await endless.settled({ atMostMs: 200 });
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('counts arrivals with their times, and the processor time of all processes', async () => {
    const terminal = bash('echo a; sleep 0.1; echo b; bash -c "while :; do :; done" & read -r');
    await terminal.waitFor('b');
    const [a, b] = terminal.frames;
    expect([a?.data, b?.data]).toEqual(['a\r\n', 'b\r\n']);
    expect(b!.at - a!.at).toBeGreaterThan(80);
    // However little of a processor a busy machine gives it.
    await vi.waitFor(() => expect(terminal.cpuMs()).toBeGreaterThan(50), { timeout: 10_000, interval: 50 });
  });

  it('closes everything it holds', async () => {
    const terminal = bash('trap "" TERM HUP INT; sleep 1000 & echo $!; wait');
    const child = Number(await terminal.waitFor(/^\d+$/));
    await terminal.close();
    await terminal.close();
    // Whoever inherits an orphan may take a moment to notice its end.
    await vi.waitFor(() => expect(processStat(child)?.state ?? 'gone').toMatch(/^(Z|gone)$/));
  });
});
