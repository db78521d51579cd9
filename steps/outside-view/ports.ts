/** From outside: ports that must not answer, on every address of the name. */
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { APP_PORT, DATABASE } from '../shared/layout.ts';
import type { ProbeAnswers } from './answers.ts';
import { combine } from './survey.ts';

type Told = Pick<
  Control<ProbeAnswers>,
  'id' | 'title' | 'section' | 'refs' | 'how' | 'threat' | 'remedy' | 'impact'
>;

/** A port that is closed from here: refused, or filtered on an address at which the HTTPS port answers. */
const closed = (port: number, told: Told): Control<ProbeAnswers> => ({
  ...told,
  severity: 'required',
  inspect: (context) =>
    combine(context, async (route) => {
      if (route.is === 'own' || route.is === 'unroutable') return unknown(route.because);
      const { address } = route;
      if ([context.answers.target.port, context.answers.httpPort].includes(port))
        return unknown(`port ${port} is the one that is looked at as the web server's`);
      const seen = await context.host.tcp({ host: address, port, timeoutMs: 2_000 });
      if (seen === 'open') return fail(`port ${port} of ${address} is open`, 'refused or filtered');
      if (seen === 'refused') return pass(`port ${port} is refused`);
      // Where nothing answers at all, silence proves nothing.
      return route.is === 'reached'
        ? pass(`port ${port} is filtered`)
        : unknown(`port ${port} is silent, and so is the HTTPS port (${route.because})`);
    }),
});

export const portControls: readonly Control<ProbeAnswers>[] = [
  closed(APP_PORT, {
    id: 'outside.app-port-closed',
    title: `From another machine, CoreCube's own port ${APP_PORT} does not answer`,
    section: 'network-isolation',
    refs: ['CIS Docker 5.7', 'CIS Docker 5.9'],
    how: 'Tries to connect to port 7400 of each address.',
    threat:
      "It leads around the console's fence and around TLS; Docker's published ports go around most host firewalls.",
    remedy: 'Remove the published port from compose.override.yaml, then apply again on the host.',
    impact: 'CoreCube is recreated and away for some seconds; what used its port must use the proxy.',
  }),
  closed(DATABASE.port, {
    id: 'outside.database-port-closed',
    title: `From another machine, PostgreSQL's port ${DATABASE.port} does not answer`,
    section: 'network-isolation',
    refs: ['CIS Docker 5.7'],
    how: 'Tries to connect to port 5432 of each address.',
    threat: 'The database holds every document in plain text, and its passwords can be tried from anywhere.',
    remedy:
      'Publish no port of the database: remove it from compose.override.yaml and look for another PostgreSQL on the host.',
    impact: 'The database is recreated; its data stays. What came in through that port loses its way.',
  }),
  closed(2019, {
    id: 'outside.proxy-admin-port-closed',
    title: "From another machine, port 2019 of the proxy's own administration does not answer",
    section: 'admin-console-access',
    refs: ['CWE-306'],
    how: 'Tries to connect to port 2019 of each address.',
    threat: 'Whoever reaches it replaces the whole configuration of the proxy, without a password.',
    remedy: 'Remove any port 2019 from compose.override.yaml, then apply again on the host.',
    impact: 'The proxy is recreated and away for some seconds.',
  }),
  closed(2375, {
    id: 'outside.engine-port-closed',
    title: 'From another machine, port 2375 of an unprotected Docker Engine does not answer',
    section: 'docker-security',
    refs: ['CIS Docker 2.7'],
    how: 'Tries to connect to port 2375 of each address.',
    threat: 'Whoever reaches the engine without TLS is root on the host.',
    remedy: 'Remove tcp:// from the hosts of the engine (daemon.json, the unit of docker.service).',
    impact:
      'The engine is restarted, and its containers with it unless live-restore is on; what used that port loses its way.',
  }),
];
