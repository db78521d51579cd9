/** Lines that weaken a container beside the hardening of the guide: who it is, what it loads, whom it takes for whom. */
import type { ComposeModel, ComposeService } from '../shared/compose-project.ts';
import { APP_PORT, NETWORK, SERVICE } from '../shared/layout.ts';
import { declaredOver } from './programs.ts';
import type { Property } from './violations.ts';

type Found = readonly (readonly [property: Property, text: string])[];

const OURS: readonly string[] = Object.values(SERVICE);

/** Variables that load code into a program, open its debugger, or show what it sends (ld.so(8), Node.js CLI, Go runtime). */
const WEAKENING: readonly (readonly [name: RegExp, value: RegExp, what: string])[] = [
  [/^NODE_TLS_REJECT_UNAUTHORIZED$/, /^0$/, 'no certificate is verified'],
  [/^(PYTHONHTTPSVERIFY|GIT_SSL_VERIFY)$/, /^(0|false)$/i, 'no certificate is verified'],
  [/^(GIT_SSL_NO_VERIFY|DENO_TLS_CA_STORE_SKIP)$/, /./, 'no certificate is verified'],
  [/^PGSSLMODE$/, /^(disable|allow|prefer|require|verify-ca)$/, 'the database is not verified'],
  [/^LD_(PRELOAD|LIBRARY_PATH|AUDIT)$/, /./, 'foreign code is loaded'],
  [
    /^NODE_OPTIONS$/,
    /--(inspect|require|import|loader|experimental-loader|tls-min-v1\.[01]|insecure)|(^|\s)-r\s/,
    'foreign code, a debugger or old TLS is let in',
  ],
  [
    /^NODE_OPTIONS$/,
    /--(tls-keylog|trace-tls|heapsnapshot-(signal|near-heap-limit))/,
    'keys of its connections or of its memory are written down',
  ],
  [/^NODE_OPTIONS$/, /--openssl-(shared-)?config/, 'another configuration decides what OpenSSL loads'],
  [/^OPENSSL_(CONF|MODULES|ENGINES)$/, /./, 'another configuration decides what OpenSSL loads'],
  [/^BUN_(INSPECT|OPTIONS)$/, /./, 'foreign code or a debugger is let in'],
  [/^NODE_DEBUG$/, /\b(tls|http|http2|https|net)\b/, 'headers and keys go to the log'],
  [/^BUN_CONFIG_VERBOSE_FETCH$/, /^(?!(0|false)$)./i, 'headers and keys go to the log'],
  [/^GODEBUG$/, /\bhttp2debug=[12]\b/, 'headers and keys go to the log'],
  [/^SSLKEYLOGFILE$/, /./, 'the keys of its connections are written down'],
  [/^GODEBUG$/, /\b(tls|x509)/, 'old cryptography is let in'],
  [/^POSTGRES_HOST_AUTH_METHOD$/, /^(trust|password|md5)$/, 'the database asks for no SCRAM password'],
];

/** What names a proxy for plain HTTP, as Caddy reads it: the first that says something (Go, golang.org/x/net/http/httpproxy). */
const HTTP_PROXIES = ['HTTP_PROXY', 'http_proxy'] as const;
/** What such a list must hold so that CoreCube is asked directly. */
const DIRECTLY: readonly string[] = ['*', SERVICE.app, `${SERVICE.app}:${APP_PORT}`];

type Variables = Readonly<Record<string, string | null | undefined>>;

/**
 * The variable by which the proxy asks CoreCube through yet another proxy, which reads every password and key then;
 * undefined when it asks directly. Of a value nothing is said: it may hold a password.
 */
export function relayedBy(variables: Variables): string | undefined {
  const name = HTTP_PROXIES.find((variable) => variables[variable]);
  const direct = (variables.NO_PROXY || variables.no_proxy || '').split(',');
  return direct.some((entry) => DIRECTLY.includes(entry.trim().toLowerCase())) ? undefined : name;
}

/** Where Caddy keeps keys and its last configuration; elsewhere they are gone with the container, or lie open. */
const KEPT: readonly (readonly [variable: string, path: string])[] = [
  ['XDG_DATA_HOME', '/data'],
  ['XDG_CONFIG_HOME', '/config'],
];

/** Variables that send certificates and keys of the proxy past their volumes. */
export const keptElsewhere = (variables: Variables): readonly string[] =>
  KEPT.filter(([name, path]) => (variables[name] || path).replace(/(?<=.)\/+$/, '') !== path).map(
    ([name]) => name,
  );

/** What is wrong with the variables that the proxy is declared to have. */
function proxyVariables(given: Variables): readonly string[] {
  const relay = relayedBy(given);
  const open = HTTP_PROXIES.filter((name) => given[name] === undefined || given[name] === null);
  return [
    ...(relay === undefined
      ? []
      : [`has ${relay}, so that requests to ${SERVICE.app} go through another proxy`]),
    ...(open.length === 0 ? [] : [`leaves ${open.join(', ')} to the configuration of Docker's client`]),
  ];
}

/** Keys that replace the program of an image. */
export const NOT_OURS = ['entrypoint', 'command'] as const;

/** What a variable undoes; undefined when it undoes nothing that is known here. */
export const weakens = (name: string, value: string | null | undefined): string | undefined =>
  WEAKENING.find(([names, values]) => names.test(name) && values.test(value ?? ''))?.[2];

/** A health check that is content with anything: it never says that a service is ill. */
export const isEmptyCheck = (test: readonly string[] | string | null | undefined): boolean =>
  /^(\/?(usr\/)?(bin\/)?true|exit 0|:)$/.test(
    (typeof test === 'string' ? [test] : (test ?? []))
      .filter((word) => !/^CMD(-SHELL)?$/.test(word))
      .join(' ')
      .trim(),
  );

/**
 * Without a limit of its own Docker lets a container swap as much again as it has memory (resource constraints, `--memory-swap`).
 * @param memory bytes; 0: no limit
 */
export const swapsTooMuch = (memory: number, memoryAndSwap: number): boolean =>
  memoryAndSwap === -1 || (memory > 0 && memoryAndSwap > 2 * memory);

/** Names that a service is given by hand for another of ours: `corecube:203.0.113.9`, or `corecube=…`. */
export const namesByHand = (
  hosts: readonly string[] | Readonly<Record<string, unknown>> | undefined,
): readonly string[] =>
  (Array.isArray(hosts)
    ? hosts.map((h) => String(h).split(/[=:]/)[0] ?? '')
    : Object.keys(hosts ?? {})
  ).filter((name) => OURS.includes(name));

/**
 * What a service of this deployment starts instead of the program of its image. An inference server takes its model from
 * its command, and the database its settings.
 */
function otherProgram(name: string, s: ComposeService, dir: string): readonly string[] {
  const keys = name === SERVICE.inference ? [] : name === SERVICE.database ? ['entrypoint'] : NOT_OURS;
  return [
    ...keys
      .filter((key) => s[key as 'command'] !== undefined && s[key as 'command'] !== null)
      .map((key) => `${name} is given another ${key} than its image has`),
    ...declaredOver(name, s, dir).map((what) => `${name} ${what}`),
  ];
}

/**
 * What one service of this deployment has beyond what it needs.
 * @param dir the real path of the install directory
 */
export function weakened(name: string, s: ComposeService, dir: string): Found {
  const found: (readonly [Property, string])[] = [];
  const groups = (s.group_add ?? []).map(String);
  if (groups.length > 0) found.push(['user', `${name} joins the groups ${groups.join(', ')}`]);
  if (Object.keys(s.sysctls ?? {}).length > 0)
    found.push(['isolation', `${name} sets parameters of the kernel`]);
  for (const hook of [...(s.post_start ?? []), ...(s.pre_stop ?? [])]) {
    if (hook.privileged) found.push(['isolation', `${name} has a privileged hook`]);
    if (/^(0|root)(:|$)/.test(String(hook.user ?? '')))
      found.push(['user', `${name} has a hook that runs as root`]);
  }
  if (swapsTooMuch(Number(s.mem_limit ?? 0), Number(s.memswap_limit ?? 0)))
    found.push(['limits', `${name} may swap without bound`]);
  if (s.oom_kill_disable) found.push(['limits', `${name} is never ended for its memory`]);
  if (isEmptyCheck(s.healthcheck?.test))
    found.push(['healthchecks', `${name} has a health check that is content with anything`]);
  for (const [variable, value] of Object.entries(s.environment ?? {})) {
    const what = weakens(variable, value);
    if (what !== undefined) found.push(['environment', `${name} has ${variable}, so that ${what}`]);
  }
  if (name === SERVICE.proxy) {
    const given = s.environment ?? {};
    for (const text of proxyVariables(given)) found.push(['environment', `${name} ${text}`]);
    for (const variable of keptElsewhere(given))
      found.push(['data-volume', `${name} has ${variable}, so that its certificates are kept elsewhere`]);
  }
  for (const text of otherProgram(name, s, dir)) found.push(['environment', text]);
  const byHand = namesByHand(s.extra_hosts);
  if (byHand.length > 0) found.push(['networks', `${name} is told by hand where ${byHand.join(', ')} is`]);
  return found;
}

/** What a service is given of the host beyond namespaces and mounts; it goes for services that the operator added too. */
export function givenOfHost(name: string, s: ComposeService): Found {
  return [
    ...((s.device_cgroup_rules ?? []).length > 0
      ? ([['isolation', `${name} may use devices of the host`]] as const)
      : []),
    ...(s.cgroup === 'host' ? ([['isolation', `${name} uses the cgroup namespace host`]] as const) : []),
  ];
}

/**
 * Networks that are not what they are called: one that others share, one that is no bridge, one whose containers can be
 * reached past every published port (Docker, bridge driver, gateway modes). And services that answer to another's name.
 */
export function networkTricks(model: ComposeModel): Found {
  const found: (readonly [Property, string])[] = [];
  for (const key of Object.values(NETWORK)) {
    const network = model.networks?.[key];
    if (!network) continue;
    if (network.external || (network.name !== undefined && network.name !== `${model.name}_${key}`))
      found.push(['networks', `the network ${key} is ${network.name ?? 'one'} of somebody else`]);
    if (network.driver !== undefined && network.driver !== 'bridge')
      found.push(['networks', `the network ${key} has the driver ${network.driver}`]);
    for (const mode of openModes(network.driver_opts))
      found.push(['networks', `the network ${key} has ${mode}`]);
    for (const mode of key === NETWORK.edge ? openLeft(network.driver_opts) : [])
      found.push(['networks', `the network ${key} leaves ${mode} to the engine`]);
  }
  for (const [name, service] of Object.entries(model.services)) {
    const aliases = Object.values(service.networks ?? {}).flatMap(
      (on) => (on as { aliases?: readonly string[] } | null)?.aliases ?? [],
    );
    const claimed = [...aliases, service.container_name, service.hostname].filter(
      (alias): alias is string => alias !== undefined && alias !== name && OURS.includes(alias),
    );
    if (claimed.length > 0) found.push(['networks', `${name} answers to the name ${claimed.join(', ')}`]);
  }
  return found;
}

type Options = Readonly<Record<string, unknown>> | null | undefined;

/** The options that say from where the containers of a bridge are reached (Docker, bridge driver, gateway modes). */
const GATEWAY_MODES = [4, 6].map((family) => `com.docker.network.bridge.gateway_mode_ipv${family}`);

const shortName = (option: string): string => option.split('.').at(-1) ?? option;

/** Options of a bridge with which its containers are reached from other machines without a published port. */
export const openModes = (options: Options): readonly string[] =>
  GATEWAY_MODES.filter((name) => ['routed', 'nat-unprotected'].includes(String(options?.[name]))).map(
    (name) => `${shortName(name)}=${options?.[name]}`,
  );

/** The modes about which a default of the engine decides (`default-network-opts`); one that is declared outdoes it. */
export const openLeft = (declared: Options): readonly string[] =>
  GATEWAY_MODES.filter((name) => !declared?.[name]).map(shortName);

/** True for a bridge that was made before its gateway modes were declared as they are now. */
export const madeOtherwise = (made: Options, declared: Options): boolean =>
  GATEWAY_MODES.some((name) => declared?.[name] && made?.[name] !== declared[name]);

/** Whether a bridge that was made has the modes that are declared, and no others. */
export const sameModes = (made: Options, declared: Options): boolean =>
  GATEWAY_MODES.every((name) => made?.[name] === declared?.[name]);
