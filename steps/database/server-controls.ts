/** Controls of the server itself: up, encrypted, verified, closed to everything else. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { DATABASE, NETWORK, PATH, SERVICE } from '../shared/layout.ts';
import {
  databaseConnections,
  externalAdmin,
  superuserConnection,
  superuserPassword,
} from '../shared/postgres.ts';
import {
  attacks,
  CERTIFICATE,
  catalogs,
  databaseContainer,
  ENV_COMPLETE,
  type Needed,
  PASSWORD,
  reachServer,
  rowsOf,
  SECTION,
  UP,
} from './look.ts';
import { volumePassword } from './volume.ts';

/** Days a server certificate must still be valid. */
export const RENEW_DAYS = 30;
const EXTERNAL = 'the database is external: it has no container here';

export const serverControls: readonly Control<Needed>[] = [
  {
    id: UP,
    title: 'The database runs and answers',
    severity: 'required',
    section: SECTION,
    threat:
      'Nothing about a database that does not answer can be proved, and CoreCube does not start without it.',
    remedy: `Apply starts it. See docker compose logs ${SERVICE.database} for why it ended.`,
    async inspect({ host, answers }) {
      const seen = answers.database === 'external' ? undefined : await containerUp(host, answers);
      if (seen && seen.is !== 'pass') return seen;
      const server = await reachServer(host, answers);
      if ('verdict' in server)
        return fail(
          'the container is not joined to the internal network',
          `an address on ${NETWORK.internal}`,
        );
      const answer = await host.tcp({ host: server.host, port: server.port, timeoutMs: 5_000 });
      const where = `port ${server.port}`;
      if (answer === 'open') return pass(`${where} answers${seen ? `; ${seen.observed}` : ''}`);
      // Nothing here can start somebody else's server: it was not seen, and nothing is planned on it.
      if (!seen) return unknown(`the external database is ${answer} at ${where}`);
      return fail(`${where} is ${answer}`, 'it answers');
    },
  },
  {
    id: PASSWORD,
    title: 'The database accepts the superuser password that is kept here',
    severity: 'required',
    section: SECTION,
    threat:
      'A volume keeps the password it was made with; a new one in a file changes nothing, and CoreCube would be locked out.',
    remedy: `Either put the old password into ${PATH.databaseSuperuserPassword} (mode 0600, owner uid 999), or set the new one: docker compose exec --user 999 ${SERVICE.database} psql -U postgres, then \\password postgres. The volume is never removed.`,
    impact: 'None for the data.',
    manual: true,
    unwaivable: true,
    async inspect({ host, answers }) {
      if (answers.database === 'external') return externalPassword(host, answers);
      const container = await databaseContainer(host, answers);
      const password = await superuserPassword(host);
      if (!container?.State.Running) return volumePassword(host, answers, password);
      const connection = await superuserConnection(host, answers);
      if (!password)
        return fail(
          `the database runs and ${PATH.databaseSuperuserPassword} is not there`,
          'the file with its password',
        );
      if (!connection) return unknown('the database has no address on the internal network', UP);
      // Encrypted and not verified: whether the certificate is right is another control's business.
      const { ca: _unchecked, ...rest } = connection;
      const [result] = await host.sql({ ...rest, tls: 'encrypt' }, [{ text: 'SELECT 1' }]);
      if (result?.ok) return pass(`${DATABASE.superuser} logs in`);
      return judgeLogin(result?.code ?? 'UNKNOWN', result?.message ?? 'no answer');
    },
  },
  {
    id: CERTIFICATE,
    title: 'The database proves who it is with a certificate of the right authority',
    severity: 'required',
    section: SECTION,
    refs: ['RFC 6125', 'CIS PostgreSQL 6.8'],
    threat: 'sslmode=require encrypts to whoever answers: an impostor on the network reads everything.',
    remedy: `Apply makes the authority and the certificate and renews them when less than ${RENEW_DAYS} days remain; an external server needs a certificate of the authority you named, for the name in its URL.`,
    impact: 'The database is recreated; its data stays. A new authority also restarts CoreCube.',
    async inspect({ host, answers }) {
      const server = await reachServer(host, answers);
      if ('verdict' in server) return server.verdict;
      const ca = await host.readText(PATH.databaseCa);
      if (ca === undefined)
        return fail(`${PATH.databaseCa} is not there`, 'the authority that signs the certificate');
      const result = await host.tls({ ...server, startTls: 'postgres', ca });
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
    id: 'pg.tls-in-use',
    title: 'Connections of the app role are encrypted',
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 6.8'],
    threat: 'Documents, sessions and credentials cross the network in the clear.',
    remedy: 'Apply turns TLS on and lets nothing else in.',
    async inspect({ host, answers }) {
      const seen = await attacks(host, answers);
      if ('verdict' in seen) return seen.verdict;
      const [row] = rowsOf(seen, 'tls');
      return row?.ssl === true
        ? pass(`pg_stat_ssl says ${String(row.version)}`)
        : fail('pg_stat_ssl says that it is not encrypted', 'TLSv1.2 or TLSv1.3');
    },
  },
  {
    id: 'pg.plaintext-refused',
    title: 'A connection without encryption is refused, also with the right password',
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 6.8'],
    threat: 'A client with a wrong URL would send everything in the clear, and nobody would notice.',
    remedy: `Apply writes ${PATH.hba} with hostssl lines only; an external server needs the same in its pg_hba.conf.`,
    async inspect({ host, answers }) {
      const server = await reachServer(host, answers);
      if ('verdict' in server) return server.verdict;
      const connections = await databaseConnections(host, answers);
      if (!connections) return unknown(`${PATH.env} holds no complete set of URLs`, ENV_COMPLETE);
      const { ca: _none, serverName: _name, ...app } = connections.app;
      const [result] = await host.sql({ ...app, tls: 'plaintext' }, [{ text: 'SELECT 1' }]);
      if (result?.ok)
        return fail('the login went through in the clear', 'SQLSTATE 28000, no pg_hba.conf entry');
      if (!result) throw new Error('no answer');
      const seen = `SQLSTATE ${result.code}: ${result.message}`;
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
    threat: 'TLS 1.0 and 1.1 are broken, and whoever is in between can force them.',
    remedy: 'Apply sets ssl_min_protocol_version to TLSv1.2.',
    async inspect({ host, answers }) {
      const server = await reachServer(host, answers);
      if ('verdict' in server) return server.verdict;
      const request = { ...server, startTls: 'postgres' as const };
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
      return pass(`TLS 1.1: ${old.code}; ${now.protocol} works`);
    },
  },
  {
    id: 'pg.scram-only',
    title: 'Every way to log in asks for a password by SCRAM-SHA-256',
    severity: 'required',
    section: SECTION,
    refs: ['RFC 7677', 'CIS PostgreSQL 5.3'],
    threat: 'trust lets everybody in; md5 and password let whoever listens or reads a dump log in.',
    remedy: `Apply writes ${PATH.hba} and stores the passwords as SCRAM verifiers.`,
    impact: 'Sessions that are open stay open.',
    async inspect({ host, answers }) {
      if (answers.database === 'external') return skip('the server is external: see pg.external-scram');
      return scramOnly(host, answers);
    },
  },
  {
    id: 'pg.external-scram',
    title: 'The external server asks for passwords by SCRAM-SHA-256',
    severity: 'advised',
    section: SECTION,
    refs: ['RFC 7677', 'CIS PostgreSQL 5.3'],
    threat: 'trust lets everybody in; md5 and password let whoever listens or reads a dump log in.',
    remedy: 'Ask whoever runs the server for hostssl lines with scram-sha-256 only.',
    async inspect({ host, answers }) {
      if (answers.database !== 'external') return skip('the database is bundled: see pg.scram-only');
      return scramOnly(host, answers);
    },
  },
  {
    id: 'pg.not-published',
    title: 'The database cannot be reached from outside this host',
    severity: 'required',
    section: 'network-isolation',
    refs: ['CIS Docker 5.14'],
    threat: 'Docker publishes ports past the host firewall: the whole network could try passwords.',
    remedy: `Remove ports and networks of ${SERVICE.database} from ${PATH.compose} and ${PATH.override}; apply recreates the container.`,
    async inspect({ host, answers }) {
      if (answers.database === 'external') return skip(EXTERNAL);
      const container = await databaseContainer(host, answers);
      if (!container?.State.Running) return unknown('the database does not run', UP);
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

async function containerUp(
  host: HostReader,
  answers: Needed,
): Promise<Extract<Verdict, { is: 'pass' | 'fail' }>> {
  const expected = 'a running, healthy container';
  const failed = (observed: string) => ({ is: 'fail', observed, expected }) as const;
  const container = await databaseContainer(host, answers);
  if (!container) return failed('no container was ever made');
  const { State } = container;
  if (State.Restarting) return failed(`it ends again and again, last with ${State.ExitCode}`);
  if (!State.Running) return failed(`the container is ${State.Status}, exit code ${State.ExitCode}`);
  const health = State.Health?.Status;
  if (health !== undefined && health !== 'healthy') return failed(`its health is ${health}`);
  return { is: 'pass', observed: health ?? 'running' };
}

async function externalPassword(host: HostReader, answers: Needed): Promise<Verdict> {
  const admin = await externalAdmin(host, answers);
  const ca = answers.databaseCa && (await host.readText(answers.databaseCa));
  if (!ca)
    return fail(`${answers.databaseCa ?? 'the authority'} does not exist`, 'the PEM file of its authority');
  // The admin's password goes to a verified server only.
  const at = { ...admin, tls: 'verify', ca, serverName: admin.host } as const;
  const [result] = await host.sql(at, [{ text: 'SELECT 1' }]);
  if (result?.ok) return pass(`${admin.user} logs in`);
  return judgeLogin(result?.code ?? 'UNKNOWN', result?.message ?? 'no answer');
}

/** Tells a wrong password from a server that is not up: only the first is the operator's to repair. */
function judgeLogin(code: string, message: string): Verdict {
  const seen = `${message} (${code})`;
  if (code === '28P01') return fail(seen, 'the login succeeds');
  if (code === '3D000')
    return fail(
      seen,
      'the database exists',
      'its first start was interrupted; create it with createdb as postgres',
    );
  return unknown(seen, /^28/.test(code) ? 'pg.scram-only' : UP);
}

const GOOD_METHODS = ['scram-sha-256', 'reject', 'cert'];

async function scramOnly(host: HostReader, answers: Needed): Promise<Verdict> {
  const seen = await catalogs(host, answers);
  if ('verdict' in seen) return seen.verdict;
  const rules = rowsOf(seen, 'hba');
  const bad = rules
    .filter(
      (r) =>
        r.error ||
        !GOOD_METHODS.includes(String(r.method)) ||
        r.type === 'host' ||
        (r.type === 'hostnossl' && r.method !== 'reject'),
    )
    .map((r) => (r.error ? `line ${r.line}: ${r.error}` : `line ${r.line}: ${r.type} … ${r.method}`));
  const weak = rowsOf(seen, 'passwords').filter((r) => r.scram !== true);
  bad.push(...weak.map((r) => `the password of ${r.name} is not kept as a SCRAM verifier`));
  if (rules.length === 0) bad.push('pg_hba.conf has no line');
  return bad.length === 0
    ? pass(
        `${rules.length} lines, all scram-sha-256 or reject, no unencrypted one; all passwords are SCRAM verifiers`,
      )
    : fail(bad.join('; '), 'hostssl and local lines with scram-sha-256 only');
}
