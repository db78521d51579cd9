/** What compose.yaml must say for given answers, and how to bring an existing one there without losing a comment. */
import { type Document, isMap, isSeq, parseDocument } from 'yaml';
import type { HostReader } from '../../src/core/host.ts';
import { fill } from '../../src/core/template.ts';
import composeTemplate from '../../templates/compose.yaml?raw';
import type { Answers } from '../questions.ts';
import { docker, dockerOutput } from '../shared/docker.ts';
import { overlaps } from '../shared/grammar.ts';
import { NETWORK, PATH, SERVICE, VOLUME } from '../shared/layout.ts';
import { knownRelease } from '../shared/release.ts';
import { pinImages } from './pins.ts';
import { GIVES_FILES, replaces } from './programs.ts';
import { keptElsewhere, NOT_OURS, namesByHand, weakens } from './weakening.ts';

export const NEEDS = [
  'image',
  'release',
  'domain',
  'tls',
  'httpPort',
  'httpsPort',
  'listenAddress',
  'maxUploadMb',
  'sessionHours',
  'sessionIdleMinutes',
  'projectName',
  'database',
  'postgresImage',
  'proxyImage',
  'inferenceImage',
  'adminRanges',
] as const;
export type ComposeAnswers = Pick<Answers, (typeof NEEDS)[number]>;

/** Top-level key under which the ids of hand-loaded images are recorded. */
export const EXTENSION = 'x-corecube-secure';

/** How what is said of a compose.yaml begins that names another project, or none. */
export const MISNAMED = 'it names';

/** Where CoreCube is reached from browsers; the port is named only when it is not 443. */
export const publicUrl = (answers: Pick<Answers, 'domain' | 'httpsPort'>): string =>
  `https://${answers.domain}${answers.httpsPort === 443 ? '' : `:${answers.httpsPort}`}`;

/** The image answer of each service that runs, by service name. */
export function imagesOf(
  answers: Pick<Answers, 'image' | 'postgresImage' | 'proxyImage' | 'inferenceImage'>,
): Record<string, string> {
  return {
    [SERVICE.app]: answers.image,
    ...(answers.postgresImage === undefined ? {} : { [SERVICE.database]: answers.postgresImage }),
    ...(answers.inferenceImage === undefined ? {} : { [SERVICE.inference]: answers.inferenceImage }),
    [SERVICE.proxy]: answers.proxyImage,
  };
}

/** compose.yaml as it must be, as a commented document. Reads the host only for pins, the release and free subnets. */
export async function desiredDocument(host: HostReader, answers: ComposeAnswers): Promise<Document> {
  const existing = await existingDocument(host);
  const pins = await pinImages(host, answers, existing);
  const text = fill(composeTemplate, {
    PROJECT: answers.projectName,
    RELEASE: await knownRelease(host, answers),
    APP_IMAGE: pins.references[SERVICE.app] ?? answers.image,
    POSTGRES_IMAGE: pins.references[SERVICE.database] ?? 'unused',
    PROXY_IMAGE: pins.references[SERVICE.proxy] ?? answers.proxyImage,
    INFERENCE_IMAGE: pins.references[SERVICE.inference] ?? 'unused',
    PUBLIC_URL: publicUrl(answers),
    MAX_UPLOAD_MB: String(answers.maxUploadMb),
    SESSION_HOURS: String(answers.sessionHours),
    SESSION_IDLE_MINUTES: String(answers.sessionIdleMinutes),
    HTTP_PORT: String(answers.httpPort),
    HTTPS_PORT: String(answers.httpsPort),
    LISTEN_ADDRESS: answers.listenAddress,
    EDGE_SUBNET: await edgeSubnet(host, answers, existing),
  });
  const document = parseDocument(text);
  const drop = (...paths: readonly string[][]) => {
    for (const path of paths) document.deleteIn(path);
  };
  if (answers.inferenceImage === undefined) drop(['services', SERVICE.inference]);
  if (answers.database === 'external') {
    drop(['services', SERVICE.database], ['volumes', VOLUME.database]);
    drop(['secrets', 'pg_server.crt'], ['secrets', 'pg_server.key'], ['secrets', 'pg_superuser_password']);
  }
  if (answers.tls !== 'files')
    drop(['services', SERVICE.proxy, 'secrets'], ['secrets', 'tls.crt'], ['secrets', 'tls.key']);
  for (const service of Object.keys(pins.ids)) document.setIn(['services', service, 'pull_policy'], 'never');
  if (Object.keys(pins.ids).length > 0) document.set(EXTENSION, document.createNode({ images: pins.ids }));
  return document;
}

/** Services whose image another text of compose.yaml moves: each with both references. */
export const imageMoves = async (host: HostReader, answers: ComposeAnswers): Promise<readonly string[]> =>
  (await pinImages(host, answers, await existingDocument(host))).moves;

async function existingDocument(host: HostReader): Promise<Document | undefined> {
  const text = await host.readText(PATH.compose);
  if (text === undefined) return undefined;
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw new Error(`${PATH.compose} is not YAML: ${document.errors[0]?.message.split('\n')[0]}`);
  if (document.contents !== null && !isMap(document.contents))
    throw new Error(`${PATH.compose} is no map of services`);
  return document as Document;
}

/** Private ranges (RFC 1918, RFC 6598) that few people use, the third octet left out, with the first one tried. */
const RANGES = [
  ['10.213', 74],
  ['172.29', 213],
  ['192.168', 213],
  ['100.127', 213],
  ['10.87', 42],
] as const;
/** Installs of one host that find a subnet: one of each range first, then their neighbours. */
const MOST_INSTALLS = 100;
const SUBNETS = Array.from({ length: MOST_INSTALLS }, (_, i) => {
  const [range, first] = RANGES[i % RANGES.length] as (typeof RANGES)[number];
  return `${range}.${first + Math.floor(i / RANGES.length)}.0/24`;
});

/** The edge network's subnet: kept once chosen, and never where its gateway would be inside an allowed range. */
async function edgeSubnet(
  host: HostReader,
  answers: ComposeAnswers,
  existing: Document | undefined,
): Promise<string> {
  const kept = existing?.getIn(['networks', NETWORK.edge, 'ipam', 'config', 0, 'subnet']);
  const free = (subnet: string, taken: readonly string[]) =>
    [...answers.adminRanges, ...taken].every((range) => !overlaps(range, subnet));
  if (typeof kept === 'string' && free(kept, [])) return kept;
  // Without the file the network may still be there, with containers on it that cannot be moved to another subnet.
  const used = await ownSubnet(host, answers.projectName).catch(() => undefined);
  if (used !== undefined && SUBNETS.includes(used) && free(used, [])) return used;
  const addresses = host.addresses().map((a) => `${a.address.split('%')[0]}/${a.family === 4 ? 24 : 64}`);
  const networks = await dockerSubnets(host).catch(() => []);
  const subnet = SUBNETS.find((candidate) => free(candidate, [...addresses, ...networks]));
  if (subnet === undefined)
    throw new Error(
      `every subnet that could be the edge network (${SUBNETS.slice(0, RANGES.length).join(', ')} and ${SUBNETS.length - RANGES.length} beside them) is in an allowed range or in use; narrow adminRanges`,
    );
  return subnet;
}

/** The subnet of this install's edge network; undefined when there is none yet. */
async function ownSubnet(host: HostReader, project: string): Promise<string | undefined> {
  const result = await docker(host, ['network', 'inspect', `${project}_${NETWORK.edge}`]);
  if (result.code !== 0) return undefined;
  const [network] = JSON.parse(result.stdout) as [{ IPAM: { Config: { Subnet?: string }[] | null } }];
  return network.IPAM.Config?.[0]?.Subnet;
}

async function dockerSubnets(host: HostReader): Promise<readonly string[]> {
  const ids = (await dockerOutput(host, ['network', 'ls', '--quiet'])).split('\n').filter(Boolean);
  if (ids.length === 0) return [];
  const networks = JSON.parse(await dockerOutput(host, ['network', 'inspect', ...ids])) as {
    IPAM: { Config: { Subnet?: string }[] | null };
  }[];
  return networks.flatMap((n) => (n.IPAM.Config ?? []).flatMap((c) => (c.Subnet ? [c.Subnet] : [])));
}

/** Keys that would undo the hardening of a service of ours; removed where our file does not set them. */
const FORBIDDEN = [
  'privileged',
  'pid',
  'ipc',
  'network_mode',
  'userns_mode',
  'devices',
  'cap_add',
  'ports',
  'env_file',
  'device_cgroup_rules',
  'cgroup_parent',
  'extends',
  'uts',
  'sysctls',
  'cgroup',
  'group_add',
  'post_start',
  'pre_stop',
  'oom_kill_disable',
];
/** Variables that must not be in the file: they would put the key or the first password into the environment. */
const FORBIDDEN_ENVIRONMENT = [
  'ENCRYPTION_KEY',
  'CUBE_ADMIN_EMAIL',
  'CUBE_ADMIN_PASSWORD',
  'POSTGRES_PASSWORD',
  'POSTGRES_HOST_AUTH_METHOD',
];

/**
 * The text of compose.yaml after the change. Without an existing file it is the template's own text; otherwise only
 * keys that the template sets are written, and only where they differ: comments and foreign keys stay.
 */
export async function desiredText(host: HostReader, answers: ComposeAnswers): Promise<string> {
  const desired = await desiredDocument(host, answers);
  const document = await existingDocument(host);
  if (!document || document.contents === null) return desired.toString({ lineWidth: 0 });
  const model = desired.toJS() as Record<string, Record<string, unknown>>;
  setWhereDifferent(document, ['name'], model.name);
  for (const [service, properties] of Object.entries(
    model.services as Record<string, Record<string, unknown>>,
  )) {
    for (const [key, value] of Object.entries(properties)) {
      const path = ['services', service, key];
      if (key === 'environment' || key === 'labels') {
        // A list form (`- A=b`) is rewritten as a map; entries of the operator stay.
        const current = toMap(document.getIn(path));
        const wanted = { ...current, ...(value as object) };
        const forbidden = [
          ...FORBIDDEN_ENVIRONMENT,
          ...Object.entries(wanted).flatMap(([name, text]) => (weakens(name, String(text)) ? [name] : [])),
          ...(service === SERVICE.proxy ? keptElsewhere(wanted as Record<string, string>) : []),
        ];
        for (const name of forbidden) delete (wanted as Record<string, unknown>)[name];
        if (isMap(document.getIn(path, true))) {
          for (const name of forbidden) document.deleteIn([...path, name]);
          for (const [name, text] of Object.entries(wanted))
            setWhereDifferent(document, [...path, name], text);
        } else setWhereDifferent(document, path, wanted);
      } else setWhereDifferent(document, path, value);
    }
    for (const key of GIVES_FILES) if (!(key in properties)) dropReplacing(document, service, key, host.dir);
    const forbidden = service === SERVICE.inference ? FORBIDDEN : [...FORBIDDEN, ...NOT_OURS];
    for (const key of forbidden) if (!(key in properties)) document.deleteIn(['services', service, key]);
    const hosts = document.getIn(['services', service, 'extra_hosts'], true);
    if (namesByHand(plain(hosts) as readonly string[] | undefined).length > 0)
      document.deleteIn(['services', service, 'extra_hosts']);
    if (!('pull_policy' in properties)) document.deleteIn(['services', service, 'pull_policy']);
  }
  for (const section of ['networks', 'volumes', 'secrets']) {
    for (const [name, value] of Object.entries(model[section] ?? {}))
      setWhereDifferent(document, [section, name], value);
  }
  if (model[EXTENSION]) setWhereDifferent(document, [EXTENSION], model[EXTENSION]);
  else document.delete(EXTENSION);
  return document.toString({ lineWidth: 0 });
}

/** Takes away what is mounted over the programs of a service; whatever else the operator hands to it stays. */
function dropReplacing(
  document: Document,
  service: string,
  key: (typeof GIVES_FILES)[number],
  dir: string,
): void {
  const list = document.getIn(['services', service, key], true);
  if (!isSeq(list)) return;
  const kept = list.items.filter((item) => !replaces(service, key, plain(item), dir));
  if (kept.length === 0) document.deleteIn(['services', service, key]);
  else list.items = kept;
}

/** A YAML node as plain data. */
const plain = (value: unknown): unknown =>
  value instanceof Object && 'toJSON' in value ? (value as { toJSON(): unknown }).toJSON() : value;

function toMap(value: unknown): Record<string, unknown> {
  const data = plain(value);
  if (Array.isArray(data))
    return Object.fromEntries(
      data.map((item) => [String(item).split('=')[0], String(item).split('=').slice(1).join('=')]),
    );
  return (data ?? {}) as Record<string, unknown>;
}

function setWhereDifferent(document: Document, path: readonly string[], value: unknown): void {
  const node = document.getIn(path, true);
  const current =
    node instanceof Object && 'toJS' in node ? (node as { toJS(d: Document): unknown }).toJS(document) : node;
  if (JSON.stringify(current) !== JSON.stringify(value)) document.setIn(path, document.createNode(value));
}
