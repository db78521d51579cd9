import { EXIT } from '../../../core/errors.ts';
import type { Event } from '../../../core/frontend.ts';
import type { ChangeLine, CurrentStep, State } from './state.ts';

/** The state after an event of the engine. `now`: milliseconds since the epoch. */
export function onEvent(state: State, event: Event, now: number): State {
  const { current } = state;
  const inStep = (change: Partial<CurrentStep>): State =>
    current ? { ...state, current: { ...current, ...change } } : state;
  switch (event.type) {
    case 'run-start':
      return {
        ...state,
        mode: event.mode,
        steps: event.steps,
        // A verify that is followed by a repair is one sitting: one header.
        records:
          state.records.length > 0 ? state.records : [{ is: 'header', mode: event.mode, dir: event.dir }],
      };
    case 'answers':
      // Everything that was asked is settled: what was answered goes to the scrollback, each answer once.
      return settled({ ...state, answers: event.answers });
    case 'step-start': {
      const { step: id, title, why, index, total } = event;
      return {
        ...state,
        current: { id, title, why, index, total, phase: 'before', controls: [], changes: [], since: now },
      };
    }
    case 'looking':
      return inStep({ phase: event.phase, controls: event.controls, changes: [], since: now });
    case 'finding': {
      const lines = current?.controls ?? [];
      const order = lines.filter((line) => line.finding).length;
      return inStep({
        controls: lines.map((line) =>
          line.id === event.finding.control ? { ...line, finding: event.finding, order } : line,
        ),
      });
    }
    case 'plan':
      return inStep({
        changes: event.changes.map(({ id, summary }) => ({ id, summary, state: 'waiting', since: 0 })),
      });
    case 'change-start': {
      const { change: id, summary } = event;
      const begun: ChangeLine = { id, summary, state: 'running', since: now };
      const lines = current?.changes ?? [];
      const at = lines.findIndex((line) => line.id === id && line.state === 'waiting');
      const changes = at < 0 ? [...lines, begun] : lines.with(at, begun);
      return withoutProgress(inStep({ changes, since: now }));
    }
    case 'progress':
      return event.text.trim() === '' ? state : inStep({ progress: event.text.trim() });
    case 'change-done':
      return withoutProgress(inStep({ changes: ended(current, event.change, 'done') }));
    case 'change-failed':
      return withoutProgress(inStep({ changes: ended(current, event.change, 'failed') }));
    case 'step-end': {
      const { current: _, ...rest } = state;
      // A look at an existing install opens with its verdict, not with ten lines that lead to it.
      if (state.mode === 'verify') return rest;
      const isTold = state.records.some(({ is }) => is === 'end');
      const entry = { is: 'step', step: event.report, ...(isTold ? { told: true as const } : {}) } as const;
      return { ...rest, records: [...state.records, entry] };
    }
    case 'run-end': {
      const { report } = event;
      const { given, records } = settled(state);
      const ended: State = { ...state, given, records: [...records, { is: 'end', report }] };
      // A verify is followed by a decision; a run that a person stopped has nothing more to show.
      if (report.mode === 'verify' || report.exit === EXIT.cancelled) return ended;
      return { ...ended, panel: { is: 'end', report } };
    }
    default:
      return state;
  }
}

const settled = (state: State): State =>
  state.given.length === 0
    ? state
    : { ...state, given: [], records: [...state.records, ...state.given.map(({ entry }) => entry)] };

const ended = (
  current: CurrentStep | undefined,
  id: string,
  how: ChangeLine['state'],
): readonly ChangeLine[] =>
  (current?.changes ?? []).map((line) =>
    line.id === id && line.state === 'running' ? { ...line, state: how } : line,
  );

function withoutProgress(state: State): State {
  if (!state.current) return state;
  const { progress: _, ...current } = state.current;
  return { ...state, current };
}
