/** Changes that write the database's files: certificates, access rules, passwords, connection URLs. */
import { unifiedDiff } from '../../src/core/diff.ts';
import { ChangeError } from '../../src/core/errors.ts';
import type { Host, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Change } from '../../src/core/step.ts';
import hba from '../../templates/pg_hba.conf?raw';
import {
  certificateProblem,
  certificatesIn,
  createAuthority,
  type Issued,
  issueServerCertificate,
  keyMatches,
} from '../shared/certificates.ts';
import { buildConnectionUrl, renderEnv } from '../shared/connection-urls.ts';
import { engine } from '../shared/engine.ts';
import { ENV, PATH, SERVICE, UID } from '../shared/layout.ts';
import { roleUrls } from '../shared/postgres.ts';
import { knownRelease } from '../shared/release.ts';
import { generateSecret } from '../shared/secrets.ts';
import { makeSecretsDirectory } from '../shared/secrets-directory.ts';
import { uidShift } from '../shared/userns.ts';
import { authorityProblem, expectedServer, isStrong, RENEW_DAYS, URL_PARAMETERS } from './file-controls.ts';
import { type Needed, ROLE_KEYS, ROLE_NAME, type RoleKey } from './ground.ts';
import { reload } from './start.ts';

/** Whom the server certificate speaks for: CoreCube's way in, and a person inside the container. */
const NAMES = { dns: [SERVICE.database, 'localhost'], addresses: ['127.0.0.1'] } as const;

/** What is wrong with the certificate files; undefined when nothing is. */
export async function certificateFilesProblem(host: HostReader): Promise<string | undefined> {
  const [ca, certificate, key] = await Promise.all([
    host.readText(PATH.databaseCa),
    host.readText(PATH.databaseCertificate),
    host.readSecret(PATH.databaseKey),
  ]);
  if (!ca) return `${PATH.databaseCa} is not there`;
  const trust = await authorityProblem(host, ca);
  if (trust) return `${PATH.databaseCa} ${trust}`;
  if (!certificate || !key) return `${PATH.databaseCertificate} or its key is not there`;
  if (!keyMatches(certificate, key))
    return `${PATH.databaseKey} is not the key of ${PATH.databaseCertificate}`;
  return certificateProblem(certificate, ca, SERVICE.database, host.now(), RENEW_DAYS);
}

async function owners(host: Host) {
  const { uid, gid } = await host.system();
  const database = UID.database + (await uidShift(host));
  return { operator: { uid, gid }, database: { uid: database, gid: database } };
}

export const certificates: Change = {
  id: 'database.certificates',
  disrupts: 'The certificate of the database is replaced; the database restarts later in this step.',
  summary: `Make or renew the private authority (10 years, key ${PATH.databaseCaKey}) and the server certificate for ${NAMES.dns.join(', ')} (825 days), ECDSA P-256; files 0600 and 0644`,
  offline: true,
  async apply(host) {
    if (!(await host.stat(PATH.secrets))) await makeSecretsDirectory(host);
    const own = await owners(host);
    await keepOwnAuthority(host, own.operator);
    if ((await certificateFilesProblem(host)) !== undefined) {
      const authority = (await usableAuthority(host)) ?? (await newAuthority(host, own.operator));
      const server = await issueServerCertificate(authority, NAMES, host.now());
      // A stop between the two leaves a pair that does not fit, which the next run sees and makes anew.
      await host.writeFile(PATH.databaseKey, server.key, { mode: 0o600, ...own.database });
      await host.writeFile(PATH.databaseCertificate, server.certificate, { mode: 0o644, ...own.operator });
    }
    await giveAccess(host);
  },
};

/** Where the certificates are good and only others can get at them (or nobody): nothing is made anew or started. */
export const certificateAccess: Change = {
  id: 'database.certificate-access',
  summary: `Give ${PATH.databaseCaKey} and ${PATH.databaseKey} mode 0600, ${PATH.databaseCa} and ${PATH.databaseCertificate} mode 0644, and each its owner; their content stays`,
  offline: true,
  standsAlone: true,
  apply: giveAccess,
};

async function giveAccess(host: Host): Promise<void> {
  const own = await owners(host);
  await host.setAccess(PATH.databaseKey, { mode: 0o600, ...own.database });
  await host.setAccess(PATH.databaseCertificate, { mode: 0o644, ...own.operator });
  await host.setAccess(PATH.databaseCa, { mode: 0o644, ...own.operator });
  if (await host.stat(PATH.databaseCaKey))
    await host.setAccess(PATH.databaseCaKey, { mode: 0o600, ...own.operator });
}

/** Of several certificates in the authority's file, leaves the one whose key is here; then nothing has to be signed anew. */
async function keepOwnAuthority(host: Host, operator: { uid: number; gid: number }): Promise<void> {
  const found = certificatesIn((await host.readText(PATH.databaseCa)) ?? '');
  const key = await host.readSecret(PATH.databaseCaKey);
  const own = key && found.find((certificate) => keyMatches(certificate, key));
  if (found.length > 1 && own)
    await host.writeFile(PATH.databaseCa, `${own}\n`, { mode: 0o644, ...operator });
}

/** The authority that is there, when its key is too and it lasts longer than a renewal period. */
async function usableAuthority(host: HostReader): Promise<Issued | undefined> {
  const certificate = await host.readText(PATH.databaseCa);
  const key = await host.readSecret(PATH.databaseCaKey);
  if (!certificate || !key || !keyMatches(certificate, key)) return undefined;
  // An authority signed itself: held against itself, only its dates and its form can be wrong.
  const problem = certificateProblem(certificate, certificate, SERVICE.database, host.now(), RENEW_DAYS);
  return problem === undefined || problem.includes('not for the name') ? { certificate, key } : undefined;
}

async function newAuthority(host: Host, operator: { uid: number; gid: number }): Promise<Issued> {
  const authority = await createAuthority('CoreCube database authority', host.now());
  await host.writeFile(PATH.databaseCaKey, authority.key, { mode: 0o600, ...operator });
  await host.writeFile(PATH.databaseCa, authority.certificate, { mode: 0o644, ...operator });
  return authority;
}

/** External: CoreCube and this tool trust the authority that was answered, from a copy of their own. */
export function externalAuthority(answers: Needed): Change {
  return {
    id: 'database.authority',
    summary: `Copy ${answers.databaseCa ?? 'the authority'} to ${PATH.databaseCa} (0644)`,
    offline: true,
    async apply(host) {
      const pem = answers.databaseCa && (await host.readText(answers.databaseCa));
      if (!pem)
        throw new ChangeError(
          'refused',
          `${answers.databaseCa ?? 'the authority'} does not exist`,
          'Answer databaseCa with its PEM file.',
        );
      if (!(await host.stat(PATH.secrets))) await makeSecretsDirectory(host);
      if ((await host.readText(PATH.databaseCa)) !== pem)
        await host.writeFile(PATH.databaseCa, pem, { mode: 0o644 });
    },
  };
}

export const superuserPasswordFile: Change = {
  id: 'database.superuser-password',
  summary: `Create ${PATH.databaseSuperuserPassword} (40 random characters, 0600, owner uid ${UID.database}) unless it is there; the content is not shown`,
  offline: true,
  async apply(host) {
    if (!(await host.stat(PATH.secrets))) await makeSecretsDirectory(host);
    const { database } = await owners(host);
    if (await host.stat(PATH.databaseSuperuserPassword)) {
      await host.setAccess(PATH.databaseSuperuserPassword, { mode: 0o600, ...database });
      return;
    }
    await host.writeFile(PATH.databaseSuperuserPassword, generateSecret(host.randomBytes), {
      mode: 0o600,
      ...database,
      exclusive: true,
    });
  },
};

export async function accessRules(host: HostReader, answers: Needed): Promise<Change> {
  return {
    id: 'database.access-rules',
    summary: `Write ${PATH.hba} (0644): encrypted connections of CoreCube's roles from the internal network, by SCRAM-SHA-256; everything else is refused`,
    diff: unifiedDiff(PATH.hba, await host.readText(PATH.hba), hba),
    offline: true,
    async apply(writer) {
      await writer.makeDirectory(PATH.postgresDir, { mode: 0o755 });
      if ((await writer.readText(PATH.hba)) === hba) await writer.setAccess(PATH.hba, { mode: 0o644 });
      else await writer.writeFile(PATH.hba, hba, { mode: 0o644 });
      // Without an engine (--files-only) nothing runs that could read the new rules.
      if ((await engine(writer)).state === 'ready') await reload(writer, answers);
    },
  };
}

/** Everything of `.env` but the secrets, as it will be. Where only its access is wrong, nothing is rotated. */
export async function envChange(host: HostReader, answers: Needed): Promise<Change> {
  const found = (await host.readSecret(PATH.env))?.reveal();
  // Where a password has to be made, what comes out differs, whatever stands in for it here. What cannot be told differs.
  const wanted =
    found === undefined
      ? undefined
      : await envText(host, answers, () => new Secret('to-be-made')).catch(() => undefined);
  const { uid, gid } = await host.system();
  if (found !== undefined && found === wanted)
    return {
      id: 'database.urls-access',
      summary: `Give ${PATH.env} mode 0600 and the operator as owner; its content stays`,
      offline: true,
      standsAlone: true,
      apply: (writer) => writer.setAccess(PATH.env, { mode: 0o600, uid, gid }),
    };
  return {
    id: 'database.urls',
    disrupts: 'A password that is not good any more is replaced, and CoreCube is recreated with it.',
    summary: `Write the connection URLs to ${PATH.env} (0600): ${ENV.app}, ${ENV.maintenance}, ${ENV.owner}, and ${ENV.main} (the app role on guide v1, the migration owner on guide v2). Passwords that are good are kept, others are made; none is shown`,
    offline: true,
    async apply(writer) {
      const before = (await writer.readSecret(PATH.env))?.reveal();
      const after = await envText(writer, answers, () => generateSecret(writer.randomBytes));
      if (before === after) await writer.setAccess(PATH.env, { mode: 0o600, uid, gid });
      else await writer.writeFile(PATH.env, new Secret(after), { mode: 0o600, uid, gid });
    },
  };
}

async function envText(host: HostReader, answers: Needed, make: () => Secret): Promise<string> {
  const before = await host.readSecret(PATH.env);
  const release = await knownRelease(host, answers);
  return renderEnv(before?.reveal(), await wantedUrls(host, answers, release, make));
}

/**
 * A password that is there, good and not shared stays: the server is made to fit .env, never the other way round. On guide
 * v1 the main URL is the app role's; its first boot migrates with the owner's, which the services step hands over.
 */
async function wantedUrls(
  host: HostReader,
  answers: Needed,
  release: 'v1' | 'v2',
  make: () => Secret,
): Promise<Record<string, string>> {
  const now = (await roleUrls(host)) ?? {};
  const used = new Set<string>();
  const target = { ...(await expectedServer(host, answers)), parameters: URL_PARAMETERS };
  const url = {} as Record<RoleKey, string>;
  for (const role of ROLE_KEYS) {
    const old = now[role];
    const keep = old && old.user === ROLE_NAME[role] && isStrong(old.password.reveal(), ROLE_NAME[role]);
    const password = keep && !used.has(old.password.reveal()) ? old.password : make();
    used.add(password.reveal());
    url[role] = buildConnectionUrl({ ...target, user: ROLE_NAME[role], password }).reveal();
  }
  return {
    [ENV.main]: release === 'v1' ? url.app : url.owner,
    [ENV.app]: url.app,
    [ENV.maintenance]: url.maintenance,
    [ENV.owner]: url.owner,
  };
}
