import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './config.ts';

/** What this stand-in can be told to do wrong. The list is the contract with the end-to-end tests. */
const FAULTS = [
  'default-login-survives',
  'admin-env-ignored',
  'key-ignored',
  'cookie-insecure',
  'cookie-no-httponly',
  'logout-keeps-session',
  'chat-without-key',
  'mcp-without-key',
  'any-key',
  'hsts-doubled',
  'admin-routes-missing',
  'login-at-other-path',
  'no-openapi',
  'no-throttle',
  'slow-start',
  'crash-loop',
  'migration-fails',
] as const;
type Fault = (typeof FAULTS)[number];

export interface Faults {
  has(fault: Fault): boolean;
  /** Seconds of `slow-start=SECONDS`; 0 without it. */
  readonly slowStartSeconds: number;
}

/** Parses `a, b=3` (commas, spaces or lines; `#` starts a comment line). Throws StartError on a word that is no fault. */
export function parseFaults(list: string): Faults {
  const on = new Map<string, string>();
  const lines = list.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  for (const word of lines
    .join(' ')
    .split(/[\s,]+/)
    .filter((part) => part !== '')) {
    const [name = '', value = ''] = word.split('=', 2);
    if (!(FAULTS as readonly string[]).includes(name)) throw new StartError(`unknown fault ${name}`);
    on.set(name, value);
  }
  const seconds = on.has('slow-start') ? Number(on.get('slow-start')) : 0;
  if (!Number.isFinite(seconds) || seconds < 0) throw new StartError('slow-start needs a number of seconds');
  return { has: (fault) => on.has(fault), slowStartSeconds: seconds };
}

/**
 * Faults of CORECUBE_FAULTS and of the file DATA_DIR/faults together. The file is read again whenever a fault is asked for:
 * one about answers counts from the next request on, one about the start needs a start. Throws StartError.
 */
export function readFaults(env: Readonly<Record<string, string | undefined>>, dataDir: string): Faults {
  let text = '';
  let faults = parseFaults(env.CORECUBE_FAULTS ?? '');
  const now = (): Faults => {
    const file = faultsFile(dataDir);
    if (file !== text) {
      faults = parseFaults(`${env.CORECUBE_FAULTS ?? ''}\n${file}`);
      text = file;
    }
    return faults;
  };
  const { slowStartSeconds } = now();
  return { has: (fault) => now().has(fault), slowStartSeconds };
}

function faultsFile(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'faults'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new StartError('cannot read the faults file');
  }
}
