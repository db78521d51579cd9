/** The units are read by the real systemd, which finds nothing to complain about and rates them. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Schedule, scheduleText } from '../../src/schedule.ts';
import { ensureBed } from '../bed/index.ts';

const call = (program: string, args: readonly string[], input = '', cwd = '/') =>
  execa(program, args, { input, cwd, reject: false, all: true });

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

describe('systemd', () => {
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

  it('rates the exposure below 3.5 of 10 for root, below 2 for a user, and what the engine needs is left', async () => {
    for (const [user, most] of [
      ['root', 3.5],
      ['operator', 2],
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
