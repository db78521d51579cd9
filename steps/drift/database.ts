/** PostgreSQL and its files: rules, certificates, passwords, URLs, and what the catalogue says. */
import type { Drift } from '../../src/core/report.ts';

import { asSuperuser, ROLE_NAME, type RoleKey } from '../database/ground.ts';
import { serverOptionProblems } from '../database/server-options.ts';
import type { QuestionId } from '../questions.ts';
import type { ComposeModel } from '../shared/compose-project.ts';
import { containerOf, execIn } from '../shared/docker.ts';
import { PATH, SERVICE, UID } from '../shared/layout.ts';
import { operators } from '../shared/operators.ts';
import { roleUrls } from '../shared/postgres.ts';
import { uidShift } from '../shared/userns.ts';
import { accessDrift } from './access.ts';
import { declaredOrNot, differingVariables } from './containers.ts';
import {
  broken,
  describeDiffering,
  earlierAnswers,
  firstOf,
  type Look,
  provedBy,
  type Rule,
} from './context.ts';
import { ACCESS_RULES, edited, fileDrift, missing, stateOf, wasMade } from './files.ts';
import { live } from './live.ts';
import { when } from './memory.ts';
import { changedAt, modifiedAt } from './times.ts';

const SERVER = 'The running server';

/** Whether the server has read its rules since the file was changed; undefined when that cannot be told. */
async function hasReadRules(look: Look): Promise<boolean | undefined> {
  const reach = await asSuperuser(look.host, look.answers);
  if (!reach.connection) return undefined;
  const [result] = await look.host.sql(reach.connection, [
    { text: 'SELECT extract(epoch FROM pg_conf_load_time()) * 1000 AS at' },
  ]);
  const loaded = result?.ok ? Number(result.rows[0]?.at) : Number.NaN;
  const [changed, modified] = [await changedAt(look, PATH.hba), await modifiedAt(look, PATH.hba)];
  if (Number.isNaN(loaded) || !changed || !modified) return undefined;
  if (changed.getTime() <= loaded) return true;
  return modified.getTime() > loaded ? false : undefined;
}

const rulesDrift = async (look: Look): Promise<Drift | undefined> =>
  fileDrift(ACCESS_RULES, look, { follows: await hasReadRules(look).catch(() => undefined), what: SERVER });

/** `pg.rules-loaded`: a file that was edited and not loaded. Who let the server read another one before, nobody can tell. */
export const unloadedRules: Rule = async (look) =>
  (await stateOf(ACCESS_RULES, look)).is === 'as-rendered' ? undefined : rulesDrift(look);

/** `pg.files`: the rules, then each file's presence, access and content. */
export const databaseFiles: Rule = async (look, { control }) => {
  const { host, answers } = look;
  if (answers.database === 'external') return authorityCopy(look);
  if ((await stateOf(ACCESS_RULES, look)).is !== 'as-rendered') return rulesDrift(look);
  const operator = await operators(host);
  const server = new Set([UID.database + (await uidShift(host))]);
  const certificates = 'database.certificates';
  const open = { mode: 0o644, owners: operator, wrong: 0o022, needed: 0o044 };
  const closed = (owners: ReadonlySet<number>) => ({ mode: 0o600, owners, wrong: 0o077, needed: 0o400 });
  for (const [path, change, access] of [
    [PATH.hba, ACCESS_RULES.change, open],
    [PATH.postgresDir, ACCESS_RULES.change, { mode: 0o755, owners: operator, wrong: 0o022 }],
    [PATH.databaseSuperuserPassword, 'database.superuser-password', closed(server)],
    [PATH.databaseCaKey, certificates, closed(operator)],
    [PATH.databaseKey, certificates, closed(server)],
    [PATH.databaseCa, certificates, open],
    [PATH.databaseCertificate, certificates, open],
  ] as const) {
    if (!(await host.stat(path))) return missing(path, wasMade(look, change));
    const drift = await accessDrift(look, control, path, { ...access, change });
    if (drift) return drift;
  }
  for (const path of [PATH.databaseCertificate, PATH.databaseCa, PATH.databaseKey]) {
    const drift = await rewritten(look, path, certificates);
    if (drift) return drift;
  }
  return undefined;
};

/** A file whose content must not be hashed, written after the change that made it was done. */
async function rewritten(look: Look, path: string, change: string): Promise<Drift | undefined> {
  const made = look.memory.made.get(change);
  const at = await modifiedAt(look, path);
  return made && at && at > made
    ? broken(
        'edited-by-hand',
        `${path} was made by this tool on ${when(made)} and written again on ${when(at)}.`,
      )
    : undefined;
}

async function authorityCopy(look: Look): Promise<Drift | undefined> {
  const source = look.answers.databaseCa;
  if (!(await look.host.stat(PATH.databaseCa)))
    return missing(PATH.databaseCa, wasMade(look, 'database.authority'));
  const made = look.memory.made.get('database.authority');
  const changed = source === undefined ? undefined : await changedAt(look, source);
  if (made && changed && changed > made)
    return broken(
      'never-applied',
      `${source} was changed on ${when(changed)}, after it was copied on ${when(made)}.`,
    );
  return rewritten(look, PATH.databaseCa, 'database.authority');
}

/** `pg.env-file`. */
export const envFile: Rule = async (look, { control }) => {
  const made = wasMade(look, 'database.urls');
  if (!(await look.host.stat(PATH.env))) return missing(PATH.env, made);
  const owners = await operators(look.host);
  return accessDrift(look, control, PATH.env, { mode: 0o600, owners, wrong: 0o177, change: 'database.urls' });
};

/** What `.env` says: held at the last apply with the same answers, so it was edited. Its content is never shown. */
export const envContent: Rule = async (look, { control }) => {
  const { host, answers } = look;
  if (!(await host.stat(PATH.env))) return missing(PATH.env, wasMade(look, 'database.urls'));
  const needs: readonly QuestionId[] = ['database', 'databaseAdminUrl', 'release', 'image'];
  const earlier = await earlierAnswers(look, needs);
  if (earlier)
    return broken('never-applied', `${describeDiffering(earlier.differing)} from those of the last apply.`);
  const proved = provedBy(look, control);
  if (!proved) return undefined;
  const app = await containerOf(host, answers.projectName, SERVICE.app);
  const names = app ? await differingVariables(look, app, SERVICE.app) : [];
  return edited(`${PATH.env} is not as it was at the apply of ${when(proved.at)}`, {
    follows: app === undefined ? undefined : names.length === 0,
    what: `The container of ${SERVICE.app}`,
  });
};

/** A password that the server does not take: the one kept here was edited, or the server's was changed. */
export const password =
  (path: string): Rule =>
  async (look, { control }) => {
    const { host, answers } = look;
    const app = await containerOf(host, answers.projectName, SERVICE.app);
    const names = app && path === PATH.env ? await differingVariables(look, app, SERVICE.app) : [];
    if (names.length > 0)
      return edited(`${path} has another value of ${names.join(', ')} than CoreCube was started with`, {
        follows: false,
        what: `The container of ${SERVICE.app}`,
      });
    const proved = provedBy(look, control);
    if (!proved) return undefined;
    const [changed, modified] = [await changedAt(look, path), await modifiedAt(look, path)];
    if (modified && modified > proved.at)
      return broken(
        'edited-by-hand',
        `${path} was written on ${when(modified)}, after the apply of ${when(proved.at)}.`,
      );
    if (!changed || changed > proved.at) return undefined;
    return broken(
      'changed-at-run-time',
      `${path} is as it was at the apply of ${when(proved.at)}; the server no longer lets in who comes with it.`,
    );
  };

/** How the server lets anybody in: by its rules, or by what was changed in it. */
export const accessRules: Rule = async (look, finding) => {
  const state = await stateOf(ACCESS_RULES, look);
  // A stored password that is weak is no matter of the rules.
  const isAboutRules = finding.verdict.is !== 'fail' || !/^the password of /.test(finding.verdict.observed);
  if (isAboutRules && state.is !== 'as-rendered') {
    const drift = await rulesDrift(look);
    // pg_hba_file_rules shows the file; a connection that went through met the rules that were read.
    return finding.control === 'pg.scram-only' || drift?.link !== 'edited-not-applied' ? drift : undefined;
  }
  return catalogue(look, finding);
};

const NEEDS = ['database', 'databaseAdminUrl', 'release', 'image'] as const;

/** Roles and their rights: no file declares them, the running server keeps them. */
export const catalogue: Rule = live('in the running database', { change: 'database.roles', needs: NEEDS });

/** `pg.roles-log-in`: a role that logs in, but not for ever or not often enough, is no matter of passwords. */
export const roleLogin: Rule = async (look, finding) =>
  finding.verdict.is === 'fail' && /(ends on [0-9-]+|at a time only)$/.test(finding.verdict.observed)
    ? catalogue(look, finding)
    : password(PATH.env)(look, finding);

/** Tables and policies: CoreCube makes them, and a new release of it makes others. */
export const schema: Rule = live('in the running database', { needs: NEEDS, schemaOf: SERVICE.app });

/** The record of the policies: it was removed, or it is of another image than the one that runs. The database has no part in it. */
export const policyRecord: Rule = async (look, finding) => {
  if ((await look.host.stat(PATH.policies)) === undefined)
    return missing(PATH.policies, wasMade(look, 'services.policies-record'));
  const drift = await schema(look, finding);
  return drift?.link === 'changed-at-run-time' ? undefined : drift;
};

/** Options on the server's command line, where a file declares others. */
const serverCommand =
  (options: RegExp): Rule =>
  async (look) =>
    look.answers.database === 'external'
      ? undefined
      : declaredOrNot(look, SERVICE.database, otherOptions(options), 'untold');

const otherOptions =
  (options: RegExp) =>
  (model: ComposeModel): boolean =>
    serverOptionProblems(model.services[SERVICE.database]?.command).some((text) =>
      options.test(text.replace('the database is started with ', '')),
    );

const tlsCommand = serverCommand(/^ssl/);

/** TLS of the server: its command, else what was changed in the running one. */
export const serverTls: Rule = firstOf(
  tlsCommand,
  live('in the running database', { needs: ['database', 'databaseAdminUrl'] }),
);

/** What the server writes into its log: its command, else what was changed in the running one. */
export const serverLog: Rule = firstOf(serverCommand(/^log_/), catalogue);

/** Its certificate: the command, or a file that was replaced or written. That one runs out is nobody's change. */
export const serverCertificate: Rule = firstOf(
  tlsCommand,
  otherFileInside(
    SERVICE.database,
    PATH.databaseCertificate,
    '/run/secrets/pg_server.crt',
    'database.certificates',
  ),
  async (look) =>
    look.answers.database === 'external'
      ? undefined
      : ((await rewritten(look, PATH.databaseCertificate, 'database.certificates')) ??
        rewritten(look, PATH.databaseKey, 'database.certificates')),
);

/** What a role is and may: over its URL another role may have answered, because `.env` names that one. */
export const rightsOf = (role: RoleKey): Rule =>
  firstOf(async (look, finding) => {
    const url = (await roleUrls(look.host))?.[role];
    return url && url.user !== ROLE_NAME[role] ? envContent(look, finding) : undefined;
  }, catalogue);

/** Which URLs CoreCube runs with: those of `.env`, or older ones. */
export const urlsInUse: Rule = async (look) => {
  const app = await containerOf(look.host, look.answers.projectName, SERVICE.app);
  const names = app ? await differingVariables(look, app, SERVICE.app) : [];
  return names.length === 0
    ? undefined
    : edited(`${PATH.env} has another value of ${names.join(', ')} than CoreCube was started with`, {
        follows: false,
        what: `The container of ${SERVICE.app}`,
      });
};

/** A certificate that a container still has from its start, while the file was replaced. */
export function otherFileInside(service: string, path: string, inside: string, change: string): Rule {
  return async (look) => {
    const { host, answers, memory } = look;
    const container = await containerOf(host, answers.projectName, service);
    const held = await host.readText(path);
    if (!container?.State.Running || held === undefined) return undefined;
    const has = await execIn(host, container, ['cat', inside]);
    if (has.code !== 0 || has.stdout.trim() === held.trim()) return undefined;
    const what = `${path} is another file than the container of ${service} was started with`;
    const made = memory.made.get(change);
    if (memory.unfinished && made && made >= memory.unfinished)
      return broken('never-applied', `${what}: the run that wrote it did not come to its end.`);
    return edited(what, { follows: false, what: `The container of ${service}` });
  };
}
