/** From outside: the console's fence with every spelling and every forged claim, and what must stay open. */
import type { HttpResult } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import {
  askAsOthers,
  attackAll,
  fenceShots,
  forgedShots,
  metricsShots,
  refused,
  type Shot,
} from '../reverse-proxy/attack.ts';
import { ask, because } from '../reverse-proxy/look.ts';
import { askWithoutKey, judgeWithoutKey } from '../reverse-proxy/without-key.ts';
import { claimedBy, type ProbeAnswers } from './answers.ts';
import { plainHttp } from './encryption.ts';
import { everywhere, type Look, type Reached, siteOf } from './survey.ts';

type OutsideControl = Control<ProbeAnswers>;

const fire = (context: Look, { https, from }: Reached, shots: readonly Shot[]): Promise<Verdict> =>
  attackAll(
    siteOf(context),
    shots.map((shot) => ({ ...shot, connectTo: https, from: from ?? 'this machine' })),
  );

/** `GET /admin` as it is; shared. */
const console = (context: Look, { address, https }: Reached): Promise<HttpResult> =>
  context.host.once(`outside console ${address}`, () => ask(siteOf(context), https, '/admin'));

const INSIDE =
  'this machine is inside the allowed ranges (--inside): what others are refused cannot be judged from here, take another look from outside of them';

/** An attack that must be refused to everybody outside; from inside the ranges it says nothing. */
const outside = (context: Look, attack: (at: Reached) => Promise<Verdict>): Promise<Verdict> =>
  context.answers.inside === 'yes' ? Promise.resolve(unknown(INSIDE)) : everywhere(context, attack);

/** A fence that lets this machine in has two explanations, and only a person knows which it is. */
const explained = (verdict: Verdict, { from }: Reached): Verdict =>
  verdict.is === 'fail'
    ? {
        ...verdict,
        cause: `the fence is open, or the address of this machine (${from ?? 'not known'}) is in the allowed ranges: if it is, say --inside`,
      }
    : verdict;

const publicAnswers: OutsideControl = {
  id: 'outside.public-paths-answer',
  title: 'From another machine, /v1 and /mcp are reachable and ask for an API key',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Asks at each address for models, an answer and MCP without a key, and for models with a made-up key; CoreCube itself must refuse each.',
  threat: 'A fence that is too wide stops the clients; an API that asks for no key serves everybody.',
  remedy:
    'Apply again on the host. When CoreCube itself serves /v1 or /mcp without a valid key, look at the API keys of type public in the console and report it to CoreCube.',
  impact: 'On the host the proxy loads its file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    everywhere(context, async ({ https, models }) =>
      judgeWithoutKey(
        await askWithoutKey(
          (path, options) => ask(siteOf(context), https, path, options),
          Promise.resolve(models),
        ),
      ),
    ),
};

const adminRefused: OutsideControl = {
  id: 'outside.admin-refused',
  title: 'From another machine, the console and everything that is not public are refused',
  severity: 'required',
  section: 'admin-console-access',
  refs: ['CWE-284', 'CWE-22', 'RFC 3986 section 6.2.2'],
  how: 'Asks for dozens of spellings of fenced paths at each address; each must be refused, which cannot be judged with --inside.',
  threat:
    'Whoever finds a spelling that the proxy and CoreCube read differently stands before the login page.',
  remedy:
    'Apply again on the host, and look for other proxies that serve CoreCube. From a machine in the allowed ranges, run the probe with --inside.',
  impact: 'Who is outside of the allowed ranges can no longer open the console.',
  inspect: (context) =>
    outside(context, async (at) =>
      explained(await fire(context, at, fenceShots(context.answers.publicPaths)), at),
    ),
};

const forgedRefused: OutsideControl = {
  id: 'outside.forged-addresses-refused',
  title: 'From another machine, claiming an allowed address in a header does not open the console',
  severity: 'required',
  section: 'admin-console-access',
  refs: ['CWE-348', 'RFC 7239 section 8.1'],
  how: 'Asks for fenced paths with forwarding headers that claim a private address.',
  threat:
    'X-Forwarded-For and its relatives are written by anybody; a proxy that believes them has no fence.',
  remedy:
    'Apply again on the host: the Caddyfile trusts no proxy. A load balancer in front that has to be believed is not supported.',
  impact: 'Behind a load balancer every client has its address, and is judged by it.',
  inspect: (context) =>
    outside(context, async (at) => {
      const bare = await console(context, at);
      if (!bare.ok) return unknown(`GET /admin got no answer: ${because(bare.message)}`);
      if (!refused(bare))
        return unknown(`GET /admin answers ${bare.status} without any claim, so that a claim proves nothing`);
      const claimed = claimedBy(context.answers.adminRanges);
      const verdict = await fire(context, at, forgedShots(claimed));
      return verdict.is === 'pass' ? pass(`${verdict.observed}; claimed ${claimed.join(', ')}`) : verdict;
    }),
};

const metricsRefused: OutsideControl = {
  id: 'outside.metrics-refused',
  title: 'From another machine, metrics and operational paths are refused',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Asks for metrics, health and debug paths that --public-paths does not open at each address; each must be refused.',
  threat: 'Metrics tell an attacker what runs, for whom, and when nobody is looking.',
  remedy:
    'Apply again on the host: everything but /v1, /mcp and publicPaths is behind the fence. From a machine in the allowed ranges, run the probe with --inside.',
  impact: 'A collector outside of the allowed ranges can no longer read the metrics.',
  inspect: (context) =>
    outside(context, async (at) =>
      explained(await fire(context, at, metricsShots(context.answers.publicPaths)), at),
    ),
};

const otherHosts: OutsideControl = {
  id: 'outside.other-hosts-refused',
  title: 'From another machine, other names and the bare address get nothing of CoreCube',
  severity: 'required',
  section: 'admin-console-access',
  refs: ['RFC 9110 section 7.4', 'CWE-350'],
  how: 'Asks under another name, with another Host header and by bare address; none may be served.',
  threat:
    'A page on a name that points here (DNS rebinding) could talk to CoreCube in the browser of an admin.',
  remedy: 'Apply again on the host: the Caddyfile serves one name only.',
  impact: 'Requests for any other name of the host are refused.',
  inspect: (context) =>
    everywhere(context, async ({ https, http, models }) => {
      // A proxy that answers nobody refuses everybody: that proves nothing.
      if (!models.ok) return unknown(`nothing is served under its own name: ${because(models.message)}`);
      const open = (await plainHttp(context, http)) === 'open';
      const { leaks, unseen, tried } = await askAsOthers(siteOf(context), https, open ? http : undefined);
      if (leaks.length > 0) return fail(leaks.join('; '), 'no handshake, or 421');
      if (unseen.length > 0) return unknown(unseen.join('; '));
      return pass(`${tried} requests under other names and the bare address got nothing of CoreCube`);
    }),
};

const consoleOpens: OutsideControl = {
  id: 'outside.console-opens-inside',
  title: 'From a machine inside the allowed ranges, the console opens',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Opens the console from a machine that --inside says is allowed.',
  threat:
    'Administrators are locked out, and the fence is widened in a hurry. Over IPv6 it is the sign that every client looks like the bridge gateway.',
  remedy:
    'Add the address of this machine to adminRanges; when it is there, remove IPv6 publishing, which hides the addresses of clients behind Docker.',
  impact: 'Whoever shares an address that you add may open the login page too.',
  inspect: (context) => {
    if (context.answers.inside === 'no')
      return Promise.resolve(skip('this machine was not said to be inside the allowed ranges (--inside)'));
    return everywhere(context, async (at) => {
      const answer = await console(context, at);
      if (!answer.ok) return unknown(`GET /admin got no answer: ${because(answer.message)}`);
      if (answer.status >= 500)
        return unknown(`GET /admin answers ${answer.status}: CoreCube does not answer behind the proxy`);
      if (answer.status < 400 || answer.status === 401) return pass(`GET /admin answers ${answer.status}`);
      const cause = `the address of this machine (${at.from ?? 'not known'}) is in none of the allowed ranges, or the proxy sees another one`;
      return fail(`GET /admin answers ${answer.status}`, 'the console', cause);
    });
  },
};

export const fenceControls: readonly OutsideControl[] = [
  publicAnswers,
  adminRefused,
  forgedRefused,
  metricsRefused,
  otherHosts,
  consoleOpens,
];
