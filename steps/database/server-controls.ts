/** Controls of the server itself: up, encrypted, verified, closed to everything else. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { NETWORK, PATH, SERVICE } from '../shared/layout.ts';
import { superuserPassword } from '../shared/postgres.ts';
import { verifies } from '../shared/scram.ts';
import { RENEW_DAYS } from './file-controls.ts';
import {
  asRole,
  asSuperuser,
  CERTIFICATE,
  ground,
  type Needed,
  notIn,
  PASSWORD,
  probe,
  ROLE_NAME,
  rows,
  SECTION,
  said,
  UP,
} from './ground.ts';
import { deliveredAuthority } from './start.ts';
import { volumePassword } from './volume.ts';

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
      const base = await ground(host, answers);
      const expected = 'it runs, is healthy and answers';
      if (base.is === 'down') return fail(base.observed, expected);
      const health = base.container?.State.Health?.Status;
      if (health !== undefined && health !== 'healthy') return fail(`its health is ${health}`, expected);
      const { host: name, port } = base.server;
      const answer = await host.tcp({ host: name, port, timeoutMs: 5_000 });
      if (answer === 'open')
        return pass(`port ${port} answers${health ? `; the container is ${health}` : ''}`);
      // Nothing here can start somebody else's server: it was not seen, and nothing is planned on it.
      if (!base.container) return unknown(`the external database at ${name}, port ${port}, is ${answer}`);
      return fail(`port ${port} is ${answer}`, expected);
    },
  },
  {
    id: PASSWORD,
    title: 'The database accepts the superuser password that is kept here',
    severity: 'required',
    section: SECTION,
    threat:
      'A volume keeps the password it was made with; a new one in a file changes nothing, and CoreCube would be locked out.',
    remedy: `Two ways. Put the password that the volume was made with into ${PATH.databaseSuperuserPassword} (mode 0600, owner uid 999). Or give the database the one in that file: docker compose stop ${SERVICE.database}, then docker compose run --rm -T --no-deps --entrypoint postgres ${SERVICE.database} --single -D /var/lib/postgresql/data postgres, and type ALTER ROLE postgres PASSWORD '...' in one line. The volume is never removed.`,
    impact: 'None for the data.',
    manual: true,
    unwaivable: true,
    async inspect({ host, answers }) {
      const base = await ground(host, answers);
      if (base.is === 'down') return volumePassword(host, answers, await superuserPassword(host));
      if (!base.superuser || !base.hello)
        return fail(
          `the database runs and ${PATH.databaseSuperuserPassword} is not there`,
          'the file with its password',
        );
      // SCRAM never shows the password, so the bundled server is asked without trust in its certificate, which is
      // another control's business. The admin's password of an external server goes to a verified server only.
      const { ca: _unchecked, ...rest } = base.superuser;
      const again = !base.hello.ok && base.container !== undefined;
      const [result] = again
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
      return notIn(result, PASSWORD, 'pg.files') ?? unknown(said(result));
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
      const base = await ground(host, answers);
      if (base.is === 'down') return unknown(base.observed, UP);
      const { server, ca } = base;
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
    id: 'pg.plaintext-refused',
    title: 'A connection without encryption is refused, also with the right password',
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 6.8'],
    threat: 'A client with a wrong URL would send everything in the clear, and nobody would notice.',
    remedy: `Apply writes ${PATH.hba} with hostssl lines only; an external server needs the same in its pg_hba.conf.`,
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
    threat: 'TLS 1.0 and 1.1 are broken, and whoever is in between can force them.',
    remedy: 'Apply sets ssl_min_protocol_version to TLSv1.2.',
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
    id: 'pg.passwords-not-default',
    title: 'No password that everybody knows opens the database',
    severity: 'required',
    section: SECTION,
    refs: ['CIS Docker 4.10', 'CWE-1392'],
    threat: 'Example passwords of images and guides are what attackers try first.',
    remedy: `Log in with psql inside the container, set another one with \\password postgres, and put it into ${PATH.databaseSuperuserPassword}.`,
    manual: true,
    async inspect({ host, answers }) {
      const look = await asSuperuser(host, answers);
      if (look.verdict) return look.verdict;
      const { stored } = await probe(host, 'verifiers', look.connection, {
        stored: `SELECT rolname AS name, rolpassword AS verifier FROM pg_authid
          WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%' AND (rolname = current_user OR rolname LIKE 'corecube%')`,
      });
      if (answers.database === 'external' && !stored.ok && stored.code === '42501')
        return skip(
          'the admin role may not read the verifiers; the roles of CoreCube have generated passwords',
        );
      const roles = rows(stored, 'the verifiers of the passwords (pg_authid)');
      // Tried here against what the server keeps: the same answer as a login, without a login's trace or lockout.
      const open = roles.filter(({ name, verifier }) =>
        [...KNOWN, String(name)].some((word) => verifies(word, String(verifier))),
      );
      return open.length === 0
        ? pass(
            `${KNOWN.length + 1} well-known passwords tried for ${roles.map((r) => r.name).join(', ')}: none fits`,
          )
        : fail(`${open.map((r) => r.name).join(', ')}: a well-known password fits`, 'none fits');
    },
  },
  {
    id: 'pg.ca-delivered',
    title: "CoreCube verifies the database against today's authority",
    severity: 'required',
    section: SECTION,
    threat:
      'A container keeps the file it was started with: with an old authority its next connection fails.',
    remedy: 'Apply recreates CoreCube.',
    impact: 'CoreCube is away for some seconds; its data stays.',
    async inspect({ host, answers }) {
      const ca = await host.readText(PATH.databaseCa);
      if (ca === undefined) return unknown(`${PATH.databaseCa} is not there`, 'pg.files');
      const held = await deliveredAuthority(host, answers.projectName);
      if (held === undefined) return skip('CoreCube does not run, or its image has no program to look with');
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
    threat: 'Docker publishes ports past the host firewall: the whole network could try passwords.',
    remedy: `Remove ports and networks of ${SERVICE.database} from ${PATH.compose} and ${PATH.override}; apply recreates the container.`,
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

/** Passwords of examples: the image's documentation, the hardening guide's URL, and what people type. */
const KNOWN = ['postgres', 'password', 'mysecretpassword', 'corecube', 'changeme', 'secret', 'admin'];

/** Methods that keep the password secret. */
const GOOD_METHODS = ['scram-sha-256', 'cert'];

async function scramOnly(host: HostReader, answers: Needed): Promise<Verdict> {
  const look = await asSuperuser(host, answers);
  if (look.verdict) return look.verdict;
  const seen = await probe(host, 'rules', look.connection, {
    hba: 'SELECT line_number AS line, type, auth_method AS method, error FROM pg_hba_file_rules ORDER BY line_number',
    passwords: `SELECT rolname AS name FROM pg_authid WHERE rolcanlogin AND rolpassword NOT LIKE 'SCRAM-SHA-256$%'
        AND (rolname = current_user OR rolname = ANY (ARRAY[${Object.values(ROLE_NAME).map((name) => `'${name}'`)}]))`,
  });
  const rules = rows(seen.hba, 'its rules (pg_hba_file_rules)');
  const open = (r: Record<string, unknown>) =>
    r.method !== 'reject' &&
    (!GOOD_METHODS.includes(String(r.method)) || r.type === 'host' || r.type === 'hostnossl');
  const bad = rules
    .filter((r) => r.error || open(r))
    .map((r) => `line ${r.line}: ${r.error ?? `${r.type} by ${r.method}`}`);
  const weak = rows(seen.passwords, 'how passwords are kept (pg_authid)');
  bad.push(...weak.map((r) => `the password of ${r.name} is not kept as a SCRAM verifier`));
  if (rules.length === 0) bad.push('there is no rule');
  return bad.length === 0
    ? pass(
        `${rules.length} rules: scram-sha-256 or reject, none without encryption; passwords kept as SCRAM verifiers`,
      )
    : fail(bad.join('; '), 'hostssl and local rules with scram-sha-256 only');
}
