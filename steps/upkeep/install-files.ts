/** Who may change what an apply and a verify read, and copies of secrets that lie beside it. */
import { dirname } from 'node:path';
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { Secret } from '../../src/core/secret.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { readAdminPassword } from '../shared/admin-credentials.ts';
import { DATABASE, PATH } from '../shared/layout.ts';
import { isWrittenByOthers } from '../shared/operators.ts';
import { roleUrls, superuserPassword } from '../shared/postgres.ts';

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

/** Files of the install that others can read: by their mode, or because a container has their directory. */
async function readable(host: HostReader): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [folder, mask] of [
    ['.', 0o044],
    [PATH.caddyDir, 0o777],
    [PATH.postgresDir, 0o777],
  ] as const) {
    for (const name of (await host.list(folder)) ?? []) {
      const path = folder === '.' ? name : `${folder}/${name}`;
      // Where the connection URLs belong; who may read them there is what pg.env-file says.
      if (path === PATH.env) continue;
      const stat = await host.stat(path);
      if (stat?.kind === 'file' && (stat.mode & mask) !== 0) found.push(path);
    }
  }
  return found;
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
    title: 'No copy of a secret lies where others can read it in the directory of the install',
    severity: 'required',
    section: 'encryption-key-management',
    refs: ['CWE-538', 'CWE-530', 'NIST SP 800-57 part 1, 5.3'],
    how: 'Searches the readable files beside compose.yaml, and all that the proxy and the database are given as a directory, for the key and the passwords.',
    threat: 'A copy that was made before an edit, .env.bak for example, outlives the care for the original.',
    remedy:
      'Remove the named file, or move it into secrets/ with mode 0600. If others may have read it: rotate the key as CoreCube documents it, and let apply set new passwords (remove the URL from .env).',
    impact: 'None for what runs.',
    manual: true,
    timeoutMs: 30_000,
    async inspect({ host }) {
      const [secrets, files] = [await patterns(host), await readable(host)];
      if (!(await host.stat(PATH.key)))
        return unknown(`${PATH.key} is not there to be searched for`, 'key.exists');
      if (!(await host.stat(PATH.env)))
        return unknown(`${PATH.env} is not there to be searched for`, 'pg.env-file');
      if (files.length === 0) return pass('no file that others can read');
      const argv = [
        'grep',
        '--recursive',
        '--files-with-matches',
        '--fixed-strings',
        '--file=-',
        '--devices=skip',
      ];
      const { code, stdout, stderr } = await host.query(
        [...argv, '--', ...files.map((name) => `${host.dir}/${name}`)],
        { input: secrets, timeoutMs: 25_000 },
      );
      const found = stdout
        .split('\n')
        .filter(Boolean)
        .map((path) => path.replace(`${host.dir}/`, ''));
      if (found.length > 0) return fail(`${found.join(', ')} holds a secret`, 'no copy that others can read');
      // grep ends with 1 when nothing matches, and with 2 after any trouble.
      if (code !== 1)
        throw new Error(`the files cannot be searched: ${stderr.trim().split('\n').at(-1) || code}`);
      return pass(`${files.length} readable files searched`);
    },
  },
];
