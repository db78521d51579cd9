/** Breaks a healthy install in one way after the other and says what verify makes of it: a demonstration to read along. */
import { type BedHost, createHost, ensureBed } from '../test/bed/index.ts';
import { ByHand, linksOn, rowsFor, turned, turnsOn } from '../test/e2e/sabotage-rows.ts';
import { Install, type Release, troubles, verdicts } from '../test/e2e/support.ts';
import { prepareOwnFile } from '../test/sabotage/own-file.ts';
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
  const times: Timing[] = [];
  let missed = 0;
  let install: Install | undefined;
  try {
    install = await healthyInstall(host, release);
    const byHand = new ByHand(install);
    const look = await install.verify();
    say(`verify of a healthy install: exit ${look.code}   ${look.report.verdict}`);
    if (look.code !== 0) say(troubles(look.report));
    const healthy = verdicts(look.report);
    for (const [i, row] of rows.entries()) {
      say(`\n${i + 1} of ${rows.length}. ${row.name}`);
      const { good, timing } = await demonstrateRow(install, byHand, row, release, healthy, say);
      say(`   ${total(timing).toFixed(1)} s`);
      times.push(timing);
      if (!good) missed += 1;
    }
    await byHand.before();
    const last = await install.verify();
    const left = Object.keys(turned(last.report, healthy));
    if (left.length > 0) say(`\nSTILL TURNED after all rows\n${troubles(last.report)}`);
    say(`\n${slowest(times, 25)}`);
    say(`\n${rows.length} rows, ${missed} not as expected; healthy afterwards: exit ${last.code}`);
    return missed + left.length;
  } finally {
    await install?.remove();
    await host.destroy();
  }
}

async function healthyInstall(host: BedHost, release: Release): Promise<Install> {
  const install = await Install.create(host, release, `show${release}`);
  await prepareOwnFile(install);
  const first = await install.applyJson();
  if (first.code !== 0) throw new Error(`the first apply ends with ${first.code}: ${troubles(first.report)}`);
  return install;
}

/** Seconds that each part of a row takes. */
interface Timing {
  readonly name: string;
  readonly break: number;
  readonly verify: number;
  /** By hand. */
  readonly undo: number;
  /** By the tool, with the second look that some repairs need. */
  readonly apply: number;
}
const total = (row: Timing): number => row.break + row.verify + row.undo + row.apply;

/** The rows that take longest, as columns of seconds. */
function slowest(rows: readonly Timing[], count: number): string {
  const cell = (seconds: number) => seconds.toFixed(1).padStart(7);
  const lines = [...rows]
    .sort((a, b) => total(b) - total(a))
    .slice(0, count)
    .map((r) => `${[total(r), r.break, r.verify, r.undo, r.apply].map(cell).join('')}   ${r.name}`);
  const sum = rows.reduce((seconds, row) => seconds + total(row), 0);
  return ['  total  break verify   undo  apply', ...lines, `${sum.toFixed(0)} s in ${rows.length} rows`].join(
    '\n',
  );
}

/** Runs it and returns the seconds that it took. */
async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  const value = await work();
  return [value, (performance.now() - began) / 1000];
}

/** One row; `good` when everything was as the row says. What differs is listed with what was observed. */
async function demonstrateRow(
  install: Install,
  byHand: ByHand,
  row: Sabotage,
  release: Release,
  healthy: Readonly<Record<string, string>>,
  say: (text: string) => void,
): Promise<{ good: boolean; timing: Timing }> {
  const [, breaking] = await timed(async () => {
    await byHand.before(row);
    await row.break(install);
  });
  const [broken, verifying] = await timed(() => install.verify());
  const seen = turned(broken.report, healthy, row);
  const expected = turnsOn(row, release, healthy);
  const links = linksOn(row, release, healthy);
  const findings = new Map(
    broken.report.steps.flatMap((s) => s.findings.map((f) => [f.control, f] as const)),
  );
  let good = broken.code === (row.exit ?? 1);
  say(`   verify  exit ${broken.code}${good ? '' : ` INSTEAD OF ${row.exit ?? 1}`}`);
  for (const id of [...new Set([...Object.keys(seen), ...Object.keys(expected)])].sort()) {
    const as = seen[id] === expected[id];
    good &&= as;
    if (as && Object.keys(expected).length > 12 && seen[id] !== 'fail') continue;
    const finding = findings.get(id);
    const words = Object.entries(finding?.verdict ?? {}).flatMap(([key, text]) =>
      key === 'is' ? [] : [text],
    );
    const mark = as ? '' : ` INSTEAD OF ${expected[id] ?? healthy[id]}`;
    say(`     ${id}: ${finding?.verdict.is ?? 'absent'}${mark}   ${words.join(' | ').slice(0, 200)}`);
    const link = finding?.drift?.link;
    good &&= link === links[id];
    const instead = link === links[id] ? '' : ` INSTEAD OF ${links[id] ?? 'no link'}`;
    if (finding?.drift || instead)
      say(`       ${link ?? 'no link'}${instead}: ${finding?.drift?.detail ?? ''}`);
  }
  const timing = { name: row.name, break: breaking, verify: verifying, undo: 0, apply: 0 };
  if (row.undo) {
    const [, undoing] = await timed(() => byHand.after(row));
    say(row.remakes ? '   left for the next row' : '   put right by hand');
    return { good, timing: { ...timing, undo: undoing } };
  }
  const [{ repaired, early, report }, applying] = await timed(async () => {
    const repaired = await install.applyJson();
    const early = Object.keys(turned(repaired.report, healthy)).length > 0;
    return { repaired, early, report: early ? (await install.verify()).report : repaired.report };
  });
  const changes = repaired.report.steps.flatMap((step) => step.changes).filter((c) => c.status === 'done');
  const left = turned(report, healthy);
  const whole = repaired.code === 0 && Object.keys(left).length === 0;
  const again = early ? ', looked at once more' : '';
  say(`   apply   exit ${repaired.code}   ${changes.map((c) => c.id).join(', ') || 'nothing'}${again}`);
  if (!whole) say(`   NOT REPAIRED ${JSON.stringify(left)}\n${troubles(report)}`);
  return { good: good && whole, timing: { ...timing, apply: applying } };
}
