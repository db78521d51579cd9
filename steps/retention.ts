// Guarantees the session lifetime and the audit settings that were asked for, as a real login and the API show them.
// Never changes a setting that it cannot read back.
import { type Change, type Control, fail, pass, unknown, type Verdict } from '../src/core/step.ts';
import { type Answers, defineStep } from './questions.ts';
import { ensureAdminPassword } from './shared/admin-credentials.ts';
import {
  API_NEEDS,
  type AuditSeen,
  byHand,
  findServer,
  LOGIN_LOOK_TIMEOUT,
  notUp,
  notUpAtAll,
  observeAdmin,
  type SessionSeen,
  writeAuditSettings,
} from './shared/corecube-api.ts';
import { recreateApp } from './shared/recreate-app.ts';

const NEEDS = [
  ...API_NEEDS,
  'adminPassword',
  'sessionHours',
  'sessionIdleMinutes',
  'auditRetentionDays',
  'auditQueryText',
] as const;
type Needed = Pick<Answers, (typeof NEEDS)[number]>;
type Context = Parameters<Control<Needed>['inspect']>[0];

const ENVIRONMENT = 'session.environment';
/** Seconds between the server's clock and ours, and of rounding. */
const TOLERANCE = 60;

/** Variables of both generations; each one ignores the other's (guide, Session management; environment reference). */
const variables = (answers: Needed): Readonly<Record<string, number>> => ({
  SESSION_MAX_AGE_HOURS: answers.sessionHours,
  SESSION_MAX_LIFETIME_HOURS: answers.sessionHours,
  SESSION_IDLE_TIMEOUT_MINUTES: answers.sessionIdleMinutes,
});

/** Looks at the session that a real login opened. */
async function ofSession(
  { host, answers, signal }: Context,
  judge: (session: SessionSeen) => Verdict,
): Promise<Verdict> {
  const look = await observeAdmin(host, answers, signal);
  if (look.is === 'absent' || look.is === 'stopped') return notUp(look, ENVIRONMENT);
  return look.session.seen ? judge(look.session.value) : unknown(look.session.because);
}

async function ofAudit(
  { host, answers, signal }: Context,
  judge: (audit: AuditSeen) => Verdict,
): Promise<Verdict> {
  const look = await observeAdmin(host, answers, signal);
  if (look.is === 'absent' || look.is === 'stopped') return notUp(look, ENVIRONMENT);
  return look.audit.seen ? judge(look.audit.value) : unknown(look.audit.because);
}

const hours = (seconds: number) => `${Math.round((seconds / 3600) * 10) / 10} h`;

const controls: readonly Control<Needed>[] = [
  {
    id: 'session.lifetime',
    title: 'A login ends after the hours that were asked for',
    severity: 'required',
    section: 'session-management',
    refs: ['OWASP ASVS 5.0 7.3.2', 'RFC 6265 4.1.2.2'],
    how: 'Logs in and reads when this session ends, from the cookie and the answer of the login; no session is waited for, and sessions that were opened earlier are not looked at.',
    threat:
      'A forgotten browser or a stolen cookie stays an administrator for 7 days (guide v1) or 30 days (guide v2).',
    remedy: 'Run apply again: it starts CoreCube with the session variables of both generations.',
    impact: 'CoreCube restarts; people log in more often.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofSession(context, ({ cookies, endsInSeconds, idleMinutes }) => {
        const { sessionHours, sessionIdleMinutes } = context.answers;
        const lifetimes = [...cookies.map((cookie) => cookie.seconds), endsInSeconds].filter(
          (s) => s !== undefined,
        );
        if (lifetimes.length === 0)
          return unknown('neither the cookie nor the answer of the login says when the session ends');
        if (lifetimes.some(Number.isNaN))
          return unknown(
            'the answer of the login says when the session ends in a form that is not understood',
          );
        const longest = Math.max(...lifetimes);
        const idle = idleMinutes === undefined ? '' : `, idle after ${idleMinutes} min`;
        const observed = `the session of a real login ends after ${hours(longest)}${idle}`;
        const tooIdle = idleMinutes !== undefined && idleMinutes > sessionIdleMinutes;
        return longest <= sessionHours * 3600 + TOLERANCE && !tooIdle
          ? pass(observed)
          : fail(
              observed,
              `at most ${sessionHours} h${idle === '' ? '' : `, idle at most ${sessionIdleMinutes} min`}`,
            );
      }),
  },
  {
    id: ENVIRONMENT,
    title: 'The running CoreCube has the session variables of both generations',
    severity: 'required',
    section: 'session-management',
    how: 'Reads the session variables in docker inspect of the running CoreCube and compares them with the answers.',
    threat: 'The variable of one generation alone leaves the default of the other: 7 or 30 days.',
    remedy: 'Run apply again, and remove the variables from compose.override.yaml if they are set there.',
    impact: 'CoreCube restarts.',
    async inspect({ host, answers }) {
      const place = await findServer(host, answers);
      if (place.is !== 'up') return notUpAtAll(place, 'a running CoreCube with the session variables');
      const entries = (place.container.Config.Env ?? []).map((entry): [string, string] => {
        const [name = '', value = ''] = entry.split(/=(.*)/s, 2);
        return [name, value];
      });
      const running = new Map(entries);
      const wanted = Object.entries(variables(answers));
      const show = (value: (name: string) => string) =>
        wanted.map(([name]) => `${name}=${value(name)}`).join(' ');
      const observed = show((name) => running.get(name) ?? '(unset)');
      return wanted.every(([name, value]) => running.get(name) === String(value))
        ? pass(observed)
        : fail(
            observed,
            show((name) => String(variables(answers)[name])),
          );
    },
  },
  {
    id: 'session.cookie-flags',
    title: 'The session cookie is Secure, HttpOnly and SameSite',
    severity: 'required',
    section: 'session-management',
    refs: ['OWASP ASVS 5.0 3.3.1', 'RFC 6265 4.1.2.5', 'RFC 6265 4.1.2.6'],
    how: 'Logs in and reads the flags of the cookies that carry the session.',
    threat:
      'The cookie travels in plain text, is read by a script in the page, or is sent along from foreign pages.',
    remedy:
      'CORECUBE_PUBLIC_URL of the running container must begin with https:// (compose.override.yaml may say otherwise). If it does, this CoreCube does not set the flags: report it to CoreCube.',
    impact: 'CoreCube is recreated and away for some seconds; browsers use the console over HTTPS only.',
    manual: true,
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofSession(context, ({ cookies }) => {
        const flags = cookies.map((cookie) => {
          const site = /^(lax|strict)$/i.test(cookie.sameSite ?? '');
          const good = cookie.secure && cookie.httpOnly && site;
          const set = [
            cookie.secure && 'Secure',
            cookie.httpOnly && 'HttpOnly',
            cookie.sameSite && `SameSite=${cookie.sameSite}`,
          ];
          return { good, text: `${cookie.name}: ${set.filter(Boolean).join(', ') || 'no flag'}` };
        });
        const observed = flags.map((flag) => flag.text).join('; ');
        return flags.every((flag) => flag.good)
          ? pass(observed)
          : fail(observed, 'Secure, HttpOnly and SameSite=Lax or Strict');
      }),
  },
  {
    id: 'audit.retention-days',
    title: 'The audit log is kept for the days that were asked for',
    severity: 'advised',
    section: 'audit-log-retention',
    how: "Logs in and reads the retention back through CoreCube's settings API.",
    threat:
      'Shorter than meant, the traces of an incident are gone; longer than meant, personal data piles up.',
    remedy: `Run apply again: it sets it through the API. ${byHand('settings-write')}`,
    impact: 'Where the time gets shorter, CoreCube deletes the entries that are older.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofAudit(context, ({ retentionDays }) => {
        const wanted = context.answers.auditRetentionDays;
        if (retentionDays === undefined)
          return unknown(`the API does not show the retention. By hand: ${byHand('settings-read')}`);
        return retentionDays === wanted
          ? pass(`${retentionDays} days, read back through the API`)
          : fail(`${retentionDays} days`, `${wanted} days`);
      }),
  },
  {
    id: 'audit.query-text',
    title: 'The audit log keeps as much of the query text as was asked for',
    severity: 'advised',
    section: 'audit-log-retention',
    how: "Logs in and reads the query text setting back through CoreCube's settings API.",
    threat:
      'Questions that people ask may hold personal or secret data, and the audit log would keep them in full.',
    remedy: `Run apply again: it sets it through the API. ${byHand('settings-write')}`,
    impact: 'What people ask is no longer kept in full in new entries.',
    timeoutMs: LOGIN_LOOK_TIMEOUT,
    inspect: (context) =>
      ofAudit(context, ({ queryText }) => {
        const wanted = context.answers.auditQueryText;
        if (queryText === undefined)
          return unknown(`the API does not show the query text setting. By hand: ${byHand('settings-read')}`);
        return queryText.toLowerCase() === wanted
          ? pass(`${queryText}, read back through the API`)
          : fail(printable(queryText), wanted);
      }),
  },
];

/** A word from the server as it may be shown. */
const printable = (text: string) =>
  /^[\w .-]{1,40}$/.test(text) ? text : 'a value that is none of the three';

export const retention = defineStep({
  id: 'retention',
  title: 'Sessions and audit log',
  why: 'How long a login lasts and how long the audit log reaches back decide what a stolen cookie is worth and what can be found out later.',
  needs: NEEDS,
  controls,
  async plan({ host, answers, signal, failing }) {
    const changes: Change[] = [];
    const look = await observeAdmin(host, answers, signal);
    const seen = look.is === 'looked' ? look : undefined;
    const tooLong = failing.has('session.lifetime') && seen?.session.seen === true;
    if (failing.has(ENVIRONMENT) || tooLong) changes.push(restart(answers));
    if (failing.has('audit.retention-days') || failing.has('audit.query-text')) {
      const audit = seen?.audit.seen ? seen.audit.value : undefined;
      if (look.is === 'absent' || audit?.writable) changes.push(setAudit(answers, audit));
    }
    return changes;
  },
});

const restart = (answers: Needed): Change => ({
  id: 'retention.session-variables',
  disrupts: 'CoreCube is recreated and away for some seconds; its data stays.',
  summary: `Start CoreCube with ${Object.entries(variables(answers))
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')}`,
  apply: (host) => recreateApp(host, answers.projectName),
});

function setAudit(answers: Needed, now: AuditSeen | undefined): Change {
  const wanted = { retentionDays: answers.auditRetentionDays, queryText: answers.auditQueryText };
  const before = now
    ? ` (now ${now.retentionDays ?? 'unknown'} days, ${now.queryText === undefined ? 'unknown' : printable(now.queryText)})`
    : '';
  return {
    id: 'retention.audit-settings',
    summary: `Set audit retention to ${wanted.retentionDays} days and query text to ${wanted.queryText} through the API${before}`,
    async apply(host) {
      await writeAuditSettings(host, answers, await ensureAdminPassword(host, answers.adminPassword), wanted);
    },
  };
}
