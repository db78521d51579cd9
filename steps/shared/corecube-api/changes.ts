/** What is changed through the admin API: the administrator's account and the audit settings. */
import { ChangeError } from '../../../src/core/errors.ts';
import type { Host } from '../../../src/core/host.ts';
import { Secret } from '../../../src/core/secret.ts';
import { DEFAULT_ADMIN, generatePassword } from '../admin-credentials.ts';
import { type Answer, callIn, login, type Server, type Session } from './client.ts';
import { auditFields, fitting, type Row, shapeAt, withValue } from './fields.ts';
import type { Operation } from './openapi.ts';
import { type ProfileFields, type Purpose, profileFields, type Routes } from './routes.ts';
import { type ApiAnswers, byHand, discover, findServer, missingRoute } from './server.ts';

interface Api {
  readonly host: Host;
  readonly server: Server;
  readonly routes: Routes;
}
interface Credential {
  readonly email: string;
  readonly password: string | Secret;
}

async function open(host: Host, answers: ApiAnswers): Promise<Api> {
  const place = await findServer(host, answers);
  if (place.is !== 'up')
    throw new ChangeError('refused', place.because, 'Start CoreCube, then run this again.');
  return {
    host,
    server: place.server,
    routes: (await discover(host, place.server, answers.adminApi)).routes,
  };
}

const need = (api: Api, purpose: Purpose): Operation => {
  const route = api.routes[purpose];
  if (!route.found) throw new ChangeError('refused', missingRoute(api.routes, purpose), byHand(purpose));
  return route.operation;
};

/** The session, or undefined when the server refuses the credential. @throws {ChangeError} when neither can be said */
async function enter(api: Api, credential: Credential): Promise<Session | undefined> {
  need(api, 'login');
  const route = api.routes.login;
  if (!route.found) return undefined;
  const result = await login(api.host, api.server, route, credential, api.host.signal);
  if (result.is === 'unclear') {
    throw new ChangeError(
      'refused',
      result.because,
      'Wait until logins are taken again, then run this again.',
    );
  }
  return result.is === 'in' ? result.session : undefined;
}

/** Ends the session; a session that is already dead is as good. */
async function leave(api: Api, session: Session): Promise<void> {
  const { logout } = api.routes;
  if (logout.found) await callIn(api.host, api.server, session, logout.operation);
}

/** Does the work and ends the session, whatever happens; the work's own error counts. */
async function within(api: Api, session: Session, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await leave(api, session).catch(() => undefined);
    throw error;
  }
  await leave(api, session);
}

/**
 * Makes the operator's e-mail and password the administrator's, through the API. Finds the account where an
 * interrupted run left it. Proves the new login and ends every session it opened. Nothing is done when the own
 * login works already.
 * @throws {ChangeError} when no known credential logs in, or the server refuses the change
 */
export async function takeOverAccount(
  host: Host,
  answers: ApiAnswers,
  password: Secret,
  options: { readonly defaultFirst: boolean },
): Promise<void> {
  const api = await open(host, answers);
  const own: Credential = { email: answers.adminEmail, password };
  if (!options.defaultFirst) {
    const session = await enter(api, own);
    if (session) return leave(api, session);
  }
  // The default, then what an interruption between two calls leaves: only the password, or only the e-mail changed.
  const tries: Credential[] = [
    DEFAULT_ADMIN,
    { email: DEFAULT_ADMIN.email, password },
    { email: own.email, password: DEFAULT_ADMIN.password },
  ];
  for (const credential of tries) {
    const session = await enter(api, credential);
    if (session === undefined) continue;
    await within(api, session, () => changeAccount(api, session, credential, own));
    const proof = await enter(api, own);
    if (proof) return leave(api, proof);
    throw new ChangeError(
      'refused',
      'the server took the new e-mail address and password, and then refused them at the login',
      byHand('profile-write'),
    );
  }
  throw new ChangeError(
    'refused',
    `the server refuses the stored password for ${own.email}, and the documented default too`,
    'If the password was changed in the console, write the current one into secrets/admin_password (or remove that file). If the e-mail address was changed, correct the answer adminEmail.',
  );
}

/**
 * Gives the default account a password that nobody knows, beside an own account that logs in at this moment. The
 * account stays: deleting it is the operator's decision.
 * @throws {ChangeError} when the own login does not work: the default account could be the only way in
 */
export async function closeDefaultAccount(host: Host, answers: ApiAnswers, own: Secret): Promise<void> {
  const api = await open(host, answers);
  const proof = await enter(api, { email: answers.adminEmail, password: own });
  if (proof === undefined) {
    throw new ChangeError('refused', 'the own login does not work (any more)', byHand('profile-write'));
  }
  await leave(api, proof);
  const session = await enter(api, DEFAULT_ADMIN);
  if (session === undefined) return;
  const password = generatePassword((length) => host.randomBytes(length));
  await within(api, session, () =>
    changeAccount(api, session, DEFAULT_ADMIN, { email: DEFAULT_ADMIN.email, password }),
  );
}

async function changeAccount(api: Api, session: Session, from: Credential, to: Credential): Promise<void> {
  const profile = need(api, 'profile-write');
  const fields = profileFields(profile.body);
  const email = from.email === to.email ? undefined : to.email;
  const same = reveal(from.password) === reveal(to.password);
  if (email !== undefined && fields.email === undefined) {
    throw new ChangeError('refused', `${profile.path} takes no e-mail address`, byHand('profile-write'));
  }
  const together = same || fields.password !== undefined;
  if (email !== undefined || together) {
    await send(api, session, profile, fields, from, {
      email,
      ...(same || !together ? {} : { password: to.password }),
    });
  }
  if (!together) {
    // E-mail first: a new password may end this session.
    const operation = need(api, 'password-write');
    await send(api, session, operation, profileFields(operation.body), from, { password: to.password });
  }
}

async function send(
  api: Api,
  session: Session,
  operation: Operation,
  fields: ProfileFields,
  from: Credential,
  to: { readonly email?: string | undefined; readonly password?: string | Secret },
): Promise<void> {
  const { password } = fields;
  let body: Row = operation.method === 'PUT' ? await present(api, session, operation) : {};
  if (to.email !== undefined && fields.email) body = withValue(body, fields.email, to.email);
  if (to.password !== undefined && password) {
    body = withValue(body, password.fresh, reveal(to.password));
    if (password.repeated) body = withValue(body, password.repeated, reveal(to.password));
  }
  const current = (to.password === undefined ? undefined : password?.current) ?? fields.current;
  if (current) body = withValue(body, current, reveal(from.password));
  const missing = (operation.body?.required ?? []).filter((name) => !Object.hasOwn(body, name));
  if (missing.length > 0) {
    throw new ChangeError(
      'refused',
      `${operation.path} also wants ${missing.join(', ')}`,
      byHand('profile-write'),
    );
  }
  const answer = await callIn(api.host, api.server, session, operation, body, true);
  demandTaken(answer, operation, 'profile-write');
}

const reveal = (value: string | Secret) => (value instanceof Secret ? value.reveal() : value);

/** A PUT replaces the whole: what is not sent back would be lost. */
async function present(api: Api, session: Session, operation: Operation): Promise<Row> {
  const read = api.routes['profile-read'];
  if (!read.found || operation.body === undefined) return {};
  return fitting((await callIn(api.host, api.server, session, read.operation)).json, operation.body);
}

function demandTaken(answer: Answer, operation: Operation, purpose: Purpose): void {
  if (answer.status >= 200 && answer.status < 300) return;
  throw new ChangeError(
    'refused',
    `${operation.method} ${operation.path} answers ${answer.said}`,
    byHand(purpose),
  );
}

/**
 * Sets audit retention and query-text verbosity, and leaves every other setting as it is.
 * @throws {ChangeError} when the password does not log in, or the server refuses the settings
 */
export async function writeAuditSettings(
  host: Host,
  answers: ApiAnswers,
  password: Secret,
  wanted: { readonly retentionDays: number; readonly queryText: string },
): Promise<void> {
  const api = await open(host, answers);
  const read = need(api, 'settings-read');
  const write = need(api, 'settings-write');
  const session = await enter(api, { email: answers.adminEmail, password });
  if (session === undefined) {
    throw new ChangeError('refused', 'the stored password does not log in', byHand('settings-write'));
  }
  await within(api, session, async () => {
    const current = write.method === 'PUT' ? (await callIn(host, api.server, session, read)).json : {};
    const answer = await callIn(host, api.server, session, write, settingsBody(write, current, wanted));
    demandTaken(answer, write, 'settings-write');
  });
}

function settingsBody(
  write: Operation,
  current: unknown,
  wanted: { readonly retentionDays: number; readonly queryText: string },
): Row {
  const shape = write.body;
  const fields = auditFields(shape, /(^|[/_-])audit([/_-]|$)/i.test(write.path));
  if (shape === undefined || (!fields.retentionDays && !fields.queryText)) {
    throw new ChangeError('refused', `${write.path} describes no audit settings`, byHand('settings-write'));
  }
  let body = fitting(current, shape);
  if (fields.retentionDays) body = withValue(body, fields.retentionDays, wanted.retentionDays);
  if (fields.queryText) {
    const words = (shapeAt(shape, fields.queryText)?.enum ?? []).filter((word) => typeof word === 'string');
    const word = words.find((w) => w.toLowerCase() === wanted.queryText);
    if (words.length > 0 && word === undefined) {
      throw new ChangeError(
        'refused',
        `${write.path} does not know ${wanted.queryText}`,
        byHand('settings-write'),
      );
    }
    body = withValue(body, fields.queryText, word ?? wanted.queryText);
  }
  return body;
}
