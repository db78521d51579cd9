/** The change that sets roles, passwords and rights, in one transaction of the superuser. */
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, SqlConnection } from '../../src/core/host.ts';
import type { Change } from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import { ENV, PATH } from '../shared/layout.ts';
import { externalAdmin, roleUrls } from '../shared/postgres.ts';
import { knownRelease, type ReleaseAnswers } from '../shared/release.ts';
import { scramVerifier } from '../shared/scram.ts';
import {
  asSuperuser,
  type GroundAnswers,
  KEPT_WEAKLY,
  probe,
  ROLE_NAME,
  type RoleKey,
  rows,
} from './ground.ts';
import { keepOnRecord, OWN_TABLES } from './policies.ts';
import { rolesDiff, rolesSql } from './rights.ts';

export type RepairAnswers = GroundAnswers & ReleaseAnswers & Pick<Answers, 'database'>;

/**
 * Sets the three roles, their passwords (those of `.env`), all rights, the owners of tables and the extension, whatever they
 * were. Safe to repeat: it says how it must be. Used by the database step, and by the services step once tables exist.
 *
 * Guide v1 contradicts itself: its application user needs CREATE TABLE and may not own what carries policies, and its
 * migrations need a second connection that no variable names. Resolved like this: the first boot gets the owner's URL as
 * PGVECTOR_URL, so that every migrated table belongs to the owner; from then on PGVECTOR_URL is the app role's, which may
 * create tables in the schema and owns nothing that carries a policy. What it does create is given to the owner by the
 * next apply.
 */
export function roleRepairChange(answers: RepairAnswers, release?: 'v1' | 'v2'): Change {
  const bundled = answers.database === 'bundled';
  return {
    id: 'database.roles',
    summary: `Set the roles ${Object.values(ROLE_NAME).join(', ')}, their passwords as SCRAM verifiers, their rights and the vector extension, in one transaction`,
    diff: rolesDiff({ database: bundled ? 'corecube' : 'DATABASE', release: release ?? 'v2', bundled }),
    async apply(host) {
      const reach = await asSuperuser(host, answers);
      if (!reach.connection) {
        const why = reach.verdict.is === 'unknown' ? reach.verdict.because : 'it cannot be reached';
        throw new ChangeError(
          'database',
          `the superuser cannot log in: ${why}`,
          'See the log of the database.',
        );
      }
      const [vector] = await host.sql(reach.connection, [
        {
          text: `SELECT bool_or(v.installed) AS installed, bool_or(v.trusted) OR
              (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS possible
            FROM pg_catalog.pg_available_extension_versions v WHERE v.name = 'vector' GROUP BY v.name`,
        },
      ]);
      if (vector?.ok && vector.rows.length === 0)
        throw new ChangeError(
          'database',
          'the server has no pgvector: the extension vector is not available',
          bundled
            ? 'Answer postgresImage with an image that brings pgvector.'
            : 'Install pgvector on the server.',
        );
      const [extension] = vector?.ok ? vector.rows : [];
      if (extension?.installed === false && extension.possible === false)
        throw new ChangeError(
          'database',
          'the extension vector is not installed, and this role may not install it',
          'Let a superuser run CREATE EXTENSION vector WITH SCHEMA public in this database once, then run this again.',
        );
      await refuseUntamable(host, reach.connection);
      const urls = await roleUrls(host);
      const verifier = (role: RoleKey) => {
        const url = urls?.[role];
        if (!url)
          throw new ChangeError('refused', `${PATH.env} holds no usable ${ENV[role]}`, 'Run apply again.');
        return scramVerifier(url.password, host.randomBytes(16));
      };
      const database = bundled ? reach.connection.database : (await externalAdmin(host, answers)).database;
      const known = await knownRelease(host, answers);
      const { own } = await probe(host, 'tables of the app', reach.connection, { own: OWN_TABLES });
      // Before they change hands: whoever stops this in between must not find CoreCube's own tables accused.
      await keepOnRecord(
        host,
        rows(own, 'the tables of the app role').map((row) => String(row.name)),
      );
      await host.sqlWrite(reach.connection, rolesSql({ database, release: known, bundled, verifier }));
      if (bundled) {
        await keepAsScram(host, reach.connection);
        await liftLimit(host, reach.connection);
      }
    },
  };
}

/** The superuser's password stays what it is; only a verifier of too few rounds is computed anew from it. */
async function keepAsScram(host: Host, superuser: SqlConnection): Promise<void> {
  const [weak] = await host.sql(superuser, [
    { text: `SELECT 1 FROM pg_catalog.pg_authid WHERE rolname = current_user AND ${KEPT_WEAKLY}` },
  ]);
  if (!weak?.ok || weak.rows.length === 0) return;
  const verifier = scramVerifier(superuser.password, host.randomBytes(16));
  await host.sqlWrite(superuser, [{ text: `ALTER ROLE postgres PASSWORD '${verifier}'` }]);
}

/** A limit of the database locks CoreCube out as soon as its pools grow; the superuser is not bound by it. */
async function liftLimit(host: Host, superuser: SqlConnection): Promise<void> {
  const [limit] = await host.sql(superuser, [
    {
      text: 'SELECT 1 FROM pg_catalog.pg_database WHERE datname = current_database() AND datconnlimit >= 0',
    },
  ]);
  if (limit?.ok && limit.rows.length > 0)
    await host.sqlWrite(superuser, [{ text: 'ALTER DATABASE corecube CONNECTION LIMIT -1' }]);
}

/** Attributes that only a superuser may take from a role; an external admin need not be one. */
async function refuseUntamable(host: Host, admin: SqlConnection): Promise<void> {
  const [look] = await host.sql(admin, [
    {
      text: `SELECT format('ALTER ROLE %I %s', rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'NOSUPERUSER' END,
            CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END)) AS statement
          FROM pg_catalog.pg_roles WHERE rolname = ANY ($1) AND (rolsuper OR rolbypassrls OR rolreplication)
            AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)`,
      values: [Object.values(ROLE_NAME)],
    },
  ]);
  if (!look?.ok || look.rows.length === 0) return;
  throw new ChangeError(
    'database',
    `roles of CoreCube have attributes that ${admin.user}, who is no superuser, may not take back`,
    `Let a superuser of the server run ${look.rows.map((row) => row.statement).join('; ')}. Then run this again.`,
  );
}
