/**
 * Requests that try to leave something behind on the connection between gateway and service: whoever gets that connection
 * next would have it read as a request of its own, with headers that no plugin has seen.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import {
  connect,
  createServer as createByteServer,
  type AddressInfo,
  type Server as ByteServer,
  type Socket,
} from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { IDENTITY, tokenFor } from '../support/guarded-kong';
import { type Kong, startKong } from '../support/kong';
import { describeKong, kongTarget } from '../support/kong-target';
import { rawGet, sendPipelined, sendRaw } from '../support/raw-http';

/** A request as a service read it. */
interface Seen {
  readonly line: string;
  /** How long its head was, in bytes. */
  readonly headBytes: number;
  readonly userId: string | undefined;
  readonly trailers: () => readonly string[];
}

const routes = (url: string): string => `
services:
  - name: shop
    url: ${url}
    routes:
      - { name: open, paths: [/open], strip_path: false, methods: [GET, POST, PUT] }
      - { name: orders, paths: [/orders], strip_path: false, plugins: [{ name: jwt-identity, config: { <<: *identity } }] }
`;
const head = (...lines: readonly string[]): string => [...lines, '', ''].join('\r\n');
const HIDDEN = head('GET /hidden HTTP/1.1', 'Host: api.test', 'X-User-ID: root');

describeKong('a service that answers before it has read the body', () => {
  let service: Server;
  let kong: Kong;
  const seen: Seen[] = [];

  beforeAll(async () => {
    service = createServer((request, response) => {
      const { method = '', url = '', rawHeaders, headers } = request;
      const line = `${method} ${url}`;
      const lines = rawHeaders.reduce((bytes, text) => bytes + text.length + 2, 0);
      const userId = headers['x-user-id'] as string | undefined;
      seen.push({
        line,
        headBytes: `${line} HTTP/1.1\r\n`.length + lines + 2,
        userId,
        trailers: () => request.rawTrailers,
      });
      request.resume();
      response.end('ok');
    });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    kong = await startKong({ declarativeConfig: IDENTITY + routes(`http://127.0.0.1:${port}`) });
  });
  beforeEach(() => {
    seen.length = 0;
  });
  afterAll(async () => {
    await kong.stop();
    service.closeAllConnections();
    service.close();
  });

  const carrier = head(
    'POST /open/carrier HTTP/1.1',
    'Host: api.test',
    `Content-Length: ${HIDDEN.length}`,
    'Connection: close',
  );

  it.each([
    ['GET', ['Upgrade: websocket', 'Connection: Upgrade']],
    ['GET', ['Upgrade: websocket', 'Connection: keep-alive, Upgrade']],
    ['GET', ['Upgrade: WebSocket', 'Connection: upgrade', 'Expect: 100-continue']],
    ['GET', ['Upgrade: websocket']],
    ['GET', ['Upgrade: h2c', 'Connection: Upgrade']],
    ['POST', ['Upgrade: websocket', 'Connection: Upgrade']],
    ['POST', ['Expect: 100-continue']],
  ])('reads no request from the next body when a %s with %j sends one byte of its body', async (method, lines) => {
    await sendRaw(kong, carrier + HIDDEN);
    const [{ headBytes } = { headBytes: 0 }] = seen;
    expect(headBytes).toBeGreaterThan(100);
    seen.length = 0;
    // As long as the head of the next request: what comes after that head would be read as a request.
    const promise = head(
      `${method} /open/promise HTTP/1.1`,
      'Host: api.test',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      ...lines,
      `Content-Length: ${headBytes + 1}`,
    );
    const socket = connect(kong.port, kong.host);
    socket.on('error', () => undefined);
    socket.write(`${promise}x`);
    // Answered by the service, or refused. Kong itself waits for the rest of the body before it asks the service.
    if (kongTarget === 'embedded') await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    for (let again = 0; again < 3; again += 1) await sendRaw(kong, carrier + HIDDEN);
    socket.destroy();
    expect(seen.map(({ line }) => line).filter((line) => !/ \/open\/(?:carrier|promise)$/.test(line))).toEqual([]);
    expect(seen.filter(({ userId }) => userId !== undefined)).toEqual([]);
  });

  it('gets the body of a WebSocket handshake, and nothing else on that connection', async () => {
    const lines = ['Host: api.test', 'Upgrade: websocket', 'Connection: Upgrade', `Content-Length: ${HIDDEN.length}`];
    const response = await sendRaw(kong, head('POST /open/handshake HTTP/1.1', ...lines) + HIDDEN);
    expect(response?.status).toBe(200);
    await sendRaw(kong, carrier + HIDDEN);
    expect(seen.map(({ line }) => line)).toEqual(['POST /open/handshake', 'POST /open/carrier']);
  });

  it('gets no header from the trailers of a body', async () => {
    const authorization = `Authorization: Bearer ${await tokenFor()}`;
    const lines = ['Host: api.test', authorization, 'Transfer-Encoding: chunked', 'Trailer: X-User-ID', 'TE: trailers'];
    const body = '3\r\nabc\r\n0\r\nX-User-ID: root\r\nX-User-Roles: root\r\n\r\n';
    const response = await sendRaw(kong, head('POST /orders HTTP/1.1', ...lines, 'Connection: close') + body);
    expect(response?.status).toBe(200);
    expect(seen.map(({ line, userId, trailers }) => [line, userId, trailers()])).toEqual([['POST /orders', 'ada', []]]);
  });

  it.each([
    '/orders/%0d%0aX-User-ID:%20root%0d%0a',
    '/open/%0d%0aX-User-ID:%20root%0d%0a%0d%0aGET%20/hidden',
    '/open?a=%0d%0aX-User-ID:%20root',
    '/open/%20HTTP/1.1%0d%0aX-User-ID:%20root',
  ])('gets no header from escaped line ends in %s', async (target) => {
    const authorization = `Authorization: Bearer ${await tokenFor()}`;
    await sendRaw(kong, rawGet(target, target.startsWith('/orders') ? [authorization] : []));
    expect(seen.length).toBeLessThanOrEqual(1);
    for (const { userId } of seen) expect(userId).toBe(target.startsWith('/orders') ? 'ada' : undefined);
  });

  it.each([
    ['CONNECT', 'CONNECT api.test:80 HTTP/1.1'],
    ['CONNECT with the path of a route', 'CONNECT /open HTTP/1.1'],
    ['TRACE', 'TRACE /open HTTP/1.1'],
    ['an asterisk', 'OPTIONS * HTTP/1.1'],
    ['an authority', 'GET api.test:80 HTTP/1.1'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0'],
  ])('gets nothing of a request line with %s, nor of what follows it', async (_, line) => {
    const statuses = await sendPipelined(kong, [head(line, 'Host: api.test', 'Connection: close'), HIDDEN]);
    expect(statuses).toHaveLength(1);
    expect(statuses[0]).toBeGreaterThanOrEqual(400);
    expect(seen).toEqual([]);
  });

  it.each([
    ['the path of an open route behind another host', 'GET http://shop.test/orders HTTP/1.1', 'Host: api.test'],
    ['another host than the target', 'GET http://api.test/orders HTTP/1.1', 'Host: open.test'],
    ['a user in the target', 'GET http://user@api.test/orders HTTP/1.1', 'Host: api.test'],
  ])('gets no request without a token in absolute form with %s', async (_, ...lines) => {
    const response = await sendRaw(kong, head(...lines, 'Connection: close'));
    expect([400, 401]).toContain(response?.status);
    expect(seen).toEqual([]);
  });

  it('gets requests of one connection one after the other, also behind one that asks for HTTP/2', async () => {
    const upgrade = ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'];
    const requests = [
      head('GET /open/1 HTTP/1.1', 'Host: api.test'),
      head('GET /open/2 HTTP/1.1', 'Host: api.test', ...upgrade),
      rawGet('/open/3', []),
    ];
    expect(await sendPipelined(kong, requests)).toEqual([200, 200, 200]);
    expect(seen.map(({ line }) => line)).toEqual(['GET /open/1', 'GET /open/2', 'GET /open/3']);
  });
});

describeKong('a service that closes a connection within a body', () => {
  let service: ByteServer;
  let kong: Kong;
  /** The first line of each head, with the connection on which it came. */
  let heads: [connection: number, line: string][] = [];
  let cut: Socket | undefined;
  let onCut: () => void = () => undefined;
  const sockets = new Set<Socket>();

  beforeAll(async () => {
    let connections = 0;
    service = createByteServer((socket) => {
      connections += 1;
      const own = connections;
      let text = '';
      let bodyBytes = -1;
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        if (bodyBytes >= 0) {
          bodyBytes += chunk.length;
          if (bodyBytes > 0 && cut === undefined) {
            cut = socket;
            socket.resetAndDestroy();
            onCut();
          }
          return;
        }
        text += chunk.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const line = text.split('\r\n', 1)[0] ?? '';
        heads.push([own, line]);
        // The first try is cut once it has begun to send its body, any other is answered at once.
        if (line.startsWith('GET') || cut !== undefined) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        if (!line.startsWith('GET')) bodyBytes = text.length - end - 4;
        text = '';
        if (bodyBytes > 0 && cut === undefined) {
          cut = socket;
          socket.resetAndDestroy();
          onCut();
        }
      });
    });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    kong = await startKong({ declarativeConfig: IDENTITY + routes(`http://127.0.0.1:${port}`) });
  });
  afterAll(async () => {
    await kong.stop();
    for (const socket of sockets) socket.destroy();
    service.close();
  });

  it.each(['POST', 'PUT'])('never gets the rest of the body as if it were the whole (%s)', async (method) => {
    heads = [];
    cut = undefined;
    const wasCut = new Promise<void>((resolve) => (onCut = resolve));
    // A connection that is kept, on which the request comes.
    await sendRaw(kong, rawGet('/open/first', []));
    const body = 'b'.repeat(4096);
    const lines = ['Host: api.test', `Content-Length: ${2 * body.length}`, 'Connection: close'];
    const socket = connect(kong.port, kong.host);
    socket.on('error', () => undefined);
    socket.write(head(`${method} /open/body HTTP/1.1`, ...lines) + body);
    // Kong itself sends a body when it has the whole of it.
    const waiting = setTimeout(() => socket.write(body), 1_000);
    await wasCut;
    clearTimeout(waiting);
    if (socket.writable) socket.write(body);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    const status = Number(answer.toString('latin1').split(' ')[1]);
    socket.destroy();
    const tries = heads.filter(([, line]) => line.startsWith(method));
    // A second try is only good with the whole body, which only Kong itself keeps.
    if (tries.length === 1) expect(status).toBe(502);
    else expect([method, kongTarget]).toEqual(['PUT', expect.stringMatching(/native|docker/)]);
  });
});
