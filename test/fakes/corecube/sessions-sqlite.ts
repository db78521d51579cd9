import { join } from 'node:path';
import { StartError } from './config.ts';
import { reason } from './log.ts';
import type { Session, SessionRows } from './sessions.ts';

/** The part of node:sqlite used here; the floor's type package does not describe the module. */
interface Statement {
  run(...values: unknown[]): unknown;
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}
interface SqliteModule {
  DatabaseSync: new (
    path: string,
  ) => { exec(sql: string): void; prepare(sql: string): Statement; close(): void };
}

/** node:sqlite when this Node has it (22.5 and later), else undefined. */
export function sqliteModule(): SqliteModule | undefined {
  const get = (process as { getBuiltinModule?: (name: string) => unknown }).getBuiltinModule;
  return get?.call(process, 'node:sqlite') as SqliteModule | undefined;
}

type Row = {
  id: string;
  user_id: string;
  csrf: string;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
};
const fromRow = (row: Row): Session => ({
  id: row.id,
  userId: row.user_id,
  csrf: row.csrf,
  createdAt: new Date(row.created_at),
  lastSeenAt: new Date(row.last_seen_at),
  expiresAt: new Date(row.expires_at),
});

/** v1: sessions in DATA_DIR/sessions.db. Throws StartError when the file cannot be used. */
export function sqliteSessions(dataDir: string): SessionRows {
  const sqlite = sqliteModule();
  if (sqlite === undefined) throw new StartError('this runtime has no SQLite');
  const path = join(dataDir, 'sessions.db');
  const db = (() => {
    try {
      const opened = new sqlite.DatabaseSync(path);
      opened.exec(`CREATE TABLE IF NOT EXISTS sessions (
        token_hash TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, csrf TEXT NOT NULL,
        created_at INTEGER NOT NULL, last_seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL)`);
      return opened;
    } catch (error) {
      throw new StartError(`cannot open the session store ${path}: ${reason(error)}`);
    }
  })();
  const sql = (text: string) => db.prepare(text);
  return {
    async insert(hash, s) {
      const times = [s.createdAt.getTime(), s.lastSeenAt.getTime(), s.expiresAt.getTime()];
      sql('INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)').run(hash, s.id, s.userId, s.csrf, ...times);
    },
    async get(hash) {
      const row = sql('SELECT * FROM sessions WHERE token_hash = ?').get(hash) as Row | undefined;
      return row === undefined ? undefined : fromRow(row);
    },
    async touch(id, lastSeenAt, expiresAt) {
      const text = 'UPDATE sessions SET last_seen_at = ?, expires_at = ? WHERE id = ?';
      sql(text).run(lastSeenAt.getTime(), expiresAt.getTime(), id);
    },
    async remove(id) {
      sql('DELETE FROM sessions WHERE id = ?').run(id);
    },
    async ofUser(userId) {
      const rows = sql('SELECT * FROM sessions WHERE user_id = ? ORDER BY created_at').all(userId);
      return (rows as Row[]).map(fromRow);
    },
    async removeExpired(now) {
      sql('DELETE FROM sessions WHERE expires_at <= ?').run(now.getTime());
    },
    close: () => db.close(),
  };
}
