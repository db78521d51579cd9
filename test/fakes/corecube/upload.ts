import { randomUUID } from 'node:crypto';
import { mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Call } from './app.ts';
import { HttpError, type Reply } from './http.ts';

/** Streams the body into DATA_DIR/uploads and refuses more than MAX_UPLOAD_SIZE_MB with 413. */
export async function receiveUpload(call: Call): Promise<Reply> {
  const { app, exchange } = call;
  const limit = app.config.maxUploadMb * 1_048_576;
  const folder = join(app.config.dataDir, 'uploads');
  await mkdir(folder, { recursive: true });
  const id = randomUUID();
  const path = join(folder, id);
  const file = await open(path, 'wx', 0o600);
  let size = 0;
  try {
    for await (const part of exchange.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > limit)
        throw new HttpError(413, 'FILE_TOO_LARGE', `the limit is ${app.config.maxUploadMb} MB`);
      await file.write(part);
    }
  } catch (error) {
    await unlink(path);
    throw error;
  } finally {
    await file.close();
  }
  return { status: 201, json: { id, name: exchange.query.get('name') ?? id, size } };
}
