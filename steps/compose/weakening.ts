/** Lines that weaken a container beside the hardening of the guide: who it is, what it loads, whom it takes for whom. */
import type { ComposeModel, ComposeService } from '../shared/compose-project.ts';
import { NETWORK, SERVICE } from '../shared/layout.ts';
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
    ...declaredOver(name, s, dir).map((path) => `${name} has something mounted over ${path}`),
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

/** Options of a bridge with which its containers are reached from other machines without a published port. */
export const openModes = (options: Readonly<Record<string, unknown>> | null | undefined): readonly string[] =>
  Object.entries(options ?? {})
    .filter(
      ([name, value]) =>
        /^com\.docker\.network\.bridge\.gateway_mode_ipv[46]$/.test(name) &&
        ['routed', 'nat-unprotected'].includes(String(value)),
    )
    .map(([name, value]) => `${name.split('.').at(-1)}=${value}`);
