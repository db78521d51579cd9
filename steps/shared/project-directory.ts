/** The install's directory under the name that its containers were made with. */
import type { HostReader } from '../../src/core/host.ts';
import { type Container, containers } from './docker.ts';
import { checkOf, readCheck } from './key-check.ts';
import { PATH } from './layout.ts';

/** Compose's label of the directory that a container's project was started from. */
export const WORKING_DIR = 'com.docker.compose.project.working_dir';

/** True when the container belongs to this install directory, under whatever name (links, bind mounts) it was given. */
export async function isHere(host: HostReader, container: Pick<Container, 'Config'>): Promise<boolean> {
  const other = container.Config.Labels[WORKING_DIR];
  if (other === undefined || other === host.dir) return other === host.dir;
  return host.once(`same directory ${other}`, async () => {
    const both = await host.query(['stat', '--dereference', '--format=%d:%i', host.dir, other]);
    // 124: no end in time. A directory that is gone is another one; one that hangs was not seen.
    if (both.code === 124)
      throw new Error(`whether ${other} is this directory cannot be seen: stat does not end`);
    const [mine, its] = both.stdout.trim().split('\n');
    return both.code === 0 && mine !== undefined && mine === its;
  });
}

/** True when the directory that the container was made from is gone: this one may be the same, moved. */
async function isOfLostDirectory(host: HostReader, container: Pick<Container, 'Config'>): Promise<boolean> {
  const other = container.Config.Labels[WORKING_DIR];
  return other !== undefined && other !== host.dir && (await host.stat(other)) === undefined;
}

/** True when the container belongs to another directory that is there. */
export const isOfAnother = async (host: HostReader, container: Pick<Container, 'Config'>): Promise<boolean> =>
  !(await isHere(host, container)) && !(await isOfLostDirectory(host, container));

/**
 * True when this directory was moved while its containers were there: what made all of them is gone, and the key here is
 * the one on record, so that this is an install and not another one of that name.
 */
export function wasMoved(host: HostReader, project: string): Promise<boolean> {
  return host.once(`moved directory ${project}`, async () => {
    const made = (await containers(host, project)).filter((c) => c.Config.Labels[WORKING_DIR] !== undefined);
    const lost = await Promise.all(made.map((c) => isOfLostDirectory(host, c)));
    return made.length > 0 && lost.every(Boolean) && (await hasKeyOnRecord(host));
  });
}

async function hasKeyOnRecord(host: HostReader): Promise<boolean> {
  const [key, check] = await Promise.all([host.readSecret(PATH.key), readCheck(host)]).catch(() => []);
  return key !== undefined && check !== undefined && checkOf(key).hmacSha256 === check.hmacSha256;
}

/** Compose's label of the service that a container is of. */
const SERVICE_LABEL = 'com.docker.compose.service';

/**
 * The name of this directory that the container of each service was made under. Compose makes absolute paths of it, which
 * go into the hash of a service: under another name of the same directory a container would seem to be made from other
 * files. Services without a container here are not in it.
 */
export function directoryNames(host: HostReader, project: string): Promise<ReadonlyMap<string, string>> {
  return host.once(`directory names ${project}`, async () => {
    // Without an engine no container knows a name; that it does not answer is said elsewhere.
    const all = await containers(host, project).catch(() => []);
    const here = await Promise.all(
      all.map(async (c): Promise<[string, string][]> => {
        const { [SERVICE_LABEL]: service, [WORKING_DIR]: name } = c.Config.Labels;
        return service !== undefined && name !== undefined && (await isHere(host, c))
          ? [[service, name]]
          : [];
      }),
    );
    return new Map(here.flat());
  });
}

/** What Compose is told as the directory of the project: the name that its containers know, else the one that was given. */
export async function projectDirectory(host: HostReader, project: string): Promise<string> {
  const [name] = (await directoryNames(host, project)).values();
  return name ?? host.dir;
}
