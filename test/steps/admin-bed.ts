/** A running stand-in CoreCube (its real HTTP handlers over rows in memory) behind a host that shows it as a container. */
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import bcrypt from '@node-rs/bcrypt';
import type { Host, HttpRequest, HttpResult } from '../../src/core/host.ts';
import { inspectAll } from '../../src/core/inspect.ts';
import { Secret } from '../../src/core/secret.ts';
import type { AnyStep, Change, Verdict } from '../../src/core/step.ts';
import type { ApiAnswers } from '../../steps/shared/corecube-api.ts';
import type { App } from '../fakes/corecube/app.ts';
import { type Generation, readConfig } from '../fakes/corecube/config.ts';
import { parseFaults } from '../fakes/corecube/faults.ts';
import { createLog } from '../fakes/corecube/log.ts';
import { createHttpServer } from '../fakes/corecube/server.ts';
import { createSessions, memorySessions, sessionRules } from '../fakes/corecube/sessions.ts';
import type { Store, User } from '../fakes/corecube/store.ts';
import { createThrottle } from '../fakes/corecube/throttle.ts';

export const answers = {
  projectName: 'bed',
  domain: 'corecube.bed.test',
  httpsPort: 443,
  adminEmail: 'ops@bed.test',
  adminApi: [] as readonly string[],
  adminPassword: { from: 'generate' } as const,
  otherAdmins: [] as readonly string[],
  sessionHours: 8,
  sessionIdleMinutes: 30,
  auditRetentionDays: 120,
  auditQueryText: 'truncated' as const,
} satisfies ApiAnswers & Record<string, unknown>;

export const GOOD_PASSWORD = 'Strong-enough_1-for-everybody';

/** The lowest cost, so that the tests spend their time elsewhere; it is part of the hash. */
const cheapHash = (password: string) => bcrypt.hash(password, 4);

/** The stand-in's store with arrays instead of PostgreSQL: the methods that the admin routes use. */
function memoryStore() {
  const users: User[] = [];
  const keys: Record<string, unknown>[] = [];
  const connections: Record<string, unknown>[] = [];
  let audit = { retention_days: 90, query_text: 'full' };
  const store = {
    userCount: async () => users.length,
    users: async () => users,
    user: async (id: string) => users.find((u) => u.id === id),
    userByEmail: async (email: string) => users.find((u) => u.email.toLowerCase() === email.toLowerCase()),
    async addUser(email: string, name: string, role: User['role'], hash: string, mustChange: boolean) {
      if (users.some((u) => u.email === email)) return undefined;
      const rest = { password_hash: hash, must_change_password: mustChange, locked_until: null };
      users.push({ id: randomUUID(), email, name, role, ...rest });
      return users.at(-1);
    },
    async changeUser(id: string, change: { email?: string; name?: string; hash?: string }) {
      const at = users.findIndex((u) => u.id === id);
      const user = users[at];
      if (user === undefined) return undefined;
      const hash = change.hash ?? user.password_hash;
      users[at] = { ...user, email: change.email ?? user.email, password_hash: hash };
      return users[at];
    },
    countFailure: async () => [],
    clearFailures: async () => [],
    auditSettings: async () => audit,
    setAuditSettings: async (value: typeof audit) => {
      audit = value;
      return value;
    },
    audit: async () => [],
    keys: async () => keys,
    connections: async () => connections,
    addConnection: async (wanted: Record<string, unknown>) => {
      connections.push({ id: randomUUID(), webhook_enabled: false, webhook_secret: null, ...wanted });
      return connections.at(-1);
    },
    credentialState: () => 'ok',
  };
  return { store: store as unknown as Store, users, keys, connections };
}

export interface Bed {
  readonly host: () => Host;
  readonly files: Map<string, { content: string; mode: number; uid: number; kind: 'file' | 'symlink' }>;
  readonly keys: Record<string, unknown>[];
  readonly connections: Record<string, unknown>[];
  readonly users: User[];
  /** Puts the documented default account beside what is there. */
  addDefault(): Promise<void>;
  /** Sessions that a cookie still opens, of all users. */
  openSessions(): Promise<number>;
  /** Environment of the container as docker shows it. */
  env: string[];
  labels: Record<string, string>;
  /** `absent`: no container; `stopped`: it does not run. */
  state: 'running' | 'stopped' | 'absent';
  /** When the container was started; long ago unless told. */
  startedAt: Date;
  isPaused: boolean;
  /** Milliseconds that the server takes for an answer; nobody waits for them: a request that allows less gets none. */
  slowness: number;
  /** Every request that went out, without its body. */
  readonly requests: string[];
  readonly ran: string[][];
  now: Date;
  stop(): Promise<void>;
}

export interface BedOptions {
  readonly generation?: Generation;
  readonly faults?: string;
  /** Seeds the operator's account before the first start, as CUBE_ADMIN_* do. */
  readonly seeded?: boolean;
  /** Attempts per minute; large unless told. */
  readonly throttle?: { readonly limit: number; readonly windowMs: number };
  readonly env?: Readonly<Record<string, string>>;
  /** Another server instead of the stand-in. */
  readonly server?: Server;
}

export async function startBed(options: BedOptions = {}): Promise<Bed> {
  const { generation = 'v1', seeded = true } = options;
  const env: Record<string, string> = {
    CORECUBE_GENERATION: generation,
    NODE_ENV: 'production',
    CORECUBE_PUBLIC_URL: 'https://corecube.bed.test',
    SESSION_MAX_AGE_HOURS: '8',
    SESSION_MAX_LIFETIME_HOURS: '8',
    SESSION_IDLE_TIMEOUT_MINUTES: '30',
    ...options.env,
  };
  const config = readConfig(env);
  const rows = memoryStore();
  const { limit, windowMs } = options.throttle ?? { limit: 1000, windowMs: 60_000 };
  const app: App = {
    config,
    faults: parseFaults(options.faults ?? ''),
    log: createLog(() => {}),
    key: { bytes: randomBytes(32), source: 'test', file: undefined },
    store: rows.store,
    sessions: createSessions(memorySessions(), sessionRules(config)),
    throttle: createThrottle(limit, windowMs),
  };
  const [email, password] = seeded
    ? [answers.adminEmail, GOOD_PASSWORD]
    : ['admin@example.com', 'changeme123'];
  await rows.store.addUser(email, 'Administrator', 'admin', await cheapHash(password), !seeded);
  const webhook = generation === 'v1' ? { webhook_enabled: true, webhook_secret: 'sealed' } : {};
  await rows.store.addConnection({
    name: 'wiki',
    kind: 'confluence',
    compartment: 'engineering',
    ...webhook,
  });
  const server = options.server ?? createHttpServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = (server.address() as AddressInfo).port;
  const bed: Bed = {
    files: new Map(),
    keys: rows.keys,
    connections: rows.connections,
    users: rows.users,
    async addDefault() {
      const hash = await cheapHash('changeme123');
      await rows.store.addUser('admin@example.com', 'Administrator', 'admin', hash, true);
    },
    async openSessions() {
      const lists = await Promise.all(rows.users.map((user) => app.sessions.list(user.id)));
      return lists.flat().length;
    },
    env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    labels: {},
    state: 'running',
    startedAt: new Date('2020-01-01T00:00:00Z'),
    isPaused: false,
    slowness: 0,
    requests: [],
    ran: [],
    now: new Date(),
    host: () => hostOf(bed, port),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  bed.files.set('compose.yaml', { content: '', mode: 0o644, uid: 0, kind: 'file' });
  if (seeded)
    bed.files.set('secrets/admin_password', {
      content: `${GOOD_PASSWORD}\n`,
      mode: 0o600,
      uid: 0,
      kind: 'file',
    });
  return bed;
}

function hostOf(bed: Bed, port: number): Host {
  const once = new Map<string, Promise<unknown>>();
  const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });
  const partial: Partial<Host> = {
    dir: '/bed',
    now: () => bed.now,
    signal: new AbortController().signal,
    env: (name) => (name === 'BED_PASSWORD' ? 'weak' : undefined),
    readSecret: async (path) => {
      const file = bed.files.get(path);
      return file === undefined ? undefined : new Secret(file.content);
    },
    stat: async (path) => {
      const file = bed.files.get(path);
      return file && { kind: file.kind, mode: file.mode, uid: file.uid, gid: 0, size: file.content.length };
    },
    system: async () => ({ uid: 0, gid: 0, arch: 'x64', memoryMb: 1, diskFreeMb: 1, os: 'test' }),
    randomBytes: (length) => randomBytes(length),
    progress: () => {},
    once: <T>(key: string, look: () => Promise<T>) => {
      if (!once.has(key)) once.set(key, look());
      return once.get(key) as Promise<T>;
    },
    query: async (argv) => {
      if (argv[1] === 'ps') return ok(bed.state === 'absent' ? '' : 'c0ffee\n');
      if (argv[1] === 'inspect') return ok(JSON.stringify([container(bed)]));
      if (argv[1] === 'exec') return ok(`${bed.env.join('\0')}\0`);
      throw new Error(`unexpected ${argv.join(' ')}`);
    },
    http: (wanted) => {
      bed.requests.push(`${wanted.method} ${wanted.path}`);
      const limit = wanted.timeoutMs ?? 10_000;
      if (bed.slowness <= limit) return send(wanted, port);
      const message = `no answer within ${limit / 1000} s`;
      return Promise.resolve({ ok: false, code: 'ETIMEDOUT', message });
    },
    writeFile: async (path, content, { mode, uid = 0, exclusive }) => {
      if (exclusive && bed.files.has(path)) throw new Error(`${path} exists`);
      const text = content instanceof Secret ? content.reveal() : String(content);
      bed.files.set(path, { content: text, mode, uid, kind: 'file' });
    },
    setAccess: async (path, { mode, uid = 0 }) => {
      const file = bed.files.get(path);
      if (file) bed.files.set(path, { ...file, mode, uid });
    },
    makeDirectory: async (path, { mode }) => {
      bed.files.set(path, { content: '', mode, uid: 0, kind: 'file' });
    },
    removeFile: async (path) => void bed.files.delete(path),
    run: async (argv) => {
      bed.ran.push([...argv]);
      bed.env = bed.env.filter((entry) => !entry.startsWith('CUBE_ADMIN_'));
      return ok('');
    },
  };
  return partial as Host;
}

const container = (bed: Bed) => ({
  Id: 'c0ffee',
  State: {
    Running: bed.state === 'running',
    Restarting: false,
    Paused: bed.isPaused,
    StartedAt: bed.startedAt.toISOString(),
  },
  Config: { Env: bed.env, Labels: { 'com.docker.compose.service': 'corecube', ...bed.labels } },
  NetworkSettings: { Networks: { bed_edge: { IPAddress: '127.0.0.1' } } },
});

/** The request as the real host sends it: Host from the origin, connected elsewhere, no redirect followed. */
function send(wanted: HttpRequest, port: number): Promise<HttpResult> {
  return new Promise((resolve) => {
    const { method, path, headers } = wanted;
    const body = wanted.body instanceof Secret ? wanted.body.reveal() : wanted.body;
    const host = new URL(wanted.origin).host;
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: false,
      headers: { ...headers, Host: host },
    };
    const out = request(options, async (incoming) => {
      const parts: Buffer[] = [];
      for await (const part of incoming) parts.push(part as Buffer);
      const pairs: [string, string][] = [];
      for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
        pairs.push([String(incoming.rawHeaders[i]).toLowerCase(), String(incoming.rawHeaders[i + 1])]);
      }
      const text = Buffer.concat(parts).toString('utf8');
      const status = incoming.statusCode ?? 0;
      resolve({ ok: true, status, headers: pairs, body: text, localAddress: '', remoteAddress: '' });
    });
    out.on('error', (error) => resolve({ ok: false, code: 'ECONNREFUSED', message: error.message }));
    out.end(body);
  });
}

/** The bed, whose server answers one request (method and path) otherwise: only what is named is changed. */
export function answering(
  bed: Bed,
  request: string,
  answer: { readonly status?: number; readonly json?: unknown; readonly headers?: [string, string][] },
): Bed {
  const host = () => {
    const own = bed.host();
    const http: typeof own.http = async (wanted) => {
      const result = await own.http(wanted);
      if (!result.ok || `${wanted.method} ${wanted.path}` !== request) return result;
      return {
        ...result,
        status: answer.status ?? result.status,
        headers: answer.headers ?? result.headers,
        body: answer.json === undefined ? result.body : JSON.stringify(answer.json),
      };
    };
    return { ...own, http };
  };
  return { ...bed, host };
}

/** A server that answers `/v1/openapi.json` with this document and records everything else. */
export function documentServer(document: unknown, seen: string[], status = 401): Server {
  return createServer((incoming, response) => {
    if (incoming.url === '/v1/openapi.json') {
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(document));
      return;
    }
    let body = '';
    incoming.on('data', (part) => {
      body += part;
    });
    incoming.on('end', () => {
      seen.push(`${incoming.method} ${incoming.url} ${body}`);
      response.statusCode = status;
      response.end('{}');
    });
  });
}

/** What every control of the step says now, by id, through the engine's own look. */
export async function verdicts(
  step: AnyStep,
  bed: Bed,
  given: object = answers,
): Promise<Record<string, Verdict>> {
  const signal = new AbortController().signal;
  const context = { host: bed.host(), answers: given, signal };
  const findings = await inspectAll(step, context, new Map(), () => {});
  return Object.fromEntries(findings.map((f) => [f.control, f.verdict]));
}

/** The verdicts in short: `id: pass`. */
export const short = (all: Record<string, Verdict>) =>
  Object.fromEntries(Object.entries(all).map(([id, verdict]) => [id, verdict.is]));

/** Looks, plans and applies, as the engine does. Returns the changes that were made. */
export async function repair(step: AnyStep, bed: Bed, given: object = answers): Promise<readonly Change[]> {
  const host = bed.host();
  const signal = new AbortController().signal;
  const findings = await inspectAll(step, { host, answers: given, signal }, new Map(), () => {});
  const broken = findings.filter((f) => f.verdict.is === 'fail' || f.verdict.is === 'unknown');
  const failing = new Set(broken.map((f) => f.control));
  const changes = (await step.plan?.({ host, answers: given, signal, failing })) ?? [];
  for (const change of changes) await change.apply(bed.host());
  return changes;
}
