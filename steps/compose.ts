// Guarantees that compose.yaml declares every hardening of the guide and that the operator's override takes none away.
// Never writes compose.override.yaml, never drops a comment or a foreign key, never moves a pinned image by itself.

import { unifiedDiff } from '../src/core/diff.ts';
import { ChangeError } from '../src/core/errors.ts';
import { type Change, type Control, fail, pass, skip, unknown } from '../src/core/step.ts';
import { type ComposeAnswers, desiredText, imagesOf, NEEDS } from './compose/render.ts';
import { HOW, type Property, violations } from './compose/violations.ts';
import { defineStep, type SectionId } from './questions.ts';
import { type ComposeModel, composeModel } from './shared/compose-project.ts';
import { engine } from './shared/engine.ts';
import { withoutPin } from './shared/images.ts';
import { PATH } from './shared/layout.ts';

const VALID = 'compose.valid';

interface Row {
  readonly property: Property;
  readonly title: string;
  readonly section: SectionId;
  readonly refs?: readonly string[];
  readonly threat: string;
}

/** One row per line of the guide (and of CIS Docker) that compose.yaml must declare. */
const ROWS: readonly Row[] = [
  {
    property: 'services',
    title: 'Every service of the deployment is declared',
    section: 'docker-security',
    threat: 'A part that is not declared is not hardened either.',
  },
  {
    property: 'read-only',
    title: 'Every root file system is declared read-only',
    section: 'docker-security',
    refs: ['CIS Docker 5.13'],
    threat: 'An intruder in a container could change its programs and stay.',
  },
  {
    property: 'capabilities',
    title: 'Every capability is dropped but those that an image needs',
    section: 'docker-security',
    refs: ['CIS Docker 5.4'],
    threat: 'Capabilities are what a root process in a container needs to get out.',
  },
  {
    property: 'no-new-privileges',
    title: 'No process may gain privileges',
    section: 'docker-security',
    refs: ['CIS Docker 5.26'],
    threat: 'A set-uid program would turn a small hole into root.',
  },
  {
    property: 'tmpfs',
    title: 'Scratch space is a tmpfs that holds no programs',
    section: 'docker-security',
    threat: 'A writable disk keeps what an intruder drops there.',
  },
  {
    property: 'user',
    title: 'Every container is declared to run as its own uid, not as root',
    section: 'docker-security',
    refs: ['CIS Docker 4.1'],
    threat: 'Root inside is one kernel bug away from root outside.',
  },
  {
    property: 'init',
    title: 'CoreCube has an init process that reaps and forwards signals',
    section: 'docker-security',
    threat: 'Without one, stopping kills it hard and dead children pile up.',
  },
  {
    property: 'data-volume',
    title: 'Data is kept in named volumes',
    section: 'docker-security',
    threat: 'Data in a container is gone with it, and a lost certificate store runs into issuance limits.',
  },
  {
    property: 'networks',
    title: 'The database and inference are on the internal network only',
    section: 'network-isolation',
    refs: ['CIS Docker 5.30'],
    threat: 'Whoever reaches the database only needs one password.',
  },
  {
    property: 'ports',
    title: 'Only the proxy publishes ports',
    section: 'network-isolation',
    refs: ['CIS Docker 5.14'],
    threat:
      'Docker publishes past the host firewall, and a published CoreCube bypasses the fence around its console.',
  },
  {
    property: 'limits',
    title: 'Memory and processes of every container are limited',
    section: 'operation',
    refs: ['CIS Docker 5.11', 'CIS Docker 5.29'],
    threat: 'One request could take the host down.',
  },
  {
    property: 'healthchecks',
    title: 'Every service has a health check',
    section: 'operation',
    refs: ['CIS Docker 4.6'],
    threat: 'A hung service looks like a running one.',
  },
  {
    property: 'restart',
    title: 'Every service is started again after a reboot',
    section: 'operation',
    refs: ['CIS Docker 5.15'],
    threat: 'After a reboot the service stays down, or half of it.',
  },
  {
    property: 'logs',
    title: 'Logs are kept and bounded',
    section: 'operation',
    threat: 'A full disk stops the database; no log leaves no trace.',
  },
  {
    property: 'isolation',
    title: 'No container is given the host',
    section: 'docker-security',
    refs: [
      'CIS Docker 5.5',
      'CIS Docker 5.10',
      'CIS Docker 5.16',
      'CIS Docker 5.17',
      'CIS Docker 5.18',
      'CIS Docker 5.32',
    ],
    threat: 'A privileged container, a host namespace or the engine socket is root on the host.',
  },
  {
    property: 'key-delivery',
    title: 'The key is delivered as one file to where both generations read it, and to no environment',
    section: 'encryption-key-management',
    threat:
      'Guide v2 ignores ENCRYPTION_KEY_FILE, makes its own key and loses every credential at the next redeploy; an environment shows in docker inspect.',
  },
  {
    property: 'certificate',
    title: 'Your own certificate, where there is one, is handed to the proxy as files',
    section: 'tls',
    threat: 'The proxy starts without its certificate, or not at all.',
  },
  {
    property: 'settings',
    title: 'Public URL and session lifetimes are declared for both generations',
    section: 'session-management',
    threat:
      'Without an https public URL cookies are not Secure; the variable of the other generation leaves 7 or 30 days in force.',
  },
];

const REMEDY = `Apply puts ${PATH.compose} right, keeping your comments and your own keys.`;
const IMPACT = 'Containers whose declaration changes are recreated in a later step.';

export const compose = defineStep({
  id: 'compose',
  title: 'Compose file',
  why: 'The guide lists hardening flags that each container must carry. They are declared once, for every container, and checked in what Compose really makes of your files.',
  needs: NEEDS,
  controls: [valid(), ...ROWS.map(property), images(), override()],
  async plan({ host, answers }) {
    const before = await host.readText(PATH.compose);
    const text = await desiredText(host, answers);
    // Without an engine (--files-only) nothing can be seen of the file but that it is the one we would write.
    if (before === text && (await engine(host)).state !== 'ready') return [];
    const change: Change = {
      id: 'compose.write',
      summary:
        before === undefined
          ? `Write ${PATH.compose} (0644)`
          : `Change ${PATH.compose}; the old version goes to the backups`,
      diff: unifiedDiff(PATH.compose, before, text),
      offline: true,
      async apply(writer) {
        // Resolved again: images may have been pulled since the plan was shown.
        const now = await desiredText(writer, answers);
        if ((await writer.readText(PATH.compose)) === now) return;
        const check = await writer.run(
          [
            'docker',
            'compose',
            '--project-directory',
            writer.dir,
            '--file',
            '-',
            'config',
            '--quiet',
            '--no-interpolate',
          ],
          { input: now, timeoutMs: 30_000 },
        );
        // 127: no docker program here, as with --files-only on a host without Docker.
        if (check.code !== 0 && check.code !== 127) {
          throw new ChangeError(
            'refused',
            `Docker Compose does not take the new ${PATH.compose}: ${check.stderr.trim().split('\n').at(-1)}`,
            'Correct what it names in your file, then run this again.',
          );
        }
        await writer.writeFile(PATH.compose, now, { mode: 0o644 });
      },
    };
    return [change];
  },
});

/** The model of our own file, or the reason why there is none. */
async function own(
  host: Parameters<Control<ComposeAnswers>['inspect']>[0]['host'],
  answers: ComposeAnswers,
): Promise<ComposeModel | undefined> {
  return composeModel(host, answers.projectName, 'own');
}

function valid(): Control<ComposeAnswers> {
  return {
    id: VALID,
    title: 'compose.yaml exists and Docker Compose accepts it with its override',
    severity: 'required',
    section: 'docker-security',
    how: 'Lets docker compose config merge compose.yaml with the override and compares the project name it gives.',
    threat: 'A file that Compose refuses cannot be updated or restarted.',
    remedy: REMEDY,
    async inspect({ host, answers }) {
      if (!(await host.stat(PATH.compose)))
        return fail(`${PATH.compose} does not exist`, 'a file that Compose accepts');
      const model = await composeModel(host, answers.projectName);
      return model?.name === answers.projectName
        ? pass(`accepted, project ${model.name}, ${Object.keys(model.services).length} services`)
        : fail(`it is the project ${model?.name}`, answers.projectName);
    },
  };
}

function property(row: Row): Control<ComposeAnswers> {
  return {
    id: `compose.${row.property}`,
    title: row.title,
    severity: 'required',
    section: row.section,
    ...(row.refs ? { refs: row.refs } : {}),
    how: HOW[row.property],
    threat: row.threat,
    remedy: REMEDY,
    impact: IMPACT,
    async inspect({ host, answers }) {
      const model = await own(host, answers);
      if (!model) return unknown(`there is no ${PATH.compose} yet`, VALID);
      const found = violations(model, answers).get(row.property) ?? [];
      return found.length === 0
        ? pass(`declared for ${Object.keys(model.services).length} services`)
        : fail(found.join('; '), 'as the guide asks', `edited in ${PATH.compose}`);
    },
  };
}

function images(): Control<ComposeAnswers> {
  return {
    id: 'compose.images',
    title: 'The images in compose.yaml are the ones that were answered',
    severity: 'required',
    section: 'dependency-updates',
    how: "Compares each service's image in the model that Compose makes of compose.yaml with the answer, the digest left aside.",
    threat: 'Another image than the reviewed one runs.',
    remedy: REMEDY,
    impact: IMPACT,
    async inspect({ host, answers }) {
      const model = await own(host, answers);
      if (!model) return unknown(`there is no ${PATH.compose} yet`, VALID);
      const wanted = Object.entries(imagesOf(answers));
      const wrong = wanted.filter(
        ([service, reference]) => withoutPin(model.services[service]?.image ?? '') !== withoutPin(reference),
      );
      return wrong.length === 0
        ? pass(wanted.map(([, reference]) => reference).join(', '))
        : fail(
            wrong
              .map(([service]) => `${service} runs ${model.services[service]?.image ?? 'nothing'}`)
              .join('; '),
            wrong.map(([, reference]) => reference).join(', '),
          );
    },
  };
}

function override(): Control<ComposeAnswers> {
  return {
    id: 'compose.override-keeps-hardening',
    title: 'Your override file takes no hardening away',
    severity: 'required',
    section: 'docker-security',
    how: 'Applies every hardening rule to the model with and without the override and lists what only the override breaks.',
    threat: `${PATH.override} is merged last: one line in it can publish the database or give a container the host.`,
    remedy: `Remove what is named from ${PATH.override}; this tool never writes that file.`,
    manual: true,
    async inspect({ host, answers }) {
      if (!(await host.stat(PATH.override))) return skip(`there is no ${PATH.override}`);
      const [merged, base] = [await composeModel(host, answers.projectName), await own(host, answers)];
      if (!merged || !base) return skip(`there is no ${PATH.compose} yet`);
      const known = new Set([...violations(base, answers).values()].flat());
      const added = [...violations(merged, answers).values()].flat().filter((text) => !known.has(text));
      return added.length === 0
        ? pass('the merged model is as hardened as ours')
        : fail(added.join('; '), 'nothing taken away', PATH.override);
    },
  };
}
