import { createServer } from 'node:http';
import type { Log } from './log.ts';

/** A model service that has no model: `/health` and constant embeddings on the given port until told to stop. */
export async function serveInference(port: number, stop: Promise<unknown>, log: Log): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    const path = (request.url ?? '/').split('?', 1)[0];
    const body =
      path === '/health'
        ? { status: 'ok' }
        : path === '/v1/embeddings'
          ? { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1, 0, 0] }] }
          : undefined;
    response.writeHead(body === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body ?? { error: { code: 'NOT_FOUND' } }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '0.0.0.0', resolve);
  });
  log.info('listening', { service: 'inference', port });
  await stop;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return 0;
}
