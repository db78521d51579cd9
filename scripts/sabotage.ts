/** Breaks a healthy install in one way after the other and says what verify makes of it: a demonstration to read along. */
import { type BedHost, createHost, ensureBed } from '../test/bed/index.ts';
import { withoutThrottle } from '../test/e2e/prepare.ts';
import { rowsFor, turned, turnsOn } from '../test/e2e/sabotage-rows.ts';
import { Install, type Release, troubles, verdicts } from '../test/e2e/support.ts';
import type { Sabotage } from '../test/sabotage/types.ts';

export interface Demonstration {
  readonly release: Release;
  /** Only rows whose name matches this regular expression, in any letter case. */
  readonly filter?: string;
  /** Name of the test host. */
  readonly host?: string;
}

/**
 * A fresh install of the stand-in on a test host of its own, then every row of the sabotage table: broken, verified, put
 * right by hand or repaired by apply. @returns how many rows did not turn exactly what they must, or were not repaired
 */
export async function demonstrate({ release, filter = '', host: name }: Demonstration): Promise<number> {
  const say = (text: string) => console.log(text);
  await ensureBed();
  const host = await createHost(name ?? `show${release}`);
  const rows = rowsFor(release).filter((row) => new RegExp(filter, 'i').test(row.name));
  let missed = 0;
  let install: Install | undefined;
  try {
    install = await healthyInstall(host, release);
    const look = await install.verify();
    say(`verify of a healthy install: exit ${look.code}   ${look.report.verdict}`);
    if (look.code !== 0) say(troubles(look.report));
    const healthy = verdicts(look.report);
    for (const [i, row] of rows.entries()) {
      say(`\n${i + 1} of ${rows.length}. ${row.name}`);
      if (!(await demonstrateRow(install, row, release, healthy, say))) missed += 1;
    }
    const last = await install.verify();
    const left = Object.keys(turned(last.report, healthy));
    if (left.length > 0) say(`\nSTILL TURNED after all rows\n${troubles(last.report)}`);
    say(`\n${rows.length} rows, ${missed} not as expected; healthy afterwards: exit ${last.code}`);
    return missed + left.length;
  } finally {
    await install?.remove();
    await host.destroy();
  }
}

async function healthyInstall(host: BedHost, release: Release): Promise<Install> {
  const install = await Install.create(host, release, `show${release}`);
  await withoutThrottle(install);
  const first = await install.applyJson();
  if (first.code !== 0) throw new Error(`the first apply ends with ${first.code}: ${troubles(first.report)}`);
  return install;
}

/** One row; true when everything was as the row says. What differs is listed with what was observed. */
async function demonstrateRow(
  install: Install,
  row: Sabotage,
  release: Release,
  healthy: Readonly<Record<string, string>>,
  say: (text: string) => void,
): Promise<boolean> {
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`;
  await row.break(install);
  const broken = await install.verify();
  const seen = turned(broken.report, healthy, row);
  const expected = turnsOn(row, release, healthy);
  const findings = new Map(
    broken.report.steps.flatMap((s) => s.findings.map((f) => [f.control, f] as const)),
  );
  let good = broken.code === (row.exit ?? 1);
  say(`   verify  exit ${broken.code}${good ? '' : ` INSTEAD OF ${row.exit ?? 1}`} after ${seconds()}`);
  for (const id of [...new Set([...Object.keys(seen), ...Object.keys(expected)])].sort()) {
    const as = seen[id] === expected[id];
    good &&= as;
    if (as && Object.keys(expected).length > 12) continue;
    const verdict = findings.get(id)?.verdict;
    const words = Object.entries(verdict ?? {}).flatMap(([key, text]) => (key === 'is' ? [] : [text]));
    const mark = as ? '' : ` INSTEAD OF ${expected[id] ?? healthy[id]}`;
    say(`     ${id}: ${verdict?.is ?? 'absent'}${mark}   ${words.join(' | ').slice(0, 200)}`);
  }
  if (row.undo) {
    await row.undo(install);
    say(`   put right by hand, ${seconds()}`);
    return good;
  }
  const repaired = await install.applyJson();
  const changes = repaired.report.steps.flatMap((step) => step.changes).filter((c) => c.status === 'done');
  const early = turned(repaired.report, healthy);
  const report = Object.keys(early).length === 0 ? repaired.report : (await install.verify()).report;
  const left = turned(report, healthy);
  const whole = repaired.code === 0 && Object.keys(left).length === 0;
  say(`   apply   exit ${repaired.code}   ${changes.map((c) => c.id).join(', ') || 'nothing'}, ${seconds()}`);
  if (!whole) say(`   NOT REPAIRED ${JSON.stringify(left)}\n${troubles(report)}`);
  return good && whole;
}
