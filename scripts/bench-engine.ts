/** What the engine itself costs: a verify of many controls that answer at once, against a verify of none. */
import { EventEmitter } from 'node:events';
import { run } from '../src/core/engine.ts';
import type { Frontend } from '../src/core/frontend.ts';
import type { HostReader, HostSource } from '../src/core/host.ts';
import { type AnyStep, pass } from '../src/core/step.ts';

const quiet: Frontend = {
  interactive: false,
  ask: () => Promise.reject(new Error('nobody is asked')),
  decide: () => Promise.reject(new Error('nothing is decided')),
  emit: () => {},
};
const nothing: HostSource = {
  snapshot: () => ({}) as HostReader,
  writer: () => {
    throw new Error('a verify writes nothing');
  },
  journal: { append: async () => {} },
};

/** Ten steps with `count` controls altogether. */
function steps(count: number): readonly AnyStep[] {
  return Array.from({ length: 10 }, (_, step) => ({
    id: `step-${step}`,
    title: 'A step',
    why: 'It is measured.',
    needs: [],
    controls: Array.from({ length: count / 10 }, (_, control) => ({
      id: `step-${step}.control-${control}`,
      title: 'The control holds',
      severity: 'required' as const,
      section: 'operation',
      how: 'Answers at once.',
      threat: 'None.',
      remedy: 'None.',
      impact: 'None.',
      inspect: async () => pass('it holds'),
    })),
  }));
}

async function cost(all: readonly AnyStep[], expected: number): Promise<number> {
  const controller = new AbortController();
  EventEmitter.setMaxListeners(0, controller.signal);
  const before = process.cpuUsage();
  const report = await run({
    mode: 'verify',
    steps: all,
    questions: {},
    known: new Map(),
    host: nothing,
    frontend: quiet,
    skip: new Set(),
    signal: controller.signal,
    tool: { name: 'bench', version: '0' },
    dir: '/nowhere',
  });
  const { user, system } = process.cpuUsage(before);
  const proved = report.steps.flatMap((s) => s.findings).filter((f) => f.verdict.is === 'pass').length;
  if (proved !== expected) throw new Error(`${proved} of ${expected} controls are proved`);
  return (user + system) / 1000;
}

/**
 * Milliseconds of processor time that `count` controls add to a run without any: medians of `runs` measurements after
 * a warm-up, taken alternately.
 */
export async function measureEngine(count: number, runs: number): Promise<number> {
  const full = steps(count);
  const empty = steps(0);
  const pairs: [number, number][] = [];
  for (let i = 0; i < runs + 2; i++) pairs.push([await cost(full, count), await cost(empty, 0)]);
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  const measured = pairs.slice(2);
  return median(measured.map(([a]) => a)) - median(measured.map(([, b]) => b));
}
