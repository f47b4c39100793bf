import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendRaw, type RawResponse } from '../support/raw-http';
import { signInByRequests } from '../support/shop-login';
import { EXAMPLE_ABSENCE, startShopExample, type ShopExample } from '../support/shop-example';

if (EXAMPLE_ABSENCE !== undefined) {
  process.stderr.write(`\nSKIPPED: raw requests to examples/nextjs-bff: ${EXAMPLE_ABSENCE}\n\n`);
}

(EXAMPLE_ABSENCE === undefined ? describe : describe.skip)('the door behind a real `next start`', () => {
  let shop: ShopExample;
  let token: string;
  let carol: string;

  beforeAll(async () => {
    shop = await startShopExample();
    token = (await signInByRequests(shop, 'alice')).accessToken;
    carol = (await signInByRequests(shop, 'carol')).accessToken;
  }, 240_000);
  afterAll(async () => {
    await shop.stop();
  }, 60_000);

  const send = async (target: string, lines: readonly string[], method = 'GET'): Promise<RawResponse> => {
    const head = [
      `${method} ${target} HTTP/1.1`,
      `Host: 127.0.0.1:${shop.port}`,
      ...lines,
      'Connection: close',
      '',
      '',
    ];
    const response = await sendRaw({ host: '127.0.0.1', port: shop.port }, head.join('\r\n'));
    if (response === undefined) throw new Error('no answer');
    return response;
  };
  /** The JSON in a body that may have come in chunks. */
  const bodyOf = ({ body }: RawResponse): Record<string, unknown> =>
    JSON.parse(/\{.*\}/s.exec(body)?.[0] ?? '{}') as Record<string, unknown>;
  const bearer = (value = token): string => `Authorization: Bearer ${value}`;

  it('passes a good token in a header, with the identity of that token and no other header of its kind', async () => {
    const response = await send('/api/orders', [bearer()]);
    expect(response.status).toBe(200);
    expect(bodyOf(response)).toMatchObject({ service: 'orders', caller: { id: 'alice', roles: ['user'] } });
  });

  it.each([
    ['an identity header', ['X-User-ID: evil', 'X-User-Roles: admin']],
    ['one in another spelling', ['X_User_ID: evil', 'x-user_roles: admin', 'X.User.ID: evil']],
    ['several of one name', ['X-User-ID: evil', 'X-User-ID: evil2', 'X-User-Roles: admin']],
    ['a signed identity', ['X-Identity-Token: x', 'X_Identity_Token: y']],
    ['a consumer of Kong', ['X-Consumer-ID: evil', 'X-Credential-Identifier: evil', 'X-Anonymous-Consumer: true']],
    ['an address', ['X-Forwarded-For: 10.0.0.1', 'X-Real-IP: 10.0.0.1', 'Forwarded: for=10.0.0.1']],
    ['a middleware of Next.js', ['x-middleware-subrequest: middleware:middleware:middleware:middleware:middleware']],
    ['another path, for other proxies', ['X-Original-URL: /api/stock', 'X-Rewrite-URL: /api/stock']],
  ])('passes nothing on of %s', async (_, lines) => {
    const response = await send('/api/orders', [...lines, bearer()]);
    expect(response.status).toBe(200);
    expect(bodyOf(response)).toMatchObject({ service: 'orders', caller: { id: 'alice', roles: ['user'] } });
    expect(JSON.stringify(bodyOf(response))).not.toMatch(/evil|10\.0\.0\.1|x_|\./);
  });

  it.each([
    ['names an identity header in Connection', ['Connection: close, X-User-Roles']],
    ['has the scheme without a token', ['Authorization: Bearer']],
    ['has two tokens in one header', ['Authorization: Bearer a, Bearer b']],
  ])('refuses a request that %s', async (_, lines) => {
    const { status, headers, body } = await send('/api/orders', [...lines]);
    expect(status).toBe(400);
    expect(headers['content-type']).toEqual(['application/problem+json']);
    expect(body).not.toContain('orders');
  });

  it('takes the first of two Authorization lines, as Node does, and shows the service neither', async () => {
    const response = await send('/api/orders', [bearer(), bearer(carol)]);
    expect(bodyOf(response)).toMatchObject({ caller: { id: 'alice' } });
    expect((bodyOf(response)['told'] as string[]).includes('authorization')).toBe(false);
  });

  it.each([
    ['/api/stock/..%2forders', 400],
    ['/api/orders%2f..%2fstock', 400],
    ['/api/orders/%2e%2e%2fstock', 400],
    ['/api/orders/..%5cstock', 400],
    ['/api/orders/%252e%252e/stock', 400],
    ['/api/orders;x/stock', 400],
    ['/api/orders/..;/stock', 400],
    ['/api/%73tock', 400],
    ['/api/orders/%00', 400],
    ['/api/STOCK', 404],
    ['/api/nothing', 404],
    ['/api/ordersx/../nothing', 404],
    ['/api', 404],
  ])('reaches no service with the path %s', async (path, status) => {
    const response = await send(path, [bearer(carol)], 'POST');
    expect(response.body).not.toContain('"service"');
    expect(response.status).toBe(status);
  });

  it.each([
    '/api//stock',
    '//api/stock',
    '/api\\stock',
    '/api/orders/../stock',
    '/api/orders/%2e%2e/stock',
    '/./api/stock',
    'http://evil.test/api/stock',
    '/api/stock?x=/../../orders',
    '/api/stock#/orders',
    '/api/stock/',
    '/_next/data/x/api/stock.json',
    '/_next/../api/stock',
  ])('does not let alice fill the stock, however the path is written: %s', async (path) => {
    const response = await send(path, [bearer()], 'POST');
    expect(response.status).toBeGreaterThanOrEqual(300);
    expect(response.body).not.toContain('"service"');
  });

  it('does not believe the Host of a request', async () => {
    const head = [`GET /api/orders HTTP/1.1`, 'Host: evil.test', bearer(), 'Connection: close', '', ''];
    const response = await sendRaw({ host: '127.0.0.1', port: shop.port }, head.join('\r\n'));
    expect(response?.status).toBe(200);
    expect(response?.body).not.toContain('evil');
  });

  it('changes no protocol', async () => {
    const lines = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
    const head = [`GET /api/orders HTTP/1.1`, `Host: 127.0.0.1:${shop.port}`, ...lines, 'Connection: Upgrade', '', ''];
    const answer = sendRaw({ host: '127.0.0.1', port: shop.port }, head.join('\r\n'));
    const status = await answer.then((response) => response?.status ?? 0).catch(() => 0);
    expect([0, 400, 401, 404, 501]).toContain(status);
  });

  it('refuses headers that are too large', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `X-Large-${i}: ${'x'.repeat(1000)}`);
    expect((await send('/api/orders', [bearer(), ...lines])).status).toBe(431);
  });

  it('streams an upload: the service reads its beginning before its end is sent', async () => {
    const socket = connect(shop.port, '127.0.0.1');
    const head = ['POST /api/orders/upload HTTP/1.1', `Host: 127.0.0.1:${shop.port}`, bearer()];
    socket.write([...head, 'Transfer-Encoding: chunked', 'Connection: close', '', '5', 'begin', ''].join('\r\n'));
    while (!shop.output('orders').includes('an upload begins')) await new Promise((r) => setTimeout(r, 20));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write('3\r\nend\r\n0\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*"bytes":8/s);
  });

  it('lets nobody in after a kill and a restart who was not let in before', async () => {
    await shop.restart();
    expect((await send('/api/orders', [])).status).toBe(401);
    expect((await send('/api/stock', [bearer()], 'POST')).status).toBe(403);
    expect((await send('/api/stock', [bearer(carol)], 'POST')).status).toBe(200);
  });
});
