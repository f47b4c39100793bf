import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const exp = Math.floor(Date.now() / 1000) + 3_600;
const trust = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
};

const route = (name: string, config: object): object => ({
  name,
  paths: [`/${name}`],
  plugins: [{ name: 'jwt-identity', config: { ...trust, ...config } }],
});

describeKong('rules of a route', () => {
  let service: Server;
  let kong: Kong;
  /** Requests that reached the service, as method and path. */
  const reached: string[] = [];

  beforeAll(async () => {
    service = createServer((request, response) => {
      reached.push(`${request.method} ${request.url}`);
      response.setHeader('x-got-user', request.headers['x-user-id'] ?? '');
      response.end();
    });
    service.on('upgrade', (request, socket) => {
      reached.push(`upgrade ${request.url}`);
      const user = String(request.headers['x-user-id']);
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Got-User: ${user}\r\n\r\n`,
      );
    });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    const routes = [
      route('any', {}),
      route('admin', { authorize: [{ roles: ['admin'] }] }),
      route('mixed', {
        authorize: [
          { methods: ['GET'], any_identity: true },
          { methods: ['POST'], scopes: ['orders:write', 'orders'] },
        ],
      }),
      route('mail', { authorize: [{ claims: [{ claim: 'email', matches: ['*@example.com'] }] }] }),
      route('shadow', { authorize_shadow: [{ roles: ['admin'] }] }),
      route('preflight', { run_on_preflight: false, authorize: [{ methods: ['POST'], roles: ['admin'] }] }),
      route('socket', { cookie_names: ['session'], authorize: [{ roles: ['admin'] }] }),
    ];
    const services = [{ name: 'echo', url: `http://127.0.0.1:${port}`, routes }];
    kong = await startKong({ declarativeConfig: JSON.stringify({ _format_version: '3.0', services }) });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    service.closeAllConnections();
    service.close();
  });

  const token = (claims: object): Promise<string> =>
    signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp, ...claims });
  const ask = async (method: string, path: string, claims?: object, headers: object = {}): Promise<Response> => {
    const sent = claims === undefined ? {} : { authorization: `Bearer ${await token(claims)}` };
    return fetch(kong.proxyUrl + path, { method, headers: { ...headers, ...sent } });
  };

  it.each<[number, string, string, object]>([
    [200, 'GET', '/admin', { roles: ['admin'] }],
    [403, 'GET', '/admin', { roles: ['administrator', 'adm'] }],
    [403, 'GET', '/admin', { roles: 'user admin' }],
    [403, 'GET', '/admin', {}],
    [200, 'GET', '/mixed', {}],
    [200, 'HEAD', '/mixed', {}],
    [200, 'POST', '/mixed', { scope: 'orders orders:write' }],
    [403, 'POST', '/mixed', { scope: 'orders:write' }],
    [403, 'POST', '/mixed', { scope: 'orders orders:writeall' }],
    [403, 'DELETE', '/mixed', { scope: 'orders orders:write' }],
    [403, 'OPTIONS', '/mixed', {}],
    [200, 'GET', '/mail', { email: 'ada@example.com' }],
    [403, 'GET', '/mail', { email: 'ada@example.com.evil.net' }],
    [200, 'GET', '/shadow', { roles: ['user'] }],
  ])('answer %d to %s %s with %j', async (status, method, path, claims) => {
    reached.length = 0;
    expect((await ask(method, path, claims)).status).toBe(status);
    expect(reached).toHaveLength(status === 200 ? 1 : 0);
  });

  it('name the scope that is missing', async () => {
    const response = await ask('POST', '/mixed', {});
    expect(await response.json()).toMatchObject({ code: 'insufficient_scope', status: 403 });
    expect(response.headers.get('www-authenticate')).toMatch(
      /^Bearer realm="service", error="insufficient_scope", .*scope="orders:write orders"$/,
    );
  });

  it('are not skipped for a token that was verified a moment ago, on this route or another (F3, F5)', async () => {
    const claims = { roles: ['user'] };
    const sent = { authorization: `Bearer ${await token(claims)}` };
    const statusOf = async (path: string): Promise<number> =>
      (await fetch(kong.proxyUrl + path, { headers: sent })).status;
    const paths = ['/any', '/admin', '/any', '/mail', '/admin', '/any'];
    const statuses: number[] = [];
    for (const path of paths) statuses.push(await statusOf(path));
    expect(statuses).toEqual([200, 403, 200, 403, 403, 200]);
    const together = await Promise.all(Array.from({ length: 60 }, (_, index) => statusOf(paths[index % 2]!)));
    expect(together).toEqual(Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 200 : 403)));
  });

  it('let a preflight pass without an identity, and no other OPTIONS request', async () => {
    const preflight = { origin: 'https://app.test', 'access-control-request-method': 'POST', 'x-user-id': 'eve' };
    const passed = await ask('OPTIONS', '/preflight', undefined, preflight);
    expect([passed.status, passed.headers.get('x-got-user')]).toEqual([200, '']);
    expect((await ask('OPTIONS', '/preflight', undefined, { origin: 'https://app.test' })).status).toBe(401);
    expect((await ask('OPTIONS', '/any', undefined, preflight)).status).toBe(401);
  });

  it('answer a HEAD request without a body', async () => {
    const response = await ask('HEAD', '/admin', {});
    expect([response.status, await response.text()]).toEqual([403, '']);
  });

  it.each([
    ['a token in a cookie', 101, ['admin']],
    ['too few rights', 403, ['user']],
    ['no token', 401, undefined],
  ])('decide about a WebSocket at its handshake: with %s it is %d', async (_, status, roles) => {
    reached.length = 0;
    const cookie = roles === undefined ? {} : { cookie: `session=${await token({ roles })}` };
    const response = await handshake(kong, '/socket', { ...cookie, 'x-user-id': 'eve' });
    expect(response.statusCode).toBe(status);
    expect(reached).toHaveLength(status === 101 ? 1 : 0);
    if (status === 101) expect(response.headers['x-got-user']).toBe('ada');
  });
});

function handshake(kong: Kong, path: string, headers: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    };
    const request = httpRequest(kong.proxyUrl + path, { agent: false, headers: { ...upgrade, ...headers } });
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    request.on('response', (response) => {
      response.resume();
      resolve(response);
    });
    request.on('error', reject);
    request.end();
  });
}
