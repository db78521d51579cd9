/** Evidence of a real install: kept by every verify, proved, attacked, interrupted, scheduled and watched. */
import { watch as watchFolder } from 'node:fs';
import { appendFile, chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendEvidence } from '../../src/evidence/append.ts';
import { deltaOf, earlierRecord, renderDelta } from '../../src/evidence/delta.ts';
import { fileEvidence } from '../../src/host/evidence-store.ts';
import { sshSigner } from '../../src/host/signing.ts';
import { type Schedule, scheduleText } from '../../src/schedule.ts';
import { watch } from '../../src/watch.ts';
import { type BedHost, createHost, type RunResult } from '../bed/index.ts';
import { readExecStart } from '../evidence/exec-start.ts';
import { EvidenceBed, forge, NAMESPACE } from '../host/evidence-bed.ts';
import { withoutThrottle } from './prepare.ts';
import { Install, secretsOf, TOOL } from './support.ts';

const STATE = '.corecube-secure';
const KEY = 'secrets/encryption_key';

/**
 * One run that proves everything shows that it can, in a sandbox too; on a machine that is busy with other tests a look may
 * also time out.
 */
async function untilProved<T extends Pick<RunResult, 'exitCode' | 'stdout' | 'stderr'>>(
  run: () => Promise<T>,
): Promise<T> {
  let result = await run();
  for (let tries = 1; tries < 4 && result.exitCode !== 0; tries++) result = await run();
  expect(result.exitCode, result.stdout + result.stderr).toBe(0);
  return result;
}

const run = (program: string, ...args: string[]) => execa(program, args, { stdin: 'ignore' });

describe('the evidence of an install', () => {
  let host: BedHost;
  let install: Install;
  let bed: EvidenceBed;

  beforeAll(async () => {
    host = await createHost('evd-chain', { clients: false });
    install = await Install.create(host, 'v2', 'evdchain');
    await withoutThrottle(install);
    await untilProved(async () => {
      const { code, ...output } = await install.apply();
      return { exitCode: code, ...output };
    });
    bed = new EvidenceBed(install.path(STATE));
  });
  afterAll(async () => {
    await install?.remove();
    await host?.destroy();
  });

  const records = async () => (await bed.lines()).map((line) => JSON.parse(line));

  it('is one record for each verify, and the last hash is told', async () => {
    const told: (string | undefined)[] = [];
    for (let n = 0; n < 3; n++) {
      const { code, report, stderr } = await install.verify();
      told.push(/hash +([0-9a-f]{64})/.exec(stderr)?.[1]);
      const { controls, ...record } = (await records()).at(-1);
      expect(record).toMatchObject({
        sequence: n + 1,
        exit: code,
        verdict: report.verdict,
        dir: install.dir,
      });
      const seen = report.steps.flatMap((step) => step.findings);
      expect(controls.length).toBeGreaterThan(130);
      expect(controls).toEqual(
        seen.map(({ control, severity, verdict }) => ({ control, severity, verdict })),
      );
    }
    const plain = await install.tool(['verify', '--dir', install.dir]);
    expect(plain.stdout).toMatch(/Evidence kept: record 4, not signed\n {2}file {2}.*evidence\.jsonl/);
    const kept = await records();
    expect(kept.slice(0, 3).map((record) => record.hash)).toEqual(told);
    expect(await bed.prove({ expect: told[0]! })).toMatchObject({
      exit: 0,
      records: 4,
      anchor: { sequence: 1 },
    });
    expect(kept.map((record) => record.answers)).toEqual(Array(4).fill(kept[0].answers));
  });

  it('holds no secret of the install', async () => {
    const text = await bed.text();
    for (const [name, secret] of Object.entries(await secretsOf(install)))
      expect(text.includes(secret), name).toBe(false);
  });

  it('can be proved with jq and sha256sum alone', async () => {
    for (const line of await bed.lines()) {
      const recipe = 'jq --compact-output --sort-keys --join-output "del(.hash)" | sha256sum';
      const { stdout } = await execa('sh', ['-c', recipe], { input: line });
      expect(stdout.slice(0, 64)).toBe(JSON.parse(line).hash);
    }
  });

  it('tells every attack with its line', async () => {
    const whole = await bed.text();
    const lines = await bed.lines();
    const flipped = Buffer.from(whole);
    flipped[lines[0]!.length + 1 + Math.floor(lines[1]!.length / 2)]! ^= 1;
    const attacks: readonly (readonly [string, string | Buffer, number])[] = [
      ['a bit flipped in record 2', flipped, 2],
      ['record 2 taken away', `${lines.toSpliced(1, 1).join('\n')}\n`, 2],
      ['records 2 and 3 swapped', `${[lines[0], lines[2], lines[1], lines[3]].join('\n')}\n`, 2],
      [
        'record 2 edited and hashed anew',
        `${lines
          .with(
            1,
            forge(lines[1]!, (record) => Object.assign(record, { exit: 1 })),
          )
          .join('\n')}\n`,
        3,
      ],
    ];
    for (const [name, damaged, line] of attacks) {
      await bed.write(damaged);
      const result = await bed.prove();
      expect([name, result.exit, result.breaks[0]?.line]).toEqual([name, 1, line]);
    }
    await bed.write(whole);
    expect(await bed.prove()).toMatchObject({ exit: 0 });
  });

  it('tells what changed since the last verify, and what was repaired', async () => {
    const store = fileEvidence(bed.path);
    const last = async () => {
      const found = await earlierRecord(store, 'last', install.dir);
      return found.is === 'record' ? found.record : undefined;
    };
    const healthy = await last();
    await chmod(install.path(KEY), 0o644);
    const broken = (await install.verify()).report;
    const drifted = deltaOf(broken, healthy);
    expect(drifted?.new).toContain('key.access');
    expect(renderDelta(broken, drifted)).toContain('[key.access]');
    const before = await last();
    expect(deltaOf((await install.verify()).report, before)?.open).toContain('key.access');
    await chmod(install.path(KEY), 0o600);
    const repaired = deltaOf((await install.verify()).report, before);
    expect(repaired?.fixed).toContain('key.access');
    expect([...(repaired?.new ?? []), ...(repaired?.open ?? [])]).not.toContain('key.access');
  });

  it('signs what was seen with a real key; another key is refused', async () => {
    const { report } = await install.verify();
    const folder = await mkdtemp(join(tmpdir(), 'signers-'));
    try {
      const [key, signers] = [join(folder, 'key'), join(folder, 'signers')];
      await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key);
      const kept = await appendEvidence(fileEvidence(bed.path), report, sshSigner(key, NAMESPACE));
      expect(kept).toMatchObject({ kept: true, signed: true });
      await writeFile(signers, `auditor@example.test ${await readFile(`${key}.pub`, 'utf8')}`);
      expect(await bed.prove({ signers })).toMatchObject({
        exit: 0,
        signatures: { good: 1, by: { 'auditor@example.test': 1 } },
      });
      await rm(key);
      await run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key);
      await writeFile(signers, `auditor@example.test ${await readFile(`${key}.pub`, 'utf8')}`);
      const refused = await bed.prove({ signers });
      expect(refused).toMatchObject({ exit: 1, breaks: [{ line: (await records()).length }] });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('is said not to be kept where nothing may be written; the verify is as good', async () => {
    const before = await bed.text();
    await host.out(['mount', '--bind', bed.dir, bed.dir]);
    await host.out(['mount', '-o', 'remount,bind,ro', bed.dir]);
    try {
      const { code, report, stderr } = await install.verify();
      expect(code).toBe(report.exit);
      expect(report.steps.flatMap((step) => step.findings).length).toBeGreaterThan(130);
      expect(stderr).toMatch(/Evidence not kept in .*: the file system is read-only/);
    } finally {
      await host.out(['umount', bed.dir]);
    }
    expect(await bed.text()).toBe(before);
  });

  it('heals what a power cut left, and says so', async () => {
    const count = (await bed.lines()).length;
    await appendFile(bed.path, '{"answers":"0123');
    const { stderr } = await install.verify();
    expect(stderr).toMatch(/never finished .* its 16 bytes are kept in evidence\.jsonl\.torn-/s);
    expect(await bed.prove()).toMatchObject({ exit: 0, records: count + 1 });
  });

  it('of verifies that are killed around their append is whole, and goes on', async () => {
    let killed = 0;
    for (let round = 0; round < 8; round++) {
      const cancel = new AbortController();
      let isSeen = false;
      // The lock is the first thing an append makes; each round ends a little later than the one before, if it lasts so long.
      const eyes = watchFolder(bed.dir, (_event, name) => {
        if (!name?.includes('.lock')) return;
        isSeen = true;
        setTimeout(() => cancel.abort(), round * 3);
      });
      const argv = [process.execPath, TOOL, 'verify', '--dir', install.dir];
      await host.run(argv, { signal: cancel.signal, timeoutMs: 120_000 });
      eyes.close();
      expect(isSeen, 'no append was seen').toBe(true);
      if (cancel.signal.aborted) killed += 1;
      expect(await bed.prove(), `round ${round}`).toMatchObject({ exit: 0 });
    }
    expect(killed).toBeGreaterThan(0);
    const count = (await bed.lines()).length;
    await install.verify();
    expect(await bed.prove()).toMatchObject({ exit: 0, records: count + 1 });
  });

  it('of ten verifies at once is ten records in one chain', async () => {
    const count = (await bed.lines()).length;
    const ended = await Promise.all(Array.from({ length: 10 }, () => install.verify()));
    expect(ended.map(({ stderr }) => /Evidence kept/.test(stderr))).toEqual(Array(10).fill(true));
    expect(await bed.prove()).toMatchObject({ exit: 0, records: count + 10 });
    const exits = (await records()).slice(count).map((record) => record.exit);
    expect(exits.sort()).toEqual(ended.map(({ code }) => code).sort());
  });

  describe('on a schedule', () => {
    let schedule: Schedule;
    beforeAll(() => {
      const command = [process.execPath, TOOL] as const;
      schedule = { name: 'verify-daily', dir: install.dir, state: STATE, command };
    });

    it('is kept by the very ExecStart line, with the file system and the capabilities that the unit leaves it', async () => {
      const unit = scheduleText('systemd', schedule);
      const setting = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
      const capabilities = setting('CapabilityBoundingSet')
        .split(' ')
        .map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
      const sandbox = `
        set -eu
        writable=$1 capabilities=$2; shift 2
        mkdir -p /run/verify-daily
        mount --bind "$writable" "$writable"
        mount --bind /run/verify-daily /run/verify-daily
        # ProtectSystem=strict: everything read-only but /dev, /proc, /sys and what was named. A mount that is gone by its turn
        # (the network of a container that ended: Docker unlinks the place, which unmounts it in every namespace) is no failure.
        findmnt --raw --noheadings --output TARGET | while read -r place; do
          place=$(printf '%b' "$place")
          case $place in /proc*|/sys*|/dev*|/run/verify-daily|"$writable") ;;
            *) mount -o remount,bind,ro "$place" || if mountpoint -q "$place"; then exit 31; fi ;;
          esac
        done
        for place in "$writable/.." /tmp; do
          if touch "$place/probe" 2>/dev/null; then exit 30; fi
        done
        exec setpriv --no-new-privs --bounding-set="-all,$capabilities" --inh-caps=-all \\
          env -i DOCKER_HOST="$DOCKER_HOST" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \\
          HOME=/root TMPDIR=/run/verify-daily "$@"`;
      const line = readExecStart(setting('ExecStart'));
      const [writable] = readExecStart(setting('ReadWritePaths'));
      const argv = [
        'unshare',
        '--mount',
        'bash',
        '-c',
        sandbox,
        'sandbox',
        `${writable}`,
        capabilities.join(),
      ];
      const { stdout } = await untilProved(() => host.run([...argv, ...line]));
      expect(stdout).toMatch(new RegExp(`Evidence kept: record ${(await bed.lines()).length}, `));
    });

    it('says nothing by cron while all is proved, and everything otherwise', async () => {
      const line = scheduleText('cron', schedule).trimEnd().split('\n').at(-1) as string;
      const command = line.split(' ').slice(6).join(' ').replaceAll('\\%', '%');
      const quiet = await untilProved(async () => {
        const { stdout, stderr } = await host.run(['/bin/sh', '-c', command]);
        return { exitCode: stdout === '' ? 0 : 1, stdout, stderr };
      });
      expect(quiet.stdout + quiet.stderr).toBe('');
      await chmod(install.path(KEY), 0o644);
      const loud = await host.run(['/bin/sh', '-c', command]);
      await chmod(install.path(KEY), 0o600);
      expect(loud.stdout).toMatch(/\[key\.access\][\s\S]*exit code 1\n$/);
    });
  });

  it('watched: says what drifted and that it was put right, and nothing between', async () => {
    const cancel = new AbortController();
    const after = [
      () => chmod(install.path(KEY), 0o644),
      async () => {},
      () => chmod(install.path(KEY), 0o600),
      async () => cancel.abort(),
    ];
    let text = '';
    const code = await watch({
      every: 1,
      signal: cancel.signal,
      verifyOnce: async () => (await install.verify()).report,
      afterLook: async () => after.shift()?.(),
      write: (written) => {
        text += written;
      },
    });
    const said = text
      .split('\n')
      .filter((line) => line.includes('[key.access]'))
      .map((line) => line.slice(22).split(':')[0]);
    expect(code, text).toBe(130);
    expect(said, text).toEqual(['failing (was proved)', 'proved (was failing)']);
  });
});
