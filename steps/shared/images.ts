/** Image references: the name an operator gave, and the pin that was resolved for it. */
import type { HostReader } from '../../src/core/host.ts';
import { type Image, image } from './docker.ts';

/** `name:tag@sha256:…` without its digest; a reference by digest alone stays whole. */
export function withoutPin(reference: string): string {
  const at = reference.indexOf('@');
  return at > 0 && reference.slice(0, at).split('/').at(-1)?.includes(':')
    ? reference.slice(0, at)
    : reference;
}

/** The repository part: without tag and digest. */
export function repository(reference: string): string {
  const name = reference.split('@')[0] ?? reference;
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

/** What an image is pinned to: a registry digest, or the local id of an image that no registry knows. */
export type Pin =
  | { readonly by: 'digest'; readonly reference: string }
  | { readonly by: 'id'; readonly reference: string; readonly id: string };

/** The pin of a local image; undefined when it is not here. */
export async function pinOf(host: HostReader, reference: string): Promise<Pin | undefined> {
  const local = await image(host, reference);
  return local && pin(reference, local);
}

/** Chooses the digest that the registry gave for exactly this repository. */
export function pin(reference: string, local: Pick<Image, 'Id' | 'RepoDigests'>): Pin {
  if (reference.includes('@sha256:')) return { by: 'digest', reference };
  const wanted = shortName(repository(reference));
  const digest = (local.RepoDigests ?? [])
    .find((d) => shortName(d.split('@')[0] ?? '') === wanted)
    ?.split('@')[1];
  return digest === undefined
    ? { by: 'id', reference, id: local.Id }
    : { by: 'digest', reference: `${reference}@${digest}` };
}

/** Docker shortens names of its default registry. */
const shortName = (name: string) => name.replace(/^docker\.io\//, '').replace(/^library\//, '');
