/** What a setting can undo without a role, a right or a file being touched: of a role or of the database. */
import { type Control, fail, pass } from '../../src/core/step.ts';
import { DATABASE } from '../shared/layout.ts';
import { asSuperuser, type Needed, probe, ROLE_NAME, rows, SECTION } from './ground.ts';

export const ROLE_SETTINGS = 'pg.role-settings';

/** The superuser of the bundled server is ours too: as it, everything is looked at. */
const ours = (bundled: boolean) =>
  [...Object.values(ROLE_NAME), ...(bundled ? [DATABASE.superuser] : [])]
    .map((name) => `'${name}'`)
    .join(', ');

/**
 * Settings that change how fast or how long something runs, not what is seen, loaded or logged: PostgreSQL 19.4, 19.7 and
 * 19.11, and those of pgvector. A migration of CoreCube may set them for its database.
 */
const HARMLESS = `(s.name LIKE '%\\_timeout' OR s.name LIKE '%work\\_mem' OR s.name LIKE 'enable\\_%' OR s.name LIKE 'jit%'
    OR s.name LIKE '%\\_cost' OR s.name LIKE 'hnsw.%' OR s.name LIKE 'ivfflat.%' OR s.name LIKE 'max\\_parallel\\_%'
    OR s.name IN ('timezone', 'datestyle', 'intervalstyle', 'effective_cache_size', 'effective_io_concurrency', 'temp_buffers',
      'temp_file_limit', 'default_statistics_target', 'default_text_search_config', 'application_name'))`;

/** `what` for people, `reset` as the statement that takes it back; the value is not shown: it may be anything. */
const settings = (
  bundled: boolean,
) => `SELECT format('%s for %s', s.name, w.name) AS what, format('ALTER %s RESET %s', w.owner, s.quoted) AS reset
  FROM pg_db_role_setting g LEFT JOIN pg_roles r ON r.oid = g.setrole LEFT JOIN pg_database d ON d.oid = g.setdatabase,
    unnest(g.setconfig) c (pair),
    LATERAL (SELECT lower(split_part(c.pair, '=', 1)) AS name,
      (SELECT string_agg(quote_ident(part), '.') FROM unnest(string_to_array(split_part(c.pair, '=', 1), '.')) part) AS quoted) s,
    LATERAL (SELECT CASE WHEN d.oid IS NULL THEN coalesce(r.rolname::text, 'every role')
        ELSE concat_ws(' in ', r.rolname::text, 'the database ' || d.datname) END AS name,
      CASE WHEN r.oid IS NULL AND d.oid IS NOT NULL THEN format('DATABASE %I', d.datname)
        ELSE concat_ws(' ', 'ROLE', coalesce(quote_ident(r.rolname), 'ALL'), 'IN DATABASE ' || quote_ident(d.datname)) END AS owner) w
  WHERE (g.setrole = 0 OR r.rolname IN (${ours(bundled)})) AND (g.setdatabase = 0 OR d.datname = current_database()) AND NOT ${HARMLESS}
  ORDER BY 1`;

/** Takes back whatever the look names; part of the transaction of the roles. */
export const resetRoleSettings = (bundled: boolean) => `DO $do$ DECLARE statement text; BEGIN
  FOR statement IN SELECT f.reset FROM (${settings(bundled)}) f LOOP EXECUTE statement; END LOOP;
END $do$`;

export const settingsControls: readonly Control<Needed>[] = [
  {
    id: ROLE_SETTINGS,
    title:
      'No setting of a role or of the database changes what sessions of CoreCube or its superuser see, load or log',
    severity: 'required',
    section: SECTION,
    refs: ['CVE-2018-1058', 'CIS PostgreSQL 6.5', 'CIS PostgreSQL 6.6'],
    threat:
      'A search_path puts another table before the real one, and a value that the policies ask for opens every compartment, in each new session and without a trace in a file.',
    how: 'Reads in pg_db_role_setting, as the superuser, what is set for the roles of CoreCube, the bundled superuser, the database or everybody; times, memory and costs are harmless.',
    remedy: 'Apply resets what is named, in the transaction that sets the roles.',
    impact: 'New sessions go without the setting.',
    async inspect({ host, answers }) {
      const reach = await asSuperuser(host, answers);
      if (reach.verdict) return reach.verdict;
      const look = await probe(host, 'role settings', reach.connection, {
        settings: settings(answers.database === 'bundled'),
      });
      const found = rows(look.settings, 'the settings of its roles').map((row) => String(row.what));
      return found.length === 0
        ? pass('none beyond times, memory and costs')
        : fail(found.join('; '), 'no such setting');
    },
  },
];
