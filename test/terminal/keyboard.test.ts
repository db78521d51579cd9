/** What a program receives from the terminal's keyboard, and what the line does with it on the way. */
import { afterEach, describe, expect, it } from 'vitest';
import { personEnv } from './environment.ts';
import { bash, reader } from './programs.ts';
import { Terminal } from './terminal.ts';

afterEach(Terminal.closeAll);

describe('what is pressed', () => {
  it('reaches a program in raw mode byte by byte', async () => {
    const terminal = reader();
    await terminal.waitFor('ready');
    expect(terminal.isRawMode()).toBe(true);
    const presses = [
      ['up', '\\u001b[A'],
      ['home', '\\u001b[H'],
      ['enter', '\\r'],
      ['backspace', 'DEL'],
      ['escape', '\\u001b'],
      ['ctrl+c', '\\u0003'],
      ['ctrl+u', '\\u0015'],
      ['ctrl+w', '\\u0017'],
      ['ctrl+z', '\\u001a'],
      ['alt+b', '\\u001bb'],
    ] as const;
    for (const [key, bytes] of presses) {
      terminal.press(key);
      // The last line only: nothing else may have arrived.
      await terminal.waitFor(() => terminal.raw().endsWith(`got "${bytes}"\r\n`));
    }
    terminal.type('q');
    expect(await terminal.exit).toEqual({ exitCode: 7, signal: null });
  });

  it('types text in one piece or key by key', async () => {
    const terminal = reader();
    await terminal.waitFor('ready');
    terminal.type('abc');
    await terminal.waitFor('got "abc"');
    await terminal.typeByKey('xyz');
    expect(terminal.screen()).toMatch(/got "x"\ngot "y"\ngot "z"$/);
  });

  it('sends application keys when the program asked for them', async () => {
    const terminal = reader('\u001b[?1h');
    await terminal.waitFor('ready');
    terminal.press('down');
    await terminal.waitFor('got "\\u001bOB"');
  });

  it('pastes plainly, and in brackets when the program asked for it', async () => {
    const plain = reader();
    await plain.waitFor('ready');
    plain.paste('a\nb');
    await plain.waitFor('got "a\\rb"');

    const bracketed = reader('\u001b[?2004h');
    await bracketed.waitFor('ready');
    expect(bracketed.ttyState().bracketedPaste).toBe(true);
    bracketed.paste('a\nb\u001b[201~c');
    await bracketed.waitFor('got "\\u001b[200~a\\rb[201~c\\u001b[201~"');
  });

  it('echoes and edits lines where the program left that to the line', async () => {
    const terminal = Terminal.start(['cat']);
    terminal.type('helxx');
    terminal.press('backspace', 'backspace');
    terminal.type('lo');
    terminal.press('enter');
    await terminal.waitFor('hello\nhello');
    terminal.press('ctrl+d');
    expect(await terminal.exit).toEqual({ exitCode: 0, signal: null });
  });

  it('stops and continues a program under a shell', async () => {
    const terminal = Terminal.start(['bash', '--norc', '-i'], { env: personEnv({ PS1: '$ ' }) });
    await terminal.waitFor('$');
    // Written so that only the program's own output says "ready".
    terminal.type(`bash -c 'echo rea""dy; exec cat'\r`);
    await terminal.waitFor('ready');
    terminal.press('ctrl+z');
    await terminal.waitFor('Stopped');
    terminal.type('fg\r');
    await terminal.waitFor(/fg\nbash -c/);
    terminal.type('back\r');
    await terminal.waitFor('back\nback');
    terminal.press('ctrl+c');
    // The line forgets what was typed ahead when it sends the signal.
    await terminal.waitFor(/\^C\n\$$/);
    terminal.type('exit 3\r');
    expect(await terminal.exit).toEqual({ exitCode: 3, signal: null });
  });

  it('answers when a program asks for the cursor', async () => {
    const terminal = bash(
      // The answer may be there before `read` is: the line must not echo it in the meantime.
      String.raw`stty -echo -icanon; printf 'abc\033[6n'; IFS= read -rs -d R place; echo " $(cut -c3- <<<$place)"`,
    );
    await terminal.exit;
    expect(terminal.screen()).toBe('abc 1;4');
  });
});
