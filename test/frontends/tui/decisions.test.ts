import { describe, expect, it } from 'vitest';
import type { ChangeReport } from '../../../src/core/report.ts';
import type { Key } from '../../../src/frontends/tui/keys.ts';
import { changeable } from '../../../src/frontends/tui/model/decisions.ts';
import type { State } from '../../../src/frontends/tui/model/state.ts';
import { onAsk, onKey } from '../../../src/frontends/tui/model/update.ts';
import { bindingsOf } from '../../../src/frontends/tui/view/screen.ts';
import { asking, key, opened, paste, press, typing } from './question-bed.ts';
import {
  after,
  answers,
  changes,
  decided,
  inStep,
  pressAll,
  propose,
  proposeChanges,
  proposeFailure,
  report,
  start,
  stepReport,
  steps,
} from './state-bed.ts';

const plain = changes.filter((c) => !c.irreversible);
const review = (list: readonly ChangeReport[] = plain) => propose(proposeChanges(list));
const failure = (more = {}) => propose(proposeFailure(more));
const good = report('verify', { exit: 0, steps: [stepReport('compose', { findings: [] })] });
const end = (more = {}) => after(start(), { type: 'run-end', report: report('apply', more) });
const revealed = (): State => {
  const state = end();
  if (state.panel?.is !== 'end') throw new Error('no end');
  return { ...state, panel: { ...state.panel, revealed: { index: 0, text: 'canary-revealed' } } };
};

describe('review', () => {
  it.each([
    ['a', { is: 'apply' }],
    ['s', { is: 'save' }],
    ['escape', { is: 'stop' }],
    ['q', { is: 'stop' }],
  ] as const)('%s decides %o and closes it', (name, decision) => {
    const { effects, panel } = pressAll(review(), name);
    expect([effects, panel]).toEqual([decided(decision), undefined]);
  });

  it('Enter and the space bar never apply anything', () => {
    for (const state of [review(), pressAll(review(), 'd').state, review(changes)])
      expect(pressAll(state, 'enter', ' ', 'y', 'enter').effects).toEqual([]);
  });

  it('the diff opens, scrolls within its ends, and closes', () => {
    const at = (...keys: string[]) => {
      const { panel } = pressAll(review(), ...keys);
      return panel?.is === 'review' ? [panel.from, panel.showDiff ?? false] : undefined;
    };
    expect(at('d')).toEqual([0, true]);
    expect(at('d', 'down', 'down', 'up')).toEqual([1, true]);
    expect(at('d', 'pagedown', 'pageup', 'pageup', 'up')).toEqual([0, true]);
    expect(at('d', ' ', 'd')).toEqual([0, false]);
    expect(at('d', ' ', 'escape')).toEqual([0, false]);
    const far = pressAll(review(), 'd', ...Array.from({ length: 500 }, () => 'pagedown')).panel;
    expect(far?.is === 'review' && far.from).toBeLessThan(400);
  });

  it('another answer is picked among those that have one', () => {
    const list = changeable(review()).map((a) => a.question);
    expect(list).not.toContain('acmeRoot');
    expect(list).toHaveLength(answers.length - 1);
    expect(pressAll(review(), 'e', 'enter').effects).toEqual(decided({ is: 'change', question: 'image' }));
    expect(pressAll(review(), 'e', 'down', 'j', 'up', 'enter').effects).toEqual(
      decided({ is: 'change', question: list[1] as string }),
    );
    expect(pressAll(review(), 'e', 'up', 'enter').effects).toEqual(
      decided({ is: 'change', question: list.at(-1) as string }),
    );
    const back = pressAll(review(), 'e', 'down', 'escape');
    expect([back.effects, back.panel]).toEqual([[], review().panel]);
  });

  it('with no answer to change, none is offered', () => {
    const state = { ...review(), answers: [] };
    expect(bindingsOf(state).map((b) => b.verb)).not.toContain('pick');
    expect(pressAll(state, 'e', 'enter')).toMatchObject({ state, effects: [] });
  });
});

describe('a change that cannot be undone', () => {
  const [first = '', second = ''] = changes.filter((c) => c.irreversible).map((c) => c.id);

  it('asks for each name, one after the other, and nothing else will do', () => {
    const asked = pressAll(review(changes), 'a');
    expect(asked.effects).toEqual([]);
    for (const wrong of ['', 'yes', 'a', first.slice(0, -1), `${first}x`, first.toUpperCase(), second]) {
      const still = pressAll(asked.state, typing(wrong), 'enter', 'enter');
      expect([still.effects, still.panel?.is], wrong).toEqual([[], 'review']);
    }
    const next = pressAll(asked.state, typing(first), 'enter');
    expect(next.effects).toEqual([]);
    expect(pressAll(next.state, typing(first), 'enter').effects).toEqual([]);
    expect(pressAll(next.state, typing(second), 'enter').effects).toEqual(decided({ is: 'apply' }));
  });

  it('takes letters that are keys elsewhere, and a pasted name with its line break', () => {
    const asked = pressAll(review(changes), 'a').state;
    const { panel, effects } = pressAll(asked, typing('aqesd?'));
    expect(panel?.is === 'review' && panel.confirm?.typed.graphemes.join('')).toBe('aqesd?');
    expect(effects).toEqual([]);
    const pasted = pressAll(asked, paste(`${first}\r\n`));
    expect(pasted.effects).toEqual([]);
    expect(pressAll(pasted.state, 'enter', typing(second), 'enter').effects).toEqual(
      decided({ is: 'apply' }),
    );
  });

  it('Escape leads back with nothing decided, and the names are asked again', () => {
    const back = pressAll(review(changes), 'a', typing(first), 'enter', 'escape');
    expect([back.effects, back.panel]).toEqual([[], review(changes).panel]);
    expect(pressAll(back.state, 'a', typing(second), 'enter').effects).toEqual([]);
  });

  it('is asked for from the diff, too', () => {
    expect(pressAll(review(changes), 'd', 'a').panel).toMatchObject({ confirm: { ids: [first, second] } });
  });
});

describe('failure', () => {
  it('can be looked at again or left', () => {
    expect(pressAll(failure(), 'r').effects).toEqual(decided({ is: 'retry' }));
    expect(pressAll(failure(), 'escape').effects).toEqual(decided({ is: 'stop' }));
    expect(pressAll(failure(), 'q').effects).toEqual(decided({ is: 'stop' }));
    expect(pressAll(failure(), 'e', 'enter').effects).toEqual(decided({ is: 'change', question: 'image' }));
  });

  it('only what may be waived can be, and only with a reason', () => {
    const proposal = proposeFailure();
    const control = proposal.is === 'failure' ? (proposal.findings[1]?.control ?? '') : '';
    expect(pressAll(failure(), 'w', 'enter')).toMatchObject({ state: failure(), effects: [] });
    const asked = pressAll(failure(), 'down', 'w');
    for (const empty of ['', '   '])
      expect(pressAll(asked.state, typing(empty), 'enter')).toMatchObject({
        effects: [],
        panel: { is: 'failure' },
      });
    expect(pressAll(asked.state, typing(' rented line, J. Doe '), 'enter').effects).toEqual(
      decided({ is: 'waive', controls: [control], reason: 'rented line, J. Doe' }),
    );
    expect(pressAll(asked.state, paste('two\nlines'), 'enter').effects).toEqual(
      decided({ is: 'waive', controls: [control], reason: 'two lines' }),
    );
    expect(pressAll(asked.state, typing('x'), 'escape').panel).toEqual(pressAll(failure(), 'down').panel);
  });

  it('shows one finding in full, and stays within them', () => {
    const selected = (...keys: string[]) => {
      const { panel } = pressAll(failure(), ...keys);
      return panel?.is === 'failure' && panel.selected;
    };
    expect([selected('up'), selected('down'), selected('j', 'j', 'j', 'j')]).toEqual([0, 1, 2]);
  });

  it('the log is shown and hidden; without one there is no key for it', () => {
    const shown = pressAll(failure(), 'l');
    expect(shown.panel).toMatchObject({ showLog: true });
    expect(pressAll(shown.state, 'l').panel).toEqual(failure().panel);
    for (const log of [undefined, []]) {
      const proposal = proposeFailure(log ? { log } : {});
      const { log: _, ...rest } = proposal as Extract<typeof proposal, { is: 'failure' }>;
      const state = propose(log ? proposal : rest);
      expect(pressAll(state, 'l').state).toEqual(state);
    }
  });

  it('of the same step again says that it was looked at again', () => {
    expect(failure().panel).not.toHaveProperty('again');
    expect(propose(proposeFailure(), failure()).panel).toHaveProperty('again');
    expect(propose(proposeFailure({}, 'compose'), failure()).panel).not.toHaveProperty('again');
  });
});

describe('an existing install', () => {
  const drift = (r = report('verify')) => propose({ is: 'drift', report: r });

  it('is repaired only when somebody says so', () => {
    expect(pressAll(drift(), 'f').effects).toEqual(decided({ is: 'apply' }));
    expect(pressAll(drift(), 'enter', ' ', 'y').effects).toEqual([]);
    expect(pressAll(drift(), 'q').effects).toEqual(decided({ is: 'stop' }));
  });

  it('that holds has nothing to repair, and any way out is one', () => {
    expect(pressAll(drift(good), 'f').effects).toEqual([]);
    for (const name of ['q', 'escape', 'enter'])
      expect(pressAll(drift(good), name).effects).toEqual(decided({ is: 'stop' }));
  });

  it('shows every control, once', () => {
    const all = (state: State) => state.records.filter((r) => r.is === 'every-control');
    expect(all(pressAll(drift(), 'o').state)).toHaveLength(1);
    expect(all(pressAll(drift(), 'o', 'o').state)).toHaveLength(1);
    expect(all(pressAll(end(), 'o', 'o').state)).toHaveLength(1);
  });
});

describe('the end', () => {
  it('any way out leaves', () => {
    for (const name of ['q', 'enter', 'escape', 'ctrl+c'])
      expect(pressAll(end(), name)).toMatchObject({ effects: [{ do: 'leave' }], panel: undefined });
  });

  it('a secret is shown when it is asked for by its number', () => {
    expect(pressAll(end(), '1').effects).toEqual([{ do: 'reveal', index: 0 }]);
    expect(pressAll(end(), '2', '0').effects).toEqual([]);
    expect(pressAll(end({ stopped: { step: 'compose', reason: 'x' } }), '1').effects).toEqual([]);
  });

  it.each(['x', ' ', 'q', 'enter', 'escape', '1', 'o', 'f7', 'paste', 'ctrl+c'])(
    '%s wipes a shown secret, and leaves no trace of it in the state',
    (name) => {
      const { state, effects } = pressAll(revealed(), name === 'paste' ? [paste('x')] : name);
      expect(JSON.stringify(state)).not.toContain('canary');
      expect(effects).toEqual(name === 'ctrl+c' ? [{ do: 'leave' }] : []);
    },
  );
});

describe('what the hint bar says', () => {
  const secret = (...keys: string[]): State => ({
    ...start(),
    panel: { is: 'question', question: press(opened('adminPassword'), ...keys).panel },
  });
  const scrolled = pressAll(failure(), 'down', 'pagedown').state;
  const states: [string, State][] = [
    ['a text', onAsk(start(), asking('httpPort'))],
    ['a text with nothing in it', onAsk(start(), asking('domain'))],
    [
      'suggestions',
      onAsk(start(), asking('adminRanges', { suggestions: [{ value: ['10.0.0.0/8'], because: 'x' }] })),
    ],
    ['a choice', onAsk(start(), asking('tls'))],
    ['the way of a secret', secret()],
    ['a typed secret', secret('2', 'enter')],
    ['a secret in a file', secret('3', 'enter')],
    ['no way back', onAsk(start(), asking('domain', { canGoBack: false }))],
    ['review', review()],
    ['review without a diff', review([{ id: 'x', summary: 'y', status: 'planned' }])],
    ['diff', pressAll(review(), 'd', 'down').state],
    ['confirmation', pressAll(review(changes), 'a', typing('x')).state],
    ['right confirmation', pressAll(review(changes), 'a', typing('database.drop-role')).state],
    ['picker', pressAll(review(), 'e').state],
    ['failure', scrolled],
    ['failure without anything', failure({ findings: [], waivable: [] })],
    ['reason', pressAll(failure(), 'down', 'w', typing('because')).state],
    ['picker in a failure', pressAll(failure(), 'e', 'down').state],
    ['drift', propose({ is: 'drift', report: report('verify') })],
    ['no drift', propose({ is: 'drift', report: good })],
    ['end', end()],
    ['stopped end', end({ stopped: { step: 'compose', reason: 'x' } })],
    ['working', inStep('database', 2)],
  ];
  const pressed = (state: State, name: string) => {
    const text: Key = key(name);
    return onKey(state, text);
  };

  it.each(states)('%s: every hinted key does something', (name, state) => {
    const hinted = bindingsOf(state).filter((b) => b.hint !== undefined);
    expect(hinted.length).toBeGreaterThan(0);
    for (const { keys, hint } of hinted) {
      // A confirmation is done by the right name only.
      if (name === 'confirmation' && hint === 'confirm') continue;
      for (const one of keys) {
        const { state: next, effects } = pressed(state, one);
        const moved = JSON.stringify(next) !== JSON.stringify(state);
        expect(moved || effects.length > 0, `${one} (${hint})`).toBe(true);
      }
    }
  });

  it.each(states)('%s: no key has two meanings', (_, state) => {
    const keys = bindingsOf(state).flatMap((b) => b.keys);
    expect(keys.filter((k, i) => keys.indexOf(k) !== i)).toEqual([]);
  });

  it.each(states)('%s: keys that are not known do nothing', (_, state) => {
    for (const name of ['f7', 'insert', 'alt+x', 'ctrl+y', 'undefined', 'clear'])
      expect(pressed(state, name), name).toEqual({ state, effects: [] });
  });

  it.each(states)('%s: Ctrl+C always stops and Ctrl+Z always suspends', (_, state) => {
    const { effects } = pressed(state, 'ctrl+c');
    expect(effects).toEqual([{ do: state.panel?.is === 'end' ? 'leave' : 'cancel' }]);
    expect(pressed(state, 'ctrl+z')).toEqual({ state, effects: [{ do: 'suspend' }] });
  });

  it('there are steps to decide on', () => expect(steps.length).toBeGreaterThan(5));
});
