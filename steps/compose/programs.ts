/** What is mounted where a container finds what it runs: over the programs of its image, or over what configures them. */
import { posix } from 'node:path';
import type { ComposeService } from '../shared/compose-project.ts';
import type { Container } from '../shared/docker.ts';
import { PATH, SERVICE } from '../shared/layout.ts';

/** Keys of a service whose entries end as files in its container. */
export const GIVES_FILES = ['volumes', 'configs', 'secrets'] as const;
type Giving = (typeof GIVES_FILES)[number];

/**
 * Where the programs of an image lie: what is mounted there runs instead of them (Filesystem Hierarchy Standard 3.0; /app by
 * custom). And what the dynamic linker loads into each of them (ld.so(8)).
 */
const PROGRAMS = /^\/(app|usr|s?bin|lib\d*|opt)(\/|$)|^\/etc\/ld\.so\./;
/** What an operator hands to a container there that is no program: authorities of his own, time zones. */
const NO_PROGRAMS = /^\/usr\/(local\/)?share\/(ca-certificates|zoneinfo)(\/|$)/;

/** The directory of the install that says how a service behaves, and where the service finds it. */
const CONFIGURED: Readonly<Record<string, { readonly target: string; readonly source: string }>> = {
  [SERVICE.proxy]: { target: '/etc/caddy', source: PATH.caddyDir },
  [SERVICE.database]: { target: '/etc/postgresql/custom', source: PATH.postgresDir },
};

interface Mounted {
  readonly source?: string | undefined;
  readonly target: string;
  readonly writable: boolean;
}

const plainPath = (target: string): string => posix.normalize(target).replace(/(?<=.)\/$/, '');

/** @param dir the real path of the install directory; `source` is told by its real path too */
function isOver(service: string, { source, target }: Omit<Mounted, 'writable'>, dir: string): boolean {
  const path = plainPath(target);
  if (PROGRAMS.test(path) && !NO_PROGRAMS.test(path)) return true;
  const own = CONFIGURED[service];
  if (own === undefined) return false;
  if (path === own.target) return source !== `${dir}/${own.source}`;
  return path.startsWith(`${own.target}/`);
}

/** What a mount does to what a service runs, as the end of a sentence about the service. */
function doneBy(service: string, mount: Mounted, dir: string): readonly string[] {
  if (isOver(service, mount, dir)) return [`has something mounted over ${mount.target}`];
  const isOwn = plainPath(mount.target) === CONFIGURED[service]?.target;
  // An intruder in the service would change for good how it behaves.
  return isOwn && mount.writable ? [`may write ${mount.target}, which says how it behaves`] : [];
}

/** Where an entry ends in the container, written in full or in short (Compose Specification, services). */
export function targetOf(key: Giving, entry: unknown): string {
  const [first, second] = typeof entry === 'string' ? entry.split(':') : [];
  if (key === 'volumes' && first !== undefined) return second ?? first;
  const { source = first, target = source } = (first === undefined ? entry : {}) as {
    readonly source?: string;
    readonly target?: string;
  };
  return posix.resolve(key === 'secrets' ? '/run/secrets' : '/', target ?? '');
}

/** True for an entry with which something else runs than the image and the install bring. */
export const replaces = (service: string, key: Giving, entry: unknown, dir: string): boolean =>
  isOver(
    service,
    { source: (entry as { source?: string } | null)?.source, target: targetOf(key, entry) },
    dir,
  );

/** What is declared over the programs of a service and what configures it, as the ends of sentences about the service. */
export const declaredOver = (service: string, declared: ComposeService, dir: string): readonly string[] =>
  GIVES_FILES.flatMap((key) =>
    ((declared as Partial<Record<Giving, readonly unknown[]>>)[key] ?? []).flatMap((entry) => {
      const { source, read_only } = (entry ?? {}) as { source?: string; read_only?: boolean };
      const writable = key === 'volumes' && read_only !== true;
      return doneBy(service, { source, target: targetOf(key, entry), writable }, dir);
    }),
  );

/**
 * The same of a container. A volume without a name is one that the image asks for: Docker fills it from the image.
 * @param container its bind mounts told by their real paths
 */
export const mountedOver = (service: string, { Mounts }: Container, dir: string): readonly string[] =>
  Mounts.filter(({ Type, Name }) => !(Type === 'volume' && /^[0-9a-f]{64}$/.test(Name ?? ''))).flatMap(
    ({ Source, Destination, RW }) =>
      doneBy(service, { source: Source, target: Destination, writable: RW }, dir),
  );
