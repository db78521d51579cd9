/** A run with a person who answers and decides by script, and everything that was asked of that person. */
import { run } from '../../src/core/engine.ts';
import { AnswerError } from '../../src/core/errors.ts';
import type { Asking, Decision, Event, Frontend, Proposal, Reply } from '../../src/core/frontend.ts';
import type { Question, QuestionTable } from '../../src/core/question.ts';
import type { Finding, Mode } from '../../src/core/report.ts';
import { type AnyStep, type Change, type Control, fail, pass } from '../../src/core/step.ts';
import { blindHost } from '../fakes/blind-host.ts';

export const ask = (more: Partial<Question<unknown>> = {}): Question<unknown> => ({
  title: 'Which?',
  help: 'h',
  section: 'operation',
  kind: 'text',
  example: 'x',
  parse: (raw) => {
    if (raw === 'bad') throw new AnswerError('bad', 'something good', 'write good');
    return `<${raw}>`;
  },
  ...more,
});
export const control = (id: string, isGood: () => boolean, more: Partial<Control> = {}): Control => ({
  id,
  title: id,
  severity: 'required',
  section: 'operation',
  how: 'It looks.',
  threat: 't',
  remedy: 'r',
  impact: 'i',
  inspect: async () => (isGood() ? pass('on') : fail('off', 'on')),
  ...more,
});

/** A step that holds once it was applied with the answers it was applied with. */
export function switchStep(id: string, needs: readonly string[] = [], more: Partial<Control> = {}) {
  const world = { set: '', applied: 0, on: () => false };
  world.on = () => world.set !== '';
  const step: AnyStep = {
    id,
    title: id,
    why: 'w',
    needs: [...needs],
    controls: [
      {
        ...control(`${id}.on`, () => false, more),
        inspect: async ({ answers }) =>
          world.set === JSON.stringify(answers) ? pass('on') : fail('off', 'on'),
      },
    ],
    plan: async ({ answers }): Promise<Change[]> => [
      {
        id: `${id}.turn-on`,
        summary: `turn ${id} on`,
        apply: async () => {
          world.set = JSON.stringify(answers);
          world.applied += 1;
        },
      },
    ],
  };
  return { world, step };
}

type Answer = string | Reply | ((asking: Asking) => Reply);
interface Script {
  readonly replies?: readonly Answer[];
  readonly decide?: (proposal: Proposal, at: number) => Decision;
  readonly questions?: QuestionTable;
  readonly known?: Readonly<Record<string, string>>;
  readonly mode?: Mode;
  readonly interactive?: false;
}

export async function go(steps: readonly AnyStep[], script: Script = {}) {
  const replies = [...(script.replies ?? [])];
  const asked: Asking[] = [];
  const proposals: Proposal[] = [];
  const events: Event[] = [];
  const saved: string[][] = [];
  const host = blindHost();
  const frontend: Frontend = {
    interactive: script.interactive ?? true,
    ask: async (asking) => {
      asked.push(asking);
      if (asked.length > 60) throw new Error('asked without end');
      const next = replies.shift() ?? { is: 'cancel' };
      if (typeof next === 'function') return next(asking);
      return typeof next === 'string' ? { is: 'answer', raw: next } : next;
    },
    decide: async (proposal) => {
      if (proposals.push(proposal) > 30) throw new Error('decides without end');
      return (
        script.decide?.(proposal, proposals.length) ?? { is: proposal.is === 'changes' ? 'apply' : 'stop' }
      );
    },
    emit: (event) => void events.push(event),
  };
  const report = await run({
    mode: script.mode ?? 'apply',
    steps,
    questions: script.questions ?? {},
    known: new Map(
      Object.entries(script.known ?? {}).map(([id, raw]) => [
        id,
        { raw, source: 'answers file', where: 'a:1' },
      ]),
    ),
    host,
    frontend,
    skip: new Set(),
    signal: new AbortController().signal,
    tool: { name: 't', version: '0' },
    dir: '/nowhere',
    save: async (answers) =>
      void saved.push([...answers].map(([id, a]) => `${id}=${a.raw ?? a.value ?? ''}`)),
  });
  return {
    report,
    asked,
    proposals,
    events,
    saved,
    host,
    left: replies.length,
    order: asked.map((a) => `${a.id} ${a.index}/${a.total}${a.canGoBack ? '' : ' first'}`),
    finding: (id: string): Finding | undefined =>
      report.steps.flatMap((s) => s.findings).find((f) => f.control === id),
  };
}
