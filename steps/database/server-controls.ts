/** Controls of the server itself: up, its password known, encrypted, verified, closed to everything else. */
import { type Control, fail, pass, skip, unknown } from '../../src/core/step.ts';
import { refusedByServer } from '../reverse-proxy/tls.ts';
import { NETWORK, PATH, SERVICE } from '../shared/layout.ts';
import { superuserPassword } from '../shared/postgres.ts';
import { RENEW_DAYS } from './file-controls.ts';
import {
  asRole,
  CERTIFICATE,
  greeting,
  ground,
  type Needed,
  notIn,
  PASSWORD,
  SECTION,
  said,
  UP,
} from './ground.ts';
import { authorityInside } from './start.ts';
import { volumePassword } from './volume.ts';

const EXTERNAL = 'the database is external: it has no container here';

export const serverControls: readonly Control<Needed>[] = [
  {
    id: UP,
    title: 'The database runs and answers',
    severity: 'required',
    section: SECTION,
    how: "Reads the state and health of the database's container and asks its port for TLS: only an answer counts, not an open port.",
    threat:
      'Nothing about a database that does not answer can be proved, and CoreCube does not start without it.',
    remedy: `Apply starts it. See docker compose logs ${SERVICE.database} for why it ended.`,
    impact: 'None: what needs the database does not work until it runs.',
    async inspect({ host, answers }) {
      const base = await ground(host, answers);
      const expected = 'it runs, is healthy and answers';
      if (base.is === 'down') return fail(base.observed, expected);
      const health = base.container?.State.Health?.Status;
      if (health !== undefined && health !== 'healthy') return fail(`its health is ${health}`, expected);
      const { host: name, port } = base.server;
      const answer = await greeting(host, base);
      // An open port alone proves nothing: the kernel opens it for a process that hangs, too.
      if (answer.ok || answer.code === 'NO_TLS')
        return pass(`port ${port} answers${health ? `; the container is ${health}` : ''}`);
      const seen = `${name}, port ${port}: ${answer.message} (${answer.code})`;
      // Nothing here can start somebody else's server, and silence may be the network's: then it was not seen.
      if (!base.container || /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/.test(answer.code)) return unknown(seen);
      return fail(seen, expected);
    },
  },
  {
    id: PASSWORD,
    title: 'The database accepts the superuser password that is kept here',
    severity: 'required',
    section: SECTION,
    how: 'Logs in as the superuser with the kept password; where the database is stopped, compares the password with the verifier in its volume.',
    threat:
      'A volume keeps the password it was made with; a new one in a file changes nothing, and CoreCube would be locked out.',
    remedy: `Two ways. Put the password that the volume was made with into ${PATH.databaseSuperuserPassword} (mode 0600, owner uid 999). Or give the database the one in that file: docker compose stop ${SERVICE.database}, then docker compose run --rm -T --no-deps --entrypoint postgres ${SERVICE.database} --single -D /var/lib/postgresql/data postgres, and type ALTER ROLE postgres PASSWORD '...' in one line. The volume is never removed.`,
    impact: 'None for the data.',
    manual: true,
    unwaivable: true,
    async inspect({ host, answers }) {
      if (answers.database === 'external') return skip('the database is external: see database.admin-login');
      const base = await ground(host, answers);
      if (base.is === 'down') return volumePassword(host, answers, await superuserPassword(host));
      if (!base.superuser || !base.hello)
        return fail(
          `the database runs and ${PATH.databaseSuperuserPassword} is not there`,
          'the file with its password',
        );
      // SCRAM never shows the password, so the server is asked without trust in its certificate, which is another
      // control's business.
      const { ca: _unchecked, ...rest } = base.superuser;
      const [result] = !base.hello.ok
        ? await host.sql({ ...rest, tls: 'encrypt' }, [{ text: 'SELECT 1' }])
        : [base.hello];
      if (!result) throw new Error('no answer');
      if (result.ok) return pass(`${base.superuser.user} logs in`);
      if (result.code === '28P01') return fail(said(result), 'the login succeeds');
      if (result.code === '3D000')
        return fail(
          said(result),
          'the database exists',
          'its first start was interrupted: create it with createdb, as postgres inside the container',
        );
      if (result.code === '55000')
        return fail(
          said(result),
          'the database takes connections',
          `somebody closed it: docker compose exec ${SERVICE.database} psql -h /run/postgresql -U postgres -d postgres -c 'ALTER DATABASE corecube ALLOW_CONNECTIONS true' opens it`,
        );
      return notIn(result, PASSWORD, 'pg.files') ?? unknown(said(result));
    },
  },
  {
    id: CERTIFICATE,
    title: 'The database proves who it is with a certificate of the right authority',
    severity: 'required',
    section: SECTION,
    refs: ['RFC 6125', 'CIS PostgreSQL 6.8'],
    how: "Makes a TLS handshake after PostgreSQL's SSLRequest and verifies chain, name and remaining days against the kept authority.",
    threat: 'sslmode=require encrypts to whoever answers: an impostor on the network reads everything.',
    remedy: `Apply makes the authority and the certificate and renews them when less than ${RENEW_DAYS} days remain; an external server needs a certificate of the authority you named, for the name in its URL.`,
    impact: 'The database is recreated; its data stays. A new authority also restarts CoreCube.',
    async inspect({ host, answers }) {
      const base = await ground(host, answers);
      if (base.is === 'down') return unknown(base.observed, UP);
      const { server, ca } = base;
      if (ca === undefined)
        return fail(`${PATH.databaseCa} is not there`, 'the authority that signs the certificate');
      const result = await greeting(host, base);
      if (!result.ok) {
        if (/ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/.test(result.code))
          return unknown(`no answer: ${result.message}`, UP);
        return fail(`no TLS: ${result.message} (${result.code})`, 'a TLS handshake');
      }
      const expected = `trusted by ${PATH.databaseCa}, for ${server.serverName}, valid ${RENEW_DAYS} more days`;
      if (!result.trusted) return fail(`not trusted: ${result.trustError ?? 'no reason given'}`, expected);
      const days = Math.floor((result.certificate.validTo.getTime() - host.now().getTime()) / 86_400_000);
      return days > RENEW_DAYS
        ? pass(`${result.protocol}, verified for ${server.serverName}, ${days} days left`)
        : fail(`${days} days left`, expected);
    },
  },
  {
    id: 'pg.plaintext-refused',
    title: 'A connection without encryption is refused, also with the right password',
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 6.8'],
    how: 'Tries to log in as the app role, with the right password, over an unencrypted connection.',
    threat: 'A client with a wrong URL would send everything in the clear, and nobody would notice.',
    remedy: `Apply writes ${PATH.hba} with hostssl lines only; an external server needs the same in its pg_hba.conf.`,
    impact: 'The database reads its rules again without a restart; clients without TLS can no longer log in.',
    async inspect({ host, answers }) {
      const base = await ground(host, answers);
      if (base.is === 'down') return unknown(base.observed, UP);
      const app = await asRole(host, answers, 'app');
      if (app.verdict) return app.verdict;
      const { ca: _none, serverName: _name, ...rest } = app.connection;
      const [result] = await host.sql({ ...rest, tls: 'plaintext' }, [{ text: 'SELECT 1' }]);
      if (result?.ok)
        return fail('the login went through in the clear', 'SQLSTATE 28000, no pg_hba.conf entry');
      if (!result) throw new Error('no answer');
      const seen = said(result);
      if (result.code === '28000') return pass(seen);
      // 28P01 means that the server went on to ask for the password in the clear.
      if (result.code === '28P01') return fail(seen, 'refused before a password is asked for');
      return unknown(seen, UP);
    },
  },
  {
    id: 'pg.old-tls-refused',
    title: 'TLS 1.1 and older are refused',
    severity: 'required',
    section: SECTION,
    refs: ['RFC 8996'],
    how: "Tries a handshake that offers TLS 1.0 and 1.1 only, which must end with the server's alert, and one with a current version to see that the server answers at all.",
    threat: 'TLS 1.0 and 1.1 are broken, and whoever is in between can force them.',
    remedy: 'Apply sets ssl_min_protocol_version to TLSv1.2.',
    impact:
      'The database is recreated; its data stays. Clients that know only older TLS can no longer connect.',
    async inspect({ host, answers }) {
      const base = await ground(host, answers);
      if (base.is === 'down') return unknown(base.observed, UP);
      const request = { ...base.server, startTls: 'postgres' as const };
      const [old, now] = await Promise.all([
        host.tls({ ...request, min: 'TLSv1', max: 'TLSv1.1' }),
        host.tls(request),
      ]);
      if (old.ok) return fail(`a handshake with ${old.protocol} succeeds`, 'refused');
      // A server that is down refuses everything; that proves nothing.
      if (!now.ok)
        return unknown(
          `a handshake with a current version does not succeed either: ${now.message}`,
          CERTIFICATE,
        );
      // Anything but the server's own alert is silence, or a client that cannot even offer such a version.
      if (!refusedByServer(old))
        return unknown(`TLS 1.0 and 1.1 could not be tried: ${old.message} (${old.code})`);
      return pass(`TLS 1.1: ${old.code}; ${now.protocol} works`);
    },
  },
  {
    id: 'pg.ca-delivered',
    title: "CoreCube verifies the database against today's authority",
    severity: 'required',
    section: SECTION,
    how: "Reads the authority's certificate inside the running CoreCube container and compares it with the file of the install.",
    threat:
      'A container keeps the file it was started with: with an old authority its next connection fails.',
    remedy: 'Apply recreates CoreCube.',
    impact: 'CoreCube is away for some seconds; its data stays.',
    async inspect({ host, answers }) {
      const ca = await host.readText(PATH.databaseCa);
      if (ca === undefined) return unknown(`${PATH.databaseCa} is not there`, 'pg.files');
      const held = await authorityInside(host, answers.projectName);
      if (held === 'not-running') return skip('CoreCube does not run: it holds none');
      if (held === 'none') return fail('the container holds no authority', PATH.databaseCa);
      return held.trim() === ca.trim()
        ? pass(`the container holds ${PATH.databaseCa}`)
        : fail('the container holds another authority', PATH.databaseCa);
    },
  },
  {
    id: 'pg.not-published',
    title: 'The database cannot be reached from outside this host',
    severity: 'required',
    section: 'network-isolation',
    refs: ['CIS Docker 5.14'],
    how: "Reads the port bindings and networks of the database's container in docker inspect; no connection from another host is tried.",
    threat: 'Docker publishes ports past the host firewall: the whole network could try passwords.',
    remedy: `Remove ports and networks of ${SERVICE.database} from ${PATH.compose} and ${PATH.override}; apply recreates the container.`,
    impact: 'The database is recreated; its data stays. What came in through that port loses its way.',
    async inspect({ host, answers }) {
      const base = await ground(host, answers);
      if (base.is === 'down') return unknown(base.observed, UP);
      const { container } = base;
      if (!container) return skip(EXTERNAL);
      const bound = [
        ...Object.entries(container.NetworkSettings.Ports ?? {}),
        ...Object.entries(container.HostConfig.PortBindings ?? {}),
      ].filter(([, bindings]) => (bindings ?? []).length > 0);
      const foreign = Object.keys(container.NetworkSettings.Networks).filter(
        (name) => name !== `${answers.projectName}_${NETWORK.internal}`,
      );
      if (bound.length > 0)
        return fail(
          `published: ${[...new Set(bound.map(([port]) => port))].join(', ')}`,
          'no published port',
        );
      if (foreign.length > 0)
        return fail(`also on the networks ${foreign.join(', ')}`, `${NETWORK.internal} only`);
      return pass(`no published port, on ${NETWORK.internal} only`);
    },
  },
];
