/** What decides the front end, before anything is rendered. */
export interface Surroundings {
  readonly stdinTTY: boolean;
  readonly stdoutTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--plain`. */
  readonly plain: boolean;
  /** `--yes`, `--json`, or a command that asks nothing. */
  readonly scripted: boolean;
}

/**
 * `script` when nobody can or need answer; `line` (append-only sentences) for a person whose terminal cannot repaint or
 * whose reader must not hear repaints; `tui` otherwise. A pipeline is never asked: CI runs with a terminal, too.
 */
export function chooseFrontend(at: Surroundings): 'tui' | 'line' | 'script' {
  const { env } = at;
  if (at.scripted || !at.stdinTTY || isOn(env.CI)) return 'script';
  if (at.plain || isOn(env.ACCESSIBLE) || !at.stdoutTTY) return 'line';
  return env.TERM === undefined || env.TERM === '' || env.TERM === 'dumb' ? 'line' : 'tui';
}

const isOn = (value: string | undefined): boolean =>
  value !== undefined && value !== '' && value !== '0' && value !== 'false';
