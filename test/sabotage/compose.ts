/** Rows about what is declared. */
import { rm, writeFile } from 'node:fs/promises';
import { edit } from './edits.ts';
import { fail, type Sabotage } from './types.ts';

export const composeRows: readonly Sabotage[] = [
  {
    name: 'compose.yaml loses read_only for CoreCube, not applied',
    break: (i) => edit(i, 'compose.yaml', 'read_only: true', 'read_only: false'),
    turns: fail('compose.read-only', 'running.current'),
  },
  {
    name: 'compose.yaml gives CoreCube a capability, applied',
    break: async (i) => {
      await edit(i, 'compose.yaml', 'cap_drop: [ ALL ]', 'cap_drop: [ ALL ]\n    cap_add: [ SYS_ADMIN ]');
      await i.compose('up', '--detach', '--no-deps', '--wait', 'corecube');
    },
    turns: fail('compose.capabilities', 'running.capabilities'),
  },
  {
    name: 'the override file publishes the database, not applied',
    break: (i) =>
      writeFile(i.path('compose.override.yaml'), 'services: { pgvector: { ports: ["5432:5432"] } }\n'),
    turns: fail('compose.override-keeps-hardening', 'running.current'),
    undo: (i) => rm(i.path('compose.override.yaml')),
  },
];
