import type { Host, HostReader, HostSource } from '../../src/core/host.ts';

/** A host on which every look throws, and whose writes are counted: nothing on it may ever be called good. */
export function blindHost(
  dir = '/nowhere',
): HostSource & { readonly writes: string[]; readonly journalled: string[] } {
  const writes: string[] = [];
  const journalled: string[] = [];
  const blind = (name: string) => () => Promise.reject(new Error(`${name} cannot be seen`));
  const snapshot = (): HostReader => {
    const looks = new Map<string, Promise<unknown>>();
    return {
      dir,
      now: () => new Date(0),
      env: () => undefined,
      readText: blind('a file'),
      readSecret: blind('a secret'),
      stat: blind('a file'),
      list: blind('a directory'),
      query: blind('a command'),
      sql: blind('a database'),
      http: blind('a server'),
      tls: blind('a server'),
      tcp: blind('a port'),
      rehearse: blind('an image'),
      resolve: blind('a name'),
      addresses: () => [],
      realPath: blind('the links'),
      listeners: blind('the ports'),
      system: blind('the system'),
      once<T>(key: string, look: () => Promise<T>): Promise<T> {
        const shared = (looks.get(key) as Promise<T> | undefined) ?? look();
        looks.set(key, shared);
        return shared;
      },
    };
  };
  const write = (name: string) => () => {
    writes.push(name);
    return Promise.reject(new Error('nothing may be written here'));
  };
  return {
    writes,
    journalled,
    journal: { append: async (entry) => void journalled.push(entry.event) },
    snapshot,
    writer: (signal): Host => ({
      ...snapshot(),
      signal,
      progress: () => {},
      randomBytes: (n) => new Uint8Array(n),
      writeFile: write('writeFile'),
      makeDirectory: write('makeDirectory'),
      setAccess: write('setAccess'),
      removeFile: write('removeFile'),
      run: write('run'),
      sqlWrite: write('sqlWrite'),
    }),
  };
}
