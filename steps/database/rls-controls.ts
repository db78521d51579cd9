/** Controls that need CoreCube's own tables and sessions: row-level security holds against the app role. */
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { bootstrapInProgress } from '../shared/admin-credentials.ts';
import { DATABASE } from '../shared/layout.ts';
import { knownRelease } from '../shared/release.ts';
import { asRole, asSuperuser, isJudged, notIn, probe, ROLE_NAME, rows, SECTION, said } from './ground.ts';
import { APP_CURRENT, APP_UP, elsewhere, type Needed, runningApp, sessions } from './running-app.ts';

const REMEDY =
  'Apply gives the tables to the migration owner, turns row-level security on and sets the rights anew.';
const IMPACT =
  'Each table is locked for a moment. What worked as an owner of tables, or saw rows of other compartments, no longer can.';

interface Table {
  readonly name: string;
  readonly owner: string;
  /** A superuser's, or of one who is bound by no policy: `pg.nothing-of-the-superuser` names it. */
  readonly mighty: boolean;
  /** In schema public, where CoreCube's tables are. */
  readonly central: boolean;
  readonly rls: boolean;
  readonly policies: readonly string[];
}
interface Seen {
  readonly tables: readonly Table[];
  readonly open: readonly string[];
}
type Look =
  | { readonly seen: Seen; readonly verdict?: never }
  | { readonly verdict: Verdict; readonly seen?: never };

const TABLES = `SELECT c.oid::regclass::text AS name, pg_get_userbyid(c.relowner)::text AS owner, c.relrowsecurity AS rls,
    EXISTS (SELECT FROM pg_roles o WHERE o.oid = c.relowner AND (o.rolsuper OR o.rolbypassrls)) AS mighty, n.nspname = 'public' AS central,
    ARRAY(SELECT quote_ident(p.polname) FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1) AS policies
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY 1`;
/** Permissive policies that let the app role see or write every row. */
const OPEN = `SELECT p.polrelid::regclass::text || '.' || quote_ident(p.polname) AS name FROM pg_policy p
  WHERE p.polpermissive AND 'true' IN (pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    AND (0::oid = ANY (p.polroles) OR '${DATABASE.app}'::regrole = ANY (p.polroles)) ORDER BY 1`;
/** Tables and policies, as the superuser; shared within a snapshot. */
function tables(host: HostReader, answers: Needed): Promise<Look> {
  return host.once('rls tables', async () => {
    const app = await runningApp(host, answers);
    if ('verdict' in app) return app;
    const reach = await asSuperuser(host, answers);
    if (reach.verdict) return { verdict: elsewhere(reach.verdict) };
    const found = await probe(host, 'rls', reach.connection, { tables: TABLES, open: OPEN });
    return {
      seen: {
        tables: rows(found.tables, 'its tables') as unknown as readonly Table[],
        open: rows(found.open, 'its policies').map((row) => String(row.name)),
      },
    };
  });
}

/** Guide v1's application creates tables of its own; what carries no policy may stay with it until the next apply. */
function isOfAStranger(table: Table, { database }: Needed, strict: boolean): boolean {
  const { owner, rls, policies, central, mighty } = table;
  if (owner === DATABASE.owner) return false;
  if (policies.length > 0) return true;
  if (owner === DATABASE.app || owner === DATABASE.maintenance) return strict || rls;
  return database === 'bundled' && central && !mighty;
}

const guarded = (seen: Seen) => seen.tables.filter((table) => table.policies.length > 0);

async function attackPolicies(host: HostReader, answers: Needed, seen: Seen): Promise<Verdict> {
  const targets = guarded(seen);
  if (targets.length === 0)
    return fail('no table carries a policy', 'policies that the app role cannot change');
  const app = await asRole(host, answers, 'app');
  if (app.verdict) return elsewhere(app.verdict);
  const statements = Object.fromEntries(
    targets.flatMap(({ name, policies: [policy = ''] }) => [
      [`ALTER POLICY on ${name}`, `ALTER POLICY ${policy} ON ${name} USING (true)`],
      [`DROP POLICY on ${name}`, `DROP POLICY ${policy} ON ${name}`],
      [`CREATE POLICY on ${name}`, `CREATE POLICY corecube_secure_probe ON ${name} USING (true)`],
      [`DISABLE ROW LEVEL SECURITY on ${name}`, `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`],
      [`OWNER TO on ${name}`, `ALTER TABLE ${name} OWNER TO ${DATABASE.app}`],
      [`DROP TABLE ${name}`, `DROP TABLE ${name}`],
    ]),
  );
  const results = Object.entries(await probe(host, 'rls attacks', app.connection, statements));
  const refusal = results[0] && notIn(results[0][1], APP_UP, APP_UP);
  if (refusal) return elsewhere(refusal);
  const told = (list: typeof results) => list.map(([name, result]) => `${name}: ${said(result)}`).join('; ');
  const broken = results.filter(([, r]) => isJudged(r) && (r.ok || r.code !== '42501'));
  if (broken.length > 0) return fail(told(broken), 'SQLSTATE 42501');
  const unseen = results.filter(([, result]) => !isJudged(result));
  if (unseen.length > 0) return unknown(`attempts that got no answer: ${told(unseen)}`);
  return pass(`${results.length} attempts on ${targets.map((t) => t.name).join(', ')}: SQLSTATE 42501`);
}

const control = (
  part: Pick<Control<Needed>, 'id' | 'title' | 'how' | 'threat'> & Partial<Control<Needed>>,
  judge: (host: HostReader, answers: Needed) => Promise<Verdict>,
): Control<Needed> => ({
  severity: 'required',
  section: SECTION,
  remedy: REMEDY,
  impact: IMPACT,
  ...part,
  inspect: ({ host, answers }) => judge(host, answers),
});

/** To be listed by the services step: they can be seen once CoreCube has migrated and runs. */
export const rlsControls: readonly Control<Needed>[] = [
  control(
    {
      id: 'pg.tables-not-owned-by-app',
      title: 'The migration owner owns every table that row-level security protects',
      how: "Lists owner, row-level security and policies of every table in the catalogue, as the superuser; in the bundled database also the owner of CoreCube's other tables.",
      threat: 'The owner of a table may drop its policies, and is not bound by them.',
    },
    async (host, answers) => {
      const { seen, verdict } = await tables(host, answers);
      if (verdict) return verdict;
      const strict = (await knownRelease(host, answers)) === 'v2';
      const wrong = seen.tables.filter((table) => isOfAStranger(table, answers, strict));
      if (wrong.length > 0)
        return fail(
          wrong.map((t) => `${t.name} belongs to ${t.owner}`).join('; '),
          `they belong to ${DATABASE.owner}`,
        );
      return pass(`${seen.tables.length} tables, each that carries a policy of ${DATABASE.owner}`);
    },
  ),
  control(
    {
      id: 'pg.rls-enabled',
      title: 'Row-level security is on for every table that has policies',
      how: 'Reads in the catalogue, as the superuser, whether row-level security is switched on for each table that has a policy.',
      threat:
        'A policy on a table without row-level security filters nothing: everybody sees every compartment.',
    },
    async (host, answers) => {
      const { seen, verdict } = await tables(host, answers);
      if (verdict) return verdict;
      const off = guarded(seen).filter((table) => !table.rls);
      if (off.length > 0) return fail(`off on ${off.map((t) => t.name).join(', ')}`, 'on');
      const on = guarded(seen);
      return on.length > 0
        ? pass(`on for ${on.map((t) => t.name).join(', ')}`)
        : fail(
            `none of ${seen.tables.length} tables carries a policy`,
            'CoreCube makes policies when it migrates',
          );
    },
  ),
  control(
    {
      id: 'pg.app-cannot-alter-policy',
      title: 'The app role cannot change, drop or switch off a policy',
      how: 'Logs in as the app role and tries to alter, drop, add and switch off policies and to take or drop each table, in a transaction that is rolled back; each must end with SQLSTATE 42501.',
      threat: 'One injected statement would open every compartment to everybody.',
    },
    async (host, answers) => {
      const { seen, verdict } = await tables(host, answers);
      return verdict ?? attackPolicies(host, answers, seen);
    },
  ),
  control(
    {
      id: 'pg.policies-not-open',
      title: 'No policy lets the app role through to every row',
      severity: 'advised',
      how: 'Reads every permissive policy for the app role in the catalogue and looks for the constant expression true; other wide expressions are not judged.',
      threat: 'USING (true) is a policy that filters nothing.',
      remedy: "The policies are CoreCube's own: report what is named to whoever gave you CoreCube.",
      impact: 'None by itself; a tighter policy hides rows that everybody saw.',
    },
    async (host, answers) => {
      const { seen, verdict } = await tables(host, answers);
      if (verdict) return verdict;
      if (guarded(seen).length === 0) return skip('no table carries a policy: see pg.rls-enabled');
      return seen.open.length === 0
        ? pass('none is USING (true) or WITH CHECK (true) for the app role')
        : fail(seen.open.join(', '), 'none');
    },
  ),
  control(
    {
      id: 'pg.app-sessions-encrypted',
      title: "CoreCube's own database sessions are encrypted",
      how: 'Makes CoreCube query its database and reads its own sessions in pg_stat_activity and pg_stat_ssl.',
      threat: 'A driver that ignores sslmode sends everything in the clear, whatever the URL says.',
      remedy: 'Apply writes rules that refuse what is not encrypted; an external server needs the same.',
      impact: 'Sessions without TLS cannot be opened again; the database is not restarted.',
    },
    async (host, answers) => {
      const found = await sessions(host, answers);
      if ('verdict' in found) return found.verdict;
      const clear = found.filter((session) => !session.ssl);
      if (clear.length > 0)
        return fail(`${clear.length} of ${found.length} sessions are not encrypted`, 'all are (pg_stat_ssl)');
      return pass(`${found.length} sessions, ${[...new Set(found.map((s) => s.version))].join(', ')}`);
    },
  ),
  control(
    {
      id: 'pg.app-role-in-use',
      title: 'CoreCube works with the app role',
      how: 'Makes CoreCube query its database and reads under which roles its sessions run in pg_stat_activity.',
      threat: 'Requests that run as the owner of the tables are not bound by row-level security.',
      remedy: 'Apply recreates CoreCube with the URLs of .env.',
      impact: 'CoreCube is recreated and away for some seconds; its data stays.',
    },
    async (host, answers) => {
      const release = await knownRelease(host, answers);
      if (release === 'v1' && (await bootstrapInProgress(host)))
        return skip('on guide v1 the first boot migrates as the owner; looked at again when it is over');
      const found = await sessions(host, answers);
      if ('verdict' in found) return found.verdict;
      const names = [...new Set(found.map((session) => session.name))].sort();
      const allowed: readonly string[] = release === 'v1' ? [DATABASE.app] : Object.values(ROLE_NAME);
      const strange = names.filter((name) => !allowed.includes(name));
      if (strange.length > 0) return fail(`sessions of ${strange.join(', ')}`, allowed.join(', '));
      return names.includes(DATABASE.app)
        ? pass(`sessions of ${names.join(', ')}`)
        : unknown(`only sessions of ${names.join(', ')} are open now; look again`, APP_CURRENT);
    },
  ),
];
