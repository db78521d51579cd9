import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CommandResult } from '../core/host.ts';

/**
 * Looks of the docker program that the engine's HTTP API (v1.40 and later) answers directly over its socket. Starting
 * the program costs a tenth of a second of processor time each, and a verify looks some twenty times. What is not
 * known here, and every trouble with the socket, goes to the program, whose messages the operator knows.
 */
export interface EngineApi {
  /** The command's result, or undefined when the program must be asked. */
  look(argv: readonly string[], timeoutMs: number): Promise<CommandResult | undefined>;
}

interface Answer {
  readonly status: number;
  /** When it was given, by the engine's clock, as HTTP says it (RFC 9110, section 6.6.1). */
  readonly date: string | undefined;
  readonly body: Buffer;
}

type Json = Record<string, unknown>;

const ok = (stdout: string): CommandResult => ({ code: 0, stdout, stderr: '' });
const refused = (stderr: string): CommandResult => ({ code: 1, stdout: '', stderr });

/** The local engine's API; the socket is found as the docker program finds it, remote engines are left to it. */
export function engineApi(env: Readonly<Record<string, string | undefined>> = process.env): EngineApi {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, timeout: 2_000 });
  let socket: Promise<string | undefined> | undefined;
  const call = (
    path: string,
    method: 'GET' | 'POST',
    body: Json | undefined,
    timeoutMs: number,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers =
        text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      socket?.then((socketPath) => {
        const outgoing = request(
          { socketPath, path, method, agent, headers: { host: 'docker', ...headers } },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                date: response.headers.date,
                body: Buffer.concat(chunks),
              }),
            );
            response.on('error', reject);
          },
        );
        outgoing.setTimeout(timeoutMs, () =>
          outgoing.destroy(new Error('the engine does not answer in time')),
        );
        outgoing.on('error', reject);
        outgoing.end(text);
      }, reject);
    });
  return {
    async look(argv, timeoutMs) {
      socket ??= localSocket(env);
      if ((await socket) === undefined) return undefined;
      const known = translate(argv);
      if (!known) return undefined;
      try {
        return await known((path, method = 'GET', body) => call(path, method, body, timeoutMs));
      } catch {
        return undefined;
      }
    },
  };
}

/** The socket's path; undefined when the docker program would talk to another place than a local socket. */
async function localSocket(env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  if (env.DOCKER_CONTEXT) return undefined;
  if (env.DOCKER_HOST) return env.DOCKER_HOST.startsWith('unix://') ? env.DOCKER_HOST.slice(7) : undefined;
  const config = join(env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json');
  const text = await readFile(config, 'utf8').catch(() => '{}');
  try {
    const { currentContext } = JSON.parse(text) as { currentContext?: string };
    return currentContext === undefined || currentContext === 'default' ? '/var/run/docker.sock' : undefined;
  } catch {
    return undefined;
  }
}

type Call = (path: string, method?: 'GET' | 'POST', body?: Json) => Promise<Answer>;
type Look = (call: Call) => Promise<CommandResult | undefined>;

/** The API calls for one command line, or undefined when it is none of the known forms. */
function translate([program, ...words]: readonly string[]): Look | undefined {
  if (program !== 'docker') return undefined;
  const line = words.join(' ');
  const name = words.at(-1) ?? '';
  if (line === 'info --format {{json .}}')
    return (call) => one(call, '/info', (json) => JSON.stringify(json));
  if (line === 'ps --all --no-trunc --quiet' || line.startsWith('ps --all --no-trunc --quiet --filter '))
    return listContainers(words.slice(4));
  if (line.startsWith('inspect --type container ')) {
    return (call) =>
      several(
        call,
        words.slice(3).map((id) => `/containers/${encodeURIComponent(id)}/json`),
      );
  }
  if (words.length === 3 && line.startsWith('image inspect ')) {
    return (call) => several(call, [`/images/${name}/json`], `Error: No such image: ${name}`);
  }
  if (line.startsWith('network inspect ')) {
    const paths = words.slice(2).map((id) => `/networks/${encodeURIComponent(id)}`);
    return (call) => several(call, paths, words.length === 3 ? `Error: No such network: ${name}` : undefined);
  }
  if (line === 'network ls --quiet') {
    return async (call) => {
      const { status, body } = await call('/networks');
      if (status !== 200) return undefined;
      return ok(
        (JSON.parse(body.toString()) as { Id: string }[]).map((network) => `${network.Id}\n`).join(''),
      );
    };
  }
  if (words.length === 5 && line.startsWith('volume inspect --format {{.Mountpoint}} ')) {
    return (call) => one(call, `/volumes/${encodeURIComponent(name)}`, (json) => `${json.Mountpoint}\n`);
  }
  if (line.startsWith('volume ls --quiet --filter ')) return listVolumes(words.slice(3));
  if (words.length === 4 && line.startsWith('logs --since ')) return log(name, words[2] as string);
  if (words[0] === 'exec') return execute(words.slice(1));
  return undefined;
}

async function one(
  call: Call,
  path: string,
  show: (json: Json) => string,
): Promise<CommandResult | undefined> {
  const { status, body } = await call(path);
  return status === 200 ? ok(show(JSON.parse(body.toString()) as Json)) : undefined;
}

/** Several inspections as the array that the program prints; `missing` is what it says of a 404. */
async function several(
  call: Call,
  paths: readonly string[],
  missing?: string,
): Promise<CommandResult | undefined> {
  const answers = await Promise.all(paths.map((path) => call(path)));
  if (missing !== undefined && answers[0]?.status === 404) return refused(missing);
  if (answers.some((a) => a.status !== 200)) return undefined;
  return ok(`[${answers.map((a) => a.body.toString()).join(',')}]`);
}

/** `--filter label=K=V` pairs, and nothing else, as the API takes them. */
function labelFilters(words: readonly string[]): string | undefined {
  const labels: string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1];
    if (words[i] !== '--filter' || !value?.startsWith('label=')) return undefined;
    labels.push(value.slice(6));
  }
  return encodeURIComponent(JSON.stringify({ label: labels }));
}

function listVolumes(words: readonly string[]): Look | undefined {
  const filters = labelFilters(words);
  if (filters === undefined) return undefined;
  return async (call) => {
    const { status, body } = await call(`/volumes?filters=${filters}`);
    if (status !== 200) return undefined;
    const { Volumes } = JSON.parse(body.toString()) as { Volumes: { Name: string }[] | null };
    const names = (Volumes ?? []).map((volume) => `${volume.Name}\n`);
    return ok(names.sort().join(''));
  };
}

function listContainers(words: readonly string[]): Look | undefined {
  const filters = labelFilters(words);
  if (filters === undefined) return undefined;
  return async (call) => {
    const { status, body } = await call(`/containers/json?all=1&filters=${filters}`);
    if (status !== 200) return undefined;
    return ok((JSON.parse(body.toString()) as { Id: string }[]).map((c) => `${c.Id}\n`).join(''));
  };
}

/** `logs --since Ns CONTAINER`: both streams, as the engine keeps them apart for a container without a terminal. */
function log(container: string, since: string): Look | undefined {
  const seconds = /^(\d+)s$/.exec(since)?.[1];
  if (seconds === undefined) return undefined;
  return async (call) => {
    // Lines are dated by the engine's clock, which need not be the one of this process.
    const { date } = await call('/_ping');
    const now = Date.parse(date ?? '') / 1000;
    if (Number.isNaN(now)) return undefined;
    const { status, body } = await call(
      `/containers/${encodeURIComponent(container)}/logs?stdout=1&stderr=1&since=${now - Number(seconds)}`,
    );
    // A container with a terminal has one raw stream instead; the program tells them apart.
    if (status !== 200 || (body.length > 0 && !isMultiplexed(body))) return undefined;
    return { code: 0, ...separate(body) };
  };
}

/** `exec [--user U] CONTAINER COMMAND…` without input or terminal. */
function execute(words: readonly string[]): Look | undefined {
  const user = words[0] === '--user' ? words[1] : undefined;
  const [container, ...command] = words.slice(user === undefined ? 0 : 2);
  if (container === undefined || container.startsWith('-') || command.length === 0) return undefined;
  return async (call) => {
    const options = {
      AttachStdout: true,
      AttachStderr: true,
      Cmd: command,
      ...(user === undefined ? {} : { User: user }),
    };
    const created = await call(`/containers/${encodeURIComponent(container)}/exec`, 'POST', options);
    if (created.status !== 201) return undefined;
    const { Id } = JSON.parse(created.body.toString()) as { Id: string };
    const started = await call(`/exec/${Id}/start`, 'POST', { Detach: false, Tty: false });
    const { stdout, stderr } = separate(started.body);
    const ExitCode = await exitCode(call, Id);
    // 126 and 127: the program in the container could not be started; the engine says why in the answer's text.
    if (started.status !== 200) return { code: ExitCode ?? 126, stdout: '', stderr: started.body.toString() };
    return ExitCode === null ? undefined : { code: ExitCode, stdout, stderr };
  };
}

/** The exit code; the stream may close a moment before the engine has written it down. */
async function exitCode(call: Call, id: string): Promise<number | null> {
  for (let tries = 0; tries < 40; tries++) {
    const { body } = await call(`/exec/${id}/json`);
    const state = JSON.parse(body.toString()) as { Running: boolean; ExitCode: number | null };
    if (!state.Running && state.ExitCode !== null) return state.ExitCode;
    await new Promise((done) => setTimeout(done, 25));
  }
  return null;
}

/** True when it begins with a frame's header: the stream's number and three bytes of zero. */
const isMultiplexed = (stream: Buffer): boolean =>
  (stream[0] ?? 9) <= 2 && stream[1] === 0 && stream[2] === 0 && stream[3] === 0;

/** Takes the engine's multiplexed stream apart: 8 bytes of header (stream, length), then the payload. */
function separate(stream: Buffer): { stdout: string; stderr: string } {
  const parts: [Buffer[], Buffer[]] = [[], []];
  for (let at = 0; at + 8 <= stream.length; ) {
    const length = stream.readUInt32BE(at + 4);
    parts[stream[at] === 2 ? 1 : 0].push(stream.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return { stdout: Buffer.concat(parts[0]).toString(), stderr: Buffer.concat(parts[1]).toString() };
}
