/** In which formats a report leaves, and where to: `--json`, `--format NAME[=FILE]`. */
import { dirname, resolve } from 'node:path';
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
    } else if (
      file !== '' &&
      wanted.some((output) => output.file !== undefined && resolve(output.file) === resolve(file))
    ) {
      problems.push({
        where,
        seen: 'a file that another format goes to',
        expected: 'a file of its own',
        fix: 'name another file',
      });
    } else if (file !== '' || !wanted.some((output) => output.format === name && output.file === undefined))
      wanted.push({ format: name as Format, ...(file === '' ? {} : { file }) });
  }
  const onStdout = wanted.filter((output) => output.file === undefined);
  if (onStdout.length > 1)
    problems.push({
      where: onStdout.map((o) => `--format ${o.format}`).join(' and '),
      seen: `${onStdout.length} formats on standard output`,
      expected: 'one at most',
      fix: 'give the others a file: --format NAME=FILE',
    });
  return { wanted, usesStdout: onStdout.length > 0, problems };
}

/**
 * One problem for each report that would replace a file of an install: its key and its record can be written only once.
 * @param dirs install directories, links followed
 */
export async function ownFileProblems(
  outputs: Outputs,
  dirs: readonly string[],
  { product, realPath }: Pick<World, 'product' | 'realPath'>,
): Promise<Problem[]> {
  const { paths, files } = product;
  const own = [...files, ...paths.secrets, paths.waivers, dirname(paths.evidence)];
  const problems: Problem[] = [];
  for (const { format, file } of outputs.wanted) {
    if (file === undefined) continue;
    const target = await realPath(resolve(file));
    const isOwn = dirs.some((dir) => own.some((name) => `${target}/`.startsWith(`${dir}/${name}/`)));
    if (isOwn)
      problems.push({
        where: `--format ${format}=${file}`,
        seen: 'a file of the install itself',
        expected: 'a file that nothing else needs',
        fix: 'name another file',
      });
  }
  return problems;
}

/**
 * Renders and writes; a file is replaced as a whole, so that nobody reads half of one. Text is drawn for where it goes:
 * what a terminal takes for colours has no place in a file.
 * @returns false when a file could not be written, which is told on standard error; the others are written all the same
 */
export async function writeOutputs(
  outputs: Outputs,
  reports: readonly Report[],
  world: World,
  args: Arguments,
): Promise<boolean> {
  const { product } = world;
  let isWritten = true;
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
    else
      await world.writeReport(file, text).catch((error: NodeJS.ErrnoException) => {
        // Only what the system refuses: anything else is a bug and is told as one.
        if (error.code === undefined) throw error;
        isWritten = false;
        world.stderr.write(redact(notWritten(format, file, error.code)));
      });
  }
  return isWritten;
}

const notWritten = (format: Format, file: string, code: string): string =>
  `\nThe report ${format} is not written.\n  seen      ${file}: ${code}\n  expected  a directory that exists, and a file that this user may write\n  fix       make the directory, or name another file\n`;
