/** Reports for the tests of the evidence: as small as a report can be, with the verdicts that a test is about. */
import type { Finding, Report } from '../../src/core/report.ts';
import { attest, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';

export const VERDICT: Readonly<Record<Verdict['is'], Verdict>> = {
  pass: pass('it holds'),
  fail: fail('it does not hold', 'it to hold'),
  unknown: unknown('no answer'),
  attest: attest('Is it so?'),
  skip: skip('not here'),
};

export function finding(control: string, verdict: Verdict, change: Partial<Finding> = {}): Finding {
  return {
    control,
    title: `the title of ${control}`,
    step: 'step',
    severity: 'required',
    section: 'operation',
    refs: [],
    threat: 'threat',
    remedy: 'remedy',
    verdict,
    duration: 1,
    ...change,
  };
}

export function report(findings: readonly Finding[], change: Partial<Report> = {}): Report {
  return {
    schema: 2,
    tool: { name: 'tool', version: '1.0.0' },
    mode: 'verify',
    dir: '/srv/install',
    startedAt: '2026-11-26T10:00:00.000Z',
    finishedAt: '2026-11-26T10:00:01.000Z',
    exit: 0,
    verdict: 'Every required control that applies is proved (1).',
    answers: [{ question: 'domain', value: 'example.test', source: 'saved' }],
    steps: [{ id: 'step', title: 'Step', outcome: 'looked', findings, changes: [], duration: 1 }],
    ...change,
  };
}
