/** Controls of what the database's own log tells afterwards. */
import { type Control, fail, pass } from '../../src/core/step.ts';
import type { Needed } from './ground.ts';
import { rows, SECTION } from './ground.ts';
import { lookAs } from './role-look.ts';

/** Its id: the step's plan recreates the server for it. */
export const SESSIONS_LOGGED = 'pg.sessions-logged';

const EXPECTED =
  'log_connections and log_disconnections on; user (%u), database (%d) and address (%h or %r) in log_line_prefix; messages of the level LOG, in the log of the container';

/** Since PostgreSQL 18 `log_connections` is a list of what is logged, of which the authorization names role and database; before it is on or off. */
const isOn = (value: unknown) =>
  String(value)
    .split(',')
    .some((word) => ['on', 'true', 'yes', '1', 'all', 'authorization'].includes(word.trim()));
/** An escape of `log_line_prefix`, padded or not (`%u`, `%-10u`). */
const anyOf = (letters: string) => new RegExp(`%-?\\d*[${letters}]`);

/**
 * Messages of the level LOG, which tell of sessions, are left out at FATAL and PANIC (PostgreSQL 19.8.2); a collector or
 * another destination writes them where the log of the container does not show them. An external server logs where it likes.
 */
function lost(settings: Readonly<Record<string, unknown>>, external: boolean): readonly string[] {
  const { least, destination, collector } = settings;
  return [
    ...(/^(fatal|panic)$/i.test(String(least)) ? [`log_min_messages is ${least}`] : []),
    ...(external || /\bstderr\b/.test(String(destination)) ? [] : [`log_destination is '${destination}'`]),
    ...(external || collector === 'off' ? [] : [`logging_collector is ${collector}`]),
  ];
}

/** What is missing in the settings for a log line to say who, where and from where. */
function lacking(settings: Readonly<Record<string, unknown>>): readonly string[] {
  const prefix = String(settings.prefix);
  return [
    ...(isOn(settings.connections) ? [] : [`log_connections is ${settings.connections || 'off'}`]),
    ...(isOn(settings.disconnections) ? [] : [`log_disconnections is ${settings.disconnections || 'off'}`]),
    ...(['u', 'd', 'hr'].every((letters) => anyOf(letters).test(prefix))
      ? []
      : [`log_line_prefix is '${prefix}'`]),
  ];
}

export const logControls: readonly Control<Needed>[] = [
  {
    id: SESSIONS_LOGGED,
    title: "The database's log says who connected, to what, from where and for how long",
    severity: 'advised',
    section: SECTION,
    refs: ['CIS PostgreSQL 3.1.20', 'CIS PostgreSQL 3.1.21', 'CIS PostgreSQL 3.1.24'],
    how: 'Reads log_connections, log_disconnections, log_line_prefix, the least level that is logged and where the log goes from the running server, as the app role.',
    threat: 'After a break-in nobody can tell which role was used, from which address, and since when.',
    remedy:
      'Apply starts the bundled database with these settings; on an external server its administrator sets log_connections, log_disconnections and log_line_prefix and reloads.',
    impact: 'The bundled database is recreated; its data stays. The log grows by two lines a session.',
    async inspect({ host, answers }) {
      const look = await lookAs(host, answers, 'app');
      if (look.verdict) return look.verdict;
      if (!look.results.logging) throw new Error('no answer');
      const [settings] = rows(look.results.logging, 'its log settings');
      if (!settings) throw new Error('no answer');
      const missing = [...lacking(settings), ...lost(settings, answers.database === 'external')];
      return missing.length === 0
        ? pass(`sessions are logged, each line begins with '${String(settings.prefix).trim()}'`)
        : fail(missing.join('; '), EXPECTED);
    },
  },
];
