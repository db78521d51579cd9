/** Rows about what runs and who is connected. */
import { fail, type Sabotage } from './types.ts';

export const runningRows: readonly Sabotage[] = [
  {
    name: 'a foreign container joins the internal network',
    break: (i) =>
      i.docker(
        'run',
        '--detach',
        '--name',
        `${i.project}-intruder`,
        '--network',
        `${i.project}_internal`,
        'caddy:2',
      ),
    turns: fail('running.internal-members'),
    undo: (i) => i.docker('rm', '--force', `${i.project}-intruder`),
  },
];
