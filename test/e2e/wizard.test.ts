/** The wizard in a real terminal on real containers: a first install with mistakes, drift and repair, lost lines. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type BedHost, createHost, ensureBed } from '../bed/index.ts';
import { Terminal } from '../terminal/terminal.ts';
import { withoutThrottle } from './prepare.ts';
import { ALLOWED, DOMAIN, Install, TOOL, troubles } from './support.ts';

const TRANSCRIPTS = resolve(import.meta.dirname, '../../docs/transcripts');

/** Keeps what the terminal showed, when asked to: `TRANSCRIPTS=1`. */
async function keep(name: string, terminal: Terminal, install: Install): Promise<void> {
  if (process.env.TRANSCRIPTS !== '1') return;
  await mkdir(TRANSCRIPTS, { recursive: true });
  const shown = terminal.scrollback().replaceAll(install.dir, '/srv/corecube');
  // On a narrow screen the folder is cut short.
  const text = shown.replace(/\/tmp\/\S*/g, '/srv/corecube').trimEnd();
  await writeFile(join(TRANSCRIPTS, `${name}.txt`), `${text}\n`);
}

const LONG = { timeoutMs: 180_000 };

/** Starts the built tool as an operator who has come over SSH would. */
function start(
  install: Install,
  args: readonly string[] = [],
  size = { columns: 80, rows: 24 },
  env: Record<string, string> = {},
): Terminal {
  return Terminal.startIn(install.host, [process.execPath, TOOL, '--dir', install.dir, ...args], {
    ...size,
    env: { LANG: 'C.UTF-8', SSH_CONNECTION: `${ALLOWED} 51022 198.51.100.1 22`, ...env },
  });
}

/** Agrees to each step's changes as they come, until `end` is on the screen. */
async function agreeUntil(terminal: Terminal, end: RegExp): Promise<void> {
  for (let steps = 0; steps < 20; steps++) {
    const seen = await terminal.waitFor(
      (text) => end.test(text) || text.includes('a apply') || text.includes('r look again'),
      LONG,
    );
    if (end.test(seen)) return;
    if (seen.includes('r look again')) throw new Error(`a failure in the middle:\n${seen}`);
    const heading = seen.split('\n').findLast((line) => line.includes('●')) ?? '';
    const isSame = (text: string) => text.includes(heading) && text.includes('nothing of this is done yet');
    terminal.type('a');
    await terminal.waitFor((text) => !isSame(text) || end.test(text), LONG);
  }
  throw new Error('more steps than there are');
}

/** What was shown, as one line: where it wraps depends on the width. */
const said = (terminal: Terminal) => terminal.scrollback().replace(/\s+/g, ' ');

async function answer(terminal: Terminal, title: string, text: string): Promise<void> {
  await terminal.waitFor(title, LONG);
  if (text !== '') await terminal.typeByKey(text);
  await terminal.waitFor(`${text} `.trim());
  terminal.press('enter');
}

describe('the wizard', () => {
  let host: BedHost;
  let install: Install;

  beforeAll(async () => {
    await ensureBed();
    host = await createHost('wizard');
    const base = await mkdtemp(join(tmpdir(), 'ccs-wizard-'));
    install = new Install(host, join(base, 'corecube'), 'corecube');
  });
  afterEach(() => Terminal.closeAll());
  afterAll(() => host?.destroy());

  it('leaves nothing behind when it is cancelled at the first question', async () => {
    const terminal = start(install);
    await terminal.waitFor('Which CoreCube image shall run', LONG);
    terminal.press('ctrl+c');
    expect(await terminal.exit).toMatchObject({ exitCode: 130 });
    expect(terminal.leftBehind()).toEqual([]);
    expect((await host.run(['ls', '-A', resolve(install.dir, '..')])).stdout).toBe('');
  });

  it('gives the terminal to the shell on Ctrl+Z, and is there again, at once, on fg', async () => {
    const terminal = Terminal.startIn(install.host, ['bash', '--norc', '-i'], {
      env: { LANG: 'C.UTF-8' },
    });
    await terminal.waitFor(/^bash-[\d.]+[#$]/);
    terminal.type(`${process.execPath} ${TOOL} --dir ${install.dir}\r`);
    await terminal.waitFor('Which CoreCube image shall run', LONG);
    await terminal.typeByKey('abc');
    await terminal.waitFor('› abc');
    terminal.press('ctrl+z');
    await terminal.waitFor(
      (text) => /Stopped[\s\S]*bash-[\d.]+[#$]/.test(text) && !text.includes('enter accept'),
    );
    terminal.type('echo of-the-shell\r');
    await terminal.waitFor(/\nof-the-shell\n/);
    terminal.type('fg\r');
    // Without a key: the question is drawn, and what the shell wrote stays above it.
    await terminal.waitFor(/\nof-the-shell\n[\s\S]*[#$] fg\n[\s\S]*› abc/);
    await terminal.typeByKey('d');
    await terminal.waitFor('› abcd');
    expect(terminal.screen()).toMatch(/\nof-the-shell\n/);
    terminal.press('ctrl+c');
    await terminal.waitFor(/Nothing was changed[\s\S]*bash-[\d.]+[#$]/, LONG);
    terminal.type('exit\r');
    await terminal.exit;
  });

  it('takes an operator who errs, goes back and resizes from nothing to a proved install', async () => {
    await mkdir(install.dir, { recursive: true });
    await withoutThrottle(install);
    // Somebody holds a port of the proxy until he is told.
    const squatter = host.run(
      [
        process.execPath,
        '-e',
        'require("net").createServer().listen(443, "0.0.0.0"); setTimeout(() => {}, 300000)',
      ],
      { signal: AbortSignal.timeout(300_000), timeoutMs: 300_000 },
    );
    const terminal = start(install);
    await answer(terminal, 'Which CoreCube image shall run', 'corecube/corecube');
    await terminal.waitFor('it has no tag');
    await answer(terminal, 'Which CoreCube image shall run', ':v2');
    await answer(terminal, 'Under which name do people reach', 'foo.example.com');
    await terminal.waitFor('reserved for documentation');
    terminal.press('ctrl+u');
    await answer(terminal, 'Under which name', DOMAIN);
    await terminal.waitFor('Where does the certificate come from');
    terminal.press('escape');
    await terminal.waitFor(new RegExp(`Under which name[\\s\\S]*› ${DOMAIN}`));
    terminal.press('enter');
    // The name is private, so the private authority is filled in.
    await terminal.waitFor('› internal');
    terminal.press('enter');
    await terminal.waitFor(`you are connected from ${ALLOWED}`);
    terminal.paste(', 10.0.0.0/33\n');
    await terminal.waitFor('the prefix of an IPv4 range ends at 32');
    // A line break that arrives together with other keys counts as pasted, so each key waits for its effect.
    terminal.press('ctrl+w');
    await terminal.waitFor((text) => !text.includes('0.0/33'));
    terminal.press('backspace', 'backspace');
    await terminal.waitFor(/› 198\.51\.100\.7\/32\s*\n/);
    terminal.resize(60, 20);
    await terminal.waitFor('/mcp stay open because they ask for API keys');
    terminal.press('enter');
    await answer(terminal, 'Which e-mail address does the administrator', 'operator@corecube.test');
    await terminal.waitFor('› generate');
    terminal.resize(100, 30);
    terminal.press('enter');
    await terminal.waitFor('› bundled');
    terminal.press('enter');

    await terminal.waitFor('443 is held by', LONG);
    await terminal.waitFor('r look again');
    await host.run(['pkill', '-f', 'createServer']);
    await squatter;
    terminal.type('r');
    await terminal.waitFor((text) => !text.includes('443 is held by'), LONG);
    await agreeUntil(terminal, /Where is the copy of the encryption key/);
    await answer(terminal, 'Where is the copy of the encryption key', 'safe of office 2');
    await answer(terminal, 'On which encrypted medium', 'LUKS volume backup01');
    await terminal.waitFor('q quit', LONG);
    expect(said(terminal)).toContain('Every required control that applies is proved');

    const password = (await readFile(install.path('secrets/admin_password'), 'utf8')).trim();
    expect(terminal.raw()).not.toContain(password);
    terminal.type('1');
    await terminal.waitFor(password);
    terminal.type('x');
    await terminal.waitFor((text) => !text.includes(password));
    terminal.type('q');
    expect(await terminal.exit).toMatchObject({ exitCode: 0 });
    expect(terminal.leftBehind()).toEqual([]);
    expect(terminal.screen()).not.toMatch(/ctrl\+c|q quit/);
    expect(terminal.scrollback()).not.toContain(password);
    await keep('first-install', terminal, install);

    const { code, report } = await install.verify();
    expect(code, troubles(report)).toBe(0);
    expect(await install.read('.corecube-secure/report.md')).toContain(
      'Every required control that applies is proved',
    );
  });

  it('opens on what drifted, with nothing asked, and repairs just that', async () => {
    await host.run(['chmod', '644', install.path('secrets/encryption_key')]);
    const terminal = start(install, [], { columns: 100, rows: 30 });
    await terminal.waitFor('f repair this', LONG);
    expect(terminal.scrollback()).toMatch(/mode 0644/);
    expect(terminal.scrollback()).not.toContain('question');
    terminal.type('f');
    await terminal.waitFor((text) => !text.includes('f repair this'), LONG);
    await agreeUntil(terminal, /q quit/);
    terminal.type('q');
    expect(await terminal.exit).toMatchObject({ exitCode: 0 });
    expect(said(terminal)).toMatch(
      /Every required control that applies is proved \(\d+\)\. 1 change was made/,
    );
    // Finished parts are in the scrollback once; nothing of a live region stays there.
    expect(terminal.scrollback()).not.toMatch(
      /step \d+ of \d+|looked at and in order|nothing of this is done yet/,
    );
    const mode = await host.run(['stat', '-c', '%a', install.path('secrets/encryption_key')]);
    expect(mode.stdout.trim()).toBe('600');
    await keep('drift-and-repair', terminal, install);
  });

  it('shows a healthy install as such and quits', async () => {
    const terminal = start(install, [], { columns: 40, rows: 24 });
    await terminal.waitFor('q quit', LONG);
    expect(said(terminal)).toContain('Every required control that applies is proved');
    expect(terminal.screen()).not.toContain('repair');
    terminal.type('q');
    expect(await terminal.exit).toMatchObject({ exitCode: 0 });
    await keep('healthy-40-columns', terminal, install);
  });

  it('finishes the change under way on Ctrl+C and on a lost line, and converges afterwards', async () => {
    await host.run(['docker', 'rm', '--force', await install.container('caddy')]);
    const looked = start(install);
    await looked.waitFor('f repair this', LONG);
    looked.press('ctrl+c');
    expect(await looked.exit).toMatchObject({ exitCode: 130 });
    expect(said(looked)).toContain('Cancelled. Nothing was changed.');

    const cancelled = start(install);
    await cancelled.waitFor('f repair this', LONG);
    cancelled.type('f');
    await cancelled.waitFor('a apply', LONG);
    cancelled.press('ctrl+c');
    expect(await cancelled.exit).toMatchObject({ exitCode: 130 });
    expect(cancelled.leftBehind()).toEqual([]);

    const lost = start(install);
    await lost.waitFor('f repair this', LONG);
    lost.type('f');
    await lost.waitFor('a apply', LONG);
    lost.type('a');
    lost.hangUp();
    await lost.exit;
    const gone = await host.run(
      ['sh', '-c', `while pgrep -f "[b]in.cjs --dir ${install.dir}" >/dev/null; do :; done`],
      {
        timeoutMs: 120_000,
      },
    );
    expect(gone.exitCode).toBe(0);
    const again = await install.tool(['--yes', '--json', '--dir', install.dir]);
    expect(again.code, again.stdout.slice(0, 2000) + again.stderr).toBe(0);
  });

  it('says the same as plain sentences, without a single escape sequence', async () => {
    await host.run(['chmod', '640', install.path('secrets/encryption_key')]);
    const terminal = start(install, ['--plain']);
    await terminal.waitFor('Your choice:', { ...LONG, in: 'scrollback' });
    expect(said(terminal)).toContain("Failing: Only CoreCube's uid can read the key file");
    await terminal.typeByKey('1');
    // Enter right behind a key counts as pasted.
    await terminal.settled();
    terminal.press('enter');
    await terminal.waitFor(/nothing of it has been done yet[\s\S]*Your choice:/, {
      ...LONG,
      in: 'scrollback',
    });
    await terminal.typeByKey('1');
    await terminal.settled();
    terminal.press('enter');
    expect(await terminal.exit).toMatchObject({ exitCode: 0 });
    expect(terminal.escapeCount()).toBe(0);
    expect(said(terminal)).toMatch(
      /Every required control that applies is proved \(\d+\)\. 1 change was made/,
    );
    await keep('plain-drift-and-repair', terminal, install);
  });
});
