/** What the proxy's controls share: the running container, where it listens, and who it takes us for. */
import { randomUUID } from 'node:crypto';
import type { HostReader, HttpRequest, HttpResult } from '../../src/core/host.ts';
import { type InspectContext, unknown, type Verdict } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { IN_CADDY, publicOrigin } from '../shared/caddy.ts';
import { addressOn, type Container, containerOf, docker, execIn } from '../shared/docker.ts';
import { inRange } from '../shared/grammar.ts';
import { NETWORK, SERVICE } from '../shared/layout.ts';

/** The answers this step may read. */
export const NEEDS = [
  'domain',
  'tls',
  'acmeEmail',
  'acmeDirectory',
  'acmeRoot',
  'tlsCertificate',
  'tlsKey',
  'adminRanges',
  'publicPaths',
  'listenAddress',
  'httpPort',
  'httpsPort',
  'maxUploadMb',
  'projectName',
  'proxyImage',
] as const satisfies readonly (keyof Answers)[];
export type ProxyAnswers = Pick<Answers, (typeof NEEDS)[number]>;
export type Context = InspectContext<ProxyAnswers>;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** A running proxy and the addresses that reach it. */
export interface Running {
  readonly container: Container;
  /** Where the published ports answer on this host; undefined when the port is not published. */
  readonly https: Endpoint | undefined;
  readonly http: Endpoint | undefined;
  /** On the edge network: reached from this host without any publishing. */
  readonly inside: string | undefined;
}

/** The published address of a container port, as a client on this host reaches it. */
export function published(container: Container, port: number): Endpoint | undefined {
  const bindings = container.NetworkSettings.Ports[`${port}/tcp`] ?? [];
  const binding = bindings.find((b) => !b.HostIp.includes(':')) ?? bindings[0];
  if (!binding) return undefined;
  const everywhere = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '::': '::1' }[binding.HostIp];
  return { host: everywhere ?? binding.HostIp, port: Number(binding.HostPort) };
}

/** The proxy, when it runs. Throws when Docker does not answer. */
export async function running({ host, answers }: Context): Promise<Running | undefined> {
  const container = await containerOf(host, answers.projectName, SERVICE.proxy);
  if (!container?.State.Running || container.State.Restarting || container.State.Paused) return undefined;
  return {
    container,
    https: published(container, 443),
    http: published(container, 80),
    inside: addressOn(container, answers.projectName, NETWORK.edge),
  };
}

/** Looks only when the proxy runs and publishes HTTPS; otherwise the control waits for `proxy.up`. */
export async function whenUp(
  context: Context,
  look: (proxy: Running & { readonly https: Endpoint }) => Promise<Verdict>,
): Promise<Verdict> {
  const proxy = await running(context);
  if (!proxy) return unknown('the proxy is not running', 'proxy.up');
  const { https } = proxy;
  if (!https) return unknown('the proxy publishes no HTTPS port', 'proxy.up');
  try {
    return await look({ ...proxy, https });
  } catch (error) {
    // A proxy that starts again and again was up a moment ago: what is looked for inside is away with it.
    if (!STOPPED.test((error as Error).message)) throw error;
    return unknown('the proxy stopped while it was looked at', 'proxy.up');
  }
}

/** What the engine says of a command in a container that is between two starts. */
const STOPPED = /\bis (restarting|not running)\b/i;

/** What a request to the proxy under its own name must know. */
export interface Site {
  readonly host: HostReader;
  readonly answers: Pick<ProxyAnswers, 'domain' | 'httpsPort'>;
}

/** One HTTPS request to the proxy under its own name. The certificate is judged elsewhere. */
export function ask(
  { host, answers }: Site,
  connectTo: Endpoint,
  path: string,
  options: Partial<Pick<HttpRequest, 'method' | 'headers' | 'body' | 'localAddress'>> = {},
): Promise<HttpResult> {
  return host.http({
    method: 'GET',
    origin: publicOrigin(answers),
    path,
    connectTo,
    insecure: true,
    reuse: true,
    timeoutMs: 5_000,
    ...options,
  });
}

/** One way to reach the proxy from this host, with the address that the proxy's own log names for us. */
export interface Vantage {
  readonly connectTo: Endpoint;
  /** The socket's own source address. */
  readonly local: string;
  /** `remote_ip` in the access log; undefined when the request was not found there. */
  readonly seen: string | undefined;
  /** In one of the ranges that may open the console. */
  readonly allowed: boolean;
}

const plain = (address: string) => address.replace(/^::ffff:/, '');

/** Where to try from: loopback, each of this host's own IPv4 addresses, and straight to the container. */
function places(host: HostReader, proxy: Running, https: Endpoint): Endpoint[] {
  const everywhere = https.host === '127.0.0.1' || https.host === '::1';
  const bound = (proxy.container.NetworkSettings.Ports['443/tcp'] ?? []).some((b) =>
    ['', '0.0.0.0', '::'].includes(b.HostIp),
  );
  const own =
    everywhere && bound
      ? host
          .addresses()
          .filter((a) => a.family === 4 && !/^(lo$|docker|br-[0-9a-f]{12}$|veth|cni|virbr)/.test(a.interface))
          .map((a) => ({ host: a.address, port: https.port }))
      : [];
  const direct = proxy.inside === undefined ? [] : [{ host: proxy.inside, port: 443 }];
  return [https, ...own.slice(0, 8), ...direct];
}

export interface Vantages {
  readonly all: readonly Vantage[];
  /** Ways in whose address is in none of the allowed ranges: where attacks come from. */
  readonly outside: readonly Vantage[];
  readonly inside: readonly Vantage[];
  /** Ways that did not answer, or whose request the log does not show. */
  readonly missing: readonly string[];
  /** Ways that answered without the log showing the request: the proxy writes no access log. */
  readonly unlogged: readonly string[];
}

/**
 * Makes one marked request each way and reads in the proxy's access log which address it saw. Shared: every
 * attack starts from an address that is proven not to be allowed.
 */
export function vantages(context: Context, proxy: Running & { readonly https: Endpoint }): Promise<Vantages> {
  const { host, answers } = context;
  return host.once(`proxy vantages ${answers.projectName}`, async () => {
    const marker = `/corecube-secure-look-${randomUUID()}`;
    const tried = await Promise.all(
      places(host, proxy, proxy.https).map(async (connectTo, index) => {
        const path = `${marker}-${index}`;
        return { connectTo, path, result: await ask(context, connectTo, path) };
      }),
    );
    const answered = tried.flatMap((t) =>
      t.result.ok ? [{ ...t, local: plain(t.result.localAddress) }] : [],
    );
    const seen = await seenBy(host, proxy.container, marker, answered.length);
    const all = answered.map(({ connectTo, path, local }) => {
      const address = seen.get(path);
      const allowed = address !== undefined && answers.adminRanges.some((range) => inRange(address, range));
      return { connectTo, local, seen: address, allowed };
    });
    const unlogged = all.filter((v) => v.seen === undefined).map((v) => v.connectTo.host);
    const missing = [
      ...tried.flatMap((t) => (t.result.ok ? [] : [`${t.connectTo.host}: ${because(t.result.message)}`])),
      ...unlogged.map((place) => `${place} is not in the access log`),
    ];
    return {
      all,
      outside: all.filter((v) => v.seen !== undefined && !v.allowed),
      inside: all.filter((v) => v.allowed),
      missing,
      unlogged,
    };
  });
}

/** The address the access log names for each marked path. The log is written after the answer: asked again for a second. */
async function seenBy(
  host: HostReader,
  container: Container,
  marker: string,
  count: number,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let attempt = 0; attempt < 10 && found.size < count; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    const log = await docker(host, ['logs', '--since', '20s', container.Id]);
    if (log.code !== 0)
      throw new Error(`the proxy's log cannot be read: ${log.stderr.trim().split('\n').at(-1)}`);
    for (const line of `${log.stdout}\n${log.stderr}`.split('\n')) {
      if (!line.includes(marker)) continue;
      const entry = parseJson(line) as { request?: { uri?: string; remote_ip?: string } } | undefined;
      const { uri, remote_ip: address } = entry?.request ?? {};
      if (uri?.startsWith(marker) && address !== undefined) found.set(uri, plain(address));
    }
  }
  return found;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Vantages outside every allowed range, or the reason why nothing can be attacked from here. */
export async function outsiders(
  context: Context,
  proxy: Running & { readonly https: Endpoint },
): Promise<readonly Vantage[] | Verdict> {
  const { outside, missing, unlogged } = await vantages(context, proxy);
  if (outside.length > 0) return outside;
  const reason =
    missing.length > 0
      ? [...new Set(missing.map((m) => m.replace(/^[^ ]+: /, '')))].join('; ')
      : 'every address that this host can try from is in the allowed ranges';
  // What is to be repaired first is the log, or, where nobody gets through, the certificate.
  return unknown(
    `no attack can be made from here: ${reason}`,
    unlogged.length > 0 ? ACCESS_LOG : 'tls.certificate',
  );
}

/** The control that says whether requests are in the access log: it tells which address the proxy saw. */
export const ACCESS_LOG = 'proxy.access-log';

export const isVerdict = (value: readonly Vantage[] | Verdict): value is Verdict => 'is' in value;

/** `127.0.0.1 (seen as 172.20.0.1)`. */
export const describeVantage = (v: Vantage): string =>
  v.seen === undefined || v.seen === v.local ? v.local : `${v.local} (seen as ${v.seen})`;

/** A network of Docker as `docker network inspect` tells it. */
export interface Network {
  readonly Name: string;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Config: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null;
  };
}

/** The edge network; undefined when it does not exist. */
export function edgeNetwork(context: Context): Promise<Network | undefined> {
  const name = `${context.answers.projectName}_${NETWORK.edge}`;
  return context.host.once(`network ${name}`, async () => {
    const result = await docker(context.host, ['network', 'inspect', name]);
    if (result.code !== 0) {
      if (/no such network|not found/i.test(result.stderr)) return undefined;
      throw new Error(`docker network inspect failed: ${result.stderr.trim()}`);
    }
    return (JSON.parse(result.stdout) as Network[])[0];
  });
}

/** The configuration that runs, as Caddy's admin endpoint (loopback inside the container) gives it. */
export function runningConfig(host: HostReader, container: Container): Promise<unknown> {
  return host.once(`caddy config ${container.Id}`, async () => {
    const url = 'http://127.0.0.1:2019/config/';
    const result = await execIn(host, container, ['wget', '-q', '-O', '-', url]);
    if (result.code !== 0)
      throw new Error(`Caddy's admin endpoint does not answer: ${lastLine(result.stderr)}`);
    return JSON.parse(result.stdout);
  });
}

/**
 * What Caddy makes of the Caddyfile it is given; a text when it refuses it.
 * @throws when Caddy itself could not be asked
 */
export async function adaptedConfig(
  host: HostReader,
  container: Container,
): Promise<{ config: unknown } | { refused: string }> {
  const argv = ['caddy', 'adapt', '--config', IN_CADDY.config, '--adapter', 'caddyfile'];
  const result = await execIn(host, container, argv);
  // Caddy ends with 1 and an error of its own; whatever else ended the command says nothing of the file.
  if (result.code === 1 && /^error: /im.test(result.stderr)) return { refused: lastLine(result.stderr) };
  if (result.code !== 0)
    throw new Error(`caddy adapt ended with ${result.code}: ${lastLine(result.stderr) || 'no word'}`);
  return { config: JSON.parse(result.stdout) };
}

/** The reason of a failed connection in one line: OpenSSL's addresses and source lines are left out. */
export function because(message: string): string {
  const alert = /alert ([a-z ]+)/.exec(message)?.[1]?.trim();
  if (alert === 'internal error') return 'the proxy has no certificate for this name (alert: internal error)';
  return alert === undefined
    ? (message.trim().split('\n')[0] ?? '')
    : `the proxy answers with an alert: ${alert}`;
}

export const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? '';

/** Stable text of a JSON value: object keys in order, so that two values can be compared. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
