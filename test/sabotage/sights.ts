/** Which controls lose sight together, when what they look through is gone. */
import { runningControls } from '../../steps/shared/running-controls.ts';

const about = (prefix: string): string[] =>
  runningControls({ prefix, subject: '', users: () => ({}), up: () => '' }).map((control) => control.id);
/** What is compared of the running containers of the services step, and of the proxy's. */
export const BY_SERVICES = about('running.').filter((id) => !/\.requests$/.test(id));
export const BY_PROXY_CONTAINER = about('running.proxy-').filter(
  (id) => !/-(ports|init|current|data-volume)$/.test(id),
);

/** What asks the database server before anybody has logged in. */
export const BY_SERVER = [
  'pg.password-accepted',
  'pg.server-certificate',
  'pg.plaintext-refused',
  'pg.old-tls-refused',
  'pg.not-published',
];

/** What needs a verified connection as one of the three roles. */
export const AS_ROLES = [
  'pg.tls-in-use',
  'pg.sessions-logged',
  'pg.app-attributes',
  'pg.app-not-member',
  'pg.app-cannot-create-role',
  'pg.app-cannot-run-programs',
  'pg.app-cannot-read-files',
  'pg.app-cannot-create-tables',
  'pg.app-can-work',
  'pg.maintenance-attributes',
  'pg.owner-attributes',
  'pg.extension-vector',
];
/** What needs a verified connection as one of the roles, or as the superuser. */
export const BY_SQL = [
  'pg.scram-only',
  'pg.rules-loaded',
  'pg.passwords-not-default',
  'pg.other-passwords-not-default',
  'pg.roles-log-in',
  ...AS_ROLES,
  'pg.public-revoked',
  'pg.no-further-rights',
  'pg.nothing-of-the-superuser',
  'pg.role-settings',
  'pg.server-settings',
  'pg.other-roles-powerless',
  'pg.other-roles-cannot-log-in',
  'pg.tables-not-owned-by-app',
  'pg.rls-enabled',
  'pg.app-cannot-alter-policy',
  'pg.policies-not-open',
  'pg.policies-as-migrated',
  'pg.app-sessions-encrypted',
  'pg.app-role-in-use',
  'release.confirmed',
];

/** What CoreCube looks up in its database: whether an API key is one of its own. */
export const BY_KEY = ['proxy.public-paths-answer'];

/** What only a session of the administrator shows. */
export const BY_SESSION = [
  'admin.own-rights',
  'admin.session-ended',
  'admin.no-default-email',
  'admin.others-known',
  'session.lifetime',
  'session.cookie-flags',
  'audit.retention-days',
  'audit.query-text',
  'keys.expire',
  'keys.used',
  'keys.not-shared',
  'keys.service-for-shared',
  'webhooks.secret-set',
];

/** What CoreCube can only tell when it reaches its database. */
export const BY_LOGIN = ['admin.default-login-refused', 'admin.own-login', ...BY_SESSION];

/** What every attack needs: a way to the proxy whose address is known. */
export const BY_ATTACK = [
  'proxy.admin-refused-from-outside',
  'proxy.forged-addresses-refused',
  'proxy.metrics-refused',
  'proxy.public-paths-answer',
  'proxy.headers-once',
  'proxy.hsts',
  'proxy.client-address-seen',
];

/** What needs a running proxy at all. */
export const BY_PROXY = [
  ...BY_ATTACK,
  'proxy.access-log',
  'proxy.body-limit',
  'proxy.http-redirects',
  'proxy.other-hosts-refused',
];

/** Handshakes with the proxy. */
export const BY_TLS = ['tls.certificate', 'tls.1-1-refused', 'tls.1-2-accepted', 'tls.1-3-accepted'];
