/** What everybody may reach: it answers, and asks for a key. */
import type { HttpResult } from '../../src/core/host.ts';
import { type Control, fail, pass, unknown } from '../../src/core/step.ts';
import { fromOutside, refused } from './access.ts';
import { ask, because, type ProxyAnswers, type Vantage } from './look.ts';

/** The proxy could not get an answer from CoreCube (RFC 9110, sections 15.6.3 to 15.6.5). */
const isGatewayFault = (result: HttpResult): boolean => result.ok && [502, 503, 504].includes(result.status);

/** Asks once more when CoreCube did not answer the proxy: one request may meet a connection that is just being closed. */
async function askTwice(...request: Parameters<typeof ask>): Promise<HttpResult> {
  const result = await ask(...request);
  return isGatewayFault(result) ? ask(...request) : result;
}

export const publicAnswers: Control<ProxyAnswers> = {
  id: 'proxy.public-paths-answer',
  title: '/v1 and /mcp are reachable for everybody and ask for an API key',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Asks /v1/models and /mcp without a key from outside the ranges; CoreCube itself must ask for a key.',
  threat: 'A fence that is too wide stops the clients; an API that asks for no key serves everybody.',
  remedy:
    'Apply again. When /v1/models answers without a key, look at the API keys of type public in the console.',
  inspect: (context) =>
    fromOutside(context, async ([first]) => {
      const { connectTo } = first as Vantage;
      const [models, mcp] = await Promise.all([
        askTwice(context, connectTo, '/v1/models'),
        askTwice(context, connectTo, '/mcp', {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
          body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        }),
      ]);
      for (const [name, result] of [
        ['GET /v1/models', models],
        ['POST /mcp', mcp],
      ] as const) {
        if (!result.ok) return unknown(`${name} got no answer: ${because(result.message)}`);
        if (isGatewayFault(result)) {
          return unknown(`${name} answers ${result.status}: CoreCube does not answer behind the proxy`);
        }
        if (refused(result)) return fail(`${name} is refused by the proxy`, '401 from CoreCube');
        const asksForKey =
          result.status === 401 ||
          (name === 'POST /mcp' && [400, 404, 405, 406, 415].includes(result.status));
        if (!asksForKey)
          return fail(`${name} answers ${result.status} without an API key`, '401 from CoreCube');
      }
      return pass('GET /v1/models answers 401 and POST /mcp is not served without a key');
    }),
};
