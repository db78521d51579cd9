/** The plug is pulled at every change, and the next run goes on as if nothing had happened. */
import { readdir, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BedHost, createHost } from '../bed/index.ts';
import { journalOf, Run, underWay } from './killed-run.ts';
import { startOver, withoutThrottle } from './prepare.ts';
import { Install, snapshot, troubles } from './support.ts';

/** Milliseconds; a longer change is killed in its first moments, when most of its work is still ahead. */
const LONGEST_DELAY = 400;
/** Their content differs from install to install: secrets, what is derived from them, and the log of the runs. */
const DIFFERS = /^(secrets\/.+|\.env|\.corecube-secure\/(key-check\.json|journal\.jsonl|report\.(md|json)))$/;

/** Every file with mode and owner, and the content of those that hold no secret. */
async function disk(install: Install): Promise<Record<string, string>> {
  const all = await snapshot(install.dir);
  return Object.fromEntries(
    Object.entries(all)
      .filter(([path]) => !/^\.corecube-secure\/(backups|evidence)/.test(path))
      .map(([path, seen]) => [path, DIFFERS.test(path) ? seen.split(' ').slice(0, 2).join(' ') : seen]),
  );
}

describe('a run that is ended', () => {
  let host: BedHost;
  let install: Install;
  /** How an undisturbed install looks, and how long each of its changes took, in milliseconds. */
  let undisturbed: Record<string, string>;
  const took = new Map<string, number>();

  const key = () => install.read('secrets/encryption_key').catch(() => undefined);
  const volumes = async () =>
    (await install.docker('volume', 'ls', '--quiet')).stdout.trim().split('\n').filter(Boolean);

  beforeAll(async () => {
    host = await createHost('k-plug', { clients: false });
    install = await Install.create(host, 'v2', 'kplug');
    await withoutThrottle(install);
    const { code, report, stderr } = await install.applyJson();
    expect(code, `${troubles(report)}\n${stderr}`).toBe(0);
    undisturbed = await disk(install);
    const began = new Map<string, number>();
    for (const { event, change, time } of await journalOf(install)) {
      if (change === undefined) continue;
      if (event === 'change-start') began.set(change, Date.parse(time));
      else took.set(change, Date.parse(time) - (began.get(change) ?? 0));
    }
    await startOver(install);
    await withoutThrottle(install);
    expect(await volumes()).toEqual([]);
    // The images too: pulling them is the first change.
    await install.docker('image', 'prune', '--all', '--force');
  });
  afterAll(() => host?.destroy());

  it('converges when it is killed once at every change', async () => {
    const killed = new Set<string>();
    // Began and ended between the look at the journal and the signal: such a short change is not caught every time.
    const passed = new Set<string>();
    const story: string[] = [];
    let firstKey: string | undefined;
    let seenVolumes: string[] = [];
    let code: number | undefined;
    for (let run = 0; code !== 0; run++) {
      expect(run, `no end after ${run} runs:\n${story.join('\n')}`).toBeLessThan(took.size + 8);
      const since = (await journalOf(install)).length;
      const tool = new Run(install);
      const change = await tool.begins(install, since, (id) => !killed.has(id));
      if (change === undefined) {
        const result = await tool.ended;
        code = result.code;
        story.push(`run ${run}: ended with ${code}${code === 0 ? '' : `\n${result.stdout}${result.stderr}`}`);
      } else {
        const share = ((run * 7) % 10) / 10;
        await tool.linger(
          install,
          change,
          share * Math.min(LONGEST_DELAY, took.get(change) ?? LONGEST_DELAY),
        );
        await tool.signal('SIGKILL');
        await tool.ended;
        const journal = (await journalOf(install)).slice(since);
        const landed = underWay(journal);
        killed.add(change);
        for (const other of landed) killed.add(other);
        for (const { event, change: done } of journal)
          if (event === 'change-done' && done !== undefined && !killed.has(done)) passed.add(done);
        story.push(`run ${run}: killed at ${change}, under way: ${landed.join(', ') || 'nothing'}`);
      }
      const now = await key();
      firstKey ??= now;
      expect(now, story.at(-1)).toBe(firstKey);
      const present = await volumes();
      expect(present, story.at(-1)).toEqual(expect.arrayContaining(seenVolumes));
      seenVolumes = present;
    }
    const seen = [...new Set([...killed, ...passed])].sort();
    expect(seen, story.join('\n')).toEqual(expect.arrayContaining([...took.keys()].sort()));
    expect([...passed].filter((id) => !killed.has(id)).length, story.join('\n')).toBeLessThan(3);
    expect(firstKey).toMatch(/^[0-9a-f]{64}$/);
    const left = (await readdir(install.dir, { recursive: true })).filter((path) =>
      /(\.tmp|^lock.*)$/.test(basename(path)),
    );
    expect(left).toEqual([]);
    expect(await disk(install)).toEqual(undisturbed);
    const verified = await install.verify();
    expect(verified.code, troubles(verified.report)).toBe(0);
  });

  it('finishes the change under way on Ctrl+C, refuses a second run meanwhile, and the next run does the rest', async () => {
    const containers = [await install.container('corecube'), await install.container('caddy')];
    expect((await install.docker('rm', '--force', ...containers)).code).toBe(0);
    const since = (await journalOf(install)).length;
    const run = new Run(install);
    expect(await run.begins(install, since, (id) => id === 'services.start-corecube')).toBeDefined();
    const second = await install.apply();
    expect([second.code, second.stdout], second.stderr).toEqual([2, '']);
    expect(second.stderr).toContain('another run at work');
    await run.signal('SIGINT');
    const first = await run.ended;
    expect(first.code, first.stdout + first.stderr).toBe(130);
    expect(first.stderr).toContain('the change under way is finished first');
    const journal = (await journalOf(install)).slice(since);
    expect(underWay(journal)).toEqual([]);
    expect(journal.filter((e) => e.event === 'change-done').map((e) => e.change)).toEqual([
      'services.start-corecube',
    ]);
    const [done = '', rest = ''] = first.stdout.slice(first.stdout.indexOf('\nCancelled')).split('Not done:');
    expect(done).toContain('Start corecube');
    expect(rest).toContain('Reverse proxy');
    await expect(install.container('caddy')).rejects.toThrow('no container');
    // What a kill in the middle of a write leaves is removed, what looks like it is not.
    await writeFile(install.path('secrets/.0123456789ab.tmp'), 'half a secret');
    await writeFile(install.path('.corecube-secure/lock.4000001'), '4000001 1');
    await writeFile(install.path('notes.tmp'), 'ours');
    const next = await install.applyJson();
    expect(next.code, `${troubles(next.report)}\n${next.stderr}`).toBe(0);
    expect(next.report.steps.flatMap((s) => s.changes.map((c) => c.id))).toEqual(['proxy.start']);
    expect(await disk(install)).toEqual({ ...undisturbed, 'notes.tmp': expect.any(String) });
  });

  it('leaves no rehearsal of an image behind: the next one removes it', async () => {
    const other = await Install.create(host, 'v2', 'krehearsal', { httpPort: 8081, httpsPort: 8444 });
    const rehearsals = async () =>
      (await install.docker('ps', '--all', '--quiet', '--filter', 'name=^rehearsal-')).stdout.trim();
    const run = new Run(other);
    while (!run.over && (await rehearsals()) === '') await new Promise((done) => setTimeout(done, 20));
    await run.signal('SIGKILL');
    await run.ended;
    expect(await rehearsals()).not.toBe('');
    const next = await other.apply(['--dry-run']);
    expect(next.code, next.stderr).toBe(4);
    expect(await rehearsals()).toBe('');
  });
});
