import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const here = dirname(fileURLToPath(import.meta.url));
/** Where the bed keeps everything it downloads, builds and runs (`CORECUBE_BED`). */
export const bedDirectory = process.env.CORECUBE_BED ?? '/var/cache/corecube-secure-bed';

/** The only addresses in a host's outside network (RFC 5737 and RFC 3849 documentation ranges). */
export const ADDRESSES = {
  host: { v4: '198.51.100.1', v6: '2001:db8:1::1' },
  client1: { v4: '198.51.100.7', v6: '2001:db8:1::7' },
  client2: { v4: '198.51.100.8', v6: '2001:db8:1::8' },
} as const;

export interface RunOptions {
  /** Directory to run in; default: the test's own, in a bare host `/root`. */
  cwd?: string;
  /** Added to the test's own environment, in a bare host to a clean one. */
  env?: Record<string, string>;
  /** Text for standard input; without it standard input is empty. */
  input?: string;
  /** Milliseconds until the whole process group is killed; default 120 000. */
  timeoutMs?: number;
  /** Ends the command early, as the time limit does. */
  signal?: AbortSignal;
}

export interface RunResult {
  /** Exit status; -1 when the command was ended by a signal or the time limit. */
  exitCode: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

/** A command line that can be handed to any way of starting processes, such as a pseudo terminal. */
export interface CommandLine {
  file: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
}

/** Something commands can be run in: a host or an outside client. */
export interface Place {
  /** Runs `argv` (never a shell string) and resolves with how it ended, also when it failed. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** As `run`, but rejects with the output when the exit status is not 0; resolves with standard output. */
  out(argv: readonly string[], options?: RunOptions): Promise<string>;
  /** What `run` would start. */
  command(argv: readonly string[], options?: Pick<RunOptions, 'cwd' | 'env'>): CommandLine;
}

/** A Docker host of its own; `run` has `DOCKER_HOST` set (in a bare host the default socket is the one). */
export interface BedHost extends Place {
  readonly name: string;
  /** The host's private directory on this machine. */
  readonly directory: string;
  /** Engine socket as seen from this machine. */
  readonly socket: string;
  readonly addresses: typeof ADDRESSES;
  /** The host's `/etc/hosts`, as a file of this machine: a test may append lines. */
  readonly hostsFile: string;
  /** An outside client. It runs this machine's programs on this machine's files. */
  client(number: 1 | 2): Place;
  /** Path on this machine of a path in the host; right as long as the host is up. */
  pathInside(path: string): Promise<string>;
  /** Copies a file or directory of this machine into a bare host. */
  put(from: string, to: string): Promise<void>;
  /** Stops the engine and leaves everything else; containers end with it. */
  stopEngine(): Promise<void>;
  /** Starts the engine again and waits until it answers. */
  startEngine(): Promise<void>;
  /** Ends every process of the host and removes all it had. Safe to repeat. */
  destroy(): Promise<void>;
}

export interface HostOptions {
  /** `sid`: Docker 28 (default); `bookworm`: Docker 20.10; `none`: no engine. */
  engine?: 'sid' | 'bookworm' | 'none';
  /** Outside clients; default true. */
  clients?: boolean;
  /** More options for dockerd, such as `['--userland-proxy=false']`. */
  dockerd?: readonly string[];
}

export interface FreshOptions {
  /** Debian release of the file tree; default 12. */
  debian?: 12 | 13;
  /** Node release line in the tree, npm 10 beside it; default 20; `none` for a tree without Node. */
  node?: number | 'none';
  /**
   * `own`: the release's (20.10 on 12, 26.1 on 13); `sid`: Docker 28; `none`: no Docker at all (default); `systemd`: that of
   * Debian 12, as a service of the systemd that is process 1 there.
   */
  engine?: 'own' | 'sid' | 'systemd' | 'none';
  clients?: boolean;
  dockerd?: readonly string[];
}

export interface Acme {
  /** ACME directory URL, for inside and outside of the host. */
  directory: string;
  /** CA that signs the ACME server's own TLS certificate (what an ACME client has to trust). */
  caFile: string;
  /** Root of the issued certificates (what a browser would have to trust). */
  rootFile: string;
  stop(): Promise<void>;
}

/** A PostgreSQL server of somebody else: `db.ext.test`, 198.51.100.9, port 5432. */
export interface OutsideDatabase {
  /** The authority that signed its certificate, PEM. */
  readonly caFile: string;
  /** Runs one SQL text as its superuser, in the database `corecube`. */
  sql(text: string): Promise<string>;
  /** Replaces its `pg_hba.conf` and waits until the server has read it. */
  rules(text: string): Promise<void>;
}

const script = (name: string) => join(here, name);

async function bed(argv: readonly string[], timeoutMs = 900_000): Promise<string> {
  const [name, ...args] = argv;
  const result = await execa(script(name!), args, { reject: false, stdin: 'ignore', timeout: timeoutMs });
  if (result.exitCode !== 0)
    throw new Error(`${argv.join(' ')} failed:\n${result.stderr || result.shortMessage}`);
  return result.stdout;
}

let ready: Promise<void> | undefined;
/**
 * Installs what is missing and builds the images; a second or two when all is there, about 90 s on a
 * new machine. Rejects when something cannot be had. Done once per process; processes wait for each other.
 */
export function ensureBed(): Promise<void> {
  ready ??= bed(['install.sh']).then(async () => void (await bed(['images.sh', 'build'])));
  return ready;
}

function ownEnvironment(): Record<string, string> {
  const pairs = Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return Object.fromEntries(pairs);
}

async function run(line: CommandLine, options: RunOptions): Promise<RunResult> {
  // A process group of its own: the command is a grandchild, a signal to the child alone would miss it.
  const child = execa(line.file, line.args, {
    cwd: line.cwd,
    env: line.env,
    extendEnv: false,
    reject: false,
    detached: true,
    stripFinalNewline: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
  });
  let timedOut = false;
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeoutMs ?? 120_000);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const { exitCode, stdout, stderr } = await child;
    return { exitCode: exitCode ?? -1, stdout: stdout ?? '', stderr: stderr ?? '', timedOut };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
}

function place(command: Place['command']): Place {
  const runIt: Place['run'] = (argv, options = {}) => run(command(argv, options), options);
  return {
    command,
    run: runIt,
    async out(argv, options = {}) {
      const result = await runIt(argv, options);
      if (result.exitCode === 0) return result.stdout;
      const how = result.timedOut ? 'ran out of time' : `ended with ${result.exitCode}`;
      throw new Error(`${argv.join(' ')} ${how}\n${result.stdout}${result.stderr}`);
    },
  };
}

function hostAt(name: string, bare: boolean): BedHost {
  const directory = join(bedDirectory, 'hosts', name);
  const shared = (prefix: string[]) =>
    place((argv, { cwd = process.cwd(), env = {} } = {}) => ({
      file: script('host.sh'),
      args: [name, ...prefix, ...argv],
      env: { ...ownEnvironment(), ...env },
      cwd,
    }));
  const clean = place((argv, { cwd = '/root', env = {} } = {}) => ({
    file: script('host.sh'),
    args: [name, 'exec', ...argv],
    env: {
      HOME: '/root',
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...env,
      BED_EXACT_ENV: '1',
      BED_CWD: cwd,
      CORECUBE_BED: bedDirectory,
    },
    cwd: '/',
  }));
  return {
    ...(bare ? clean : shared(['exec'])),
    name,
    directory,
    socket: join(directory, 'docker.sock'),
    addresses: ADDRESSES,
    hostsFile: join(directory, 'etc/hosts'),
    client: (number) => shared(['client', String(number)]),
    async pathInside(path) {
      const [pid] = (await readFile(join(directory, 'pid'), 'utf8')).split(' ');
      return join(`/proc/${pid}/root`, path);
    },
    async put(from, to) {
      await bed(['fresh.sh', name, 'put', await realpath(from), to]);
    },
    async stopEngine() {
      await bed(['host.sh', name, 'engine', 'stop']);
    },
    async startEngine() {
      await bed(['host.sh', name, 'engine', 'start']);
    },
    async destroy() {
      await bed(['host.sh', name, 'down']);
    },
  };
}

/**
 * Starts a Docker host (2 to 3 s); one of the same name is removed first, whoever made it.
 * `name` is at most 31 characters of a-z, 0-9 and `-`. The caller destroys it.
 */
export async function createHost(name: string, options: HostOptions = {}): Promise<BedHost> {
  await ensureBed();
  const clients = options.clients === false ? ['--no-clients'] : [];
  const engine = ['--engine', options.engine ?? 'sid'];
  await bed(['host.sh', name, 'up', ...engine, ...clients, '--', ...(options.dockerd ?? [])]);
  return hostAt(name, false);
}

/**
 * Starts a bare Debian machine with a file tree of its own (about 1 s, with an engine 3 s; the first of
 * a kind builds its tree, about 40 s). Nothing a run writes outlives `destroy`.
 */
export async function freshHost(name: string, options: FreshOptions = {}): Promise<BedHost> {
  await ensureBed();
  const { debian = 12, node = 20, engine = 'none', clients = true, dockerd = [] } = options;
  const flags = ['--debian', String(debian), '--node', String(node), '--engine', engine];
  await bed(['fresh.sh', name, 'up', ...flags, ...(clients ? [] : ['--no-clients']), '--', ...dockerd]);
  return hostAt(name, true);
}

/**
 * Starts an ACME server as the host's outside client 1 (1 s), and a DNS server beside it that answers
 * every name with the host's IPv4 address. Both end with the host.
 */
export async function startAcme(host: BedHost): Promise<Acme> {
  await bed(['acme.sh', host.name, 'up'], 60_000);
  return {
    directory: 'https://acme.test:14000/dir',
    caFile: join(host.directory, 'acme/ca.crt'),
    rootFile: join(host.directory, 'acme/root.pem'),
    async stop() {
      await bed(['acme.sh', host.name, 'down'], 60_000);
    },
  };
}

/**
 * Starts a PostgreSQL server with TLS and pgvector in the host's outside network (3 s), and a DNS server that knows
 * its name. The database `corecube` belongs to `role`, which may create roles and is no superuser. Ends with the host.
 */
export async function startDatabase(host: BedHost, role: string, password: string): Promise<OutsideDatabase> {
  const script = join(here, 'database.sh');
  const call = async (args: readonly string[], input = '') => {
    const result = await execa(script, [host.name, ...args], { input, reject: false, timeout: 60_000 });
    // The arguments hold a password: the verb alone is named.
    if (result.exitCode !== 0) throw new Error(`database.sh ${args[0]} failed:\n${result.stderr}`);
    return result.stdout;
  };
  await call(['up', role, password]);
  return {
    caFile: join(host.directory, 'database/ca.crt'),
    sql: (text) => call(['sql', text]),
    rules: async (text) => void (await call(['hba'], text)),
  };
}
