/** In which formats a report leaves, and where to: `--json`, `--format NAME[=FILE]`. */
import type { Arguments } from './args.ts';
import type { Problem } from './core/errors.ts';
import type { Report } from './core/report.ts';
import { redact } from './core/secret.ts';
import { textStyle } from './prepare.ts';
import { FORMATS, type Format, render } from './report/formats.ts';
import type { World } from './world.ts';

export interface Outputs {
  readonly wanted: readonly { readonly format: Format; readonly file?: string }[];
  /** One of them goes to standard output, so that progress must go to standard error. */
  readonly usesStdout: boolean;
  readonly problems: readonly Problem[];
}

/** Reads the flags; everything wrong with them is listed. */
export function readOutputs(args: Arguments): Outputs {
  const problems: Problem[] = [];
  const wanted: { format: Format; file?: string }[] = args.on('json') ? [{ format: 'json' }] : [];
  for (const given of args.values('format')) {
    const [name = '', ...rest] = given.split('=');
    const file = rest.join('=');
    const where = `--format ${given}`;
    if (!(name in FORMATS)) {
      const expected = Object.keys(FORMATS).join(' | ');
      problems.push({ where, seen: 'an unknown format', expected, fix: 'write --format NAME or NAME=FILE' });
    } else if (rest.length > 0 && file === '') {
      problems.push({ where, seen: 'no file after =', expected: 'NAME=FILE', fix: `write ${name}=FILE` });
    } else wanted.push({ format: name as Format, ...(file === '' ? {} : { file }) });
  }
  const onStdout = wanted.filter((output) => output.file === undefined);
  if (onStdout.length > 1)
    problems.push({
      where: onStdout.map((o) => o.format).join(', '),
      seen: `${onStdout.length} formats on standard output`,
      expected: 'one at most',
      fix: 'give the others a file: --format NAME=FILE',
    });
  return { wanted, usesStdout: onStdout.length > 0, problems };
}

/**
 * Renders and writes; a file is replaced as a whole, so that nobody reads half of one. Text is drawn for where it goes:
 * what a terminal takes for colours has no place in a file.
 */
export async function writeOutputs(
  outputs: Outputs,
  reports: readonly Report[],
  world: World,
  args: Arguments,
): Promise<void> {
  const { product } = world;
  const shown = textStyle(args, world, world.stdout);
  const context = { sections: product.sections, now: new Date(), files: product.files };
  for (const { format, file } of outputs.wanted) {
    const text = redact(
      await render(format, reports, {
        ...context,
        style: file === undefined ? shown : { ...shown, colour: false, width: 80 },
      }),
    );
    if (file === undefined) world.stdout.write(text);
    else await world.writeReport(file, text);
  }
}
