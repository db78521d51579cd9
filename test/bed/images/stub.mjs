// Smallest possible application for the bed's own self test (images.sh build --stub): answers every
// request on port 7400 with what it sees of the caller.
import http from 'node:http';

http
  .createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        generation: process.env.CORECUBE_GENERATION,
        url: request.url,
        remote: request.socket.remoteAddress,
        uid: process.getuid?.(),
        node: process.version,
      }),
    );
  })
  .listen(7400, '::');
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
