import type { App, Call, Caller } from './app.ts';
import { callerOf } from './app.ts';
import { cookieOf, type Exchange, HttpError } from './http.ts';
import { hashPassword, passwordMatches, policyProblems } from './passwords.ts';
import type { Session } from './sessions.ts';
import type { User } from './store.ts';

/** The two generations name their cookie differently; neither name is documented. */
export const cookieName = (app: App) => (app.config.generation === 'v1' ? 'corecube_session' : 'cube_sid');

const publicHttps = (app: App) => app.config.publicUrl?.toLowerCase().startsWith('https://') ?? false;

/** v1: Secure in production over HTTPS. v2: Secure when CORECUBE_PUBLIC_URL begins with https://. */
function cookieIsSecure(app: App, exchange: Exchange): boolean {
  if (app.faults.has('cookie-insecure')) return false;
  if (app.config.generation === 'v2') return publicHttps(app);
  return app.config.production && (publicHttps(app) || exchange.forwardedHttps);
}

function setCookie(app: App, exchange: Exchange, value: string, maxAgeSeconds: number): void {
  const parts = [`${cookieName(app)}=${value}`, 'Path=/', `Max-Age=${maxAgeSeconds}`, 'SameSite=Lax'];
  if (!app.faults.has('cookie-no-httponly')) parts.push('HttpOnly');
  if (cookieIsSecure(app, exchange)) parts.push('Secure');
  exchange.cookies.splice(0, exchange.cookies.length, parts.join('; '));
}
const clearCookie = (app: App, exchange: Exchange) => setCookie(app, exchange, '', 0);

/** Checks throttle, lockout and password, then starts a session and sets its cookie. Throws 401 or 429. */
export async function login(
  call: Call<{ email: string; password: string }>,
): Promise<{ user: User; session: Session }> {
  const { app, exchange, body } = call;
  const tooMany = (seconds: number, message: string) =>
    new HttpError(429, 'TOO_MANY_REQUESTS', message, { 'Retry-After': String(seconds) });
  const wait = app.faults.has('no-throttle') ? 0 : app.throttle.take(exchange.address);
  if (wait > 0) {
    app.log.warn('login throttled', { address: exchange.address });
    throw tooMany(wait, 'too many login attempts from this address');
  }
  const user = await app.store.userByEmail(body.email);
  const locks = app.config.generation === 'v1' && !app.faults.has('no-throttle');
  if (locks && user?.locked_until != null && user.locked_until.getTime() > Date.now()) {
    const seconds = Math.ceil((user.locked_until.getTime() - Date.now()) / 1000);
    throw tooMany(seconds, 'this account is locked');
  }
  const good = await passwordMatches(app.config.generation, body.password, user?.password_hash);
  if (!good || user === undefined) {
    if (user !== undefined) await app.store.countFailure(user.id, locks);
    await app.store.audit(user?.email ?? 'unknown', 'login.failed', exchange.address);
    app.log.warn('login failed', { address: exchange.address, known_account: user !== undefined });
    throw new HttpError(401, 'INVALID_CREDENTIALS', 'e-mail or password is wrong');
  }
  if (user.role === 'no_access') throw new HttpError(403, 'NO_ACCESS', 'this account may not sign in');
  await app.store.clearFailures(user.id);
  const { token, session } = await app.sessions.start(user.id);
  setCookie(app, exchange, token, Math.floor(app.sessions.rules.lifetimeMs / 1000));
  await app.store.audit(user.email, 'login', exchange.address);
  app.log.info('login', { address: exchange.address, user: user.id });
  return { user, session };
}

/** The signed-in caller. v1 sends the cookie again with a new Max-Age (sliding). Throws 401. */
export async function authenticate(app: App, exchange: Exchange): Promise<Caller> {
  const token = cookieOf(exchange, cookieName(app));
  const session = token === undefined ? undefined : await app.sessions.find(token);
  const user = session === undefined ? undefined : await app.store.user(session.userId);
  if (token === undefined || session === undefined || user === undefined) {
    throw new HttpError(401, 'UNAUTHENTICATED', 'sign in first');
  }
  if (app.sessions.rules.sliding)
    setCookie(app, exchange, token, Math.floor(app.sessions.rules.lifetimeMs / 1000));
  return { user, session };
}

/** v2 wants the session's token in X-CSRF-Token on every call that changes something. Throws 403. */
export function demandCsrf(app: App, exchange: Exchange, caller: Caller): void {
  if (app.config.generation !== 'v2') return;
  if (exchange.request.headers['x-csrf-token'] !== caller.session.csrf) {
    throw new HttpError(403, 'CSRF_TOKEN_INVALID', 'the X-CSRF-Token header is missing or wrong');
  }
}

export async function logout(call: Call): Promise<void> {
  const { user, session } = callerOf(call);
  if (!call.app.faults.has('logout-keeps-session')) await call.app.sessions.end(session.id);
  clearCookie(call.app, call.exchange);
  await call.app.store.audit(user.email, 'logout', call.exchange.address);
}

export interface ProfileChange {
  readonly email?: string;
  readonly name?: string;
  readonly newPassword?: string;
  readonly currentPassword?: string;
}

/**
 * Changes the caller's own account. E-mail and password need the current password. A new password ends every
 * session of the user in v1, every other one in v2.
 */
export async function changeProfile(call: Call, change: ProfileChange): Promise<User> {
  const { app, exchange } = call;
  const { user, session } = callerOf(call);
  const { generation } = app.config;
  if (change.email !== undefined || change.newPassword !== undefined) {
    const good =
      change.currentPassword !== undefined &&
      (await passwordMatches(generation, change.currentPassword, user.password_hash));
    if (!good) throw new HttpError(403, 'WRONG_PASSWORD', 'the current password is missing or wrong');
  }
  const problems = change.newPassword === undefined ? [] : policyProblems(generation, change.newPassword);
  if (problems.length > 0)
    throw new HttpError(422, 'PASSWORD_POLICY', `the password needs ${problems.join(', ')}`);
  if (change.email !== undefined) {
    const holder = await app.store.userByEmail(change.email);
    if (holder !== undefined && holder.id !== user.id)
      throw new HttpError(409, 'EMAIL_IN_USE', 'e-mail is taken');
  }
  const hash =
    change.newPassword === undefined ? undefined : await hashPassword(generation, change.newPassword);
  const changed = await app.store.changeUser(user.id, {
    ...(change.email === undefined ? {} : { email: change.email }),
    ...(change.name === undefined ? {} : { name: change.name }),
    ...(hash === undefined ? {} : { hash }),
  });
  if (changed === undefined) throw new HttpError(404, 'NOT_FOUND', 'this user is gone');
  const fields = Object.keys(change).filter((name) => name !== 'currentPassword');
  await app.store.audit(changed.email, 'profile.changed', exchange.address, { fields });
  if (hash !== undefined) {
    await app.sessions.endAllOf(user.id, generation === 'v2' ? session.id : undefined);
    if (generation === 'v1') clearCookie(app, exchange);
  }
  return changed;
}

/** Ends sessions after a role change: v1 always, v2 only on the fall to `no_access`. */
export async function afterRoleChange(app: App, before: User, after: User): Promise<void> {
  if (before.role === after.role) return;
  if (app.config.generation === 'v1' || after.role === 'no_access') await app.sessions.endAllOf(after.id);
}
