/** Prometheus text: one series for each thing, numbers that alert on what was not seen. */
import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { render } from '../../src/report/formats.ts';
import { STATUS } from '../../src/report/prometheus.ts';
import { bare, blindReport, context, findingWith, full, fullFinding, judged, verdicts } from './fixture.ts';
import { samples } from './validators.ts';

const text = (...reports: Report[]) => render('prometheus', reports, context);
const metrics = async (...reports: Report[]) => samples(await text(...reports));
const PREFIX = 'create_some_secure';

describe('Prometheus text', () => {
  it('has a help and a type for every metric, each family in one place, and no series twice', async () => {
    const reports = [full, { ...bare, dir: '/srv/b' }, await blindReport()];
    const all = await text(...reports);
    const families = [...all.matchAll(/^# HELP (\S+) (.+)$/gm)].map((m) => m[1]);
    expect(families.length).toBeGreaterThan(6);
    expect(new Set(families).size).toBe(families.length);
    const series = all.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(names).size).toBe(names.length);
    for (const line of series) expect(line).toMatch(/^[a-z_]+\{.*\} -?\d+(\.\d+)?$/);
    const order = names.map((n) => n.split('{')[0]).filter((n, i, list) => n !== list[i - 1]);
    expect(order).toEqual(families);
    expect(all.endsWith('\n')).toBe(true);
  });

  it('what is not proved and applies is 3 or more, waived apart; what is proved is 0', async () => {
    const status = (await metrics(full)).filter((m) => m.name === `${PREFIX}_control_status`);
    const of = (control: string) => status.find((m) => m.labels.control === control)?.value;
    expect(of('area.pass-required')).toBe(0);
    for (const is of ['fail', 'unknown', 'attest'])
      for (const severity of ['required', 'advised'])
        expect(of(`area.${is}-${severity}`)).toBeGreaterThanOrEqual(3);
    expect(of('area.fail-required-waived')).toBe(STATUS.waived);
    expect(status).toHaveLength(full.steps.flatMap((s) => s.findings).length);
    expect(status[0]?.labels).toEqual({
      dir: '/srv/app',
      control: 'compose.read-only',
      section: 'docker-security',
      severity: 'required',
    });
    for (const value of Object.values(STATUS)) expect(status[0]?.help).toContain(`${value} `);
  });

  it('counts add up to the controls, times are seconds since 1970, and a waiver ends with its last day', async () => {
    const all = await metrics(full);
    const value = (name: string) => all.find((m) => m.name === `${PREFIX}_${name}`)?.value;
    const counts = all.filter((m) => m.name === `${PREFIX}_controls`);
    expect(counts.reduce((n, m) => n + m.value, 0)).toBe(full.steps.flatMap((s) => s.findings).length);
    expect(value('last_run_timestamp_seconds')).toBe(Date.parse(full.finishedAt) / 1000);
    expect(value('last_run_duration_seconds')).toBe(2.5);
    expect(value('exit_code')).toBe(1);
    expect(value('stopped')).toBe(1);
    expect(value('waiver_end_timestamp_seconds')).toBe(Date.parse('2027-02-01T00:00:00Z') / 1000);
  });

  it('a label is the text it was made of, whatever it holds', async () => {
    const dir = '/srv/"a"\\b\nc{d="e"} 1';
    const [info] = await metrics(judged([], { dir }));
    expect(info?.labels.dir).toBe(dir);
  });

  it('of an install that is given twice the last report counts', async () => {
    const again = { ...full, exit: 0 as const };
    expect(await text(full, again)).toBe(await text(again));
  });

  it('of a control that was looked at twice the worst counts', async () => {
    const again = findingWith('fail', 'required', { control: fullFinding.control });
    const twice = judged([fullFinding, again, { ...again, verdict: verdicts.pass }]);
    const status = (await metrics(twice)).filter((m) => m.name === `${PREFIX}_control_status`);
    expect(status.map((m) => m.value)).toEqual([STATUS.fail]);
  });
});
