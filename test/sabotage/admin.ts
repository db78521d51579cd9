/** Rows about accounts, sessions and settings. */
import { fail, type Sabotage } from './types.ts';

export const adminRows: readonly Sabotage[] = [
  {
    name: 'the default administrator is back',
    break: async (i) => {
      // $2 hash of changeme123: made by the database itself, as an attacker with SQL would.
      await i.sql(
        "create extension if not exists pgcrypto; insert into users (id, email, name, password_hash, role) values (gen_random_uuid(), 'admin@example.com', 'Admin', crypt('changeme123', gen_salt('bf', 10)), 'admin')",
      );
    },
    turns: fail('admin.default-login-refused', 'admin.no-default-email'),
    undo: (i) => i.sql("delete from users where email = 'admin@example.com'"),
  },
  {
    name: 'the audit log keeps whole queries for ten years',
    break: (i) =>
      i.sql(
        `update settings set value = '{"retention_days": 3650, "query_text": "full"}' where key = 'audit'`,
      ),
    turns: fail('audit.retention-days', 'audit.query-text'),
    exit: 0,
  },
];
