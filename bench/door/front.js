'use strict';

/**
 * A front of Node's own HTTP server with the ways of handlers.js. Prints its port, and ends with its parent.
 */
const { createServer } = require('node:http');
const { Readable } = require('node:stream');
const handlers = require('./handlers.js');

const server = createServer((incoming, outgoing) => {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1]);
  }
  const request = new Request(`http://shop.test${incoming.url}`, { method: incoming.method, headers });
  handlers[incoming.url.slice(1)](request).then((response) => {
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else Readable.from(response.body).pipe(outgoing);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});
process.on('disconnect', () => process.exit(0));
