/** What everybody may reach: it answers, and asks for a key. */
import type { HttpResult } from '../../src/core/host.ts';
import type { Control } from '../../src/core/step.ts';
import { relayedBy } from '../compose/weakening.ts';
import { renderCaddyfile } from '../shared/caddy.ts';
import { containerOf, variablesOf } from '../shared/docker.ts';
import { PATH, SERVICE } from '../shared/layout.ts';
import { fromOutside } from './access.ts';
import { ask, type Context, type ProxyAnswers, type Vantage } from './look.ts';
import { askWithoutKey, isGatewayFault, judgeWithoutKey } from './without-key.ts';

/** Asks once more when CoreCube did not answer the proxy: one request may meet a connection that is just being closed. */
async function askTwice(...request: Parameters<typeof ask>): Promise<HttpResult> {
  const result = await ask(...request);
  return isGatewayFault(result) ? ask(...request) : result;
}

/**
 * What must be repaired before a gateway's fault says anything of CoreCube: another proxy on the way, the file, else what
 * was loaded of it.
 */
async function suspect({ host, answers }: Context): Promise<string> {
  const container = await containerOf(host, answers.projectName, SERVICE.proxy);
  if (container && relayedBy(variablesOf(container)) !== undefined) return 'running.proxy-requests';
  const file = await host.readText(PATH.caddyfile);
  return file === renderCaddyfile(answers) ? 'proxy.config-current' : 'proxy.config-file';
}

export const publicAnswers: Control<ProxyAnswers> = {
  id: 'proxy.public-paths-answer',
  title: '/v1 and /mcp are reachable for everybody and ask for an API key',
  severity: 'required',
  section: 'admin-console-access',
  how: 'Asks from outside the ranges for models, an answer and MCP without a key, and for models with a made-up key; CoreCube itself must refuse each.',
  threat: 'A fence that is too wide stops the clients; an API that asks for no key serves everybody.',
  remedy:
    'Apply again. When CoreCube itself serves /v1 or /mcp without a valid key, look at the API keys of type public in the console and report it to CoreCube.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    fromOutside(context, async ([first]) => {
      const { connectTo } = first as Vantage;
      const send = (...[path, options]: [string, Parameters<typeof ask>[3]?]) =>
        askTwice(context, connectTo, path, options);
      const told = await askWithoutKey(send, send('/v1/models'));
      const verdict = judgeWithoutKey(told);
      return verdict.is === 'unknown' && told.some(({ result }) => isGatewayFault(result))
        ? { ...verdict, awaits: await suspect(context) }
        : verdict;
    }),
};
