/** What is wrong with a Compose model, per control: one definition for our own file and for the merged model. */

import { serverOptionProblems } from '../database/server-options.ts';
import { allowedCapabilities } from '../shared/capabilities.ts';
import type { ComposeModel, ComposeService } from '../shared/compose-project.ts';
import { declaredMounts, handedWithoutNeed } from '../shared/handed.ts';
import { KEY_IN_CONTAINER, NETWORK, PATH, SERVICE, VOLUME } from '../shared/layout.ts';
import { secretProblems, volumeProblems } from './kept.ts';
import { type ComposeAnswers, publicUrl } from './render.ts';
import { givenOfHost, networkTricks, weakened } from './weakening.ts';

export type Property =
  | 'services'
  | 'read-only'
  | 'capabilities'
  | 'no-new-privileges'
  | 'tmpfs'
  | 'user'
  | 'data-volume'
  | 'networks'
  | 'ports'
  | 'limits'
  | 'healthchecks'
  | 'restart'
  | 'logs'
  | 'isolation'
  | 'key-delivery'
  | 'secret-delivery'
  | 'environment'
  | 'settings'
  | 'init'
  | 'foreign-hardened'
  | 'certificate'
  | 'database-server';

/**
 * Violations by property, each one sentence; a property without an entry holds.
 * @param dir the install directory, as the model's mounts name it
 */
export function violations(
  model: ComposeModel,
  answers: ComposeAnswers,
  dir: string,
): Map<Property, string[]> {
  const found = new Map<Property, string[]>();
  const add = (property: Property, text: string) =>
    found.set(property, [...(found.get(property) ?? []), text]);
  for (const [name, user] of Object.entries(expectedUsers(answers))) {
    const service = model.services[name];
    if (!service) {
      add('services', `there is no service ${name}`);
      continue;
    }
    hardening(name, service, user, add);
    for (const [property, text] of weakened(name, service, dir)) add(property, text);
    if (!service.healthcheck?.test && name !== SERVICE.inference)
      add('healthchecks', `${name} has no health check`);
    // Either way of saying so (Compose Specification, healthcheck).
    if (service.healthcheck?.disable || [service.healthcheck?.test].flat()[0] === 'NONE')
      add('healthchecks', `${name} switches its health check off`);
  }
  for (const [name, service] of Object.entries(model.services)) {
    isolation(name, service, dir, add);
    for (const [property, text] of givenOfHost(name, service)) add(property, text);
    if (!(name in expectedUsers(answers))) foreign(name, service, add);
  }
  networks(model, answers, add);
  for (const text of volumeProblems(model)) add('data-volume', text);
  for (const [property, text] of networkTricks(model)) add(property, text);
  ports(model, answers, add);
  const proxy = model.services[SERVICE.proxy];
  if (proxy) certificate(proxy, answers, add);
  const database = model.services[SERVICE.database];
  if (database && answers.database === 'bundled')
    for (const text of serverOptionProblems(database.command)) add('database-server', text);
  const app = model.services[SERVICE.app];
  if (app) {
    keyDelivery(model, app, add);
    secretDelivery(model, dir, add);
    settings(app, answers, add);
  }
  return found;
}

type Add = (property: Property, text: string) => void;

/** The services that must be there, with the user each runs as. */
export function expectedUsers(
  answers: Pick<ComposeAnswers, 'database' | 'inferenceImage'>,
): Record<string, string> {
  return {
    [SERVICE.app]: '1000:1000',
    ...(answers.database === 'bundled' ? { [SERVICE.database]: '999:999' } : {}),
    ...(answers.inferenceImage === undefined ? {} : { [SERVICE.inference]: '1000:1000' }),
    [SERVICE.proxy]: '1000:1000',
  };
}

const bare = (capability: string) => capability.toUpperCase().replace(/^CAP_/, '');

function hardening(name: string, s: ComposeService, user: string, add: Add): void {
  if (s.read_only !== true) add('read-only', `${name} has a writable root file system`);
  if (!(s.cap_drop ?? []).map(bare).includes('ALL'))
    add('capabilities', `${name} does not drop all capabilities`);
  const extra = (s.cap_add ?? []).map(bare).filter((c) => !allowedCapabilities(name).includes(c));
  if (extra.length > 0) add('capabilities', `${name} adds ${extra.join(', ')}`);
  const options = s.security_opt ?? [];
  if (!options.some((o) => /^no-new-privileges(:true)?$/.test(o)))
    add('no-new-privileges', `${name} may gain privileges`);
  if (s.user !== user) add('user', `${name} runs as ${s.user ?? "the image's user"}, not ${user}`);
  const tmpfs = typeof s.tmpfs === 'string' ? [s.tmpfs] : (s.tmpfs ?? []);
  if (!tmpfs.some((t) => t.split(':')[0] === '/tmp')) add('tmpfs', `${name} has no tmpfs at /tmp`);
  // Docker mounts a tmpfs noexec unless it is told otherwise.
  for (const [path, mounted] of tmpfs.map((t) => t.split(':')))
    if (mounted?.split(',').includes('exec')) add('tmpfs', `${name} may run programs from ${path}`);
  if (!s.pids_limit || s.pids_limit < 0) add('limits', `${name} has no process limit`);
  if (!s.mem_limit || String(s.mem_limit) === '0') add('limits', `${name} has no memory limit`);
  if (s.restart !== 'unless-stopped' && s.restart !== 'always')
    add('restart', `${name} is not restarted (${s.restart ?? 'no policy'})`);
  if (s.logging?.driver === 'none') add('logs', `${name} keeps no log`);
  else if ((s.logging?.driver ?? 'json-file') === 'json-file' && !s.logging?.options?.['max-size'])
    add('logs', `the log of ${name} grows without bound`);
  if ((name === SERVICE.app || name === SERVICE.inference) && s.init !== true)
    add('init', `${name} has no init process`);
}

/** What a service is given of the host; it goes for services that the operator added too. */
function isolation(name: string, s: ComposeService, dir: string, add: Add): void {
  for (const off of (s.security_opt ?? []).filter((o) =>
    /unconfined|label[:=]disable|no-new-privileges:false/.test(o),
  ))
    add('isolation', `${name} sets ${off}`);
  if (s.privileged) add('isolation', `${name} is privileged`);
  if (s.pid) add('isolation', `${name} uses the pid namespace ${s.pid}`);
  if (s.ipc && s.ipc !== 'private') add('isolation', `${name} uses the ipc namespace ${s.ipc}`);
  if (s.uts) add('isolation', `${name} uses the uts namespace ${s.uts}`);
  if (s.userns_mode) add('isolation', `${name} uses the user namespace ${s.userns_mode}`);
  // `none` is less than any network, not more.
  if (s.network_mode && s.network_mode !== 'none')
    add('isolation', `${name} uses network mode ${s.network_mode}`);
  if ((s.devices ?? []).length > 0) add('isolation', `${name} is given devices`);
  for (const volume of s.volumes ?? []) {
    if (
      volume.type === 'bind' &&
      (isDangerousMount(volume.source ?? '', dir) ||
        isForeignGround(volume.source ?? '', volume.read_only !== true, dir))
    )
      add('isolation', `${name} mounts ${volume.source}`);
  }
}

/** What the guide asks of every container, of a service that is none of this deployment. */
function foreign(name: string, s: ComposeService, add: Add): void {
  const lacking = [
    ...(s.read_only === true ? [] : ['a read-only root file system']),
    ...((s.cap_drop ?? []).map(bare).includes('ALL') ? [] : ['dropped capabilities']),
    ...((s.security_opt ?? []).some((o) => /^no-new-privileges(:true)?$/.test(o))
      ? []
      : ['no-new-privileges']),
    ...(s.user && !/^(0|root)(:|$)/.test(s.user) ? [] : ['a user of its own']),
    ...(s.mem_limit || s.deploy?.resources?.limits?.memory ? [] : ['a memory limit']),
  ];
  if (lacking.length > 0) add('foreign-hardened', `${name} lacks ${lacking.join(', ')}`);
}

function certificate(proxy: ComposeService, answers: ComposeAnswers, add: Add): void {
  if (answers.tls !== 'files') return;
  for (const name of ['tls.crt', 'tls.key']) {
    const secret = (proxy.secrets ?? []).find((s) => s.source === name);
    const target = secret?.target ?? `/run/secrets/${name}`;
    if (!secret || (target !== name && target !== `/run/secrets/${name}`)) {
      add('certificate', `${name} is not handed to ${SERVICE.proxy}`);
    }
  }
}

/**
 * Host paths that give a container the host, or every secret of this install.
 * @param dir the install directory; what is above it, its secrets as a whole and this tool's own state count too
 */
export const isDangerousMount = (source: string, dir: string): boolean =>
  source === dir ||
  dir.startsWith(`${source.replace(/\/$/, '')}/`) ||
  [PATH.secrets, PATH.state].some((path) => source.replace(/\/$/, '') === `${dir}/${path}`) ||
  /(^|\/)(docker|containerd|podman)[^/]*\.sock$/.test(source) ||
  /^\/(|etc|root|home|var|usr|boot|proc|sys|dev|run|var\/run|var\/lib\/docker.*)\/?$/.test(source);

/**
 * Host paths below which a container finds what opens the host, or with `writable` what it runs: keys of root, accounts,
 * programs, jobs. Read-only, the rest of these trees is what ordinary services mount: certificates, time zones. What is
 * below the install is its own, wherever that lies: many a root installs into its home.
 */
export const isForeignGround = (source: string, writable: boolean, dir: string): boolean =>
  !source.startsWith(`${dir}/`) &&
  (/^\/(root\/\.|boot|proc|dev|var\/spool\/cron|etc\/(g?shadow|sudoers|ssh|docker|ssl\/private|cron))|\/\.ssh(\/|$)/.test(
    source,
  ) ||
    (writable && /^\/(etc|usr|s?bin|lib\d*|run|var\/run|sys)\//.test(source)));

function networks(model: ComposeModel, answers: ComposeAnswers, add: Add): void {
  if (model.networks?.[NETWORK.internal]?.internal !== true)
    add('networks', `the network ${NETWORK.internal} has a way out`);
  const allowed: Record<string, readonly string[]> = {
    [SERVICE.app]: [NETWORK.edge, NETWORK.internal],
    [SERVICE.database]: [NETWORK.internal],
    [SERVICE.inference]: [NETWORK.internal],
    [SERVICE.proxy]: [NETWORK.edge],
  };
  for (const [name, service] of Object.entries(model.services)) {
    const joined = Object.keys(service.networks ?? {}).sort();
    const expected = allowed[name];
    if (expected === undefined) {
      if (joined.includes(NETWORK.internal))
        add('networks', `${name}, which is no service of this install, joins ${NETWORK.internal}`);
    } else if (joined.join() !== [...expected].sort().join() && name in expectedUsers(answers)) {
      add('networks', `${name} joins ${joined.join(', ') || 'no network'} instead of ${expected.join(', ')}`);
    }
  }
  if (answers.database === 'bundled') {
    const data = model.services[SERVICE.database]?.volumes?.find(
      (v) => v.target === '/var/lib/postgresql/data',
    );
    if (data?.type !== 'volume' || data.source !== VOLUME.database)
      add('data-volume', `${SERVICE.database} does not keep its data in ${VOLUME.database}`);
  }
  const data = model.services[SERVICE.app]?.volumes?.find((v) => v.target === '/data');
  if (data?.type !== 'volume' || data.source !== VOLUME.data)
    add('data-volume', `${SERVICE.app} does not keep /data in ${VOLUME.data}`);
  const proxyData = model.services[SERVICE.proxy]?.volumes?.find((v) => v.target === '/data');
  if (proxyData?.type !== 'volume')
    add('data-volume', `${SERVICE.proxy} does not keep its certificates in a volume`);
}

function ports(model: ComposeModel, answers: ComposeAnswers, add: Add): void {
  const expected = [
    `${answers.listenAddress}:${answers.httpPort}->80`,
    `${answers.listenAddress}:${answers.httpsPort}->443`,
  ];
  for (const [name, service] of Object.entries(model.services)) {
    const published = (service.ports ?? []).map(
      (p) =>
        `${p.host_ip ?? 'every address'}:${p.published ?? 'any'}->${p.target}${p.protocol === 'udp' ? '/udp' : ''}`,
    );
    if (name === SERVICE.proxy) {
      for (const port of published) if (!expected.includes(port)) add('ports', `${name} publishes ${port}`);
      for (const port of expected)
        if (!published.includes(port)) add('ports', `${name} does not publish ${port}`);
    } else if (published.length > 0) add('ports', `${name} publishes ${published.join(', ')}`);
  }
}

function keyDelivery(model: ComposeModel, app: ComposeService, add: Add): void {
  for (const [name, service] of Object.entries(model.services)) {
    for (const variable of ['ENCRYPTION_KEY', 'CUBE_ADMIN_PASSWORD', 'POSTGRES_PASSWORD']) {
      if (service.environment && variable in service.environment)
        add('key-delivery', `${name} has ${variable} in its environment`);
    }
  }
  for (const [name, service] of Object.entries(model.services)) {
    if (name === SERVICE.app) continue;
    const handed = (service.secrets ?? []).some((s) => s.source === 'encryption_key');
    const mounted = (service.volumes ?? []).some((v) => v.source?.endsWith(`/${PATH.key}`));
    if (handed || mounted) add('key-delivery', `${name} is handed the key, which only ${SERVICE.app} needs`);
  }
  const targets = (app.secrets ?? [])
    .filter((s) => s.source === 'encryption_key')
    .map((s) => s.target ?? `/run/secrets/${s.source}`);
  for (const path of Object.values(KEY_IN_CONTAINER)) {
    if (!targets.includes(path)) add('key-delivery', `the key is not mounted at ${path}`);
  }
  if (app.environment?.ENCRYPTION_KEY_FILE !== KEY_IN_CONTAINER.v1)
    add('key-delivery', `ENCRYPTION_KEY_FILE is not ${KEY_IN_CONTAINER.v1}`);
  if (!/(^|\/)secrets\/encryption_key$/.test(model.secrets?.encryption_key?.file ?? ''))
    add('key-delivery', 'the secret encryption_key is not the file secrets/encryption_key');
}

/** Services of this project; what a stranger's container mounts only the running engine tells. */
function secretDelivery(model: ComposeModel, dir: string, add: Add): void {
  for (const service of Object.keys(model.services)) {
    const at = { project: model.name, dir, service };
    for (const what of handedWithoutNeed(declaredMounts(model, service), at))
      add('secret-delivery', `${service} is handed ${what}, which it does not need`);
  }
  for (const text of secretProblems(model, dir)) add('secret-delivery', text);
}

function settings(app: ComposeService, answers: ComposeAnswers, add: Add): void {
  const expected: Record<string, string> = {
    CORECUBE_PUBLIC_URL: publicUrl(answers),
    NODE_ENV: 'production',
    MAX_UPLOAD_SIZE_MB: String(answers.maxUploadMb),
    SESSION_MAX_AGE_HOURS: String(answers.sessionHours),
    SESSION_MAX_LIFETIME_HOURS: String(answers.sessionHours),
    SESSION_IDLE_TIMEOUT_MINUTES: String(answers.sessionIdleMinutes),
  };
  for (const [name, value] of Object.entries(expected)) {
    const seen = app.environment?.[name];
    if (seen !== value) add('settings', `${name} is ${seen ?? 'not set'} instead of ${value}`);
  }
}
