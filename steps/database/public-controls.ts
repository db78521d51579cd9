/** The control of what everybody may do who can merely log in. */
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import {
  asRole,
  asSuperuser,
  ground,
  LOG_IN,
  type Needed,
  notIn,
  probe,
  rows,
  SECTION,
  said,
} from './ground.ts';

/** Tables, views and sequences beside the system's and the extensions' on which everybody has a right, columns included. */
const PUBLIC_TABLES = `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    AND (EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0)
      OR EXISTS (SELECT FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = c.oid AND a.grantee = 0)) ORDER BY 1`;
/** The other databases of the server: those that initdb makes, and copies of CoreCube's that somebody made in a hurry. */
const PUBLIC_ELSEWHERE = `SELECT datname::text AS name FROM pg_database
  WHERE datname <> current_database() AND datallowconn AND has_database_privilege('public', oid, 'CONNECT') ORDER BY 1`;

export const publicControls: readonly Control<Needed>[] = [
  {
    id: 'pg.public-revoked',
    title: "Being able to log in gives no right in CoreCube's database",
    severity: 'required',
    section: SECTION,
    refs: ['CVE-2018-1058'],
    how: "Asks which rights PUBLIC has on CoreCube's database, its schema public and its tables; of the bundled server also on PostgreSQL's own databases, one of which the app role tries to connect to.",
    threat: 'By default every role may connect to every database, and make tables that shadow others.',
    remedy: 'Apply sets the roles and their rights anew, in one transaction.',
    impact: 'Whatever used more than these rights loses it at once; nothing is restarted.',
    async inspect({ host, answers }) {
      const look = await asSuperuser(host, answers);
      if (look.verdict) return look.verdict;
      const {
        rights,
        tables,
        elsewhere: other,
      } = await probe(host, 'public', look.connection, {
        rights: `SELECT kind FROM (VALUES
            ('CONNECT on the database', has_database_privilege('public', current_database(), 'CONNECT')),
            ('TEMPORARY on the database', has_database_privilege('public', current_database(), 'TEMPORARY')),
            ('CREATE in schema public', has_schema_privilege('public', 'public', 'CREATE')),
            ('USAGE of schema public', has_schema_privilege('public', 'public', 'USAGE'))) v (kind, held) WHERE held`,
        tables: PUBLIC_TABLES,
        elsewhere: PUBLIC_ELSEWHERE,
      });
      const held = rows(rights, 'what PUBLIC may do').map((row) => String(row.kind));
      held.push(
        ...rows(tables, 'what PUBLIC may do with its tables').map((row) => `rights on ${row.name}`),
        // The other databases of an external server are not ours to judge.
        ...(answers.database === 'external' ? [] : rows(other, 'its databases')).map(
          (row) => `CONNECT on the database ${row.name}`,
        ),
      );
      if (held.length > 0) return fail(`PUBLIC has ${held.join(', ')}`, 'nothing');
      if (answers.database === 'external')
        return pass('PUBLIC has no right on the database or schema public');
      const app = await asRole(host, answers, 'app');
      if (app.verdict) return app.verdict;
      const base = await ground(host, answers);
      if (base.is === 'down') return unknown(base.observed);
      const [elsewhere] = await host.sql({ ...app.connection, database: 'postgres' }, [{ text: 'SELECT 1' }]);
      if (!elsewhere) throw new Error('no answer');
      if (elsewhere.ok) return fail('the app role connects to the database postgres', 'it is refused');
      // 42501: no CONNECT. 28000: the rules file lets it into one database only.
      if (elsewhere.code !== '42501' && elsewhere.code !== '28000')
        return notIn(elsewhere, LOG_IN, LOG_IN) ?? unknown(said(elsewhere));
      return pass(`PUBLIC has no right; the app role in another database: ${said(elsewhere)}`);
    },
  },
];
