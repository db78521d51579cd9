import type { Config } from './config.ts';
import type { Faults } from './faults.ts';
import type { Exchange, Reply, Schema } from './http.ts';
import type { EncryptionKey } from './key.ts';
import type { Log } from './log.ts';
import type { Session, Sessions } from './sessions.ts';
import type { Store, User } from './store.ts';
import type { LoginThrottle } from './throttle.ts';

/** What every handler is given: the running server without its sockets. */
export interface App {
  readonly config: Config;
  readonly faults: Faults;
  readonly log: Log;
  readonly key: EncryptionKey;
  readonly store: Store;
  readonly sessions: Sessions;
  readonly throttle: LoginThrottle;
}

/** `open`: nobody is asked. `session`: any signed-in user. `admin`: a signed-in admin. `key`: a bearer API key. */
type Guard = 'open' | 'session' | 'admin' | 'key';

/** A signed-in user and the session that says so. */
export interface Caller {
  readonly user: User;
  readonly session: Session;
}

export interface Call<Body = unknown> {
  readonly app: App;
  readonly exchange: Exchange;
  readonly body: Body;
  /** Present on `session` and `admin` routes. */
  readonly caller: Caller | undefined;
}

/** One operation: the router dispatches on it and the OpenAPI document is written from it, so they cannot differ. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly guard: Guard;
  /** JSON body; without it no body is read before the handler runs. */
  readonly body?: Schema;
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema?: Schema }>>;
  // biome-ignore lint/suspicious/noExplicitAny: the schema has checked the body when the handler runs.
  handle(call: Call<any>): Promise<Reply | undefined> | Reply | undefined;
}

/** The caller of a `session` or `admin` route; the router guarantees it. */
export function callerOf(call: Call): Caller {
  if (call.caller === undefined) throw new Error('this route has no guard');
  return call.caller;
}
