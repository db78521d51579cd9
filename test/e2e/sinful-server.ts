/**
 * A server that commits every sin an outsider can see: TLS 1.0 to 1.2 with a certificate that ran out, an open console,
 * no header, plain HTTP served, and the ports that must be closed open. Says `ready` when all of them listen.
 */
import { createServer as http } from 'node:http';
import { createServer as https } from 'node:https';
import { type Server, createServer as tcp } from 'node:net';
import { tinyCertificate } from '../steps/tiny-certificate.ts';

const day = 86_400_000;
const name = process.argv[2] ?? '';
const { pem, key } = tinyCertificate(name, new Date(Date.now() - 90 * day), new Date(Date.now() - day));
const anything = (_: unknown, response: { end(text: string): void }) => response.end('welcome');
const secure = https(
  { cert: pem, key, minVersion: 'TLSv1', maxVersion: 'TLSv1.2', ciphers: 'DEFAULT:@SECLEVEL=0' },
  anything,
);
const listen = (server: Server, port: number) =>
  new Promise<void>((done) => server.listen(port, '0.0.0.0', done));
await Promise.all([
  listen(secure, 8443),
  listen(http(anything), 8080),
  ...[7400, 5432, 2019, 2375].map((port) =>
    listen(
      tcp((socket) => socket.destroy()),
      port,
    ),
  ),
]);
process.stdout.write('ready\n');
