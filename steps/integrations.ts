// Looks at what other systems use CoreCube with: webhooks and API keys. Changes nothing, ever.
import { type Control, fail, pass, skip, unknown, type Verdict } from '../src/core/step.ts';
import { type Answers, defineStep } from './questions.ts';
import {
  API_NEEDS,
  absent,
  byHand,
  fieldOf,
  findServer,
  type List,
  LOGIN_LOOK_TIMEOUT,
  notUp,
  observeAdmin,
  propertyOf,
  type Row,
  valuesOf,
} from './shared/corecube-api.ts';
import { RELEASE_LABEL } from './shared/layout.ts';

const NEEDS = API_NEEDS;
type Needed = Pick<Answers, (typeof NEEDS)[number]>;
type Context = Parameters<Control<Needed>['inspect']>[0];

const DAY = 86_400_000;
/** Days without use after which a key counts as forgotten. Ours: the guide only says to review key usage. */
const UNUSED_DAYS = 90;
/** Years after which an end is none that anybody waits for. Ours too. */
const LONGEST_YEARS = 2;

const NAME = /^(name|label|title)$/;
const TYPE = /^(key_)?type$/;
const EXPIRES = /^(expires(_at|_on)?|expiry(_date)?|expiration(_date)?|valid_until)$/;
const USED = /^last_used(_at|_on)?$/;
const CREATED = /^created(_at|_on)?$/;
const REVOKED = /^(revoked(_at)?|disabled(_at)?)$/;
const ACTIVE = /^(is_)?(active|enabled)$/;
const STATUS = /^(status|state)$/;
const CLIENTS = /^(distinct_)?(client|address|ip)(_address|_ip)?_?(count|s)$/;
const INTEGRATION = /^integration$/;
const WEBHOOK_ENABLED = /^webhooks?(_enabled|_active)$|^(has|use)_?webhooks?$/;
const WEBHOOK_SECRET = /^(has_)?webhook_secret(_set|_configured)?$/;

type KeyRow = { readonly row: Row; readonly name: string };
/** What a look at one row came to. `unread`: the field is not there, or in a form that is not understood. */
type Said = 'good' | 'bad' | 'unread';

/** Names as they may be shown: the server's data is not ours, and a name may hold anything. */
function shown(rows: readonly KeyRow[]): string {
  const names = rows.slice(0, 5).map(({ name }) => name);
  return `${names.join(', ')}${rows.length > 5 ? ` and ${rows.length - 5} more` : ''}`;
}
const nameOf = (row: Row): string => {
  const name = fieldOf(row, NAME);
  return typeof name === 'string'
    ? JSON.stringify(name.slice(0, 60)).replace(/[^\x20-\x7e]/g, '?')
    : 'one without a name';
};
const named = (row: Row): KeyRow => ({ row, name: nameOf(row) });
const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
const known = (list: List, name: RegExp) =>
  propertyOf(list.item, name) !== undefined || list.rows.some((row) => fieldOf(row, name) !== absent);

/** Nothing that could be a value: missing, null, empty, zero. */
const isNone = (value: unknown) => value === absent || value === null || value === '' || value === 0;

/**
 * A moment in milliseconds: from a date, or from a number that counts seconds or milliseconds since 1970 (which of the two
 * its size tells). `none` also for the zero time that some programs write for no time at all.
 */
function moment(value: unknown): number | 'none' | 'unread' {
  if (isNone(value)) return 'none';
  const number = typeof value === 'string' && /^\d{9,14}$/.test(value) ? Number(value) : value;
  const time =
    typeof number === 'number'
      ? number < 1e11
        ? number * 1000
        : number
      : new Date(String(number)).getTime();
  if (Number.isNaN(time) || !['string', 'number'].includes(typeof value)) return 'unread';
  return time <= 0 ? 'none' : time;
}

/** A mark that is set; one that is a date counts from that date on. */
function isPast(value: unknown, now: number): boolean {
  if (value === false || isNone(value)) return false;
  const at = moment(value);
  return typeof at === 'number' ? at <= now : at === 'unread';
}

/** True for a key that is seen to be revoked, switched off or expired; whatever else it says, it may still be used. */
function isOver(row: Row, now: number): boolean {
  const of = (name: RegExp) => valuesOf(row, name);
  const ends = moment(fieldOf(row, EXPIRES));
  return (
    of(REVOKED).some((value) => isPast(value, now)) ||
    of(ACTIVE).includes(false) ||
    of(STATUS).some((value) => /^(revoked|disabled|inactive|expired|deleted)$/i.test(String(value))) ||
    (typeof ends === 'number' && ends <= now)
  );
}

interface KeyLook {
  readonly field: RegExp;
  /** The field in words. */
  readonly called: string;
  /** What is wrong with a bad key, and what is expected of all. */
  readonly fault: string;
  readonly expected: string;
  judge(key: KeyRow, now: number): Said;
}

/** Judges the API keys that can still be used. What this CoreCube does not show of a key is not seen. */
async function ofKeys(
  { host, answers, signal }: Context,
  { field, called, fault, expected, judge }: KeyLook,
): Promise<Verdict> {
  const look = await observeAdmin(host, answers, signal);
  if (look.is !== 'looked') return notUp(look);
  if (!look.keys.seen) return unknown(look.keys.because);
  const list = look.keys.value;
  const now = host.now().getTime();
  const keys = list.rows.filter((row) => !isOver(row, now)).map(named);
  if (keys.length > 0 && !known(list, field))
    return unknown(
      `the running CoreCube does not show ${called} of its API keys. By hand: ${byHand('api-keys')}`,
    );
  const of = (said: Said) => keys.filter((key) => judge(key, now) === said);
  const bad = of('bad');
  if (bad.length > 0) return fail(`${plural(bad.length, 'API key')} ${fault}: ${shown(bad)}`, expected);
  const unread = of('unread');
  if (unread.length > 0)
    return unknown(`${called} of ${plural(unread.length, 'API key')} cannot be read: ${shown(unread)}`);
  if (!list.complete) return unknown(`only the first ${plural(list.rows.length, 'API key')} could be seen`);
  return pass(
    keys.length === 0
      ? 'no API key exists that can still be used'
      : `${plural(keys.length, 'API key')}, none ${fault}`,
  );
}

/** Whether a connection takes webhooks. */
const takesWebhooks = (row: Row): 'yes' | 'no' | 'unread' => {
  const value = fieldOf(row, WEBHOOK_ENABLED);
  return value === true ? 'yes' : value === false || value === null ? 'no' : 'unread';
};
const hasSecret = (row: Row): Said => {
  const value = fieldOf(row, WEBHOOK_SECRET);
  if (value === false || value === null || value === '') return 'bad';
  return value === true || typeof value === 'string' ? 'good' : 'unread';
};

/** @param release what the container was recognised as; only that guide v2 knows no webhooks is taken from it */
function judgeWebhooks(list: List, release: string | undefined): Verdict {
  const hidden = (because: string) => unknown(`${because}. By hand: ${byHand('connections')}`);
  if (list.rows.length > 0 && !known(list, WEBHOOK_ENABLED)) {
    if (release !== 'v2') return hidden('the API does not show which connections take webhooks');
    // Each connection may show other fields: of those that were not listed nothing is known.
    return list.complete
      ? skip('guide v2 knows no webhooks, and the running CoreCube shows none at its connections')
      : unknown(`only the first ${plural(list.rows.length, 'connection')} could be seen`);
  }
  const enabled = list.rows.filter((row) => takesWebhooks(row) === 'yes');
  const bare = enabled.filter((row) => hasSecret(row) === 'bad').map(named);
  if (bare.length > 0)
    return fail(
      `${plural(bare.length, 'connection')} with webhooks and without a secret: ${shown(bare)}`,
      'a secret for each',
    );
  const untold = list.rows.filter((row) => takesWebhooks(row) === 'unread').map(named);
  if (untold.length > 0) return hidden(`the API does not show whether ${shown(untold)} takes webhooks`);
  if (enabled.some((row) => hasSecret(row) === 'unread'))
    return hidden('the API does not show whether a webhook secret is set');
  if (!list.complete)
    return unknown(`only the first ${plural(list.rows.length, 'connection')} could be seen`);
  return pass(
    `${plural(list.rows.length, 'connection')}, ${enabled.length} with webhooks, each of these with a secret`,
  );
}

const controls: readonly Control<Needed>[] = [
  {
    id: 'webhooks.secret-set',
    title: 'Every connection that takes webhooks has a webhook secret',
    severity: 'required',
    section: 'webhook-secrets',
    refs: ['RFC 2104', 'CWE-345'],
    how: "Logs in and reads in the API's list of connections which take webhooks and whether each has a secret; a connection that does not say is not seen.",
    threat:
      'Without a secret a trigger cannot be told from a forged one; guide v1 refuses such webhooks, so the source goes stale.',
    remedy:
      'Open the connection in the Admin Console and set a webhook secret, and the same one at the source.',
    impact: 'Until the source has the same secret, its calls are refused.',
    manual: true,
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    async inspect({ host, answers, signal }) {
      const place = await findServer(host, answers);
      if (place.is !== 'up') return notUp(place);
      const look = await observeAdmin(host, answers, signal);
      if (look.is !== 'looked') return notUp(look);
      return look.connections.seen
        ? judgeWebhooks(look.connections.value, place.container.Config.Labels[RELEASE_LABEL])
        : unknown(look.connections.because);
    },
  },
  {
    id: 'keys.expire',
    title: `Every API key has an expiration date within ${LONGEST_YEARS} years`,
    severity: 'advised',
    section: 'api-key-hygiene',
    how: "Logs in and reads the expiration date of every API key that can still be used, in the API's list.",
    threat: 'A key that was meant for a week opens the knowledge base years later.',
    remedy:
      'Create a key with a near expiration date in the Admin Console, move its client over, and revoke the old one.',
    impact: 'A client that still uses the old key is refused once it is revoked.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofKeys(context, {
        field: EXPIRES,
        called: 'the expiration date',
        fault: `without an expiration date within ${LONGEST_YEARS} years`,
        expected: 'an expiration date for keys that are used temporarily',
        judge({ row }, now) {
          const ends = moment(fieldOf(row, EXPIRES));
          if (ends === 'unread') return 'unread';
          return ends === 'none' || ends - now > LONGEST_YEARS * 366 * DAY ? 'bad' : 'good';
        },
      }),
  },
  {
    id: 'keys.used',
    title: `Every API key was used within ${UNUSED_DAYS} days`,
    severity: 'advised',
    section: 'api-key-hygiene',
    how: "Logs in and reads the last use, else the creation, of every API key that can still be used, in the API's list.",
    threat: 'Nobody notices when the key of a client that is gone is used by somebody else.',
    remedy:
      'Review API Keys, then Usage, in the Admin Console, and revoke the keys of decommissioned clients.',
    impact: 'A client that still uses a revoked key is refused.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofKeys(context, {
        field: USED,
        called: 'the last use',
        fault: `unused for more than ${UNUSED_DAYS} days`,
        expected: 'no key that nobody uses',
        judge({ row }, now) {
          const used = moment(fieldOf(row, USED));
          const since = used === 'none' ? moment(fieldOf(row, CREATED)) : used;
          // Never used, and nobody says since when: it may have been forgotten yesterday or years ago.
          if (typeof since !== 'number') return 'unread';
          // Clocks differ a little; a use that is yet to come says nothing of the last one.
          if (since - now > DAY) return 'unread';
          return now - since > UNUSED_DAYS * DAY ? 'bad' : 'good';
        },
      }),
  },
  {
    id: 'keys.not-shared',
    title: 'No API key is used from more than one client',
    severity: 'advised',
    section: 'api-key-hygiene',
    how: "Logs in and reads from how many clients or addresses each API key was used, where the API's list shows it.",
    threat: 'A shared key cannot be revoked for one client alone, and its traces do not say who it was.',
    remedy: 'Create a separate API key for each client application and revoke the shared one.',
    impact: 'A client that still uses the shared key is refused once it is revoked.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofKeys(context, {
        field: CLIENTS,
        called: 'the clients',
        fault: 'used from more than one address',
        expected: 'one client for each key',
        judge({ row }) {
          const clients = fieldOf(row, CLIENTS);
          const count = Array.isArray(clients)
            ? new Set(clients.map((client) => JSON.stringify(client))).size
            : clients;
          // A key that nobody has used has no clients, however that is written.
          if (isNone(count) && moment(fieldOf(row, USED)) === 'none') return 'good';
          return typeof count !== 'number' ? 'unread' : count > 1 ? 'bad' : 'good';
        },
      }),
  },
  {
    id: 'keys.service-for-shared',
    title: 'Shared frontends use service keys',
    severity: 'advised',
    section: 'api-key-hygiene',
    how: 'Logs in and reads type and integration of each API key, and recognises frontends by integration or name.',
    threat: 'With a personal key every user of the frontend reads what the owner of the key may read.',
    remedy:
      'Create a service key for the frontend (OpenWebUI, Onyx, generic) so that permissions apply per user.',
    impact: 'Users of the frontend see only what each of them may see.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofKeys(context, {
        field: TYPE,
        called: 'the type',
        fault: 'of a shared frontend without being a service key',
        expected: 'type service for shared frontends',
        judge({ row, name }) {
          const integration = fieldOf(row, INTEGRATION);
          const frontend =
            (typeof integration === 'string' && integration !== '') ||
            /open[\s_-]*web[\s_-]*ui|libre[\s_-]*chat|onyx|anything[\s_-]*llm/i.test(name);
          const type = fieldOf(row, TYPE);
          if (!frontend || type === 'service') return 'good';
          return typeof type === 'string' ? 'bad' : 'unread';
        },
      }),
  },
];

export const integrations = defineStep({
  id: 'integrations',
  title: 'Webhooks and API keys',
  why: 'What other systems hold to get into CoreCube outlives the people who set it up. This step only looks.',
  needs: NEEDS,
  controls,
});
