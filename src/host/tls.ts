import { isIP, connect as netConnect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import type { TlsRequest, TlsResult } from '../core/host.ts';
import { lookUpToConnect } from './lookup.ts';

/** PostgreSQL's SSLRequest (protocol 3.0): length 8, code 80877103. The server answers `S` or `N`. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

/** One handshake. A refusal is a value; `trusted` says whether chain and name hold against `ca` or the system's store. */
export async function shakeHands(request: TlsRequest): Promise<TlsResult> {
  const limit = request.timeoutMs ?? 8_000;
  const raw = netConnect({ host: request.host, port: request.port, lookup: lookUpToConnect });
  raw.setTimeout(limit, () =>
    raw.destroy(Object.assign(new Error(`no answer within ${limit / 1000} s`), { code: 'ETIMEDOUT' })),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      raw.once('connect', resolve);
      raw.once('error', reject);
    });
    if (request.startTls === 'postgres') await startPostgresTls(raw);
    return await handshake(raw, request);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ok: false, code: code ?? 'ERROR', message };
  } finally {
    raw.destroy();
  }
}

async function startPostgresTls(socket: Socket): Promise<void> {
  const answer = await new Promise<number>((resolve, reject) => {
    socket.once('data', (data) => resolve(data[0] ?? 0));
    socket.once('error', reject);
    socket.once('close', () =>
      reject(Object.assign(new Error('the server closed the connection'), { code: 'ECONNRESET' })),
    );
    socket.write(SSL_REQUEST);
  });
  if (answer !== 0x53) throw Object.assign(new Error('the server does not offer TLS'), { code: 'NO_TLS' });
}

function handshake(socket: Socket, request: TlsRequest): Promise<TlsResult> {
  const old = request.max === 'TLSv1' || request.max === 'TLSv1.1';
  const options: ConnectionOptions = {
    socket,
    rejectUnauthorized: false,
    ...(request.serverName === undefined || isIP(request.serverName)
      ? {}
      : { servername: request.serverName }),
    // The name that the certificate is held against, also when it is an address and no SNI is sent.
    ...(request.serverName === undefined ? {} : { host: request.serverName }),
    ...(request.ca === undefined ? {} : { ca: request.ca }),
    minVersion: request.min ?? (old ? 'TLSv1' : 'TLSv1.2'),
    ...(request.max === undefined ? {} : { maxVersion: request.max }),
    // OpenSSL 3 offers TLS 1.0 and 1.1 at security level 0 only; without it the client, not the server, would refuse.
    ...(old ? { ciphers: 'DEFAULT:@SECLEVEL=0' } : {}),
  };
  return new Promise((resolve, reject) => {
    const secure = tlsConnect(options, () => {
      const peer = secure.getPeerCertificate();
      const names = (value: unknown) =>
        value && typeof value === 'object'
          ? Object.entries(value)
              .map(([k, v]) => `${k}=${v}`)
              .join(', ')
          : '';
      resolve({
        ok: true,
        protocol: secure.getProtocol() ?? 'unknown',
        cipher: secure.getCipher().name,
        trusted: secure.authorized,
        ...(secure.authorized
          ? {}
          : {
              trustError: String(
                (secure.authorizationError as Error | undefined)?.message ?? secure.authorizationError,
              ),
            }),
        certificate: {
          subject: names(peer.subject),
          issuer: names(peer.issuer),
          names: peer.subjectaltname ?? '',
          validFrom: new Date(peer.valid_from),
          validTo: new Date(peer.valid_to),
          fingerprint256: peer.fingerprint256 ?? '',
        },
      });
      secure.destroy();
    });
    secure.once('error', reject);
    secure.once('close', () =>
      reject(
        Object.assign(new Error('the server closed the connection during the handshake'), {
          code: 'ECONNRESET',
        }),
      ),
    );
  });
}
