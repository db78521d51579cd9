/** Controls of the three roles: each logs in for real, and the app role tries to break out. */
import type { HostReader, SqlResult } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { DATABASE, ENV } from '../shared/layout.ts';
import { knownRelease } from '../shared/release.ts';
import {
  asRole,
  isJudged,
  judged,
  LOG_IN,
  type Needed,
  ROLE_KEYS,
  ROLE_NAME,
  type RoleKey,
  rows,
  SECTION,
  said,
  theRow,
} from './ground.ts';
import { lookAs, type Results } from './role-look.ts';

/** Every attack must end with 42501 (insufficient_privilege); anything else got past the rights. */
function refused(results: Results, attacks: Readonly<Record<string, string>>): Verdict {
  const broken: string[] = [];
  const unseen: string[] = [];
  for (const [key, name] of Object.entries(attacks)) {
    const result = results[key];
    if (!result) unseen.push(`${name} was not tried`);
    else if (!isJudged(result)) unseen.push(`${name} got no answer (${said(result)})`);
    else if (result.ok) broken.push(`${name} succeeded`);
    else if (result.code !== '42501') broken.push(`${name} got past the rights (${said(result)})`);
  }
  if (broken.length > 0) return fail(broken.join('; '), 'SQLSTATE 42501, insufficient privilege');
  return unseen.length === 0
    ? pass(`${Object.values(attacks).join(', ')}: SQLSTATE 42501`)
    : unknown(unseen.join('; '));
}

const ATTRIBUTES = ['superuser', 'createrole', 'createdb', 'replication', 'bypassrls'] as const;

function tame(results: Results, role: RoleKey): Verdict {
  const row = theRow(results.self, 'its own attributes');
  if (row.name !== ROLE_NAME[role]) return fail(`the URL logs in as ${String(row.name)}`, ROLE_NAME[role]);
  const memberships = row.memberships as readonly string[];
  const bad: string[] = ATTRIBUTES.filter((name) => row[name] !== false).map((name) => name.toUpperCase());
  if (memberships.length > 0) bad.push(`member of ${memberships.join(', ')}`);
  return bad.length === 0
    ? pass(
        `${ROLE_NAME[role]}: ${ATTRIBUTES.map((name) => `NO${name.toUpperCase()}`).join(' ')}, member of nothing`,
      )
    : fail(`${ROLE_NAME[role]}: ${bad.join(', ')}`, 'no special attribute and no membership');
}

/** At most so many lost rights are named. */
const NAMED = 6;
function lostRights(lost: readonly Record<string, unknown>[]): string {
  const told = lost
    .slice(0, NAMED)
    .map(({ role, privilege, name }) => `${role} lacks ${privilege} on ${name}`);
  return [...told, ...(lost.length > NAMED ? [`and ${lost.length - NAMED} more`] : [])].join('; ');
}

interface Row {
  readonly id: string;
  readonly title: string;
  readonly role: RoleKey;
  readonly how: string;
  readonly threat: string;
  readonly remedy?: string;
  readonly refs?: readonly string[];
  judge(results: Results, host: HostReader, answers: Needed): Verdict | Promise<Verdict>;
}

const REMEDY = 'Apply sets the roles and their rights anew, in one transaction.';
const IMPACT = 'Whatever used more than these rights loses it at once; nothing is restarted.';

const ROWS: readonly Row[] = [
  {
    id: 'pg.tls-in-use',
    title: 'Connections of the app role are encrypted',
    role: 'app',
    refs: ['CIS PostgreSQL 6.8'],
    how: "Logs in with the app role's URL and asks the server about this connection (pg_stat_ssl).",
    threat: 'Documents, sessions and credentials cross the network in the clear.',
    judge(results) {
      const row = theRow(results.tls, 'whether it is encrypted');
      return row.ssl === true
        ? pass(`pg_stat_ssl: ${String(row.version)}, ${String(row.cipher)}`)
        : fail('pg_stat_ssl says that it is not encrypted', 'TLSv1.2 or TLSv1.3');
    },
  },
  {
    id: 'pg.app-attributes',
    title: 'The app role has no attribute that lifts it above row-level security',
    role: 'app',
    refs: ['CIS PostgreSQL 4.6'],
    how: "Logs in as the app role and reads its attributes and memberships in the server's catalogue.",
    threat: 'A superuser, or a role with BYPASSRLS, sees every compartment of every user.',
    judge: (results) => tame(results, 'app'),
  },
  {
    id: 'pg.app-not-member',
    title: 'The app role cannot become the owner, the maintenance role or the superuser',
    role: 'app',
    how: 'Logs in as the app role and tries SET ROLE to the superuser, the owner and the maintenance role; each must end with SQLSTATE 42501.',
    threat: 'One SET ROLE in an injected statement would be enough to drop the policies.',
    judge: (results) =>
      refused(results, {
        admin: 'SET ROLE to the superuser',
        owner: `SET ROLE ${DATABASE.owner}`,
        maintenance: `SET ROLE ${DATABASE.maintenance}`,
      }),
  },
  {
    id: 'pg.app-cannot-create-role',
    title: 'The app role cannot create a role or raise itself',
    role: 'app',
    refs: ['CIS PostgreSQL 4.6'],
    how: 'Logs in as the app role and tries to create a role, a superuser and to lift itself, in a transaction that is rolled back; each must end with SQLSTATE 42501.',
    threat: 'An intruder makes an account of its own, and it outlives every repair of the application.',
    judge: (results) =>
      refused(results, {
        role: 'CREATE ROLE',
        superuser: 'CREATE ROLE … SUPERUSER',
        bypass: 'ALTER ROLE … BYPASSRLS',
      }),
  },
  {
    id: 'pg.app-cannot-run-programs',
    title: 'The app role cannot run programs in the database container',
    role: 'app',
    refs: ['CVE-2019-9193'],
    how: 'Logs in as the app role and tries COPY to and from a program that does nothing; both must end with SQLSTATE 42501.',
    threat: 'COPY … TO PROGRAM turns one SQL injection into a shell.',
    judge: (results) => refused(results, { program: 'COPY TO PROGRAM', 'from program': 'COPY FROM PROGRAM' }),
  },
  {
    id: 'pg.app-cannot-read-files',
    title: 'The app role cannot read files of the database container or the stored passwords',
    role: 'app',
    how: 'Logs in as the app role and tries COPY, pg_read_file, pg_ls_dir, lo_import and a read of pg_authid; each must end with SQLSTATE 42501.',
    threat: 'The TLS key, the superuser password and the password verifiers lie there.',
    judge: (results) =>
      refused(results, {
        file: 'COPY FROM a file',
        'read file': 'pg_read_file',
        'list directory': 'pg_ls_dir',
        import: 'lo_import',
        passwords: 'SELECT FROM pg_authid',
      }),
  },
  {
    id: 'pg.app-cannot-create-tables',
    title: 'On guide v2 the app role cannot create tables',
    role: 'app',
    how: 'Logs in as the app role and tries CREATE TABLE in a transaction that is rolled back; skipped on guide v1, which needs this right.',
    threat: 'Who owns a table decides about its policies; an owned one can shadow a real one.',
    async judge(results, host, answers) {
      if ((await knownRelease(host, answers)) === 'v1')
        return skip(
          'guide v1 gives its application the right to create tables, and it does so at every start',
        );
      return refused(results, { table: 'CREATE TABLE' });
    },
  },
  {
    id: 'pg.app-can-work',
    title:
      'What the migrations create, and have created, can be used by the app role and the maintenance role',
    role: 'owner',
    how: 'Makes a table and a sequence as the migration owner, asks which rights the other roles have on them and on all that it owns in schema public, and rolls back.',
    threat: 'CoreCube starts, and every request then fails for want of a right.',
    remedy: `${REMEDY} A right that is missing again after the next start was taken by CoreCube itself: report that, and accept it in waivers.yaml.`,
    async judge(results, host, answers) {
      for (const key of ['table', 'sequence']) {
        const made = judged(results[key], `whether the migration owner can create a ${key}`);
        if (!made.ok) return fail(`the migration owner cannot create a ${key} (${said(made)})`, 'it can');
      }
      const missing = rows(results.given as SqlResult, 'the rights on a new table');
      if (missing.length > 0)
        return fail(
          `on a new table ${missing.map((row) => `${row.role} lacks ${row.privilege}`).join(', ')}`,
          'SELECT, INSERT, UPDATE, DELETE',
        );
      const lost = rows(results.kept as SqlResult, 'the rights on its tables');
      if (lost.length > 0) return fail(lostRights(lost), 'the rights that the guide gives on each table');
      if ((await knownRelease(host, answers)) === 'v1') {
        const app = await lookAs(host, answers, 'app');
        if (app.verdict) return app.verdict;
        const made = judged(app.results.table, `whether ${DATABASE.app} can create a table`);
        if (!made.ok)
          return fail(`${DATABASE.app} cannot create a table (${said(made)})`, 'guide v1 needs CREATE TABLE');
      }
      return pass(
        'a table made by the migration owner, and rolled back, was usable for both, as are its others',
      );
    },
  },
  {
    id: 'pg.maintenance-attributes',
    title: 'The maintenance role is no superuser, bypasses nothing and is a member of nothing',
    role: 'maintenance',
    refs: ['CIS PostgreSQL 4.6'],
    how: 'Logs in as the maintenance role, reads its attributes and tries SET ROLE to the superuser and the owner.',
    threat: 'Background jobs with more rights than they need are the shortest way around every policy.',
    judge(results) {
      const own = tame(results, 'maintenance');
      return own.is === 'pass'
        ? refused(results, { admin: 'SET ROLE to the superuser', owner: `SET ROLE ${DATABASE.owner}` })
        : own;
    },
  },
  {
    id: 'pg.owner-attributes',
    title: 'The migration owner owns the database and nothing beyond it',
    role: 'owner',
    refs: ['CIS PostgreSQL 4.6'],
    how: "Logs in as the migration owner, reads its attributes and the database's owner, and tries SET ROLE to the superuser.",
    threat: 'A superuser URL in the environment of CoreCube is the whole server, not one database.',
    judge(results) {
      const own = tame(results, 'owner');
      if (own.is !== 'pass') return own;
      const { owner } = theRow(results.owns, 'who owns the database');
      if (owner !== DATABASE.owner) return fail(`the database belongs to ${String(owner)}`, DATABASE.owner);
      const become = refused(results, { admin: 'SET ROLE to the superuser' });
      return become.is === 'pass' ? pass(`${own.observed}; owns the database`) : become;
    },
  },
  {
    id: 'pg.extension-vector',
    title: 'The vector extension is installed and the app role can use it',
    role: 'app',
    how: 'Logs in as the app role and lets the server measure the distance between two vectors.',
    threat: 'Without it CoreCube cannot store embeddings; a role that could install it would be too strong.',
    judge(results) {
      const used = judged(results.vector, 'whether the app role can measure a distance');
      return used.ok
        ? pass('the app role measured a distance between two vectors')
        : fail(said(used), 'the type vector in schema public');
    },
  },
];

const fromRow = (row: Row): Control<Needed> => ({
  id: row.id,
  title: row.title,
  severity: 'required',
  section: SECTION,
  ...(row.refs ? { refs: row.refs } : {}),
  how: row.how,
  threat: row.threat,
  remedy: row.remedy ?? REMEDY,
  impact: IMPACT,
  async inspect({ host, answers }) {
    const look = await lookAs(host, answers, row.role);
    return look.verdict ?? row.judge(look.results, host, answers);
  },
});

export const roleControls: readonly Control<Needed>[] = [
  {
    id: LOG_IN,
    title: 'The three connection URLs log in, each as its own role',
    severity: 'required',
    section: SECTION,
    how: 'Logs in with each of the three URLs of .env, compares the role that the server names, and reads whether its password ends or its sessions are limited.',
    threat: 'CoreCube does not start, or a role was locked out by a changed password.',
    remedy: `Apply gives the roles the passwords of .env, as SCRAM verifiers.`,
    impact: 'What uses another password of these roles loses access at its next login.',
    async inspect({ host, answers }) {
      const failures: string[] = [];
      for (const role of ROLE_KEYS) {
        const reach = await asRole(host, answers, role);
        if (reach.verdict) return reach.verdict;
        const look = await lookAs(host, answers, role);
        if (look.verdict) {
          if (look.verdict.is !== 'unknown' || look.verdict.awaits !== LOG_IN) return look.verdict;
          failures.push(`${ENV[role]}: ${look.verdict.because}`);
          continue;
        }
        const { name, until, limit } = theRow(look.results.self, 'who it is');
        if (name !== ROLE_NAME[role]) failures.push(`${ENV[role]} logs in as ${String(name)}`);
        // Today it logs in; CoreCube is locked out on that day, or as soon as its pool grows.
        if (typeof until === 'string') failures.push(`the password of ${String(name)} ends on ${until}`);
        if (typeof limit === 'number' && limit >= 0)
          failures.push(`${String(name)} may have ${limit} sessions at a time only`);
      }
      return failures.length === 0
        ? pass(ROLE_KEYS.map((role) => ROLE_NAME[role]).join(', '))
        : fail(failures.join('; '), 'all three log in');
    },
  },
  ...ROWS.map(fromRow),
];
