import { EventEmitter } from 'node:events';

/**
 * The output that Ink is given. With its option `debug` Ink writes each frame whole, all that is static and then what is
 * live, and moves no cursor: what happens on the terminal is the painter's. It also has no rows and tells of no resize,
 * so Ink has no reason to clear anything.
 * @param columns the width that Ink may use
 * @param onFrame called with the text of a frame once React has committed it, the last one of several at once
 */
export function frameOutput(columns: () => number, onFrame: (text: string) => void): NodeJS.WriteStream {
  let latest: string | undefined;
  const output = Object.assign(new EventEmitter(), {
    write(text: string) {
      if (latest === undefined)
        queueMicrotask(() => {
          const frame = latest ?? '';
          latest = undefined;
          onFrame(frame);
        });
      latest = text;
      return true;
    },
  });
  Object.defineProperty(output, 'columns', { get: columns });
  return output as unknown as NodeJS.WriteStream;
}

/** A frame in two: lines that stay, and the last `height` rows, which are live. */
export function partsOf(text: string, height: number): { kept: string[]; live: string[] } {
  const lines = text.split('\n');
  // Static lines all end with a line break; with nothing live the last one ends the text.
  const at = lines.length - Math.max(1, height);
  return { kept: lines.slice(0, at), live: height === 0 ? [] : lines.slice(at) };
}
