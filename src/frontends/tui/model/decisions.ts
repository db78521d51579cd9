/** Panels on which the operator decides: review, failure, drift, end. */
import { EXIT } from '../../../core/errors.ts';
import type { Decision } from '../../../core/frontend.ts';
import type { AnswerReport } from '../../../core/report.ts';
import { foundExit } from '../../../core/verdict.ts';
import type { Binding, Key } from '../keys.ts';
import { verbOf } from '../keys.ts';
import { editOf } from './question.ts';
import type { Effect, Panel, State } from './state.ts';
import { cleanPaste, edit, type TextInput, textInput, textOf } from './text-input.ts';

type DecisionPanel = Exclude<Panel, { is: 'question' }>;
type Verb =
  | 'apply'
  | 'diff'
  | 'pick'
  | 'save'
  | 'stop'
  | 'retry'
  | 'waive'
  | 'log'
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'accept'
  | 'close'
  | 'all'
  | 'leave'
  | `reveal-${number}`;
export interface Decided {
  readonly panel?: Panel;
  readonly effects: readonly Effect[];
  /** Also keep every control in the scrollback. */
  readonly showAll?: true;
}

/** Answers that can be given anew: everything that has one. */
export const changeable = (state: State): readonly AnswerReport[] =>
  state.answers.filter((a) => a.value !== '(none)');

const move: readonly Binding<Verb>[] = [
  { keys: ['up', 'k'], verb: 'up', hint: 'move' },
  { keys: ['down', 'j'], verb: 'down' },
];
const scrolling: readonly Binding<Verb>[] = [
  ...move,
  { keys: ['pageup'], verb: 'page-up' },
  { keys: [' ', 'pagedown'], verb: 'page-down', hint: 'more' },
];
const picking: readonly Binding<Verb>[] = [
  { keys: ['enter'], verb: 'accept', hint: 'change this one', important: true },
  ...move,
  { keys: ['escape'], verb: 'close', hint: 'back', important: true },
];

const picker = (state: State): readonly Binding<Verb>[] =>
  changeable(state).length > 0 ? [{ keys: ['e'], verb: 'pick', hint: 'change an answer' }] : [];

/** The keys of a panel that do something now. */
export function decisionBindings(panel: DecisionPanel, state: State): readonly Binding<Verb>[] {
  switch (panel.is) {
    case 'review':
      if (panel.pick) return picking;
      if (panel.confirm)
        return [
          { keys: ['enter'], verb: 'accept', hint: 'confirm', important: true },
          { keys: ['escape'], verb: 'close', hint: 'back', important: true },
        ];
      if (panel.showDiff)
        return [
          { keys: ['a'], verb: 'apply', hint: 'apply', important: true },
          ...scrolling,
          { keys: ['d', 'escape'], verb: 'close', hint: 'close the diff', important: true },
        ];
      return [
        { keys: ['a'], verb: 'apply', hint: 'apply', important: true },
        ...(panel.proposal.changes.some((c) => c.diff)
          ? [{ keys: ['d'], verb: 'diff', hint: 'full diff', important: true } as const]
          : []),
        ...picker(state),
        { keys: ['s'], verb: 'save', hint: 'save and quit' },
        { keys: ['escape', 'q'], verb: 'stop', hint: 'stop here', important: true },
        ...scrolling.map(({ keys, verb }) => ({ keys, verb })),
      ];
    case 'failure':
      if (panel.pick) return picking;
      if (panel.reason)
        return [
          { keys: ['enter'], verb: 'accept', hint: 'waive', important: true },
          { keys: ['escape'], verb: 'close', hint: 'back', important: true },
        ];
      return [
        { keys: ['r'], verb: 'retry', hint: 'look again', important: true },
        ...(waivableNow(panel) ? [{ keys: ['w'], verb: 'waive', hint: 'waive with a reason' } as const] : []),
        ...(panel.proposal.log?.length
          ? [{ keys: ['l'], verb: 'log', hint: panel.showLog ? 'hide the log' : 'log' } as const]
          : []),
        ...picker(state),
        ...(panel.proposal.findings.length > 1 ? move : []),
        // The last line of what does not fit says which key shows more.
        ...scrolling.slice(2).map(({ keys, verb }) => ({ keys, verb })),
        { keys: ['escape', 'q'], verb: 'stop', hint: 'stop here', important: true },
      ];
    case 'drift': {
      const holds = foundExit(panel.proposal.report) === EXIT.proved;
      return [
        ...(holds ? [] : [{ keys: ['f'], verb: 'apply', hint: 'repair this', important: true } as const]),
        ...(panel.everyControl
          ? []
          : [{ keys: ['o'], verb: 'all', hint: 'show all', important: true } as const]),
        { keys: ['q', 'escape', ...(holds ? ['enter'] : [])], verb: 'leave', hint: 'quit', important: true },
      ];
    }
    case 'end':
      if (panel.revealed) return [];
      return [
        ...(panel.report.stopped
          ? []
          : state.reveals.map(
              (reveal, i) =>
                ({ keys: [String(i + 1)], verb: `reveal-${i}`, hint: `show the ${reveal.label}` }) as const,
            )),
        ...(panel.everyControl ? [] : [{ keys: ['o'], verb: 'all', hint: 'show all' } as const]),
        { keys: ['q', 'enter', 'escape'], verb: 'leave', hint: 'quit', important: true },
      ];
  }
}

/** The finding that the failure panel shows in full. */
export const selectedFinding = (panel: Extract<Panel, { is: 'failure' }>) =>
  panel.proposal.findings[panel.selected];

function waivableNow(panel: Extract<Panel, { is: 'failure' }>): boolean {
  const finding = selectedFinding(panel);
  return finding !== undefined && panel.proposal.waivable.includes(finding.control);
}

const decide = (decision: Decision): Decided => ({ effects: [{ do: 'decide', decision }] });
const stay = (panel: Panel): Decided => ({ panel, effects: [] });

/** What a key does on a panel; no panel in the result closes it. */
export function onDecisionKey(panel: DecisionPanel, key: Key, state: State): Decided {
  if (panel.is === 'end' && panel.revealed) {
    const { revealed: _, ...rest } = panel;
    return stay(rest);
  }
  const verb = verbOf(decisionBindings(panel, state), key);
  switch (panel.is) {
    case 'review':
      return onReview(panel, verb, key, state);
    case 'failure':
      return onFailure(panel, verb, key, state);
    case 'drift':
      if (verb === 'apply') return decide({ is: 'apply' });
      if (verb === 'all') return { panel: { ...panel, everyControl: true }, effects: [], showAll: true };
      return verb === 'leave' ? decide({ is: 'stop' }) : stay(panel);
    case 'end':
      if (verb === 'all') return { panel: { ...panel, everyControl: true }, effects: [], showAll: true };
      if (verb === 'leave') return { effects: [{ do: 'leave' }] };
      if (verb?.startsWith('reveal-'))
        return { panel, effects: [{ do: 'reveal', index: Number(verb.slice(7)) }] };
      return stay(panel);
  }
}

function onReview(
  panel: Extract<Panel, { is: 'review' }>,
  verb: Verb | undefined,
  key: Key,
  state: State,
): Decided {
  if (panel.pick) return onPick(panel, verb, state);
  const { confirm, showDiff: _, ...rest } = panel;
  const plain = { ...rest, from: 0 };
  if (confirm) {
    if (verb === 'close') return stay(plain);
    const [id = '', ...others] = confirm.ids;
    if (verb !== 'accept')
      return stay({ ...panel, confirm: { ...confirm, typed: typed(confirm.typed, key) } });
    if (textOf(confirm.typed).trim() !== id) return stay(panel);
    return others.length === 0
      ? decide({ is: 'apply' })
      : stay({ ...plain, confirm: { ids: others, typed: textInput() } });
  }
  // As many lines as there can be at most: scrolling past the end would have to be scrolled back.
  const most = panel.proposal.changes.reduce((n, c) => n + 6 + (c.diff?.split('\n').length ?? 0), 0);
  const scroll = (by: number) => stay({ ...panel, from: Math.min(most, Math.max(0, panel.from + by)) });
  switch (verb) {
    case 'apply': {
      const ids = panel.proposal.changes.filter((c) => c.irreversible).map((c) => c.id);
      return ids.length === 0
        ? decide({ is: 'apply' })
        : stay({ ...plain, confirm: { ids, typed: textInput() } });
    }
    case 'diff':
      return stay({ ...plain, showDiff: true });
    case 'close':
      return stay(plain);
    case 'up':
      return scroll(-1);
    case 'down':
      return scroll(1);
    case 'page-up':
      return scroll(-10);
    case 'page-down':
      return scroll(10);
    case 'pick':
      return stay({ ...panel, pick: { selected: 0 } });
    case 'save':
      return decide({ is: 'save' });
    case 'stop':
      return decide({ is: 'stop' });
    default:
      return stay(panel);
  }
}

function onFailure(
  panel: Extract<Panel, { is: 'failure' }>,
  verb: Verb | undefined,
  key: Key,
  state: State,
): Decided {
  if (panel.pick) return onPick(panel, verb, state);
  const { reason, showLog, ...plain } = panel;
  if (reason) {
    if (verb === 'close') return stay(plain);
    if (verb !== 'accept') return stay({ ...panel, reason: typed(reason, key) });
    const text = textOf(reason).trim();
    const control = selectedFinding(panel)?.control;
    if (text === '' || control === undefined) return stay(panel);
    return decide({ is: 'waive', controls: [control], reason: text });
  }
  const last = panel.proposal.findings.length - 1;
  switch (verb) {
    case 'retry':
      return decide({ is: 'retry' });
    case 'waive':
      return stay({ ...panel, reason: textInput() });
    case 'log':
      return stay(showLog ? plain : { ...panel, showLog: true });
    case 'pick':
      return stay({ ...panel, pick: { selected: 0 } });
    case 'up':
      return stay({ ...panel, selected: Math.max(0, panel.selected - 1), from: 0 });
    case 'down':
      return stay({ ...panel, selected: Math.min(last, panel.selected + 1), from: 0 });
    case 'page-up':
      return stay({ ...panel, from: Math.max(0, panel.from - 5) });
    case 'page-down':
      return stay({ ...panel, from: Math.min(60, panel.from + 5) });
    case 'stop':
      return decide({ is: 'stop' });
    default:
      return stay(panel);
  }
}

function onPick(
  panel: Extract<Panel, { is: 'review' | 'failure' }>,
  verb: Verb | undefined,
  state: State,
): Decided {
  const { pick, ...rest } = panel;
  const answers = changeable(state);
  const selected = pick?.selected ?? 0;
  const to = (index: number) =>
    stay({ ...panel, pick: { selected: (index + answers.length) % answers.length } });
  if (verb === 'up') return to(selected - 1);
  if (verb === 'down') return to(selected + 1);
  if (verb === 'close') return stay(rest);
  const question = answers[selected]?.question;
  return verb === 'accept' && question !== undefined ? decide({ is: 'change', question }) : stay(panel);
}

function typed(input: TextInput, key: Key): TextInput {
  if (key.name === 'paste') return edit(input, { do: 'insert', text: cleanPaste(key.text, ' ').text });
  const action = editOf(key);
  return action ? edit(input, action) : input;
}
