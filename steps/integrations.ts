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
} from './shared/corecube-api.ts';
import { RELEASE_LABEL } from './shared/layout.ts';

const NEEDS = API_NEEDS;
type Needed = Pick<Answers, (typeof NEEDS)[number]>;
type Context = Parameters<Control<Needed>['inspect']>[0];

const DAY = 86_400_000;
/** Days without use after which a key counts as forgotten. Ours: the guide only says to review key usage. */
const UNUSED_DAYS = 90;

const NAME = /^(name|label|title)$/;
const TYPE = /^(key_)?type$/;
const EXPIRES = /^(expires(_at|_on)?|expiry(_date)?|expiration(_date)?|valid_until)$/;
const USED = /^last_used(_at|_on)?$/;
const CREATED = /^created(_at|_on)?$/;
const REVOKED = /^(revoked(_at)?|disabled(_at)?)$/;
const CLIENTS = /^(distinct_)?(client|address|ip)(_address|_ip)?_?(count|s)$/;
const INTEGRATION = /^integration$/;
const WEBHOOK_ENABLED = /^webhooks?(_enabled|_active)$|^(has|use)_?webhooks?$/;
const WEBHOOK_SECRET = /^(has_)?webhook_secret(_set|_configured)?$/;

type KeyRow = { readonly row: Row; readonly name: string };

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
const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
const known = (list: List, name: RegExp) =>
  propertyOf(list.item, name) !== undefined || list.rows.some((row) => fieldOf(row, name) !== absent);
const time = (value: unknown) =>
  typeof value === 'string' || typeof value === 'number' ? new Date(value).getTime() : Number.NaN;

/** Judges the API keys that can still be used. A field that this CoreCube does not show skips the control by name. */
async function ofKeys(
  { host, answers, signal }: Context,
  field: RegExp,
  called: string,
  judge: (keys: readonly KeyRow[], now: number) => Verdict,
): Promise<Verdict> {
  const look = await observeAdmin(host, answers, signal);
  if (look.is !== 'looked') return notUp(look);
  if (!look.keys.seen) return unknown(look.keys.because);
  const list = look.keys.value;
  const now = host.now().getTime();
  const usable = list.rows.filter((row) => {
    const revoked = fieldOf(row, REVOKED);
    const ends = time(fieldOf(row, EXPIRES));
    return (revoked === absent || revoked === null || revoked === false) && !(ends <= now);
  });
  if (usable.length > 0 && !known(list, field))
    return skip(`the running CoreCube does not show ${called} of its API keys`);
  const verdict = judge(
    usable.map((row) => ({ row, name: nameOf(row) })),
    now,
  );
  if (verdict.is !== 'pass') return verdict;
  if (!list.complete) return unknown(`only the first ${plural(list.rows.length, 'API key')} could be seen`);
  return usable.length === 0 ? pass('no API key exists that can still be used') : verdict;
}

/** Fails by name when any key is bad. */
const judged = (keys: readonly KeyRow[], bad: readonly KeyRow[], fault: string, expected: string): Verdict =>
  bad.length === 0
    ? pass(`${plural(keys.length, 'API key')}, none ${fault}`)
    : fail(`${plural(bad.length, 'API key')} ${fault}: ${shown(bad)}`, expected);

const controls: readonly Control<Needed>[] = [
  {
    id: 'webhooks.secret-set',
    title: 'Every connection that takes webhooks has a webhook secret',
    severity: 'required',
    section: 'webhook-secrets',
    refs: ['RFC 2104', 'CWE-345'],
    how: "Logs in and reads in the API's list of connections which take webhooks and whether each has a secret.",
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
      if (!look.connections.seen) {
        return place.container.Config.Labels[RELEASE_LABEL] === 'v2'
          ? skip('guide v2 knows no webhooks, and the running CoreCube was recognised as v2')
          : unknown(look.connections.because);
      }
      const list = look.connections.value;
      if (!known(list, WEBHOOK_ENABLED))
        return skip('the running CoreCube shows no webhooks at its connections');
      const enabled = list.rows.filter((row) => fieldOf(row, WEBHOOK_ENABLED) === true);
      const bare = enabled.filter((row) => {
        const secret = fieldOf(row, WEBHOOK_SECRET);
        return secret === false || secret === null || secret === '';
      });
      if (bare.length > 0) {
        const names = shown(bare.map((row) => ({ row, name: nameOf(row) })));
        return fail(
          `${plural(bare.length, 'connection')} with webhooks and without a secret: ${names}`,
          'a secret for each',
        );
      }
      if (enabled.some((row) => fieldOf(row, WEBHOOK_SECRET) === absent)) {
        return unknown(
          `the API does not show whether a webhook secret is set. By hand: ${byHand('connections')}`,
        );
      }
      if (!list.complete)
        return unknown(`only the first ${plural(list.rows.length, 'connection')} could be seen`);
      return pass(
        `${plural(list.rows.length, 'connection')}, ${enabled.length} with webhooks, each of these with a secret`,
      );
    },
  },
  {
    id: 'keys.expire',
    title: 'Every API key has an expiration date',
    severity: 'advised',
    section: 'api-key-hygiene',
    how: "Logs in and reads the expiration date of every API key that can still be used, in the API's list.",
    threat: 'A key that was meant for a week opens the knowledge base years later.',
    remedy:
      'Create a key with an expiration date in the Admin Console, move its client over, and revoke the old one.',
    impact: 'A client that still uses the old key is refused once it is revoked.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofKeys(context, EXPIRES, 'the expiration date', (keys) => {
        const bad = keys.filter(({ row }) => Number.isNaN(time(fieldOf(row, EXPIRES))));
        return judged(
          keys,
          bad,
          'without an expiration date',
          'an expiration date for keys that are used temporarily',
        );
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
      ofKeys(context, USED, 'the last use', (keys, now) => {
        const bad = keys.filter(({ row }) => {
          const used = time(fieldOf(row, USED));
          const since = Number.isNaN(used) ? time(fieldOf(row, CREATED)) : used;
          return now - since > UNUSED_DAYS * DAY;
        });
        return judged(keys, bad, `unused for more than ${UNUSED_DAYS} days`, 'no key that nobody uses');
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
      ofKeys(context, CLIENTS, 'the clients', (keys) => {
        const bad = keys.filter(({ row }) => {
          const clients = fieldOf(row, CLIENTS);
          const count = Array.isArray(clients) ? new Set(clients).size : clients;
          return typeof count === 'number' && count > 1;
        });
        return judged(keys, bad, 'used from more than one address', 'one client for each key');
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
      ofKeys(context, TYPE, 'the type', (keys) => {
        const bad = keys.filter(({ row, name }) => {
          const integration = fieldOf(row, INTEGRATION);
          const frontend =
            (typeof integration === 'string' && integration !== '') ||
            /open-?webui|librechat|onyx|anythingllm/i.test(name);
          return frontend && fieldOf(row, TYPE) !== 'service';
        });
        return judged(
          keys,
          bad,
          'of a shared frontend without being a service key',
          'type service for shared frontends',
        );
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
