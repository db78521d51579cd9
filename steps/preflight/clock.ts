/** The clock of this host, held against every other clock that can be seen without asking anybody new. */
import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, skip, unknown } from '../../src/core/step.ts';
import { asRole } from '../database/ground.ts';
import { published } from '../reverse-proxy/look.ts';
import { containerOf, containers } from '../shared/docker.ts';
import { SERVICE } from '../shared/layout.ts';
import type { Needed, PreflightControl } from './common.ts';

/**
 * Seconds by which clocks may differ. Webhooks are refused after five minutes (guide, Webhook secrets); a Date header
 * counts whole seconds (RFC 9110, section 5.6.7), and a look under load takes a few.
 */
const TOLERANCE = 30;

/** How far another clock is ahead of ours, in seconds. */
interface Clock {
  readonly name: string;
  readonly ahead: number;
  /** Kept by another machine; else by the kernel of this one, which a look at it cannot catch being wrong. */
  readonly outside: boolean;
}
/** A clock, why it could not be read, or undefined where there is none. */
type Look = Clock | { readonly name: string; readonly silent: string } | undefined;

/** Reads a clock between two looks at ours: it is compared with the middle, and half of the time it took is forgiven. */
async function against(
  host: HostReader,
  name: string,
  outside: boolean,
  read: () => Promise<Date | string>,
): Promise<Look> {
  const before = host.now().getTime();
  const time = await read();
  const after = host.now().getTime();
  if (typeof time === 'string') return { name, silent: time };
  const offset = (time.getTime() - (before + after) / 2) / 1000;
  const slack = (after - before) / 2000;
  return { name, outside, ahead: Math.sign(offset) * Math.max(0, Math.abs(offset) - slack) };
}

/** The Date of an HTTP answer (RFC 9110, section 6.6.1), or why there is none. */
async function dateOf(answer: ReturnType<HostReader['http']>): Promise<Date | string> {
  const result = await answer;
  if (!result.ok) return result.message;
  const date = Date.parse(result.headers.find(([name]) => name === 'date')?.[1] ?? '');
  return Number.isNaN(date) ? 'its answer has no date' : new Date(date);
}

async function proxyClock(host: HostReader, answers: Needed): Promise<Look> {
  const proxy = await containerOf(host, answers.projectName, SERVICE.proxy);
  const connectTo = proxy && published(proxy, 80);
  if (!connectTo) return undefined;
  const origin = `http://${answers.domain}`;
  const request = { method: 'HEAD', origin, path: '/', connectTo, timeoutMs: 5_000 } as const;
  return against(host, 'the proxy', false, () => dateOf(host.http(request)));
}

async function databaseClock(host: HostReader, answers: Needed): Promise<Look> {
  const reach = await asRole(host, answers, 'app');
  if (!reach.connection) return undefined;
  return against(host, 'the database', answers.database === 'external', async () => {
    const text = 'SELECT extract(epoch FROM clock_timestamp())::float8 AS at';
    const [result] = await host.sql(reach.connection, [{ text }]);
    if (!result?.ok) return result?.message ?? 'no answer';
    return new Date(Number(result.rows[0]?.at) * 1000);
  });
}

/** The authority is spoken to by the proxy anyway. Its certificate is not judged: a wrong clock would refuse it. */
async function authorityClock(host: HostReader, answers: Needed): Promise<Look> {
  const { tls, acmeDirectory } = answers;
  if (tls !== 'acme' || acmeDirectory === undefined) return undefined;
  const { origin, pathname, hostname } = new URL(acmeDirectory);
  const request = { method: 'HEAD', origin, path: pathname, insecure: true, timeoutMs: 5_000 } as const;
  return against(host, `the certificate authority ${hostname}`, true, () => dateOf(host.http(request)));
}

const told = ({ name, ahead }: Clock): string =>
  `${name} is ${Math.abs(ahead) < 1 ? 'less than a second' : `${Math.round(Math.abs(ahead))} s`} ${ahead < 0 ? 'behind' : 'ahead'}`;

export const clockControl: PreflightControl = {
  id: 'host.clock-agrees',
  title: "This host's clock agrees with the other clocks that can be seen",
  severity: 'advised',
  section: 'operation',
  refs: ['RFC 5905', 'CWE-778'],
  manual: true,
  threat:
    'With a wrong clock certificates are refused or accepted too long, webhooks are too old after five minutes, and the audit log names times that never were.',
  how: `Compares the clock with those of the proxy and the database (the own machine's, unless the database is external) and, with ACME, with the Date of the authority's directory; ${TOLERANCE} s are allowed.`,
  remedy:
    'timedatectl set-ntp true, or install chrony or systemd-timesyncd; then wait until the clock is set.',
  impact: 'The clock may jump once.',
  async inspect({ host, answers }) {
    const looks = await Promise.all([
      proxyClock(host, answers),
      databaseClock(host, answers),
      authorityClock(host, answers),
    ]);
    const clocks = looks.flatMap((look) => (look && 'ahead' in look ? [look] : []));
    const silent = looks.flatMap((look) => (look && 'silent' in look ? [look] : []));
    const off = clocks.filter(({ ahead }) => Math.abs(ahead) > TOLERANCE);
    if (off.length > 0) return fail(off.map(told).join('; '), `at most ${TOLERANCE} s of difference`);
    if (clocks.length === 0) {
      if ((await containers(host, answers.projectName)).length === 0)
        return skip('nothing of this install is there yet whose clock could be compared');
      const reasons = silent.map((s) => `${s.name} does not tell its time: ${s.silent}`);
      return unknown(reasons.join('; ') || 'nothing that has a clock runs');
    }
    const inside = clocks.some(({ outside }) => outside) ? '' : '; all of them run on this machine';
    const unseen = silent.map((s) => `; ${s.name} does not tell its time`).join('');
    return pass(`${clocks.map(told).join(', ')}${inside}${unseen}`);
  },
};
