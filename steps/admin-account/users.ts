/** What must hold of CoreCube's users, read in the list that its API gives to an administrator. */
import { type Control, fail, type InspectContext, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { DEFAULT_ADMIN } from '../shared/admin-credentials.ts';
import { fieldOf, LOGIN_LOOK_TIMEOUT, notUp, observeAdmin, type Row } from '../shared/corecube-api.ts';
import { type Needed, OWN_LOGIN } from './controls.ts';

const EMAIL = /^(e_?mail|email_address)$/;
const ROLE = /^(roles?|(is_)?admin(istrator)?)$/;
/** Words for the role that may do everything, in the spellings that such lists have. */
const ADMINISTRATOR =
  /^((super|system|global|org)[ _-]?)?admin(istrator)?s?$|^(super[ _-]?user|owner|root)$/i;

/** One address however it is typed: compatible letters, spaces around it and upper case make no other one. */
const plainAddress = (address: string) => address.normalize('NFKC').trim().toLowerCase();

interface User {
  /** Undefined: the list does not show it. */
  readonly email: string | undefined;
  readonly roles: readonly string[] | undefined;
}

function userOf(row: Row): User {
  const email = fieldOf(row, EMAIL);
  const role = fieldOf(row, ROLE);
  const said = typeof role === 'boolean' ? [role ? 'admin' : 'user'] : Array.isArray(role) ? role : [role];
  return {
    email: typeof email === 'string' ? plainAddress(email) : undefined,
    roles: said.every((word) => typeof word === 'string') ? said : undefined,
  };
}

/** Judges the users; `complete` holds when everybody is among them, the account that looks included. */
async function ofUsers(
  { host, answers, signal }: InspectContext<Needed>,
  judge: (users: readonly User[], complete: boolean) => Verdict,
): Promise<Verdict> {
  const look = await observeAdmin(host, answers, signal);
  if (look.is === 'absent' || look.is === 'stopped') return notUp(look, OWN_LOGIN);
  if (!look.users.seen) return unknown(look.users.because);
  const { rows, complete } = look.users.value;
  const users = rows.map(userOf);
  const own = plainAddress(answers.adminEmail);
  return judge(users, complete && users.some(({ email }) => email === own));
}

const counted = (count: number) => `${count} ${count === 1 ? 'user' : 'users'}`;
/** Addresses as they may be shown: the server's data is not ours. */
function shown(users: readonly User[]): string {
  const names = users
    .slice(0, 5)
    .map(({ email }) =>
      email === undefined ? 'one without an address' : email.slice(0, 80).replace(/[^\x20-\x7e]/g, '?'),
    );
  return `${names.join(', ')}${users.length > 5 ? ` and ${users.length - 5} more` : ''}`;
}

export const userControls: readonly Control<Needed>[] = [
  {
    id: 'admin.no-default-email',
    title: 'No account carries the documented default e-mail address',
    severity: 'advised',
    section: 'default-credential-change',
    how: "Logs in and searches the list of users that CoreCube's API gives for the documented address, however it is typed.",
    threat: 'Half of the credential is known to everybody, and attackers try passwords for it first.',
    remedy: 'Open Users in the Admin Console and delete admin@example.com, or change its e-mail address.',
    impact: 'Whoever uses that account has to use another one.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofUsers(context, (users, complete) => {
        if (users.some(({ email }) => email === DEFAULT_ADMIN.email))
          return fail(
            `${DEFAULT_ADMIN.email} is among ${counted(users.length)}`,
            'no account with this address',
          );
        const untold = users.filter(({ email }) => email === undefined).length;
        if (untold > 0)
          return unknown(
            `the list of users does not show the e-mail address of ${untold} of ${users.length}`,
          );
        return complete
          ? pass(`${counted(users.length)}, none of them ${DEFAULT_ADMIN.email}`)
          : unknown('the list of users is not complete');
      }),
  },
  {
    id: 'admin.others-known',
    title: 'Every administrator is known',
    severity: 'advised',
    section: 'default-credential-change',
    refs: ['CWE-1392', 'OWASP ASVS 5.0 8.2.1'],
    how: "Logs in and compares the administrators in the list of users that CoreCube's API gives with adminEmail and the answer otherAdmins; their passwords are not tried.",
    threat:
      'An account that an intruder or a script has made administers CoreCube, with a password that nobody chose well.',
    remedy:
      'Open Users in the Admin Console and remove the account or its role; one that is meant to be there is named in the answer otherAdmins of answers.yaml.',
    impact: 'An account that is removed, or whose role is taken away, no longer administers CoreCube.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofUsers(context, (users, complete) => {
        const { adminEmail, otherAdmins } = context.answers;
        const known = [adminEmail, ...otherAdmins].map(plainAddress);
        // What the own account is called tells this server's word for the role.
        const own = users.find(({ email }) => email === known[0])?.roles ?? [];
        const administers = ({ roles = [] }: User) =>
          roles.some((role) => ADMINISTRATOR.test(role) || own.includes(role));
        const strangers = users.filter(
          (user) => administers(user) && (user.email === undefined || !known.includes(user.email)),
        );
        if (strangers.length > 0)
          return fail(
            `${shown(strangers)} ${strangers.length === 1 ? 'is an administrator' : 'are administrators'}`,
            'adminEmail and otherAdmins alone are administrators',
          );
        const untold = users.filter(({ roles }) => roles === undefined).length;
        if (untold > 0)
          return unknown(`the list of users does not show the role of ${untold} of ${users.length}`);
        if (!complete) return unknown('the list of users is not complete');
        return pass(`${counted(users.length)}; the administrators are ${shown(users.filter(administers))}`);
      }),
  },
];
