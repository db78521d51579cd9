import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Rehearsal, RehearsalRequest } from '../core/host.ts';
import { redact } from '../core/secret.ts';
import { runCommand } from './commands.ts';
import { ownerChanger } from './files.ts';
import type { OwnedFiles } from './owned-files.ts';
import { livePid, ownIdentity } from './process-identity.ts';

/** Milliseconds between two looks at a running rehearsal. */
const POLL = 150;

/**
 * Starts an image once, hardened, without network and without data, and tells what it did. The container and its
 * throw-away directories are removed on every way out; only anonymous volumes of its own go with it.
 */
export async function rehearse(
  request: RehearsalRequest,
  label: string,
  owned: OwnedFiles,
  signal: AbortSignal,
): Promise<Rehearsal> {
  const owner = ownerChanger(owned.changeOwner);
  const base = await mkdtemp(join(tmpdir(), 'rehearsal-'));
  const name = `rehearsal-${randomBytes(6).toString('hex')}`;
  const docker = async (args: readonly string[], timeoutMs = 20_000) => {
    const result = await runCommand(['docker', ...args], { timeoutMs });
    if (result.code !== 0)
      throw new Error(`docker ${args[0]}: ${redact(result.stderr.trim().split('\n').at(-1) ?? '')}`);
    return result;
  };
  let created = false;
  try {
    await removeAbandoned(label);
    await chmod(base, 0o755);
    const data = join(base, 'data');
    await mkdir(data, { mode: 0o700 });
    const hostUid = request.hostUid ?? request.uid;
    await owner(data, hostUid, hostUid);
    const mounts = [`type=bind,source=${data},target=${request.dataDir}`];
    for (const [inside, content] of Object.entries(request.files)) {
      const file = resolve(base, 'files', `.${inside}`);
      await mkdir(dirname(file), { recursive: true, mode: 0o755 });
      await writeFile(file, content, { mode: 0o600 });
      await owner(file, hostUid, hostUid);
      mounts.push(`type=bind,source=${file},target=${inside},readonly`);
    }
    created = true;
    await docker([
      ...['create', '--name', name, '--label', label, '--label', `${label}.process=${await ownProcess()}`],
      ...['--pull', 'never', '--network', 'none', '--read-only'],
      ...[
        '--cap-drop',
        'ALL',
        '--security-opt',
        'no-new-privileges',
        '--user',
        `${request.uid}:${request.uid}`,
      ],
      ...['--tmpfs', '/tmp:mode=1777,size=64m', '--pids-limit', '200', '--memory', '1g', '--restart', 'no'],
      ...mounts.flatMap((mount) => ['--mount', mount]),
      ...Object.entries(request.env).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      request.image,
    ]);
    await docker(['start', name]);
    const began = Date.now();
    const state = async () =>
      JSON.parse((await docker(['inspect', '--format', '{{json .State}}', name])).stdout) as {
        Running: boolean;
        ExitCode: number;
      };
    let now = await state();
    const decided = async () => {
      if (!request.decided) return false;
      const { stdout, stderr } = await docker(['logs', name]);
      return request.decided(`${stdout}${stderr}`);
    };
    while (now.Running && Date.now() - began < request.deadlineMs && !signal.aborted && !(await decided())) {
      await new Promise((done) => setTimeout(done, POLL));
      now = await state();
    }
    signal.throwIfAborted();
    const log = await docker(['logs', name]);
    await takeBack(data, owned);
    const names = await readdir(data);
    const files = await Promise.all(
      names.map(async (file) => ({ name: file, stat: await stat(join(data, file)) })),
    );
    return {
      ended: now.Running ? 'stopped' : 'exited',
      code: now.ExitCode,
      log: redact(`${log.stdout}${log.stderr}`),
      files: files.filter((f) => f.stat.isFile()).map((f) => ({ name: f.name, mode: f.stat.mode & 0o7777 })),
    };
  } finally {
    await cleanUp(base, created ? name : undefined, owned);
  }
}

/** This process, on whatever host it runs: an engine may serve several. */
const ownProcess = async () => `${hostname()} ${await ownIdentity()}`;

/** Removes the rehearsals that runs of this host have left behind when they were killed. */
async function removeAbandoned(label: string): Promise<void> {
  const format = `{{.ID}} {{.Label "${label}.process"}}`;
  const found = await runCommand(
    ['docker', 'ps', '--all', '--filter', `label=${label}.process`, '--format', format],
    { timeoutMs: 20_000 },
  );
  for (const line of found.stdout.split('\n')) {
    const [id, host, ...process] = line.trim().split(' ');
    if (!id || host !== hostname() || (await livePid(process.join(' '))) !== undefined) continue;
    await runCommand(['docker', 'rm', '--force', '--volumes', id], { timeoutMs: 30_000 });
  }
}

/** What the container wrote belongs to its uid; a user who is not root takes it back to look at it and to remove it. */
async function takeBack(data: string, owned: OwnedFiles): Promise<void> {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) await owned.changeOwnerOfTree(data, uid, process.getgid?.() ?? uid);
}

/** @throws when something is left behind */
async function cleanUp(base: string, name: string | undefined, owned: OwnedFiles): Promise<void> {
  const removed =
    name && (await runCommand(['docker', 'rm', '--force', '--volumes', name], { timeoutMs: 30_000 }));
  await rm(base, { recursive: true, force: true }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
    await takeBack(join(base, 'data'), owned);
    await rm(base, { recursive: true, force: true });
  });
  if (removed && removed.code !== 0 && !/no such container/i.test(removed.stderr))
    throw new Error(`the container ${name} is left behind: ${redact(removed.stderr.trim())}`);
}
