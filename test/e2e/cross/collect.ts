/** Gathers what the judges look at, from an install that runs on a test host. Only looks. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { BedHost } from '../../bed/index.ts';
import { type Install, secretsOf } from '../support.ts';
import type { DockerFacts, Inspected, Subject } from './docker-cis.ts';
import { FACTS_SQL, type PostgresFacts } from './postgres-cis.ts';

/** One container of the install, by service. */
type Containers = Readonly<Record<string, string>>;

export async function containersOf(install: Install): Promise<Containers> {
  const text = await install.host.out([
    'docker',
    'ps',
    '--filter',
    `label=com.docker.compose.project=${install.project}`,
    '--format',
    '{{.Label "com.docker.compose.service"}} {{.ID}}',
  ]);
  const pairs = text
    .trim()
    .split('\n')
    .sort()
    .map((line) => line.split(' ') as [string, string]);
  return Object.fromEntries(pairs);
}

/** @param during runs while the engine's exec events are watched */
export async function dockerFacts(install: Install, during: () => Promise<unknown>): Promise<DockerFacts> {
  const { host } = install;
  const execs = await execsDuring(host, during);
  const info = JSON.parse(await host.out(['docker', 'info', '--format', '{{json .}}'])) as {
    Swarm: { LocalNodeState: string };
    SecurityOptions: readonly string[] | null;
  };
  const containers = Object.entries(await containersOf(install));
  return {
    subjects: await Promise.all(containers.map(([service, id]) => subject(host, service, id))),
    swarm: info.Swarm.LocalNodeState,
    security: (info.SecurityOptions ?? []).map((o) => /name=([a-z]+)/.exec(o)?.[1] ?? o),
    contentTrust: process.env.DOCKER_CONTENT_TRUST === '1',
    execs,
    secrets: Object.values(await secretsOf(install)),
  };
}

async function subject(host: BedHost, service: string, id: string): Promise<Subject> {
  const [inspected] = JSON.parse(await host.out(['docker', 'inspect', id])) as [Inspected];
  const { Image } = inspected.Config;
  const [image] = JSON.parse(await host.out(['docker', 'image', 'inspect', Image])) as [
    { Config: { Env?: string[]; Healthcheck?: { Test?: string[] } }; RepoDigests: string[] },
  ];
  const status = await host.out(['cat', `/proc/${inspected.State.Pid}/status`]);
  const top = await host.out(['docker', 'top', id, '-eo', 'pid,args']);
  const tree =
    'set -o pipefail; docker export "$0" | tar -tv | awk \'$1 ~ /^-..[sS]|^-.....[sS]/ { print $NF }\'';
  return {
    service,
    inspected,
    status: Object.fromEntries(
      status
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(/:\s*/, 2) as [string, string]),
    ),
    processes: top.trim().split('\n').slice(1),
    setuid: (await host.out(['bash', '-c', tree, id])).split('\n').filter(Boolean).sort(),
    image: {
      healthcheck: (image.Config.Healthcheck?.Test ?? []).length > 0,
      env: image.Config.Env ?? [],
      running: Image.split('@')[1] ?? 'not pinned',
      newest: await newestDigest(host, Image),
    },
  };
}

/** What the registry has under the reference's tag now, by its own API. */
async function newestDigest(host: BedHost, reference: string): Promise<string> {
  const [name = '', tag = 'latest'] = (reference.split('@')[0] ?? '').split(':');
  const path = name.includes('/') ? name : `library/${name}`;
  const types = ['docker.distribution.manifest.v2', 'docker.distribution.manifest.list.v2'].map(
    (t) => `application/vnd.${t}+json`,
  );
  const head = await host.out([
    'curl',
    '-sSfI',
    '-H',
    `Accept: ${types.join(', ')}, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json`,
    `http://127.0.0.1:5000/v2/${path}/manifests/${tag}`,
  ]);
  return /^docker-content-digest:\s*(\S+)/im.exec(head)?.[1] ?? 'unknown';
}

/** Every program that anybody started in a container meanwhile, as the engine remembers it. */
async function execsDuring(host: BedHost, during: () => Promise<unknown>): Promise<DockerFacts['execs']> {
  const seconds = () => (Date.now() / 1000).toFixed(3);
  const from = seconds();
  await during();
  const until = seconds();
  const events = await host.out([
    'docker',
    'events',
    '--since',
    from,
    '--until',
    until,
    '--filter',
    'event=exec_create',
    '--format',
    '{{.Actor.Attributes.execID}}',
  ]);
  const ids = events.trim().split('\n').filter(Boolean);
  return Promise.all(
    ids.map(async (id) => {
      const { ProcessConfig: p } = (await engine(host.socket, `/exec/${id}/json`)) as {
        ProcessConfig: { user?: string; privileged?: boolean; entrypoint: string; arguments: string[] };
      };
      return {
        user: p.user ?? '',
        privileged: p.privileged ?? false,
        command: [p.entrypoint, ...p.arguments].join(' '),
      };
    }),
  );
}

function engine(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, headers: { host: 'docker' } }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(JSON.parse(text))
          : reject(new Error(`${path}: ${response.statusCode} ${text}`)),
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Looks inside the database's container; one `name=value` a line, lists with one line for each entry. */
const LOOK = `
echo "umask=$(awk '/^Umask/ { print $2 }' /proc/1/status)"
echo "dataMode=$(stat -c %a /var/lib/postgresql/data)"
[ -w /etc/postgresql/custom/pg_hba.conf ] && echo rulesWritable=yes
[ -w "$(pg_config --sharedir 2>/dev/null || ls -d /usr/share/postgresql/*/)extension" ] && echo extensionsWritable=yes
echo "socketDirectoryMode=$(stat -c %a /run/postgresql)"
for f in /root /var/lib/postgresql /var/lib/postgresql/data /tmp /home/*; do
  for n in .psql_history .pgpass .pg_service.conf; do [ -e "$f/$n" ] && echo "traces=$f/$n"; done
done
grep -ls PGPASSWORD /etc/profile /etc/environment /etc/bash.bashrc /root/.* /var/lib/postgresql/.* 2>/dev/null | sed 's/^/traces=PGPASSWORD in /'
for p in /proc/[0-9]*; do
  [ "$p" = "/proc/$$" ] && continue
  tr '\\0' '\\n' <"$p/environ" 2>/dev/null | grep -q '^PGPASSWORD=' && echo "passwordVariables=$p"
  echo "commandLines=$(tr '\\0' ' ' <"$p/cmdline" 2>/dev/null)"
done
command -v sudo >/dev/null && echo sudo=yes
[ "$(cat /proc/sys/crypto/fips_enabled 2>/dev/null)" = 1 ] && echo fips=yes
command -v pgbackrest >/dev/null && echo backupTool=yes
true`;

export async function postgresFacts(install: Install): Promise<PostgresFacts> {
  const sql = JSON.parse(await install.sql(FACTS_SQL)) as Omit<PostgresFacts, 'files'>;
  const container = await install.container('pgvector');
  const text = await install.host.out(['docker', 'exec', container, 'bash', '-c', LOOK]);
  const found = new Map<string, string[]>();
  for (const line of text.split('\n').filter(Boolean)) {
    const at = line.indexOf('=');
    const name = line.slice(0, at);
    found.set(name, [...(found.get(name) ?? []), line.slice(at + 1).trim()]);
  }
  const one = (name: string) => {
    const [value] = found.get(name) ?? [];
    if (!value) throw new Error(`the container does not tell ${name}`);
    return value;
  };
  const all = (name: string) => (found.get(name) ?? []).filter(Boolean);
  const is = (name: string) => found.has(name);
  return {
    ...sql,
    files: {
      umask: one('umask'),
      dataMode: one('dataMode'),
      socketDirectoryMode: one('socketDirectoryMode'),
      rulesWritable: is('rulesWritable'),
      extensionsWritable: is('extensionsWritable'),
      traces: all('traces'),
      passwordVariables: all('passwordVariables'),
      commandLines: all('commandLines').filter((line) => !line.includes('passwordVariables')),
      sudo: is('sudo'),
      fips: is('fips'),
      backupTool: is('backupTool'),
    },
  };
}

/** One finding of testssl.sh, as it writes them with `--jsonfile`. */
export interface TestsslFinding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** The findings of a testssl.sh run that has ended. */
export async function readFindings(dir: string, name: string): Promise<readonly TestsslFinding[]> {
  return JSON.parse(await readFile(join(dir, `${name}.json`), 'utf8')) as TestsslFinding[];
}
