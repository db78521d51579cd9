/** What no file declares: settings in the database, in CoreCube, in the engine. */
import type { QuestionId } from '../questions.ts';
import { containerOf } from '../shared/docker.ts';
import { heldImages, short } from '../shared/held-images.ts';
import { broken, describeDiffering, earlierAnswers, type Look, provedBy, type Rule } from './context.ts';
import { wasMade } from './files.ts';
import { when } from './memory.ts';

interface Live {
  /** The answers that decide it. */
  readonly needs?: readonly QuestionId[];
  /** Change without which it never held. */
  readonly change?: string;
  /** Service whose program makes it too, as a new release of CoreCube makes tables. */
  readonly schemaOf?: string;
}

/**
 * Held at the last apply, by the same version of this tool and for the same answers: then what runs was changed.
 * @param place where it is kept, as `in the running database`
 */
export const live =
  (place: string, { needs = [], change, schemaOf }: Live = {}): Rule =>
  async (look, { control }) => {
    const { last, unfinished } = look.memory;
    // A run that was killed may have left it half-way.
    if (unfinished) return undefined;
    const earlier = await earlierAnswers(look, needs);
    if (earlier)
      return broken(
        'never-applied',
        `${describeDiffering(earlier.differing)} from those of the last apply; nothing ${place} was set for them.`,
      );
    const proved = provedBy(look, control);
    if (proved) {
      const moved = schemaOf === undefined ? undefined : await otherImage(look, schemaOf);
      return moved === undefined
        ? broken(
            'changed-at-run-time',
            `It held at the apply of ${when(proved.at)}; it was changed ${place} since.`,
          )
        : broken('changed-by-update', `It held at the apply of ${when(proved.at)}; ${moved} since.`);
    }
    // That it was set once is no proof that it held.
    return !last && change !== undefined && wasMade(look, change) === 'never'
      ? broken('never-applied', `Nothing ${place} was ever set by this tool.`)
      : undefined;
  };

/** That a service runs another image than it is pinned to; undefined when it runs its pin, or that is not seen. */
async function otherImage({ host, answers }: Look, service: string): Promise<string | undefined> {
  const [container, held] = await Promise.all([
    containerOf(host, answers.projectName, service),
    heldImages(host, answers.projectName),
  ]);
  const pin = held?.find((h) => h.service === service)?.id;
  if (!container || pin === undefined || pin === container.Image) return undefined;
  return `${service} runs the image ${short(container.Image)} instead of ${short(pin)}`;
}
