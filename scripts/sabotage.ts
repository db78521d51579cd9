/** Breaks a healthy install in one way after the other and says what verify makes of it: a demonstration to read along. */
import { createHost, ensureBed } from '../test/bed/index.ts';
import { rowsFor } from '../test/e2e/sabotage-rows.ts';
import { Install, type Release, verdicts } from '../test/e2e/support.ts';

/**
 * A fresh install of the stand-in on a test host of its own, then every row of the sabotage table: broken, verified,
 * repaired by apply. @returns how many were missed or not repaired
 */
export async function demonstrate(release: Release): Promise<number> {
  const say = (text: string) => console.log(text);
  await ensureBed();
  const host = await createHost(`show${release}`);
  let missed = 0;
  try {
    const install = await Install.create(host, release, `show${release}`);
    const first = await install.applyJson();
    say(
      `$ create-corecube-secure --yes --answers answers.yaml      exit ${first.code}\n  ${first.report.verdict}`,
    );
    await install.setFaults('no-throttle');
    const second = await install.applyJson();
    say(
      `$ create-corecube-secure --yes --answers answers.yaml      exit ${second.code}\n  ${second.report.verdict}`,
    );
    const look = await install.verify();
    say(
      `$ create-corecube-secure verify                            exit ${look.code}\n  ${look.report.verdict}`,
    );
    const healthy = verdicts(look.report);
    for (const [i, sabotage] of rowsFor(release).entries()) {
      await sabotage.break(install);
      const broken = await install.verify();
      const turned = Object.entries(verdicts(broken.report)).filter(([id, is]) => healthy[id] !== is);
      await sabotage.undo?.(install);
      const repaired = await install.applyJson();
      const changes = repaired.report.steps
        .flatMap((step) => step.changes)
        .filter((c) => c.status === 'done');
      if (turned.length === 0 || repaired.code !== 0) missed += 1;
      say(`\n${i + 1}. ${sabotage.name}${sabotage.undo ? ' (a person undoes it)' : ''}`);
      say(
        `   verify   exit ${broken.code}   ${turned.map(([id, is]) => `${id}: ${is}`).join(', ') || 'nothing noticed'}`,
      );
      say(
        `   apply    exit ${repaired.code}   ${changes.map((c) => c.id).join(', ') || 'nothing to change'}`,
      );
    }
    const last = await install.verify();
    say(
      `\n$ create-corecube-secure verify                            exit ${last.code}\n  ${last.report.verdict}`,
    );
    return missed + (last.code === 0 ? 0 : 1);
  } finally {
    await host.destroy();
  }
}
