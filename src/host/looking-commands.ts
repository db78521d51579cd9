/** Global options of docker and docker compose that take a value, skipped when a command is matched. */
const VALUED = new Set([
  '--config',
  '--context',
  '-c',
  '--host',
  '-H',
  '--log-level',
  '-l',
  '--project-name',
  '-p',
  '--project-directory',
  '--file',
  '-f',
  '--env-file',
  '--profile',
  '--ansi',
  '--progress',
  '--parallel',
]);

/** `docker` commands that only look. `exec` may only observe: that is its caller's promise. */
const DOCKER: readonly string[] = [
  'version',
  'info',
  'inspect',
  'ps',
  'logs',
  'port',
  'top',
  'images',
  'exec',
  'system info',
  'system df',
  'context inspect',
  'context show',
  'context ls',
  'image inspect',
  'image ls',
  'container inspect',
  'container ls',
  'volume inspect',
  'volume ls',
  'network inspect',
  'network ls',
];
const COMPOSE: readonly string[] = ['version', 'config', 'ps', 'ls', 'images', 'logs'];

/** Other programs: first words that must match. */
const PLAIN: readonly (readonly string[])[] = [
  ['ss'],
  ['ip', '-j'],
  ['ip', '-json'],
  ['ufw', 'status'],
  ['firewall-cmd', '--state'],
  ['firewall-cmd', '--get-active-zones'],
  ['firewall-cmd', '--list-all'],
  ['nft', 'list'],
  ['nft', '-j', 'list'],
  ['iptables', '-S'],
  ['ip6tables', '-S'],
  ['findmnt'],
  ['getenforce'],
  ['systemctl', 'is-active'],
  ['systemctl', 'is-enabled'],
  ['systemctl', 'show'],
  ['timedatectl', 'show'],
  ['id'],
  ['apt-cache', 'policy'],
  ['docker-compose', 'version'],
  ['docker-compose', '--version'],
  ['podman', 'version'],
  ['podman', '--version'],
  ['uname'],
  ['stat'],
  ['df'],
  // Six bytes of each file: they tell what kind it is.
  ['head', '-v', '-c', '6', '--'],
  // Names of files only; what is searched for comes over standard input.
  ['grep', '--recursive', '--files-with-matches'],
];

/** True when the command only looks. Data above; a throw-away container only without network and with read-only mounts. */
export function isLooking(argv: readonly string[]): boolean {
  const [program, ...rest] = argv;
  if (program !== 'docker') return PLAIN.some((words) => words.every((word, i) => argv[i] === word));
  const words = withoutGlobalOptions(rest);
  if (words[0] === 'compose') return COMPOSE.includes(withoutGlobalOptions(words.slice(1))[0] ?? '');
  if (words[0] === 'run') return isThrowAway(words.slice(1));
  return DOCKER.includes(words[0] ?? '') || DOCKER.includes(words.slice(0, 2).join(' '));
}

function withoutGlobalOptions(words: readonly string[]): readonly string[] {
  let i = 0;
  while (words[i]?.startsWith('-')) i += VALUED.has(words[i] as string) ? 2 : 1;
  return words.slice(i);
}

/** `docker run --rm --network none …` whose mounts are all read-only and that gains nothing. */
function isThrowAway(words: readonly string[]): boolean {
  let removed = false;
  let alone = false;
  for (let i = 0; i < words.length; i++) {
    const [name = '', inline] = splitOption(words[i] as string);
    if (!name.startsWith('-')) break;
    const value = inline ?? words[i + 1] ?? '';
    if (name === '--rm') removed = true;
    else if (name === '--network' || name === '--net') {
      if (value !== 'none') return false;
      alone = true;
    } else if (name === '--volume' || name === '-v') {
      if (!/:ro(,|$)/.test(value)) return false;
    } else if (name === '--mount') {
      if (!/(^|,)(readonly|ro)(=true|,|$)/.test(value)) return false;
    } else if (
      [
        '--privileged',
        '--pid',
        '--ipc',
        '--userns',
        '--device',
        '--detach',
        '-d',
        '--publish',
        '-p',
        '-P',
        '--volumes-from',
      ].includes(name)
    )
      return false;
    if (inline === undefined && !FLAGS.has(name)) i++;
  }
  return removed && alone;
}

/** Options of `docker run` that take no value. */
const FLAGS = new Set([
  '--rm',
  '--interactive',
  '-i',
  '--tty',
  '-t',
  '--init',
  '--read-only',
  '--quiet',
  '-q',
  '--no-healthcheck',
]);

function splitOption(word: string): [string, string | undefined] {
  const at = word.indexOf('=');
  return word.startsWith('--') && at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word, undefined];
}
