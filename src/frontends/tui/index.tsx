import { render } from 'ink';
import type { Decision, Reply } from '../../core/frontend.ts';
import { redact } from '../../core/secret.ts';
import type { PersonFrontend, PersonOptions } from '../person.ts';
import { App } from './app.tsx';
import type { Key } from './keys.ts';
import { onEvent } from './model/events.ts';
import { type Effect, initialState, type State } from './model/state.ts';
import { closePanel, onAsk, onKey, onPropose } from './model/update.ts';
import { createStore } from './store.ts';
import { takeTerminal } from './terminal.ts';
import type { Canvas } from './view/lines.ts';
import { holdWarnings } from './warnings.ts';

/** The wizard on a terminal, inline: what is finished stays in the scrollback, one live region below. */
export function tuiFrontend(options: PersonOptions): PersonFrontend {
  const { output, style, product } = options;
  const store = createStore<State>(initialState(options.reveals));
  const measure = (): Canvas => ({
    columns: output.columns || 80,
    rows: output.rows || 24,
    unicode: style.unicode,
    now: Date.now(),
  });
  const canvas = createStore<Canvas>(measure());

  let reply: ((reply: Reply) => void) | undefined;
  let decide: ((decision: Decision) => void) | undefined;
  let left: (() => void) | undefined;
  let painted: (() => void) | undefined;
  const cancelPending = () => {
    reply?.({ is: 'cancel' });
    decide?.({ is: 'stop' });
    left?.();
    reply = undefined;
    decide = undefined;
    store.set(closePanel({ ...store.get(), stopping: true }));
  };
  const run = (effect: Effect) => {
    switch (effect.do) {
      case 'reply':
        reply?.(effect.reply);
        reply = undefined;
        break;
      case 'decide':
        decide?.(effect.decision);
        decide = undefined;
        break;
      case 'cancel':
        options.cancel();
        cancelPending();
        break;
      case 'suspend':
        void suspend();
        break;
      case 'reveal':
        void reveal(effect.index);
        break;
      case 'leave':
        left?.();
        break;
    }
  };
  const suspend = async () => {
    // The live region is drawn as nothing, and Ink knows: what the shell writes meanwhile is never taken for its own.
    const gone = new Promise<void>((resolve) => {
      painted = resolve;
    });
    store.set({ ...store.get(), away: true });
    await gone;
    terminal.suspend();
  };
  const resume = () => {
    // Ink goes up one row to what it drew last; that row must not be the shell's.
    output.write('\n');
    const { away: _, ...state } = store.get();
    store.set(state);
    canvas.set(measure());
  };
  const press = (key: Key) => {
    if (store.get().away) return;
    const { state, effects } = onKey(store.get(), key);
    store.set(state);
    for (const effect of effects) run(effect);
  };
  const reveal = async (index: number) => {
    const secret = await options.reveals[index]?.read().catch(() => undefined);
    const state = store.get();
    if (state.panel?.is !== 'end') return;
    const text = secret?.reveal() ?? 'It is not kept here any more.';
    store.set({ ...state, panel: { ...state.panel, revealed: { index, text } } });
  };

  const onResize = () => canvas.set(measure());
  // One tick a second, and only while something runs: a question waits without using the processor.
  const clock = setInterval(() => {
    const { current, panel } = store.get();
    if (current && !panel) canvas.set(measure());
  }, 1000);
  clock.unref();
  output.on('resize', onResize);
  options.signal.addEventListener('abort', cancelPending, { once: true });

  const context = { product, keep: options.keep, reportFile: options.reportFile };
  const tree = (
    <App store={store} canvas={canvas} colour={style.colour} sections={product.sections} context={context} />
  );
  const releaseWarnings = holdWarnings((text) => void process.stderr.write(redact(text)));
  const app = render(tree, {
    stdout: output,
    stdin: options.input,
    exitOnCtrlC: false,
    patchConsole: false,
    // A key is answered within a frame; nothing else repaints more than a few times a second.
    maxFps: 60,
    // Called when a frame is computed; it is written before the next turn of the event loop.
    onRender: () => {
      if (painted) setTimeout(painted, 0);
      painted = undefined;
    },
  });
  const terminal = takeTerminal({
    input: options.input,
    output,
    onKey: press,
    onEnd: () => {
      options.cancel();
      cancelPending();
    },
    onResume: resume,
  });

  let isClosed = false;
  return {
    interactive: true,
    ask(asking) {
      if (options.signal.aborted) return Promise.resolve({ is: 'cancel' });
      return new Promise((resolve) => {
        reply = resolve;
        store.set(onAsk(store.get(), asking));
      });
    },
    decide(proposal) {
      if (options.signal.aborted) return Promise.resolve({ is: 'stop' });
      return new Promise((resolve) => {
        decide = resolve;
        store.set(onPropose(store.get(), proposal, Date.now()));
      });
    },
    emit: (event) => store.set(onEvent(store.get(), event, Date.now())),
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (store.get().panel?.is === 'end' && !options.signal.aborted)
        await new Promise<void>((resolve) => {
          left = resolve;
        });
      // Over: no key does anything any more, and no hint says so.
      store.set(closePanel({ ...store.get(), stopping: true }));
      clearInterval(clock);
      output.off('resize', onResize);
      options.signal.removeEventListener('abort', cancelPending);
      app.unmount();
      terminal.release();
      releaseWarnings();
    },
  };
}
