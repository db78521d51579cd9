/** What several sabotages do: edit a file of the install, load the Caddyfile. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';

/** Replaces text in a file of the install; keeps inode, owner and mode. Throws when nothing was replaced. */
export async function edit(install: Install, name: string, from: string | RegExp, to: string): Promise<void> {
  const path = install.path(name);
  const before = await readFile(path, 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${name} holds no ${from}`);
  await writeFile(path, after);
}

/** Loads the Caddyfile of the install (or another file inside the container) into the running proxy. */
export async function reloadCaddy(install: Install, config = '/etc/caddy/Caddyfile'): Promise<void> {
  // Where the endpoint listens now, whatever the new file says of it.
  const address = ['--address', 'localhost:2019'];
  const argv = ['caddy', 'reload', '--config', config, '--adapter', 'caddyfile', '--force', ...address];
  const result = await install.docker('exec', await install.container('caddy'), ...argv);
  if (result.code !== 0) throw new Error(result.stderr);
}
