/** Commands that only print what this tool knows without looking: schemas, examples, controls, schedules. */
import { resolve } from 'node:path';
import { closest } from './answers/names.ts';
import { answersSchema, exampleAnswers } from './answers/schema.ts';
import type { Arguments } from './args.ts';
import { type Problem, UsageError } from './core/errors.ts';
import type { Product } from './core/product.ts';
import { waiversStep } from './exceptions/controls.ts';
import { exampleWaivers, waiversSchema } from './exceptions/schema.ts';
import { renderControls, renderControlsJson } from './report/controls.ts';
import { reportSchema } from './report/schema.ts';
import { type Scheduler, scheduleText } from './schedule.ts';
import { selectControls } from './select.ts';
import type { World } from './world.ts';

const unknownWord = (command: string, word: string, known: readonly string[]): UsageError =>
  new UsageError([
    {
      where: `${command} ${word}`,
      seen: 'an unknown word',
      expected: known.join(' | '),
      fix: `write ${command} ${closest(word, known) ?? known[0]}`,
    },
  ]);

/** A JSON Schema, ending with a line break. @throws {UsageError} */
export function schemaText(what: string, product: Product): string {
  const text = (schema: object) => `${JSON.stringify(schema, null, 2)}\n`;
  switch (what) {
    case 'answers':
      return text(answersSchema(product.questions, `Answers of ${product.name}`));
    case 'waivers':
      return text(
        waiversSchema(
          `Waivers of ${product.name}`,
          product.steps.flatMap((step) => step.controls),
        ),
      );
    case 'report':
      return reportSchema();
    default:
      throw unknownWord('schema', what, ['answers', 'waivers', 'report']);
  }
}

/** A commented file to begin with. @throws {UsageError} */
export function exampleText(what: string, product: Product): string {
  switch (what) {
    case 'answers':
      return exampleAnswers(product.questions, product.exampleHeading, 'answers.schema.json');
    case 'waivers':
      return exampleWaivers('waivers.schema.json');
    default:
      throw unknownWord('example', what, ['answers', 'waivers']);
  }
}

/** Every control, or those of a section or severity, as text or JSON. @throws {UsageError} */
export function controlsText(args: Arguments, product: Product): string {
  const wanted = {
    only: args.values('only'),
    sections: args.values('section'),
    severity: args.text('severity'),
  };
  const { steps, problems } = selectControls([...product.steps, waiversStep], product.sections, wanted);
  if (problems.length > 0) throw new UsageError(problems);
  return (args.on('json') ? renderControlsJson : renderControls)(steps, product.sections);
}

/** A daily verify for systemd or cron. @throws {UsageError} */
export function scheduleFor(args: Arguments, world: Pick<World, 'product' | 'command'>): string {
  const { product } = world;
  const [scheduler = ''] = args.operands;
  if (scheduler !== 'systemd' && scheduler !== 'cron')
    throw unknownWord('schedule', scheduler, ['systemd', 'cron']);
  const problems: Problem[] = [];
  let prometheus: string | undefined;
  for (const format of args.values('format')) {
    const file = /^prometheus=(.+)$/.exec(format)?.[1];
    if (file === undefined)
      problems.push({
        where: `--format ${format}`,
        seen: 'another format',
        expected: 'prometheus=FILE',
        fix: 'leave it out; a scheduled verify keeps evidence by itself',
      });
    else if (prometheus !== undefined)
      problems.push({
        where: `--format ${format}`,
        seen: 'a second file',
        expected: 'one',
        fix: 'leave one out: the collector reads every .prom of its directory',
      });
    else prometheus = resolve(file);
  }
  if (problems.length > 0) throw new UsageError(problems);
  const dir = resolve(args.text('dir') ?? product.defaultDir);
  return scheduleText(scheduler satisfies Scheduler, {
    name: `${product.name}-verify`,
    dir,
    state: product.paths.evidence.split('/').slice(0, -1).join('/'),
    command: world.command,
    ...(prometheus === undefined ? {} : { prometheus }),
  });
}
