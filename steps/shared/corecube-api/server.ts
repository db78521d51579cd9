/** Finds the running CoreCube and, in its own OpenAPI document, the admin routes. */
import type { HostReader } from '../../../src/core/host.ts';
import type { Verdict } from '../../../src/core/step.ts';
import { fail, unknown } from '../../../src/core/step.ts';
import type { Answers } from '../../questions.ts';
import { bootstrapInProgress } from '../admin-credentials.ts';
import { addressOn, type Container, containerOf } from '../docker.ts';
import { APP_PORT, NETWORK, SERVICE } from '../layout.ts';
import { call, type Server } from './client.ts';
import { type ApiDocument, parseOpenApi } from './openapi.ts';
import { chooseRoutes, type Purpose, type Routes } from './routes.ts';

/** The answers that reaching the API needs; a step that uses it declares them. */
export const API_NEEDS = ['projectName', 'domain', 'httpsPort', 'adminEmail', 'adminApi'] as const;
export type ApiAnswers = Pick<Answers, (typeof API_NEEDS)[number]>;

export type Place =
  | { readonly is: 'up'; readonly container: Container; readonly server: Server }
  | { readonly is: 'stopped'; readonly because: string }
  | { readonly is: 'absent'; readonly because: string };

/** Where CoreCube runs, as the engine sees it: its address on the network it shares with the proxy. */
export async function findServer(host: HostReader, answers: ApiAnswers): Promise<Place> {
  const { projectName, domain, httpsPort } = answers;
  const container = await containerOf(host, projectName, SERVICE.app);
  if (container === undefined) {
    return { is: 'absent', because: `there is no container of the service ${SERVICE.app}` };
  }
  if (!container.State.Running || container.State.Restarting) {
    return { is: 'stopped', because: `the container of the service ${SERVICE.app} is not running` };
  }
  const address = addressOn(container, projectName, NETWORK.edge);
  if (address === undefined) {
    return { is: 'stopped', because: `CoreCube has no address on the network ${NETWORK.edge}` };
  }
  const authority = httpsPort === 443 ? domain : `${domain}:${httpsPort}`;
  const settling = await settlingSince(host, container);
  const server = { address, port: APP_PORT, authority, ...(settling === undefined ? {} : { settling }) };
  return { is: 'up', container, server };
}

/** Seconds after its start during which a server counts as just started: what `startApp` gives it to become healthy. */
const SETTLING = 180;

/** Seconds since the start of a server that has just been started; undefined for any other, and for a paused one. */
async function settlingSince(host: HostReader, { State }: Container): Promise<number | undefined> {
  const age = Math.round((host.now().getTime() - Date.parse(State.StartedAt)) / 1000);
  if (State.Paused || !(age >= 0)) return undefined;
  return age <= SETTLING || (await bootstrapInProgress(host)) ? age : undefined;
}

/** What a control says when CoreCube is not up: it awaits the one that fails because nothing was ever started. */
export function notUp(place: Exclude<Place, { is: 'up' }>, awaits?: string): Verdict {
  return place.is === 'absent' && awaits !== undefined
    ? unknown(place.because, awaits)
    : unknown(place.because);
}

/** What the control that others await says: a container that was never created fails, a stopped one was not seen. */
export function notUpAtAll(place: Exclude<Place, { is: 'up' }>, expected: string): Verdict {
  return place.is === 'absent' ? fail(place.because, expected) : unknown(place.because);
}

export interface AdminApi {
  readonly routes: Routes;
  readonly document: ApiDocument | undefined;
}

/** The admin routes of the running server, discovered once per snapshot. Only `GET /v1/openapi.json` is asked. */
export function discover(host: HostReader, server: Server, overrides: readonly string[]): Promise<AdminApi> {
  return host.once(`corecube routes ${server.address}`, async () => {
    const answer = await call(host, server, { method: 'GET', path: '/v1/openapi.json' });
    const read = (): ApiDocument | string => {
      if (answer.status !== 200) return `GET /v1/openapi.json of the running server answers ${answer.said}`;
      try {
        return parseOpenApi(answer.json);
      } catch (error) {
        return `/v1/openapi.json of the running server cannot be used: ${(error as Error).message}`;
      }
    };
    const document = read();
    return {
      routes: chooseRoutes(document, overrides),
      document: typeof document === 'string' ? undefined : document,
    };
  });
}

/** What a person does where the API has no route. Menu names: guide, Default credential change, Audit log retention, API key hygiene. */
const BY_HAND: Readonly<Record<Purpose, string>> = {
  login:
    'Open the Admin Console and try admin@example.com with changeme123: it must be refused. If it is not, log in, click the profile icon, then Profile, and change e-mail and password.',
  logout: 'Log out in the Admin Console, go back in the browser, and see that it asks for the login.',
  session: 'Log out in the Admin Console, go back in the browser, and see that it asks for the login.',
  'profile-read': 'Open the profile icon, then Profile, and read the e-mail address.',
  'profile-write': 'Click the profile icon, then Profile, and change e-mail and password.',
  'password-write': 'Click the profile icon, then Profile, and change the password.',
  'settings-read': 'Open Settings, then Audit, and compare retention and query text.',
  'settings-write': 'Open Settings, then Audit, and set retention and query text.',
  'api-keys':
    'Open API Keys, then Usage, and look for keys without expiry, without use, or in more than one place.',
  connections: 'Open each connection with webhooks and see that it has a webhook secret.',
  users: 'Open Users and see that admin@example.com is not among them.',
};

/** Where the override is named, what it looks like. */
const EXAMPLE: Readonly<Partial<Record<Purpose, string>>> = {
  login: 'login=POST /path',
  'profile-write': 'profile-write=PATCH /path',
  'settings-write': 'settings-write=PUT /path',
  logout: 'logout=POST /path',
};

/** The exact manual instruction for a purpose, and how to name the route instead. */
export function byHand(purpose: Purpose): string {
  const override =
    purpose === 'password-write'
      ? ''
      : ` Or name the route in the answer adminApi: ${EXAMPLE[purpose] ?? `${purpose}=GET /path`}.`;
  return `${BY_HAND[purpose]}${override}`;
}

/** Why a route is missing, with what to do instead. */
export function missingRoute(routes: Routes, purpose: Purpose): string {
  const route = routes[purpose];
  return route.found ? '' : `${route.because}. By hand: ${byHand(purpose)}`;
}
