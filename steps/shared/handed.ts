/** Who may be handed what of an install: its secret files, its state and its volumes. */
import type { ComposeModel } from './compose-project.ts';
import type { Container } from './docker.ts';
import { PATH, SERVICE, VOLUME } from './layout.ts';

/** The volumes of the install, each with the one service that needs it. */
const OWNER: Readonly<Record<string, string>> = {
  [VOLUME.data]: SERVICE.app,
  [VOLUME.database]: SERVICE.database,
  [VOLUME.proxyData]: SERVICE.proxy,
  [VOLUME.proxyConfig]: SERVICE.proxy,
};

/** The secret files that the template hands to a service. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  [SERVICE.app]: [PATH.key],
  [SERVICE.database]: [PATH.databaseSuperuserPassword, PATH.databaseKey],
  [SERVICE.proxy]: [PATH.tlsKey],
};
/** Certificates are for everybody to read. */
const PUBLIC: readonly string[] = [PATH.databaseCa, PATH.databaseCertificate, PATH.tlsCertificate];

/**
 * What says how the install behaves: whoever may write it opens the console or the database. That the proxy and the database
 * may write their own directory is said by what compares their programs.
 */
const BEHAVIOUR: readonly (readonly [path: string, service: string | undefined])[] = [
  [PATH.caddyDir, SERVICE.proxy],
  [PATH.postgresDir, SERVICE.database],
  [PATH.compose, undefined],
  [PATH.override, undefined],
];

/** Something that a container is given: a path of the host, links followed, or a volume by its whole name. */
export interface Given {
  readonly type: string;
  readonly source: string;
  readonly writable: boolean;
}

/** What a running or stopped container mounts. @param container its bind mounts told by their real paths */
export const mountsOf = ({ Mounts }: Container): readonly Given[] =>
  Mounts.map(({ Type, Name, Source, RW }) => ({
    type: Type,
    source: Type === 'volume' ? (Name ?? '') : Source,
    writable: RW,
  }));

/** What a service is declared to mount, the files of its secrets included. */
export function declaredMounts(model: ComposeModel, service: string): readonly Given[] {
  const { volumes = [], secrets = [] } = model.services[service] ?? {};
  const volumeName = (name: string) =>
    (model.volumes?.[name] as { name?: string } | null | undefined)?.name ?? `${model.name}_${name}`;
  return [
    ...volumes.map(({ type, source = '', read_only }) => ({
      type,
      source: type === 'volume' ? volumeName(source) : source,
      writable: read_only !== true,
    })),
    ...secrets.map(({ source }) => ({
      type: 'bind',
      source: model.secrets?.[source]?.realFile ?? '',
      writable: false,
    })),
  ];
}

/**
 * What is given of the install's secrets and data without being needed, each as one phrase. That another service of the
 * project has the key alone is said by the controls of the key.
 * @param service of this project; undefined for a container of somebody else
 * @param dir the real path of the install directory
 */
export function handedWithoutNeed(
  given: readonly Given[],
  at: { readonly project: string; readonly dir: string; readonly service: string | undefined },
): readonly string[] {
  const { project, dir, service } = at;
  const isIn = (path: string, place: string) => path === place || path.startsWith(`${place}/`);
  return given.flatMap(({ type, source, writable }) => {
    if (type === 'volume') {
      const volume = Object.keys(OWNER).find((name) => source === `${project}_${name}`);
      return volume === undefined || OWNER[volume] === service ? [] : [`the volume ${source}`];
    }
    if (type !== 'bind') return [];
    if (source === dir) return ['the install directory'];
    const path = source.startsWith(`${dir}/`) ? source.slice(dir.length + 1) : '';
    const isOthers = BEHAVIOUR.some(([place, owner]) => isIn(path, place) && (owner ?? '') !== service);
    if (writable && isOthers) return [`${service === undefined ? source : path} writable`];
    const isSecret = [PATH.env, PATH.secrets, PATH.state].some((s) => isIn(path, s));
    if (!isSecret || PUBLIC.includes(path)) return [];
    const isNeeded = service !== undefined && (path === PATH.key || NEEDED[service]?.includes(path));
    // Of a container of somebody else the whole path tells which install is meant.
    return isNeeded ? [] : [service === undefined ? source : path];
  });
}
