/** The schedules run the very command that they were made for, and refuse what they cannot say. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../src/core/errors.ts';
import { type Schedule, scheduleText } from '../src/schedule.ts';
import { readExecStart } from './evidence/exec-start.ts';

const call = (program: string, args: readonly string[]) =>
  execa(program, args, { stdin: 'ignore', reject: false, all: true });

/** What a path may hold without being refused. */
const ODD = 'a b "c" \'d\' %n $HOME $$ \\x40 #; & ä';

let base: string;
let schedule: Schedule;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'schedule-'));
  const dir = join(base, ODD);
  const tool = join(base, 'the tool.sh');
  await mkdir(join(dir, '.state'), { recursive: true });
  await writeFile(
    tool,
    '#!/bin/sh\nfor a in "$@"; do printf "<%s>" "$a"; done\nexit $(cat "$(dirname "$0")/code")\n',
  );
  await chmod(tool, 0o755);
  await writeFile(join(base, 'code'), '0');
  schedule = {
    name: 'tool-verify',
    dir,
    state: '.state',
    command: ['/bin/sh', tool],
    prometheus: join(base, 'node exporter/tool.prom'),
  };
  await mkdir(join(base, 'node exporter'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const expected = () =>
  ['verify', '--dir', schedule.dir, '--format', `prometheus=${schedule.prometheus}`]
    .map((word) => `<${word}>`)
    .join('');

describe('systemd', () => {
  it('calls exactly the command, whatever is in the path', async () => {
    const text = scheduleText('systemd', schedule);
    const words = readExecStart(/^ExecStart=(.*)$/m.exec(text)?.[1] as string);
    const { stdout, exitCode } = await call(words[0] as string, words.slice(1));
    expect([exitCode, stdout]).toEqual([0, expected()]);
  });

  it('makes a textfile that its collector may read, and nothing else for others', () => {
    const { prometheus: _, ...rest } = schedule;
    expect(scheduleText('systemd', schedule)).toMatch(/^UMask=0022$/m);
    expect(scheduleText('systemd', rest)).toMatch(/^UMask=0077$/m);
  });
});

describe('cron', () => {
  /** What cron hands to the shell: the sixth field on, a percent sign unescaped (crontab(5)). */
  const commandOf = (text: string) => {
    const line = text.trimEnd().split('\n').at(-1) as string;
    expect(line).not.toMatch(/(?<!\\)%/);
    const match = /^\d{1,2} 3 \* \* \* (\S+) (.*)$/.exec(line);
    return { user: match?.[1], command: `${match?.[2]}`.replaceAll('\\%', '%') };
  };

  it('prints nothing while all is proved, and everything otherwise', async () => {
    const { user, command } = commandOf(scheduleText('cron', schedule));
    expect(user).toBe('root');
    expect(await call('/bin/sh', ['-c', command])).toMatchObject({ all: '' });
    await writeFile(join(base, 'code'), '3');
    expect((await call('/bin/sh', ['-c', command])).all).toBe(`${expected()}\nexit code 3`);
  });

  it('never runs twice at once', async () => {
    const { command } = commandOf(scheduleText('cron', { ...schedule, user: 'operator' }));
    await writeFile(join(base, 'code'), '0');
    const held = ['--nonblock', join(schedule.dir, '.state'), '/bin/sh', '-c', command];
    expect((await call('flock', held)).all).toBe('\nexit code 75');
  });

  it('is at the same minute whenever it is made, and not the same for every install', () => {
    const minute = (dir: string) =>
      Number(/^(\d+) 3 /m.exec(scheduleText('cron', { ...schedule, dir }))?.[1]);
    const minutes = Array.from({ length: 20 }, (_, n) => minute(`/srv/${n}`));
    expect(Math.max(...minutes)).toBeLessThan(60);
    expect(new Set(minutes).size).toBeGreaterThan(5);
    expect(minute('/srv/1')).toBe(minutes[1]);
  });
});

describe('both', () => {
  it.each<[string, Partial<Schedule>, RegExp]>([
    ['a relative directory', { dir: 'install' }, /--dir.*absolute/],
    ['a line break in the directory', { dir: '/srv/a\nExecStart=/bin/rm' }, /control characters/],
    ['a line break in the tool', { command: ['/usr/bin/node', '/srv/a\nb'] }, /control characters/],
    ['a relative program', { command: ['node', '/x'] }, /the command.*absolute/],
    ['a name with a slash', { name: '../x' }, /the name/],
    ['a user with a space', { user: 'a b' }, /the user/],
    ['a textfile that node_exporter does not read', { prometheus: '/var/lib/x.txt' }, /\.prom/],
  ])('refuse %s', (_name, change, message) => {
    for (const scheduler of ['systemd', 'cron'] as const) {
      const make = () => scheduleText(scheduler, { ...schedule, ...change });
      expect(make).toThrow(UsageError);
      expect(make).toThrow(message);
    }
  });

  it('refuse what only one of them cannot say', () => {
    const program = { command: ['/opt/$x/node'] as const };
    expect(() => scheduleText('systemd', { ...schedule, ...program })).toThrow(/no \$/);
    expect(() => scheduleText('cron', { ...schedule, dir: `/srv/${'x'.repeat(990)}` })).toThrow(
      /at most 990/,
    );
  });

  it('say what the exit codes mean, and that a copy in the cache of npx does not last', () => {
    for (const scheduler of ['systemd', 'cron'] as const) {
      expect(scheduleText(scheduler, schedule)).toMatch(/# +3 {2}something required could not be looked at/);
      expect(scheduleText(scheduler, schedule)).not.toMatch(/npm install --global/);
      const cached = ['/usr/bin/node', '/root/.npm/_npx/1a2b/node_modules/tool/dist/bin.cjs'] as const;
      expect(scheduleText(scheduler, { ...schedule, command: cached })).toMatch(/npm install --global/);
    }
  });
});
