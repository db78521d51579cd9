import { Box, type DOMElement, Static, Text } from 'ink';
import { type Ref, useSyncExternalStore } from 'react';
import type { State } from './model/state.ts';
import type { Store } from './store.ts';
import type { Canvas, Line, Span, Tone } from './view/lines.ts';
import { drawEntry, type RecordContext } from './view/records.ts';
import { drawScreen } from './view/screen.ts';

export interface AppProps {
  readonly store: Store<State>;
  /** Changes when the terminal is resized and once a second while something is waited for. */
  readonly canvas: Store<Canvas>;
  readonly colour: boolean;
  readonly sections: Readonly<Record<string, string>>;
  readonly context: RecordContext;
  /** The live region, to be measured. */
  readonly live?: Ref<DOMElement>;
}

/** The 16 colours of every terminal, whatever the operator made of them. */
const COLOURS: Readonly<Record<Tone, { color?: string; dimColor?: true }>> = {
  accent: { color: 'cyan' },
  good: { color: 'green' },
  bad: { color: 'red' },
  open: { color: 'yellow' },
  quiet: { dimColor: true },
  added: { color: 'green' },
  removed: { color: 'red' },
};

/** Finished parts go to the scrollback once; below them one live region. */
export function App({ store, canvas: canvasStore, colour, sections, context, live }: AppProps) {
  const state = useSyncExternalStore(store.subscribe, store.get);
  const canvas = useSyncExternalStore(canvasStore.subscribe, canvasStore.get);
  return (
    <>
      <Static items={[...state.records]}>
        {(entry, index) => (
          <Rows
            key={`record-${index}`}
            lines={drawEntry(entry, canvas, context, state.records[index - 1]?.is)}
            colour={colour}
          />
        )}
      </Static>
      <Box ref={live ?? null} flexDirection="column">
        <Rows lines={drawScreen(state, canvas, sections)} colour={colour} />
      </Box>
    </>
  );
}

function Rows({ lines, colour }: { readonly lines: readonly Line[]; readonly colour: boolean }) {
  return (
    <Box flexDirection="column">
      {lines.map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row of the screen is its position
        <Text key={row} wrap="truncate-end">
          {line.length === 0
            ? ' '
            : line.map((part, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: so is a span its place in the row
                <Part key={at} part={part} colour={colour} />
              ))}
        </Text>
      ))}
    </Box>
  );
}

function Part({ part, colour }: { readonly part: Span; readonly colour: boolean }) {
  const look = part.tone === undefined ? {} : COLOURS[part.tone];
  const { color, ...plain } = look;
  return (
    <Text {...(colour ? look : plain)} bold={part.bold === true} inverse={part.inverse === true}>
      {part.text}
    </Text>
  );
}
