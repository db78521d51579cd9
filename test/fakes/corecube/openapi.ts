import type { Route } from './app.ts';
import type { Generation } from './config.ts';
import { errorSchema } from './shapes.ts';

const pathParameters = (path: string) =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

function operation(route: Route, generation: Generation): Record<string, unknown> {
  const byCookie = route.guard === 'session' || route.guard === 'admin';
  const csrf = byCookie && generation === 'v2' && route.method !== 'GET';
  const parameters = [
    ...pathParameters(route.path),
    ...(csrf ? [{ name: 'X-CSRF-Token', in: 'header', required: true, schema: { type: 'string' } }] : []),
  ];
  const security = byCookie ? [{ sessionCookie: [] }] : route.guard === 'key' ? [{ apiKey: [] }] : [];
  const refused =
    route.guard === 'open' ? {} : { 401: { description: 'Not signed in', schema: errorSchema } };
  const responses = Object.entries({ ...refused, ...route.answers }).map(([status, answer]) => [
    status,
    {
      description: answer.description,
      ...(answer.schema === undefined ? {} : { content: { 'application/json': { schema: answer.schema } } }),
    },
  ]);
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    security,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: Object.fromEntries(responses),
  };
}

/** The OpenAPI 3.1 document of exactly these routes. */
export function openApiDocument(routes: readonly Route[], generation: Generation, cookie: string): object {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method.toLowerCase()] = operation(route, generation);
    paths[route.path] = item;
  }
  return {
    openapi: '3.1.0',
    info: { title: 'CoreCube API', version: generation === 'v1' ? '0.9.4' : '0.14.1' },
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        sessionCookie: { type: 'apiKey', in: 'cookie', name: cookie },
        apiKey: { type: 'http', scheme: 'bearer', description: 'an API key that begins with cc_' },
      },
    },
  };
}
