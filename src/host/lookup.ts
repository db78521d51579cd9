/**
 * Names as the C library resolves them, asked by a process of its own. A getaddrinfo(3) that waits for a silent name server
 * cannot be called back: in this process it would hold a thread, and libuv joins its threads before a process may end, up
 * to 10 s for each name server after all is said and written.
 */
import { spawn } from 'node:child_process';
import { type LookupAddress, type LookupOptions, lookup as ownLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { createInterface } from 'node:readline';

/** A line in, a line out, side by side; ends at once, its waiting threads included, when nobody is left who could ask. */
const ASKER = `
const { lookup } = require('node:dns');
require('node:readline').createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, name, options } = JSON.parse(line);
    lookup(name, { ...options, all: true }, (error, found) => {
      const { code, message } = error ?? {};
      process.stdout.write(JSON.stringify({ id, found, code, message }) + '\\n');
    });
  })
  .on('close', () => process.kill(process.pid, 'SIGKILL'));
`;

/** What the C library reads of the environment for names (resolv.conf(5), hostname(7)). */
const PASSED = ['RES_OPTIONS', 'LOCALDOMAIN', 'HOSTALIASES'];

/** What `dns.lookup` takes but `all`: every address is asked for. */
type Options = Pick<LookupOptions, 'family' | 'hints'>;
interface Answer {
  readonly found?: LookupAddress[];
  readonly code?: string;
  readonly message?: string;
}
type Asker = (name: string, options: Options) => Promise<Answer>;

/** The code of an answer that nobody gave, because the process that asks is lost. */
const LOST = 'ECANCELED';
let asker: Asker | undefined;

/**
 * Addresses of a name as getaddrinfo(3) gives them. What waits for an answer holds this process only as long as it is awaited.
 * @throws {Error} with the code of dns.lookup, such as ENOTFOUND
 */
export async function lookUp(name: string, options: Options): Promise<LookupAddress[]> {
  asker ??= start(() => {
    asker = undefined;
  });
  const { found, code, message } = await asker(name, options);
  if (found) return found;
  // Where no process can be started, a late end is better than no answer.
  if (code === LOST) return lookUpHere(name, options);
  throw Object.assign(new Error(message), { code });
}

const lookUpHere = (name: string, options: Options): Promise<LookupAddress[]> =>
  new Promise((resolve, reject) => {
    ownLookup(name, { ...options, all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });

/** The same for sockets: what `connect` asks for the address of a name. */
export const lookUpToConnect: LookupFunction = (name, { family, hints, all }, done) => {
  const options: Options = {
    ...(family === undefined ? {} : { family }),
    ...(hints === undefined ? {} : { hints }),
  };
  lookUp(name, options).then(
    (found) => {
      const [first] = found;
      if (all || !first) done(null, found);
      else done(null, first.address, first.family);
    },
    (error: NodeJS.ErrnoException) => done(error, []),
  );
};

function start(onLost: () => void): Asker {
  const env: Record<string, string> = { UV_THREADPOOL_SIZE: '16' };
  for (const variable of PASSED) {
    const value = process.env[variable];
    if (value !== undefined) env[variable] = value;
  }
  // Its own process group: Ctrl+C in the terminal is for this process to hear.
  const child = spawn(process.execPath, ['-e', ASKER], {
    env,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  const lost = () => {
    onLost();
    for (const settle of waiting.values()) settle({ code: LOST });
    waiting.clear();
  };
  child.once('error', lost);
  child.once('exit', lost);
  child.stdin.on('error', () => child.kill('SIGKILL'));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, ...answer } = JSON.parse(line) as Answer & { id: number };
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  let last = 0;
  /** Whoever awaits an answer keeps this process alive; the one that asks does not. */
  const hold = (isHeld: boolean) => {
    for (const one of [child, child.stdin, child.stdout] as unknown as NodeJS.RefCounted[])
      isHeld ? one.ref() : one.unref();
  };
  hold(false);
  return (name, options) =>
    new Promise((resolve) => {
      last += 1;
      waiting.set(last, (answer) => {
        if (waiting.size <= 1) hold(false);
        resolve(answer);
      });
      hold(true);
      child.stdin.write(`${JSON.stringify({ id: last, name, options })}\n`);
    });
}
