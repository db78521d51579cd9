/** compose.yaml as it is written, for what Compose's own model does not tell: pins, labels, our extension. */
import { type Document, parseDocument } from 'yaml';
import type { HostReader } from '../../src/core/host.ts';
import { PATH } from './layout.ts';

/**
 * The parsed file, with its errors in it; undefined when there is none. Shared within a snapshot, since parsing it is
 * dearer than most looks: only to be read.
 */
export function composeDocument(host: HostReader): Promise<Document | undefined> {
  return host.once('compose.yaml as a document', async () => {
    const text = await host.readText(PATH.compose);
    return text === undefined ? undefined : (parseDocument(text) as Document);
  });
}
