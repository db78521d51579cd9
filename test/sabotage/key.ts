/** Rows about the encryption key. */
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { fail, type Sabotage } from './types.ts';

export const keyRows: readonly Sabotage[] = [
  {
    name: 'the key file is readable for everybody',
    break: (i) => chmod(i.path('secrets/encryption_key'), 0o644),
    turns: fail('key.access', 'key.unreadable-by-others'),
  },
  {
    name: 'the key is another valid key',
    break: async (i) => {
      await writeFile(i.path('../key-kept'), await readFile(i.path('secrets/encryption_key')), {
        mode: 0o600,
      });
      await writeFile(i.path('secrets/encryption_key'), 'ab'.repeat(32));
    },
    turns: fail('key.belongs-to-data'),
    undo: async (i) => {
      await writeFile(i.path('secrets/encryption_key'), await readFile(i.path('../key-kept')));
      await rm(i.path('../key-kept'));
    },
  },
];
