/** Every screen and record of the wizard that there is, with ordinary and with hostile data in them. */
import type { Proposal } from '../../../src/core/frontend.ts';
import type { Panel, State } from '../../../src/frontends/tui/model/state.ts';
import { onAsk } from '../../../src/frontends/tui/model/update.ts';
import type { Canvas } from '../../../src/frontends/tui/view/lines.ts';
import type { RecordContext } from '../../../src/frontends/tui/view/records.ts';
import { product } from '../../../steps/index.ts';
import type { QuestionId } from '../../../steps/questions.ts';
import { answer, asking, opened, paste, press, question, typing } from './question-bed.ts';
import {
  after,
  changes,
  finding,
  inStep,
  NOW,
  pressAll,
  propose,
  proposeChanges,
  proposeFailure,
  report,
  start,
  stepOf,
  stepReport,
} from './state-bed.ts';

export const { sections } = product;
export const context: RecordContext = {
  product,
  keep: (r) => product.keep(r.dir, (id) => r.answers.find((a) => a.question === id)?.value),
  reportFile: `/srv/${'long-folder/'.repeat(8)}.corecube-secure/report.md`,
};
const ids = Object.keys(product.questions) as QuestionId[];
const inQuestion = (panel: ReturnType<typeof opened>): State => ({
  ...start(),
  panel: { is: 'question', question: panel },
});
export const suggestions = [
  {
    value: `${'registry.corecube.test/'.repeat(3)}corecube:1.4.2`,
    because: 'this image is on this host already',
  },
  ...Array.from({ length: 6 }, (_, i) => ({
    value: `name-${i}.intern.org`,
    because: 'this host calls itself so',
  })),
];

/** Data as bad as it gets: control characters, escape sequences, and characters two columns wide. */
const EVIL = '\u001b[31mred\u001b[0m\u001b]0;title\u0007\r\u0000\u009b2J\tx 漢字\u{1f600} ';
const evilFinding = finding(
  stepOf('compose'),
  0,
  { is: 'fail', observed: EVIL.repeat(9), expected: EVIL, cause: `${EVIL}\n${EVIL}` },
  { title: EVIL.repeat(9), remedy: EVIL, impact: EVIL },
);
const evilStep = stepReport('compose', {
  title: EVIL.repeat(3),
  findings: [evilFinding],
  changes: [{ id: EVIL, summary: EVIL.repeat(9), status: 'failed' }],
});
const evilReport = report('apply', {
  dir: EVIL.repeat(5),
  verdict: EVIL.repeat(5),
  steps: [evilStep],
  stopped: { step: 'compose', reason: EVIL.repeat(5), fix: EVIL, log: [EVIL] },
});
const evilChanges = changes
  .slice(0, 3)
  .map((c) => ({ ...c, id: EVIL, summary: EVIL.repeat(9), diff: EVIL.repeat(30) }));
const evilFailure: Partial<Extract<Proposal, { is: 'failure' }>> = {
  step: { id: 'compose', title: EVIL.repeat(9) },
  reason: EVIL.repeat(9),
  fix: EVIL.repeat(9),
  log: [EVIL.repeat(40), `${EVIL}\n${EVIL}`],
  findings: [evilFinding, { ...evilFinding, control: 'x.y' }],
  waivable: [evilFinding.control],
};
const running = (state: State, summary: string, text: string) =>
  after(
    state,
    {
      type: 'plan',
      step: 'compose',
      changes: ['a', 'b', 'c', 'd'].map((id) => ({
        id,
        summary: `change ${id}`,
        status: 'planned' as const,
      })),
    },
    { type: 'change-start', step: 'compose', change: 'a', summary: 'write it' },
    { type: 'change-done', step: 'compose', change: 'a' },
    { type: 'change-start', step: 'compose', change: 'b', summary: 'start it' },
    { type: 'change-failed', step: 'compose', change: 'b', error: 'x' },
    { type: 'change-start', step: 'compose', change: 'c', summary },
    { type: 'progress', step: 'compose', text },
  );
export const end = (more = {}) => after(start(), { type: 'run-end', report: report('apply', more) });
export const revealing = (text: string): State => {
  const state = end();
  return {
    ...state,
    panel: { ...(state.panel as Extract<Panel, { is: 'end' }>), revealed: { index: 0, text } },
  };
};
export const longStep = running(
  inStep('compose', 4),
  `pull ${'registry.corecube.test/'.repeat(9)}`,
  'layer '.repeat(40),
);

/** States by name; the data of the ones called evil is what a hostile host could say. */
export const states: Record<string, State> = {
  ...Object.fromEntries(
    ids.flatMap((id) => [
      [`question ${id}`, onAsk(start(), asking(id))],
      [`question ${id}, why`, inQuestion(press(opened(id), 'f1').panel)],
      [`question ${id}, suggestions`, onAsk(start(), asking(id, { suggestions }))],
      [`question ${id}, refused`, inQuestion(answer(id, 'http://x y/33 '.repeat(3)).panel)],
    ]),
  ),
  ...Object.fromEntries(
    (['domain', 'adminRanges', 'keyBackup'] as const).map((id) => [
      `question ${id}, long`,
      inQuestion(press(opened(id), paste('0123456789 '.repeat(400))).panel),
    ]),
  ),
  ...Object.fromEntries(
    ['type', 'again', 'reference'].map((stage) => [
      `secret, ${stage}`,
      inQuestion({
        ...press(opened('adminPassword'), '2', 'enter', typing('Abc 1')).panel,
        stage: stage as 'type',
      }),
    ]),
  ),
  ...Object.fromEntries(
    product.steps.flatMap((s) => [
      [`step ${s.id}`, inStep(s.id, 2)],
      [`step ${s.id}, looked`, inStep(s.id, 99)],
    ]),
  ),
  acting: longStep,
  stopping: { ...longStep, stopping: true },
  review: propose(proposeChanges()),
  'review of one': propose(proposeChanges(changes.slice(0, 1))),
  'review, scrolled': pressAll(propose(proposeChanges()), 'pagedown').state,
  diff: pressAll(propose(proposeChanges()), 'd', 'pagedown', 'down').state,
  'diff, end': pressAll(propose(proposeChanges()), 'd', ...Array.from({ length: 40 }, () => 'pagedown'))
    .state,
  confirmation: pressAll(propose(proposeChanges()), 'a', typing('database')).state,
  picker: pressAll(propose(proposeChanges()), 'e', 'up').state,
  failure: propose(proposeFailure()),
  'failure again': propose(proposeFailure(), propose(proposeFailure())),
  'failure, second': pressAll(propose(proposeFailure({ done: [] })), 'down').state,
  'failure without findings': propose(proposeFailure({ findings: [], waivable: [] })),
  reason: pressAll(propose(proposeFailure()), 'down', 'w', typing('because it is so')).state,
  log: pressAll(propose(proposeFailure()), 'l').state,
  'picker in a failure': pressAll(propose(proposeFailure()), 'e', 'down').state,
  drift: propose({ is: 'drift', report: report('verify') }, start('verify')),
  end: end(),
  'end, revealed': revealing('x'.repeat(28)),
  'end, revealed, long': revealing('line of a key '.repeat(200)),
  'evil question': onAsk(
    start(),
    asking('domain', {
      problem: EVIL.repeat(4),
      initial: { raw: EVIL, source: 'flag' },
      suggestions: [
        { value: EVIL.repeat(3), because: EVIL.repeat(3) },
        { value: EVIL, because: EVIL },
      ],
    }),
  ),
  'evil change': running(inStep('compose', 1), EVIL.repeat(9), EVIL.repeat(9)),
  'evil step': after(inStep('compose', 0), {
    type: 'finding',
    step: 'compose',
    phase: 'before',
    finding: evilFinding,
  }),
  'evil review': propose(proposeChanges(evilChanges)),
  'evil diff': pressAll(propose(proposeChanges(evilChanges)), 'd').state,
  'evil confirmation': pressAll(propose(proposeChanges(evilChanges)), 'a').state,
  'evil picker': pressAll(
    { ...propose(proposeChanges()), answers: [{ question: 'domain', value: EVIL.repeat(9), source: EVIL }] },
    'e',
  ).state,
  'evil failure': propose(proposeFailure(evilFailure)),
  'evil reason': pressAll(propose(proposeFailure(evilFailure)), 'w').state,
  'evil log': pressAll(propose(proposeFailure(evilFailure)), 'l').state,
  'evil end': revealing(EVIL.repeat(20)),
};
export const records = [
  ...start().records,
  { is: 'answer', title: question('tls').title, value: 'x'.repeat(300) },
  { is: 'answer', title: EVIL.repeat(9), value: EVIL.repeat(9) },
  ...product.steps.map(({ id }) => ({ is: 'step', step: stepReport(id) }) as const),
  {
    is: 'step',
    step: stepReport('compose', { outcome: 'declined', findings: [], changes: [], duration: 3 }),
  },
  { is: 'step', step: evilStep },
  { is: 'every-control', report: report('verify') },
  ...(['apply', 'verify'] as const).flatMap((mode) => [
    { is: 'end', report: report(mode) } as const,
    {
      is: 'end',
      report: report(mode, { exit: 0, steps: [stepReport('compose', { findings: [] })] }),
    } as const,
    {
      is: 'end',
      report: report(mode, { stopped: { step: 'compose', reason: 'no '.repeat(60), fix: 'do '.repeat(60) } }),
    } as const,
  ]),
  { is: 'end', report: evilReport },
  { is: 'header', mode: 'apply', dir: EVIL.repeat(5) },
] as const;

export const canvases: Canvas[] = [40, 60, 66, 80, 100, 200].flatMap((columns) =>
  [20, 24, 30, 60].flatMap((rows) =>
    // What a size does is the same in ASCII, except where room is scarce.
    (columns <= 80 ? [true, false] : [true]).map((unicode) => ({ columns, rows, unicode, now: NOW })),
  ),
);
