import type { Route } from './app.ts';
import type { Exchange, Reply } from './http.ts';

const page = (title: string, body: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body>${body}</body></html>`;

/** What a browser or a scraper finds beside the APIs. `/metrics` asks nobody, as too many servers do. */
export function pageFor(exchange: Exchange, served: number): Reply | undefined {
  const { path, request } = exchange;
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  if (path === '/') return { status: 302, headers: { Location: '/admin' } };
  if (path === '/v1/docs') {
    const docs = '<h1>CoreCube API</h1><a href="/v1/openapi.json">openapi.json</a>';
    return { status: 200, html: page('CoreCube API reference', docs) };
  }
  if (path === '/metrics') {
    const memory = process.memoryUsage().rss;
    const lines = [`corecube_http_requests_total ${served}`, `process_resident_memory_bytes ${memory}`];
    return { status: 200, text: `${lines.join('\n')}\n` };
  }
  const console = path === '/admin' || (path.startsWith('/admin/') && !path.startsWith('/admin/api/'));
  if (console) {
    return {
      status: 200,
      html: page('CoreCube Admin Console', '<div id="root">CoreCube Admin Console</div>'),
    };
  }
  return undefined;
}

/** The document itself is described too, as generators of such documents do. */
export function openApiRoute(document: () => object): Route {
  return {
    method: 'GET',
    path: '/v1/openapi.json',
    id: 'getOpenApi',
    tag: 'Documentation',
    summary: 'This document',
    guard: 'open',
    answers: { 200: { description: 'OpenAPI 3.1' } },
    handle: () => ({ status: 200, json: document() }),
  };
}
