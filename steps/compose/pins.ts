/** Which image compose.yaml holds each service to, and whether that is another one than before. */
import type { Document } from 'yaml';
import type { HostReader } from '../../src/core/host.ts';
import { pinOf, withoutPin } from '../shared/images.ts';
import { rememberedPin } from '../shared/remembered-pins.ts';
import { type ComposeAnswers, EXTENSION, imagesOf } from './render.ts';

export interface Pins {
  readonly references: Record<string, string>;
  /** Services whose image no registry knows, with the local id they are held to. */
  readonly ids: Record<string, { reference: string; id: string }>;
  /** What a person has to know: services whose image is another one than before, or may be. */
  readonly moves: string[];
}

/**
 * A pin that was made for the same reference is kept, and found again where the file has lost it: an image moves only when
 * the operator changes the answer.
 */
export async function pinImages(
  host: HostReader,
  answers: ComposeAnswers,
  existing: Document | undefined,
): Promise<Pins> {
  const pins: Pins = { references: {}, ids: {}, moves: [] };
  for (const [service, reference] of Object.entries(imagesOf(answers))) {
    const written = existing?.getIn(['services', service, 'image']);
    const recorded = existing?.getIn([EXTENSION, 'images', service, 'id']);
    if (
      typeof written === 'string' &&
      written.includes('@sha256:') &&
      withoutPin(written) === withoutPin(reference)
    ) {
      pins.references[service] = reference.includes('@') ? reference : written;
    } else if (written === reference && typeof recorded === 'string') {
      pins.references[service] = reference;
      pins.ids[service] = { reference, id: recorded };
    } else {
      const known = await rememberedPin(host, answers.projectName, service, reference);
      const pin = known ?? (await pinOf(host, reference).catch(() => undefined));
      pins.references[service] = pin?.reference ?? reference;
      if (pin?.by === 'id') pins.ids[service] = { reference, id: pin.id };
      if (known === undefined && typeof written === 'string' && written !== pins.references[service])
        pins.moves.push(`${service} from ${written} to ${pins.references[service]}`);
    }
  }
  return pins;
}
