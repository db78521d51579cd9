import { createServer, type Server } from 'node:http';
import { adminRoutesV1 } from './admin-v1.ts';
import { adminRoutesV2 } from './admin-v2.ts';
import type { App, Caller, Route } from './app.ts';
import { authenticate, cookieName, demandCsrf } from './auth.ts';
import type { Config } from './config.ts';
import type { Faults } from './faults.ts';
import { type Exchange, exchangeOf, HttpError, matchPath, type Reply, readJson, send } from './http.ts';
import { reason } from './log.ts';
import { openApiDocument } from './openapi.ts';
import { openApiRoute, pageFor } from './pages.ts';
import { clientRoutes, demandKey } from './public.ts';
import { peerAddress } from './throttle.ts';
import { webhookRoute } from './webhook.ts';

/** Every operation this server answers, as its generation and its faults have it. */
export function routesOf(generation: Config['generation'], faults: Faults, cookie: string): Route[] {
  const admin = generation === 'v1' ? [...adminRoutesV1(faults), webhookRoute] : adminRoutesV2(faults);
  const routes = [...clientRoutes(), ...(faults.has('admin-routes-missing') ? [] : admin)];
  if (faults.has('no-openapi')) return routes;
  const document = openApiRoute(() => openApiDocument(routes, generation, cookie));
  routes.push(document);
  return routes;
}

function securityHeaders(app: App, exchange: Exchange): void {
  const { response } = exchange;
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const hsts = 'max-age=31536000; includeSubDomains';
  if (app.config.generation === 'v1') {
    const https =
      exchange.forwardedHttps || app.config.publicUrl?.toLowerCase().startsWith('https://') === true;
    response.setHeader('X-Frame-Options', 'DENY');
    response.setHeader('Referrer-Policy', 'no-referrer');
    if (https) response.setHeader('Strict-Transport-Security', hsts);
  }
  if (app.faults.has('hsts-doubled')) response.setHeader('Strict-Transport-Security', [hsts, 'max-age=300']);
}

async function answer(
  app: App,
  routes: readonly Route[],
  exchange: Exchange,
  served: number,
): Promise<Reply | undefined> {
  const here = routes.flatMap((route) => {
    const params = matchPath(route.path, exchange.path);
    return params === undefined ? [] : [{ route, params }];
  });
  const method = exchange.request.method === 'HEAD' ? 'GET' : exchange.request.method;
  const hit = here.find(({ route }) => route.method === method);
  if (hit === undefined) {
    const page = pageFor(exchange, served);
    if (page !== undefined) return page;
    if (here.length === 0) throw new HttpError(404, 'NOT_FOUND', 'no such route');
    const allow = here.map(({ route }) => route.method).join(', ');
    throw new HttpError(405, 'METHOD_NOT_ALLOWED', 'this route has other methods', { Allow: allow });
  }
  const { route } = hit;
  const at = { ...exchange, params: hit.params };
  let caller: Caller | undefined;
  if (route.guard === 'key') await demandKey(app, at);
  if (route.guard === 'session' || route.guard === 'admin') {
    caller = await authenticate(app, at);
    if (route.guard === 'admin' && caller.user.role !== 'admin') {
      throw new HttpError(403, 'FORBIDDEN', 'only an admin may do this');
    }
    if (route.method !== 'GET') demandCsrf(app, at, caller);
  }
  const body = route.body === undefined ? undefined : await readJson(at, route.body);
  return route.handle({ app, exchange: at, body, caller });
}

/** The HTTP server of an app; one access-log line per request, without query, body, cookie or key. */
export function createHttpServer(app: App): Server {
  const routes = routesOf(app.config.generation, app.faults, cookieName(app));
  let served = 0;
  return createServer(async (request, response) => {
    const started = performance.now();
    served += 1;
    const exchange = exchangeOf(request, response);
    // Taken now: a request that is cut off has no socket any more when its line is written.
    const remote = peerAddress(request);
    response.on('close', () => {
      app.log.info('request', {
        method: request.method,
        path: (request.url ?? '/').split('?', 1)[0],
        status: response.statusCode,
        ms: Math.round(performance.now() - started),
        remote,
        forwarded_for: request.headers['x-forwarded-for'],
        forwarded_proto: request.headers['x-forwarded-proto'],
        host: request.headers.host,
      });
    });
    try {
      securityHeaders(app, exchange);
      const reply = await answer(app, routes, exchange, served);
      if (reply !== undefined) send(exchange, reply);
    } catch (error) {
      const known = error instanceof HttpError;
      if (!known) app.log.error('request failed', { path: exchange.path, reason: reason(error) });
      const status = known ? error.status : 500;
      if (response.headersSent) {
        response.destroy();
        return;
      }
      // An unread body must not keep the connection: the rest of it would be taken for the next request.
      if (!request.complete) {
        response.setHeader('Connection', 'close');
        request.resume();
      }
      send(exchange, {
        status,
        json: {
          error: { code: known ? error.code : 'INTERNAL', message: known ? error.message : 'internal error' },
        },
        ...(known ? { headers: error.headers } : {}),
      });
    }
  });
}
