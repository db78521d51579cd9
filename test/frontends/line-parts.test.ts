/** What a pseudo-terminal cannot show: the clock, a drifted install, an input that ends, a run that is not asked. */
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Asking, Event } from '../../src/core/frontend.ts';
import type { Finding, Report } from '../../src/core/report.ts';
import { fail, pass, type Verdict } from '../../src/core/step.ts';
import { lineFrontend } from '../../src/frontends/line/index.ts';
import { plain } from '../../src/frontends/line/speech.ts';

function conversation() {
  const input = new PassThrough();
  const output = new PassThrough();
  const abort = new AbortController();
  const front = lineFrontend({
    product: { name: 'toy', version: '1', sections: {} },
    style: { colour: false, unicode: false, width: 80, verbose: false, planning: false },
    input: input as unknown as NodeJS.ReadStream,
    output: output as unknown as NodeJS.WriteStream,
    cancel: () => abort.abort(),
    signal: abort.signal,
    keep: () => [],
    reveals: [],
    reportFile: '/r',
  });
  let text = '';
  let wake = () => {};
  output.on('data', (chunk) => {
    text += String(chunk);
    wake();
  });
  const until = async (part: string, from = 0) => {
    while (!text.includes(part, from)) await new Promise<void>((done) => (wake = done));
    return text.length;
  };
  return { front, input, abort, until, text: () => text };
}

const finding = (control: string, title: string, verdict: Verdict): Finding => ({
  control,
  title,
  verdict,
  step: 'x',
  severity: 'required',
  section: 'operation',
  refs: [],
  threat: 't',
  remedy: 'close it',
  duration: 1,
});
const LOOK: readonly Event[] = [
  { type: 'run-start', mode: 'verify', dir: '/d', steps: [{ id: 'x', title: 'Database' }] },
  { type: 'step-start', step: 'x', title: 'Database', why: 'Because.', index: 3, total: 10 },
  { type: 'looking', step: 'x', phase: 'before', controls: [{ id: 'a', title: 'a' }] },
];
const asking: Asking = {
  id: 'q',
  question: { title: 'What?', help: 'Why.', section: 's', kind: 'text', example: 'e', parse: String },
  index: 1,
  total: 1,
  suggestions: [],
  canGoBack: false,
};

afterEach(() => void vi.useRealTimers());

describe('line front end, parts', () => {
  it('says every 30 s that it still waits, and has no timer otherwise', () => {
    vi.useFakeTimers();
    const { front, text } = conversation();
    for (const event of LOOK) front.emit(event);
    expect(text()).toContain('Step 4 of 10, Database.\n');
    vi.advanceTimersByTime(61_000);
    const said = text().match(/Still working on .*/g);
    expect(said).toEqual([
      'Still working on Database, looking at 1 control: 30 s so far.',
      'Still working on Database, looking at 1 control: 60 s so far.',
    ]);
    front.emit({
      type: 'finding',
      step: 'x',
      phase: 'before',
      finding: finding('a', 'a plaintext connection is refused', pass('yes')),
    });
    expect(text()).toContain('Its one control holds.');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('close leaves no timer', async () => {
    vi.useFakeTimers();
    const { front } = conversation();
    for (const event of LOOK) front.emit(event);
    await front.close();
    await front.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a drifted install: what does not hold, the verdict, then numbers; nothing twice', async () => {
    const { front, input, until, text } = conversation();
    const findings = [
      finding(
        'a',
        'only the proxy can be reached',
        fail('5432 is published', 'no other port', 'an override file'),
      ),
      finding('b', 'the key is there', pass('32 bytes')),
    ];
    const report = {
      mode: 'verify',
      exit: 1,
      verdict: '1 required control fails.',
      steps: [{ findings }],
    } as unknown as Report;
    for (const event of LOOK) front.emit(event);
    const before = text().length;
    front.emit({ type: 'run-end', report });
    const decided = front.decide({ is: 'drift', report });
    const at = await until('Your choice: ');
    expect(text().slice(before)).toBe(`
Failing: only the proxy can be reached.
  Seen: 5432 is published.
  Expected: no other port.
  Cause: an override file.
  Fix: close it.

1 required control fails.
Required: 1 proved, 1 failing, 0 not seen.
Advised: 0 proved, 0 failing, 0 not seen.

  1. Repair this; each change is shown before it is made.
  2. Show every control.
  3. Quit.
Your choice: `);
    input.write('2\r');
    await until('Your choice: ', at);
    expect(text()).toContain('Proved: the key is there.\n  Seen: 32 bytes.\n');
    input.write('1\r');
    expect(await decided).toEqual({ is: 'apply' });
  });

  it('an install that holds: nothing to repair is offered', async () => {
    const { front, input, until, text } = conversation();
    const report = { mode: 'verify', exit: 0, verdict: 'All is well.', steps: [] } as unknown as Report;
    const decided = front.decide({ is: 'drift', report });
    await until('Your choice: ');
    expect(text()).not.toContain('Repair');
    input.write('2\r');
    expect(await decided).toEqual({ is: 'stop' });
  });

  it('an input that ends, or a signal, answers what is open and what comes after', async () => {
    const ended = conversation();
    const reply = ended.front.ask(asking);
    await ended.until('Your answer: ');
    ended.input.end();
    expect(await reply).toEqual({ is: 'cancel' });
    expect(await ended.front.ask(asking)).toEqual({ is: 'cancel' });

    const signalled = conversation();
    const open = signalled.front.ask(asking);
    await signalled.until('Your answer: ');
    signalled.abort.abort();
    expect(await open).toEqual({ is: 'cancel' });
    expect(signalled.text()).not.toContain('Cancelled');
    const report = { verdict: 'v', steps: [] } as unknown as Report;
    expect(await signalled.front.decide({ is: 'drift', report })).toEqual({ is: 'stop' });
    expect([signalled.input.listenerCount('data'), signalled.input.isPaused()]).toEqual([0, true]);
  });

  it('a signal while something is being done says what happens next', () => {
    const { abort, text, front } = conversation();
    for (const event of LOOK) front.emit(event);
    abort.abort();
    expect(text()).toContain(
      '\nCancelled. What is being done now is finished first; nothing else is begun.\n',
    );
  });

  it('a key that arrives in pieces stays a key', async () => {
    const { front, input, until } = conversation();
    const reply = front.ask(asking);
    await until('Your answer: ');
    for (const piece of ['a', '\u001b[', 'D', 'b', Buffer.from([0xc3]), Buffer.from([0xa9]), '\r'])
      input.write(piece);
    expect(await reply).toEqual({ is: 'answer', raw: 'ab\u00e9' });
  });

  it('text of others loses its escape sequences, and its signs where the terminal has none', () => {
    expect(plain('\u001b[31mred\u001b[0m \u009b1mbold \u0007\u202e', true)).toBe('red bold ');
    expect(plain('caf\u00e9 \u2026 \u201cx\u201d \u2192 \u2713', false)).toBe('cafe ... "x" -> ?');
  });
});
