/** SARIF 2.1.0: valid by the standard's schema, honest about what was not seen, usable by code scanning. */
import { describe, expect, it } from 'vitest';
import type { Finding, Report } from '../../src/core/report.ts';
import type { Severity, Verdict } from '../../src/core/step.ts';
import { render } from '../../src/report/formats.ts';
import { bare, blindReport, context, findingWith, full, fullFinding, judged, verdicts } from './fixture.ts';
import { sarif } from './validators.ts';

const complete = async (...reports: Report[]) => sarif(await render('sarif-full', reports, context)).runs;
const alerts = async (...reports: Report[]) => sarif(await render('sarif', reports, context)).runs;
const only = async (finding: Finding, more: Partial<Report> = {}) => {
  const [run] = await complete(judged([finding], more));
  const result = run?.results?.[0];
  if (!run || !result) throw new Error('no result');
  return { run, result };
};

describe('SARIF', () => {
  it('is valid for a report with everything, one with nothing, one of the engine, and several', async () => {
    const reports = [full, bare, await blindReport(), judged([])];
    for (const report of reports)
      for (const runs of [complete(report), alerts(report)]) expect(await runs).toHaveLength(1);
    expect(await complete(...reports)).toHaveLength(reports.length);
  });

  it.each([
    ['pass', 'pass'],
    ['fail', 'fail'],
    ['unknown', 'open'],
    ['attest', 'review'],
    ['skip', 'notApplicable'],
  ] as const)('a verdict %s is of kind %s, and only a failure has a level', async (is, kind) => {
    for (const severity of ['required', 'advised'] as Severity[]) {
      const { result } = await only(findingWith(is, severity));
      expect(result.kind).toBe(kind);
      expect(result.level).toBe(is !== 'fail' ? 'none' : severity === 'required' ? 'error' : 'warning');
      for (const text of Object.values(verdicts[is]).slice(1, 2)) expect(result.message.text).toContain(text);
    }
  });

  it('a waiver is an accepted suppression of what it covers, and every result has the array', async () => {
    const { run, result } = await only(fullFinding);
    expect(result.kind).toBe('fail');
    expect(result.suppressions).toHaveLength(1);
    expect(result.suppressions?.[0]).toMatchObject({ kind: 'external', status: 'accepted' });
    for (const part of ['plug-in', 'J. Doe', 'file watch', '2027-01-31', 'waivers.yaml:3:5'])
      expect(result.suppressions?.[0]?.justification).toContain(part);
    expect(run.properties).toMatchObject({ results: 'every control' });
    for (const each of (await complete(full))[0]?.results ?? [])
      expect(Array.isArray(each.suppressions)).toBe(true);
  });

  it('for code scanning nothing proved or without an object becomes an alert, and nothing else is left out', async () => {
    const [run] = await alerts(full);
    const shown = new Set(run?.results?.map((r) => r.ruleId));
    for (const finding of full.steps.flatMap((s) => s.findings)) {
      const isQuiet = !finding.waived && ['pass', 'skip'].includes(finding.verdict.is);
      expect(shown.has(finding.control), finding.control).toBe(!isQuiet);
    }
    // What was looked at stays readable from the rules.
    expect(run?.tool.driver.rules?.map((r) => r.id).sort()).toEqual(
      full.steps.flatMap((s) => s.findings.map((f) => f.control)).sort(),
    );
  });

  it('every result names its rule by id and index, and a file below the install directory', async () => {
    for (const run of await complete(full, await blindReport()))
      for (const result of run.results ?? []) {
        expect(run.tool.driver.rules?.[result.ruleIndex as number]?.id).toBe(result.ruleId);
        const place = result.locations?.[0]?.physicalLocation?.artifactLocation;
        expect(place?.uri).toMatch(/^[\w][\w./-]*$/);
        expect(run.originalUriBaseIds?.[place?.uriBaseId as string]?.uri).toMatch(/^file:\/\/\/.*\/$/);
      }
  });

  it('a line is one that a diff names; without a diff there is none', async () => {
    const { result } = await only(fullFinding);
    const place = result.locations?.[0]?.physicalLocation;
    expect(place).toMatchObject({ artifactLocation: { uri: 'compose.yaml' }, region: { startLine: 11 } });
    const { drift: _, ...without } = fullFinding;
    const other = await only({
      ...without,
      waived: { is: 'fail', observed: '/srv/app/secrets/key has mode 0644', expected: '0600' },
    });
    const named = other.result.locations?.[0]?.physicalLocation;
    expect(named?.artifactLocation?.uri).toBe('secrets/key');
    expect(named?.region).toBeUndefined();
  });

  it.each([
    ['mode of secrets/pg key', ['secrets/pg'], 'secrets/pg'],
    ['caddy/Caddyfile differs, compose.yaml too', ['caddy/Caddyfile'], 'caddy/Caddyfile'],
    ['GET /v1/config.yaml answers', [], 'compose.yaml'],
    ['../../etc/x.yaml is not ours', [], 'compose.yaml'],
    ['postgres/pg_hba.conf is as written', [], 'postgres/pg_hba.conf'],
  ])('%s', async (observed, files, uri) => {
    const report = judged([
      findingWith('fail', 'required', { verdict: { is: 'fail', observed, expected: 'e' } }),
    ]);
    const [run] = sarif(await render('sarif', [report], { ...context, files })).runs;
    expect(run?.results?.[0]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri).toBe(uri);
  });

  it("a fingerprint is the control's: the same whatever was seen, another for another control", async () => {
    const first = await only(findingWith('fail', 'required'));
    const later = await only(
      findingWith('fail', 'required', { verdict: { is: 'unknown', because: 'gone' }, duration: 99 }),
      { startedAt: '2027-01-01T00:00:00.000Z', finishedAt: '2027-01-01T00:00:01.000Z' },
    );
    const other = await only(findingWith('fail', 'advised'));
    expect(later.result.partialFingerprints).toEqual(first.result.partialFingerprints);
    expect(other.result.partialFingerprints).not.toEqual(first.result.partialFingerprints);
    expect(Object.keys(first.result.partialFingerprints ?? {})).toContain('primaryLocationLineHash');
  });

  it('what changed since the last verify is in every result or in none', async () => {
    const states = new Map((await complete(full))[0]?.results?.map((r) => [r.ruleId, r.baselineState]));
    expect(states.get('area.fail-required')).toBe('new');
    expect(states.get('area.pass-required')).toBe('updated');
    expect(states.get('area.unknown-required')).toBe('unchanged');
    expect([...states.values()]).not.toContain(undefined);
    const { delta: _, ...without } = full;
    for (const r of (await complete(without))[0]?.results ?? [])
      expect(r).not.toHaveProperty('baselineState');
  });

  it('the invocation says how the run ended, and each look that could not be made', async () => {
    const { run } = await only(findingWith('unknown', 'required'));
    expect(run.invocations?.[0]).toMatchObject({ exitCode: 3, executionSuccessful: true });
    const [notice] = run.invocations?.[0]?.toolExecutionNotifications ?? [];
    expect(notice).toMatchObject({
      level: 'error',
      associatedRule: { id: 'area.unknown-required', index: 0 },
    });
    expect(notice?.message.text).toContain(verdicts.unknown.because);
    const stopped = await only(findingWith('pass', 'required'), {
      stopped: { step: 'compose', reason: 'the disk is full', fix: 'make room' },
    });
    expect(stopped.run.invocations?.[0]?.executionSuccessful).toBe(false);
    expect(stopped.run.invocations?.[0]?.toolExecutionNotifications?.[0]?.message.text).toContain(
      'the disk is full',
    );
  });

  it('a rule links to the permanent address of a reference, or to nothing', async () => {
    const rule = async (refs: string[]) =>
      (await only(findingWith('pass', 'required', { refs }))).run.tool.driver.rules?.[0];
    expect((await rule(['CIS Docker 5.13', 'CWE-732']))?.helpUri).toBe(
      'https://cwe.mitre.org/data/definitions/732.html',
    );
    expect((await rule(['RFC 9325 section 3.1.1']))?.helpUri).toBe('https://www.rfc-editor.org/rfc/rfc9325');
    expect((await rule(['CVE-2018-1058']))?.helpUri).toBe('https://www.cve.org/CVERecord?id=CVE-2018-1058');
    expect(await rule(['CIS Docker 5.13'])).not.toHaveProperty('helpUri');
    for (const severity of ['required', 'advised'] as const) {
      const { run } = await only(findingWith('pass', severity));
      // GitHub reads a number in a string.
      expect(run.tool.driver.rules?.[0]?.properties?.['security-severity']).toMatch(/^\d\.\d$/);
    }
  });

  it('no verdict but pass is of kind pass', async () => {
    const kinds = new Map<string, Set<Verdict['is']>>();
    for (const run of await complete(full, await blindReport()))
      for (const { kind = 'fail', properties } of run.results ?? [])
        kinds.set(kind, (kinds.get(kind) ?? new Set()).add(properties?.verdict));
    expect([...(kinds.get('pass') ?? [])]).toEqual(['pass']);
  });
});
