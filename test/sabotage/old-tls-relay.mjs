// A relay that makes a modern server look as if it accepted TLS 1.0 and 1.1: it ends old handshakes itself and passes all
// others through untouched. `node old-tls-relay.mjs PORT HOST PORT CERTIFICATE KEY`; prints a line once it listens and
// ends with its standard input.
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

const [port, host, target, certificate, key] = process.argv.slice(2);
const secureContext = createSecureContext({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  minVersion: 'TLSv1',
  maxVersion: 'TLSv1.1',
  ciphers: 'DEFAULT:@SECLEVEL=0',
});

/** The highest version of a ClientHello (RFC 8446, sections 4.1.2 and 4.2.1): 0x0301 is TLS 1.0. */
function newestOffered(hello) {
  let at = 5 + 4;
  let newest = hello.readUInt16BE(at);
  at += 2 + 32;
  at += 1 + hello[at];
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello[at];
  const end = Math.min(hello.length, at + 2 + hello.readUInt16BE(at));
  for (at += 2; at + 4 <= end; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) !== 43) continue;
    for (let i = at + 5; i < at + 5 + hello[at + 4]; i += 2) newest = Math.max(newest, hello.readUInt16BE(i));
  }
  return newest;
}

const server = createServer((client) => {
  client.on('error', () => client.destroy());
  client.once('data', (hello) => {
    client.pause();
    client.unshift(hello);
    if (hello[0] === 22 && hello.length > 44 && newestOffered(hello) <= 0x0302) {
      const ended = new TLSSocket(client, { isServer: true, secureContext });
      ended.on('error', () => client.destroy());
      return;
    }
    const behind = connect(Number(target), host);
    behind.on('error', () => client.destroy());
    client.on('close', () => behind.destroy());
    behind.on('close', () => client.destroy());
    client.pipe(behind).pipe(client);
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
process.stdin.on('end', () => process.exit(0)).resume();
