'use strict';

/**
 * Three ways to one service: `bare` passes requests on and does nothing else, `door` is the door with a bearer token,
 * `session` the door with an encrypted cookie. They need the build, and settings in FRONT (JSON).
 */
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

module.exports = {
  bare: (request) => forward(request, { path: '/', headers: new Headers({ host: 'service.test' }) }),
  door: createDoor({ kongYml, session: { origin } }),
  session: createDoor({ kongYml, session: { origin, open: (request) => sessions.open(request) } }),
};
