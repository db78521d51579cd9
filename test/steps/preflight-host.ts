/** A host made of data, for the looks of preflight: a healthy Debian with Docker, and one sin at a time on top. */
import type {
  CommandResult,
  FileStat,
  Host,
  HostReader,
  Listener,
  Rehearsal,
  SqlResult,
} from '../../src/core/host.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Needed } from '../../steps/preflight/common.ts';
import { preflight } from '../../steps/preflight.ts';

export type Reply = string | Partial<CommandResult>;
export interface Sins {
  /** Replies to commands, by the beginning of the joined argv; the longest match wins. */
  readonly commands?: Readonly<Record<string, Reply>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly system?: Partial<Awaited<ReturnType<HostReader['system']>>>;
  readonly listeners?: readonly Listener[];
  readonly names?: Readonly<Record<string, readonly string[]>>;
  /** A family about which the resolver says nothing at all. */
  readonly silentAbout?: 4 | 6;
  readonly tcp?: 'open' | 'refused' | 'silent';
  readonly rehearsal?: Rehearsal;
  /** What every statement gives. */
  readonly sql?: SqlResult;
  readonly now?: Date;
  /** How the engine's socket differs from one of root and of its group. */
  readonly socket?: Partial<FileStat>;
}

const INFO = {
  ServerVersion: '28.5.2+dfsg4',
  OperatingSystem: 'Debian GNU/Linux 13 (trixie)',
  OSType: 'linux',
  Architecture: 'x86_64',
  DockerRootDir: '/var/lib/docker',
  SecurityOptions: ['name=seccomp,profile=builtin'],
  ClientInfo: { Context: 'default' },
};
export const imageReply = (id: string, more: object = {}) =>
  JSON.stringify([
    {
      Id: `sha256:${id}`,
      RepoTags: [],
      RepoDigests: [],
      Architecture: 'amd64',
      Os: 'linux',
      Config: {},
      ...more,
    },
  ]);

export const NOT_FOUND: Reply = { code: 127, stderr: 'not installed' };
const HEALTHY: Readonly<Record<string, Reply>> = {
  'docker info': JSON.stringify(INFO),
  'docker compose version': '2.40.3-3\n',
  'docker context inspect': 'unix:///var/run/docker.sock\n',
  'docker image inspect': imageReply('11'),
  'docker ps': '',
  'docker volume ls': '',
  'df -Pk': 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 264212084 1 79672172 1% /\n',
  'findmnt ': 'ext4\n',
  'stat --dereference': '64769:2\n64769:9\n',
  'timedatectl show': 'yes\n',
  'id --user': 'operator\n',
  'ufw ': NOT_FOUND,
  'firewall-cmd ': NOT_FOUND,
  'docker-compose ': NOT_FOUND,
};

export const NO_DOCKER: Readonly<Record<string, Reply>> = {
  'docker ': NOT_FOUND,
  'docker info': NOT_FOUND,
  'docker compose version': NOT_FOUND,
};

export function fakeHost(sins: Sins = {}): {
  host: HostReader;
  hands: () => Host;
  queries: string[];
  runs: string[][];
} {
  const replies = { ...HEALTHY, ...sins.commands };
  const queries: string[] = [];
  const runs: string[][] = [];
  const reply = (argv: readonly string[]): CommandResult => {
    const line = argv.join(' ');
    const key = Object.keys(replies)
      .filter((k) => line.startsWith(k))
      .sort((a, b) => b.length - a.length)[0];
    if (key === undefined) throw new Error(`the fake host has no reply to: ${line}`);
    const given = replies[key] as Reply;
    return { code: 0, stdout: '', stderr: '', ...(typeof given === 'string' ? { stdout: given } : given) };
  };
  const shared = new Map<string, Promise<unknown>>();
  const text = (path: string) => sins.files?.[path];
  const never = () => {
    throw new Error('not expected here');
  };
  const host: HostReader = {
    dir: '/srv/corecube',
    now: () => sins.now ?? new Date('2026-11-24T00:00:00Z'),
    env: (name) => sins.env?.[name],
    readText: async (path) => text(path),
    readSecret: async (path) => (text(path) === undefined ? undefined : new Secret(text(path) as string)),
    stat: async (path): Promise<FileStat | undefined> => {
      const own = { mode: 0o600, uid: 0, gid: 0, size: 1 };
      if (path === '/srv') return { kind: 'directory', ...own };
      if (path === '/var/run/docker.sock') return { kind: 'other', ...own, mode: 0o660, ...sins.socket };
      return text(path) === undefined ? undefined : { kind: 'file', ...own };
    },
    list: never,
    realPath: async (path) => path,
    query: async (argv) => {
      queries.push(argv.join(' '));
      return reply(argv);
    },
    sql: async (_connection, statements) => statements.map(() => sins.sql ?? never()),
    http: never,
    tls: never,
    tcp: async () => sins.tcp ?? 'refused',
    rehearse: async () => sins.rehearsal ?? never(),
    resolve: async (name, family) => {
      if (sins.silentAbout === family)
        throw new Error(`the resolver does not answer for ${name} (ETIMEDOUT)`);
      return sins.names?.[`${name} ${family}`] ?? [];
    },
    addresses: () => [
      { address: '127.0.0.1', family: 4, interface: 'lo' },
      { address: '198.51.100.1', family: 4, interface: 'eth0' },
      { address: '2001:db8:1::1', family: 6, interface: 'eth0' },
    ],
    listeners: async () => sins.listeners ?? [],
    system: async () => ({
      uid: 0,
      gid: 0,
      arch: 'x64',
      memoryMb: 8_000,
      diskFreeMb: 50_000,
      os: 'debian 13',
      ...sins.system,
    }),
    once<T>(key: string, look: () => Promise<T>): Promise<T> {
      if (!shared.has(key)) shared.set(key, look());
      return shared.get(key) as Promise<T>;
    },
  };
  const hands = (): Host => ({
    ...host,
    once: (_key, look) => look(),
    writeFile: never,
    makeDirectory: never,
    setAccess: never,
    removeFile: never,
    run: async (argv) => {
      runs.push([...argv]);
      return reply(argv);
    },
    sqlWrite: never,
    randomBytes: never,
    progress: () => {},
    signal: new AbortController().signal,
  });
  return { host, hands, queries, runs };
}

export const ANSWERS = {
  image: 'corecube/corecube:v1',
  release: 'v1',
  domain: 'corecube.test',
  tls: 'acme',
  adminPassword: { from: 'generate' },
  database: 'bundled',
  postgresImage: 'pgvector/pgvector:pg17',
  proxyImage: 'caddy:2',
  listenAddress: '0.0.0.0',
  httpPort: 80,
  httpsPort: 443,
  projectName: 'corecube',
} as unknown as Needed;
export const NAMES = { 'corecube.test 4': ['198.51.100.1'] };

/** What all controls of preflight say about a host with these sins. */
export async function look(sins: Sins = {}, answers: Partial<Needed> = {}) {
  const { host } = fakeHost({ names: NAMES, ...sins });
  const all = await inspectAll(
    preflight,
    { host, answers: { ...ANSWERS, ...answers }, signal: new AbortController().signal },
    new Map(),
    () => {},
  );
  const byId = Object.fromEntries(all.map((f) => [f.control, f.verdict]));
  const bad = all.filter((f) => f.verdict.is === 'fail').map((f) => f.control);
  const unseen = all.filter((f) => f.verdict.is === 'unknown').map((f) => f.control);
  const said = (id: string) => JSON.stringify(byId[id]);
  return { byId, bad, unseen, said, host };
}
/** What the step would change on it. */
export const plan = async (sins: Sins, answers: Partial<Needed> = {}) => {
  const seen = await look(sins, answers);
  const failing = new Set([...seen.bad, ...seen.unseen]);
  const context = {
    host: seen.host,
    answers: { ...ANSWERS, ...answers },
    failing,
    signal: new AbortController().signal,
  };
  return (await preflight.plan?.(context)) ?? [];
};
/** A reply to `docker info` that differs in this. */
export const info = (more: object) => ({ 'docker info': JSON.stringify({ ...INFO, ...more }) });
