/** The environment a program finds in a person's terminal. */

/** Variables by which programs notice that they run in a test or a pipeline, not before a person. */
const NOT_A_PERSON =
  /^(CI|CI_.*|CONTINUOUS_INTEGRATION|BUILD_NUMBER|VITEST.*|TEST|NODE_ENV|DEV|NO_COLOR|FORCE_COLOR|COLORTERM|COLUMNS|LINES|TERM_PROGRAM.*)$/;

/** An environment as a person's shell has it: `base` without the traces of a test run, then `change`. */
export function personEnv(
  change: Readonly<Record<string, string>> = {},
  base: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const kept = Object.entries(base).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && !NOT_A_PERSON.test(pair[0]),
  );
  return { LANG: 'C.UTF-8', ...Object.fromEntries(kept), TERM: 'xterm-256color', ...change };
}
