/**
 * What reads tables with the rights of somebody else than who asks: views, materialized views, functions of their definer,
 * and rules. One of the tables' owner shows the rows of every compartment where row-level security does not bind the
 * owner, as on guide v1 (PostgreSQL 5.9, 41.5).
 */
import { DATABASE } from '../shared/layout.ts';

export interface Way {
  readonly kind: 'view' | 'materialized view' | 'function' | 'rule';
  /** Qualified, and quoted where it must be; a function with the types of its arguments. */
  readonly name: string;
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

/** Rows as {@link Way}. A view that asks with the rights of whoever reads it (`security_invoker`) goes around nothing. */
export const WAYS = `SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind, c.oid::regclass::text AS name,
    md5(concat_ws(' ', c.relowner::regrole, array_to_string(c.reloptions, ','), pg_get_viewdef(c.oid))) AS mark
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('v', 'm') AND ${own('c.oid', 'pg_class')} AND ${ofAnOwner('c.relowner')}
    AND NOT coalesce(c.reloptions::text[] && ARRAY['security_invoker=true', 'security_invoker=on', 'security_invoker=1'], false)
UNION ALL SELECT 'function', p.oid::regprocedure::text,
    md5(concat_ws(' ', p.proowner::regrole, array_to_string(p.proconfig, ','), p.prosrc, p.probin))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.prosecdef AND ${own('p.oid', 'pg_proc')} AND ${ofAnOwner('p.proowner')}
UNION ALL SELECT 'rule', format('%I on %s', r.rulename, c.oid::regclass), md5(concat_ws(' ', c.relowner::regrole, r.ev_enabled, pg_get_ruledef(r.oid)))
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.rulename <> '_RETURN' AND ${own('c.oid', 'pg_class')} AND ${ofAnOwner('c.relowner')}
ORDER BY 1, 2`;

/** What is there beyond the record, each as one phrase; what is gone lets nobody around anything. */
export const waysAdded = (record: readonly Way[], now: readonly Way[]): readonly string[] =>
  now.flatMap((way) => {
    const then = record.find(({ kind, name }) => kind === way.kind && name === way.name);
    if (then?.mark === way.mark) return [];
    return [`the ${way.kind} ${way.name} ${then === undefined ? 'was added' : 'is another one'}`];
  });
