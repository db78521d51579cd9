import type { Asking, Proposal } from '../../../core/frontend.ts';
import type { Key } from '../keys.ts';
import { onDecisionKey } from './decisions.ts';
import { onQuestionKey, openQuestion, rawText } from './question.ts';
import type { Given, State, Update } from './state.ts';

/** The state in which a question is open. */
export const onAsk = (state: State, asking: Asking): State => ({
  ...state,
  panel: { is: 'question', question: openQuestion(asking) },
});

/** The state in which a decision is asked for. `now`: milliseconds since the epoch. */
export function onPropose(state: State, proposal: Proposal, now: number): State {
  switch (proposal.is) {
    case 'changes':
      return { ...state, panel: { is: 'review', proposal, from: 0 } };
    case 'failure':
      return {
        ...state,
        failedStep: proposal.step.id,
        panel: {
          is: 'failure',
          proposal,
          selected: 0,
          from: 0,
          ...(state.failedStep === proposal.step.id ? { again: now } : {}),
        },
      };
    case 'drift':
      return { ...state, panel: { is: 'drift', proposal } };
  }
}

/** No panel: whatever was asked is answered, or the run is cancelled. */
export function closePanel(state: State): State {
  const { panel: _, ...rest } = state;
  return rest;
}

/** What a key does: the new state, and what the outside has to do. */
export function onKey(state: State, key: Key): Update {
  if (key.name === 'ctrl+c') {
    // The end screen is the end: nothing is left to be cancelled.
    if (state.panel?.is === 'end') return { state: closePanel(state), effects: [{ do: 'leave' }] };
    // A look has changed nothing, and no run follows that could say so.
    if (state.panel?.is === 'drift') {
      const records = [...state.records, { is: 'note', text: 'Cancelled. Nothing was changed.' } as const];
      return { state: { ...state, records, stopping: true }, effects: [{ do: 'cancel' }] };
    }
    return { state: { ...state, stopping: true }, effects: [{ do: 'cancel' }] };
  }
  if (key.name === 'ctrl+z') return { state, effects: [{ do: 'suspend' }] };
  const { panel } = state;
  if (!panel) return { state, effects: [] };
  if (panel.is === 'question') {
    const { panel: question, reply } = onQuestionKey(panel.question, key);
    if (!reply) return { state: { ...state, panel: { is: 'question', question } }, effects: [] };
    const closed = closePanel(state);
    const kept = reply.is === 'answer' ? keep(closed, question.asking, reply.raw) : closed;
    return { state: kept, effects: [{ do: 'reply', reply }] };
  }
  const decided = onDecisionKey(panel, key, state);
  const closed = closePanel(state);
  const next: State = decided.panel ? { ...closed, panel: decided.panel } : closed;
  if (!decided.showAll || !('report' in panel || panel.is === 'drift'))
    return { state: next, effects: decided.effects };
  const report = panel.is === 'drift' ? panel.proposal.report : panel.report;
  return {
    state: { ...next, records: [...next.records, { is: 'every-control', report }] },
    effects: decided.effects,
  };
}

/** An answer inside a step is settled at once; one of the beginning may still be changed by going back. */
function keep(state: State, asking: Asking, raw: unknown): State {
  const entry = answered(asking, raw);
  if (state.current) return { ...state, records: [...state.records, entry] };
  const given = { id: asking.id, entry };
  const at = state.given.findIndex(({ id }) => id === asking.id);
  return { ...state, given: at < 0 ? [...state.given, given] : state.given.with(at, given) };
}

/** What the scrollback keeps of an answer: never a secret. */
function answered(asking: Asking, raw: unknown): Given['entry'] {
  const { question } = asking;
  const text = typeof raw === 'string' || Array.isArray(raw) ? rawText(raw) : '';
  const isTyped = question.kind === 'secret' && text === '';
  return {
    is: 'answer',
    title: question.title,
    value: isTyped ? 'entered here, not shown' : text === '' ? 'left out' : text,
  };
}
