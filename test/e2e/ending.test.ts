/**
 * The end of the process: as soon as all is said, and not before. On a host whose name servers are silent, where the C
 * library goes on waiting for them; on a pipe that is read late; on one that nobody reads any more.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as passed } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/core/report.ts';
import { answersFor, TOOL } from './support.ts';

/** Name servers that take every question and answer none; loopback addresses of their own. */
const SILENT = ['127.53.0.1', '127.53.0.2', '127.53.0.3'];
/** The C library asks each of them twice, 5 s and more each time (resolv.conf(5)). */
const LONGEST_LOOKUP = 30_000;
/** Milliseconds from the last byte of the output to the end: nothing is left to do but to end. */
const AT_ONCE = 2_000;

let base: string;
const servers: ReturnType<typeof createSocket>[] = [];

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'ending-'));
  for (const address of SILENT) {
    const socket = createSocket('udp4');
    socket.bind(53, address);
    await once(socket, 'listening');
    servers.push(socket);
  }
  await writeFile(join(base, 'resolv.conf'), SILENT.map((address) => `nameserver ${address}\n`).join(''));
  await writeFile(
    join(base, 'answers.yaml'),
    answersFor('v2', 'ending', { domain: 'silent.example', tls: 'acme', acmeEmail: 'a@silent.example' }),
  );
});
afterAll(async () => {
  for (const socket of servers) socket.close();
  await rm(base, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** How it ended, and when. */
  readonly ended: Promise<{ readonly code: number | null; readonly at: number }>;
}

/** Starts the tool where the name servers are silent. */
function start(...args: string[]): Running {
  const { child, ended } = startInto('pipe', args);
  return { child: child as Running['child'], ended };
}

/** @param out descriptor that its standard output goes to */
function startInto(out: number | 'pipe', args: readonly string[]) {
  const silent = 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)" && exec "$@"';
  const own = `exec unshare --mount --propagation private sh -c '${silent}' "$@"`;
  const line = ['-c', own, 'sh', join(base, 'resolv.conf'), process.execPath, TOOL, ...args];
  const child = spawn('sh', line, {
    stdio: ['ignore', out, 'pipe'],
    env: { ...process.env, DOCKER_HOST: `unix://${base}/no-engine.sock`, LANG: 'C.UTF-8' },
  });
  const ended = once(child, 'exit').then(([code]) => ({
    code: code as number | null,
    at: performance.now(),
  }));
  return { child, ended };
}

/** Everything that comes, and when the last of it came. */
async function read(stream: Readable): Promise<{ readonly text: string; readonly last: number }> {
  let [text, last] = ['', 0];
  for await (const chunk of stream.setEncoding('utf8')) {
    text += chunk;
    last = performance.now();
  }
  return { text, last };
}

const verify = (...args: string[]) =>
  start('verify', '--dir', join(base, 'nothing'), '--answers', join(base, 'answers.yaml'), ...args);
const unseen = (report: Report, control: string) =>
  report.steps.flatMap((s) => s.findings).find((f) => f.control === control)?.verdict;

// Each waits for some ten seconds for name servers, and costs next to nothing meanwhile.
describe.concurrent('where name servers are silent', () => {
  it.each([
    ['verify', 1, () => verify('--json')],
    ['probe', 3, () => start('probe', 'https://silent.example', '--json')],
  ] as const)('a %s ends when its report is out, whole', async (_name, exit, run) => {
    const began = performance.now();
    const { child, ended } = run();
    const [stdout, stderr, { code, at }] = await Promise.all([read(child.stdout), read(child.stderr), ended]);
    const report = JSON.parse(stdout.text) as Report;
    expect([code, report.exit], stderr.text).toEqual([exit, exit]);
    expect(JSON.stringify(report)).toContain('the resolver does not answer for silent.example');
    expect(at - Math.max(stdout.last, stderr.last)).toBeLessThan(AT_ONCE);
    // Otherwise the C library had its answer, and nothing was waiting that could hold the end back.
    expect(at - began).toBeLessThan(LONGEST_LOOKUP);
  });

  it('a report larger than a pipe is not cut off, however late it is read', async () => {
    const fifo = join(base, 'late');
    await execa('sh', ['-c', 'exec mkfifo "$0"', fifo]);
    // A pipe of the kernel holds 64 KiB (pipe(7)), what Node gives to a child is larger.
    const late = new Socket({ fd: openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK) });
    const out = openSync(fifo, 'w');
    const installs = ['a', 'b', 'c'].map((name) => join(base, name));
    const { child, ended } = startInto(out, [
      ...['verify', ...installs, '--answers', join(base, 'answers.yaml')],
      '--json',
    ]);
    closeSync(out);
    child.stderr?.resume();
    // The first of it is there, and nobody takes the rest: there is nothing else to wait for than time.
    await once(late, 'readable');
    expect(await Promise.race([ended, passed(1_500, 'waiting')])).toBe('waiting');
    const { text } = await read(late);
    expect(text.length).toBeGreaterThan(4 * 65_536);
    expect(JSON.parse(text)).toHaveLength(installs.length);
    expect((await ended).code).toBe(1);
  });

  it('a closed pipe changes neither the exit code nor the files, and holds nothing back', async () => {
    const file = join(base, 'report.json');
    const { child, ended } = verify('--json', '--format', `json=${file}`);
    child.stdout.destroy();
    child.stderr.destroy();
    expect((await ended).code).toBe(1);
    const report = JSON.parse(await readFile(file, 'utf8')) as Report;
    expect(unseen(report, 'domain.resolves')?.is).toBe('unknown');
  });
});
