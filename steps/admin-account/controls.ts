/** What must hold of the administrator's account, and how it is tried. */
import type { HostReader } from '../../src/core/host.ts';
import {
  type Control,
  fail,
  type InspectContext,
  pass,
  skip,
  unknown,
  type Verdict,
} from '../../src/core/step.ts';
import type { Answers } from '../questions.ts';
import {
  bootstrapInProgress,
  checkPasswordPolicy,
  DEFAULT_ADMIN,
  readAdminPassword,
} from '../shared/admin-credentials.ts';
import {
  API_NEEDS,
  type Asked,
  byHand,
  findServer,
  LOGIN_LOOK_TIMEOUT,
  notUp,
  notUpAtAll,
  type Observation,
  observeAdmin,
  tryDefaultLogin,
} from '../shared/corecube-api.ts';
import { type Container, execIn } from '../shared/docker.ts';
import { PATH } from '../shared/layout.ts';
import { operators } from '../shared/operators.ts';

export const NEEDS = [...API_NEEDS, 'adminPassword', 'otherAdmins'] as const;
export type Needed = Pick<Answers, (typeof NEEDS)[number]>;

export const OWN_LOGIN = 'admin.own-login';
export const PASSWORD_FILE = 'admin.password-file';

/** What only an administrator is let into. */
const RIGHTS: ReadonlySet<string> = new Set<Asked['purpose']>(['users', 'settings-read']);

/** True for an account that logs in and is refused everything of an administrator's: one 403 alone may be about that route. */
export const isPowerless = ({ login, asked }: Observation): boolean =>
  login.is === 'in' && asked.length > 1 && asked.every(({ status }) => status === 403);

/** What the own login showed, or why it opened no session. */
async function afterLogin({ host, answers, signal }: InspectContext<Needed>): Promise<Observation | Verdict> {
  const look = await observeAdmin(host, answers, signal);
  if (look.is === 'absent' || look.is === 'stopped') return notUp(look, OWN_LOGIN);
  if (look.login.is === 'refused') return unknown('no session could be opened', OWN_LOGIN);
  return look;
}

export const controls: readonly Control<Needed>[] = [
  {
    id: 'admin.default-login-refused',
    title: 'The documented default login is refused',
    severity: 'required',
    section: 'default-credential-change',
    refs: ['CWE-1392', 'OWASP ASVS 5.0 6.3.2'],
    how: 'Tries the documented default login at the login route of the running CoreCube; where it works, logs out again; a refusal that may be about the request counts when the own password is taken in it.',
    threat: `Anybody who has read the guide logs in as administrator with ${DEFAULT_ADMIN.email} and reads every connected source.`,
    remedy: `Run apply again: it changes e-mail and password through the API. ${byHand('login')}`,
    impact: 'Sessions of the default account end.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    async inspect({ host, answers, signal }) {
      const attempt = await tryDefaultLogin(host, answers, signal);
      if (attempt.is === 'absent' || attempt.is === 'stopped') return notUp(attempt, OWN_LOGIN);
      if (attempt.is === 'not-seen') return unknown(attempt.because);
      if (attempt.is === 'works') {
        return fail(
          `${DEFAULT_ADMIN.email} logs in with the documented password (${attempt.said})`,
          'a refusal',
        );
      }
      const seen = `${attempt.route} refuses ${DEFAULT_ADMIN.email} with the documented password (${attempt.said})`;
      if (attempt.status === 401) return pass(seen);
      // 400 and 422 may complain about the form of the request, 403 about where it comes from or a token that it lacks: they
      // count when the same request lets the own password in.
      const own = await observeAdmin(host, answers, signal);
      if (own.is === 'looked' && own.login.is === 'in')
        return pass(`${seen}; the same request with the own password is taken`);
      return unknown(
        `${seen}, which may be about the request and not the password, and no such login was seen to work`,
      );
    },
  },
  {
    id: OWN_LOGIN,
    title: 'The administrator logs in with the own e-mail address and password',
    severity: 'required',
    section: 'default-credential-change',
    how: 'Logs in at the running CoreCube with adminEmail and the stored password.',
    threat: 'Nobody can administer CoreCube, or somebody else has taken the account over.',
    remedy:
      'If the password was changed in the console, write it into secrets/admin_password; without that file nobody logs in from here, and what a login shows is not seen. If the e-mail address was changed, correct the answer adminEmail.',
    impact: 'None: only what this tool knows of the account changes.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    async inspect({ host, answers, signal }) {
      const look = await observeAdmin(host, answers, signal);
      if (look.is === 'absent' || look.is === 'stopped')
        return notUpAtAll(look, 'a running CoreCube that takes the login');
      const { login } = look;
      switch (login.is) {
        case 'in':
          return pass(`${login.route} takes ${answers.adminEmail} with the stored password (${login.said})`);
        case 'refused':
          return fail(
            `${answers.adminEmail} with the stored password is refused (${login.said})`,
            'the login works',
          );
        case 'not-kept':
          return unknown('the password is not kept on this host, so nobody can log in from here');
        case 'not-seen':
          return unknown(login.because);
      }
    },
  },
  {
    id: 'admin.own-rights',
    title: 'The own account has the rights of an administrator',
    severity: 'required',
    section: 'default-credential-change',
    refs: ['CWE-266'],
    how: 'Logs in and asks for the settings, the users, the API keys and the connections; an account that is refused each of them is no administrator.',
    threat:
      'Somebody else has demoted it: nobody who is meant to can administer CoreCube, and what a login shows is not seen.',
    remedy:
      'Another administrator opens Users in the Admin Console and gives the account the role back; ask who has taken it. Without another administrator, restore the database from a dump of before.',
    impact: 'Open sessions of the account may end.',
    manual: true,
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    async inspect(context) {
      const { answers } = context;
      const look = await afterLogin(context);
      if (look.is !== 'looked') return look;
      if (look.login.is !== 'in') return unknown('nobody could log in from here');
      if (isPowerless(look))
        return fail(
          `${answers.adminEmail} logs in, and ${look.asked.map(({ route }) => route).join(', ')} answer 403`,
          'the rights of an administrator',
        );
      const granted = look.asked.filter(({ purpose, status }) => RIGHTS.has(purpose) && status === 200);
      return granted.length > 0
        ? pass(`${answers.adminEmail} is let into ${granted.map(({ route }) => route).join(' and ')}`)
        : unknown('the running CoreCube shows neither its users nor its settings to this account');
    },
  },
  {
    id: 'admin.session-ended',
    title: 'A session is dead after the logout',
    severity: 'required',
    section: 'session-management',
    refs: ['OWASP ASVS 5.0 7.4.1', 'CWE-613'],
    how: 'Logs in, asks a protected route, logs out, and asks again with the same cookies.',
    threat: 'A copied cookie keeps administering CoreCube after its owner has logged out.',
    remedy: `Restart CoreCube, which may end its sessions, and report it to CoreCube. ${byHand('logout')}`,
    impact: 'Everybody may have to log in again.',
    manual: true,
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    async inspect(context) {
      const look = await afterLogin(context);
      if (look.is !== 'looked') return look;
      if (!look.ended.seen) return unknown(look.ended.because);
      const { route, before, after } = look.ended.value;
      if (before !== 200)
        return unknown(`${route} answered ${before} inside the session, so it proves nothing after it`);
      if (after === 401 || after === 403)
        return pass(`${route} answers 200 before the logout and ${after} after it`);
      return after === 200
        ? fail(`${route} still answers 200 with the cookie of the ended session`, 'it answers 401')
        : unknown(`${route} answers ${after} after the logout`);
    },
  },
  {
    id: 'admin.password-policy',
    title: "The administrator's password meets the policy",
    severity: 'required',
    section: 'password-policy',
    refs: ['NIST SP 800-63B 3.1.1', 'CWE-521'],
    how: 'Reads the stored password and holds it against every rule of the policy, without showing it.',
    threat: 'A weak password falls to guessing; guide v2 has no lockout after wrong ones.',
    remedy:
      'Click the profile icon, then Profile, set a password of 12 to 72 bytes with upper and lower case, a digit and a special character, and write it into secrets/admin_password.',
    impact: 'The old password no longer logs in; open sessions may end.',
    manual: true,
    async inspect({ host, answers }) {
      const password = await readAdminPassword(host);
      if (password === undefined) {
        return (await fileIsDue(host, answers))
          ? unknown('there is no password yet', PASSWORD_FILE)
          : unknown('the password is not kept on this host');
      }
      const problems = checkPasswordPolicy(password.reveal());
      return problems.length === 0
        ? pass('12 characters or more, upper and lower case, a digit, a special character, at most 72 bytes')
        : fail(problems.join(' '), 'a password that meets every rule');
    },
  },
  {
    id: PASSWORD_FILE,
    title: "The administrator's password is readable for the operator only",
    severity: 'required',
    section: 'default-credential-change',
    refs: ['CWE-732'],
    how: "Reads kind, mode and owner of the stored password's file.",
    threat: 'Other users of this host read the password and administer CoreCube.',
    remedy: `chmod 600 ${PATH.adminPassword} and give it to the user who administers CoreCube; or remove it once the password is in a password manager: then nobody logs in from here, and what a login shows is not seen.`,
    impact: 'Without the file, checks that need a login say that they were not seen.',
    async inspect({ host, answers }) {
      const stat = await host.stat(PATH.adminPassword);
      if (stat === undefined) {
        return (await fileIsDue(host, answers))
          ? fail(`${PATH.adminPassword} does not exist`, 'a file with mode 0600')
          : skip('the password is not kept on this host');
      }
      const owners = await operators(host);
      const seen = `${stat.kind}, mode 0${stat.mode.toString(8).padStart(3, '0')}, owner ${stat.uid}`;
      return stat.kind === 'file' && stat.mode === 0o600 && owners.has(stat.uid)
        ? pass(seen)
        : fail(seen, `file, mode 0600, owner ${[...owners].join(' or ')}`);
    },
  },
  {
    id: 'admin.not-in-environment',
    title: "The administrator's password is not in the container's environment",
    severity: 'required',
    section: 'default-credential-change',
    refs: ['CWE-526', 'CIS Docker 4.10'],
    how: "Looks for first-boot files, for CUBE_ADMIN_* in docker inspect, and for it in the environment of the container's first process.",
    threat: 'docker inspect, crash dumps and child processes show the password to whoever may look.',
    remedy: 'Run apply again: it removes the first-boot files and starts CoreCube without them.',
    impact: 'CoreCube restarts once.',
    async inspect({ host, answers }) {
      const left: string[] = [];
      for (const path of [PATH.bootstrapEnv, PATH.bootstrapCompose])
        if (await host.stat(path)) left.push(path);
      if (left.length > 0)
        return fail(`the first-boot files are still here: ${left.join(', ')}`, 'neither exists');
      const place = await findServer(host, answers);
      if (place.is === 'absent') return unknown(place.because, OWN_LOGIN);
      if (place.is === 'stopped') return unknown(place.because);
      const names = (place.container.Config.Env ?? []).map((entry) => entry.split('=', 1)[0] ?? '');
      const kept = names.filter((name) => name.startsWith('CUBE_ADMIN_'));
      if (kept.length > 0) return fail(`docker inspect shows ${kept.join(', ')}`, 'no variable CUBE_ADMIN_*');
      const inside = await execIn(host, place.container, ['cat', '/proc/1/environ']);
      const environment = inside.code === 0 ? inside.stdout : await fromHost(host, place.container);
      if (environment === undefined)
        return unknown(
          `docker inspect shows no CUBE_ADMIN_*, and the environment of the running process cannot be read: ${inside.stderr.trim().split('\n').at(-1) || `cat ended with ${inside.code}`}`,
        );
      return /(^|\0)CUBE_ADMIN_/.test(environment)
        ? fail(
            'the first process of the container has CUBE_ADMIN_* in its environment',
            'no variable CUBE_ADMIN_*',
          )
        : pass(
            'neither docker inspect nor the running process shows CUBE_ADMIN_*, and the first-boot files are gone',
          );
    },
  },
];

/** The environment of the container's first process as the kernel shows it to root; undefined when it cannot be seen from here. */
async function fromHost(host: HostReader, { Id, State }: Container): Promise<string | undefined> {
  const read = (file: string) => host.readText(`/proc/${State.Pid}/${file}`).catch(() => undefined);
  // The pid is the engine's; it is the same process only when its control group names the container.
  return (await read('cgroup'))?.includes(Id) ? read('environ') : undefined;
}

/** The password file must be there until the account is proved; later the operator may remove it. */
async function fileIsDue(host: HostReader, answers: Needed): Promise<boolean> {
  return (await bootstrapInProgress(host)) || (await findServer(host, answers)).is === 'absent';
}
