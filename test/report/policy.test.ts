/** What decided the exit code is told by every format with a verdict: forced codes and stricter rules look like neither. */
import { describe, expect, it } from 'vitest';
import type { ExitPolicy, Report } from '../../src/core/report.ts';
import { render } from '../../src/report/formats.ts';
import { exitText } from '../../src/report/state.ts';
import { renderEnd } from '../../src/report/text.ts';
import { bare, context, findingWith, judged } from './fixture.ts';
import { reportProblems } from './validators.ts';

const STRICT: ExitPolicy = { failOn: 'advised', exitZero: false };
const FORCED: ExitPolicy = { failOn: 'required', exitZero: true };
const failing = judged([findingWith('fail', 'required')]);
const forced: Report = { ...failing, exit: 0, policy: FORCED };
const strict = judged([findingWith('fail', 'advised')], {}, 'advised');

const flat = (text: string) => text.replaceAll('\\', '').replace(/\s+/g, ' ');
const colour = (report: Report) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequence is what is looked for
  /\u001b\[(\d+)m/.exec(renderEnd(report, { ...context.style, colour: true }))?.[1];

describe('what decided the exit code', () => {
  it.each(['text', 'markdown', 'html', 'sarif'] as const)('is in %s', async (format) => {
    const said = flat(await render(format, [forced], context));
    expect(said).toContain('by what was found it is 1');
    expect(flat(await render(format, [failing], context))).not.toContain('by what was found');
  });

  it('says that advised controls count', () => {
    expect(strict).toMatchObject({ exit: 1, policy: STRICT });
    expect(exitText(strict)).toContain('advised controls count like required ones');
    expect(exitText(failing)).not.toContain('advised');
  });

  it('is in the JSON as the schema says it', async () => {
    for (const report of [forced, strict]) {
      expect(JSON.parse(await render('json', [report], context)).policy).toEqual(report.policy);
      expect(reportProblems(report)).toEqual([]);
      expect(reportProblems({ ...report, policy: { exitZero: true } })).not.toEqual([]);
    }
    expect(reportProblems({ ...bare, schema: 1 })).not.toEqual([]);
  });

  it('colours the verdict by what was found', () => {
    expect([colour(bare), colour(failing), colour(forced), colour(strict)]).toEqual(['32', '31', '31', '31']);
  });
});
