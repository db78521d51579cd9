/** JUnit XML: red exactly when the exit code says so, and nothing that was not seen looks passed. */
import { describe, expect, it } from 'vitest';
import type { Finding, Report } from '../../src/core/report.ts';
import type { Severity, Verdict } from '../../src/core/step.ts';
import { render } from '../../src/report/formats.ts';
import { bare, blindReport, context, findingWith, full, fullFinding, judged, verdicts } from './fixture.ts';
import { junit, junitProblems } from './validators.ts';

const suites = async (reports: readonly Report[]) => junit(await render('junit', reports, context));
/** The one case of a report with one finding: what it came to. */
async function caseOf(finding: Finding, failOn: Severity = 'required') {
  const { testsuite } = await suites([judged([finding], {}, failOn)]);
  const one = testsuite?.[0]?.testcase?.[0];
  if (!one) throw new Error('no case');
  return one;
}

describe('JUnit XML', () => {
  it('is valid for a report with everything, one with nothing, one of the engine, and several', async () => {
    for (const reports of [[full], [bare], [await blindReport()], [judged([])], [full, bare]]) {
      expect(await junitProblems(await render('junit', reports, context))).toEqual([]);
      expect((await suites(reports)).testsuite?.length).toBeGreaterThan(0);
    }
  });

  it('is red exactly when the exit code is not 0, for every mix of two verdicts', async () => {
    const kinds = (Object.keys(verdicts) as Verdict['is'][]).flatMap((is) =>
      (['required', 'advised'] as const).map((severity) => findingWith(is, severity)),
    );
    const waived = { ...fullFinding, verdict: verdicts.skip };
    let red = 0;
    for (const failOn of ['required', 'advised'] as const)
      for (const a of kinds)
        for (const b of [...kinds, waived]) {
          const report = judged([a, { ...b, control: `${b.control}-b` }], {}, failOn);
          const { failures = 0, errors = 0 } = await suites([report]);
          expect(failures + errors > 0, `${a.control}, ${b.control}, ${failOn}`).toBe(report.exit !== 0);
          if (report.exit !== 0) red += 1;
        }
    expect(red).toBeGreaterThan(50);
  });

  it('a failure, an open attestation and what could not be seen are told apart, with what was seen and the fix', async () => {
    expect((await caseOf(findingWith('fail', 'required'))).failure?.[0]).toMatchObject({
      type: 'failing',
      message: expect.stringContaining('mode 0644'),
      inner: expect.stringContaining('fix       Run apply again.'),
    });
    expect((await caseOf(findingWith('attest', 'required'))).failure?.[0]).toMatchObject({
      type: 'attestation',
    });
    expect((await caseOf(findingWith('unknown', 'required'))).error?.[0]).toMatchObject({
      type: 'not-seen',
      message: expect.stringContaining('the engine does not answer'),
    });
  });

  it('what does not hold and does not count is skipped by name, never a plain pass', async () => {
    for (const is of ['fail', 'attest', 'unknown'] as const) {
      const one = await caseOf(findingWith(is, 'advised'));
      expect(one.skipped?.[0]?.message).toMatch(/^advised, and (failing|open|not seen): /);
      expect((await caseOf(findingWith(is, 'advised'), 'advised')).skipped).toBeUndefined();
    }
    expect((await caseOf(fullFinding)).skipped?.[0]?.message).toMatch(/^waived by J\. Doe/);
    expect((await caseOf(findingWith('skip', 'required'))).skipped?.[0]?.message).toMatch(
      /^does not apply: /,
    );
  });

  it('only a pass is a case without an outcome', async () => {
    const reports = [full, await blindReport()];
    const { testsuite = [] } = await suites(reports);
    const plain = testsuite
      .flatMap((s) => s.testcase ?? [])
      .filter((c) => !c.failure && !c.error && !c.skipped);
    const passed = reports
      .flatMap((r) => r.steps.flatMap((s) => s.findings))
      .filter((f) => f.verdict.is === 'pass');
    expect(passed.length).toBeGreaterThan(0);
    expect(plain.map((c) => c.name)).toEqual(passed.map((f) => `${f.control}: ${f.title}`));
  });

  it('a run that stopped has an error where it stopped', async () => {
    const stopped = { step: 'compose', reason: 'the disk is full', fix: 'make room' };
    for (const step of ['compose', 'elsewhere']) {
      const { testsuite, errors } = await suites([judged([], { stopped: { ...stopped, step } })]);
      expect(errors).toBe(1);
      expect(testsuite?.[0]?.testcase?.[0]?.error?.[0]?.message).toContain('the disk is full');
    }
  });

  it('sums are sums, times are seconds, and suites of several installs are told apart', async () => {
    const all = await suites([full, { ...full, dir: '/srv/other' }]);
    const list = all.testsuite ?? [];
    expect(list.map((s) => s.name)).toEqual(['/srv/app: Compose', '/srv/other: Compose']);
    for (const key of ['tests', 'failures', 'errors'] as const)
      expect(all[key]).toBe(list.reduce((n, s) => n + (s[key] ?? 0), 0));
    for (const suite of list) expect(suite.tests).toBe(suite.testcase?.length);
    expect(list[0]?.time).toBe(1.234);
    expect(all.time).toBe(5);
    expect(list[0]?.testcase?.[0]).toMatchObject({ classname: '/srv/app: compose', time: 0.012 });
  });
});
