/** Rows about what the operator's own file, or another one in its place, puts under the services of this install. */
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import type { Install } from '../e2e/support.ts';
import { keep, putBack, recreate, runsOtherwise, type Service } from './containers.ts';
import { reloadCaddy } from './edits.ts';
import { addToOwnFile, OVERRIDE } from './own-file.ts';
import { fail, type Sabotage } from './types.ts';

const CADDYFILE = 'caddy/Caddyfile';
const SERVER = '/app/server.mjs';

/** The Caddyfile with one more range that may open the console. */
async function oneMoreRange(install: Install, path: string): Promise<void> {
  const text = await install.read(CADDYFILE);
  await writeFile(path, text.replace(/@inside remote_ip .*/, '$& 203.0.113.0/24'));
}
const OTHER = '../other-caddyfile';
const OVER_CADDYFILE = `${OTHER}:/etc/caddy/Caddyfile:ro`;

const mount =
  (volume: string) =>
  (service: Service): void =>
    void (service.volumes as unknown[]).push(volume);

/** Lines in the operator's file that are applied to a service, and taken back by hand. */
const applied = (
  name: string,
  service: string,
  lines: string,
  prepare: (install: Install) => Promise<unknown>,
  row: Pick<Sabotage, 'drift' | 'turns' | 'exit'>,
): Sabotage => ({
  name: `the override file ${name}, applied`,
  break: async (i) => {
    await prepare(i);
    await addToOwnFile(i, lines);
    await recreate(i, service);
  },
  undo: async (i) => {
    await putBack(i, OVERRIDE);
    await recreate(i, service);
    await rm(i.path('beside'), { recursive: true, force: true });
  },
  ...row,
});
/** Lines that only say where something shall lie: Compose makes no container anew for them. */
const declared = (name: string, lines: string): Sabotage => ({
  name: `the override file ${name}`,
  break: (i) => addToOwnFile(i, lines),
  drift: 'edited-by-hand',
  turns: fail('compose.override-keeps-hardening'),
  undo: (i) => putBack(i, OVERRIDE),
});

const beside = async (install: Install): Promise<void> =>
  void (await mkdir(install.path('beside'), { recursive: true }));
const program = async (install: Install): Promise<void> => {
  await beside(install);
  const text = (await install.docker('exec', await install.container('corecube'), 'cat', SERVER)).stdout;
  await writeFile(install.path('beside/hotfix.mjs'), `// somebody's own\n${text}`);
};

const programRows: readonly Sabotage[] = [
  applied(
    'mounts another Caddyfile over the one of the install',
    'caddy',
    '  caddy: { volumes: [ "./beside/Caddyfile:/etc/caddy/Caddyfile:ro" ] }\n',
    async (i) => {
      await beside(i);
      await oneMoreRange(i, i.path('beside/Caddyfile'));
    },
    {
      drift: 'edited-by-hand',
      turns: fail(...['compose.override-keeps-hardening', 'running.proxy-program', 'proxy.config-current']),
    },
  ),
  {
    name: 'the running proxy has another Caddyfile mounted over the one of the install',
    break: async (i) => {
      await oneMoreRange(i, i.path(OTHER));
      await runsOtherwise('caddy', mount(OVER_CADDYFILE)).break(i);
    },
    drift: 'changed-at-run-time',
    turns: fail('running.proxy-program', 'proxy.config-current', 'proxy.container-current'),
  },
  {
    name: 'the directory of the Caddyfile was put back beside the one that the proxy still has',
    break: async (i) => {
      await oneMoreRange(i, i.path(OTHER));
      await copyFile(i.path(CADDYFILE), i.path('../good-caddyfile'));
      await copyFile(i.path(OTHER), i.path(CADDYFILE));
      await reloadCaddy(i);
      await rm(i.path('../caddy-before'), { recursive: true, force: true });
      await rename(i.path('caddy'), i.path('../caddy-before'));
      await mkdir(i.path('caddy'));
      await copyFile(i.path('../good-caddyfile'), i.path(CADDYFILE));
    },
    drift: 'changed-at-run-time',
    turns: fail('proxy.config-current'),
  },
  applied(
    'puts a config in the place of the program of CoreCube',
    'corecube',
    `    configs: [ { source: hotfix, target: ${SERVER} } ]\nconfigs: { hotfix: { file: ./beside/hotfix.mjs } }\n`,
    program,
    {
      drift: 'edited-by-hand',
      turns: fail('compose.override-keeps-hardening', 'running.program'),
    },
  ),
  {
    name: 'the running CoreCube has another program mounted over its own',
    break: async (i) => {
      await program(i);
      await rename(i.path('beside/hotfix.mjs'), i.path('../hotfix.mjs'));
      await rm(i.path('beside'), { recursive: true });
      await runsOtherwise('corecube', mount(`../hotfix.mjs:${SERVER}:ro`)).break(i);
    },
    drift: 'changed-at-run-time',
    turns: fail('running.program', 'running.current'),
  },
  applied(
    'hands documents, an authority and the time zone to CoreCube',
    'corecube',
    `    volumes:\n${[
      './beside:/documents:ro',
      './secrets/pg_ca.crt:/usr/local/share/ca-certificates/own.crt:ro',
      '/etc/localtime:/etc/localtime:ro',
    ]
      .map((volume) => `      - "${volume}"\n`)
      .join('')}`,
    beside,
    { drift: {}, turns: {}, exit: 0 },
  ),
];

const NFS = '{ driver: local, driver_opts: { type: nfs, o: "addr=192.0.2.9,rw", device: ":/export" } }';
const keepingRows: readonly Sabotage[] = [
  declared(
    'lets the data of CoreCube lie in another volume',
    'volumes: { corecube-data: { name: other_data } }\n',
  ),
  declared('lets the database lie on another machine', `volumes: { pgvector-data: ${NFS} }\n`),
  declared(
    'takes the authority of the database from another file',
    'secrets: { pg_ca.crt: { file: /tmp/other_ca.crt } }\n',
  ),
  declared(
    "takes the database superuser's password from another file",
    'secrets: { pg_superuser_password: { file: /tmp/other_password } }\n',
  ),
];

const SECOND = 'compose.override.yml';
const fileRows: readonly Sabotage[] = [
  {
    name: 'an override file lies there that Compose prefers to the one that is verified',
    break: (i) => writeFile(i.path(SECOND), 'services: { corecube: { ports: ["7400:7400"] } }\n'),
    drift: {},
    turns: fail('install.same-files'),
    undo: (i) => rm(i.path(SECOND)),
  },
  {
    name: '.env makes a plain docker compose read other files',
    break: async (i) => {
      const text = await keep(i, '.env');
      await writeFile(i.path('.env'), `${text}COMPOSE_FILE=compose.yaml:debug.yaml\n`);
    },
    drift: {},
    turns: fail('install.same-files'),
    undo: (i) => putBack(i, '.env'),
  },
];

export const overrideRows: readonly Sabotage[] = [...programRows, ...keepingRows, ...fileRows];
