import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { open, seal } from './cipher.ts';
import { type Config, missingUrls, StartError } from './config.ts';
import { connect, type Sql } from './database.ts';
import { readFaults } from './faults.ts';
import { resolveKey } from './key.ts';
import { type Log, reason } from './log.ts';
import type { Connection } from './store.ts';

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? reason(error);

function writeWhole(path: string, flags: string | number, content: string, mode: number): void {
  const handle = openSync(path, flags, 0o600);
  try {
    fchmodSync(handle, mode);
    writeSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Puts the new key in the old one's place: by rename, or in place where the file is a mount of its own. */
function replaceKeyFile(path: string, bytes: Buffer): void {
  const mode = statSync(path).mode & 0o777;
  const content = `${bytes.toString('hex')}\n`;
  const beside = `${path}.new`;
  try {
    writeWhole(beside, 'wx', content, mode);
    renameSync(beside, path);
  } catch (error) {
    try {
      unlinkSync(beside);
    } catch (cleanup) {
      if (codeOf(cleanup) !== 'ENOENT' && codeOf(cleanup) !== 'EROFS') throw cleanup;
    }
    if (!['EBUSY', 'EROFS', 'EACCES', 'EXDEV'].includes(codeOf(error))) throw error;
    writeWhole(path, constants.O_WRONLY | constants.O_TRUNC, content, mode);
  }
}

async function reseal(sql: Sql, from: Buffer, to: Buffer): Promise<number> {
  const rows = await sql.query<Connection>('SELECT * FROM connections FOR UPDATE');
  for (const row of rows) {
    const renewed = [row.credential, row.webhook_secret].map((sealed) => {
      if (sealed === null) return null;
      const plain = open(from, sealed);
      if (plain === undefined) throw new StartError(`cannot decrypt stored credential of ${row.name}`);
      return seal(to, plain);
    });
    await sql.query('UPDATE connections SET credential = $2, webhook_secret = $3 WHERE id = $1', [
      row.id,
      ...renewed,
    ]);
  }
  return rows.length;
}

/**
 * `corecube rotate-key`: seals every stored secret with a new key and replaces the key file. Nothing changes when the
 * file cannot be written or one secret cannot be read. The server must be stopped: it keeps the old key in memory.
 */
export async function rotateKey(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<number> {
  if (missingUrls(config).length > 0) throw new StartError('PGVECTOR_URL is required');
  const old = resolveKey(config, readFaults(env, config.dataDir), log);
  if (old.file === undefined)
    throw new StartError('the key is in ENCRYPTION_KEY; rotate-key needs a key file');
  const { file } = old;
  try {
    accessSync(file, constants.W_OK);
  } catch (error) {
    throw new StartError(`cannot write the encryption key file ${file}: ${codeOf(error)}`);
  }
  const fresh = randomBytes(32);
  log.hide(fresh.toString('hex'));
  const db = await connect(config.bootstrapUrl ?? '', 'PGVECTOR_URL', 1, log);
  try {
    let replaced = false;
    const count = await db
      .transaction(async (sql) => {
        const renewed = await reseal(sql, old.bytes, fresh);
        replaceKeyFile(file, fresh);
        replaced = true;
        return renewed;
      })
      .catch((error) => {
        // A commit that fails after the file was replaced leaves the database on the old key: put it back.
        if (replaced) replaceKeyFile(file, old.bytes);
        throw error instanceof StartError ? error : new StartError(`key rotation failed: ${reason(error)}`);
      });
    log.info('encryption key rotated', { file, connections: count });
    return 0;
  } finally {
    await db.close();
  }
}
