import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IdentityProvider } from '../../../examples/demo/identity-provider/identity-provider';
import { Journal } from '../../../examples/demo/journal';
import { listen, type Listening } from '../../../examples/demo/listen';
import { type Answer, send } from '../../../examples/demo/page/outgoing-request';
import { type Exchange, pageActions } from '../../../examples/demo/page/page-actions';
import { startPage } from '../../../examples/demo/page/page-server';
import { headerLines, type HeaderLine } from '../../../examples/demo/services/naive-service';

describe("the server of the demo's page", () => {
  let page: Listening;
  let gateway: Listening;
  let arrived: readonly HeaderLine[];
  beforeAll(async () => {
    // Stands for the gateway: answers everything.
    const server: Server = createServer((request, response) => {
      arrived = headerLines(request.rawHeaders);
      response.end('answered');
    });
    gateway = await listen(server, 0, 'gateway');
    const ports = { gateway: gateway.port, identityProvider: 1, orders: gateway.port, admin: 1, page: 0 };
    const provider = {} as IdentityProvider;
    page = await startPage(
      0,
      pageActions(ports, provider, new Journal(() => undefined), () => ''),
    );
  });
  afterAll(async () => {
    await page.stop();
    await gateway.stop();
  });

  const ownHost = (): string => `127.0.0.1:${page.port}`;
  const ask = (target: string, body: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const all = { Host: ownHost(), Origin: `http://${ownHost()}`, 'Content-Length': String(body.length), ...headers };
    return send({ port: page.port, method: 'POST', target, headers: Object.entries(all), body });
  };
  const sendThrough = (request: object): Promise<Answer> =>
    ask('/send', JSON.stringify({ target: 'gateway', method: 'GET', path: '/orders', headers: [], ...request }));

  it.each([['/'], ['/page.js'], ['/page.css']])('serves %s, and lets it talk to nobody else', async (target) => {
    const { status, headers } = await send({
      port: page.port,
      method: 'GET',
      target,
      headers: [['Host', `localhost:${page.port}`]],
    });
    expect(status).toBe(200);
    const policy = headers.find(([name]) => name === 'Content-Security-Policy')?.[1];
    expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
  });

  it('serves nothing else', async () => {
    for (const target of ['/page-server.ts', '/../../../package.json', '/constructor', '/send', '//']) {
      const { status } = await send({ port: page.port, method: 'GET', target, headers: [['Host', ownHost()]] });
      expect(status).toBe(404);
    }
    expect((await ask('/constructor', '{}')).status).toBe(404);
  });

  it.each([['evil.example'], ['127.0.0.1'], ['127.0.0.1:1'], ['127.0.0.1.evil.example'], ['']])(
    'does not answer to another name: "%s"',
    async (host) => {
      const { status } = await send({ port: page.port, method: 'GET', target: '/', headers: [['Host', host]] });
      expect(status).toBe(421);
    },
  );

  it.each([['https://evil.example'], ['null'], ['http://127.0.0.1:1']])(
    'does nothing for a page of another origin: %s',
    async (origin) => {
      expect((await ask('/setting', '{}', { Origin: origin })).status).toBe(403);
    },
  );

  it('sends headers exactly as they are written', async () => {
    const headers = [
      ['X-User-ID', 'carol'],
      ['x_User_ID', 'carol'],
      ['X-User-ID', 'again'],
      ['Connection', 'close, X-User-ID'],
    ];
    const { status, body } = await sendThrough({ headers });
    expect(status).toBe(200);
    expect(arrived.slice(1)).toEqual(headers);
    const exchange = JSON.parse(body) as Exchange;
    expect(exchange.sent.headers).toEqual(arrived);
    expect(exchange).toMatchObject({ answer: { status: 200, body: 'answered' }, decision: null, received: null });
  });

  it('says that a connection was refused', async () => {
    const { body } = await sendThrough({ target: 'admin' });
    expect(JSON.parse(body)).toMatchObject({ answer: null, decision: null, received: null });
  });

  it.each([
    ['a line end in a value', { headers: [['X-A', 'b\r\nX-User-ID: carol']] }],
    ['a line end in a path', { path: '/orders HTTP/1.1\r\nX-User-ID: carol' }],
    ['a method that is none', { method: 'GET /' }],
    ['a path without a slash', { path: 'http://evil.example/' }],
    ['another machine', { target: 'evil.example' }],
    ['a header that is none', { headers: [['X-A']] }],
  ])('refuses %s with a sentence', async (_, request) => {
    const { status, body } = await sendThrough(request);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toEqual({ error: expect.any(String) });
  });

  it('refuses what is no JSON object', async () => {
    for (const body of ['', 'null', '[1', '"a"']) expect((await ask('/send', body)).status).toBe(400);
    expect((await ask('/send', `"${'x'.repeat(70_000)}"`)).status).toBe(400);
  });
});
