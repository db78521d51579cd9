/** Controls of the files that the database step writes: rules, certificates, the superuser's password, `.env`. */
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import hba from '../../templates/pg_hba.conf?raw';
import { certificateProblem, certificatesIn, keyMatches } from '../shared/certificates.ts';
import type { ConnectionUrl } from '../shared/connection-urls.ts';
import { DATABASE, ENV, PATH, SERVICE, UID } from '../shared/layout.ts';
import { operators } from '../shared/operators.ts';
import { externalAdmin, readEnv, roleUrls } from '../shared/postgres.ts';
import { releaseOf } from '../shared/release.ts';
import { uidShift } from '../shared/userns.ts';
import { ENV_FILE, type Needed, ROLE_KEYS, ROLE_NAME, SECTION, URLS } from './ground.ts';

/** Days before its end at which a certificate is made anew. */
export const RENEW_DAYS = 30;
/**
 * What every URL says: encrypt, and verify the server's chain and name (libpq, 32.1.2). That CoreCube's driver honours
 * it is an assumption; pg.app-sessions-encrypted looks at the sessions that it really opens.
 */
export const URL_PARAMETERS = { sslmode: 'verify-full', sslrootcert: '/run/secrets/pg_ca.crt' } as const;
/** A password that is kept; a shorter one is replaced. */
export const LEAST_PASSWORD = 20;

/** What a change of this step puts right. */
export type FilePart = 'rules' | 'certificates' | 'superuser-password' | 'authority-copy';
export interface FileProblem {
  readonly part: FilePart;
  readonly text: string;
}

const octal = (stat: FileStat) => `mode 0${stat.mode.toString(8)}, owner ${stat.uid}`;

/** What is wrong with the files of the database; empty when all lie as they should. */
export async function fileProblems(host: HostReader, answers: Needed): Promise<readonly FileProblem[]> {
  const problems: FileProblem[] = [];
  const operator = await operators(host);
  const access = async (part: FilePart, path: string, owners: ReadonlySet<number>, forbidden: number) => {
    const stat = await host.stat(path);
    if (!stat) problems.push({ part, text: `${path} is not there` });
    else if (stat.kind !== 'file') problems.push({ part, text: `${path} is a ${stat.kind}` });
    else if (!owners.has(stat.uid) || (stat.mode & forbidden) !== 0 || (stat.mode & 0o400) === 0)
      problems.push({ part, text: `${path} has ${octal(stat)}` });
    else return true;
    return false;
  };
  const readable = async (part: FilePart, path: string) => {
    const stat = await host.stat(path);
    if (stat && stat.kind === 'file' && (stat.mode & 0o044) !== 0o044)
      problems.push({ part, text: `${path} has ${octal(stat)}, and the containers cannot read it` });
  };

  if (answers.database === 'external') {
    const source = answers.databaseCa && (await host.readText(answers.databaseCa));
    const copy = await host.readText(PATH.databaseCa);
    if (copy === undefined)
      problems.push({ part: 'authority-copy', text: `${PATH.databaseCa} is not there` });
    else if (source !== undefined && source !== copy)
      problems.push({
        part: 'authority-copy',
        text: `${PATH.databaseCa} differs from ${answers.databaseCa}`,
      });
    else await access('authority-copy', PATH.databaseCa, operator, 0o022);
    await readable('authority-copy', PATH.databaseCa);
    return problems;
  }

  const rules = await host.readText(PATH.hba);
  if (rules === undefined) problems.push({ part: 'rules', text: `${PATH.hba} is not there` });
  else if (rules !== hba) problems.push({ part: 'rules', text: `${PATH.hba} is not as it was written` });
  else await access('rules', PATH.hba, operator, 0o022);
  await readable('rules', PATH.hba);
  const directory = await host.stat(PATH.postgresDir);
  if (
    directory &&
    (directory.kind !== 'directory' || (directory.mode & 0o022) !== 0 || !operator.has(directory.uid))
  )
    problems.push({ part: 'rules', text: `${PATH.postgresDir}/ has ${octal(directory)}` });

  const server = new Set([UID.database + (await uidShift(host))]);
  await access('superuser-password', PATH.databaseSuperuserPassword, server, 0o077);
  await access('certificates', PATH.databaseCaKey, operator, 0o077);
  await access('certificates', PATH.databaseKey, server, 0o077);
  for (const path of [PATH.databaseCa, PATH.databaseCertificate]) {
    await access('certificates', path, operator, 0o022);
    await readable('certificates', path);
  }
  const certificate = await host.readText(PATH.databaseCertificate);
  const authority = await host.readText(PATH.databaseCa);
  const trust = authority === undefined ? undefined : await authorityProblem(host, authority);
  if (trust) problems.push({ part: 'certificates', text: `${PATH.databaseCa} ${trust}` });
  if (certificate !== undefined && authority !== undefined) {
    const text = certificateProblem(certificate, authority, SERVICE.database, host.now(), RENEW_DAYS);
    if (text) problems.push({ part: 'certificates', text: `${PATH.databaseCertificate}: ${text}` });
  }
  return problems;
}

/** Every certificate of a PEM file is trusted, and whoever has the key of one of them may sign for the database. */
export async function authorityProblem(host: HostReader, pem: string): Promise<string | undefined> {
  const count = certificatesIn(pem).length;
  if (count !== 1) return `holds ${count} certificates instead of one`;
  const key = await host.readSecret(PATH.databaseCaKey);
  return key && !keyMatches(pem, key) ? `is not the certificate of ${PATH.databaseCaKey}` : undefined;
}

/** Where the URLs must point to: names as the containers see them. */
export async function expectedServer(
  host: HostReader,
  answers: Needed,
): Promise<{ readonly host: string; readonly port: number; readonly database: string }> {
  if (answers.database === 'bundled')
    return { host: SERVICE.database, port: DATABASE.port, database: DATABASE.name };
  const { host: name, port, database } = await externalAdmin(host, answers);
  return { host: name, port, database };
}

/** True for a password that may stay: long, printable ASCII (which SASLprep leaves alone), not the role's name. */
export const isStrong = (password: string, role: string): boolean =>
  password.length >= LEAST_PASSWORD && /^[\x21-\x7e]+$/.test(password) && !password.includes(role);

/**
 * Parameters that change how long or how many, never who, where or what is seen (libpq, 32.1.2). All others may: `options`
 * opens compartments before the first statement, `host` and `user` outdo what stands before the question mark.
 */
const HARMLESS_PARAMETERS: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    [
      ...['application_name', 'fallback_application_name', 'connect_timeout', 'tcp_user_timeout'],
      ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'],
      ...['max', 'min', 'pool_size', 'pool_min_size', 'pool_max_size', 'pool_timeout', 'pool_max_conns'],
    ].map((name) => [name, /^/]),
  ),
  // What these leave to the server they may ask for more strictly.
  channel_binding: /^(prefer|require)$/,
  ssl_min_protocol_version: /^TLSv1\.[23]$/,
};

/** What a URL says behind its question mark beyond what it is written with. A value is not shown: it may be anything. */
export function parameterProblems(name: string, url: ConnectionUrl): readonly string[] {
  const shown = (parameter: string) =>
    /^[A-Za-z][A-Za-z0-9_.-]{0,40}$/.test(parameter) ? parameter : 'a parameter of an unusual name';
  const foreign = Object.entries(url.parameters).filter(
    ([parameter, value]) =>
      !Object.hasOwn(URL_PARAMETERS, parameter) &&
      !(Object.hasOwn(HARMLESS_PARAMETERS, parameter) && HARMLESS_PARAMETERS[parameter]?.test(value)),
  );
  return [
    ...foreign.map(([parameter]) => `${name} also sets ${shown(parameter)}`),
    ...(url.repeated ?? []).map((parameter) => `${name} sets ${shown(parameter)} more than once`),
  ];
}

/** What is wrong with the URLs of `.env`, the values of the TLS parameters left aside. Says nothing of a secret's content. */
export async function urlProblems(host: HostReader, answers: Needed): Promise<readonly string[]> {
  const urls = await roleUrls(host);
  if (!urls) return [`${PATH.env} is not there`];
  const problems: string[] = [];
  const server = await expectedServer(host, answers);
  const check = (name: string, url: ConnectionUrl | undefined, user: string) => {
    if (!url) {
      problems.push(`${name} is missing or no connection URL`);
      return;
    }
    if (url.user !== user) problems.push(`${name} is for ${url.user} and not for ${user}`);
    const seen = `${url.host}:${url.port}/${url.database}`;
    const wanted = `${server.host}:${server.port}/${server.database}`;
    if (seen !== wanted) problems.push(`${name} points to ${seen} and not to ${wanted}`);
    problems.push(...parameterProblems(name, url));
    if (!isStrong(url.password.reveal(), user))
      problems.push(
        `the password of ${name} is shorter than ${LEAST_PASSWORD} characters, or holds the role's name or a character beyond ASCII`,
      );
  };
  for (const role of ROLE_KEYS) check(ENV[role], urls[role], ROLE_NAME[role]);
  const passwords = ROLE_KEYS.flatMap((role) => urls[role]?.password.reveal() ?? []);
  if (new Set(passwords).size !== passwords.length) problems.push('two roles share a password');
  const { release } = await releaseOf(host, answers);
  if (release === 'v1' || release === 'v2') {
    const role = release === 'v1' ? 'app' : 'owner';
    check(ENV.main, urls.main, ROLE_NAME[role]);
    if (urls.main && urls[role] && urls.main.password.reveal() !== urls[role].password.reveal())
      problems.push(`${ENV.main} has another password than ${ENV[role]}`);
  } else if (!urls.main) {
    problems.push(`${ENV.main} is missing or no connection URL`);
  }
  return problems;
}

export const fileControls: readonly Control<Needed>[] = [
  {
    id: 'pg.files',
    title:
      "The database's rules, certificates and superuser password lie as they were written, each for its reader only",
    severity: 'required',
    section: SECTION,
    refs: ['CIS PostgreSQL 2.1', 'CWE-732'],
    how: 'Compares the rules file with what was written, reads owner and mode of each file, and parses certificate and authority; of an external database, compares the copy of its authority.',
    threat:
      'A changed rules file lets others in; a readable key, or a second authority, lets others pose as the database.',
    remedy:
      'Apply writes what is missing, renews what runs out, takes out an authority that is not its own and puts owners and modes right; passwords that are there stay, and so do keys that fit.',
    impact: 'A new certificate needs a restart of the database; a new authority one of CoreCube too.',
    async inspect({ host, answers }) {
      const problems = await fileProblems(host, answers);
      if (problems.length > 0)
        return fail(
          problems.map((p) => p.text).join('; '),
          answers.database === 'external'
            ? `a copy of ${answers.databaseCa}`
            : 'all files, with their owners and modes',
        );
      const isGone =
        answers.database === 'external' &&
        (answers.databaseCa === undefined || (await host.readText(answers.databaseCa)) === undefined);
      return pass(
        answers.database === 'external'
          ? isGone
            ? `${PATH.databaseCa} is there; the file that it came from is gone`
            : `${PATH.databaseCa} is the authority that was answered`
          : `${PATH.hba} as written; keys 0600; the certificate is good for more than ${RENEW_DAYS} days`,
      );
    },
  },
  {
    id: ENV_FILE,
    title: 'The file with the connection URLs is readable for the operator only',
    severity: 'required',
    section: SECTION,
    refs: ['CWE-732'],
    how: 'Reads kind, mode and owner of .env.',
    threat: 'Every local user could read the passwords of the database roles.',
    remedy: `chmod 600 ${PATH.env}, owned by the user who administers this install; apply does it.`,
    impact: 'None for CoreCube; other users and services that read the file no longer can.',
    async inspect({ host }) {
      const stat = await host.stat(PATH.env);
      const operator = await operators(host);
      const expected = 'mode 0600, owned by the operator';
      if (!stat) return fail(`${PATH.env} is not there`, expected);
      if (stat.kind !== 'file') return fail(`${PATH.env} is a ${stat.kind}`, 'a regular file');
      const good = (stat.mode & 0o177) === 0 && operator.has(stat.uid);
      return good ? pass(octal(stat)) : fail(octal(stat), expected);
    },
  },
  {
    id: URLS,
    title:
      'The connection URLs are complete, set nothing beside, and use three roles with three strong passwords',
    severity: 'required',
    section: SECTION,
    how: 'Parses the URLs of .env and compares user, server, the names of all parameters and password strength, without showing a password.',
    threat:
      'One leaked password would open every role; a wrong role in PGVECTOR_URL, or options in a URL that open every compartment, void row-level security.',
    remedy: `Apply writes the URLs without further parameters; it keeps every password that is strong and used once.`,
    impact: 'A replaced password recreates the CoreCube container.',
    async inspect({ host, answers }) {
      if (!(await readEnv(host))) return unknown(`${PATH.env} is not there`, ENV_FILE);
      const problems = await urlProblems(host, answers);
      return problems.length === 0
        ? pass(`${ROLE_KEYS.map((role) => ROLE_NAME[role]).join(', ')}, each with its own password`)
        : fail(problems.join('; '), 'three URLs for three roles, with no parameter beyond those for TLS');
    },
  },
  {
    id: 'pg.urls-verify-server',
    title: 'Every connection URL demands an encrypted connection to a verified server',
    severity: 'required',
    section: SECTION,
    refs: ['RFC 6125', 'CIS PostgreSQL 6.8'],
    how: 'Reads sslmode and sslrootcert of every URL in .env; whether the driver obeys them is seen by pg.app-sessions-encrypted.',
    threat: 'With sslmode=require or less an impostor on the network takes password and data.',
    remedy: "Apply puts sslmode=verify-full and sslrootcert, the install's authority, into each URL.",
    impact: 'A changed URL recreates the CoreCube container.',
    async inspect({ host }) {
      const urls = await roleUrls(host);
      if (!urls) return unknown(`${PATH.env} is not there`, ENV_FILE);
      const wanted = Object.entries(URL_PARAMETERS);
      const weak = Object.entries(urls).flatMap(([role, url]) =>
        wanted
          .filter(([name, value]) => url.parameters[name] !== value)
          .map(
            ([name]) => `${ENV[role as keyof typeof ENV]} has ${name}=${url.parameters[name] ?? '(none)'}`,
          ),
      );
      if (weak.length > 0) return fail(weak.join('; '), wanted.map((pair) => pair.join('=')).join(', '));
      // What is no URL was not read: whatever CoreCube makes of it may connect in the clear.
      const unread = Object.entries(ENV).flatMap(([role, name]) => (role in urls ? [] : [name]));
      return unread.length > 0
        ? unknown(`${PATH.env} holds no usable ${unread.join(', ')}`, URLS)
        : pass(`${Object.keys(urls).length} URLs with ${wanted.map((pair) => pair.join('=')).join(', ')}`);
    },
  },
];
