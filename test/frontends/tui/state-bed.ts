/** States of the wizard, made the way the engine makes them: by events, questions and proposals of the real product. */
import type { Decision, Event, Proposal } from '../../../src/core/frontend.ts';
import type { ChangeReport, Finding, Mode, Report, StepReport } from '../../../src/core/report.ts';
import type { AnyStep, Verdict } from '../../../src/core/step.ts';
import { verdictSentence } from '../../../src/core/verdict.ts';
import type { Key } from '../../../src/frontends/tui/keys.ts';
import { onEvent } from '../../../src/frontends/tui/model/events.ts';
import { type Effect, initialState, type State } from '../../../src/frontends/tui/model/state.ts';
import { onKey, onPropose } from '../../../src/frontends/tui/model/update.ts';
import { product } from '../../../steps/index.ts';
import { key } from './question-bed.ts';

export const NOW = Date.parse('2026-11-26T10:00:00Z');
export const { steps } = product;
export const stepOf = (id: string): AnyStep => {
  const step = steps.find((s) => s.id === id);
  if (!step) throw new Error(`no step ${id}`);
  return step;
};

const LONG =
  'the server answered 200 with 4,096 bytes although 403 was expected, over a path that no rule of the proxy names';
const PATH = `/var/lib/corecube/${'a-rather-long-folder-name/'.repeat(5)}certificate.pem`;

/** One verdict of each kind, with texts as long as they get. */
export const VERDICTS: readonly Verdict[] = [
  { is: 'pass', observed: 'TLS 1.3, server verified' },
  { is: 'fail', observed: `${LONG}: ${PATH}`, expected: LONG, cause: LONG },
  { is: 'unknown', because: LONG },
  { is: 'attest', ask: LONG },
  { is: 'skip', because: LONG },
];

export function finding(step: AnyStep, at: number, verdict: Verdict, more: Partial<Finding> = {}): Finding {
  const control = step.controls[at % step.controls.length];
  if (!control) throw new Error(`${step.id} has no controls`);
  const { id, title, severity, section, threat, remedy, impact } = control;
  return {
    control: id,
    title,
    step: step.id,
    severity,
    section,
    refs: [],
    threat,
    remedy,
    ...(impact === undefined ? {} : { impact }),
    verdict,
    duration: 3,
    ...more,
  };
}
export const WAIVED: Partial<Finding> = {
  verdict: { is: 'skip', because: `waived for this run by the operator (${LONG}); it fails: ${LONG}` },
  waived: { is: 'fail', observed: LONG, expected: LONG },
};

/** Each control with a verdict of another kind, one of them waived. */
export const findingsOf = (step: AnyStep): Finding[] =>
  step.controls.map((_, i) =>
    i % 6 === 5
      ? finding(step, i, { is: 'attest', ask: LONG }, WAIVED)
      : finding(step, i, VERDICTS[i % VERDICTS.length] as Verdict),
  );

const DIFF = [
  '--- compose.yaml',
  '+++ compose.yaml',
  '@@ -1,4 +1,5 @@',
  ' services:',
  '-    ports: ["7400:7400"]',
  '+    ports: ["127.0.0.1:7400:7400"]',
  ...Array.from({ length: 30 }, (_, i) => `+    line ${i} ${'of a file that is wide '.repeat(i % 6)}`),
].join('\n');

export const changes: readonly ChangeReport[] = [
  { id: 'compose.write', summary: `write ${PATH}`, diff: DIFF, status: 'planned' },
  { id: 'compose.note', summary: 'note it', status: 'planned' },
  {
    id: 'database.drop-role',
    summary: 'drop the role corecube_old and everything it owns, in all databases of this server',
    diff: 'DROP ROLE corecube_old;',
    irreversible: true,
    status: 'planned',
  },
  {
    id: 'database.rotate-password',
    summary: 'rotate the password of corecube_app',
    irreversible: true,
    status: 'planned',
  },
  ...Array.from({ length: 20 }, (_, i) => ({
    id: `compose.more-${i}`,
    summary: `change ${i}: ${LONG}`,
    status: 'planned' as const,
  })),
];

export const stepReport = (id: string, more: Partial<StepReport> = {}): StepReport => ({
  id,
  title: stepOf(id).title,
  outcome: 'applied',
  findings: findingsOf(stepOf(id)),
  changes: [],
  duration: 1234,
  ...more,
});

/** A report over all steps, with everything in it that a report can hold. */
export function report(mode: Mode, more: Partial<Report> = {}): Report {
  const all = more.steps ?? steps.map(({ id }) => stepReport(id));
  const exit = more.exit ?? 1;
  return {
    schema: 2,
    tool: { name: 'create-corecube-secure', version: '1.2.3' },
    mode,
    dir: '/srv/corecube',
    startedAt: '2026-11-26T09:55:48.000Z',
    finishedAt: '2026-11-26T10:00:00.000Z',
    exit,
    verdict: verdictSentence(mode, exit, all),
    answers,
    steps: all,
    ...more,
  };
}

export const answers = [
  ...Object.entries(product.questions)
    .filter(([id]) => id !== 'acmeRoot')
    .map(([question, { example }]) => ({
      question,
      value: typeof example === 'string' ? example : example.join(', '),
      source: 'answers file',
    })),
  { question: 'acmeRoot', value: '(none)', source: 'default' },
];

/** The state after these events. */
export const after = (state: State, ...events: Event[]): State =>
  events.reduce((now, event) => onEvent(now, event, NOW - 61_000), state);

export const start = (mode: Mode = 'apply'): State =>
  after(
    initialState([{ label: "administrator's password", path: '/srv/corecube/secrets/admin_password' }]),
    { type: 'run-start', mode, dir: '/srv/corecube', steps: steps.map(({ id, title }) => ({ id, title })) },
    { type: 'answers', answers },
  );

/** A step that is open, `seen` of its controls looked at. */
export function inStep(id: string, seen: number, state = start()): State {
  const step = stepOf(id);
  const { title, why } = step;
  const index = steps.indexOf(step);
  return after(
    state,
    { type: 'step-start', step: id, title, why, index, total: steps.length },
    {
      type: 'looking',
      step: id,
      phase: 'before',
      controls: step.controls.map((c) => ({ id: c.id, title: c.title })),
    },
    ...findingsOf(step)
      .slice(0, seen)
      .map((f) => ({ type: 'finding', step: id, phase: 'before', finding: f }) as const),
  );
}

export const proposeChanges = (list = changes, id = 'compose'): Proposal => ({
  is: 'changes',
  harmless: [],
  step: { id, title: stepOf(id).title },
  changes: list,
  findings: findingsOf(stepOf(id)),
});

export function proposeFailure(
  more: Partial<Extract<Proposal, { is: 'failure' }>> = {},
  id = 'database',
): Proposal {
  const findings = [0, 1, 2].map((i) => finding(stepOf(id), i, VERDICTS[1 + (i % 2)] as Verdict));
  return {
    is: 'failure',
    step: { id, title: stepOf(id).title },
    reason: `database.start failed: ${LONG}`,
    findings,
    fix: LONG,
    log: Array.from({ length: 40 }, (_, i) => `line ${i} ${LONG}`),
    waivable: [findings[1]?.control ?? ''],
    done: ['write compose.yaml'],
    ...more,
  };
}

export const propose = (
  proposal: Proposal,
  state = inStep(proposal.is === 'drift' ? 'database' : proposal.step.id, 3),
) => onPropose(state, proposal, NOW);

/** Keys pressed one after the other, and all that they made the outside do. */
export function pressAll(state: State, ...keys: (string | Key | readonly Key[])[]) {
  const effects: Effect[] = [];
  let now = state;
  for (const one of keys.flatMap((k) => (typeof k === 'string' ? [key(k)] : k))) {
    const update = onKey(now, one);
    now = update.state;
    effects.push(...update.effects);
  }
  return { state: now, effects, panel: now.panel };
}
export const decided = (decision: Decision): Effect[] => [{ do: 'decide', decision }];
