/**
 * CoreCube's row-level security, held against what its own migrations made. Nothing that CoreCube may do while it serves
 * changes a policy (pg.app-cannot-alter-policy), so any difference under the same image was made by somebody else.
 */
import type { Host, HostReader, SqlStatement } from '../../src/core/host.ts';
import { type Change, type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { type Container, containerOf } from '../shared/docker.ts';
import { DATABASE, PATH, SERVICE } from '../shared/layout.ts';
import { recordIn } from '../shared/records.ts';
import { asRole, asSuperuser, probe, rows, SECTION } from './ground.ts';
import { elsewhere, type Needed, runningApp } from './running-app.ts';
import { isLater, WAYS, type Way, waysChanged } from './ways-around.ts';

/** A policy as pg_policy has it; `command` is polcmd. */
interface Policy {
  readonly name: string;
  readonly permissive: boolean;
  readonly command: 'r' | 'a' | 'w' | 'd' | '*';
  /** Role names; empty: PUBLIC. */
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
}
interface Guarded {
  /** Qualified, and quoted where it must be. */
  readonly name: string;
  readonly rls: boolean;
  readonly force: boolean;
  readonly policies: readonly Policy[];
}
/** A table as it is now. */
interface Table extends Guarded {
  /** True when it is neither of the app role nor a part of another table, and CoreCube's roles may read it. */
  readonly handed: boolean;
}
interface Recorded {
  /** Id of the image whose migrations made them. */
  readonly image: string;
  readonly tables: readonly Guarded[];
  /** Left out by versions that did not look at them. */
  readonly ways?: readonly Way[];
  /** Every table that was there, guarded or not. Left out by versions that looked neither at new tables nor at triggers. */
  readonly names?: readonly string[];
}
type Complete = Required<Recorded>;
interface Difference {
  readonly text: string;
  /** What brings the recorded state back; empty where nothing does that without loss. */
  readonly repair: readonly string[];
}

export const POLICIES = 'pg.policies-as-migrated';
export const RECORDED = 'pg.policies-recorded';

const MAY_READ = [DATABASE.app, DATABASE.maintenance]
  .map((name) => `coalesce(has_any_column_privilege(to_regrole('${name}'), c.oid, 'SELECT'), false)`)
  .join(' OR ');
/** Every table, also one that lost all of its protection. */
const TABLES = `SELECT c.oid::regclass::text AS name, c.relrowsecurity AS rls, c.relforcerowsecurity AS force,
    c.relowner IS DISTINCT FROM to_regrole('${DATABASE.app}') AND NOT c.relispartition AND (${MAY_READ}) AS handed,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
        'roles', ARRAY(SELECT pg_get_userbyid(r)::text FROM unnest(p.polroles) r WHERE r <> 0 ORDER BY 1),
        'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)) ORDER BY p.polname)
      FROM pg_policy p WHERE p.polrelid = c.oid), '[]') AS policies
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  ORDER BY 1`;

interface Seen {
  readonly tables: readonly Table[];
  readonly ways: readonly Way[];
}

/** Shared within a snapshot. Throws when it cannot be seen. */
async function guardedNow(
  host: HostReader,
  answers: Needed,
): Promise<Seen | { verdict: ReturnType<typeof unknown> }> {
  const reach = await asSuperuser(host, answers);
  if (reach.verdict) return { verdict: elsewhere(reach.verdict) };
  const found = await probe(host, 'policies', reach.connection, { all: TABLES, ways: WAYS });
  return {
    tables: rows(found.all, 'its policies') as unknown as readonly Table[],
    ways: rows(found.ways, 'its views, functions and triggers') as unknown as readonly Way[],
  };
}

async function recorded(host: HostReader): Promise<Recorded | undefined> {
  const text = await host.readText(PATH.policies);
  return text === undefined ? undefined : recordIn<Recorded>(host, PATH.policies, text);
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const COMMANDS = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', '*': 'ALL' } as const;

const createPolicy = (table: string, p: Policy): string =>
  [
    `CREATE POLICY ${quoted(p.name)} ON ${table} AS ${p.permissive ? 'PERMISSIVE' : 'RESTRICTIVE'}`,
    `FOR ${COMMANDS[p.command]} TO ${p.roles.length === 0 ? 'PUBLIC' : p.roles.map(quoted).join(', ')}`,
    ...(p.using === null ? [] : [`USING (${p.using})`]),
    ...(p.check === null ? [] : [`WITH CHECK (${p.check})`]),
  ].join(' ');

const same = (a: Policy, b: Policy): boolean =>
  a.permissive === b.permissive &&
  a.command === b.command &&
  a.using === b.using &&
  a.check === b.check &&
  a.roles.join('\0') === b.roles.join('\0');

/** How the tables differ from the record. A table that was added later is not judged; one on record is, in whole. */
export function differences(record: readonly Guarded[], now: readonly Guarded[]): readonly Difference[] {
  return record.flatMap((then): readonly Difference[] => {
    const table = now.find((t) => t.name === then.name);
    if (!table) return [{ text: `${then.name} is gone`, repair: [] }];
    const found: Difference[] = [];
    const alter = (text: string, what: string) =>
      found.push({
        text: `${then.name}: ${text}`,
        repair: [`ALTER TABLE ${then.name} ${what} ROW LEVEL SECURITY`],
      });
    if (then.rls && !table.rls) alter('row-level security is off', 'ENABLE');
    if (then.force && !table.force) alter('row-level security no longer binds the owner', 'FORCE');
    for (const policy of then.policies) {
      const other = table.policies.find((p) => p.name === policy.name);
      if (other && same(other, policy)) continue;
      found.push({
        text: `${then.name}: the policy ${policy.name} is ${other ? 'another one' : 'gone'}`,
        repair: [
          ...(other ? [`DROP POLICY ${quoted(policy.name)} ON ${then.name}`] : []),
          createPolicy(then.name, policy),
        ],
      });
    }
    for (const policy of table.policies)
      if (!then.policies.some((p) => p.name === policy.name))
        found.push({ text: `${then.name}: the policy ${policy.name} was added`, repair: [] });
    return found;
  });
}

/**
 * Tables that came after the record, which CoreCube's roles may read and nothing guards: a copy of a guarded one shows all
 * its rows. What the app role makes while it serves (guide v1) is its own, and kept on record when it changes hands.
 */
const openTables = (names: readonly string[], now: readonly Table[]): readonly string[] =>
  now
    .filter((table) => table.handed && !table.rls && !names.includes(table.name))
    .map((table) => `the table ${table.name} was added without row-level security`);

/** Every difference that the record can tell, whichever version wrote it. */
function changesSince({ tables, ways, names }: Recorded, now: Seen): readonly string[] {
  const list = differences(tables, now.tables).map((d) => d.text);
  if (ways === undefined) return list;
  const inOrder = { record: names ?? [], now: now.tables.map((table) => table.name) };
  return [
    ...list,
    ...waysChanged(ways, now.ways, inOrder),
    ...(names === undefined ? [] : openTables(names, now.tables)),
  ];
}

const isComplete = (record: Recorded): record is Complete =>
  record.ways !== undefined && record.names !== undefined;

const onRecord: Control<Needed> = {
  id: RECORDED,
  title: "The policies that the running CoreCube's migrations made are on record",
  severity: 'required',
  section: SECTION,
  threat: 'Without a record nobody can tell a policy of CoreCube from one that was changed afterwards.',
  how: `Compares the image that ${PATH.policies} was recorded for with the image of the running container.`,
  remedy: `Apply records them: once for each image, after its migrations. A record that is cut off is put back from a backup; without one, remove ${PATH.policies} and apply: it is recorded anew, and changes before that are no longer seen.`,
  impact: 'None.',
  async inspect({ host, answers }) {
    const found = await runningApp(host, answers);
    if ('verdict' in found) return found.verdict;
    const record = await recorded(host);
    if (record === undefined) return fail(`${PATH.policies} is not there`, 'a record for the running image');
    if (!isComplete(record))
      return fail('recorded by an earlier version, without triggers and new tables', 'a record of them too');
    return record.image === found.app.Image
      ? pass(`recorded for ${record.image.slice(0, 19)}`)
      : fail(`recorded for ${record.image.slice(0, 19)}`, `a record for ${found.app.Image.slice(0, 19)}`);
  },
};

const asMigrated: Control<Needed> = {
  id: POLICIES,
  title: "Row-level security is as CoreCube's own migrations made it",
  severity: 'required',
  section: SECTION,
  refs: ['CWE-284'],
  threat:
    'A policy that was changed, a copy of a table without one, or a view of the owner opens every compartment, and a trigger silences the audit log: all of it without a trace in any file.',
  how: `Compares tables, triggers, policies, their functions, and an owner's views, rules and functions with the record of the first apply under this image (${PATH.policies}); earlier changes are not seen.`,
  remedy:
    'Apply brings the recorded policies back. What was added is left: see what it does, then DROP it as its owner. What is another one or gone is made anew from a dump of its definition. What is not enforced, as postgres: ALTER TABLE name ENABLE TRIGGER ALL.',
  impact: 'What the changed policies let through is no longer shown.',
  async inspect({ host, answers }) {
    const found = await runningApp(host, answers);
    if ('verdict' in found) return found.verdict;
    const record = await recorded(host);
    if (record === undefined || record.image !== found.app.Image)
      return unknown('there is no record of this image', RECORDED);
    const now = await guardedNow(host, answers);
    if ('verdict' in now) return now.verdict;
    const list = changesSince(record, now);
    if (list.length > 0)
      return fail(list.join('; '), 'the tables, policies, triggers, views and functions on record');
    if (!isComplete(record)) return unknown('the record of this image does not hold everything', RECORDED);
    const count = record.tables.reduce((sum, table) => sum + table.policies.length, 0);
    return pass(`${count} policies on ${record.tables.length} tables, each as recorded`);
  },
};

/** To be listed by the services step, after the controls of row-level security. */
export const policyControls: readonly Control<Needed>[] = [onRecord, asMigrated];

/** True when CoreCube's container, whatever its state, is of this image. */
const isOf = async (host: HostReader, { projectName }: Needed, image: string): Promise<boolean> =>
  (await containerOf(host, projectName, SERVICE.app))?.Image === image;

/**
 * Brings the recorded policies back, as the owner of the tables. Undefined when nothing can be brought back: what the
 * migrations of another image than the recorded one made is not ours to undo.
 */
export async function restorePolicies(host: HostReader, answers: Needed): Promise<Change | undefined> {
  const record = await recorded(host);
  if (!record || !(await isOf(host, answers, record.image))) return undefined;
  const now = await guardedNow(host, answers);
  if ('verdict' in now) return undefined;
  const statements = differences(record.tables, now.tables).flatMap((d) => d.repair);
  if (statements.length === 0) return undefined;
  return {
    id: 'services.policies',
    summary: `Bring back row-level security as recorded: ${statements.length} statements, in one transaction`,
    diff: statements.map((text) => `${text};`).join('\n'),
    async apply(writer) {
      if (!(await isOf(writer, answers, record.image)))
        throw new Error('CoreCube is of another image than the record: its policies are left as they are');
      const owner = await asRole(writer, answers, 'owner');
      if (!owner.connection) throw new Error('the migration owner cannot log in');
      const list: SqlStatement[] = statements.map((text) => ({ text }));
      await writer.sqlWrite(owner.connection, list);
    },
  };
}

/** Records the policies of the running image. What is on record of the same image stays, and what it lacks is added. */
export function recordPolicies(answers: Needed): Change {
  return {
    id: 'services.policies-record',
    summary: `Record in ${PATH.policies} which policies CoreCube's migrations made, to compare with from now on`,
    async apply(writer: Host) {
      const found = await runningApp(writer, answers);
      if ('verdict' in found) throw new Error('CoreCube does not run, so its policies cannot be recorded');
      const before = await recorded(writer);
      const same = before?.image === found.app.Image ? before : undefined;
      if (same && isComplete(same)) return;
      const now = await guardedNow(writer, answers);
      if ('verdict' in now) throw new Error('the database does not tell its policies');
      await write(writer, recordOf(found.app, now, same));
    },
  };
}

async function write(writer: Host, record: Recorded): Promise<void> {
  const { uid, gid } = await writer.system();
  await writer.writeFile(PATH.policies, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, uid, gid });
}

const recordOf = (app: Container, now: Seen, before: Recorded | undefined): Complete => ({
  image: app.Image,
  tables:
    before?.tables ??
    now.tables
      .filter((table) => table.rls || table.policies.length > 0)
      .map(({ handed: _, ...guarded }) => guarded),
  ways: [...(before?.ways ?? []), ...now.ways.filter((way) => before?.ways === undefined || isLater(way))],
  names: now.tables.map((table) => table.name),
});

/** The app role's own tables, by the names that the record uses; to be asked before they change hands. */
export const OWN_TABLES = `SELECT c.oid::regclass::text AS name FROM pg_class c
  WHERE c.relkind IN ('r', 'p') AND c.relowner = to_regrole('${DATABASE.app}')`;

/** Keeps on record what CoreCube made while it served, when it is given to the migration owner. */
export async function keepOnRecord(writer: Host, tables: readonly string[]): Promise<void> {
  const record = await recorded(writer);
  const added = tables.filter((name) => !record?.names?.includes(name));
  if (record?.names && added.length > 0)
    await write(writer, { ...record, names: [...record.names, ...added] });
}
