/** What a program may change about a terminal, and has to give back. */
import type { LineState } from './pty.ts';

/** The line's settings and the modes the program has switched by escape sequences. */
export interface TtyState extends LineState {
  readonly cursorVisible: boolean;
  readonly bracketedPaste: boolean;
  readonly alternateScreen: boolean;
  readonly mouseTracking: boolean;
  readonly focusReports: boolean;
  /** The terminal holds its picture back until the program ends this mode. */
  readonly synchronizedOutput: boolean;
}

/** A terminal as a shell has it. */
export const FRESH: TtyState = {
  echo: true,
  icanon: true,
  isig: true,
  icrnl: true,
  opost: true,
  cursorVisible: true,
  bracketedPaste: false,
  alternateScreen: false,
  mouseTracking: false,
  focusReports: false,
  synchronizedOutput: false,
};
