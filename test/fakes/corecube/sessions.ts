import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Config } from './config.ts';
import type { Database } from './database.ts';

export interface Session {
  readonly id: string;
  readonly userId: string;
  readonly csrf: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
}

/** How long sessions live; the rules differ per generation. Milliseconds. */
export interface SessionRules {
  /** From creation (v2), or from the last use (v1). */
  readonly lifetimeMs: number;
  readonly sliding: boolean;
  readonly idleMs: number | undefined;
  readonly maxPerUser: number | undefined;
}

export function sessionRules(config: Config): SessionRules {
  return config.generation === 'v1'
    ? { lifetimeMs: config.sessionMaxAgeHours * 3_600_000, sliding: true, idleMs: undefined, maxPerUser: 10 }
    : {
        lifetimeMs: config.sessionMaxLifetimeHours * 3_600_000,
        sliding: false,
        idleMs: config.sessionIdleTimeoutMinutes * 60_000,
        maxPerUser: undefined,
      };
}

/** Where session rows live: SQLite in DATA_DIR (v1) or PostgreSQL (v2). Tokens are known by their hash only. */
export interface SessionRows {
  insert(hash: string, session: Session): Promise<void>;
  get(hash: string): Promise<Session | undefined>;
  touch(id: string, lastSeenAt: Date, expiresAt: Date): Promise<void>;
  remove(id: string): Promise<void>;
  /** Oldest first. */
  ofUser(userId: string): Promise<Session[]>;
  removeExpired(now: Date, idleSince: Date | undefined): Promise<void>;
  close(): void;
}

export interface Sessions {
  start(userId: string): Promise<{ token: string; session: Session }>;
  /** The live session of this token, touched; undefined when unknown, expired or idle for too long. */
  find(token: string): Promise<Session | undefined>;
  end(id: string): Promise<void>;
  endAllOf(userId: string, except?: string): Promise<number>;
  list(userId: string): Promise<Session[]>;
  sweep(): Promise<void>;
  readonly rules: SessionRules;
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

/** The session rules over any row store. Tokens are 256 random bits. */
export function createSessions(
  rows: SessionRows,
  rules: SessionRules,
  now: () => number = Date.now,
): Sessions {
  const alive = (session: Session) =>
    session.expiresAt.getTime() > now() &&
    (rules.idleMs === undefined || session.lastSeenAt.getTime() + rules.idleMs > now());
  const list = async (userId: string) => (await rows.ofUser(userId)).filter(alive);
  return {
    rules,
    async start(userId) {
      const token = randomBytes(32).toString('base64url');
      const at = new Date(now());
      const expiresAt = new Date(now() + rules.lifetimeMs);
      const csrf = randomBytes(32).toString('base64url');
      const session = { id: randomUUID(), userId, csrf, createdAt: at, lastSeenAt: at, expiresAt };
      if (rules.maxPerUser !== undefined) {
        const held = await rows.ofUser(userId);
        for (const old of held.slice(0, Math.max(0, held.length - rules.maxPerUser + 1)))
          await rows.remove(old.id);
      }
      await rows.insert(hashOf(token), session);
      return { token, session };
    },
    async find(token) {
      const session = await rows.get(hashOf(token));
      if (session === undefined || !alive(session)) return undefined;
      const expiresAt = rules.sliding ? new Date(now() + rules.lifetimeMs) : session.expiresAt;
      const touched = { ...session, lastSeenAt: new Date(now()), expiresAt };
      await rows.touch(session.id, touched.lastSeenAt, touched.expiresAt);
      return touched;
    },
    end: (id) => rows.remove(id),
    async endAllOf(userId, except) {
      const doomed = (await rows.ofUser(userId)).filter((session) => session.id !== except);
      for (const session of doomed) await rows.remove(session.id);
      return doomed.length;
    },
    list,
    sweep: () =>
      rows.removeExpired(
        new Date(now()),
        rules.idleMs === undefined ? undefined : new Date(now() - rules.idleMs),
      ),
  };
}

type SessionRow = {
  id: string;
  user_id: string;
  csrf: string;
  created_at: Date;
  last_seen_at: Date;
  expires_at: Date;
};
const fromRow = (row: SessionRow): Session => ({
  id: row.id,
  userId: row.user_id,
  csrf: row.csrf,
  createdAt: new Date(row.created_at),
  lastSeenAt: new Date(row.last_seen_at),
  expiresAt: new Date(row.expires_at),
});

/** v2: the `sessions` table; requests use the app connection, the sweep uses the maintenance connection. */
export function postgresSessions(app: Database, maintenance: Database): SessionRows {
  return {
    async insert(hash, s) {
      await app.query('INSERT INTO sessions VALUES ($1, $2, $3, $4, $5, $6, $7)', [
        hash,
        s.id,
        s.userId,
        s.csrf,
        s.createdAt,
        s.lastSeenAt,
        s.expiresAt,
      ]);
    },
    async get(hash) {
      const [row] = await app.query<SessionRow>('SELECT * FROM sessions WHERE token_hash = $1', [hash]);
      return row === undefined ? undefined : fromRow(row);
    },
    async touch(id, lastSeenAt, expiresAt) {
      const values = [id, lastSeenAt, expiresAt];
      await app.query('UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE id = $1', values);
    },
    async remove(id) {
      await app.query('DELETE FROM sessions WHERE id = $1', [id]);
    },
    async ofUser(userId) {
      const sql = 'SELECT * FROM sessions WHERE user_id = $1 ORDER BY created_at';
      return (await app.query<SessionRow>(sql, [userId])).map(fromRow);
    },
    async removeExpired(now, idleSince) {
      const sql =
        "DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= coalesce($2, last_seen_at - interval '1 s')";
      await maintenance.query(sql, [now, idleSince ?? null]);
    },
    close() {},
  };
}

/** Rows in memory, for unit tests of the rules on a Node without node:sqlite. */
export function memorySessions(): SessionRows {
  const held = new Map<string, Session>();
  const drop = (test: (session: Session) => boolean) => {
    for (const [hash, session] of held) if (test(session)) held.delete(hash);
  };
  return {
    insert: async (hash, session) => void held.set(hash, session),
    get: async (hash) => held.get(hash),
    async touch(id, lastSeenAt, expiresAt) {
      for (const [hash, s] of held) if (s.id === id) held.set(hash, { ...s, lastSeenAt, expiresAt });
    },
    remove: async (id) => drop((session) => session.id === id),
    ofUser: async (userId) => [...held.values()].filter((session) => session.userId === userId),
    removeExpired: async (now, idle) =>
      drop((s) => s.expiresAt <= now || (idle !== undefined && s.lastSeenAt <= idle)),
    close() {},
  };
}
