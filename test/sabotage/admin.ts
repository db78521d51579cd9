/** Rows about accounts, sessions and settings. */
import { chmod } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import { keep, misbehave, putBack, up } from './by-hand.ts';
import { edit } from './edits.ts';
import { BY_SESSION } from './sights.ts';
import { fail, type Sabotage, unseen } from './types.ts';

const OWN = 'operator@corecube.test';
/** A bcrypt hash made by the database itself, as an attacker with SQL would. */
const bcrypt = (password: string) => `crypt('${password}', gen_salt('bf', 10))`;
const newAdmin = (email: string, password: string) =>
  `create extension if not exists pgcrypto; insert into users (id, email, name, password_hash, role) values (gen_random_uuid(), '${email}', 'Admin', ${bcrypt(password)}, 'admin')`;
const removeAdmin = (i: Install) => i.sql("delete from users where email = 'admin@example.com'");

const setAudit = (i: Install, value: object) =>
  i.sql(`insert into settings (key, value) values ('audit', '${JSON.stringify(value)}')
    on conflict (key) do update set value = excluded.value`);
const GOOD_AUDIT = { retention_days: 90, query_text: 'truncated' };

const addKey = (i: Install, columns: Readonly<Record<string, string>>) => {
  const all: Record<string, string> = {
    name: "'sabotage'",
    key_hash: "'x'",
    prefix: "'cc_x'",
    type: "'service'",
    scope: "'{public}'",
    expires_at: "now() + interval '20 days'",
    last_used_at: 'now()',
    ...columns,
  };
  return i.sql(
    `insert into api_keys (${Object.keys(all).join(', ')}) values (${Object.values(all).join(', ')})`,
  );
};
const removeKey = (i: Install) => i.sql("delete from api_keys where name = 'sabotage'");

/** What a row has overwritten in the database, until it is put back. */
let value = '';

/** What a session without an administrator's rights does not show: its own flags and its end are seen. */
const BY_RIGHTS = BY_SESSION.filter((id) => !/^(session\.|admin\.(session-ended|own-rights))/.test(id));

const accountRows: readonly Sabotage[] = [
  {
    name: 'the default administrator is back',
    break: (i) => i.sql(newAdmin('admin@example.com', 'changeme123')),
    drift: 'changed-at-run-time',
    turns: fail('admin.default-login-refused', 'admin.no-default-email', 'admin.others-known'),
    undo: removeAdmin,
  },
  {
    name: 'a second administrator has the documented mail address and another password',
    break: (i) => i.sql(newAdmin('Admin@Example.com', 'Another-Passw0rd-1')),
    drift: 'changed-at-run-time',
    turns: fail('admin.no-default-email', 'admin.others-known'),
    exit: 0,
    undo: (i) => i.sql("delete from users where email = 'Admin@Example.com'"),
  },
  {
    name: 'an intruder has made himself a second administrator',
    break: (i) => i.sql(newAdmin('intruder@evil.test', 'Another-Passw0rd-1')),
    drift: 'changed-at-run-time',
    turns: fail('admin.others-known'),
    exit: 0,
    undo: (i) => i.sql("delete from users where email = 'intruder@evil.test'"),
  },
  {
    name: 'an account carries the documented mail address with a space behind it',
    break: (i) =>
      i.sql(newAdmin('admin@example.com ', 'Another-Passw0rd-1').replace("'admin')", "'member')")),
    drift: 'changed-at-run-time',
    turns: fail('admin.no-default-email'),
    exit: 0,
    undo: (i) => i.sql("delete from users where email = 'admin@example.com '"),
  },
  {
    name: 'somebody has changed the mail address of the administrator',
    break: (i) => i.sql(`update users set email = 'intruder@corecube.test' where email = '${OWN}'`),
    drift: 'changed-at-run-time',
    turns: { ...fail('admin.own-login'), ...unseen(...BY_SESSION) },
    undo: (i) => i.sql(`update users set email = '${OWN}' where email = 'intruder@corecube.test'`),
  },
  {
    name: 'somebody has taken the rights of the administrator away',
    break: (i) => i.sql(`update users set role = 'member' where email = '${OWN}'`),
    drift: 'changed-at-run-time',
    turns: { ...fail('admin.own-rights'), ...unseen(...BY_RIGHTS) },
    undo: (i) => i.sql(`update users set role = 'admin' where email = '${OWN}'`),
  },
  {
    name: 'the administrator has a short password',
    async break(i) {
      await keep(i, 'secrets/admin_password');
      await edit(i, 'secrets/admin_password', /^.*$/s, 'short');
      value = await i.sql(`select password_hash from users where email = '${OWN}'`);
      await i.sql(
        `create extension if not exists pgcrypto; update users set password_hash = ${bcrypt('short')} where email = '${OWN}'`,
      );
    },
    drift: 'edited-by-hand',
    turns: fail('admin.password-policy'),
    async undo(i) {
      await putBack(i, 'secrets/admin_password');
      await i.sql(`update users set password_hash = '${value}' where email = '${OWN}'`);
    },
  },
  {
    name: 'the password of the administrator is readable for everybody',
    break: (i) => chmod(i.path('secrets/admin_password'), 0o644),
    drift: 'edited-by-hand',
    turns: fail('admin.password-file'),
  },
  {
    name: 'the first password of the administrator stays in the environment',
    async break(i) {
      await keep(i, 'compose.override.yaml');
      await edit(i, 'compose.override.yaml', /\n?$/, '\n      CUBE_ADMIN_PASSWORD: Sabotage-Passw0rd\n');
      await up(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('admin.not-in-environment', 'compose.override-keeps-hardening', 'secrets.not-in-inspect'),
    async undo(i) {
      await putBack(i, 'compose.override.yaml');
      await up(i, 'corecube');
    },
  },
];

/** The program itself behaves in another way, with the settings that it was given: no link says why. */
const PROGRAM = {};

const sessionRows: readonly Sabotage[] = [
  {
    name: 'the session cookie is not Secure',
    break: (i) => misbehave(i, 'cookie-insecure'),
    drift: PROGRAM,
    turns: fail('session.cookie-flags'),
    undo: (i) => misbehave(i, ''),
  },
  {
    name: 'scripts can read the session cookie',
    break: (i) => misbehave(i, 'cookie-no-httponly'),
    drift: PROGRAM,
    turns: fail('session.cookie-flags'),
    undo: (i) => misbehave(i, ''),
  },
  {
    name: 'a session survives its logout',
    break: (i) => misbehave(i, 'logout-keeps-session'),
    drift: PROGRAM,
    turns: fail('admin.session-ended'),
    undo: (i) => misbehave(i, ''),
  },
  {
    name: 'CoreCube sends HSTS twice, and the proxy mends it',
    break: (i) => misbehave(i, 'hsts-doubled'),
    drift: PROGRAM,
    turns: {},
    exit: 0,
    undo: (i) => misbehave(i, ''),
  },
  {
    name: 'compose.yaml lets sessions live for 30 days, not applied',
    async break(i) {
      await keep(i, 'compose.yaml');
      await edit(i, 'compose.yaml', /(SESSION_MAX_(AGE|LIFETIME)_HOURS: )"8"/g, '$1"720"');
    },
    drift: 'edited-not-applied',
    turns: fail('compose.settings', 'running.current'),
    undo: (i) => putBack(i, 'compose.yaml'),
  },
  {
    name: 'compose.yaml lets sessions live for 30 days, applied',
    async break(i) {
      await edit(i, 'compose.yaml', /(SESSION_MAX_(AGE|LIFETIME)_HOURS: )"8"/g, '$1"720"');
      await up(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.settings', 'session.environment', 'session.lifetime'),
  },
  {
    name: 'the override lets idle sessions live for ten hours, applied',
    async break(i) {
      await keep(i, 'compose.override.yaml');
      await edit(i, 'compose.override.yaml', /\n?$/, '\n      SESSION_IDLE_TIMEOUT_MINUTES: "600"\n');
      await up(i, 'corecube');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.override-keeps-hardening', 'session.environment', 'session.lifetime'),
    onlyV2: ['session.lifetime'],
    async undo(i) {
      await putBack(i, 'compose.override.yaml');
      await up(i, 'corecube');
    },
  },
];

const settingRows: readonly Sabotage[] = [
  {
    name: 'the audit log is kept for ten years',
    break: (i) => setAudit(i, { ...GOOD_AUDIT, retention_days: 3650 }),
    drift: 'changed-at-run-time',
    turns: fail('audit.retention-days'),
    exit: 0,
  },
  {
    name: 'the audit log is kept for a day',
    break: (i) => setAudit(i, { ...GOOD_AUDIT, retention_days: 1 }),
    drift: 'changed-at-run-time',
    turns: fail('audit.retention-days'),
    exit: 0,
    undo: (i) => setAudit(i, GOOD_AUDIT),
  },
  {
    name: 'the audit log keeps whole questions',
    break: (i) => setAudit(i, { ...GOOD_AUDIT, query_text: 'full' }),
    drift: 'changed-at-run-time',
    turns: fail('audit.query-text'),
    exit: 0,
    undo: (i) => setAudit(i, GOOD_AUDIT),
  },
  {
    name: 'the audit log keeps no questions at all',
    break: (i) => setAudit(i, { ...GOOD_AUDIT, query_text: 'disabled' }),
    drift: 'changed-at-run-time',
    turns: fail('audit.query-text'),
    exit: 0,
    undo: (i) => setAudit(i, GOOD_AUDIT),
  },
];

const integrationRows: readonly Sabotage[] = [
  {
    name: 'a connection takes webhooks without a secret',
    release: 'v1',
    async break(i) {
      value = await i.sql('select webhook_secret from connections where webhook_enabled');
      await i.sql('update connections set webhook_secret = null where webhook_enabled');
    },
    drift: 'changed-at-run-time',
    turns: fail('webhooks.secret-set'),
    undo: (i) => i.sql(`update connections set webhook_secret = '${value}' where webhook_enabled`),
  },
  {
    name: 'an API key never expires',
    break: (i) => addKey(i, { expires_at: 'null' }),
    drift: 'changed-at-run-time',
    turns: fail('keys.expire'),
    exit: 0,
    undo: removeKey,
  },
  {
    name: 'an API key expires in fifty years',
    break: (i) => addKey(i, { expires_at: "now() + interval '50 years'" }),
    drift: 'changed-at-run-time',
    turns: fail('keys.expire'),
    exit: 0,
    undo: removeKey,
  },
  {
    name: 'an API key that never expires is to be revoked in ten years',
    break: (i) => addKey(i, { expires_at: 'null', revoked_at: "now() + interval '10 years'" }),
    drift: 'changed-at-run-time',
    turns: fail('keys.expire'),
    exit: 0,
    undo: removeKey,
  },
  {
    name: 'an API key was not used for half a year',
    break: (i) => addKey(i, { last_used_at: "now() - interval '180 days'" }),
    // Time passed; nobody changed anything.
    drift: {},
    turns: fail('keys.used'),
    exit: 0,
    undo: removeKey,
  },
  {
    name: 'an API key is used from two places',
    break: (i) => addKey(i, { clients: "'{203.0.113.5,203.0.113.6}'" }),
    drift: 'changed-at-run-time',
    turns: fail('keys.not-shared'),
    exit: 0,
    undo: removeKey,
  },
  {
    name: 'a shared frontend works with a personal key',
    break: (i) => addKey(i, { type: "'personal'", integration: "'OpenWebUI'" }),
    drift: 'changed-at-run-time',
    turns: fail('keys.service-for-shared'),
    exit: 0,
    undo: removeKey,
  },
  {
    name: 'a personal key carries the name of a shared frontend as the product spells it',
    break: (i) => addKey(i, { name: "'Open WebUI'", type: "'personal'" }),
    drift: 'changed-at-run-time',
    turns: fail('keys.service-for-shared'),
    exit: 0,
    undo: (i) => i.sql("delete from api_keys where name = 'Open WebUI'"),
  },
  {
    name: 'an API key was last used in the year 2100',
    break: (i) => addKey(i, { last_used_at: "'2100-01-01'" }),
    drift: {},
    turns: unseen('keys.used'),
    exit: 0,
    undo: removeKey,
  },
];

export const adminRows: readonly Sabotage[] = [
  ...accountRows,
  ...sessionRows,
  ...settingRows,
  ...integrationRows,
];
