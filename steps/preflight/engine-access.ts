/** Who can give the engine orders: whoever can is root on this host. */
import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, unknown } from '../../src/core/step.ts';
import { type EngineInfo, endpointOf } from '../shared/engine.ts';
import { type PreflightControl, withEngine } from './common.ts';

/** Where the engine listens unless it is told otherwise (dockerd(8)). */
const SOCKET = '/var/run/docker.sock';
/** Read or write permission of everybody (chmod(1)): connecting to a socket takes the right to write (unix(7)). */
const FOR_ALL = 0o006;

/** The engine's own words about a port that it takes orders on from whoever reaches it (docker info, "Warnings"). */
function openPorts({ Warnings }: EngineInfo): readonly string[] {
  return (Warnings ?? []).flatMap((warning) => {
    const told = /API is accessible on (\S+) (without [^.\n]+)/.exec(warning);
    return told ? [`the engine takes orders on ${told[1]} ${told[2]}`] : [];
  });
}

/** What is wrong with the socket; undefined when nothing is. Throws when it cannot be looked at. */
async function openSocket(host: HostReader): Promise<string | undefined> {
  const endpoint = (await endpointOf(host)) ?? SOCKET;
  const path = await host.realPath(endpoint.replace(/^unix:\/\//, ''));
  const stat = await host.stat(path);
  if (stat === undefined) throw new Error(`there is no socket at ${path}`);
  if ((stat.mode & FOR_ALL) !== 0) return `${path} has mode 0${stat.mode.toString(8)}`;
  return stat.uid === 0 ? undefined : `${path} belongs to uid ${stat.uid}`;
}

export const engineAccess: PreflightControl = {
  id: 'docker.api-closed',
  title: 'Only root and the group docker can give the engine orders',
  severity: 'required',
  section: 'docker-security',
  refs: ['CIS Docker 2.7', 'CIS Docker 3.15', 'CIS Docker 3.16'],
  manual: true,
  how: "Reads owner and mode of the engine's socket, and the engine's own warnings about ports that it takes orders on without a client's certificate.",
  threat: 'Whoever can give the engine orders is root on this host, past every fence.',
  remedy:
    'Remove tcp:// from the hosts of the engine (daemon.json, the unit of docker.service) and restart it. Of the socket: chown root:docker and chmod 660; who needs the engine becomes a member of the group docker.',
  impact:
    'The engine is restarted, and its containers with it unless live-restore is on; what used the open way loses it.',
  inspect: ({ host }) =>
    withEngine(host, async (info) => {
      const open = [...openPorts(info)];
      const socket = await openSocket(host).catch((error: Error) => error);
      if (typeof socket === 'string') open.push(socket);
      if (open.length > 0)
        return fail(open.join('; '), 'a socket of root and of the group docker, and nothing else');
      if (socket instanceof Error) return unknown(`who can use the socket is not seen: ${socket.message}`);
      return pass('a socket that is closed to others, and no port without certificates');
    }),
};
