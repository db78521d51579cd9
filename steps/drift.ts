// Says which link broke for a control that does not hold: answers, files made of them, or what runs. Only looks, and only
// for what fails. Where the looks and the memory do not tell, it says nothing: a wrong cause is worse than none.
import type { DriftExplainer } from '../src/core/hooks.ts';
import {
  byUpdate,
  foreignIsolated,
  handedOver,
  ownLogin,
  passwordContent,
  passwordFile,
  pinnedImages,
  runningProperty,
  secretInEnvironment,
  settings,
} from './drift/application.ts';
import { absent, declaredOrNot, notCurrent, violates } from './drift/containers.ts';
import { firstOf, lookOf, type Rule } from './drift/context.ts';
import {
  accessRules,
  catalogue,
  databaseFiles,
  envContent,
  envFile,
  otherFileInside,
  password,
  policyRecord,
  rightsOf,
  roleLogin,
  schema,
  serverCertificate,
  serverLog,
  serverTls,
  unloadedRules,
  urlsInUse,
} from './drift/database.ts';
import { composeDrift, foreignDeclared, invalid, overrideDrift } from './drift/declared.ts';
import {
  keyAccess,
  keyContent,
  keyElsewhere,
  keyInside,
  keyPresence,
  keyReadable,
  keyUnreadable,
  secretsDirectory,
} from './drift/key.ts';
import { live } from './drift/live.ts';
import {
  edgeClosed,
  extraContainers,
  internalClosed,
  members,
  pastTheProxy,
  shared,
  unpublished,
} from './drift/networks.ts';
import { behaviour, configCurrent, configFile, copiedCertificate, servedCertificate } from './drift/proxy.ts';
import { PATH, SERVICE } from './shared/layout.ts';

const up =
  (service: string): Rule =>
  (look) =>
    absent(look, service);
const published =
  (service: string, otherwise: 'changed-at-run-time' | 'untold'): Rule =>
  (look) =>
    declaredOrNot(look, service, violates(look, ['ports', 'networks'], service), otherwise);
const current =
  (service: string): Rule =>
  async (look) =>
    (await notCurrent(look, service)) ?? byUpdate(look, service);
const inCoreCube = live('in CoreCube');

/**
 * Control, or the beginning of controls (`compose.*`), and what tells its cause; the first that fits. What is not here has
 * no link that could break: the host, its engine and the outside world are not made of answers.
 */
export const RULES: readonly (readonly [control: string, rule: Rule])[] = [
  ['compose.override-keeps-hardening', overrideDrift],
  ['compose.valid', invalid],
  ['compose.foreign-hardened', foreignDeclared],
  ['compose.*', composeDrift],

  ['key.exists', keyPresence],
  ['key.not-lost', keyPresence],
  ['key.access', keyAccess],
  ['key.not-a-link', keyAccess],
  ['key.directory', secretsDirectory],
  ['key.format', keyContent],
  ['key.belongs-to-data', keyContent],
  ['key.same-inside', keyInside],
  ['key.readable-inside', keyReadable],
  ['key.unreadable-by-others', keyUnreadable],
  ['key.only-corecube', keyElsewhere],
  ['key.none-of-its-own', live("in CoreCube's volume")],
  ['key.not-in-volume', live('in the volumes')],

  ['pg.files', databaseFiles],
  ['pg.env-file', envFile],
  ['pg.urls-distinct', envContent],
  ['pg.urls-verify-server', envContent],
  ['pg.roles-log-in', roleLogin],
  ['pg.password-accepted', password(PATH.databaseSuperuserPassword)],
  ['pg.up', up(SERVICE.database)],
  ['pg.scram-only', accessRules],
  ['pg.rules-loaded', unloadedRules],
  ['pg.plaintext-refused', accessRules],
  ['pg.tls-in-use', serverTls],
  ['pg.old-tls-refused', serverTls],
  ['pg.server-certificate', serverCertificate],
  [
    'pg.ca-delivered',
    otherFileInside(SERVICE.app, PATH.databaseCa, '/run/secrets/pg_ca.crt', 'database.certificates'),
  ],
  ['pg.not-published', published(SERVICE.database, 'changed-at-run-time')],
  ['pg.rls-enabled', schema],
  ['pg.policies-not-open', schema],
  ['pg.policies-recorded', policyRecord],
  ['pg.tables-not-owned-by-app', schema],
  ['pg.app-role-in-use', urlsInUse],
  ['pg.app-sessions-encrypted', urlsInUse],
  ['pg.sessions-logged', serverLog],
  ['pg.server-settings', serverLog],
  ['pg.maintenance-*', rightsOf('maintenance')],
  ['pg.owner-*', rightsOf('owner')],
  ['pg.app-*', rightsOf('app')],
  ['pg.extension-vector', rightsOf('app')],
  ['pg.*', catalogue],

  ['running.pgvector-up', up(SERVICE.database)],
  ['running.inference-up', up(SERVICE.inference)],
  ['running.corecube-up', up(SERVICE.app)],
  ['running.internal-closed', internalClosed],
  ['running.edge-closed', edgeClosed],
  ['running.internal-members', members('internal')],
  ['running.edge-members', members('edge')],
  ['running.nothing-shared', shared],
  ['running.foreign-isolated', foreignIsolated],
  ['running.no-extra-containers', extraContainers],
  ['running.*', runningProperty],
  ['secrets.not-in-inspect', secretInEnvironment],
  ['secrets.only-their-services', handedOver],
  ['admin.not-in-environment', secretInEnvironment],

  ['admin.password-file', passwordFile],
  ['admin.own-login', ownLogin],
  ['admin.password-policy', passwordContent],
  ['admin.default-login-refused', inCoreCube],
  ['admin.own-rights', inCoreCube],
  ['admin.no-default-email', inCoreCube],
  ['admin.others-known', live('in CoreCube', { needs: ['otherAdmins'] })],
  ['session.*', settings],
  ['audit.*', live('in CoreCube', { needs: ['auditRetentionDays', 'auditQueryText'] })],
  ['webhooks.*', inCoreCube],
  ['keys.expire', inCoreCube],
  ['keys.not-shared', inCoreCube],
  ['keys.service-for-shared', inCoreCube],

  ['proxy.up', firstOf(up(SERVICE.proxy), published(SERVICE.proxy, 'untold'), unpublished)],
  ['proxy.container-current', current(SERVICE.proxy)],
  [
    'proxy.data-kept',
    (look) => declaredOrNot(look, SERVICE.proxy, violates(look, ['data-volume'], SERVICE.proxy), 'untold'),
  ],
  ['proxy.config-file', configFile],
  ['proxy.config-current', configCurrent],
  ['proxy.no-ipv6-publishing', published(SERVICE.proxy, 'untold')],
  ['proxy.app-not-reachable-directly', pastTheProxy],
  ['proxy.client-address-seen', published(SERVICE.proxy, 'untold')],
  ['proxy.gateway-not-allowed', published(SERVICE.proxy, 'untold')],
  ['proxy.metrics-refused', firstOf(behaviour('http'), behaviour('admin'))],
  ['proxy.*', behaviour('http')],
  ['tls.files-copied', copiedCertificate],
  ['tls.1-*', behaviour('connections')],
  ['tls.certificate', firstOf(servedCertificate, behaviour('certificates'))],
  ['tls.trusted-by-clients', firstOf(servedCertificate, behaviour('certificates'))],

  ['images.pinned', pinnedImages],
];

/** The rule of a control; undefined where no link can break. */
const ruleOf = (control: string): Rule | undefined =>
  RULES.find(([name]) =>
    name.endsWith('*') ? control.startsWith(name.slice(0, -1)) : control === name,
  )?.[1];

export const explainDrift: DriftExplainer = async (finding, context) => {
  const rule = ruleOf(finding.control);
  if (!rule || finding.verdict.is !== 'fail') return undefined;
  return rule(await lookOf(context), finding);
};
