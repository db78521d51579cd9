/** What `docker compose up` reads when a person types it in the directory of the install, as CoreCube's guide does. */
import { isMap, parseDocument } from 'yaml';
import type { HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { PATH } from '../shared/layout.ts';
import { readEnv } from '../shared/postgres.ts';
import type { ComposeAnswers } from './render.ts';

/** The names of an override file in the order in which Compose looks for one; the first that exists is read, alone. */
const OVERRIDES = [
  'compose.override.yml',
  PATH.override,
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
];
/** Variables of `.env` that name other files (Docker Compose, pre-defined environment variables). */
const FILES = ['COMPOSE_FILE', 'COMPOSE_ENV_FILES'];
const PROJECT = 'COMPOSE_PROJECT_NAME';

/** The project that the override names; undefined where it names none, or cannot be read: compose.valid says that. */
async function projectOf(host: HostReader, path: string): Promise<unknown> {
  const text = await host.readText(path);
  const document = text === undefined ? undefined : parseDocument(text);
  return isMap(document?.contents) ? document?.get('name') : undefined;
}

export const plainCommand: Control<ComposeAnswers> = {
  id: 'install.same-files',
  title: 'A plain docker compose in the directory of the install reads the same files as this tool',
  severity: 'required',
  section: 'operation',
  how: `Looks for an override file that Compose prefers to ${PATH.override}, and in it and in ${PATH.env} for other files or another project being named.`,
  threat:
    'The next docker compose up starts what no verify has seen: without hardening, or beside the data that is there.',
  remedy: `Move what you need into ${PATH.override} and remove the named file; take the named variable out of ${PATH.env}, and another project's name out of ${PATH.override}.`,
  impact: 'None until a container is made anew.',
  manual: true,
  async inspect({ host, answers }) {
    if (!(await host.stat(PATH.compose))) return unknown(`there is no ${PATH.compose} yet`, 'compose.valid');
    const found: string[] = [];
    for (const name of OVERRIDES) {
      if (!(await host.stat(name))) continue;
      if (name !== PATH.override) found.push(`${name} is read as the override file`);
      break;
    }
    const env = await readEnv(host);
    for (const name of FILES) if (env?.get(name)) found.push(`${PATH.env} sets ${name}`);
    const project = env?.get(PROJECT);
    if (project && project !== answers.projectName)
      found.push(`${PATH.env} sets ${PROJECT} to another project`);
    const named = await projectOf(host, PATH.override);
    if (named !== undefined && named !== answers.projectName)
      found.push(`${PATH.override} names the project ${named}`);
    return found.length === 0
      ? pass(`${PATH.compose}, and ${PATH.override} where there is one`)
      : fail(found.join('; '), `${PATH.compose} and ${PATH.override} only`);
  },
};
