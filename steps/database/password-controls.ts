/** Controls of how the server lets anybody in: by SCRAM passwords that nobody can guess. */
import type { HostReader, SqlConnection, SqlResult } from '../../src/core/host.ts';
import type { Secret } from '../../src/core/secret.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { modifiedAt } from '../drift/times.ts';
import { PATH, SERVICE } from '../shared/layout.ts';
import { roleUrls } from '../shared/postgres.ts';
import { ITERATIONS, madeFromOne } from '../shared/scram.ts';
import { LEAST_PASSWORD } from './file-controls.ts';
import {
  asRole,
  asSuperuser,
  KEPT_WEAKLY,
  type Needed,
  probe,
  ROLE_KEYS,
  ROLE_NAME,
  ROUNDS,
  rows,
  SECTION,
  theRow,
} from './ground.ts';
import { lookAs } from './role-look.ts';

/** Its id: what is said of the rules waits for it. */
export const LOADED = 'pg.rules-loaded';

export const passwordControls: readonly Control<Needed>[] = [
  {
    id: 'pg.scram-only',
    title: 'Every way to log in asks for a password by SCRAM-SHA-256',
    severity: 'required',
    section: SECTION,
    refs: ['RFC 7677', 'CIS PostgreSQL 5.3'],
    how: "Reads the access rules in the server's file as it parses them (pg_hba_file_rules) and how it keeps passwords (pg_authid), as the superuser.",
    threat: 'trust lets everybody in; md5 and password let whoever listens or reads a dump log in.',
    remedy: `Apply writes ${PATH.hba} and stores the passwords as SCRAM verifiers.`,
    impact: 'Sessions that are open stay open.',
    async inspect({ host, answers }) {
      if (answers.database === 'external') return skip('the server is external: see pg.external-scram');
      return scramOnly(host, answers);
    },
  },
  {
    id: LOADED,
    title: 'The access rules that the server goes by are the ones in its file',
    severity: 'required',
    section: SECTION,
    how: 'Asks the server, as the superuser, when the server has read its configuration and when its rules file was written last.',
    threat:
      'A server that read another file before goes by that one: who was let in then still gets in, whatever the file says now.',
    remedy: `Apply writes ${PATH.hba} and lets the server read it.`,
    impact: 'Sessions that are open stay open.',
    async inspect({ host, answers }) {
      if (answers.database === 'external') return skip('the server is external: see pg.external-scram');
      const look = await asSuperuser(host, answers);
      if (look.verdict) return look.verdict;
      const { loaded } = await rulesOf(host, look.connection);
      const { read, written, isRead } = await whenRead(host, loaded);
      if (isRead === undefined)
        return unknown(`written ${written}, and read within the same second: which was first is not told`);
      return isRead
        ? pass(`written ${written}, read ${read}`)
        : fail(`read ${read}, and written after that`, 'read since it was written');
    },
  },
  {
    id: 'pg.external-scram',
    title: 'The external server asks for passwords by SCRAM-SHA-256',
    severity: 'advised',
    section: SECTION,
    refs: ['RFC 7677', 'CIS PostgreSQL 5.3'],
    how: "Reads the external server's access rules as it parses its file (pg_hba_file_rules), whether it has read it since, and how it keeps passwords (pg_authid), as the admin role.",
    threat: 'trust lets everybody in; md5 and password let whoever listens or reads a dump log in.',
    remedy: 'Ask whoever runs the server for hostssl lines with scram-sha-256 only.',
    impact: 'Roles of that server whose password is kept as MD5 cannot log in until it is set again.',
    async inspect({ host, answers }) {
      if (answers.database !== 'external') return skip('the database is bundled: see pg.scram-only');
      return scramOnly(host, answers);
    },
  },
  {
    id: 'pg.passwords-not-default',
    title: "No password that everybody knows opens a role of CoreCube's",
    severity: 'required',
    section: SECTION,
    refs: ['CIS Docker 4.10', 'CWE-1392'],
    how: "Tries well-known passwords and each role's own name, also with a year or number behind, against the verifiers that the server keeps, without a login; else, on an external server, against those of .env.",
    threat: 'Example passwords of images and guides are what attackers try first.',
    remedy: `Apply makes a random password where the one in ${PATH.env} is weak, sets the passwords of ${PATH.env} on the server, and starts CoreCube with them.`,
    impact: 'CoreCube is recreated and away for some seconds; what else uses the old password loses access.',
    inspect: (context) => notDefault(context, 'own'),
  },
  {
    id: 'pg.other-passwords-not-default',
    title:
      'No short or well-known password opens the superuser, no well-known one a role named like those of CoreCube',
    severity: 'required',
    section: SECTION,
    refs: ['CIS Docker 4.10', 'CWE-1392'],
    how: "Tries well-known passwords against the verifiers of the superuser and other corecube roles (an external server that shows none: the admin URL's password), and reads how long the bundled superuser's is.",
    threat: 'Whoever guesses the password of the superuser reads and changes everything, past every policy.',
    remedy: `Choose another password for each role that is named, that of postgres with ${LEAST_PASSWORD} characters at least (openssl rand -hex 20 makes one). In docker compose exec ${SERVICE.database} psql -h /run/postgresql -U postgres, type \\password and the name of the role. The one of postgres then belongs into ${PATH.databaseSuperuserPassword}: write it into the file as it is, so that owner and mode stay. That of an external admin role belongs where databaseAdminUrl points.`,
    impact: 'What else uses the old password loses access. Nothing has to be restarted.',
    // A stop between the server and the file would lock this tool and its operator out of the database.
    manual: true,
    inspect: (context) => notDefault(context, 'other'),
  },
];

/** Which of the roles are tried: the three that this tool makes, or the one that looks and those named alike. */
type Which = 'own' | 'other';
const isOwn = (name: string): boolean => Object.values(ROLE_NAME).includes(name);

async function notDefault(
  { host, answers }: { readonly host: HostReader; readonly answers: Needed },
  which: Which,
): Promise<Verdict> {
  const look = await asSuperuser(host, answers);
  if (look.verdict) return look.verdict;
  const { stored } = await probe(host, 'verifiers', look.connection, {
    stored: `SELECT rolname::text AS name, rolpassword AS verifier FROM pg_authid
      WHERE rolcanlogin AND rolpassword IS NOT NULL AND (rolname = current_user OR rolname LIKE 'corecube%') ORDER BY 1`,
  });
  if (answers.database === 'external' && !stored.ok && stored.code === '42501')
    return which === 'own' ? ownOnes(host, answers) : otherOnes(host, look.connection);
  const roles = rows(stored, 'the verifiers of the passwords (pg_authid)')
    .map(({ name, verifier }) => ({ name: String(name), verifier: String(verifier) }))
    .filter(({ name }) => isOwn(name) === (which === 'own'));
  // Only before the first apply; a role that is gone later is what pg.roles-log-in is about.
  if (roles.length === 0) return pass('the server keeps no password of such a role');
  // Tried here against what the server keeps: the same answer as a login, without a login's trace or lockout.
  const tried: Tried[] = [];
  const kept = await keptHere(host, look.connection);
  for (const { name, verifier } of roles) {
    const words = wordsFor(name, host.now());
    const own = kept.get(name)?.reveal();
    // A verifier that the password kept here made was made by no other one; one computation instead of one for each word.
    const isOwnKept = own !== undefined && (await madeFromOne([own], name, verifier)) === true;
    tried.push({ name, isKnown: isOwnKept ? words.includes(own) : await madeFromOne(words, name, verifier) });
  }
  const verdict = judgeTried(tried, 'what the server keeps of it is of a kind that cannot be tried');
  if (which === 'own' || answers.database === 'external' || verdict.is === 'fail') return verdict;
  // The server has just taken this one.
  return isShort(look.connection) ? fail(SHORT, `${LEAST_PASSWORD} characters at least`) : verdict;
}

/** The passwords that this host keeps, by role: the one that looks, and those of `.env`. */
async function keptHere(host: HostReader, admin: SqlConnection): Promise<ReadonlyMap<string, Secret>> {
  // They only spare computations: what cannot be read is tried word by word.
  const urls = (await roleUrls(host).catch(() => undefined)) ?? {};
  return new Map([admin, ...Object.values(urls)].map(({ user, password }) => [user, password]));
}

/** The rules let the superuser in from every container of the network, and nothing slows down who guesses there. */
const isShort = ({ user, password }: SqlConnection): boolean =>
  password.reveal().replaceAll(user, '').length < LEAST_PASSWORD;
const SHORT = `the password of postgres has fewer than ${LEAST_PASSWORD} characters, its own name left aside`;

/** A role, and whether a well-known password opens it; undefined: that could not be tried. */
interface Tried {
  readonly name: string;
  readonly isKnown: boolean | undefined;
}

/** Passwords of examples: the image's documentation, the hardening guide's URL, and what people type. */
const KNOWN = [
  ...['password', 'mysecretpassword', 'secret', 'admin', 'changeme', 'changeit', 'changeme123', 'admin123'],
  ...[
    '123456',
    '12345678',
    '123456789',
    '1234567890',
    'qwerty',
    'letmein',
    'welcome',
    'P@ssw0rd',
    'test',
    'root',
  ],
];
/** Names that people put a number or a year behind. */
const NAMES = ['postgres', 'corecube', 'CoreCube', 'password'];

function wordsFor(role: string, now: Date): readonly string[] {
  const year = now.getUTCFullYear();
  const names = [...new Set([...NAMES, role])];
  const endings = ['', '1', '123', year - 1, year];
  return [...new Set([...KNOWN, ...names.flatMap((name) => endings.map((ending) => `${name}${ending}`))])];
}

function judgeTried(tried: readonly Tried[], why: string): Verdict {
  const names = (list: readonly Tried[]) => list.map((t) => t.name).join(', ');
  const open = tried.filter((t) => t.isKnown === true);
  if (open.length > 0) return fail(`${names(open)}: a well-known password fits`, 'none fits');
  const untold = tried.filter((t) => t.isKnown === undefined);
  if (untold.length > 0) return unknown(`the password of ${names(untold)} was not tried: ${why}`);
  return pass(`well-known passwords tried for ${names(tried)}: none fits`);
}

/** Where an external server shows no verifier: the passwords of `.env`, each of which it has just taken. */
async function ownOnes(host: HostReader, answers: Needed): Promise<Verdict> {
  const tried: Tried[] = [];
  for (const key of ROLE_KEYS) {
    const reach = await asRole(host, answers, key);
    if (reach.verdict) return reach.verdict;
    const { verdict } = await lookAs(host, answers, key);
    if (verdict) return verdict;
    const { user, password } = reach.connection;
    tried.push({ name: user, isKnown: wordsFor(user, host.now()).includes(password.reveal()) });
  }
  return judgeTried(tried, '');
}

/** Where an external server shows no verifier: the admin role's own password, which it has just taken, and who else there is. */
async function otherOnes(host: HostReader, admin: SqlConnection): Promise<Verdict> {
  const { named } = await probe(host, 'roles named alike', admin, {
    named: `SELECT rolname::text AS name FROM pg_roles
      WHERE rolcanlogin AND rolname LIKE 'corecube%' AND rolname <> current_user ORDER BY 1`,
  });
  const alike = rows(named, 'its roles (pg_roles)').map(({ name }) => String(name));
  return judgeTried(
    [
      { name: admin.user, isKnown: wordsFor(admin.user, host.now()).includes(admin.password.reveal()) },
      ...alike.filter((name) => !isOwn(name)).map((name) => ({ name, isKnown: undefined })),
    ],
    'the admin role may not read what the server keeps of passwords (pg_authid)',
  );
}

/** The rules in the server's file, how passwords are kept, and whether the server has read the file since it was written. */
const rulesOf = (host: HostReader, connection: SqlConnection) =>
  probe(host, 'rules', connection, {
    hba: 'SELECT line_number AS line, type, auth_method AS method, error FROM pg_hba_file_rules ORDER BY line_number',
    passwords: `SELECT rolname AS name, ${ROUNDS} AS rounds FROM pg_authid WHERE rolcanlogin AND ${KEPT_WEAKLY}
        AND (rolname = current_user OR rolname = ANY (ARRAY[${Object.values(ROLE_NAME).map((name) => `'${name}'`)}]))`,
    loaded: `SELECT pg_conf_load_time()::text AS read, modification::text AS written, current_setting('hba_file') AS file,
        (extract(epoch FROM pg_conf_load_time()) * 1000)::float8 AS read_ms,
        (extract(epoch FROM modification) * 1000)::float8 AS written_ms FROM pg_stat_file(current_setting('hba_file'))`,
  });

/** Where the rules file of the install is inside the database's container. */
const RULES_INSIDE = '/etc/postgresql/custom/pg_hba.conf';

/**
 * Whether the server has read its rules since the file was written. It counts the latter in whole seconds: within one, the
 * file of the install tells, where it is the server's. Undefined when nobody does.
 */
async function whenRead(
  host: HostReader,
  loaded: SqlResult,
): Promise<{ readonly read: string; readonly written: string; readonly isRead: boolean | undefined }> {
  const row = theRow(loaded, 'when it has read its rules');
  const [read, second] = [Number(row.read_ms ?? Number.NaN), Number(row.written_ms ?? Number.NaN)];
  const exact =
    second <= read && read < second + 1000 && row.file === RULES_INSIDE
      ? (await modifiedAt({ host }, PATH.hba))?.getTime()
      : undefined;
  const isRead =
    second + 1000 <= read ? true : second > read ? false : exact === undefined ? undefined : exact <= read;
  return { read: String(row.read), written: String(row.written), isRead };
}

/** Methods that keep the password secret. */
const GOOD_METHODS = ['scram-sha-256', 'cert'];

async function scramOnly(host: HostReader, answers: Needed): Promise<Verdict> {
  const look = await asSuperuser(host, answers);
  if (look.verdict) return look.verdict;
  const seen = await rulesOf(host, look.connection);
  const rules = rows(seen.hba, 'its rules (pg_hba_file_rules)');
  const open = (r: Record<string, unknown>) =>
    r.method !== 'reject' &&
    (!GOOD_METHODS.includes(String(r.method)) || r.type === 'host' || r.type === 'hostnossl');
  const bad = rules
    .filter((r) => r.error || open(r))
    .map((r) => `line ${r.line}: ${r.error ?? `${r.type} by ${r.method}`}`);
  const weak = rows(seen.passwords, 'how passwords are kept (pg_authid)');
  bad.push(
    ...weak.map((r) =>
      r.rounds
        ? `the SCRAM verifier of ${r.name} was made with too few rounds (${r.rounds} instead of ${ITERATIONS})`
        : `the password of ${r.name} is not kept as a SCRAM verifier`,
    ),
  );
  if (rules.length === 0) bad.push('there is no rule');
  // These are the rules of the file. Those that the server goes by are the same as long as it has read it since.
  if (bad.length === 0 && (await whenRead(host, seen.loaded)).isRead !== true)
    return unknown('the rules in the file are good; that the server has read it since is not seen', LOADED);
  return bad.length === 0
    ? pass(
        `${rules.length} rules: scram-sha-256 or reject, none without encryption; passwords kept as SCRAM verifiers`,
      )
    : fail(bad.join('; '), 'hostssl and local rules with scram-sha-256 only');
}
