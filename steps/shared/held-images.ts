/** Which image each service is held to, by digest or by the recorded id of one that was loaded by hand. */
import type { HostReader } from '../../src/core/host.ts';
import { composeDocument } from './compose-file.ts';
import { composeModel } from './compose-project.ts';
import { type Container, image } from './docker.ts';

/** How one service is held to one image. */
interface Held {
  readonly service: string;
  readonly reference: string;
  /** Id that the pin stands for: of the image with that digest, or the recorded one of a hand-loaded image. */
  readonly id: string | undefined;
  /** Why this is no pin, in the operator's words. */
  readonly loose?: string;
}

/** Pins as the merged Compose model has them; undefined without compose.yaml. Shared within a snapshot. */
export function heldImages(host: HostReader, project: string): Promise<readonly Held[] | undefined> {
  return host.once(`held images ${project}`, async () => {
    const model = await composeModel(host, project);
    if (!model) return undefined;
    const document = await composeDocument(host);
    return Promise.all(
      Object.entries(model.services).map(async ([service, { image: reference = '' }]) => {
        const recorded = document?.getIn(['x-corecube-secure', 'images', service, 'id']);
        const forReference = document?.getIn(['x-corecube-secure', 'images', service, 'reference']);
        if (reference.includes('@sha256:'))
          return { service, reference, id: (await image(host, reference))?.Id };
        if (typeof recorded !== 'string' || forReference !== reference)
          return {
            service,
            reference,
            id: undefined,
            loose: `${service} runs ${reference || 'no named image'} without a digest`,
          };
        const local = (await image(host, reference))?.Id;
        if (local !== undefined && local !== recorded)
          return {
            service,
            reference,
            id: recorded,
            loose: `${reference} of ${service} is ${short(local)} now, recorded was ${short(recorded)}`,
          };
        return { service, reference, id: recorded };
      }),
    );
  });
}

/** The beginning of an image's id, as docker shows it. */
export const short = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);

/** What a container runs instead of what its service is held to; undefined when it is that, or no image is held. */
export async function otherThanHeld(
  host: HostReader,
  project: string,
  service: string,
  container: Container,
): Promise<string | undefined> {
  const held = (await heldImages(host, project))?.find((h) => h.service === service);
  // A tag that has moved is a person's decision: no container made anew would settle it.
  if (held?.id === undefined || held.loose !== undefined || held.id === container.Image) return undefined;
  return `runs the image ${short(container.Image)} instead of its pin ${short(held.id)}`;
}

/** Why what runs was chosen by nobody: the tag of its image has moved since it was recorded. */
export async function movedTag(
  host: HostReader,
  project: string,
  service: string,
): Promise<string | undefined> {
  const held = (await heldImages(host, project))?.find((h) => h.service === service);
  return held?.id === undefined ? undefined : held.loose;
}
