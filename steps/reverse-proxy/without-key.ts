/** What is public must ask for an API key: what is sent without a valid one, and how the answers are judged. */
import { randomBytes } from 'node:crypto';
import type { HttpResult } from '../../src/core/host.ts';
import { fail, pass, unknown, type Verdict } from '../../src/core/step.ts';
import { refused, type Shot } from './attack.ts';
import { because } from './look.ts';

/** Sends one request to the proxy under its own name. */
type Send = (path: string, options?: Shot['options']) => Promise<HttpResult>;

/** An answer to a request that carried no valid key. */
interface Told {
  /** The request in words. */
  readonly name: string;
  readonly result: HttpResult;
  /** Besides 401 and 403: what a server may answer before it comes to the key, serving nothing. */
  readonly also?: readonly number[];
}

const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
} as const;
const post = (body: object) => ({ method: 'POST', headers: HEADERS, body: JSON.stringify(body) }) as const;

/** What MCP clients begin with. A server may judge form, session and method before the key. */
const MCP_FORM = [400, 404, 405, 406, 415];
const CLIENT = {
  protocolVersion: '2025-03-26',
  capabilities: {},
  clientInfo: { name: 'create-corecube-secure', version: '1' },
};
const MCP_METHODS: Readonly<Record<string, object>> = {
  ping: {},
  initialize: { params: CLIENT },
  'tools/list': { params: {} },
};

/** A key as they are documented (`cc_` and 43 letters and digits) that nobody was ever given. */
const madeUpKey = () =>
  `cc_${randomBytes(64)
    .toString('base64')
    .replace(/[^0-9A-Za-z]/g, '')
    .slice(0, 43)}`;

const CHAT = '/v1/chat/completions';
/** The smallest question that is complete, for a server that judges the form of a question before the key. */
const QUESTION = { model: 'corecube', messages: [{ role: 'user', content: 'ping' }], max_tokens: 1 };

/** An empty question first, which costs nothing where it is served; a complete one only when its form was refused. */
async function chat(send: Send): Promise<Told> {
  const name = `POST ${CHAT}`;
  const result = await send(CHAT, post({}));
  return result.ok && [400, 422].includes(result.status)
    ? { name, result: await send(CHAT, post(QUESTION)) }
    : { name, result };
}

/**
 * Everything that must not be served without a valid key, side by side.
 * @param models the answer to `GET /v1/models` without a key
 */
export const askWithoutKey = (send: Send, models: Promise<HttpResult>): Promise<readonly Told[]> =>
  Promise.all([
    models.then((result) => ({ name: 'GET /v1/models', result })),
    send('/v1/models', { headers: { authorization: `Bearer ${madeUpKey()}` } }).then((result) => ({
      name: 'GET /v1/models with a made-up key',
      result,
    })),
    chat(send),
    ...Object.entries(MCP_METHODS).map(async ([method, more]) => ({
      name: `POST /mcp (${method})`,
      result: await send('/mcp', post({ jsonrpc: '2.0', id: 1, method, ...more })),
      also: MCP_FORM,
    })),
  ]);

/** The proxy could not get an answer from CoreCube (RFC 9110, sections 15.6.3 to 15.6.5). */
export const isGatewayFault = (result: HttpResult): boolean =>
  result.ok && [502, 503, 504].includes(result.status);

function judge({ name, result, also = [] }: Told): Verdict {
  if (!result.ok) return unknown(`${name} got no answer: ${because(result.message)}`);
  const { status } = result;
  if (isGatewayFault(result))
    return unknown(`${name} answers ${status}: CoreCube does not answer behind the proxy`);
  if (refused(result)) return fail(`${name} is refused by the proxy`, '401 from CoreCube');
  if ([401, 403, ...also].includes(status)) return pass(`${name} answers ${status}`);
  // What went wrong before anything was served, or is limited in number, says nothing of the key.
  return status >= 400
    ? unknown(`${name} answers ${status}, which does not say that it asks for an API key`)
    : fail(`${name} answers ${status} without a valid API key`, '401 from CoreCube');
}

/** One verdict for all: what is served to everybody counts before what was not seen. */
export function judgeWithoutKey(told: readonly Told[]): Verdict {
  const verdicts = told.map(judge);
  return (
    verdicts.find(({ is }) => is === 'fail') ??
    verdicts.find(({ is }) => is === 'unknown') ??
    pass(`${told.map(({ name }) => name).join(', ')}: none is served without a valid API key`)
  );
}
