/** The terminal emulator, as every kind of import finds it: the package has no names that Node can see in advance. */
import xterm, { type ITerminalOptions, type Terminal } from '@xterm/headless';

export type Emulator = Terminal;

/** An emulator of the given size that remembers all a test may write. */
export function emulator(columns: number, rows: number, options: ITerminalOptions = {}): Emulator {
  return new xterm.Terminal({ cols: columns, rows, scrollback: 50_000, allowProposedApi: true, ...options });
}
