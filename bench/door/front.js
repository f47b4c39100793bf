'use strict';

/**
 * A front of Node's own HTTP server with three ways to one service: `/bare` passes requests on and does nothing else,
 * `/door` is the door with a bearer token, `/session` the door with an encrypted cookie. It needs the build. Reads its
 * settings from FRONT (JSON), prints its port, and ends with its parent.
 */
const { createServer } = require('node:http');
const { Readable } = require('node:stream');
const { createDoor, createForwarder, createSessions } = require('../../dist/src/bff/entry.js');

const { kongYml, service, secret } = JSON.parse(process.env.FRONT);
const origin = 'http://shop.test';
const sessions = createSessions({ origin, secrets: [secret], refresh: () => Promise.resolve(undefined) });
const { forward } = createForwarder({
  origin: service,
  connectTimeoutMs: 60_000,
  writeTimeoutMs: 60_000,
  readTimeoutMs: 60_000,
  retries: 0,
  verifyTls: true,
  maxBodyBytes: 1e6,
});
const handlers = {
  '/bare': (request) => forward(request, { path: '/', headers: new Headers({ host: 'service.test' }) }),
  '/door': createDoor({ kongYml, session: { origin } }),
  '/session': createDoor({ kongYml, session: { origin, open: (request) => sessions.open(request) } }),
};

const server = createServer((incoming, outgoing) => {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i], incoming.rawHeaders[i + 1]);
  }
  const request = new Request(origin + incoming.url, { method: incoming.method, headers });
  handlers[incoming.url](request).then((response) => {
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else Readable.from(response.body).pipe(outgoing);
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});
process.on('disconnect', () => process.exit(0));
