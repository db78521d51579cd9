import { setImmediate as turn } from 'node:timers/promises';
import { render } from 'ink-testing-library';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../../src/core/frontend.ts';
import { App } from '../../../src/frontends/tui/app.tsx';
import type { Key } from '../../../src/frontends/tui/keys.ts';
import { onEvent } from '../../../src/frontends/tui/model/events.ts';
import { initialState, type State } from '../../../src/frontends/tui/model/state.ts';
import { onAsk, onKey, onPropose } from '../../../src/frontends/tui/model/update.ts';
import { createStore } from '../../../src/frontends/tui/store.ts';
import type { Canvas } from '../../../src/frontends/tui/view/lines.ts';
import { product } from '../../../steps/index.ts';
import { asking, key, typing } from './question-bed.ts';
import { answers, changes, finding, NOW, proposeFailure, report, stepOf, stepReport } from './state-bed.ts';

const CANARY = 'Canary-7-of-the-app';
const opened: { unmount(): void }[] = [];
afterAll(() => {
  for (const app of opened.splice(0)) app.unmount();
});

/** The wizard drawn by Ink into memory, moved on as the front end moves it. */
async function open(columns: number, unicode = true) {
  const store = createStore<State>(
    initialState([{ label: "administrator's password", path: '/srv/c/password' }]),
  );
  const canvas = createStore<Canvas>({ columns, rows: 24, unicode, now: NOW });
  const context = {
    product: { name: 'create-corecube-secure', version: '1.2.3' },
    keep: () => [['key', '/srv/corecube/secrets/encryption_key']] as const,
    reportFile: '/srv/corecube/report.md',
  };
  const app = render(
    <App store={store} canvas={canvas} colour={false} sections={product.sections} context={context} />,
  );
  opened.push(app);
  /** React draws when the event loop comes round; done when some rounds bring nothing new. */
  const drawn = async () => {
    for (let quiet = 0, seen = app.frames.length; quiet < 4; quiet += 1) {
      await turn();
      if (app.frames.length === seen) continue;
      seen = app.frames.length;
      quiet = 0;
    }
  };
  await drawn();
  return {
    app,
    canvas,
    /** Every frame so far; a frame of Ink's debug mode holds the scrollback and the live region. */
    frames: app.frames,
    last: () => app.lastFrame() ?? '',
    drawn,
    emit: async (...events: Event[]) => {
      for (const event of events) {
        store.set(onEvent(store.get(), event, NOW));
        await drawn();
      }
    },
    set: (change: (state: State) => State) => {
      store.set(change(store.get()));
      return drawn();
    },
    press: async (...keys: (string | readonly Key[])[]) => {
      for (const one of keys.flatMap((k) => (typeof k === 'string' ? [key(k)] : k))) {
        store.set(onKey(store.get(), one).state);
        await drawn();
      }
    },
  };
}
const ran = ['preflight', 'compose'] as const;
const good = (id: string) =>
  stepReport(id, {
    findings: stepOf(id).controls.map((_, i) =>
      finding(stepOf(id), i, { is: 'pass', observed: `seen ${i}` }),
    ),
  });
const stepStart = (id: string): Event[] => {
  const { title, why, controls } = stepOf(id);
  const index = product.steps.findIndex((s) => s.id === id);
  return [
    { type: 'step-start', step: id, title, why, index, total: product.steps.length },
    {
      type: 'looking',
      step: id,
      phase: 'before',
      controls: controls.map((c) => ({ id: c.id, title: c.title })),
    },
  ];
};

/** A short run: questions, two steps with a review and a failure between them, the end. */
async function play(wizard: Awaited<ReturnType<typeof open>>) {
  const { emit, set, press } = wizard;
  await emit({
    type: 'run-start',
    mode: 'apply',
    dir: '/srv/corecube',
    steps: product.steps.map(({ id, title }) => ({ id, title })),
  });
  await set((state) => onAsk(state, asking('domain')));
  await press(typing('cube.intern.org'), 'enter');
  await set((state) => onAsk(state, asking('adminPassword')));
  await press('2', 'enter', typing(CANARY), 'enter', typing(CANARY), 'enter');
  await emit({ type: 'answers', answers });
  for (const id of ran) {
    await emit(...stepStart(id));
    for (const [i] of stepOf(id).controls.entries())
      await emit({
        type: 'finding',
        step: id,
        phase: 'before',
        finding: finding(stepOf(id), i, { is: 'pass', observed: `seen ${i}` }),
      });
    await set((state) =>
      onPropose(
        state,
        {
          is: 'changes',
          step: { id, title: stepOf(id).title },
          changes: changes.slice(0, 2),
          harmless: [],
          findings: [],
        },
        NOW,
      ),
    );
    await press('d', 'down', 'd', 'a');
    await emit({ type: 'change-start', step: id, change: 'x', summary: `write for ${id}` });
    await emit({ type: 'progress', step: id, text: '3 of 7 layers' });
    await emit({ type: 'change-done', step: id, change: 'x' });
    await set((state) => onPropose(state, proposeFailure({}, id), NOW));
    await press('l', 'l', 'r');
    await emit({ type: 'step-end', step: id, report: good(id) });
  }
  await emit({ type: 'run-end', report: report('apply', { exit: 0, steps: ran.map(good) }) });
}
const times = (text: string, part: string) => text.split(part).length - 1;

describe.each([
  [40, true],
  [80, true],
  [80, false],
  [100, true],
  [200, true],
] as const)('the wizard at %i columns, Unicode %s', (columns, unicode) => {
  let wizard: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    wizard = await open(columns, unicode);
    await play(wizard);
    // A hundred frames; other tests may have the processors meanwhile.
  }, 60_000);

  it('is never empty from its first line to its last', () => {
    // The first one comes before the run starts.
    const frames = wizard.frames.slice(1);
    expect(frames.length).toBeGreaterThan(60);
    for (const [i, frame] of frames.entries()) expect(frame.trim(), `frame ${i}`).not.toBe('');
  });

  it('shows each finished step once, each answer once, and the end', () => {
    const rows = wizard.last().split('\n');
    const mark = unicode ? '✓' : 'ok';
    for (const id of ran)
      expect(rows.filter((row) => row.startsWith(`  ${mark} ${stepOf(id).title} `))).toHaveLength(1);
    expect(times(wizard.last(), 'cube.intern.org')).toBe(1);
    expect(times(wizard.last(), 'Keep these')).toBe(1);
    expect(wizard.last().indexOf(stepOf('preflight').title)).toBeLessThan(
      wizard.last().indexOf('Keep these'),
    );
  });

  it('what has gone to the scrollback stays as it is', () => {
    const first =
      wizard.frames.find((frame) => frame.includes('create-corecube-secure'))?.split('\n')[1] ?? '';
    const at = wizard.frames.findIndex((frame) => frame.includes(first));
    for (const frame of wizard.frames.slice(at)) expect(frame.split('\n')[1]).toBe(first);
  });

  it('never draws a typed secret', () => {
    expect(wizard.frames.join('')).not.toContain(CANARY);
    expect(wizard.frames.join('')).toContain('*'.repeat(CANARY.length));
  });
});

describe('a resize', () => {
  it('draws the open question for the new width, and leaves what is finished alone', async () => {
    const wizard = await open(100);
    await wizard.emit({ type: 'run-start', mode: 'apply', dir: '/srv/corecube', steps: [] });
    await wizard.set((state) => onAsk(state, asking('domain')));
    const head = wizard.last().split('\n')[1];
    wizard.canvas.set({ ...wizard.canvas.get(), columns: 40 });
    await wizard.drawn();
    const rows = wizard.last().split('\n');
    expect(rows[1]).toBe(head);
    expect(Math.max(...rows.slice(3).map((row) => row.length))).toBeLessThanOrEqual(40);
    expect(wizard.last()).toContain('enter accept');
  });

  it('ticks only redraw what changed: the same canvas gives no frame', async () => {
    const wizard = await open(80);
    await wizard.emit({ type: 'run-start', mode: 'apply', dir: '/srv/corecube', steps: [] });
    const { length } = wizard.frames;
    wizard.canvas.set(wizard.canvas.get());
    await wizard.drawn();
    expect(wizard.frames).toHaveLength(length);
  });
});

describe('a revealed secret', () => {
  it('is gone from the screen with the next key', { timeout: 60_000 }, async () => {
    const wizard = await open(80);
    await play(wizard);
    await wizard.set((state) =>
      state.panel?.is === 'end'
        ? { ...state, panel: { ...state.panel, revealed: { index: 0, text: 'canary-of-the-end' } } }
        : state,
    );
    expect(wizard.last()).toContain('canary-of-the-end');
    await wizard.press('x');
    expect(wizard.last()).not.toContain('canary');
    await wizard.press('q');
    expect(wizard.last()).not.toContain('canary');
    expect(wizard.last()).toContain('Keep these');
  });
});
