/** The machine: room, clock, a file system that keeps modes, and a firewall that Docker goes around. */
import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { engine } from '../shared/engine.ts';
import { MINIMUM } from '../shared/minimums.ts';
import { ID, type PreflightControl } from './common.ts';
import { fileSystemControls } from './file-system.ts';

const section = 'operation';
const gib = (mib: number): string => `${(mib / 1024).toFixed(1)} GiB`;

interface Room {
  readonly place: string;
  /** MiB; why it is not known otherwise. */
  readonly free: number | { readonly unknown: string; readonly awaits?: string };
}

/** Free room where the install is and where the engine keeps images and volumes. Shared within a snapshot. */
function rooms(host: HostReader): Promise<readonly Room[]> {
  return host.once('free disk', async () => {
    const found: Room[] = [{ place: host.dir, free: (await host.system()).diskFreeMb }];
    const seen = await engine(host);
    if (seen.state === 'ready' && seen.info.DockerRootDir) {
      const place = seen.info.DockerRootDir;
      const result = await host.query(['df', '-Pk', place]);
      // Available, capacity, mount point (POSIX, df -P): counted from the right, for the name of a device may hold spaces.
      const free = Number(result.stdout.trim().split('\n').at(-1)?.split(/\s+/).at(-3));
      const isTold = result.code === 0 && Number.isFinite(free);
      const why = result.stderr.trim().split('\n').at(-1) || `df ended with ${result.code}`;
      found.push({ place, free: isTold ? Math.floor(free / 1024) : { unknown: why } });
    } else if (seen.state !== 'not-installed') {
      const unknown = 'Docker Engine does not say where that is';
      found.push({ place: 'the place of images and volumes', free: { unknown, awaits: ID.reachable } });
    }
    return found;
  });
}

async function roomVerdict(host: HostReader, least: number): Promise<Verdict> {
  const all = await rooms(host);
  const seen = all.flatMap(({ place, free }) => (typeof free === 'number' ? [{ place, free }] : []));
  const short = seen.filter((room) => room.free < least);
  const say = (list: typeof seen) => list.map((room) => `${gib(room.free)} free at ${room.place}`).join(', ');
  if (short.length > 0) return fail(say(short), `at least ${gib(least)} free`);
  for (const { place, free } of all)
    if (typeof free !== 'number')
      return unknown(`the free space at ${place} is not known: ${free.unknown}`, free.awaits);
  return pass(say(seen));
}

const disk: PreflightControl = {
  id: 'host.disk',
  title: `At least ${gib(MINIMUM.disk.hard)} of disk are free`,
  severity: 'required',
  section,
  refs: ['CIS Docker 1.1.1'],
  manual: true,
  how: 'Reads the free space where the install is and where the engine keeps its data (df), against the least that is needed to run.',
  threat: 'A full disk stops PostgreSQL in the middle of a write and loses audit records.',
  remedy: 'Free or add disk space; docker system df shows what images and build caches hold.',
  impact: 'None.',
  inspect: ({ host }) => roomVerdict(host, MINIMUM.disk.hard),
};

const diskReserve: PreflightControl = {
  id: 'host.disk-reserve',
  title: `At least ${gib(MINIMUM.disk.soft)} of disk are free for growth`,
  severity: 'advised',
  section,
  how: 'Reads the same free space, against what a growing index and audit log need.',
  threat: 'Documents, their index and the audit log grow; a small disk is full within weeks.',
  remedy: 'Add disk space, or move the data folder of Docker to a larger disk, before much is indexed.',
  impact: 'None.',
  inspect: ({ host }) => roomVerdict(host, MINIMUM.disk.soft),
};

const memoryVerdict = async (host: HostReader, least: number): Promise<Verdict> => {
  const { memoryMb } = await host.system();
  return memoryMb >= least ? pass(`${memoryMb} MiB`) : fail(`${memoryMb} MiB`, `at least ${least} MiB`);
};

const memory: PreflightControl = {
  id: 'host.memory',
  title: 'The host has at least 1 GiB of memory',
  severity: 'required',
  section,
  manual: true,
  how: "Reads the host's total memory from the kernel, against the least that is needed to run.",
  threat: 'The kernel ends processes when memory runs out, PostgreSQL first.',
  remedy: 'Give the machine more memory.',
  impact: 'A restart of the machine, as a rule.',
  inspect: ({ host }) => memoryVerdict(host, MINIMUM.memory.hard),
};

const memoryReserve: PreflightControl = {
  id: 'host.memory-reserve',
  title: 'The host has at least 4 GiB of memory',
  severity: 'advised',
  section,
  how: "Reads the host's total memory from the kernel, against what uploads and vector searches need.",
  threat: 'Uploads and vector searches push a small machine into swapping, and health checks fail.',
  remedy: 'Give the machine more memory, or run the model services elsewhere.',
  impact: 'A restart of the machine, as a rule.',
  inspect: ({ host }) => memoryVerdict(host, MINIMUM.memory.soft),
};

/** Nothing that this tool was written for exists before: a clock behind it was never set. */
const EARLIEST = Date.UTC(2025, 0, 1);

const TIME_SERVICES = ['chrony', 'chronyd', 'ntp', 'ntpsec', 'systemd-timesyncd'];

const clock: PreflightControl = {
  id: 'host.clock',
  title: 'The clock is kept by a time service',
  severity: 'advised',
  section,
  refs: ['RFC 5905'],
  how: 'Asks timedatectl whether the clock is synchronised, else systemctl whether a time service is active; the time itself is not compared with another source.',
  threat:
    'A wrong clock makes certificates invalid, webhooks too old (five minutes are allowed), and the audit log worthless.',
  remedy: 'timedatectl set-ntp true, or install chrony or systemd-timesyncd.',
  impact: 'The clock may jump once.',
  async inspect({ host }) {
    const now = host.now();
    if (now.getTime() < EARLIEST) return fail(`the clock says ${now.toISOString()}`, 'the present date');
    const result = await host.query(['timedatectl', 'show', '--property=NTPSynchronized', '--value']);
    const said = result.stdout.trim();
    if (result.code === 0 && said === 'yes') return pass('timedatectl: synchronised');
    if (result.code === 0 && said === 'no')
      return fail('timedatectl: not synchronised', 'a clock that is synchronised over the network');
    if (!/not been booted with systemd/i.test(result.stderr)) {
      const active = await host.query(['systemctl', 'is-active', ...TIME_SERVICES]);
      const at = active.stdout.split('\n').indexOf('active');
      if (at >= 0) return pass(`${TIME_SERVICES[at]} is active`);
    }
    return unknown('neither timedatectl nor a time service tells whether the clock is synchronised');
  },
};

const firewall: PreflightControl = {
  id: 'host.firewall',
  title: 'No host firewall is relied on that Docker goes around',
  severity: 'advised',
  section: 'network-isolation',
  refs: ['CIS Docker 5.14'],
  how: 'Asks ufw, firewall-cmd and systemctl whether one of these firewalls is active; rules made by hand are not read.',
  threat: 'Docker publishes ports past ufw and firewalld: a rule there looks like protection and is none.',
  remedy:
    "Rely on the proxy's fence: it is the only service that is published. To filter further, use the DOCKER-USER chain or a firewall in front of the host. Waive with --skip host.firewall once this is known.",
  impact: 'None.',
  async inspect({ host }) {
    const active: string[] = [];
    const ufw = await host.query(['ufw', 'status']);
    if (/^Status: active/m.test(ufw.stdout)) active.push('ufw');
    // Its status is for root only; its switch is readable for all (the unit is active even when ufw is disabled).
    else if (
      ufw.code !== 127 &&
      ufw.code !== 0 &&
      /^ENABLED=yes/im.test((await host.readText('/etc/ufw/ufw.conf')) ?? '')
    )
      active.push('ufw');
    const firewalld = await host.query(['firewall-cmd', '--state']);
    if (/^running/m.test(firewalld.stdout)) active.push('firewalld');
    else if (
      firewalld.code !== 127 &&
      firewalld.code !== 0 &&
      !/^not running/m.test(`${firewalld.stdout}\n${firewalld.stderr}`) &&
      (await isActive(host, 'firewalld'))
    )
      active.push('firewalld');
    return active.length === 0
      ? pass('neither ufw nor firewalld is active')
      : fail(
          `${active.join(' and ')} is active; ports that Docker publishes are reachable past its rules, and this install publishes the two ports of the proxy`,
          'knowledge that its rules do not guard the published ports',
        );
  },
};

/** @throws when systemctl does not say: neither that the unit is active nor in which other state it is (systemctl(1), is-active) */
async function isActive(host: HostReader, unit: string): Promise<boolean> {
  const { code, stdout, stderr } = await host.query(['systemctl', 'is-active', unit]);
  if (code === 0) return true;
  if (/^(inactive|failed|unknown|activating|deactivating|maintenance|reloading)$/m.test(stdout)) return false;
  throw new Error(
    `whether ${unit} is active is not known: ${stderr.trim() || `systemctl ended with ${code}`}`,
  );
}

export const hostControls: readonly PreflightControl[] = [
  disk,
  diskReserve,
  memory,
  memoryReserve,
  clock,
  ...fileSystemControls,
  firewall,
];
