/** What the end-to-end tests share: an install directory, the built tool run inside a test host, and its reports. */
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Report } from '../../src/core/report.ts';
import type { BedHost, RunResult } from '../bed/index.ts';

export const TOOL = resolve(import.meta.dirname, '../../dist/bin.cjs');

/** The documentation addresses of the two outside clients; only the first may open the console. */
export const ALLOWED = '198.51.100.7';
export const ALLOWED_V6 = '2001:db8:1::7';
export const HOST_ADDRESS = '198.51.100.1';
export const DOMAIN = 'corecube.test';

export type Release = 'v1' | 'v2';

/** Answers of a healthy install of the stand-in; `undefined` removes a key. */
export function answersFor(release: Release, project: string, change: Record<string, unknown> = {}): string {
  const answers: Record<string, unknown> = {
    image: `corecube/corecube:${release}`,
    domain: DOMAIN,
    tls: 'internal',
    adminRanges: [`${ALLOWED}/32`, `${ALLOWED_V6}/128`],
    adminEmail: 'operator@corecube.test',
    projectName: project,
    keyBackup: 'sealed envelope in the safe of office 2, J. Doe, 2026-11-24',
    dumpEncryption: 'LUKS volume backup01, J. Doe, 2026-11-24',
    ...change,
  };
  return stringify(Object.fromEntries(Object.entries(answers).filter(([, value]) => value !== undefined)));
}

export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const toResult = (r: RunResult): ToolResult => ({ code: r.exitCode, stdout: r.stdout, stderr: r.stderr });

/** An install directory of its own on a test host. */
export class Install {
  readonly host: BedHost;
  readonly dir: string;
  readonly project: string;
  readonly outputs: string[] = [];
  /** Added to the environment of every run of the tool. */
  toolEnv: Readonly<Record<string, string>> = {};

  constructor(host: BedHost, dir: string, project: string) {
    this.host = host;
    this.dir = dir;
    this.project = project;
  }

  static async create(
    host: BedHost,
    release: Release,
    project: string,
    change: Record<string, unknown> = {},
  ): Promise<Install> {
    const base = await mkdtemp(join(tmpdir(), 'ccs-e2e-'));
    const install = new Install(host, join(base, 'corecube'), project);
    await mkdir(install.dir, { recursive: true });
    await install.answer(answersFor(release, project, change));
    return install;
  }

  get answersFile(): string {
    return resolve(this.dir, '../answers.yaml');
  }

  answer(text: string): Promise<void> {
    return writeFile(this.answersFile, text);
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  read(name: string): Promise<string> {
    return readFile(this.path(name), 'utf8');
  }

  /** Runs the built tool in the host; a non-zero exit is a value. */
  async tool(args: readonly string[], env: Record<string, string> = {}): Promise<ToolResult> {
    const result = await this.host.run([process.execPath, TOOL, ...args], {
      timeoutMs: 400_000,
      env: { LANG: 'C.UTF-8', ...this.toolEnv, ...env },
    });
    this.outputs.push(result.stdout, result.stderr);
    return toResult(result);
  }

  apply(extra: readonly string[] = []): Promise<ToolResult> {
    return this.tool(['--yes', '--answers', this.answersFile, '--dir', this.dir, ...extra]);
  }

  async applyJson(extra: readonly string[] = []): Promise<{ code: number; report: Report; stderr: string }> {
    return parse(await this.apply(['--json', ...extra]));
  }

  async verify(extra: readonly string[] = []): Promise<{ code: number; report: Report; stderr: string }> {
    return parse(await this.tool(['verify', '--json', '--dir', this.dir, ...extra]));
  }

  async docker(...args: string[]): Promise<ToolResult> {
    return toResult(await this.host.run(['docker', ...args], { timeoutMs: 120_000 }));
  }

  /** The running container's name for a service. */
  async container(service: string): Promise<string> {
    const { stdout } = await this.docker(
      'ps',
      '--all',
      '--filter',
      `label=com.docker.compose.project=${this.project}`,
      '--filter',
      `label=com.docker.compose.service=${service}`,
      '--format',
      '{{.Names}}',
    );
    const name = stdout.trim().split('\n')[0];
    if (!name) throw new Error(`no container of ${service}`);
    return name;
  }

  /** docker compose with the install's own files. */
  async compose(...args: string[]): Promise<ToolResult> {
    return toResult(
      await this.host.run(
        [
          'docker',
          'compose',
          '--project-directory',
          this.dir,
          '--project-name',
          this.project,
          '--file',
          this.path('compose.yaml'),
          ...args,
        ],
        { timeoutMs: 200_000 },
      ),
    );
  }

  /** One SQL text as the superuser inside the database container (its local socket asks for the password too). */
  async sql(text: string): Promise<string> {
    const name = await this.container('pgvector');
    const script =
      'PGPASSWORD=$(cat /run/secrets/pg_superuser_password) exec psql -v ON_ERROR_STOP=1 -h /run/postgresql -U postgres -d corecube -Atc "$0"';
    const result = await this.docker('exec', name, 'bash', '-c', script, text);
    if (result.code !== 0) throw new Error(`psql: ${result.stderr}`);
    return result.stdout.trim();
  }

  /** Switches faults of the stand-in on (an empty text: off) and restarts it. */
  async setFaults(faults: string): Promise<void> {
    const volume = (
      await this.docker('volume', 'inspect', '--format', '{{.Mountpoint}}', `${this.project}_corecube-data`)
    ).stdout.trim();
    await writeFile(join(await this.host.pathInside(volume), 'faults'), faults);
    const name = await this.container('corecube');
    await this.docker('restart', name);
    for (let tries = 0; tries < 120; tries++) {
      if (
        (await this.docker('inspect', '--format', '{{.State.Health.Status}}', name)).stdout.trim() ===
        'healthy'
      )
        return;
      await new Promise((done) => setTimeout(done, 500));
    }
    throw new Error('CoreCube did not come back');
  }

  async remove(): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '2');
    await rm(resolve(this.dir, '..'), { recursive: true, force: true });
  }
}

function parse(result: ToolResult): { code: number; report: Report; stderr: string } {
  try {
    return { code: result.code, report: JSON.parse(result.stdout) as Report, stderr: result.stderr };
  } catch {
    throw new Error(
      `no JSON report (exit ${result.code}):\n${result.stdout.slice(0, 2000)}\n${result.stderr.slice(-6000)}`,
    );
  }
}

/** control id -> verdict, for comparing two looks. */
export function verdicts(report: Report): Record<string, string> {
  return Object.fromEntries(report.steps.flatMap((s) => s.findings.map((f) => [f.control, f.verdict.is])));
}

/** Readable list of what is not good, for assertion messages. */
export function troubles(report: Report): string {
  const rows = report.steps
    .flatMap((s) => s.findings)
    .filter((f) => f.verdict.is === 'fail' || f.verdict.is === 'unknown' || f.verdict.is === 'attest')
    .map((f) => `${f.severity} ${f.control} ${JSON.stringify(f.verdict)}`);
  return [report.verdict, report.stopped ? JSON.stringify(report.stopped) : '', ...rows].join('\n');
}

/** path -> kind, mode, owner and content hash of everything below a directory, minus the given prefixes. */
export async function snapshot(
  dir: string,
  without: readonly string[] = [],
): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(dir, path);
    if (without.some((prefix) => name.startsWith(prefix))) continue;
    const stat = await lstat(path);
    const content = stat.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
          .slice(0, 16)
      : stat.isSymbolicLink()
        ? await readlink(path)
        : 'directory';
    out[name] = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${content}`;
  }
  return out;
}

/** Everything that leaves the host's secrets: the values that must be found nowhere. */
export async function secretsOf(install: Install): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(install.path('secrets'))) {
    if (name.endsWith('.crt')) continue;
    const value = (await install.read(`secrets/${name}`)).trim();
    found[name] = name.endsWith('.key') ? (value.split('\n')[1] ?? value) : value;
  }
  for (const line of (await install.read('.env')).split('\n')) {
    const match = /^[A-Z_]+_URL=['"]?(postgres(?:ql)?:\/\/[^'"\s]+)['"]?$/.exec(line.trim());
    if (match?.[1])
      found[`password of ${new URL(match[1]).username}`] = decodeURIComponent(new URL(match[1]).password);
  }
  return found;
}
