/** Rows about what the database's log and its TLS are told at the start. */
import { keep, putBack } from './by-hand.ts';
import { recreate } from './containers.ts';
import { edit } from './edits.ts';
import { fail, type Sabotage } from './types.ts';

export const databaseLogRows: readonly Sabotage[] = [
  {
    name: 'the database no longer logs who connects, applied',
    break: async (i) => {
      await edit(i, 'compose.yaml', 'log_connections=on', 'log_connections=off');
      await recreate(i, 'pgvector');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.database-server', 'pg.sessions-logged'),
  },
  {
    name: 'the database offers weak ciphers in compose.yaml, not applied',
    break: async (i) => {
      await keep(i, 'compose.yaml');
      await edit(i, 'compose.yaml', 'ssl_ciphers=ECDHE+AESGCM:ECDHE+CHACHA20', 'ssl_ciphers=ALL');
    },
    drift: 'edited-not-applied',
    turns: fail('compose.database-server', 'running.current'),
    undo: (i) => putBack(i, 'compose.yaml'),
  },
];
