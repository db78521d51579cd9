import { ChangeError } from '../../src/core/errors.ts';
import type { Container } from '../shared/docker.ts';

interface Cause {
  readonly kind: ChangeError['kind'];
  readonly pattern: RegExp;
  readonly meaning: string;
  readonly fix: string;
}

/** What log lines of a service that does not start mean; the first that matches names the cause. */
const CAUSES: readonly Cause[] = [
  {
    kind: 'tls',
    pattern: /certificate|self[- ]signed|unable to verify|SSL error|tls: /i,
    meaning: 'it does not accept the TLS of the database',
    fix: 'Check that secrets/pg_ca.crt is the authority of the server certificate, then run this again.',
  },
  {
    kind: 'migration',
    pattern: /migrat|relation .* does not exist|permission denied for (schema|table|relation)|must be owner/i,
    meaning: 'its migration failed',
    fix: 'The data is as it was before or partly migrated; see the log, and restore a dump if CoreCube says so.',
  },
  {
    kind: 'database',
    pattern:
      /password authentication failed|no pg_hba\.conf entry|role .* does not exist|cannot connect to the database|ECONNREFUSED|could not connect to server|connection refused/i,
    meaning: 'it cannot log in to the database',
    fix: 'Run verify: the pg controls name what is wrong.',
  },
];

/** Names why a service did not become healthy, from its state and its last log lines. */
export function classify(
  service: string,
  composeError: string,
  container: Container | undefined,
  lines: readonly string[],
): ChangeError {
  const log = lines.slice(-12);
  const last = composeError.trim().split('\n').at(-1) ?? '';
  if (!container) {
    if (/pool overlaps/i.test(composeError))
      return new ChangeError(
        'command',
        `${service} was not created: another network of this host has the addresses of one of ours by now: ${last}`,
        'See docker network ls and inspect. Write a subnet that is free to networks.edge in compose.yaml (it is kept), then run this again.',
        log,
      );
    return /no such image|pull access denied|manifest unknown|not found/i.test(composeError)
      ? new ChangeError(
          'image',
          `the image of ${service} cannot be had: ${last}`,
          'Check the image name in the answers, and log in to its registry.',
          log,
        )
      : new ChangeError(
          'command',
          `${service} was not created: ${last}`,
          'Correct what the message names, then run this again.',
          log,
        );
  }
  const { State, RestartCount } = container;
  if (State.OOMKilled)
    return new ChangeError(
      'crash-loop',
      `${service} was killed because it needs more memory than its limit`,
      'Raise mem_limit in compose.override.yaml.',
      log,
    );
  const cause = CAUSES.find((c) => lines.some((line) => c.pattern.test(line)));
  const looping = State.Restarting || RestartCount > 0 || !State.Running;
  const what = looping
    ? `${service} ended with code ${State.ExitCode} and was restarted ${RestartCount} times`
    : `${service} runs but is not healthy`;
  if (cause) return new ChangeError(cause.kind, `${what}: ${cause.meaning}`, cause.fix, log);
  return looping
    ? new ChangeError(
        'crash-loop',
        what,
        `See the last lines below, and docker compose logs ${service}.`,
        log,
      )
    : new ChangeError(
        'timeout',
        `${what} in time`,
        `It may only be slow: run this again, or see docker compose logs ${service}.`,
        log,
      );
}
