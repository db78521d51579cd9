import { type DOMElement, measureElement, render } from 'ink';
import type { Decision, Reply } from '../../core/frontend.ts';
import { redact } from '../../core/secret.ts';
import type { PersonFrontend, PersonOptions } from '../person.ts';
import { App } from './app.tsx';
import { frameOutput, partsOf } from './frames.ts';
import type { Key } from './keys.ts';
import { onEvent } from './model/events.ts';
import { type Effect, initialState, type State } from './model/state.ts';
import { closePanel, onAsk, onKey, onPropose } from './model/update.ts';
import { createPainter, type Size } from './painter.ts';
import { createStore } from './store.ts';
import { takeTerminal } from './terminal.ts';
import type { Canvas } from './view/lines.ts';
import { holdWarnings } from './warnings.ts';

/** The wizard on a terminal, inline: what is finished stays in the scrollback, one live region below. */
export function tuiFrontend(options: PersonOptions): PersonFrontend {
  const { output, style, product } = options;
  const store = createStore<State>(initialState(options.reveals));
  const canvasOf = ({ columns, rows }: Size): Canvas => ({
    columns,
    rows,
    unicode: style.unicode,
    now: Date.now(),
  });
  const painter = createPainter({
    write: (text) => void output.write(text),
    measure: () => ({ columns: output.columns || 80, rows: output.rows || 24 }),
    locate: () => terminal.locate(),
    onSize: () => drawNow(),
  });
  const canvas = createStore<Canvas>(canvasOf(painter.size));

  let reply: ((reply: Reply) => void) | undefined;
  let decide: ((decision: Decision) => void) | undefined;
  let left: (() => void) | undefined;
  let isOver = false;
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
        suspend();
        break;
      case 'reveal':
        void reveal(effect.index);
        break;
      case 'leave':
        left?.();
        break;
    }
  };
  const suspend = () => {
    // What the shell writes meanwhile is below what is kept, and never taken for our own.
    painter.leave();
    store.set({ ...store.get(), away: true });
    terminal.suspend();
  };
  const resume = () => {
    // Who is stopped is not told of a new size: the stream is made to look.
    process.emit('SIGWINCH');
    const { away: _, ...state } = store.get();
    store.set(state);
    painter.enter();
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

  const onResize = () => painter.resized();
  // One tick a second, and only while something runs: a question waits without using the processor.
  const clock = setInterval(() => {
    const { current, panel } = store.get();
    if (current && !panel) canvas.set(canvasOf(painter.size));
  }, 1000);
  clock.unref();
  // Not the stream's own event: a size that has changed and changed back is none to it, but was one to the screen.
  process.on('SIGWINCH', onResize);
  options.signal.addEventListener('abort', cancelPending, { once: true });

  const context = { product, keep: options.keep, reportFile: options.reportFile };
  const live: { current: DOMElement | null } = { current: null };
  const tree = (
    <App
      store={store}
      canvas={canvas}
      colour={style.colour}
      sections={product.sections}
      context={context}
      live={live}
    />
  );
  const releaseWarnings = holdWarnings((text) => void process.stderr.write(redact(text)));
  const frames = frameOutput(
    // The last column stays free: whether a line that fills its row ends there is each terminal's own opinion.
    () => painter.size.columns - 1,
    (text) => {
      const { kept, live: rows } = partsOf(text, live.current ? measureElement(live.current).height : 0);
      const { panel } = store.get();
      const isFleeting = panel?.is === 'end' && panel.revealed !== undefined;
      if (!isOver) painter.paint(kept, rows, isFleeting);
    },
  );
  const app = render(tree, {
    stdout: frames,
    stdin: options.input,
    exitOnCtrlC: false,
    patchConsole: false,
    debug: true,
    isScreenReaderEnabled: false,
  });
  /** Draws what the state and the size are now, before anything else happens. */
  const drawNow = () => {
    canvas.set(canvasOf(painter.size));
    app.rerender(tree);
  };
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
      drawNow();
      clearInterval(clock);
      options.signal.removeEventListener('abort', cancelPending);
      // The terminal's answer must not come when the shell reads.
      await painter.settled();
      process.off('SIGWINCH', onResize);
      isOver = true;
      app.unmount();
      terminal.release();
      releaseWarnings();
    },
  };
}
