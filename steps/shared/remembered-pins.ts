/** What an install remembers of its pins beside compose.yaml, for when that file has lost them. */
import type { HostReader } from '../../src/core/host.ts';
import { containerOf, image } from './docker.ts';
import { engine } from './engine.ts';
import { type Pin, pin, withoutPin } from './images.ts';
import { heldAs } from './last-report.ts';

/**
 * The pin that a service had for this reference: of its container, else of the last apply. Undefined when nothing
 * remembers one. The tag itself says nothing: it may have moved, and been pulled, since.
 */
export function rememberedPin(
  host: HostReader,
  project: string,
  service: string,
  reference: string,
): Promise<Pin | undefined> {
  return host.once(
    `remembered pin ${project} ${service} ${reference}`,
    async () =>
      (await pinOfContainer(host, project, service, reference)) ??
      (await pinOfReport(host, service, reference)),
  );
}

async function pinOfContainer(
  host: HostReader,
  project: string,
  service: string,
  reference: string,
): Promise<Pin | undefined> {
  if ((await engine(host)).state !== 'ready') return undefined;
  const container = await containerOf(host, project, service);
  const made = container?.Config.Image;
  if (container === undefined || made === undefined || withoutPin(made) !== reference) return undefined;
  if (made.includes('@sha256:')) return { by: 'digest', reference: made };
  const local = await image(host, container.Image);
  return local && pin(reference, local);
}

/** What `images.pinned` saw at the end of the last apply. */
async function pinOfReport(host: HostReader, service: string, reference: string): Promise<Pin | undefined> {
  const held = (await heldAs(host, 'images.pinned'))?.split(', ');
  const found = held?.find((one) => one.startsWith(`${service}: ${reference}@sha256:`));
  return found === undefined ? undefined : { by: 'digest', reference: found.slice(`${service}: `.length) };
}
