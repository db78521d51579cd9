/** What the roles of CoreCube may do beyond what the guide names: every right in the catalogue is on the list, or is named. */
import { type Control, fail, pass } from '../../src/core/step.ts';
import { DATABASE } from '../shared/layout.ts';
import { knownRelease } from '../shared/release.ts';
import { asSuperuser, type Needed, probe, ROLE_NAME, rows, SECTION } from './ground.ts';

export const FURTHER_RIGHTS = 'pg.no-further-rights';

const OURS = Object.values(ROLE_NAME)
  .map((name) => `'${name}'`)
  .join(', ');
const IS_SYSTEM = `(n.nspname LIKE 'pg\\_%' OR n.nspname = 'information_schema')`;
/** initdb makes the information schema after it has taken down who has which right: everybody may read it. */
const IS_INFORMATION = `n.nspname = 'information_schema' AND a.grantee = 0 AND a.privilege_type IN ('USAGE', 'SELECT')`;
/** CIS PostgreSQL 4.6: what the guide gives ("CONNECT, CREATE TABLE, SELECT, INSERT, UPDATE, DELETE"), and what sequences need. */
const FINE = (kind: string) =>
  `CASE ${kind} WHEN 'S' THEN ARRAY['USAGE', 'SELECT', 'UPDATE'] WHEN 'n' THEN ARRAY['USAGE']
    ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END`;
/** Emptying and vacuuming tables is the work of the maintenance role (guide v2, "background cleanup"); its policies let it through. */
const CLEANUP = (privilege: string) =>
  `(w.name = '${DATABASE.maintenance}' AND ${privilege} IN ('TRUNCATE', 'MAINTAIN'))`;
/** True for a right that `initdb` or an extension gave itself (pg_init_privs), or that comes by default. */
const INITIAL = (catalog: string, object: string, column: string, byDefault: string) =>
  `EXISTS (SELECT FROM aclexplode(coalesce((SELECT i.initprivs FROM pg_init_privs i WHERE i.classoid = '${catalog}'::regclass
      AND i.objoid = ${object} AND i.objsubid = ${column}), ${byDefault})) b
    WHERE b.grantee = a.grantee AND b.privilege_type = a.privilege_type)`;

/**
 * Rights beyond the guide's: `what` for people, `revoke` as the statement that takes it back. An owner's own rights are
 * no grants. TRUNCATE is not bound by row-level security, TRIGGER and REFERENCES run or tell behind its back, and a
 * function that `initdb` keeps from everybody reads files or writes them.
 */
export function furtherRightsSql({ release, bundled }: { release: 'v1' | 'v2'; bundled: boolean }): string {
  // By name: before the first apply the role may not be there yet.
  const creates = release === 'v1' ? `'${DATABASE.app}'` : `''`;
  return `SELECT format('%s has %s on %s%s', w.name, g.privilege, g.object, CASE WHEN g.grantable THEN ' and may pass it on' ELSE '' END) AS what,
    format('REVOKE %s ON %s FROM %s CASCADE', g.privilege, g.object, w.quoted) AS revoke
  FROM (
    SELECT format('DATABASE %I', d.datname) AS object, d.datdba AS owner, a.grantee, a.privilege_type AS privilege, a.is_grantable AS grantable,
        d.datname = current_database() AND a.privilege_type = 'CONNECT' AS fine, false AS everybody
      FROM pg_database d, aclexplode(d.datacl) a
    UNION ALL SELECT format('SCHEMA %I', n.nspname), n.nspowner, a.grantee, a.privilege_type, a.is_grantable,
        NOT ${IS_SYSTEM} AND (a.privilege_type = 'USAGE' OR n.nspname = 'public' AND a.privilege_type = 'CREATE'
          AND pg_get_userbyid(a.grantee) = ${creates}), ${IS_SYSTEM}
      FROM pg_namespace n, aclexplode(n.nspacl) a
      WHERE NOT (${IS_INFORMATION}) AND NOT (${IS_SYSTEM} AND ${INITIAL('pg_namespace', 'n.oid', '0', "acldefault('n', n.nspowner)")})
    UNION ALL SELECT format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass), c.relowner, a.grantee,
        a.privilege_type, a.is_grantable, NOT ${IS_SYSTEM} AND a.privilege_type = ANY (${FINE('c.relkind')}), ${IS_SYSTEM}
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
      WHERE NOT (${IS_INFORMATION}) AND NOT ${INITIAL('pg_class', 'c.oid', '0', "acldefault('r', c.relowner)")}
    UNION ALL SELECT format('TABLE %s', c.oid::regclass), c.relowner, a.grantee, format('%s (%I)', a.privilege_type, t.attname),
        a.is_grantable, NOT ${IS_SYSTEM} AND a.privilege_type = ANY (${FINE("'r'::text")}), ${IS_SYSTEM}
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
      WHERE NOT t.attisdropped AND NOT ${INITIAL('pg_class', 'c.oid', 't.attnum', "acldefault('c', c.relowner)")}
    UNION ALL SELECT format('ROUTINE %s', p.oid::regprocedure), p.proowner, a.grantee, a.privilege_type, a.is_grantable, false, ${IS_SYSTEM}
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(p.proacl) a
      WHERE (${IS_SYSTEM} OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
        AND NOT ${INITIAL('pg_proc', 'p.oid', '0', "acldefault('f', p.proowner)")}
    UNION ALL SELECT format('FOREIGN DATA WRAPPER %I', f.fdwname), f.fdwowner, a.grantee, a.privilege_type, a.is_grantable, false, true
      FROM pg_foreign_data_wrapper f, aclexplode(f.fdwacl) a
    UNION ALL SELECT format('FOREIGN SERVER %I', s.srvname), s.srvowner, a.grantee, a.privilege_type, a.is_grantable, false, true
      FROM pg_foreign_server s, aclexplode(s.srvacl) a
    UNION ALL SELECT format('LARGE OBJECT %s', l.oid), l.lomowner, a.grantee, a.privilege_type, a.is_grantable, false, true
      FROM pg_largeobject_metadata l, aclexplode(l.lomacl) a
  ) g, LATERAL (SELECT coalesce(max(r.rolname)::text, 'PUBLIC') AS name, coalesce(quote_ident(max(r.rolname)), 'PUBLIC') AS quoted
    FROM pg_roles r WHERE r.oid = g.grantee) w
  WHERE (NOT (g.fine OR NOT g.everybody AND ${CLEANUP('g.privilege')}) OR g.grantable) AND g.grantee <> g.owner
    AND (w.name IN (${OURS})${bundled ? ' OR g.grantee = 0 AND g.everybody' : ''})
  UNION ALL SELECT format('%s is given %s on %s that %s makes', w.name, a.privilege_type, k.name, pg_get_userbyid(d.defaclrole)),
    format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %s REVOKE %s ON %s FROM %s', pg_get_userbyid(d.defaclrole),
      CASE WHEN n.oid IS NULL THEN '' ELSE format('IN SCHEMA %I', n.nspname) END, a.privilege_type, k.name, w.quoted)
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
    JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('n', 'SCHEMAS')) k (type, name) ON k.type = d.defaclobjtype::text,
    aclexplode(d.defaclacl) a, LATERAL (SELECT coalesce(max(r.rolname)::text, 'PUBLIC') AS name,
      coalesce(quote_ident(max(r.rolname)), 'PUBLIC') AS quoted FROM pg_roles r WHERE r.oid = a.grantee) w
  WHERE a.grantee <> d.defaclrole
    AND (a.grantee = 0 OR w.name IN (${OURS}) AND (a.is_grantable
      OR a.privilege_type <> ALL (${FINE('d.defaclobjtype')}) AND NOT ${CLEANUP('a.privilege_type')}))
  UNION ALL SELECT format('%s owns the schema %I', pg_get_userbyid(n.nspowner), n.nspname),
    format('ALTER SCHEMA %I OWNER TO ${DATABASE.owner}', n.nspname)
  FROM pg_namespace n WHERE pg_get_userbyid(n.nspowner) IN ('${DATABASE.app}', '${DATABASE.maintenance}') AND NOT ${IS_SYSTEM}
  ORDER BY 1`;
}

/** Since PostgreSQL 15 a role may be let set a parameter of the superuser's, `archive_command` for example, which runs programs. */
const PARAMETERS = `SELECT format('%s has %s on the parameter %s', coalesce(r.rolname::text, 'PUBLIC'), a.privilege_type, p.parname) AS what,
    format('REVOKE %s ON PARAMETER %I FROM %s', a.privilege_type, p.parname, coalesce(quote_ident(r.rolname), 'PUBLIC')) AS revoke
  FROM pg_parameter_acl p, aclexplode(p.paracl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
  WHERE a.grantee = 0 OR r.rolname IN (${OURS}) ORDER BY 1`;

/** Takes back whatever {@link furtherRightsSql} names; part of the transaction of the roles, before rights are given. */
export const revokeFurtherRights = (input: { release: 'v1' | 'v2'; bundled: boolean }): string =>
  `DO $do$ DECLARE statement text; BEGIN
  FOR statement IN SELECT f.revoke FROM (${furtherRightsSql(input)}) f LOOP EXECUTE statement; END LOOP;
  IF to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL THEN
    FOR statement IN SELECT f.revoke FROM (${PARAMETERS}) f LOOP EXECUTE statement; END LOOP;
  END IF;
END $do$`;

/** At most so many rights are named in a verdict; a database where everything was granted has hundreds. */
const NAMED = 6;

export const furtherRights: Control<Needed> = {
  id: FURTHER_RIGHTS,
  title: 'The roles of CoreCube hold the rights that the guide names and no others',
  severity: 'required',
  section: SECTION,
  refs: ['CIS PostgreSQL 4.5', 'CIS PostgreSQL 4.6', 'CWE-250', 'CWE-732'],
  threat:
    'TRUNCATE empties a table past every policy, a parameter runs programs, a file function reads keys: one GRANT in a hurry undoes the separation, and no attribute of the role shows it.',
  how: 'Reads as the superuser every right in the catalogue, default rights included, and what everybody may do with the system beyond what initdb gave.',
  remedy:
    'Apply takes back what is named, in the transaction that sets the roles. What is there again after the next start was granted by CoreCube itself: report that, and accept it in waivers.yaml.',
  impact: 'A program that uses one of the named rights fails.',
  async inspect({ host, answers }) {
    const reach = await asSuperuser(host, answers);
    if (reach.verdict) return reach.verdict;
    const bundled = answers.database === 'bundled';
    const release = (await knownRelease(host, answers)) === 'v1' ? 'v1' : 'v2';
    const found = await probe(host, 'further rights', reach.connection, {
      rights: furtherRightsSql({ release, bundled }),
      parameters: PARAMETERS,
    });
    // 42P01: the server is older than 15, where no role can be given a parameter.
    const { parameters } = found;
    const none = !parameters.ok && parameters.code === '42P01';
    const held = [
      ...rows(found.rights, 'its rights'),
      ...(none ? [] : rows(parameters, 'its parameters')),
    ].map((row) => String(row.what));
    if (held.length === 0)
      return pass('CONNECT, USAGE, SELECT, INSERT, UPDATE and DELETE where they are needed');
    const more = held.length > NAMED ? `; and ${held.length - NAMED} more` : '';
    return fail(`${held.slice(0, NAMED).join('; ')}${more}`, 'no right beyond those that the guide names');
  },
};
