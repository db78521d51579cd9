/** The check value of the encryption key: says that the key is still the one on record, and nothing about the key itself. */
import { createHmac } from 'node:crypto';
import type { HostReader } from '../../src/core/host.ts';
import type { Secret } from '../../src/core/secret.ts';
import { PATH } from './layout.ts';
import { brokenRecord, recordIn } from './records.ts';

/** Not a secret: the constant whose HMAC under the key is kept, so that a later run knows the key again. */
const CONSTANT = 'create-corecube-secure key check 1';

export interface KeyCheck {
  /** HMAC-SHA256 of the constant under the key (RFC 2104), hex. */
  readonly hmacSha256: string;
  /** When the key was put on record although data was there already: nothing proves then that it is the key of that data. */
  readonly adopted?: string;
}

export function checkOf(key: Secret, adopted?: Date): KeyCheck {
  const bytes = Buffer.from(key.reveal().trim(), 'hex');
  const hmacSha256 = createHmac('sha256', bytes).update(CONSTANT).digest('hex');
  return { hmacSha256, ...(adopted ? { adopted: adopted.toISOString() } : {}) };
}

export const checkText = (check: KeyCheck): string =>
  `${JSON.stringify({ constant: CONSTANT, ...check }, null, 2)}\n`;

export async function readCheck(host: HostReader): Promise<KeyCheck | undefined> {
  const text = await host.readText(PATH.keyCheck);
  if (text === undefined) return undefined;
  const { hmacSha256, adopted } = await recordIn<{ hmacSha256?: unknown; adopted?: unknown }>(
    host,
    PATH.keyCheck,
    text,
  );
  if (typeof hmacSha256 !== 'string') throw await brokenRecord(host, PATH.keyCheck);
  return { hmacSha256, ...(typeof adopted === 'string' ? { adopted } : {}) };
}
