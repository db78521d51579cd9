import { describe, expect, it } from 'vitest';
import { withConsent } from '../src/consent.ts';
import { run } from '../src/core/engine.ts';
import type { Decision, Frontend, Proposal } from '../src/core/frontend.ts';
import type { Mode } from '../src/core/report.ts';
import { type AnyStep, fail, pass } from '../src/core/step.ts';
import { blindHost } from './fakes/blind-host.ts';

/** A switch that the step turns on, and everything that was done about the directory, in order. */
function bed() {
  const log: string[] = [];
  const host = blindHost();
  const source = {
    ...host,
    journal: { append: async ({ event }: { event: string }) => void log.push(event) },
  };
  const consent = withConsent(source, async () => {
    log.push('lock');
    return async () => void log.push('unlock');
  });
  const state = { on: false };
  const step = (id: string): AnyStep => ({
    id,
    title: id,
    why: 'w',
    needs: [],
    controls: [
      {
        id: `${id}.on`,
        title: 'it is on',
        severity: 'required',
        section: 'operation',
        how: 'It looks.',
        threat: 't',
        remedy: 'r',
        impact: 'i',
        inspect: async () => (state.on ? pass('on') : fail('off', 'on')),
      },
    ],
    plan: async () => [
      {
        id: `${id}.turn-on`,
        summary: 'turn on',
        apply: async () => {
          log.push('apply');
          state.on = true;
        },
      },
    ],
  });
  const go = (decisions: readonly Decision[], mode: Mode = 'apply', id = 'x') => {
    const left = [...decisions];
    const frontend: Frontend = {
      interactive: true,
      ask: async () => ({ is: 'cancel' }),
      decide: async (proposal: Proposal) => {
        log.push(`asked ${proposal.is}`);
        return left.shift() ?? { is: 'stop' };
      },
      emit: () => {},
    };
    return run({
      mode,
      steps: [step(id)],
      questions: {},
      known: new Map(),
      host: consent.host,
      frontend: { ...frontend, decide: consent.decider(frontend) },
      skip: new Set(),
      signal: new AbortController().signal,
      tool: { name: 't', version: '0' },
      dir: '/nowhere',
    });
  };
  return { log, consent, go, state };
}

describe('consent', () => {
  it('nothing is written before a change is agreed to; then what was kept back comes first, in order', async () => {
    const { log, go, consent } = bed();
    const { exit } = await go([{ is: 'apply' }]);
    await consent.release();
    expect(exit).toBe(0);
    expect(log).toEqual([
      'asked changes',
      'lock',
      'run-start',
      'change-start',
      'apply',
      'change-done',
      'run-end',
      'unlock',
    ]);
  });

  it.each<[string, Decision]>([
    ['declined', { is: 'decline' }],
    ['stopped', { is: 'stop' }],
  ])('%s leaves no trace', async (_, decision) => {
    const { log, go, consent } = bed();
    expect((await go([decision])).exit).toBe(1);
    await consent.release();
    expect([log, consent.isGiven()]).toEqual([['asked changes'], false]);
  });

  it('a look leaves no trace, and a repair after it keeps the entries of both in order', async () => {
    const { log, go, consent } = bed();
    await go([], 'verify');
    expect(log).toEqual([]);
    await go([{ is: 'apply' }]);
    expect(log.slice(0, 6)).toEqual([
      'asked changes',
      'lock',
      'run-start',
      'run-end',
      'run-start',
      'change-start',
    ]);
    expect(consent.isGiven()).toBe(true);
  });

  it('agreeing to repair an install is not agreeing to its changes', async () => {
    const { log, consent } = bed();
    const decide = consent.decider({
      interactive: true,
      ask: async () => ({ is: 'cancel' }),
      decide: async () => ({ is: 'apply' }),
      emit: () => {},
    });
    await decide({ is: 'drift', report: {} as never });
    expect([consent.isGiven(), log]).toEqual([false, []]);
  });

  it('is given once and given back once, however many changes are agreed to', async () => {
    const { log, go, consent, state } = bed();
    await go([{ is: 'apply' }]);
    state.on = false;
    await go([{ is: 'apply' }], 'apply', 'y');
    await consent.give();
    await consent.release();
    expect(log.filter((entry) => entry === 'lock' || entry === 'unlock')).toEqual(['lock', 'unlock']);
  });

  it('is not given while another run is at work, and nothing is written then', async () => {
    const entries: string[] = [];
    const source = {
      ...blindHost(),
      journal: { append: async ({ event }: { event: string }) => void entries.push(event) },
    };
    const consent = withConsent(source, () => Promise.reject(new Error('another run at work')));
    await consent.host.journal.append({ event: 'run-start' });
    await expect(consent.give()).rejects.toThrow('another run');
    await expect(consent.give()).rejects.toThrow('another run');
    await consent.host.journal.append({ event: 'run-end' });
    await consent.release();
    expect([entries, consent.isGiven()]).toEqual([[], false]);
  });
});
