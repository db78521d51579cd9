/** The sabotage table on a healthy real install: nothing broken goes unnoticed, nothing healthy is accused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { type BedHost, createHost, ensureBed } from '../bed/index.ts';
import { prepareOwnFile } from '../sabotage/own-file.ts';
import { ByHand, linksIn, linksOn, rowsFor, turned, turnsOn } from './sabotage-rows.ts';
import { Install, type Release, troubles, verdicts } from './support.ts';

/** Declares the suite for one generation; each has a test file of its own, so that both run side by side. */
export function sabotageSuite(release: Release): void {
  describe(`generation ${release}, one thing broken at a time`, () => {
    let host: BedHost;
    let install: Install;
    let healthy: Record<string, string>;
    let byHand: ByHand;

    beforeAll(async () => {
      await ensureBed();
      host = await createHost(`sabotage${release}`);
      install = await Install.create(host, release, `sabotage${release}`);
      await prepareOwnFile(install);
      byHand = new ByHand(install);
      const { code, report, stderr } = await install.applyJson();
      expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    });
    afterAll(() => host?.destroy());

    it('accuses nothing on ten looks at a healthy install', async () => {
      for (let look = 0; look < 10; look++) {
        const { code, report } = await install.verify();
        expect(code, troubles(report)).toBe(0);
        healthy ??= verdicts(report);
        expect(turned(report, healthy), troubles(report)).toEqual({});
        expect(linksIn(report)).toEqual({});
      }
    });

    it.each(rowsFor(release))('$name', async (row) => {
      await byHand.before(row);
      await row.break(install);
      const broken = await install.verify();
      expect
        .soft(turned(broken.report, healthy, row), troubles(broken.report))
        .toEqual(turnsOn(row, release, healthy));
      expect.soft(broken.code, troubles(broken.report)).toBe(row.exit ?? 1);
      expect
        .soft(linksIn(broken.report), describeDrifts(broken.report))
        .toEqual(linksOn(row, release, healthy));
      if (row.undo) {
        await byHand.after(row);
        return;
      }
      const repaired = await install.applyJson();
      expect(repaired.code, `${troubles(repaired.report)}\n${repaired.stderr}`).toBe(0);
      // An apply looks at everything before it ends. What an early step could not see before a later one repaired it
      // (CoreCube was stopped) only another look shows.
      const left = turned(repaired.report, healthy);
      const { report } = Object.keys(left).length === 0 ? repaired : await install.verify();
      expect(turned(report, healthy), troubles(report)).toEqual({});
    });

    it('is healthy after all of it', async () => {
      await byHand.before();
      const { code, report } = await install.verify();
      expect(code, troubles(report)).toBe(0);
      expect(turned(report, healthy), troubles(report)).toEqual({});
    });
  });
}

/** What is said of causes, for the message of an assertion. */
const describeDrifts = (report: Report): string =>
  report.steps
    .flatMap((step) => step.findings)
    .flatMap(({ control, drift }) => (drift ? [`${control} ${drift.link}: ${drift.detail}`] : []))
    .join('\n');
