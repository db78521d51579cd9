/** Rows about what containers are handed of the install: by its own files, past them, and by whoever else uses the host. */
import { readFile, rm, symlink } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import { edited, putBack, recreate, runsOtherwise, type Service } from './containers.ts';
import { addToOwnFile, OVERRIDE } from './own-file.ts';
import { fail, type Sabotage } from './types.ts';

const stranger = (install: Install) => `${install.project}-stranger`;
/** A container of somebody else on this host, outside of the project. */
const made = async (install: Install, how: 'create' | 'run', ...options: string[]): Promise<void> => {
  const verb = how === 'run' ? ['run', '--detach'] : ['create'];
  const end = ['caddy:2', 'sleep', 'infinity'];
  const done = await install.docker(...verb, '--name', stranger(install), ...options, ...end);
  if (done.code !== 0) throw new Error(done.stderr);
};
const gone = (install: Install) => install.docker('rm', '--force', stranger(install));
const alias = (install: Install) => `${install.dir}-alias`;

const mounts = (service: Service, ...more: readonly string[]): void => {
  service.volumes = [...((service.volumes as unknown[]) ?? []), ...more];
};

export const mountRows: readonly Sabotage[] = [
  {
    name: "the proxy is handed the database superuser's password, not applied",
    ...edited('caddy', { secrets: ['pg_superuser_password'] }),
    drift: 'edited-not-applied',
    turns: fail('compose.secret-delivery', 'proxy.container-current'),
  },
  {
    name: 'the running proxy is handed .env',
    ...runsOtherwise('caddy', (service) => mounts(service, './.env:/etc/env:ro')),
    remakes: 'caddy',
    drift: 'changed-at-run-time',
    turns: fail('secrets.only-their-services', 'proxy.container-current'),
  },
  {
    name: 'a service of the override file is handed what the database keeps, applied',
    break: async (i) => {
      const image = /image: "?(caddy:2@sha256:[0-9a-f]+)/.exec(
        await readFile(i.path('compose.yaml'), 'utf8'),
      )?.[1];
      const volumes = '[ "pgvector-data:/data:ro" ]';
      await addToOwnFile(i, `  reader: { image: "${image}", network_mode: none, volumes: ${volumes} }\n`);
      await recreate(i, 'reader');
    },
    drift: 'edited-by-hand',
    turns: fail('compose.override-keeps-hardening', 'compose.foreign-hardened', 'running.nothing-shared'),
    undo: async (i) => {
      await i.docker('rm', '--force', await i.container('reader'));
      await putBack(i, OVERRIDE);
    },
  },
  {
    name: 'a stopped container of somebody else has the key, by another name of the directory',
    break: async (i) => {
      await symlink(i.dir, alias(i));
      await made(i, 'create', '--volume', `${alias(i)}/secrets/encryption_key:/key:ro`);
    },
    drift: 'changed-at-run-time',
    turns: fail('running.nothing-shared'),
    undo: async (i) => {
      await gone(i);
      await rm(alias(i));
    },
  },
  {
    name: 'a container of somebody else has the socket of the engine',
    break: (i) => made(i, 'run', '--volume', '/var/run/docker.sock:/var/run/docker.sock'),
    drift: {},
    turns: fail('host.neighbours-isolated'),
    exit: 0,
    undo: gone,
  },
  {
    name: "the install's directory has another name, under which the proxy was started",
    break: async (i) => {
      await symlink(i.dir, alias(i));
      const files = ['compose.yaml', OVERRIDE].flatMap((file) => ['--file', `${alias(i)}/${file}`]);
      const up = ['up', '--detach', '--wait', '--force-recreate', '--no-deps', 'caddy'];
      const by = ['compose', '--project-name', i.project, '--project-directory', alias(i)];
      const done = await i.docker(...by, ...files, ...up);
      if (done.code !== 0) throw new Error(done.stderr);
    },
    drift: {},
    turns: {},
    exit: 0,
    undo: async (i) => {
      await recreate(i, 'caddy');
      await rm(alias(i));
    },
  },
];
