import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { HttpRequest, HttpResult } from '../core/host.ts';
import { Secret } from '../core/secret.ts';
import { lookUpToConnect } from './lookup.ts';

/** Connections that requests with `reuse` share; Node keeps them apart by address, name, authority and trust. */
const shared = new Agent({ keepAlive: true, maxSockets: 16, timeout: 5_000 });

const wasClosed = ({ code }: NodeJS.ErrnoException) => code === 'ECONNRESET' || code === 'EPIPE';

/** Bytes of a body that are kept. */
const MAX_BODY = 1024 * 1024;

/**
 * One request, on a connection of its own unless `reuse` is set: the path as given, no redirect followed, no header but
 * what was asked. A server may end a kept connection at the very moment when it is used again, as it does when it loads a
 * new configuration: that says nothing about the server, so the request is made once more on a new one (RFC 9112,
 * section 9.3.1). What is not safe to repeat is never sent over a kept connection.
 */
export function sendHttp(request: HttpRequest, signal: AbortSignal): Promise<HttpResult> {
  const keep = request.reuse === true && (request.method === 'GET' || request.method === 'HEAD');
  return send(request, signal, keep);
}

function send(request: HttpRequest, signal: AbortSignal, keep: boolean): Promise<HttpResult> {
  const url = new URL(request.origin);
  const secure = url.protocol === 'https:';
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const body = request.body instanceof Secret ? request.body.reveal() : request.body;
  const limit = request.timeoutMs ?? 10_000;
  const options: RequestOptions & { servername?: string; rejectUnauthorized?: boolean; ca?: string } = {
    method: request.method,
    path: request.path,
    host: request.connectTo?.host ?? name,
    port: request.connectTo?.port ?? (url.port || (secure ? 443 : 80)),
    headers: {
      host: url.host,
      'user-agent': 'secure-setup',
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      ...request.headers,
    },
    lookup: lookUpToConnect,
    agent: secure && keep ? shared : false,
    signal,
    ...(request.localAddress === undefined ? {} : { localAddress: request.localAddress }),
    ...(secure
      ? {
          servername: isIP(name) ? '' : name,
          rejectUnauthorized: !request.insecure,
          ...(request.ca === undefined ? {} : { ca: request.ca }),
        }
      : {}),
  };
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) =>
      resolve({ ok: false, code: error.code ?? 'ERROR', message: error.message });
    let answered = false;
    let answer: (response: IncomingMessage) => void = () => {};
    const client = (secure ? httpsRequest : httpRequest)(options, (response) => answer(response));
    const timer = setTimeout(
      () =>
        client.destroy(Object.assign(new Error(`no answer within ${limit / 1000} s`), { code: 'ETIMEDOUT' })),
      limit,
    );
    client.on('error', (error) => {
      clearTimeout(timer);
      if (client.reusedSocket && !answered && wasClosed(error)) resolve(send(request, signal, false));
      else fail(error);
    });
    answer = (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      let size = 0;
      // Now, not at the end: by then the connection may be given back or closed, and knows its addresses no more.
      const { localAddress = '', remoteAddress = '' } = response.socket;
      const finish = () => {
        clearTimeout(timer);
        const headers: [string, string][] = [];
        for (let i = 0; i < response.rawHeaders.length; i += 2)
          headers.push([
            (response.rawHeaders[i] as string).toLowerCase(),
            response.rawHeaders[i + 1] as string,
          ]);
        resolve({
          ok: true,
          status: response.statusCode ?? 0,
          headers,
          body: Buffer.concat(chunks).toString('utf8'),
          localAddress,
          remoteAddress,
        });
      };
      response.on('data', (chunk: Buffer) => {
        if (size < MAX_BODY) chunks.push(chunk.subarray(0, MAX_BODY - size));
        size += chunk.length;
        if (size >= MAX_BODY) {
          finish();
          response.destroy();
        }
      });
      response.on('end', finish);
      response.on('error', fail);
    };
    client.end(body);
  });
}
