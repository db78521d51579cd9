/** Controls of the roles that are not ours: a door beside the three roles makes every look at those worthless. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, type Verdict } from '../../src/core/step.ts';
import { DATABASE } from '../shared/layout.ts';
import { asSuperuser, type Needed, probe, ROLE_NAME, rows, SECTION } from './ground.ts';

const KNOWN = [DATABASE.superuser, ...Object.values(ROLE_NAME)];
const LIST = KNOWN.map((name) => `'${name}'`).join(', ');

/**
 * PostgreSQL's own roles that only watch the server, or keep it going. Membership of any other one, of those that a later
 * version brings too, is named: they read or write every table or file, run programs, or end sessions.
 */
const WATCH = [
  ...['pg_monitor', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables'],
  ...['pg_checkpoint', 'pg_use_reserved_connections'],
]
  .map((name) => `'${name}'`)
  .join(', ');
const STRONG = '(g.rolsuper OR g.rolbypassrls OR g.rolcreaterole OR g.rolreplication)';

/**
 * Roles beside the known ones; those of PostgreSQL, whose names nobody else may begin with `pg_`, too: somebody may have
 * given them more. A membership counts where it leads, over however many groups, to a role that has power.
 */
const OTHERS = `SELECT r.rolname::text AS name, r.rolcanlogin AS login,
    array_remove(ARRAY[CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
      CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolreplication THEN 'REPLICATION' END], NULL) AS attributes,
    ARRAY(WITH RECURSIVE above (id) AS (SELECT m.roleid FROM pg_auth_members m WHERE m.member = r.oid
        UNION SELECT m.roleid FROM pg_auth_members m JOIN above a ON m.member = a.id)
      SELECT g.rolname::text FROM above a JOIN pg_roles g ON g.oid = a.id
      WHERE ${STRONG} OR g.rolname IN (${LIST}) OR g.rolname LIKE 'pg\\_%' AND g.rolname NOT IN (${WATCH}) ORDER BY 1) AS memberships
  FROM pg_roles r WHERE r.rolname NOT IN (${LIST}) ORDER BY 1`;

const OF_EXTENSION = `EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;
/** What is given to them on tables and sequences of a known role, and on those that one will make. */
const GRANTS = `SELECT DISTINCT w.rolname::text AS name, g.object FROM (
    SELECT a.grantee, c.oid::regclass::text AS object FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
      WHERE pg_get_userbyid(c.relowner) IN (${LIST}) AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT ${OF_EXTENSION}
    UNION ALL SELECT a.grantee, c.oid::regclass::text FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
      WHERE pg_get_userbyid(c.relowner) IN (${LIST}) AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND NOT ${OF_EXTENSION}
    UNION ALL SELECT a.grantee, format('what %s makes', pg_get_userbyid(f.defaclrole)) FROM pg_default_acl f, aclexplode(f.defaclacl) a
      WHERE pg_get_userbyid(f.defaclrole) IN (${LIST}) AND f.defaclobjtype IN ('r', 'S')
  ) g JOIN pg_roles w ON w.oid = g.grantee WHERE w.rolname NOT IN (${LIST}) ORDER BY 1, 2`;
/** At most so many objects are named for a role. */
const NAMED = 4;

interface Other {
  readonly name: string;
  readonly login: boolean;
  readonly attributes: readonly string[];
  readonly memberships: readonly string[];
  /** Tables and sequences of CoreCube that it was given a right on. */
  readonly given: readonly string[];
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
  const found = await probe(host, 'other roles', reach.connection, { others: OTHERS, grants: GRANTS });
  const grants = rows(found.grants, 'the rights of its roles');
  const others = rows(found.others, 'its roles (pg_roles)') as unknown as readonly Omit<Other, 'given'>[];
  return judge(
    others.map((role) => ({
      ...role,
      given: grants.filter(({ name }) => name === role.name).map(({ object }) => String(object)),
    })),
  );
}

const listed = (names: readonly string[]): string =>
  [...names.slice(0, NAMED), ...(names.length > NAMED ? [`${names.length - NAMED} more`] : [])].join(', ');

/** What a role has that lifts it above row-level security, into a role that has it, or into CoreCube's tables. */
const power = ({ attributes, memberships, given }: Other): string =>
  [
    ...attributes,
    ...(memberships.length > 0 ? [`member of ${memberships.join(', ')}`] : []),
    ...(given.length > 0 ? [`has rights on ${listed(given)}`] : []),
  ].join(', ');

export const otherRoleControls: readonly Control<Needed>[] = [
  {
    id: 'pg.other-roles-powerless',
    title:
      'No other role has power over the server, by itself or as a member, or rights on the tables of CoreCube',
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 4.3', 'CIS PostgreSQL 4.6', 'CWE-250'],
    threat:
      'A second superuser is a back door: it reads every compartment and outlives every change of a password. A right on a table without policies reads what is in it: sessions, keys, the audit log.',
    how: 'Reads attributes, memberships (all but those that only watch) and rights on tables of every role but the superuser and the three of CoreCube, as the superuser.',
    remedy:
      'Find out who did it. Then, as postgres, in the database of CoreCube: ALTER ROLE name NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION, and REVOKE its memberships and rights; DROP OWNED BY name revokes all rights at once, and drops what the role made.',
    impact: 'Whoever uses that role loses access.',
    manual: true,
    inspect: ({ host, answers }) =>
      look(host, answers, (others) => {
        const strong = others.filter((role) => power(role) !== '');
        return strong.length === 0
          ? pass('none has a special attribute, a membership that gives power or a right on a table')
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
    how: 'Reads in pg_roles, as the superuser, which roles with LOGIN there are beside the superuser and the three of CoreCube.',
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
