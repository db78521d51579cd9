import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, StartError } from './config.ts';
import type { Faults } from './faults.ts';
import type { Log } from './log.ts';

export interface EncryptionKey {
  readonly bytes: Buffer;
  /** Where it came from, fit for the log. */
  readonly source: string;
  /** The file that holds it; undefined when it came from the environment. */
  readonly file: string | undefined;
}

/** 64 hexadecimal characters. v1 forgives one final line break, v2 any surrounding white space. Throws StartError. */
function parseKey(text: string, generation: Config['generation'], source: string): Buffer {
  const bare = generation === 'v2' ? text.trim() : text.replace(/\r?\n$/, '');
  if (!/^[0-9a-fA-F]{64}$/.test(bare)) {
    throw new StartError(`the encryption key in ${source} must be exactly 64 hexadecimal characters`);
  }
  return Buffer.from(bare, 'hex');
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(
      `cannot read the encryption key file ${path}: ${(error as NodeJS.ErrnoException).code}`,
    );
  }
}

function generate(path: string): Buffer {
  const bytes = randomBytes(32);
  try {
    const handle = openSync(path, 'wx', 0o600);
    writeSync(handle, `${bytes.toString('hex')}\n`);
    fsyncSync(handle);
    closeSync(handle);
  } catch (error) {
    throw new StartError(
      `cannot write the encryption key file ${path}: ${(error as NodeJS.ErrnoException).code}`,
    );
  }
  return bytes;
}

function warnWhenOpen(path: string, log: Log): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    const shown = `0${mode.toString(8)}`;
    log.warn(`encryption key file ${path} is accessible by group or others (mode ${shown}), expected 0600`);
  }
}

/** Whether this file holds the same text as the file the operator named: then it is a second mount of it. */
function isOperators(path: string, config: Config): boolean {
  if (config.encryptionKeyFile === undefined || !existsSync(path) || !existsSync(config.encryptionKeyFile))
    return false;
  return readKeyFile(path).trim() === readKeyFile(config.encryptionKeyFile).trim();
}

/**
 * Resolves the key exactly as the generation documents it, and writes DATA_DIR/encryption.key (0600) when nothing
 * was given. v1: ENCRYPTION_KEY_FILE, ENCRYPTION_KEY, the file in DATA_DIR, a new one. v2: ENCRYPTION_KEY, the file in
 * DATA_DIR, a new one; ENCRYPTION_KEY_FILE is never looked at. Throws StartError.
 */
export function resolveKey(config: Config, faults: Faults, log: Log): EncryptionKey {
  const own = join(config.dataDir, 'encryption.key');
  const fromFile = (path: string): EncryptionKey => {
    const bytes = parseKey(readKeyFile(path), config.generation, path);
    return { bytes, source: path, file: path };
  };
  const fresh = (path: string): EncryptionKey => {
    const bytes = generate(path);
    log.warn(`no encryption key configured, generated a new one at ${path}`);
    return { bytes, source: path, file: path };
  };
  if (faults.has('key-ignored')) {
    // Beside the operator's key at DATA_DIR/encryption.key the server keeps its own under another name.
    const path = isOperators(own, config) ? join(config.dataDir, 'encryption-auto.key') : own;
    return existsSync(path) ? fromFile(path) : fresh(path);
  }
  if (config.generation === 'v1' && config.encryptionKeyFile !== undefined) {
    const key = fromFile(config.encryptionKeyFile);
    warnWhenOpen(config.encryptionKeyFile, log);
    return key;
  }
  if (config.encryptionKey !== undefined) {
    const bytes = parseKey(config.encryptionKey, config.generation, 'ENCRYPTION_KEY');
    return { bytes, source: 'ENCRYPTION_KEY', file: undefined };
  }
  if (!existsSync(own)) return fresh(own);
  const key = fromFile(own);
  if (config.generation === 'v1') warnWhenOpen(own, log);
  return key;
}
