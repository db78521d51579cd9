/**
 * What reads tables with the rights of somebody else than who asks: views, materialized views, functions of their definer,
 * and rules. One of the tables' owner shows the rows of every compartment where row-level security does not bind the
 * owner, as on guide v1 (PostgreSQL 5.9, 41.5). And what acts in the statement of whoever writes: a trigger carries rows
 * away or drops them, the entries of the audit log for example.
 */
import { DATABASE } from '../shared/layout.ts';

/** Kinds that the first records did not hold. */
const LATER = ['trigger', 'foreign key', 'function of a policy'] as const;
type Later = (typeof LATER)[number];
export const isLater = ({ kind }: Way): boolean => (LATER as readonly string[]).includes(kind);

export interface Way {
  readonly kind: 'view' | 'materialized view' | 'function' | 'rule' | Later;
  /** Qualified, and quoted where it must be; a function with the types of its arguments. */
  readonly name: string;
  /** Of a trigger, a rule or a foreign key: the table that it belongs to. */
  readonly table: string | null;
  /** MD5 of owner, options and definition, as the server tells them. */
  readonly mark: string;
}

/** Neither of the system, nor of an extension. */
const own = (
  oid: string,
  catalogue: string,
) => `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalogue}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;
/** What the app role made acts with the app role's rights; what a superuser made is what `pg.nothing-of-the-superuser` names. */
const ofAnOwner = (owner: string) => `${owner} IS DISTINCT FROM to_regrole('${DATABASE.app}')
    AND NOT EXISTS (SELECT FROM pg_roles o WHERE o.oid = ${owner} AND o.rolsuper)`;

/** The body of a function in the form of the standard is kept apart from the others'. */
const FUNCTION = `md5(concat_ws(' ', p.proowner::regrole, array_to_string(p.proconfig, ','), p.prosrc, p.probin, pg_get_function_sqlbody(p.oid)))`;

/** Rows as {@link Way}. A view that asks with the rights of whoever reads it (`security_invoker`) goes around nothing. */
export const WAYS = `SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind, c.oid::regclass::text AS name,
    md5(concat_ws(' ', c.relowner::regrole, array_to_string(c.reloptions, ','), pg_get_viewdef(c.oid))) AS mark, NULL AS "table"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${own('c.oid', 'pg_class')} AND ${ofAnOwner('c.relowner')}
    AND NOT coalesce(c.reloptions::text[] && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false)
UNION ALL SELECT 'function', p.oid::regprocedure::text, ${FUNCTION}, NULL
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prosecdef AND ${own('p.oid', 'pg_proc')} AND ${ofAnOwner('p.proowner')}
UNION ALL SELECT 'function of a policy', p.oid::regprocedure::text, ${FUNCTION}, NULL
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE NOT p.prosecdef AND ${own('p.oid', 'pg_proc')}
    AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid)
UNION ALL SELECT 'rule', format('%I on %s', r.rulename, c.oid::regclass), md5(concat_ws(' ', c.relowner::regrole, r.ev_enabled, pg_get_ruledef(r.oid))), c.oid::regclass::text
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.rulename <> '_RETURN' AND ${own('c.oid', 'pg_class')} AND ${ofAnOwner('c.relowner')}
UNION ALL SELECT 'trigger', format('%I on %s', t.tgname, c.oid::regclass),
    md5(concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled, p.proowner::regrole, array_to_string(p.proconfig, ','), p.prosrc, p.probin)), c.oid::regclass::text
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE NOT t.tgisinternal AND ${own('t.oid', 'pg_trigger')}
UNION SELECT 'foreign key', format('%I on %s', coalesce(k.conname, t.tgname), c.oid::regclass), t.tgenabled::text, c.oid::regclass::text
  FROM pg_trigger t LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE t.tgisinternal AND t.tgenabled IN ('D', 'R') AND ${own('t.oid', 'pg_trigger')}
ORDER BY 1, 2`;

/** What stands guard itself: one that is gone is a difference too. */
const GUARDS: readonly Way['kind'][] = ['trigger', 'rule'];

/**
 * What is there beyond the record, each as one phrase; a view or a function that is gone lets nobody around anything.
 * Triggers of a table that came after the record are not judged: they came with it.
 */
export function waysChanged(
  record: readonly Way[],
  now: readonly Way[],
  tables: { readonly record: readonly string[]; readonly now: readonly string[] },
): readonly string[] {
  const find = (list: readonly Way[], way: Way) =>
    list.find(({ kind, name }) => kind === way.kind && name === way.name);
  const added = now.flatMap((way) => {
    const then = find(record, way);
    if (then?.mark === way.mark) return [];
    if (way.kind === 'foreign key') return [`the foreign key ${way.name} is not enforced`];
    if (way.kind === 'trigger' && !tables.record.includes(way.table ?? '')) return [];
    return [`the ${way.kind} ${way.name} ${then === undefined ? 'was added' : 'is another one'}`];
  });
  const gone = record.filter(
    (way) => GUARDS.includes(way.kind) && tables.now.includes(way.table ?? '') && !find(now, way),
  );
  return [...added, ...gone.map((way) => `the ${way.kind} ${way.name} is gone`)];
}
