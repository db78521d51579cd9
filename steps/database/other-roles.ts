/** Controls of the roles that are not ours: a door beside the three roles makes every look at those worthless. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, type Verdict } from '../../src/core/step.ts';
import { DATABASE } from '../shared/layout.ts';
import { asSuperuser, type Needed, probe, ROLE_NAME, rows, SECTION } from './ground.ts';

const KNOWN = [DATABASE.superuser, ...Object.values(ROLE_NAME)];
const LIST = KNOWN.map((name) => `'${name}'`).join(', ');

/** Roles beside the known ones and PostgreSQL's predefined ones (whose names nobody else may begin with `pg_`). */
const OTHERS = `SELECT r.rolname::text AS name, r.rolcanlogin AS login,
    array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
      CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END], NULL) AS attributes,
    ARRAY(SELECT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m WHERE m.member = r.oid ORDER BY 1) AS memberships
  FROM pg_roles r WHERE r.rolname NOT IN (${LIST}) AND r.rolname NOT LIKE 'pg\\_%' ORDER BY 1`;

interface Other {
  readonly name: string;
  readonly login: boolean;
  readonly attributes: readonly string[];
  readonly memberships: readonly string[];
}

async function look(
  host: HostReader,
  answers: Needed,
  judge: (others: readonly Other[]) => Verdict,
): Promise<Verdict> {
  if (answers.database === 'external')
    return skip('the server is external: its other roles are the business of whoever runs it');
  const reach = await asSuperuser(host, answers);
  if (reach.verdict) return reach.verdict;
  const { others } = await probe(host, 'other roles', reach.connection, { others: OTHERS });
  return judge(rows(others, 'its roles (pg_roles)') as unknown as readonly Other[]);
}

/** What a role has that lifts it above row-level security, or into a role that has it. */
const power = ({ attributes, memberships }: Other): string =>
  [...attributes, ...(memberships.length > 0 ? [`member of ${memberships.join(', ')}`] : [])].join(', ');

export const otherRoleControls: readonly Control<Needed>[] = [
  {
    id: 'pg.other-roles-powerless',
    title: "No other role is a superuser, gets around row-level security or is a member of CoreCube's roles",
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 4.3', 'CIS PostgreSQL 4.6', 'CWE-250'],
    threat:
      'A second superuser is a back door: it reads every compartment and outlives every change of a password.',
    how: `As the superuser, pg_roles and pg_auth_members are read for every role but ${KNOWN.join(', ')} and PostgreSQL's own.`,
    remedy:
      'Find out who made the role. Then, as postgres: ALTER ROLE name NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION, and REVOKE its memberships; DROP ROLE when it owns nothing.',
    impact: 'Whoever uses that role loses access.',
    manual: true,
    inspect: ({ host, answers }) =>
      look(host, answers, (others) => {
        const strong = others.filter((role) => power(role) !== '');
        return strong.length === 0
          ? pass(`${others.length} other roles, none with a special attribute or a membership`)
          : fail(strong.map((role) => `${role.name}: ${power(role)}`).join('; '), 'no such role');
      }),
  },
  {
    id: 'pg.other-roles-cannot-log-in',
    title: 'Only the superuser and the three roles of CoreCube can log in to the database server',
    severity: 'advised',
    section: SECTION,
    refs: ['CIS PostgreSQL 4.3'],
    threat: 'Each further account is a further password that can leak, and nobody watches it.',
    how: `As the superuser, pg_roles is read for roles with LOGIN beside ${KNOWN.join(', ')}.`,
    remedy:
      'As postgres: ALTER ROLE name NOLOGIN, or DROP ROLE. Waive this when a role for backups or monitoring is meant to be there.',
    impact: 'Whoever uses that role loses access.',
    inspect: ({ host, answers }) =>
      look(host, answers, (others) => {
        const open = others.filter((role) => role.login);
        return open.length === 0
          ? pass(`${KNOWN.join(', ')} and nobody else`)
          : fail(`${open.map((role) => role.name).join(', ')} can log in`, `only ${KNOWN.join(', ')}`);
      }),
  },
];
