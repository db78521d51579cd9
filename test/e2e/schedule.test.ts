/**
 * The units are read by the real systemd, which finds nothing to complain about and rates them; and they are run by it, as
 * process 1 of a host with a real install: its timer starts the verify in its sandbox, and what is found is what it tells.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Schedule, scheduleText } from '../../src/schedule.ts';
import { type BedHost, ensureBed, freshHost } from '../bed/index.ts';
import { type Packed, pack, putText } from './packed.ts';
import { NO_THROTTLE } from './prepare.ts';
import { answersFor } from './support.ts';

const call = (program: string, args: readonly string[], input = '', cwd = '/') =>
  execa(program, args, { input, cwd, reject: false, all: true });

describe('systemd', () => {
  let base: string;
  let schedule: Schedule;
  beforeEach(async () => {
    await ensureBed();
    base = await mkdtemp(join(tmpdir(), 'schedule-'));
    schedule = {
      name: 'tool-verify',
      dir: join(base, 'an "install" of 100 %n, $HOME \\x40 ä'),
      state: '.state',
      command: [process.execPath, join(base, 'the tool.cjs')],
      prometheus: join(base, 'node exporter/tool.prom'),
    };
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  /** Installs as the comments say, into a folder of its own. */
  async function install(text: string): Promise<string> {
    const units = join(base, 'units');
    await mkdir(units, { recursive: true });
    const line = /^# +cd \/etc\/systemd\/system && (awk .*)$/m.exec(text)?.[1];
    const { all, exitCode } = await call('sh', ['-c', `${line}`], text, units);
    expect(exitCode, all).toBe(0);
    return units;
  }

  /** What systemd says about the unit; it names what it does not understand, and still ends with 0. */
  async function complaints(unit: string): Promise<readonly string[]> {
    const { all = '', exitCode } = await call('systemd-analyze', ['verify', '--man=no', unit]);
    expect(exitCode, all).toBe(0);
    // Other units of the machine are not ours.
    return all.split('\n').filter((line) => line.includes('tool-verify'));
  }

  it.each([
    ['as root', {}],
    ['as another user', { user: 'operator' }],
    ['without a textfile', { prometheus: undefined }],
  ])('reads both units without a complaint, %s', async (_name, change) => {
    const { prometheus, ...rest } = { ...schedule, ...change };
    const units = await install(
      scheduleText('systemd', prometheus === undefined ? rest : { ...rest, prometheus }),
    );
    expect(await complaints(join(units, 'tool-verify.service'))).toEqual([]);
    expect(await complaints(join(units, 'tool-verify.timer'))).toEqual([]);
  });

  it('would say so if there were one', async () => {
    const units = await install(scheduleText('systemd', schedule).replace('Type=oneshot', 'Typ=oneshot'));
    expect((await complaints(join(units, 'tool-verify.service'))).join()).toMatch(/Typ/);
  });

  it('rates the exposure below 3.5 of 10 for root, below 2.5 for a user, and what the engine needs is left', async () => {
    for (const [user, most] of [
      ['root', 3.5],
      ['operator', 2.5],
    ] as const) {
      const units = await install(scheduleText('systemd', { ...schedule, user }));
      const service = join(units, 'tool-verify.service');
      const { all = '' } = await call('systemd-analyze', [
        'security',
        '--offline=true',
        '--no-pager',
        service,
      ]);
      const rating = Number(/Overall exposure level for tool-verify.service: ([\d.]+)/.exec(all)?.[1]);
      expect(rating, all).toBeGreaterThan(0);
      expect(rating, all).toBeLessThan(most);
      const text = await readFile(service, 'utf8');
      expect(text).toMatch(/^RestrictAddressFamilies=AF_UNIX /m);
      expect(text).toMatch(/^ReadWritePaths=".*\/\.state" ".*\/node exporter"$/m);
      expect(text).not.toMatch(/^PrivateTmp=/m);
    }
  });
});

describe('a systemd that runs', () => {
  const TOOL = '/opt/the tool/dist/bin.cjs';
  const UNIT = 'create-corecube-secure-verify';
  // A name that only quoting and doubling bring through a unit file.
  const DIR = '/srv/the 100% core cube';
  const TEXTFILE = '/var/lib/prometheus/node-exporter/core cube.prom';
  const KEY = `${DIR}/secrets/encryption_key`;
  let host: BedHost;
  let packed: Packed;

  const tool = (...args: string[]) =>
    host.run(['node', TOOL, ...args, '--dir', DIR], { timeoutMs: 400_000, env: { LANG: 'C.UTF-8' } });
  const property = async (name: string, unit = `${UNIT}.service`) =>
    (await host.out(['systemctl', 'show', '--value', '--property', name, unit])).trimEnd();
  /** What the service came to: systemd's verdict, and the exit code of the tool. */
  const end = async () => [await property('Result'), await property('ExecMainStatus')];
  /** Control -> state, and the exit code, as a collector that is not root reads them. */
  async function textfile(): Promise<Readonly<Record<string, number>>> {
    const text = await host.out([
      ...['setpriv', '--reuid', 'nobody', '--regid', 'nogroup', '--clear-groups'],
      ...['cat', TEXTFILE],
    ]);
    const rows = [...text.matchAll(/^create_corecube_secure_(control_status|exit_code)\{(.*)\} (\d+)$/gm)];
    expect(rows.length).toBeGreaterThan(150);
    return Object.fromEntries(
      rows.map(([, metric, labels, value]) => [
        /control="([^"]+)"/.exec(`${labels}`)?.[1] ?? `${metric}`,
        Number(value),
      ]),
    );
  }
  /** Lines of an intact chain of evidence. */
  async function records(): Promise<number> {
    const proof = await tool('verify', '--evidence');
    expect(proof.exitCode, proof.stdout).toBe(0);
    const text = await host.out(['cat', `${DIR}/.corecube-secure/evidence.jsonl`]);
    return text.trimEnd().split('\n').length;
  }
  /** Does something, and resolves with what the service has said since once systemd tells that it has ended. */
  async function untilEnded(begin: () => Promise<unknown>, unit = `${UNIT}.service`): Promise<string> {
    const last = await host.out(['journalctl', '--lines=1', '--show-cursor', '--output=cat']);
    const cursor = /^-- cursor: (.*)$/m.exec(last)?.[1] ?? '';
    await begin();
    const follow = ['journalctl', '--follow', '--output=cat', '--unit', unit, '--after-cursor', cursor];
    // sed prints what it reads, and ends at the first line that fits.
    const script = 'sed --unbuffered --regexp-extended "/^(Finished|Failed to start) /q" < <(exec "$@")';
    return host.out(['bash', '-c', script, 'bash', ...follow], { timeoutMs: 60_000 });
  }
  /** As on the morning after a day on which the host was off: the timer makes up for it, now. */
  const missADay = (start: () => Promise<unknown>) =>
    untilEnded(async () => {
      await host.out(['touch', '--date', '2 days ago', `/var/lib/systemd/timers/stamp-${UNIT}.timer`]);
      await start();
    });
  const restartTimer = () => host.out(['systemctl', 'restart', `${UNIT}.timer`]);

  beforeAll(async () => {
    packed = await pack();
    host = await freshHost('scheduled', { engine: 'systemd', clients: false });
    await host.put(packed.directory, '/opt/the tool');
    await putText(host, '/root/answers.yaml', answersFor('v2', 'scheduled'));
    await putText(host, `${DIR}/compose.override.yaml`, NO_THROTTLE);
    await host.out(['mkdir', '--parents', '/var/lib/prometheus/node-exporter']);
    const applied = await tool('--yes', '--answers', '/root/answers.yaml');
    expect(applied.exitCode, applied.stdout + applied.stderr).toBe(0);
  });
  afterAll(async () => {
    await host?.destroy();
    await packed?.remove();
  });

  it('starts the verify by its timer, and hides nothing from it', async () => {
    const { stdout: text } = await tool('schedule', 'systemd', '--format', `prometheus=${TEXTFILE}`);
    const [write, enable] = [...text.matchAll(/^# {3}(cd .*|systemctl daemon-reload .*)$/gm)].map(
      (m) => m[1],
    );
    // Not at some time of the next hour: what an operator would write with `systemctl edit`.
    await putText(
      host,
      `/etc/systemd/system/${UNIT}.timer.d/at-once.conf`,
      '[Timer]\nRandomizedDelaySec=0\n',
    );
    expect((await host.run(['sh', '-c', `${write}`], { input: text })).exitCode).toBe(0);
    const said = await missADay(() => host.out(['sh', '-c', `${enable}`]));

    expect(await end(), said).toEqual(['success', '0']);
    expect(said).toContain('Every required control that applies is proved');
    expect(said).toContain('Evidence kept: record 1');
    expect(await records()).toBe(1);
    const scheduled = await textfile();
    expect(scheduled.exit_code).toBe(0);
    // The same in a shell, where no sandbox could make anything unseen.
    expect((await tool('verify', '--format', `prometheus=${TEXTFILE}`)).exitCode).toBe(0);
    expect(await textfile()).toEqual(scheduled);
    // The next one is due at midnight, and nothing of this one is left behind.
    expect(await property('NextElapseUSecRealtime', `${UNIT}.timer`)).toMatch(/ 00:00:00 UTC$/);
    expect((await host.run(['ls', `/run/${UNIT}`])).stderr).toContain('No such file');
  });

  it('fails when the install has drifted, and tells whoever is to be told', async () => {
    await putText(
      host,
      `/etc/systemd/system/${UNIT}-failed.service`,
      `[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo "$$MONITOR_UNIT ended with $$MONITOR_EXIT_STATUS"'\n`,
    );
    // The line that the unit offers as a comment.
    await host.out([
      'sed',
      '--in-place',
      's/^#OnFailure=/OnFailure=/',
      `/etc/systemd/system/${UNIT}.service`,
    ]);
    await host.out(['systemctl', 'daemon-reload']);
    await host.out(['chmod', '0644', KEY]);
    let said = '';
    const told = await untilEnded(async () => {
      said = await missADay(restartTimer);
    }, `${UNIT}-failed.service`);

    expect(await end(), said).toEqual(['exit-code', '1']);
    expect(await host.run(['systemctl', 'is-failed', `${UNIT}.service`])).toMatchObject({
      exitCode: 0,
      stdout: 'failed\n',
    });
    expect(said).toContain('[key.access]');
    expect(told).toContain(`${UNIT}.service ended with 1`);
    const { exit_code, 'key.access': access, 'key.format': format } = await textfile();
    expect({ exit_code, access, format }).toEqual({ exit_code: 1, access: 5, format: 0 });
    expect(await records()).toBe(3);
  });

  it('is no longer failed after a repair', async () => {
    const fixed = await tool('verify', '--fix', '--yes');
    expect(fixed.exitCode, fixed.stdout + fixed.stderr).toBe(0);
    const said = await missADay(restartTimer);
    expect(await end(), said).toEqual(['success', '0']);
    expect((await host.run(['systemctl', 'is-failed', `${UNIT}.service`])).stdout).toBe('inactive\n');
  });

  it('tells that the engine is stopped, and neither waits for it nor starts it', async () => {
    await host.stopEngine();
    const said = await missADay(restartTimer);
    expect(await end(), said).toEqual(['exit-code', '3']);
    const { exit_code, ...controls } = await textfile();
    expect(exit_code).toBe(3);
    // What a file alone tells is proved all the same; nothing that runs is.
    expect(controls).toMatchObject({ 'key.format': 0, 'running.corecube-up': 4 });
    const seen = Object.entries(controls).filter(
      ([name, state]) => name.startsWith('running.') && state === 0,
    );
    expect(seen).toEqual([]);
    expect((await host.run(['systemctl', 'is-active', 'docker.service'])).stdout).toBe('inactive\n');
  });
});
