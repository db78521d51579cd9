/**
 * An install in memory: files with times, a journal and a report as the engine leaves them, and an engine with containers
 * whose declarations are hashed as Compose does it: from what the files say.
 */
import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { resolveAll } from '../../src/core/answers.ts';
import type { CommandOptions, HostReader, SqlResult } from '../../src/core/host.ts';
import type { Answered } from '../../src/core/question.ts';
import type { Drift, Finding } from '../../src/core/report.ts';
import { Secret } from '../../src/core/secret.ts';
import { desiredText } from '../../steps/compose/render.ts';
import { explainDrift } from '../../steps/drift.ts';
import { type Answers, questions } from '../../steps/questions.ts';
import { renderCaddyfile } from '../../steps/shared/caddy.ts';
import { VERSION } from '../../steps/shared/version.ts';
import hba from '../../templates/pg_hba.conf?raw';

export const DIR = '/srv/corecube';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
/** Minutes after the install was begun. */
export const at = (minutes: number): Date => new Date(Date.parse('2026-11-24T10:00:00Z') + minutes * 60_000);

interface File {
  text: string;
  mode: number;
  uid: number;
  modified: Date;
  changed: Date;
  kind?: 'symlink';
}

interface FakeContainer {
  service: string;
  /** What it was created from, as Compose's label has it. */
  hash: string;
  created: Date;
  files: readonly string[];
  image: string;
  version: string;
  env: readonly string[];
  labels: Readonly<Record<string, string>>;
  host: Readonly<Record<string, unknown>>;
  state: Readonly<Record<string, unknown>>;
  /** Names of the networks that it joins. */
  networks: readonly string[];
  /** Paths of the host that are mounted. */
  mounts: readonly string[];
}

export const RAW: Readonly<Record<string, string | string[]>> = {
  image: 'corecube/corecube:v1',
  release: 'v1',
  domain: 'corecube.test',
  tls: 'internal',
  adminRanges: ['198.51.100.7/32'],
  adminEmail: 'operator@corecube.test',
};

/** Answers as the engine hands them on. */
export function answered(change: Readonly<Record<string, string | string[]>> = {}): Map<string, Answered> {
  const known = new Map(
    Object.entries({ ...RAW, ...change }).map(([id, raw]) => [
      id,
      { raw, source: 'answers file' as const, where: id },
    ]),
  );
  const { answers, problems } = resolveAll(questions, Object.keys(questions), known);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return answers;
}

const values = (answers: ReadonlyMap<string, Answered>) =>
  Object.fromEntries([...answers].map(([id, { value }]) => [id, value])) as unknown as Answers;

/** A configuration as Caddy makes one: comments do not matter, TLS has places of its own. */
function adapted(text: string): string {
  const lines = text.split('\n').filter((line) => !line.trim().startsWith('#'));
  const isTls = (line: string) => line.includes('protocols tls');
  const http = { routes: lines.filter((line) => !isTls(line)), tls_connection_policies: lines.filter(isTls) };
  return JSON.stringify({
    apps: { http, tls: { automation: lines.filter((line) => /acme|internal/.test(line)) } },
  });
}

export class DriftHost {
  readonly files = new Map<string, File>();
  readonly journal: Record<string, unknown>[] = [];
  readonly containers: FakeContainer[] = [];
  /** Every command that was asked for. */
  readonly asked: string[][] = [];
  answers = answered();
  composeVersion = '2.40.3';
  /** Ids of the local images, by reference. */
  readonly images = new Map<string, string>();
  /** The Caddyfile that Caddy has loaded. */
  loaded = '';
  /** Whether the engine routes nothing out of the internal network. */
  internal = true;
  /** What a connection to the database gives. */
  sql: SqlResult = { ok: false, at: 'connect', code: 'ECONNREFUSED', message: 'nothing listens' };

  /** An install that was applied and proved: files, containers, journal, report, answers. */
  static async applied(proved: readonly string[]): Promise<DriftHost> {
    const host = new DriftHost();
    host.log(0, { event: 'run-start', mode: 'apply' });
    host.write('secrets/encryption_key', 'ab'.repeat(32), 1, { mode: 0o600, uid: 1000 });
    for (const change of ['encryption-key.directory', 'encryption-key.create', 'encryption-key.check-value'])
      host.log(1, { event: 'change-done', change });
    host.write('.corecube-secure/key-check.json', '{}', 1, { mode: 0o600 });
    await host.render(2);
    host.write(
      '.env',
      `PGVECTOR_APP_URL=postgresql://corecube_app:${'p'.repeat(24)}@pgvector/corecube\n`,
      3,
      { mode: 0o600 },
    );
    for (const change of [
      'database.urls',
      'database.access-rules',
      'database.roles',
      'database.superuser-password',
    ])
      host.log(4, { event: 'change-done', change });
    for (const service of ['pgvector', 'corecube', 'caddy']) host.create(service, 5);
    host.loaded = host.text('caddy/Caddyfile');
    for (const change of ['database.start', 'services.start-corecube', 'proxy.write-config', 'proxy.start'])
      host.log(6, { event: 'change-done', change });
    host.finish(7, proved);
    return host;
  }

  /** Writes the rendered files for today's answers, as a change does. */
  async render(minute: number, version = VERSION): Promise<void> {
    const now = values(this.answers);
    const files = {
      'compose.yaml': await desiredText(this.reader(), now),
      'caddy/Caddyfile': renderCaddyfile(now),
      'postgres/pg_hba.conf': hba,
    };
    for (const [path, text] of Object.entries(files)) {
      this.write(path, text, minute);
      this.log(minute, { event: 'wrote', path, sha256: sha256(text), version });
    }
    this.log(minute, { event: 'change-done', change: 'compose.write' });
  }

  /** The end of an apply: report and saved answers. */
  finish(minute: number, proved: readonly string[], version = VERSION): void {
    this.log(minute, { event: 'run-end', mode: 'apply', exit: 0 });
    const shown = [...this.answers].map(([question, { raw }]) => ({
      question,
      value: raw === undefined ? '(none)' : typeof raw === 'string' ? raw : raw.join(', '),
      source: 'default',
    }));
    const findings = proved.map((control) => ({ control, verdict: { is: 'pass', observed: '' } }));
    const report = {
      schema: 1,
      tool: { name: 'x', version },
      mode: 'apply',
      finishedAt: at(minute).toISOString(),
      answers: shown,
      steps: [{ id: 'all', findings }],
    };
    this.write('.corecube-secure/report.json', JSON.stringify(report), minute, { mode: 0o600 });
    const saved = Object.fromEntries(
      [...this.answers].flatMap(([id, { raw }]) => (raw === undefined ? [] : [[id, raw]])),
    );
    this.write('.corecube-secure/answers.yaml', JSON.stringify(saved), minute, { mode: 0o600 });
  }

  log(minute: number, entry: Record<string, unknown>): void {
    this.journal.push({ time: at(minute).toISOString(), ...entry });
  }

  write(path: string, text: string, minute: number, more: Partial<File> = {}): void {
    const times = { modified: at(minute), changed: at(minute) };
    this.files.set(path, { mode: 0o644, uid: 0, ...this.files.get(path), text, ...times, ...more });
  }

  text(path: string): string {
    return this.files.get(path)?.text ?? '';
  }

  edit(path: string, from: string, to: string, minute = 60): void {
    if (!this.text(path).includes(from)) throw new Error(`${path} holds no ${from}`);
    this.write(
      path,
      this.text(path).replace(from, () => to),
      minute,
    );
  }

  /** A container as Compose creates it from the files of now. */
  create(service: string, minute: number, more: Partial<FakeContainer> = {}): FakeContainer {
    const files = [
      'compose.yaml',
      ...(this.files.has('compose.override.yaml') ? ['compose.override.yaml'] : []),
    ];
    const model = this.model(files.map((f) => this.text(f)));
    const declared = model[service] ?? {};
    const container: FakeContainer = {
      service,
      hash: this.hash(service, model),
      created: at(minute),
      files: files.map((f) => `${DIR}/${f}`),
      image: `sha256:${sha256(String(declared.image))}`,
      version: this.composeVersion,
      env: [...Object.entries((declared.environment as object | undefined) ?? {}), ...this.env()]
        .filter(([name]) => service === 'corecube' && name !== '')
        .map((pair) => pair.join('=')),
      labels: {},
      host: {
        ReadonlyRootfs: declared.read_only === true,
        RestartPolicy: { Name: declared.restart },
      },
      state: { Running: true, Status: 'running', StartedAt: at(minute).toISOString() },
      networks: ['corecube_internal'],
      mounts: [],
    };
    const { host: changed, ...rest } = more;
    Object.assign(container, rest, { host: { ...container.host, ...changed } });
    const old = this.containers.findIndex((c) => c.service === service);
    if (old >= 0) this.containers.splice(old, 1);
    this.containers.push(container);
    return container;
  }

  /** The cause of a failing control, with the same reader for all of one call. */
  async explain(control: string, observed = 'seen', answers = this.answers): Promise<Drift | undefined> {
    const finding = { control, verdict: { is: 'fail', observed, expected: 'else' } } as Finding;
    return explainDrift(finding, { host: this.reader(), answers, signal: new AbortController().signal });
  }

  private env(): ReadonlyMap<string, string> {
    return new Map(
      this.text('.env')
        .split('\n')
        .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
    );
  }

  /** Services after merging, lists as Compose makes maps of them. */
  private model(texts: readonly string[]): Record<string, Record<string, unknown>> {
    const merged: Record<string, Record<string, unknown>> = {};
    for (const text of texts)
      for (const [name, service] of Object.entries((parse(text) as { services?: object }).services ?? {}))
        merged[name] = { ...merged[name], ...(service as object) };
    return merged;
  }

  private hash(service: string, model: Record<string, Record<string, unknown>>): string {
    return sha256(JSON.stringify(model[service]) + (service === 'corecube' ? this.text('.env') : ''));
  }

  private compose(argv: readonly string[], input: string | undefined): string {
    const files = argv.flatMap((word, i) => (argv[i - 1] === '--file' ? [word] : []));
    const texts = files.map((f) => (f === '-' ? (input ?? '') : this.text(f.replace(`${DIR}/`, ''))));
    const model = this.model(texts);
    if (argv.includes('--hash'))
      return Object.keys(model)
        .map((name) => `${name} ${this.hash(name, model)}`)
        .join('\n');
    const services = Object.entries(model).map(([name, service]) => {
      const networks = (service.networks as string[] | undefined) ?? [];
      return [name, { ...service, networks: Object.fromEntries(networks.map((n) => [n, null])) }];
    });
    return JSON.stringify({
      name: 'corecube',
      services: Object.fromEntries(services),
      networks: Object.assign({}, ...texts.map((text) => parse(text)?.networks ?? {})),
    });
  }

  private inspect(c: FakeContainer): object {
    const labels = {
      'com.docker.compose.project': 'corecube',
      'com.docker.compose.service': c.service,
      'com.docker.compose.config-hash': c.hash,
      'com.docker.compose.version': c.version,
      'com.docker.compose.project.config_files': c.files.join(','),
      ...c.labels,
    };
    return {
      Id: sha256(c.service + c.created.toISOString()),
      Name: `/corecube-${c.service}-1`,
      Image: c.image,
      Created: c.created.toISOString(),
      RestartCount: 0,
      State: { Restarting: false, ExitCode: 0, OOMKilled: false, Pid: 0, ...c.state },
      Config: { User: '', Env: c.env, Image: '', Labels: labels },
      HostConfig: {
        NetworkMode: '',
        PidMode: '',
        IpcMode: '',
        LogConfig: { Type: 'json-file', Config: { 'max-size': '10m' } },
        ...c.host,
      },
      Mounts: c.mounts.map((Source) => ({ Type: 'bind', Source, Destination: Source, RW: false })),
      NetworkSettings: {
        Ports: {},
        Networks: Object.fromEntries(c.networks.map((name) => [name, { IPAddress: '10.0.0.2' }])),
      },
    };
  }

  private async query(argv: readonly string[], options: CommandOptions = {}) {
    this.asked.push([...argv]);
    const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });
    if (argv[0] === 'stat') {
      const file = this.files.get((argv.at(-1) ?? '').replace(`${DIR}/`, ''));
      if (!file) return { code: 1, stdout: '', stderr: 'no such file' };
      const date = argv.includes('%z') ? file.changed : file.modified;
      return ok(`${date.toISOString().slice(0, 23).replace('T', ' ')}000000 +0000\n`);
    }
    if (argv.includes('wget')) return ok(adapted(this.loaded));
    if (argv.includes('adapt')) {
      const text = argv.includes('-') ? (options.input as string) : this.text('caddy/Caddyfile');
      return text.includes('nonsense') ? { code: 1, stdout: '', stderr: 'refused' } : ok(adapted(text));
    }
    if (argv.includes('version')) return ok(`${this.composeVersion}-3\n`);
    if (argv[1] === 'compose') {
      try {
        return ok(this.compose(argv, options.input as string | undefined));
      } catch (error) {
        return { code: 15, stdout: '', stderr: `yaml: ${(error as Error).message.split('\n')[0]}` };
      }
    }
    if (argv[1] === 'network') return ok(`${this.internal}\n`);
    if (argv[1] === 'ps') return ok(this.containers.map((c) => c.service).join('\n'));
    if (argv[1] === 'inspect') return ok(JSON.stringify(this.containers.map((c) => this.inspect(c))));
    if (argv[1] === 'info') return ok('{"ServerVersion":"28.0","SecurityOptions":[]}');
    const [, , , reference = ''] = argv;
    const Id = this.images.get(reference);
    return Id === undefined
      ? { code: 1, stdout: '', stderr: 'Error: No such image' }
      : ok(JSON.stringify([{ Id, RepoDigests: [] }]));
  }

  /** A snapshot: what is asked for twice is looked at once. */
  reader(): HostReader {
    const looks = new Map<string, Promise<unknown>>();
    const found = (path: string) => this.files.get(path);
    const journal = () => this.journal.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    const read = async (path: string) =>
      path === '.corecube-secure/journal.jsonl' && this.journal.length > 0 ? journal() : found(path)?.text;
    return {
      dir: DIR,
      now: () => at(120),
      addresses: () => [],
      system: async () => ({ uid: 0, gid: 0 }),
      readText: read,
      readSecret: async (path: string) => {
        const text = await read(path);
        return text === undefined ? undefined : new Secret(text);
      },
      realPath: async (path: string) => path,
      stat: async (path: string) => {
        const file = found(path);
        if (file)
          return {
            kind: file.kind ?? 'file',
            mode: file.mode,
            uid: file.uid,
            gid: file.uid,
            size: file.text.length,
          };
        const isFolder = path === '.' || [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
        return isFolder ? { kind: 'directory', mode: 0o711, uid: 0, gid: 0, size: 0 } : undefined;
      },
      query: (argv: readonly string[], options?: CommandOptions) => this.query(argv, options),
      sql: async (_: unknown, statements: readonly unknown[]) => statements.map(() => this.sql),
      once: (key: string, look: () => Promise<unknown>) => {
        const shared = looks.get(key) ?? look();
        looks.set(key, shared);
        return shared;
      },
    } as unknown as HostReader;
  }
}
