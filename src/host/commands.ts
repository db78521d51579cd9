import type { CommandOptions, CommandResult } from '../core/host.ts';
import { redact, Secret } from '../core/secret.ts';
import { isLooking } from './looking-commands.ts';

/** Code of a command that is not installed, as shells give it. */
const NOT_FOUND = 127;
/** Code of a command that was ended at its deadline, as timeout(1) gives it. */
const TIMED_OUT = 124;
/** Bytes of output kept per stream. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/** Variables that a child needs; everything else stays here, so that no secret of our environment travels. */
const PASSED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'XDG_RUNTIME_DIR',
  'XDG_CONFIG_HOME',
  'TMPDIR',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
];

function childEnvironment(extra: CommandOptions['env']): Record<string, string> {
  const env: Record<string, string> = { LC_ALL: 'C', LANG: 'C' };
  for (const [name, value] of Object.entries(process.env)) {
    if (
      value !== undefined &&
      (PASSED.includes(name) || name.startsWith('DOCKER_') || name === 'SSH_AUTH_SOCK')
    )
      env[name] = value;
  }
  return { ...env, ...extra };
}

/** Runs a command from an argument vector, without a shell. A failure is a value; output comes back unredacted. */
export async function runCommand(
  argv: readonly string[],
  options: CommandOptions & { cwd?: string; onLine?: (line: string) => void } = {},
): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('an empty command');
  const { input } = options;
  // Loaded when the first command runs: the first screen does not wait for it.
  const { execa } = await import('execa');
  const child = execa(file, args, {
    env: childEnvironment(options.env),
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT,
    timeout: options.timeoutMs ?? 15_000,
    forceKillAfterDelay: 2_000,
    // Its own process group: Ctrl+C in the terminal must not reach a change that is under way.
    detached: options.onLine !== undefined,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(input === undefined
      ? { stdin: 'ignore' as const }
      : { input: input instanceof Secret ? input.reveal() : input }),
  });
  if (options.onLine) {
    const { onLine } = options;
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split(/\r?\n/);
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.trim() !== '') onLine(redact(line));
      });
    }
  }
  const result = await child;
  const stdout = result.stdout ?? '';
  const stderr = result.stderr ?? '';
  if (result.code === 'ENOENT') return { code: NOT_FOUND, stdout, stderr: `${file}: not installed` };
  if (result.timedOut)
    return {
      code: TIMED_OUT,
      stdout,
      stderr: `${stderr}\n${file}: no end after ${(options.timeoutMs ?? 15_000) / 1000} s`.trim(),
    };
  if (result.isCanceled) return { code: 130, stdout, stderr: `${file}: cancelled` };
  if (result.exitCode === undefined)
    return {
      code: 128,
      stdout,
      stderr: `${stderr}\n${result.shortMessage ?? result.signal ?? 'ended'}`.trim(),
    };
  return { code: result.exitCode, stdout, stderr };
}

/** For the eyes: a command that is not on the list of looking commands throws. */
export function requireLooking(argv: readonly string[]): void {
  if (!isLooking(argv)) throw new Error(`not a looking command: ${argv.slice(0, 3).join(' ')}`);
}
