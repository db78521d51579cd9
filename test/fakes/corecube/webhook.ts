import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Call, Route } from './app.ts';
import { HttpError, type Reply, readBody } from './http.ts';

const WINDOW_SECONDS = 300;

/** Hex HMAC-SHA256 over `timestamp.body`; the timestamp is in Unix seconds. */
export function webhookSignature(secret: string, timestamp: string, body: Buffer | string): string {
  return createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
}

/** Why a delivery is refused; undefined when it is genuine and at most five minutes old. */
export function webhookProblem(
  secret: string,
  timestamp: string,
  signature: string,
  body: Buffer,
  nowSeconds: number,
): string | undefined {
  if (!/^\d{1,12}$/.test(timestamp)) return 'timestamp missing';
  if (Math.abs(nowSeconds - Number(timestamp)) > WINDOW_SECONDS) return 'payload too old';
  const want = Buffer.from(`sha256=${webhookSignature(secret, timestamp, body)}`);
  const have = Buffer.from(signature);
  return want.length === have.length && timingSafeEqual(want, have) ? undefined : 'signature mismatch';
}

async function receive(call: Call): Promise<Reply> {
  const { app, exchange } = call;
  const id = exchange.params.id ?? '';
  const body = await readBody(exchange.request, 1_048_576);
  const row = /^[0-9a-f-]{36}$/.test(id) ? await app.store.connection(id) : undefined;
  const secret = row?.webhook_secret == null ? undefined : app.store.unseal(row.webhook_secret);
  const header = (name: string) => String(exchange.request.headers[name] ?? '');
  const problem =
    row === undefined || !row.webhook_enabled
      ? 'webhooks are not enabled'
      : secret === undefined
        ? 'no webhook secret'
        : webhookProblem(
            secret,
            header('x-cube-timestamp'),
            header('x-cube-signature'),
            body,
            Date.now() / 1000,
          );
  if (problem !== undefined) {
    app.log.warn('webhook rejected', { address: exchange.address, connection: row?.id, reason: problem });
    throw new HttpError(401, 'WEBHOOK_REJECTED', problem);
  }
  await app.store.audit('webhook', 'sync.triggered', exchange.address, { connection: row?.id });
  return { status: 202, json: { accepted: true } };
}

/** v1 only; the later generation has no webhooks. */
export const webhookRoute: Route = {
  method: 'POST',
  path: '/api/webhooks/{id}',
  id: 'receiveWebhook',
  tag: 'Webhooks',
  summary: 'Delivery for a connection; X-Cube-Timestamp and X-Cube-Signature: sha256=HMAC(timestamp.body)',
  guard: 'open',
  answers: { 202: { description: 'Accepted' }, 401: { description: 'Rejected' } },
  handle: receive,
};
