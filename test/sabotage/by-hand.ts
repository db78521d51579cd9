/** What a person on the host does by hand: start services from the files, keep a file's old text, freeze, cut wires. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Install } from '../e2e/support.ts';

/** `docker compose up` of one service with the install's own files and the operator's override. */
export async function up(install: Install, service: string): Promise<void> {
  const { project, dir } = install;
  const files = ['compose.yaml', 'compose.override.yaml'].flatMap((name) => ['--file', install.path(name)]);
  const argv = ['docker', 'compose', '--project-directory', dir, '--project-name', project, ...files];
  await install.host.out([...argv, 'up', '--detach', '--no-deps', '--wait', service], { timeoutMs: 120_000 });
}

/** Runs docker and throws when it refuses. */
export async function docker(install: Install, ...args: string[]): Promise<string> {
  return install.host.out(['docker', ...args]);
}

const kept = new Map<string, string>();

/** Keeps the text of a file until `putBack`. */
export async function keep(install: Install, name: string): Promise<string> {
  const path = install.path(name);
  const text = await readFile(path, 'utf8');
  kept.set(path, text);
  return text;
}

/** Puts a kept file back into the same inode, with its owner and mode. */
export async function putBack(install: Install, name: string): Promise<void> {
  const path = install.path(name);
  const text = kept.get(path);
  if (text === undefined) throw new Error(`${name} was not kept`);
  await writeFile(path, text);
}

/** Switches faults of the running stand-in on; an empty text ends them. They count from its next answer on. */
export async function misbehave(install: Install, faults: string): Promise<void> {
  const volume = await docker(
    install,
    ...['volume', 'inspect', '--format', '{{.Mountpoint}}', `${install.project}_corecube-data`],
  );
  await writeFile(join(await install.host.pathInside(volume.trim()), 'faults'), faults);
}

/** The container's address on a network of the install. */
export async function addressOf(install: Install, service: string, network: string): Promise<string> {
  const format = `{{(index .NetworkSettings.Networks "${install.project}_${network}").IPAddress}}`;
  const name = await install.container(service);
  return (await docker(install, 'inspect', '--format', format, name)).trim();
}
