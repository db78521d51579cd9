/** The three roles and their rights, as one transaction that says how it must be, whatever it was. */
import type { SqlStatement } from '../../src/core/host.ts';
import { fill } from '../../src/core/template.ts';
import rights from '../../templates/database-rights.sql?raw';
import { DATABASE } from '../shared/layout.ts';
import { revokeFurtherRights } from './further-rights.ts';
import type { RoleKey } from './ground.ts';
import { resetRoleSettings } from './settings-controls.ts';

export interface RolesInput {
  /** Name of CoreCube's database. */
  readonly database: string;
  readonly release: 'v1' | 'v2';
  readonly bundled: boolean;
  /** What the server gets to know of each password: a SCRAM verifier. */
  readonly verifier: (role: RoleKey) => string;
}

/** What stands in a shown plan instead of a verifier. */
export const VERIFIER_SHOWN = '[SCRAM-SHA-256 verifier]';

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

const ROLES: readonly (readonly [RoleKey, string])[] = [
  ['owner', DATABASE.owner],
  ['app', DATABASE.app],
  ['maintenance', DATABASE.maintenance],
];
const ROLE_LIST = ROLES.map(([, name]) => name).join(', ');
const NAMES = ROLES.map(([, name]) => literal(name)).join(', ');

/** The statements, to be run by the superuser (or the external admin role), committed together or not at all. */
export function rolesSql(input: RolesInput): readonly SqlStatement[] {
  const { database, release, bundled, verifier } = input;
  return [
    // What a role put into its own schema must not run with the superuser's rights (CVE-2018-1058).
    'SET LOCAL search_path = pg_catalog, pg_temp',
    'SET LOCAL lock_timeout = 5000',
    ...ROLES.flatMap(([key, name]) => [
      CREATE_ROLE(name),
      TAME_ROLE(name),
      `ALTER ROLE ${name} LOGIN INHERIT CONNECTION LIMIT -1 PASSWORD ${literal(verifier(key))}`,
    ]),
    REVOKE_MEMBERSHIPS,
    resetRoleSettings(bundled),
    BORROW_OWNER,
    'CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public',
    `ALTER DATABASE ${identifier(database)} OWNER TO ${DATABASE.owner}`,
    `ALTER SCHEMA public OWNER TO ${DATABASE.owner}`,
    REOWN(bundled),
    revokeFurtherRights({ release, bundled }),
    // Guide v1's application creates what is missing at every start ("CREATE TABLE", PostgreSQL security).
    fill(rights, {
      DATABASE: identifier(database),
      APP_SCHEMA_RIGHTS: release === 'v1' ? 'USAGE, CREATE' : 'USAGE',
    }).trim(),
    ...(bundled ? [REVOKE_DATABASES] : []),
    ENABLE_RLS,
    RETURN_OWNER,
  ].map((text) => ({ text }));
}

/** The same statements for a person to read; two that go through the catalogue are told in a sentence. */
export function rolesDiff(input: Omit<RolesInput, 'verifier'>): string {
  const statements = rolesSql({ ...input, verifier: () => VERIFIER_SHOWN });
  const told = new Map([
    [revokeFurtherRights(input), '-- revoke every right of the three roles that is not given below'],
    [
      resetRoleSettings(input.bundled),
      '-- reset what ALTER ROLE SET or ALTER DATABASE SET changed of what sessions see, load or log',
    ],
  ]);
  return statements.map(({ text }) => told.get(text) ?? `${text.replace(/;$/, '')};`).join('\n');
}

const CREATE_ROLE = (name: string) => `DO $do$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(name)}) THEN CREATE ROLE ${name} LOGIN; END IF;
END $do$`;

/** One attribute at a time and only where it drifted: an admin who is no superuser may not even mention SUPERUSER. */
const TAME_ROLE = (name: string) => `DO $do$ DECLARE r pg_roles; BEGIN
  SELECT * INTO r FROM pg_roles WHERE rolname = ${literal(name)};
  IF r.rolsuper THEN ALTER ROLE ${name} NOSUPERUSER; END IF;
  IF r.rolbypassrls THEN ALTER ROLE ${name} NOBYPASSRLS; END IF;
  IF r.rolcreaterole THEN ALTER ROLE ${name} NOCREATEROLE; END IF;
  IF r.rolcreatedb THEN ALTER ROLE ${name} NOCREATEDB; END IF;
  IF r.rolreplication THEN ALTER ROLE ${name} NOREPLICATION; END IF;
  IF r.rolvaliduntil IS NOT NULL THEN ALTER ROLE ${name} VALID UNTIL 'infinity'; END IF;
END $do$`;

/** The other databases of the bundled server: those of initdb, and copies that somebody made. */
const REVOKE_DATABASES = `DO $do$ DECLARE name name; BEGIN
  FOR name IN SELECT datname FROM pg_database WHERE datname <> 'template0'
  LOOP EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name); END LOOP;
END $do$`;

/** None of the three roles is a member of any role. */
const REVOKE_MEMBERSHIPS = `DO $do$ DECLARE m record; BEGIN
  FOR m IN SELECT pg_get_userbyid(roleid) AS granted, pg_get_userbyid(member) AS member, pg_get_userbyid(grantor) AS grantor
    FROM pg_auth_members WHERE pg_get_userbyid(member) IN (${NAMES})
  LOOP EXECUTE format('REVOKE %I FROM %I GRANTED BY %I CASCADE', m.granted, m.member, m.grantor); END LOOP;
END $do$`;

const UNLESS_SUPERUSER = (...statements: readonly string[]) => `DO $do$ BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    ${statements.map((text) => `EXECUTE format(${text});`).join('\n    ')}
  END IF;
END $do$`;
/** An admin who is no superuser must be a member of the roles to move tables between them; only inside this transaction. */
const BORROW_OWNER = UNLESS_SUPERUSER(`'GRANT ${ROLE_LIST} TO %I', current_user`);
/** What PUBLIC had, the admin had too: without these two, the next look would be locked out. */
const RETURN_OWNER = UNLESS_SUPERUSER(
  `'GRANT CONNECT ON DATABASE %I TO %I', current_database(), current_user`,
  `'GRANT USAGE ON SCHEMA public TO %I', current_user`,
  `'REVOKE ${ROLE_LIST} FROM %I', current_user`,
);

/**
 * Tables that the application or maintenance role owns, or that carry policies, belong to the migration owner: an
 * owner alone may change policies. In the bundled database every table of CoreCube does.
 */
const REOWN = (bundled: boolean) => `DO $do$ DECLARE t record; BEGIN
  FOR t IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND pg_get_userbyid(c.relowner) <> '${DATABASE.owner}'
      AND (pg_get_userbyid(c.relowner) IN ('${DATABASE.app}', '${DATABASE.maintenance}')
           OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)${bundled ? " OR n.nspname = 'public'" : ''})
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
                      AND (d.deptype = 'e' OR (c.relkind = 'S' AND d.deptype IN ('a', 'i'))))
  LOOP EXECUTE format('ALTER TABLE %I.%I OWNER TO ${DATABASE.owner}', t.nspname, t.relname); END LOOP;
END $do$`;

/** A policy on a table without row-level security filters nothing. */
const ENABLE_RLS = `DO $do$ DECLARE t record; BEGIN
  FOR t IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
  LOOP EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', t.nspname, t.relname); END LOOP;
END $do$`;
