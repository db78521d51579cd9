// Guarantees that compose.yaml declares every hardening of the guide and that the operator's override takes none away.
// Never writes compose.override.yaml, never drops a comment or a foreign key, never moves a pinned image by itself.

import { unifiedDiff } from '../src/core/diff.ts';
import { ChangeError } from '../src/core/errors.ts';
import type { HostReader } from '../src/core/host.ts';
import { type Change, type Control, fail, pass, skip, unknown, type Verdict } from '../src/core/step.ts';
import { plainCommand } from './compose/plain-command.ts';
import { type ComposeAnswers, desiredText, imageMoves, imagesOf, MISNAMED, NEEDS } from './compose/render.ts';
import { ROWS, type Row } from './compose/rows.ts';
import { violations } from './compose/violations.ts';
import { defineStep } from './questions.ts';
import { composeDocument } from './shared/compose-file.ts';
import { type ComposeModel, ComposeRefused, composeModel } from './shared/compose-project.ts';
import { engine } from './shared/engine.ts';
import { pinOf, withoutPin } from './shared/images.ts';
import { PATH } from './shared/layout.ts';
import { rememberedPin } from './shared/remembered-pins.ts';

const VALID = 'compose.valid';

const REMEDY = `Apply puts ${PATH.compose} right, keeping your comments and your own keys.`;
const IMPACT = 'Containers whose declaration changes are recreated in a later step.';

const controls: readonly Control<ComposeAnswers>[] = [
  valid(),
  ...ROWS.map(property),
  images(),
  override(),
  plainCommand,
];

export const compose = defineStep({
  id: 'compose',
  title: 'Compose file',
  why: 'The guide lists hardening flags that each container must carry. They are declared once, for every container, and checked in what Compose really makes of your files.',
  needs: NEEDS,
  controls,
  async plan({ host, answers, failing }) {
    // What is only advised about the operator's own services is no reason to write, nor is what other files say.
    if (!controls.some((c) => c.severity === 'required' && !c.manual && failing.has(c.id))) return [];
    const before = await host.readText(PATH.compose);
    const text = await desiredText(host, answers);
    // Without an engine (--files-only) nothing can be seen of the file but that it is the one we would write.
    if (before === text && (await engine(host)).state !== 'ready') return [];
    const moves = await imageMoves(host, answers);
    const change: Change = {
      id: 'compose.write',
      summary:
        before === undefined
          ? `Write ${PATH.compose} (0644)`
          : `Change ${PATH.compose}; the old version goes to the backups`,
      diff: unifiedDiff(PATH.compose, before, text),
      ...(moves.length > 0
        ? { disrupts: `An image moves, and the container that runs it with it: ${moves.join(', ')}.` }
        : {}),
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
async function own(host: HostReader, answers: ComposeAnswers): Promise<ComposeModel | Verdict> {
  const model = await composeModel(host, answers.projectName, 'own').catch((error: Error) => error);
  // What Compose refuses can be seen once it takes the file, which apply may bring about.
  if (model instanceof ComposeRefused) return unknown(model.message, VALID);
  if (model instanceof Error) throw model;
  return model ?? unknown(`there is no ${PATH.compose} yet`, VALID);
}

function valid(): Control<ComposeAnswers> {
  return {
    id: VALID,
    title: 'compose.yaml exists and Docker Compose accepts it with its override',
    severity: 'required',
    section: 'docker-security',
    how: 'Lets docker compose config merge compose.yaml with the override, and compares the project that compose.yaml names with the answer.',
    threat:
      'A file that Compose refuses cannot be updated or restarted; one that names another project starts a second install, or changes that of somebody else.',
    remedy: REMEDY,
    impact: 'A service whose declaration changes is recreated and away for some seconds.',
    async inspect({ host, answers }) {
      if (!(await host.stat(PATH.compose)))
        return fail(`${PATH.compose} does not exist`, 'a file that Compose accepts');
      const model = await composeModel(host, answers.projectName).catch((error: Error) => error);
      if (model instanceof ComposeRefused) return fail(model.message, 'files that Compose accepts');
      if (model instanceof Error) throw model;
      const named = (await composeDocument(host))?.get('name');
      return named === answers.projectName
        ? pass(`accepted, project ${named}, ${Object.keys(model?.services ?? {}).length} services`)
        : fail(
            `${MISNAMED} ${named === undefined ? 'no project' : `the project ${named}`}`,
            answers.projectName,
          );
    },
  };
}

function property(row: Row): Control<ComposeAnswers> {
  return {
    id: `compose.${row.property}`,
    title: row.title,
    severity: row.own === undefined ? 'required' : 'advised',
    section: row.section,
    ...(row.refs ? { refs: row.refs } : {}),
    how: row.how,
    threat: row.threat,
    ...(row.own === undefined ? { remedy: REMEDY, impact: IMPACT } : row.own),
    async inspect({ host, answers }) {
      const model = await own(host, answers);
      if ('is' in model) return model;
      // The operator's own services may be declared in either file.
      const whole = row.own ? ((await composeModel(host, answers.projectName)) ?? model) : model;
      const found = violations(whole, answers, host.dir).get(row.property) ?? [];
      return found.length === 0
        ? pass(`declared for ${Object.keys(model.services).length} services`)
        : fail(found.join('; '), 'as the guide asks', ...(row.own ? [] : [`edited in ${PATH.compose}`]));
    },
  };
}

/** The pin that a reference without one gets: the one that this install remembers, else of what the tag names here. */
const pinFor = async (...[host, project, service, reference]: Parameters<typeof rememberedPin>) =>
  (await rememberedPin(host, project, service, reference)) ?? (await pinOf(host, reference));

function images(): Control<ComposeAnswers> {
  return {
    id: 'compose.images',
    title: 'The images in compose.yaml are the ones that were answered, by digest',
    severity: 'required',
    section: 'dependency-updates',
    how: "Compares each service's image in the model that Compose makes of compose.yaml with the answer, and looks for the digest that the image has here.",
    threat: 'Another image than the reviewed one runs.',
    remedy: REMEDY,
    impact: IMPACT,
    async inspect({ host, answers }) {
      const model = await own(host, answers);
      if ('is' in model) return model;
      const wanted = Object.entries(imagesOf(answers));
      const shown = (service: string) => model.services[service]?.image ?? 'nothing';
      const wrong = wanted
        .filter(([service, reference]) =>
          // An answer with a digest means exactly this image.
          reference.includes('@')
            ? shown(service) !== reference
            : withoutPin(shown(service)) !== withoutPin(reference),
        )
        .map(([service, reference]) => ({ seen: `${service} runs ${shown(service)}`, wanted: reference }));
      // A digest that can be had is written down: a tag alone would move with the next pull.
      let unseen: string | undefined;
      for (const [service, reference] of wanted) {
        if (shown(service) !== reference || reference.includes('@')) continue;
        const pin = await pinFor(host, answers.projectName, service, reference).catch((e: Error) => e);
        if (pin instanceof Error) unseen = `whether ${reference} has a digest here: ${pin.message}`;
        else if (pin?.by === 'digest')
          wrong.push({ seen: `${service} runs ${reference} without a digest`, wanted: pin.reference });
      }
      if (wrong.length > 0)
        return fail(wrong.map((w) => w.seen).join('; '), wrong.map((w) => w.wanted).join(', '));
      return unseen === undefined
        ? pass(wanted.map(([, reference]) => reference).join(', '))
        : unknown(`it cannot be told ${unseen}`);
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
    impact: 'The services that it names are recreated and away for some seconds.',
    manual: true,
    async inspect({ host, answers }) {
      if (!(await host.stat(PATH.override))) return skip(`there is no ${PATH.override}`);
      const base = await own(host, answers);
      if ('is' in base) return base;
      const merged = (await composeModel(host, answers.projectName)) ?? base;
      // How the operator's own services are hardened is another control's statement.
      const said = (model: ComposeModel) =>
        [...violations(model, answers, host.dir)].flatMap(([property, texts]) =>
          property === 'foreign-hardened' ? [] : texts,
        );
      const known = new Set(said(base));
      const added = said(merged).filter((text) => !known.has(text));
      return added.length === 0
        ? pass('the merged model is as hardened as ours')
        : fail(added.join('; '), 'nothing taken away', PATH.override);
    },
  };
}
