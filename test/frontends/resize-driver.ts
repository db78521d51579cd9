/**
 * The wizard in one situation, without an engine: `driver SITUATION RECORDS`. So many finished steps stay above it, and
 * each SIGUSR2 finishes one more.
 */
import type { Finding } from '../../src/core/report.ts';
import { Secret } from '../../src/core/secret.ts';
import { tuiFrontend } from '../../src/frontends/tui/index.tsx';
import { product } from '../../steps/index.ts';
import { asking } from './tui/question-bed.ts';
import { changes, finding, report, stepOf, stepReport } from './tui/state-bed.ts';

const [situation = '', records = '0'] = process.argv.slice(2);
const controller = new AbortController();
const frontend = tuiFrontend({
  product: { ...product, name: 'toy', version: '1' },
  style: { colour: true, unicode: true, width: 80, verbose: false, planning: false },
  input: process.stdin,
  output: process.stdout,
  cancel: () => controller.abort(),
  signal: controller.signal,
  keep: () => [],
  reveals: [{ label: 'password', path: '/srv/password', read: async () => new Secret('canary-of-the-end') }],
  reportFile: '/srv/report.md',
});

const step = stepOf('compose');
let finished = 0;
/** A step that is over, as the scrollback keeps it: two rows that say which one it is. */
const finish = () => {
  finished += 1;
  const seen: Finding = {
    ...finding(step, 0, {
      is: 'fail',
      observed: `record-${finished} is not as long as it looks`,
      expected: 'x',
    }),
    title: `what was found in the step ${finished} of so many steps that one screen does not hold`,
  };
  const begin = () =>
    frontend.emit({
      type: 'step-start',
      step: step.id,
      title: step.title,
      why: step.why,
      index: 2,
      total: 11,
    });
  begin();
  frontend.emit({ type: 'step-end', step: step.id, report: stepReport('compose', { findings: [seen] }) });
  if (situation !== 'question') begin();
};

if (Number(records) > 0) frontend.emit({ type: 'run-start', mode: 'apply', dir: '/srv/toy', steps: [] });
for (let i = 0; i < Number(records); i++) finish();
if (situation === 'question') {
  process.on('SIGUSR2', finish);
  void frontend
    .ask(asking('adminRanges'))
    .then(() => frontend.close())
    .then(() => process.exit(0));
} else if (situation === 'end') {
  frontend.emit({ type: 'run-end', report: report('apply', { exit: 0, steps: [] }) });
  void frontend.close().then(() => process.exit(0));
} else {
  const { id, title, why, controls } = step;
  const open = () => {
    frontend.emit({ type: 'step-start', step: id, title, why, index: 2, total: 11 });
    frontend.emit({
      type: 'looking',
      step: id,
      phase: 'before',
      controls: controls.map((c) => ({ id: c.id, title: c.title })),
    });
    for (const [i] of controls.entries())
      frontend.emit({
        type: 'finding',
        step: id,
        phase: 'before',
        finding: finding(step, i, { is: 'pass', observed: `seen ${i}, and this is what was seen` }),
      });
  };
  process.on('SIGUSR2', () => {
    finish();
    open();
  });
  open();
  if (situation === 'list')
    void frontend
      .decide({ is: 'changes', step: { id, title }, changes, harmless: [], findings: [] })
      .then(() => process.exit(0));
}
