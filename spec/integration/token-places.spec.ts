import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { WebSocket } from 'undici';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const ISSUER = 'https://auth.test/';
const trust = { issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }] };
const NOW = Math.floor(Date.now() / 1000);

const route = (name: string, config: object): object => ({
  name,
  paths: [`/${name}`],
  plugins: [{ name: 'jwt-identity', config: { ...trust, ...config } }],
});

describeKong('a token where browsers put it', () => {
  let service: Server;
  let kong: Kong;
  /** Requests that reached the service. */
  const reached: IncomingMessage[] = [];

  beforeAll(async () => {
    service = createServer((request, response) => {
      reached.push(request);
      response.setHeader('Set-Cookie', 'own=1').end();
    });
    // Takes the first subprotocol, as most WebSocket servers do.
    service.on('upgrade', (request, socket) => {
      reached.push(request);
      const accept = createHash('sha1').update(
        `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
      );
      const [protocol = ''] = (request.headers['sec-websocket-protocol'] ?? '').split(',');
      const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept.digest('base64')}`];
      if (protocol !== '') lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
      socket.write(['HTTP/1.1 101 Switching Protocols', ...lines, '', ''].join('\r\n'));
      socket.on('error', () => undefined);
    });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    const cookies = { cookie_names: ['session'] };
    const routes = [
      route('cookie', cookies),
      route('open', { ...cookies, allow_missing: true }),
      route('lenient', { ...cookies, allow_missing: true, on_invalid_cookie: 'anonymous' }),
      route('socket', { header_names: ['authorization', 'sec-websocket-protocol'] }),
    ];
    const services = [{ name: 'echo', url: `http://127.0.0.1:${port}`, routes }];
    kong = await startKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services }) });
  }, 120_000);
  afterEach(() => {
    reached.length = 0;
  });
  afterAll(async () => {
    await kong.stop();
    service.closeAllConnections();
    service.close();
  });

  const token = (claims: object = {}): Promise<string> =>
    signToken(key, { iss: ISSUER, aud: 'shop', sub: 'ada', exp: NOW + 3600, ...claims });
  const ask = (path: string, headers: Record<string, string>): Promise<Response> =>
    fetch(kong.proxyUrl + path, { headers });
  /** Opens a WebSocket as a page does; resolves with the subprotocol that the client was given, or `refused`. */
  const open = (protocols: string[]): Promise<string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${kong.port}/socket`, protocols);
      socket.addEventListener('open', () => {
        resolve(socket.protocol);
        socket.close();
      });
      socket.addEventListener('error', () => {
        resolve('refused');
      });
    });

  it.each<[string, (jwt: string) => string]>([
    ['in quotes', (jwt) => `a=1; session="${jwt}"; b=2`],
    ['in quotes after Bearer', (jwt) => `a=1; session="Bearer ${jwt}"; b=2`],
    ['after Bearer and an encoded blank', (jwt) => `a=1; session=Bearer%20${jwt}; b=2`],
    ['in parts', (jwt) => `a=1; session.0=${jwt.slice(0, 100)}; session.1=${jwt.slice(100)}; b=2`],
    ['in parts out of order', (jwt) => `session.1=${jwt.slice(100)}; a=1; session.0=${jwt.slice(0, 100)}; b=2`],
  ])('is found in a cookie %s, and the service sees the other cookies only', async (_, cookie) => {
    expect((await ask('/cookie', { cookie: cookie(await token()) })).status).toBe(200);
    expect(reached[0]?.headers).toMatchObject({ 'x-user-id': 'ada', cookie: 'a=1; b=2' });
  });

  it.each([
    ['a part is missing', async () => `session.1=${await token()}`],
    [
      'it has parts and is whole, with other tokens',
      async () => `session.0=${await token({ sub: 'eve' })}; session=${await token()}`,
    ],
    ['it is empty', () => Promise.resolve('session=')],
  ])('is refused on an open route, and reaches no service, when %s', async (_, cookie) => {
    expect((await ask('/open', { cookie: await cookie() })).status).toBe(400);
    expect(reached).toHaveLength(0);
  });

  it('is ignored and removed from the browser when it is old, where the route says so', async () => {
    const old = await token({ exp: NOW - 3600 });
    expect((await ask('/open', { cookie: `session=${old}` })).status).toBe(401);
    const response = await ask('/lenient', { cookie: `a=1; session=${old}`, 'x-user-id': 'eve' });
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie().toSorted()).toEqual(['own=1', 'session=; Path=/; Max-Age=0']);
    expect(reached[0]?.headers).toMatchObject({ 'x-anonymous-consumer': 'true', cookie: 'a=1' });
    expect(reached[0]?.headers).not.toHaveProperty('x-user-id');
    expect((await ask('/lenient', { authorization: `Bearer ${old}` })).status).toBe(401);
    const known = await ask('/lenient', { cookie: `session=${await token()}` });
    expect([known.status, known.headers.getSetCookie()]).toEqual([200, ['own=1']]);
  });

  it('is taken out of the subprotocols of a WebSocket, and client and service agree on another', async () => {
    expect(await open(['bearer', await token(), 'chat.v1'])).toBe('chat.v1');
    expect(reached[0]?.headers).toMatchObject({ 'x-user-id': 'ada', 'sec-websocket-protocol': 'chat.v1' });
  });

  it('is taken out of them as Kubernetes writes it', async () => {
    const encoded = Buffer.from(await token()).toString('base64url');
    expect(await open([`base64url.bearer.authorization.k8s.io.${encoded}`, 'v4.channel.k8s.io'])).toBe(
      'v4.channel.k8s.io',
    );
    expect(reached[0]?.headers).toMatchObject({ 'x-user-id': 'ada', 'sec-websocket-protocol': 'v4.channel.k8s.io' });
  });

  it('leaves the word bearer when nothing else is offered, so that a browser accepts the answer', async () => {
    expect(await open(['bearer', await token()])).toBe('bearer');
    expect(reached[0]?.headers).toMatchObject({ 'x-user-id': 'ada', 'sec-websocket-protocol': 'bearer' });
  });

  it.each([
    [
      'of a stranger',
      () => signToken(signingKey('ES256', 'k1'), { iss: ISSUER, aud: 'shop', sub: 'eve', exp: NOW + 60 }),
    ],
    ['that has expired', () => token({ exp: NOW - 60 })],
  ])('opens no WebSocket with a token %s', async (_, jwt) => {
    expect(await open(['bearer', await jwt(), 'chat'])).toBe('refused');
    expect(await open(['chat'])).toBe('refused');
    expect(reached).toHaveLength(0);
  });
});
