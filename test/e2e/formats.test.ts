/** Reports of a real install in every format, healthy and with two things broken, before other people's judges. */
import { chmod, rename } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { type Format, render } from '../../src/report/formats.ts';
import { stateOf } from '../../src/report/state.ts';
import { type BedHost, createHost } from '../bed/index.ts';
import { context } from '../report/fixture.ts';
import { htmlProblems, junit, junitProblems, reportProblems, samples, sarif } from '../report/validators.ts';
import { withoutThrottle } from './prepare.ts';
import { Install, troubles } from './support.ts';

describe('reports of a real install', () => {
  let host: BedHost;
  let install: Install;
  const reports: Report[] = [];

  beforeAll(async () => {
    host = await createHost('formats');
    install = await Install.create(host, 'v1', 'formats');
    // Several logins in a minute are what this test does, not what it is about.
    await withoutThrottle(install);
    const applied = await install.applyJson();
    expect(applied.code, troubles(applied.report)).toBe(0);
    const healthy = await install.verify();
    await chmod(install.path('secrets/encryption_key'), 0o644);
    await rename(install.path('secrets/admin_password'), install.path('../admin_password'));
    const broken = await install.verify();
    expect([healthy.code, broken.code]).toEqual([0, 1]);
    reports.push(applied.report, healthy.report, broken.report);
  });
  afterAll(() => host?.destroy());

  const each = async (format: Format) => Promise.all(reports.map((r) => render(format, [r], context)));
  const findings = (r: Report | undefined) => r?.steps.flatMap((s) => s.findings) ?? [];

  it('are what the published schema says', () => {
    for (const report of reports) expect(reportProblems(report)).toEqual([]);
    expect(findings(reports[2]).map((f) => f.verdict.is)).toEqual(
      expect.arrayContaining(['fail', 'unknown']),
    );
  });

  it('are valid SARIF; what was not seen is no pass', async () => {
    for (const [i, text] of (await each('sarif-full')).entries()) {
      const results = sarif(text).runs[0]?.results ?? [];
      expect(results).toHaveLength(findings(reports[i]).length);
      for (const [j, finding] of findings(reports[i]).entries())
        expect(results[j]?.kind === 'pass', finding.control).toBe(finding.verdict.is === 'pass');
    }
    const [, healthy, broken] = (await each('sarif')).map((text) => sarif(text).runs[0]?.results ?? []);
    expect(healthy?.filter((r) => r.kind === 'fail' && r.level === 'error')).toEqual([]);
    const key = broken?.find((r) => r.ruleId === 'key.access');
    expect(key).toMatchObject({ kind: 'fail', level: 'error' });
    expect(broken?.find((r) => r.ruleId === 'session.lifetime')).toMatchObject({
      kind: 'open',
      level: 'none',
    });
  });

  it('are valid JUnit XML, red as the exit code says', async () => {
    for (const [i, text] of (await each('junit')).entries()) {
      expect(await junitProblems(text)).toEqual([]);
      const { tests, failures = 0, errors = 0 } = await junit(text);
      expect(tests).toBe(findings(reports[i]).length);
      expect(failures + errors > 0).toBe(reports[i]?.exit !== 0);
    }
  });

  it('are Prometheus metrics, one series for each control', async () => {
    for (const [i, text] of (await each('prometheus')).entries()) {
      const status = samples(text).filter((m) => m.name.endsWith('_control_status'));
      expect(status).toHaveLength(findings(reports[i]).length);
      const good = status.filter((m) => m.value === 0).length;
      expect(good).toBe(findings(reports[i]).filter((f) => stateOf(f) === 'pass').length);
    }
  });

  it('are a valid and accessible page', async () => {
    expect(await htmlProblems(await render('html', [reports[2] as Report], context))).toEqual([]);
  }, 120_000);
});
