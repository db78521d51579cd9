/** Where the proxy keeps certificates and keys: in its volumes, and so that it can write them again. */
import { join } from 'node:path';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { keptElsewhere } from '../compose/weakening.ts';
import { type Container, execIn, variablesOf } from '../shared/docker.ts';
import { UID, VOLUME } from '../shared/layout.ts';
import { type Context, lastLine, type ProxyAnswers, whenUp } from './look.ts';

const KEPT = [
  ['/data', VOLUME.proxyData],
  ['/config', VOLUME.proxyConfig],
] as const;
/** What Caddy makes in each of them; what else lies there, such as the file system's own lost+found, is none of it. */
const MADE = 'caddy';

const GOOD = `named volumes, owned by ${UID.proxy}`;

export const dataKept: Control<ProxyAnswers> = {
  id: 'proxy.data-kept',
  title: 'Certificates and keys of the proxy are kept in a named volume that it can write',
  severity: 'required',
  section: 'tls',
  how: 'Reads the mounts at /data and /config and the variables that lead past them in docker inspect, and who owns what Caddy has made there.',
  threat:
    'A lost volume means a new certificate at every start; the authority locks the name out for days after a few.',
  remedy:
    'Apply again: the volume is mounted and belongs to the proxy. It is never removed. Where compose.override.yaml leads past it, take that out first.',
  impact:
    'The proxy is recreated and away for some seconds; with an authority its certificate may be ordered anew.',
  inspect: (context) =>
    whenUp(context, async ({ container }) => {
      const mounts = KEPT.map(([path]) => container.Mounts.find((mount) => mount.Destination === path));
      for (const [i, [path, volume]] of KEPT.entries()) {
        const mount = mounts[i];
        const name = `${context.answers.projectName}_${volume}`;
        if (mount?.Type !== 'volume' || mount.Name !== name || !mount.RW) {
          return fail(
            `${path} is ${mount ? `${mount.Type} ${mount.Name ?? mount.Source}` : 'not mounted'}`,
            `volume ${name}`,
          );
        }
      }
      const [elsewhere] = keptElsewhere(variablesOf(container));
      if (elsewhere !== undefined)
        return fail(`${elsewhere} sends them elsewhere`, 'kept in the volumes at /data and /config');
      if (
        await ownedOnHost(
          context,
          mounts.map((mount) => mount?.Source ?? ''),
        )
      )
        return pass(GOOD);
      return ownedInside(context, container);
    }),
};

/** A quick look at the volumes from the host; false also when they cannot be seen from here. */
async function ownedOnHost({ host }: Context, paths: readonly string[]): Promise<boolean> {
  // A driver may name no place: that would be the directory of the install.
  if (!paths.every((path) => path.startsWith('/'))) return false;
  const isOwn = async (path: string) => (await host.stat(path))?.uid === UID.proxy;
  const isOwnBelow = async (path: string): Promise<boolean> => {
    const stat = await host.stat(path);
    if (stat === undefined) return true;
    if (stat.uid !== UID.proxy) return false;
    if (stat.kind !== 'directory') return true;
    const names = await host.list(path);
    const all = await Promise.all((names ?? []).map((name) => isOwnBelow(join(path, name))));
    return names !== undefined && all.every(Boolean);
  };
  const looks = paths.flatMap((path) => [isOwn(path), isOwnBelow(join(path, MADE))]);
  return (await Promise.all(looks).catch(() => [false])).every(Boolean);
}

/** The same from inside of the container, which sees its own uids. */
async function ownedInside({ host }: Context, container: Container) {
  const tops = KEPT.map(([path]) => path);
  const top = await execIn(host, container, ['stat', '-c', '%u %n', ...tops]);
  if (top.code !== 0) return unknown(`the owner cannot be looked at: ${lastLine(top.stderr)}`);
  const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');
  const wrong = lines(top.stdout).filter((line) => !line.startsWith(`${UID.proxy} `));
  if (wrong.length > 0) return fail(`owner and path: ${wrong.join(', ')}`, `owned by ${UID.proxy}`);
  const made = tops.map((path) => `${path}/${MADE}`);
  const below = await execIn(host, container, ['find', ...made, '!', '-user', String(UID.proxy)]);
  const [first, ...more] = lines(below.stdout);
  if (first !== undefined)
    return fail(
      `${first} ${more.length > 0 ? `and ${more.length} more do` : 'does'} not belong to ${UID.proxy}`,
      `owned by ${UID.proxy}`,
    );
  const said = lines(below.stderr).filter((line) => !/no such file/i.test(line));
  return below.code === 0 || (said.length === 0 && below.code === 1)
    ? pass(GOOD)
    : unknown(`the owner of what lies below cannot be looked at: ${lastLine(below.stderr)}`);
}
