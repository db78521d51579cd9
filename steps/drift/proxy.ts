/** Caddy: the answers, the Caddyfile made of them, and the configuration that it runs. */
import { X509Certificate } from 'node:crypto';
import type { Drift } from '../../src/core/report.ts';
import { sources } from '../reverse-proxy/certificate-files.ts';
import { adaptedConfig, canonical, runningConfig } from '../reverse-proxy/look.ts';
import { hasOwnFile } from '../reverse-proxy/serving.ts';
import { type Container, containerOf, docker } from '../shared/docker.ts';
import { PATH, SERVICE, UID } from '../shared/layout.ts';
import { operators } from '../shared/operators.ts';
import { uidShift } from '../shared/userns.ts';
import { accessDrift } from './access.ts';
import { declaredOrNot, violates } from './containers.ts';
import { broken, type Look, type Rule } from './context.ts';
import { CADDYFILE, edited, fileDrift, missing, stateOf, wasMade } from './files.ts';
import { fingerprint, when } from './memory.ts';
import { changedAt } from './times.ts';

const WHAT = 'The running Caddy';

async function proxy({ host, answers }: Look): Promise<Container | undefined> {
  const container = await containerOf(host, answers.projectName, SERVICE.proxy);
  return container?.State.Running && !container.State.Restarting ? container : undefined;
}

/** What Caddy runs, what it makes of the file, and what it makes of the rendering; absent: it cannot be told. */
async function configs(look: Look): Promise<{ live?: unknown; file?: unknown; rendered?: unknown }> {
  const { host } = look;
  return host.once('drift caddy', async () => {
    const container = await proxy(look);
    if (!container) return {};
    const [live, file, rendered] = await Promise.all([
      runningConfig(host, container).catch(() => undefined),
      adaptedConfig(host, container).catch(() => undefined),
      adaptedText(look, container).catch(() => undefined),
    ]);
    return { live, file: file && 'config' in file ? file.config : undefined, rendered };
  });
}

/** Caddy's own reading of today's rendering, from standard input; nothing is loaded. */
async function adaptedText(look: Look, container: Container): Promise<unknown> {
  const text = await CADDYFILE.render(look, look.answers);
  const argv = ['caddy', 'adapt', '--config', '-', '--adapter', 'caddyfile'];
  const result = await look.host.query(['docker', 'exec', '--interactive', container.Id, ...argv], {
    input: text,
  });
  return result.code === 0 ? JSON.parse(result.stdout) : undefined;
}

const same = (a: unknown, b: unknown): boolean | undefined =>
  a === undefined || b === undefined ? undefined : canonical(a) === canonical(b);

/** `proxy.config-file`: the file against the answers. */
export const configFile: Rule = async (look, { control }) => {
  const state = await stateOf(CADDYFILE, look);
  if (state.is === 'as-rendered') {
    const owners = await operators(look.host);
    const access = await accessDrift(look, control, CADDYFILE.path, {
      mode: 0o644,
      owners,
      wrong: 0o022,
      needed: 0o004,
      change: CADDYFILE.change,
    });
    const folder = { mode: 0o755, owners, wrong: 0o022, needed: 0o001, change: CADDYFILE.change };
    return access ?? (await accessDrift(look, control, PATH.caddyDir, folder)) ?? acmeRoot(look);
  }
  const { live, file } = await configs(look);
  return fileDrift(CADDYFILE, look, { follows: same(live, file), what: WHAT });
};

/** The copy of the ACME directory's root: the copy was edited, or its source was renewed. */
async function acmeRoot(look: Look): Promise<Drift | undefined> {
  const { host, answers, memory } = look;
  if (answers.acmeRoot === undefined) return undefined;
  const held = await host.readText(PATH.acmeRoot);
  if (held === undefined) return missing(PATH.acmeRoot, wasMade(look, CADDYFILE.change));
  const wrote = memory.written.get(PATH.acmeRoot);
  if (!wrote) return undefined;
  return wrote.sha256 === fingerprint(held)
    ? broken('never-applied', `${answers.acmeRoot} was changed after it was copied on ${when(wrote.at)}.`)
    : edited(`${PATH.acmeRoot} is not the file that was copied on ${when(wrote.at)}`, {
        follows: undefined,
        what: WHAT,
      });
}

/** `proxy.config-current`: what runs against the file. */
export const configCurrent: Rule = async (look) => {
  const { live, file, rendered } = await configs(look);
  const container = await proxy(look);
  if (container && !(await hasOwnFile(look.host, container).catch(() => true)))
    return declaredOrNot(look, SERVICE.proxy, violates(look, ['environment'], SERVICE.proxy));
  const state = await stateOf(CADDYFILE, look);
  if (state.is === 'untold' || state.is === 'missing') return undefined;
  // A file that Caddy refuses was never loaded; a running configuration that is no file's was loaded past them.
  if (state.is === 'edited' && (file === undefined || same(live, rendered) === true))
    return fileDrift(CADDYFILE, look, { follows: false, what: WHAT });
  if (live === undefined || file === undefined) return undefined;
  const { memory } = look;
  const wrote = memory.written.get(CADDYFILE.path)?.at;
  if (memory.unfinished && wrote && wrote >= memory.unfinished)
    return broken(
      'never-applied',
      `This tool wrote ${CADDYFILE.path} in a run that did not come to its end, before it was loaded.`,
    );
  return state.is === 'edited'
    ? loadedElsewhere('neither of the file nor of what this tool writes')
    : notSaved;
};

const loadedElsewhere = (what: string) =>
  broken(
    'changed-at-run-time',
    `${WHAT} has a configuration ${what}; it was loaded through its admin endpoint.`,
  );
const notSaved = broken(
  'changed-at-run-time',
  `${WHAT} has another configuration than ${PATH.caddyfile}; it was loaded through its admin endpoint and is gone with the next restart.`,
);

/** Parts of Caddy's configuration (apps.http, apps.tls …), as names of keys and items from the top. */
const PARTS = {
  /** Routes, headers, redirects, limits: everything of the HTTP servers but their TLS. */
  http: (config: unknown) => without(at(config, 'apps', 'http'), 'tls_connection_policies'),
  /** Versions and ciphers of the connections. */
  connections: (config: unknown) => only(at(config, 'apps', 'http'), 'tls_connection_policies'),
  /** Where certificates come from. */
  certificates: (config: unknown) => at(config, 'apps', 'tls'),
  /** Its own admin endpoint. */
  admin: (config: unknown) => at(config, 'admin'),
} as const;

const at = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
const without = (value: unknown, key: string): unknown =>
  JSON.parse(JSON.stringify(value ?? null, (k, inner) => (k === key ? undefined : inner)));
function only(value: unknown, key: string): readonly unknown[] {
  const found: unknown[] = [];
  JSON.stringify(value ?? null, (k, inner) => {
    if (k === key) found.push(inner);
    return inner;
  });
  return found;
}

/** How the proxy answers: told only where the part of its configuration that decides this differs from ours. */
export const behaviour =
  (part: keyof typeof PARTS): Rule =>
  async (look) => {
    const { live, file, rendered } = await configs(look);
    const of = (config: unknown) => (config === undefined ? undefined : PARTS[part](config));
    if (same(of(live), of(rendered)) !== false) return undefined;
    const follows = same(of(live), of(file));
    if (follows === true) return fileDrift(CADDYFILE, look, { follows, what: WHAT });
    if (follows === undefined) return undefined;
    // The file says something else than what runs: what runs was not loaded from it as it is now.
    return (await stateOf(CADDYFILE, look)).is === 'as-rendered'
      ? notSaved
      : loadedElsewhere('neither of the file nor of what this tool writes');
  };

/** `tls.files-copied`: the copies of the operator's certificate against their sources. */
export const copiedCertificate: Rule = async (look, { control }) => {
  const { host, answers } = look;
  const [pem, key] = [await host.readText(PATH.tlsCertificate), await host.readSecret(PATH.tlsKey)];
  const made = wasMade(look, 'proxy.copy-certificate');
  if (pem === undefined) return missing(PATH.tlsCertificate, made);
  if (key === undefined) return missing(PATH.tlsKey, made);
  const uid = UID.proxy + (await uidShift(host));
  for (const path of [PATH.tlsCertificate, PATH.tlsKey]) {
    const access = await accessDrift(look, control, path, {
      mode: 0o600,
      owners: new Set([uid]),
      change: 'proxy.copy-certificate',
    });
    if (access) return access;
  }
  const given = await sources({ host, answers });
  const copied = look.memory.made.get('proxy.copy-certificate');
  if (!given || !copied) return undefined;
  const from = given.pem !== pem ? answers.tlsCertificate : answers.tlsKey;
  const changed = from === undefined ? undefined : await changedAt(look, from);
  return changed && changed > copied
    ? broken(
        'never-applied',
        `${from} was changed on ${when(changed)}, after it was copied on ${when(copied)}.`,
      )
    : undefined;
};

/** A proxy that still serves the certificate it was started with: the file was copied anew since. */
export const servedCertificate: Rule = async (look) => {
  const container = await proxy(look);
  if (!container || look.answers.tls !== 'files') return undefined;
  const held = await look.host.readText(PATH.tlsCertificate);
  const inside = await docker(look.host, ['exec', container.Id, 'cat', '/run/secrets/tls.crt']);
  if (held === undefined || inside.code !== 0) return undefined;
  const leaf = (text: string) => new X509Certificate(text).fingerprint256;
  return leaf(held) === leaf(inside.stdout)
    ? undefined
    : edited(`${PATH.tlsCertificate} is another certificate than the proxy was started with`, {
        follows: false,
        what: WHAT,
      });
};
