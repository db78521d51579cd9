/** What is here already: another install of the same name, and the files that the answers name. */

import { resolve } from 'node:path';
import type { HostReader } from '../../src/core/host.ts';
import { fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { composeDocument } from '../shared/compose-file.ts';
import { containers, dockerOutput } from '../shared/docker.ts';
import type { SecretReference } from '../shared/grammar.ts';
import { appliedName } from '../shared/last-report.ts';
import { PATH, VOLUME } from '../shared/layout.ts';
import { isHere, isOfAnother, WORKING_DIR, wasMoved } from '../shared/project-directory.ts';
import { type Needed, type PreflightControl, withEngine } from './common.ts';

const noForeignInstall: PreflightControl = {
  id: 'host.no-foreign-install',
  title: 'This directory and this project name belong to one install',
  severity: 'required',
  section: 'operation',
  manual: true,
  how: "Lists containers and volumes with the project's Compose label, looks whether they belong to this directory, and whether it holds an install of another name with volumes.",
  threat:
    'Two installs with one name write into the same volumes; an install under another name starts empty, beside the data that is there.',
  remedy:
    'An install that has another name: put its name back (--project-name). A name that another install has: give this install another name, or use the directory of the existing one with --dir. A directory that was moved: move it back, or take its containers away there with docker compose -p NAME down (never with -v, which destroys the data), then apply. To take over volumes of an install whose directory is lost, put its encryption key into secrets/encryption_key first. Nothing is removed by this tool.',
  impact: 'None.',
  inspect: ({ host, answers }) => withEngine(host, () => foreign(host, answers.projectName)),
};

async function volumesOf(host: HostReader, project: string): Promise<readonly string[]> {
  const filter = `label=com.docker.compose.project=${project}`;
  const list = await dockerOutput(host, ['volume', 'ls', '--quiet', '--filter', filter]);
  return list.split('\n').filter(Boolean);
}

/**
 * That the install in this directory has another name, under which its data lies; undefined when it has not, or when
 * containers of that name show that the data is that of another directory, of which this one is a copy.
 */
async function earlierName(host: HostReader, project: string): Promise<string | undefined> {
  const names = new Set([(await composeDocument(host))?.get('name'), await appliedName(host)]);
  for (const name of names) {
    if (typeof name !== 'string' || name === '' || name === project) continue;
    const data = (await volumesOf(host, name)).filter((volume) =>
      [VOLUME.data, VOLUME.database].some((key) => volume === `${name}_${key}`),
    );
    if (data.length === 0) continue;
    const made = await containers(host, name);
    const elsewhere = await Promise.all(made.map((c) => isOfAnother(host, c)));
    if (made.length > 0 && elsewhere.every(Boolean)) continue;
    return `the install in ${host.dir} has the name ${name}, and its data lies there: ${data.join(', ')}`;
  }
  return undefined;
}

async function foreign(host: HostReader, project: string): Promise<Verdict> {
  const all = await containers(host, project);
  const here = await Promise.all(all.map((c) => isHere(host, c)));
  // One without the label was made by hand and is no install: running.no-extra-containers is about it.
  const others = all.filter((c, i) => !here[i] && c.Config.Labels[WORKING_DIR] !== undefined);
  if (others.length > 0) {
    const where = new Set(others.map((c) => c.Config.Labels[WORKING_DIR]));
    const names = others.map((c) => c.Name.replace(/^\//, ''));
    if (await wasMoved(host, project))
      return fail(
        `the directory was moved: the containers of the project ${project} were made in ${[...where].join(', ')}, which is not there any more`,
        `the directory where it was, or no containers of ${project} (docker compose -p ${project} down)`,
      );
    return fail(
      `containers of the project ${project} belong to ${[...where].join(', ')}: ${names.join(', ')}`,
      `no container of the project ${project} from another directory than ${host.dir}`,
    );
  }
  const volumes = await volumesOf(host, project);
  const renamed = volumes.length === 0 ? await earlierName(host, project) : undefined;
  if (renamed)
    return fail(renamed, `the project name of the install in ${host.dir}, or a directory of its own`);
  if (volumes.length === 0)
    return pass(
      all.length === 0 ? `nothing is called ${project} yet` : `containers: ${all.length}, all of ${host.dir}`,
    );
  const [compose, key, check] = await Promise.all(
    [PATH.compose, PATH.key, PATH.keyCheck].map((path) => host.stat(path)),
  );
  if (!compose && !key && !check)
    return fail(
      `volumes of the project ${project} are there (${volumes.join(', ')}), and ${host.dir} holds neither an install nor its key`,
      'no volumes of that name, or the directory (at least the key) that belongs to them',
    );
  return pass(
    `containers: ${all.length}, volumes: ${volumes.length}, ${key ? `with a key in ${host.dir}` : 'and no key: the step Encryption key decides what that means'}`,
  );
}

interface Named {
  readonly question: string;
  readonly reference: SecretReference;
  /** Where an earlier run has put the copy; when it is there, the source is not needed any more. */
  readonly copy?: string;
}

/** Files and variables that the answers refer to. */
function named(answers: Needed): readonly Named[] {
  const found: Named[] = [];
  const add = (question: string, reference: SecretReference | string | undefined, copy?: string) => {
    if (reference === undefined) return;
    const as: SecretReference = typeof reference === 'string' ? { from: 'file', path: reference } : reference;
    found.push({ question, reference: as, ...(copy === undefined ? {} : { copy }) });
  };
  add('adminPassword', answers.adminPassword, PATH.adminPassword);
  if (answers.database === 'external') {
    add('databaseAdminUrl', answers.databaseAdminUrl);
    add('databaseCa', answers.databaseCa, PATH.databaseCa);
  }
  if (answers.tls === 'files') {
    add('tlsCertificate', answers.tlsCertificate, PATH.tlsCertificate);
    add('tlsKey', answers.tlsKey, PATH.tlsKey);
  }
  if (answers.tls === 'acme') add('acmeRoot', answers.acmeRoot, PATH.acmeRoot);
  return found;
}

/** Why a reference cannot be read; undefined when it can. */
async function trouble(host: HostReader, { question, reference, copy }: Named): Promise<string | undefined> {
  if (reference.from === 'env') {
    if (host.env(reference.name) || (copy !== undefined && (await host.stat(copy)))) return undefined;
    return `${question}: the variable ${reference.name} is not set`;
  }
  if (reference.from !== 'file') return undefined;
  const content = await host.readSecret(reference.path).catch((error: unknown) => error);
  if (content instanceof Error) return `${question}: ${reference.path} cannot be read (${code(content)})`;
  if (content === undefined)
    return copy !== undefined && (await host.stat(copy))
      ? undefined
      : `${question}: ${reference.path} does not exist`;
  return (content as { reveal(): string }).reveal().trim() === ''
    ? `${question}: ${reference.path} is empty`
    : undefined;
}

const code = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : error.message;

const filesReadable: PreflightControl = {
  id: 'answers.files-readable',
  title: 'Every file and variable that the answers name can be read',
  severity: 'required',
  section: 'operation',
  manual: true,
  how: 'Reads each file and variable that the answers refer to and sees that it is not empty; a copy inside the install stands in for a source that is gone.',
  threat: 'The run would stop in the middle, with half of the deployment made.',
  remedy: 'Correct the path in the answers, or make the file readable for the user that runs this.',
  impact: 'None.',
  async inspect({ host, answers }) {
    const all = named(answers).filter(
      ({ reference }) => reference.from === 'file' || reference.from === 'env',
    );
    const bad = (await Promise.all(all.map((one) => trouble(host, one)))).filter((t) => t !== undefined);
    if (bad.length > 0)
      return fail(bad.join('; '), 'files that exist, have content and can be read by this user');
    return pass(all.length === 0 ? 'the answers name none' : all.map((one) => one.question).join(', '));
  },
};

/** Mode of a file, or of what a link leads to, which is what others would read; undefined when there is no such file. */
async function modeOf(host: HostReader, path: string): Promise<number | 'not-known' | undefined> {
  const stat = await host.stat(path);
  if (stat?.kind !== 'symlink') return stat?.kind === 'file' ? stat.mode : undefined;
  const { code, stdout } = await host.query([
    'stat',
    '--dereference',
    '--format=%a',
    resolve(host.dir, path),
  ]);
  return code === 0 && /^[0-7]{1,4}\s*$/.test(stdout) ? Number.parseInt(stdout, 8) : 'not-known';
}

const filesPrivate: PreflightControl = {
  id: 'answers.files-private',
  title: 'Files with secrets that the answers name are readable for their owner only',
  severity: 'advised',
  section: 'operation',
  refs: ['CWE-732'],
  how: 'Reads the mode of each file with a password or key that the answers refer to, at the end of a link.',
  threat: 'Every user of this host reads the password or key at its source, however well the copy is kept.',
  remedy: 'chmod 600 on the file that is named above.',
  impact: 'Other users and services that read the file no longer can.',
  async inspect({ host, answers }) {
    const open: string[] = [];
    const unread: string[] = [];
    for (const { question, reference } of named(answers)) {
      if (reference.from !== 'file' || !['adminPassword', 'databaseAdminUrl', 'tlsKey'].includes(question))
        continue;
      const mode = await modeOf(host, reference.path);
      if (mode === 'not-known')
        unread.push(`${question}: ${reference.path} is a link that cannot be followed`);
      else if (mode !== undefined && (mode & 0o077) !== 0)
        open.push(`${question}: ${reference.path} has mode 0${mode.toString(8)}`);
    }
    if (open.length === 0 && unread.length > 0) return unknown(unread.join('; '));
    return open.length === 0 ? pass('none is open to others') : fail(open.join('; '), 'mode 0600 or 0400');
  },
};

export const installControls: readonly PreflightControl[] = [noForeignInstall, filesReadable, filesPrivate];
