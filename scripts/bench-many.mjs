// What several installs cost in one verify, against one of them: real installs of the stand-in on one test host.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Faults of the stand-in: none but that it takes logins as fast as they come. */
const NO_THROTTLE = 'services:\n  corecube:\n    environment:\n      CORECUBE_FAULTS: no-throttle\n';

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Seconds of processor time that all containers of the host have had, by the engine's own count. */
function containersCpu(bed) {
  const script = `for id in $(docker ps --quiet); do
    curl --silent --fail --unix-socket "\${DOCKER_HOST#unix://}" "http://docker/containers/$id/stats?stream=false&one-shot=true" |
      jq .cpu_stats.cpu_usage.total_usage || exit 1
  done`;
  const { status, stdout, stderr } = bed('exec', 'bash', '-c', script);
  if (status !== 0) throw new Error(`the engine does not count: ${stderr}`);
  return (
    stdout
      .trim()
      .split('\n')
      .map(Number)
      .reduce((sum, ns) => sum + ns, 0) / 1e9
  );
}

/**
 * Makes `count` installs one after the other, then verifies one and all of them alternately.
 * @param bed runs `host.sh NAME ...` and returns what spawnSync does
 * @param write writes the answers file with these lines added
 * @returns seconds of wall time and of processor time (the tool and its children, not the servers) for one and for all;
 *   `servers`: what all of them cost their containers
 */
export function measureMany({ bed, tool, work, answers, write, count, runs }) {
  const dirs = Array.from({ length: count }, (_, i) => join(work, `many-${i + 1}`));
  for (const [i, dir] of dirs.entries()) {
    mkdirSync(dir);
    writeFileSync(join(dir, 'compose.override.yaml'), NO_THROTTLE);
    write(`projectName: ccs-many-${i + 1}\nhttpPort: ${8001 + i}\nhttpsPort: ${8401 + i}\n`);
    const made = bed('exec', process.execPath, tool, '--yes', '--answers', answers, '--dir', dir);
    if (made.status !== 0)
      throw new Error(`install ${i + 1} ended with ${made.status}:\n${made.stdout}${made.stderr}`);
  }
  const verify = (...which) => {
    const timed = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null';
    const result = bed('exec', 'bash', '-c', timed, 'bash', process.execPath, tool, 'verify', ...which);
    if (result.status !== 0) throw new Error(`verify ended with ${result.status}:\n${result.stderr}`);
    const [wall, user, system] = (result.stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    return { wall, cpu: user + system };
  };
  const pairs = Array.from({ length: runs }, () => [verify(dirs[0]), verify(...dirs)]);
  const before = containersCpu(bed);
  verify(...dirs);
  const servers = containersCpu(bed) - before;
  return {
    servers,
    ratio: median(pairs.map(([one, all]) => all.wall / one.wall)),
    one: { wall: median(pairs.map(([one]) => one.wall)), cpu: median(pairs.map(([one]) => one.cpu)) },
    all: { wall: median(pairs.map(([, all]) => all.wall)), cpu: median(pairs.map(([, all]) => all.cpu)) },
  };
}
