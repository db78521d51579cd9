/** What acts with the superuser's rights inside CoreCube's database, whoever calls it: a door that no right of a role shows. */
import { type Control, fail, pass } from '../../src/core/step.ts';
import { asSuperuser, type Needed, probe, rows, SECTION } from './ground.ts';

const OF_EXTENSION = (catalog: string, object: string) =>
  `EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${object} AND d.deptype = 'e')`;
/** Owners who are bound by no policy. */
const MIGHTY = `SELECT oid FROM pg_roles WHERE rolsuper OR rolbypassrls`;

/**
 * A view, and a function with SECURITY DEFINER, work with the rights of their owner (PostgreSQL, CREATE VIEW and CREATE
 * FUNCTION); an event trigger runs whatever it is told in everybody's statements. CoreCube migrates as its own owner, so
 * none of them is CoreCube's. An extension that is not trusted only a superuser installs; pg_stat_statements only counts.
 */
const OBJECTS = (
  schemas: string,
) => `SELECT format('the function %s has SECURITY DEFINER', p.oid::regprocedure) AS what
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prosecdef AND p.proowner IN (${MIGHTY}) AND ${schemas} AND NOT ${OF_EXTENSION('pg_proc', 'p.oid')}
  UNION ALL SELECT format('the %s %s belongs to %s', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
      WHEN 'f' THEN 'foreign table' ELSE 'table' END, c.oid::regclass, pg_get_userbyid(c.relowner))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relowner IN (${MIGHTY}) AND ${schemas} AND NOT ${OF_EXTENSION('pg_class', 'c.oid')}`;
/** What only the bundled server is asked: on an external one these are the business of whoever runs it. */
const SERVER_OBJECTS = `SELECT format('the event trigger %I runs in every session', e.evtname) AS what FROM pg_event_trigger e WHERE e.evtenabled <> 'D'
  UNION ALL SELECT format('the foreign server %I', s.srvname) FROM pg_foreign_server s
  UNION ALL SELECT format('the publication %I', p.pubname) FROM pg_publication p
  UNION ALL SELECT format('the subscription %I', s.subname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
  UNION ALL SELECT format('the language %I', l.lanname) FROM pg_language l WHERE l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql') AND NOT l.lanpltrusted
  UNION ALL SELECT format('the extension %I, which only a superuser installs', e.extname) FROM pg_extension e
    WHERE e.extname NOT IN ('plpgsql', 'vector', 'pg_stat_statements')
      AND NOT EXISTS (SELECT FROM pg_available_extension_versions v WHERE v.name = e.extname AND v.version = e.extversion AND v.trusted)`;

export const superuserObjects: Control<Needed> = {
  id: 'pg.nothing-of-the-superuser',
  title: "Nothing in CoreCube's database acts with the rights of a superuser",
  severity: 'required',
  section: SECTION,
  refs: ['CIS PostgreSQL 1.8', 'CIS PostgreSQL 4.5', 'CWE-250'],
  threat:
    'A view or a function that a superuser made reads every compartment for whoever calls it, past every policy; a foreign server or a publication carries the rows away.',
  how: 'Reads in the catalogue, as the superuser, functions with SECURITY DEFINER, views, tables, triggers, servers and extensions that are of a superuser.',
  remedy:
    'Find out who made what is named, then, as postgres: DROP it. A table of CoreCube itself is given back: ALTER TABLE name OWNER TO corecube_migrator.',
  impact: 'Whoever uses what is named loses it.',
  manual: true,
  async inspect({ host, answers }) {
    const reach = await asSuperuser(host, answers);
    if (reach.verdict) return reach.verdict;
    const bundled = answers.database === 'bundled';
    const schemas = bundled
      ? "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
      : "n.nspname = 'public'";
    const { objects } = await probe(host, 'superuser objects', reach.connection, {
      objects: `${OBJECTS(schemas)}${bundled ? ` UNION ALL ${SERVER_OBJECTS}` : ''} ORDER BY 1`,
    });
    const found = rows(objects, 'what is in it').map((row) => String(row.what));
    return found.length === 0 ? pass('none found') : fail(found.join('; '), 'nothing of that kind');
  },
};
