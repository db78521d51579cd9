/** Text for systemd or cron that runs a verify every day, with the steps to install it. Nothing is installed from here. */
import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join } from 'node:path';
import { EXIT_MEANING, type ExitCode, type Problem, UsageError } from './core/errors.ts';

export type Scheduler = 'systemd' | 'cron';

export interface Schedule {
  /** Name of the unit or of the file in /etc/cron.d: lower-case letters, digits and dashes. */
  readonly name: string;
  /** Absolute path of the install. */
  readonly dir: string;
  /** Where the evidence is kept, below `dir`: the one place of the install that the verify may write. */
  readonly state: string;
  /** What starts this tool, absolute: `/usr/bin/node`, `/usr/local/lib/.../bin.cjs`. */
  readonly command: readonly [string, ...string[]];
  /** Who runs it; root unless told. Anybody else must be in the group docker. */
  readonly user?: string;
  /** Absolute path of a file for node_exporter's textfile collector, which reads `*.prom` only. */
  readonly prometheus?: string;
}

/**
 * The schedule as text.
 * @throws {UsageError} when a path or a name cannot be written into it safely; all problems at once
 */
export function scheduleText(scheduler: Scheduler, schedule: Schedule): string {
  const problems = problemsOf(scheduler, schedule);
  if (problems.length > 0) throw new UsageError(problems);
  return scheduler === 'systemd' ? systemdText(schedule) : cronText(schedule);
}

/** The command line that both run. */
const verifyLine = ({ command, dir, prometheus }: Schedule): readonly string[] => [
  ...command,
  'verify',
  '--dir',
  dir,
  ...(prometheus === undefined ? [] : ['--format', `prometheus=${prometheus}`]),
];

/** Exit codes that a verify can end with. */
const CODES: readonly ExitCode[] = [0, 1, 2, 3, 70];
const exitCodes = () =>
  CODES.map((code) => `#   ${String(code).padStart(2)}  ${EXIT_MEANING[code].replaceAll('`', '')}`);

/** A copy in npm's cache is gone with the next cleaning of the cache. */
const cacheHint = ({ command }: Schedule) =>
  command.some((word) => word.includes('/_npx/'))
    ? [
        '# This copy of the tool lies in the cache of npx, which npm may clean. For a path that stays:',
        '# npm install --global, then make this text anew with the installed command.',
      ]
    : [];

/**
 * One word of a unit file (systemd.syntax(7), systemd.service(5)): quoted, with `%` kept from specifiers. A `$` is kept from
 * variables in command lines only; elsewhere it means itself.
 */
function unitWord(word: string, isArgument = false): string {
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return `"${isArgument ? escaped.replaceAll('$', '$$$$') : escaped}"`;
}

function systemdText(schedule: Schedule): string {
  const { name, dir, state, user, prometheus } = schedule;
  const isRoot = user === undefined || user === 'root';
  const line = verifyLine(schedule).map((word, at) => unitWord(word, at > 0));
  const writable = [join(dir, state), ...(prometheus === undefined ? [] : [dirname(prometheus)])];
  return `# Proves every control of ${dir} once a day.
#
# Install, as root, with this text on stdin:
#   cd /etc/systemd/system && awk '/^# FILE /{f=$3} f{print > f}'
#   systemctl daemon-reload && systemctl enable --now ${name}.timer
# Run once, and read what it said:
#   systemctl start ${name}.service; journalctl --unit ${name}.service
# Another install on this host needs another name for both files.
#
# Exit codes (systemctl show --property=ExecMainStatus ${name}.service):
${exitCodes().join('\n')}
${cacheHint(schedule)
  .map((hint) => `${hint}\n`)
  .join('')}
# FILE ${name}.service
[Unit]
Description=Prove every control of ${dir.replaceAll('%', '%%')}
# No Requires=docker.service: an engine that is stopped is to be told, not waited for.
After=docker.service network-online.target
Wants=network-online.target
# Whom to tell when it does not end with 0, for example a unit of yours that sends a mail:
#OnFailure=${name}-failed.service

[Service]
Type=oneshot
ExecStart=${line.join(' ')}
TimeoutStartSec=10min
Nice=10
${isRoot ? 'Environment=HOME=/root' : `User=${user}\nSupplementaryGroups=docker`}
# Scratch space that the engine sees, too: with PrivateTmp= it could not mount what the verify hands to a container.
RuntimeDirectory=${name}
RuntimeDirectoryMode=0700
Environment=TMPDIR=/run/${name}
${
  prometheus === undefined
    ? 'UMask=0077'
    : '# The textfile is read by the collector, another user. What is to be kept from others gets its own mode.\nUMask=0022'
}

# Who may talk to Docker's socket is root by way of it. This keeps a mistake of the tool small; it holds nobody prisoner.
# No ProtectProc=: whether a lock is stale is read from /proc, of other users' processes too.
# No MemoryDenyWriteExecute=: Node.js compiles while it runs.
NoNewPrivileges=yes
${
  isRoot
    ? `# Files of the containers' uids, the owner of the evidence, and what ufw asks to tell its state.
CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE CAP_CHOWN CAP_NET_ADMIN CAP_NET_RAW`
    : 'CapabilityBoundingSet='
}
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=${writable.map((path) => unitWord(path)).join(' ')}
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

# FILE ${name}.timer
[Unit]
Description=Prove every control of ${dir.replaceAll('%', '%%')} once a day

[Timer]
OnCalendar=daily
RandomizedDelaySec=1h
# A day on which the host was off is made up for.
Persistent=true

[Install]
WantedBy=timers.target
`;
}

/** A word for sh(1), then for crontab(5), where `%` would end the command. */
const cronWord = (word: string) => `'${word.replaceAll("'", "'\\''")}'`.replaceAll('%', '\\%');

/** What flock ends with when the verify before is still at work. */
const STILL_AT_WORK = 75;

function cronLine(schedule: Schedule): string {
  const { name, dir, state, user = 'root' } = schedule;
  // Each install at a minute of its own, the same one whenever this text is made.
  const minute = (createHash('sha256').update(`${name}\0${dir}`).digest()[0] as number) % 60;
  const lock = ['flock', '--nonblock', '--conflict-exit-code', String(STILL_AT_WORK)].join(' ');
  const line = [join(dir, state), ...verifyLine(schedule)].map(cronWord).join(' ');
  const told = `[ $code -eq 0 ] || printf '\\%s\\nexit code \\%s\\n' "$out" "$code"`;
  return `${minute} 3 * * * ${user} out=$(${lock} ${line} 2>&1); code=$?; ${told}`;
}

function cronText(schedule: Schedule): string {
  const { name, dir } = schedule;
  return `# Proves every control of ${dir} once a day. cron sends a mail of what was printed: nothing when all is proved.
#
# Install, as root: save this text as /etc/cron.d/${name} (0644, owner root).
# Another install on this host needs another name.
#
# Exit codes:
${exitCodes().join('\n')}
#   ${STILL_AT_WORK}  the verify before is still at work (flock)
${cacheHint(schedule)
  .map((hint) => `${hint}\n`)
  .join('')}SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MAILTO=root
${cronLine(schedule)}
`;
}

/** cron reads no longer commands (MAX_COMMAND in the source of Vixie cron is 1000). */
const LONGEST_LINE = 990;

function problemsOf(scheduler: Scheduler, schedule: Schedule): Problem[] {
  const { name, dir, command, user, prometheus } = schedule;
  const problems: Problem[] = [];
  const path = (where: string, value: string) => {
    if (!isAbsolute(value))
      problems.push({ where, seen: value, expected: 'an absolute path', fix: 'write it from / on' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\u0000-\u001f\u007f]/.test(value))
      problems.push({
        where,
        seen: JSON.stringify(value),
        expected: 'a path without control characters',
        fix: `${scheduler} cannot be told such a path; rename it`,
      });
  };
  path('--dir', dir);
  path('the command', command[0]);
  for (const word of command.slice(1)) if (isAbsolute(word)) path('the command', word);
  if (scheduler === 'systemd' && command[0].includes('$'))
    problems.push({
      where: 'the command',
      seen: command[0],
      expected: 'a program whose path has no $',
      fix: 'systemd cannot be told such a program; install Node.js elsewhere',
    });
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name))
    problems.push({
      where: 'the name',
      seen: JSON.stringify(name),
      expected: 'lower-case letters, digits and dashes',
      fix: 'choose another',
    });
  if (user !== undefined && !/^[A-Za-z_][A-Za-z0-9_-]{0,30}$/.test(user))
    problems.push({
      where: 'the user',
      seen: JSON.stringify(user),
      expected: 'the name of a user of this host',
      fix: 'choose another',
    });
  if (prometheus !== undefined) {
    path('--format prometheus=', prometheus);
    if (!prometheus.endsWith('.prom'))
      problems.push({
        where: '--format prometheus=',
        seen: prometheus,
        expected: 'a file that ends in .prom, which is all that node_exporter reads',
        fix: `write ${prometheus}.prom`,
      });
  }
  if (problems.length === 0 && scheduler === 'cron' && cronLine(schedule).length > LONGEST_LINE)
    problems.push({
      where: '--dir',
      seen: `a line of ${cronLine(schedule).length} characters`,
      expected: `at most ${LONGEST_LINE}, which is what cron reads`,
      fix: 'use systemd, or a shorter path',
    });
  return problems;
}
