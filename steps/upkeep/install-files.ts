/** Who may change what an apply and a verify read, and copies of secrets that lie beside it. */
import { dirname } from 'node:path';
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import { type Control, fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { readAdminPassword } from '../shared/admin-credentials.ts';
import { DATABASE, PATH } from '../shared/layout.ts';
import { isWrittenByOthers } from '../shared/operators.ts';
import { roleUrls, superuserPassword } from '../shared/postgres.ts';
import { ROTATE_KEY } from '../shared/rotation.ts';
import { packedFiles, readableFiles } from './readable-files.ts';

/** In such a directory everybody may make files, and nobody may replace those of others (chmod(1)). */
const STICKY = 0o1000;

/** What decides the next apply, or what a verify believes; other controls look at the secrets, the rules and the Caddyfile. */
const DECIDING = [
  ...[PATH.compose, PATH.override, PATH.state, PATH.answers, PATH.journal, PATH.policies, PATH.keyCheck],
  ...[PATH.evidence, PATH.backups, PATH.reportJson, PATH.reportComplete],
];

const octal = (mode: number) => `0${mode.toString(8).padStart(3, '0')}`;

/** `/`, `/srv`, … down to the directory that holds the install. */
function above(dir: string): readonly string[] {
  const parent = dirname(dir);
  return parent === dir ? [] : [...above(parent), parent];
}

async function changeable(host: HostReader): Promise<readonly string[]> {
  const { uid } = await host.system();
  const directory = await host.stat('.');
  // An install belongs to its operator, also when root looks at it.
  const owners = new Set([0, uid, ...(directory ? [directory.uid] : [])]);
  const wrong: string[] = [];
  const check = (name: string, stat: FileStat) => {
    if (isWrittenByOthers(stat)) wrong.push(`${name} has mode ${octal(stat.mode)}`);
    if (!owners.has(stat.uid)) wrong.push(`${name} belongs to uid ${stat.uid}`);
  };
  for (const path of above(host.dir)) {
    const stat = await host.stat(path);
    // The mode of a link says nothing: who may change it is said by the directory that it lies in.
    if (stat?.kind === 'directory' && (stat.mode & STICKY) === 0) check(path, stat);
  }
  if (directory) check('the directory of the install', directory);
  for (const path of DECIDING) {
    const stat = await host.stat(path);
    if (stat?.kind === 'symlink') wrong.push(`${path} is a symlink`);
    else if (stat) check(path, stat);
  }
  return wrong;
}

/** The secrets that are searched for, one spelling on each line; never shown. */
async function patterns(host: HostReader): Promise<Secret> {
  const key = (await host.readSecret(PATH.key))?.reveal().trim();
  const urls = Object.values((await roleUrls(host)) ?? {}).map((url) => url.password.reveal());
  const others = [await superuserPassword(host), await readAdminPassword(host)].map((s) =>
    s?.reveal().trim(),
  );
  // A password that is a word of these files, such as the name of a role, is accused by other controls, and found everywhere.
  const names: readonly string[] = Object.values(DATABASE).map(String);
  const all = [key, ...urls, ...others].filter(
    (text): text is string => text !== undefined && text.length >= 12 && !names.includes(text),
  );
  return new Secret([...new Set(all)].join('\n'));
}

/** What pg_dump and pg_dumpall begin with: as text, as the text inside a tar, and in their own format. */
const DUMP = '^PGDMP|^-- PostgreSQL database (cluster )?dump';
/** A private key that needs no passphrase, as PEM, also inside a tar or a JSON text (RFC 7468); a mere mention of the line is none. */
const PRIVATE_KEY =
  '-----BEGIN ((RSA|EC|DSA|OPENSSH) )?PRIVATE KEY-----(\\\\n|[[:space:]])+[A-Za-z0-9+/]{40}';
const SEARCH_DEADLINE = 25_000;

/** Names of the files in which grep finds something; what it searches for goes over its standard input, or is no secret. */
async function search(
  host: HostReader,
  paths: readonly string[],
  how: readonly string[],
  input?: Secret,
): Promise<readonly string[]> {
  if (paths.length === 0) return [];
  const argv = ['grep', '--recursive', '--files-with-matches', ...how, '--devices=skip', '--'];
  const { code, stdout, stderr } = await host.query(
    [...argv, ...paths.map((path) => `${host.dir}/${path}`)],
    { ...(input ? { input } : {}), timeoutMs: SEARCH_DEADLINE },
  );
  const found = stdout
    .split('\n')
    .filter(Boolean)
    .map((path) => path.replace(`${host.dir}/`, ''));
  // grep ends with 1 when nothing matches, and with 2 after any trouble.
  if (found.length === 0 && code !== 1)
    throw new Error(`the files cannot be searched: ${stderr.trim().split('\n').at(-1) || code}`);
  return found;
}

/** Those of the files that hold a private key. Only few hold its first line, and only those are read as a whole. */
async function privateKeys(host: HostReader, paths: readonly string[]): Promise<readonly string[]> {
  const likely = await search(host, paths, ['--text', '--extended-regexp', '--regexp=PRIVATE KEY-----']);
  const whole = ['--text', '--null-data', '--extended-regexp', `--regexp=${PRIVATE_KEY}`];
  return search(host, likely, whole);
}

async function copies(host: HostReader): Promise<Verdict> {
  const [secrets, { files, complete }] = await Promise.all([patterns(host), readableFiles(host)]);
  const all = files.map(({ path }) => path);
  const strangers = files.filter((file) => file.byStrangers).map(({ path }) => path);
  const holding = await search(host, all, ['--fixed-strings', '--file=-'], secrets);
  const dumps = await search(host, strangers, ['--text', '--extended-regexp', `--regexp=${DUMP}`]);
  const keys = await privateKeys(host, strangers);
  const wrong = [
    ...(holding.length > 0 ? [`${holding.join(', ')} holds a secret`] : []),
    ...(keys.length > 0 ? [`${keys.join(', ')} holds a private key`] : []),
    ...(dumps.length > 0 ? [`${dumps.join(', ')} is a dump of a database`] : []),
  ];
  if (wrong.length > 0) return fail(wrong.join('; '), 'no copy that others can read');
  const packed = await packedFiles(host, strangers);
  if (packed.length > 0)
    return unknown(`what is packed in ${packed.join(', ')} cannot be searched, and others can read it`);
  if (!complete) return unknown(`only the first ${all.length} files that others can read were searched`);
  return pass(all.length === 0 ? 'no file that others can read' : `${all.length} readable files searched`);
}

export const installFileControls: readonly Control<object>[] = [
  {
    id: 'install.files-access',
    title: 'Only root and the operator can change the files that an apply goes by',
    severity: 'required',
    section: 'operation',
    refs: ['CWE-732', 'CWE-59'],
    how: 'Reads kind, mode and owner of the Compose files and of what this tool keeps, of the directory of the install and of those above it.',
    threat:
      'Whoever can write compose.override.yaml, or move the directory that it lies in, has root on this host with the next start.',
    remedy:
      'Read what is named and remove what its owner has not decided. Then run chmod go-w on it, and chown it to the user who administers CoreCube.',
    impact: 'Other users can no longer change it.',
    manual: true,
    async inspect({ host }) {
      const wrong = await changeable(host);
      return wrong.length === 0
        ? pass(`looked at ${DECIDING.length} files and at every directory above them`)
        : fail(wrong.join('; '), 'owned by root or the operator, and written by nobody else');
    },
  },
  {
    id: 'install.no-copies',
    title: 'No copy of a secret and no dump lies where others can read it in the directory of the install',
    severity: 'required',
    section: 'encryption-key-management',
    refs: ['CWE-538', 'CWE-530', 'NIST SP 800-57 part 1, 5.3'],
    how: 'Searches what others can read below the directory of the install, and all that the proxy and the database are given of it, for the key, the passwords, private keys and the beginning of a dump.',
    threat: 'A copy that was made before an edit, .env.bak for example, outlives the care for the original.',
    remedy: `Remove the named file, or chmod 600 it (in ${PATH.caddyDir}/ and ${PATH.postgresDir}/: move it away). If others may have read a secret, let apply set new passwords (remove the URL from .env); for the key, ${ROTATE_KEY}; have a certificate replaced whose private key they may have read.`,
    impact: 'None for what runs.',
    manual: true,
    timeoutMs: 4 * SEARCH_DEADLINE + 10_000,
    async inspect({ host }) {
      if (!(await host.stat(PATH.key)))
        return unknown(`${PATH.key} is not there to be searched for`, 'key.exists');
      if (!(await host.stat(PATH.env)))
        return unknown(`${PATH.env} is not there to be searched for`, 'pg.env-file');
      return copies(host);
    },
  },
];
